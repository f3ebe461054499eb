package migrations_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
	"sluice/migrations"
)

// aloneScript is a script without a transaction, with the statements given.
func aloneScript(statements string) string {
	return `-- Migration: core_v901_alone
-- Dependencies: core_v001
-- Transaction: none

` + statements + `

begin;
insert into core.schema_version (module, version, migration_hash)
values ('core', 901, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
`
}

// withScript are the scripts of the program and one more.
func withScript(text string) []migrations.Script {
	files := fstest.MapFS{"sql/core_v901_alone.sql": &fstest.MapFile{Data: []byte(text)}}
	var order strings.Builder
	for _, s := range migrations.Scripts() {
		files["sql/"+s.Name+".sql"] = &fstest.MapFile{Data: []byte(s.Text)}
		order.WriteString(s.Name + "\n")
	}
	files["sql/order.txt"] = &fstest.MapFile{Data: []byte(order.String() + "core_v901_alone\n")}
	return migrations.ScriptsOf(files)
}

// wantIndex: valid yes, an invalid one, or none.
func wantIndex(t *testing.T, conn queryer, name, want string) {
	t.Helper()
	got := one[string](t, conn, `select coalesce((select case when indisvalid and indisready and indislive then 'valid' else 'invalid' end
		from pg_index where indexrelid = to_regclass($1)), 'none')`, name)
	if got != want {
		t.Errorf("index %s: %s, want %s", name, got, want)
	}
}

func wantApplied(t *testing.T, conn queryer, want bool) {
	t.Helper()
	for _, table := range []string{"schema_migration", "schema_version"} {
		if got := one[bool](t, conn, `select exists (select from core.`+table+` where module = 'core' and version = 901)`); got != want {
			t.Errorf("core.%s has the script: %v, want %v", table, got, want)
		}
	}
}

const threeIndexes = `create table if not exists core.t (tenant_id int, a int, b int);
-- A comment; with a semicolon.
create unique index concurrently if not exists t_a on core.t (a);
create unique index concurrently if not exists t_b
    on core.t (b);
create index concurrently if not exists t_c on core.t using hash (b) where a > 1;`

// TestAloneFailsInTheMiddle: what was done stays and is not done twice, the invalid index
// that PostgreSQL leaves is replaced, nothing is recorded before all is done.
func TestAloneFailsInTheMiddle(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	conn := db.Conn(t, pg.Owner)
	exec(t, conn, `create table core.t (tenant_id int, a int, b int)`)
	exec(t, conn, `insert into core.t values (1, 1, 7), (1, 2, 7)`)
	scripts := withScript(aloneScript(threeIndexes))

	for range 2 { // the second try meets what the first has left
		done, err := migrations.Apply(t.Context(), conn, scripts)
		if err == nil || len(done) > 0 || !strings.Contains(err.Error(), "migration core_v901_alone: line 8: ") || !strings.Contains(err.Error(), "t_b") {
			t.Fatalf("applied %v, %v", done, err)
		}
		wantIndex(t, conn, "core.t_a", "valid")
		wantIndex(t, conn, "core.t_b", "invalid")
		wantIndex(t, conn, "core.t_c", "none")
		wantApplied(t, conn, false)
	}
	if err := migrations.Verify(t.Context(), db.Conn(t, "")); err != nil {
		t.Errorf("the program before sees %v", err) // a step that is pending hinders nobody
	}
	first := one[uint32](t, conn, `select 'core.t_a'::regclass::oid`)

	exec(t, conn, `update core.t set b = a`)
	done, err := migrations.Apply(t.Context(), conn, scripts)
	if err != nil || len(done) != 1 {
		t.Fatalf("mended: applied %v, %v", done, err)
	}
	for _, name := range []string{"core.t_a", "core.t_b", "core.t_c"} {
		wantIndex(t, conn, name, "valid")
	}
	wantApplied(t, conn, true)
	if again := one[uint32](t, conn, `select 'core.t_a'::regclass::oid`); again != first {
		t.Error("an index that was there was built again")
	}
	if done, err := migrations.Apply(t.Context(), conn, scripts); err != nil || len(done) > 0 {
		t.Errorf("again: applied %v, %v", done, err)
	}
}

// TestAloneKilledWhileBuilding: the server process is ended, or the program is gone, while
// the build waits for an older transaction. Nobody has waited for the build meanwhile; the
// next start finishes it.
func TestAloneKilledWhileBuilding(t *testing.T) {
	t.Parallel()
	t.Run("server process", func(t *testing.T) {
		t.Parallel()
		killWhileBuilding(t, func(admin, builder *pgx.Conn) {
			exec(t, admin, `select pg_terminate_backend($1)`, builder.PgConn().PID())
		})
	})
	t.Run("program", func(t *testing.T) {
		t.Parallel()
		killWhileBuilding(t, func(_, builder *pgx.Conn) {
			if err := builder.PgConn().Conn().Close(); err != nil {
				t.Error(err)
			}
		})
	})
}

func killWhileBuilding(t *testing.T, kill func(admin, builder *pgx.Conn)) {
	db := dbtest.New(t)
	builder, other, writer := db.Conn(t, pg.Owner), db.Conn(t, pg.Owner), db.Conn(t, pg.Owner)
	exec(t, builder, `create table core.t (tenant_id int, a int, b int)`)
	exec(t, builder, `insert into core.t values (1, 1, 1)`)
	older, err := other.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer older.Rollback(context.Background())
	exec(t, older, `insert into core.t values (1, 2, 2)`)

	scripts := withScript(aloneScript(threeIndexes))
	pid := builder.PgConn().PID()
	ended := make(chan error, 1)
	go func() {
		_, err := migrations.Apply(context.Background(), builder, scripts)
		ended <- err
	}()
	admin := db.Admin(t)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if one[bool](t, admin, `select exists (select from pg_stat_activity where pid = $1 and wait_event_type = 'Lock' and query ~ 'concurrently')`, pid) {
			break
		}
		select {
		case err := <-ended:
			t.Fatalf("the build did not wait: %v", err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("the build has not begun")
		}
	}
	exec(t, writer, `set lock_timeout = '1s'`)
	exec(t, writer, `insert into core.t values (1, 3, 3)`)

	kill(admin, builder)
	if err := <-ended; err == nil {
		t.Fatal("the build has ended well")
	}
	for deadline := time.Now().Add(time.Minute); one[bool](t, admin, `select exists (select from pg_stat_activity where pid = $1)`, pid); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the server process goes on without its client")
		}
	}
	wantIndex(t, admin, "core.t_a", "invalid")
	wantApplied(t, admin, false)
	if err := older.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if done, err := migrations.Apply(t.Context(), db.Conn(t, pg.Owner), scripts); err != nil || len(done) != 1 {
		t.Fatalf("the next start: applied %v, %v", done, err)
	}
	for _, name := range []string{"core.t_a", "core.t_b", "core.t_c"} {
		wantIndex(t, admin, name, "valid")
	}
	wantApplied(t, admin, true)
}

// TestAlonePartitioned: an index of a partitioned table is built on each partition, after a
// failure only where it is missing; new partitions get it too.
func TestAlonePartitioned(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	conn := db.Conn(t, pg.Owner)
	exec(t, conn, `create table core.t (tenant_id int, a int, b int) partition by range (a)`)
	exec(t, conn, `create table core.t_2020_01 partition of core.t for values from (0) to (10)`)
	exec(t, conn, `create table core."t Two" partition of core.t for values from (10) to (20)`)
	exec(t, conn, `create table core.t_2020_03 partition of core.t for values from (20) to (30)`)
	exec(t, conn, `insert into core.t values (1, 1, 1), (1, 11, 12), (1, 21, 11)`)
	scripts := withScript(aloneScript(`create unique index concurrently if not exists t_ab on core.t (b, (a / 100));
create index concurrently if not exists t_b on core.t (b);`))
	// An expression cannot be in a unique index of a partitioned table: nothing of it stays.
	if _, err := migrations.Apply(t.Context(), conn, scripts); err == nil || !strings.Contains(err.Error(), "line 5: ") {
		t.Fatalf("error is %v", err)
	}
	wantIndex(t, conn, "core.t_ab", "none")

	scripts = withScript(aloneScript(`create index concurrently if not exists t_b on core.t ((100 / (b - 11)), b);`))
	_, err := migrations.Apply(t.Context(), conn, scripts)
	if err == nil || !strings.Contains(err.Error(), `line 5: partition core.t`) || !strings.Contains(err.Error(), "division by zero") {
		t.Fatalf("error is %v", err)
	}
	wantIndex(t, conn, "core.t_b", "invalid")
	wantApplied(t, conn, false)
	valid := func() []uint32 {
		return list[uint32](t, conn, `select i.indexrelid::oid from pg_index i join pg_inherits h on h.inhrelid = i.indrelid
			where h.inhparent = 'core.t'::regclass and i.indisvalid order by 1`)
	}
	before := valid()
	if len(before) != 2 { // the third by name is the one that fails
		t.Errorf("%d partitions have it", len(before))
	}

	exec(t, conn, `update core.t set b = a + 30`)
	exec(t, conn, `create table core.t_2020_04 partition of core.t for values from (30) to (40)`)
	if done, err := migrations.Apply(t.Context(), conn, scripts); err != nil || len(done) != 1 {
		t.Fatalf("mended: applied %v, %v", done, err)
	}
	wantIndex(t, conn, "core.t_b", "valid")
	exec(t, conn, `create table core.t_2020_05 partition of core.t for values from (40) to (50)`)
	after := valid()
	if len(after) != 5 {
		t.Errorf("%d of 5 partitions have the index", len(after))
	}
	for _, oid := range before {
		if !slices.Contains(after, oid) {
			t.Errorf("index %d was built again", oid)
		}
	}
	if n := one[int](t, conn, `select count(*)::int from pg_index where not indisvalid`); n != 0 {
		t.Errorf("%d invalid indexes are left", n)
	}
}

// TestAloneTwice: killed after the last statement and before the record, all of it runs again.
func TestAloneTwice(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	exec(t, db.Conn(t, pg.Owner), `create table core.t (tenant_id int, a int, b int)`)
	scripts := withScript(aloneScript(`drop index concurrently if exists core.t_old;` + "\n" + threeIndexes))
	conn := db.Conn(t, pg.Owner)
	exec(t, conn, `create index t_old on core.t (a)`)
	if done, err := migrations.Apply(t.Context(), conn, scripts); err != nil || len(done) != 1 {
		t.Fatalf("applied %v, %v", done, err)
	}
	wantIndex(t, conn, "core.t_old", "none")
	wantIndex(t, conn, "core.t_c", "valid")
	// As if the process had died between the last statement and the record of it.
	exec(t, conn, `delete from core.schema_migration where version = 901`)
	if done, err := migrations.Apply(t.Context(), conn, scripts); err != nil || len(done) != 1 {
		t.Fatalf("repeated: applied %v, %v", done, err)
	}
	wantApplied(t, conn, true)
	if conn.PgConn().TxStatus() != 'I' || one[string](t, conn, `show lock_timeout`) != "0" {
		t.Error("the connection is not as it was")
	}
}

func TestAloneStatements(t *testing.T) {
	t.Parallel()
	script := migrations.Script{Text: aloneScript(`do $x$ begin perform 1; end $x$;
select 'a;b', "c;d", E'e\';f', 'g\', $$h;i$$, $1, a$b /* ; /* ; */ ; */ -- ;
;
 ;
-- nothing; here
create index concurrently if not exists X on Core.T(a);`)}
	texts, lines, last, err := migrations.Alone(script)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`do $x$ begin perform 1; end $x$`,
		"select 'a;b', \"c;d\", E'e\\';f', 'g\\', $$h;i$$, $1, a$b /* ; /* ; */ ; */ -- ;\n",
		`create index concurrently if not exists X on Core.T(a)`,
	}
	if !slices.Equal(texts, want) || !slices.Equal(lines, []int{5, 6, 10}) {
		t.Errorf("lines %d: %q", lines, texts)
	}
	if !strings.HasPrefix(last, strings.Repeat("\n", 11)+"begin;\ninsert into core.schema_version") {
		t.Errorf("the transaction is %q", last)
	}

	for name, text := range map[string]string{
		"must be possible to repeat":   aloneScript("create index concurrently x on core.t (a);"),
		"line 6: it must be possible":  aloneScript("select 1;\ncreate index concurrently on core.t (a);"),
		"if not exists NAME on SCHEMA": aloneScript("create index concurrently if not exists x on t (a);"),
		"drop index concurrently if":   aloneScript("drop index concurrently core.x;"),
		"without a semicolon":          aloneScript("select 1"),
		"a quote ' that does not end":  aloneScript("select 'x;"),
		"a quote $a$":                  aloneScript("select $a$x;"),
		"a comment that does not end":  aloneScript("/* /* */ select 1;"),
		"no begin;":                    "-- Migration: x\n-- Transaction: none\nselect 1;\n",
	} {
		if _, _, _, err := migrations.Alone(migrations.Script{Text: text}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error is %v", name, err)
		}
	}

	// The header counts in the head only.
	text := strings.Replace(goodScript, "begin;\n", "begin;\n-- Transaction: none\n", 1)
	if texts, _, last, err := migrations.Alone(migrations.Script{Text: text}); len(texts) > 0 || last != text || err != nil {
		t.Errorf("%q, %v", texts, err)
	}
}

// TestConcurrentlyNeedsTheHeader: what PostgreSQL does outside of transactions only fails
// in a script without it, and leaves nothing.
func TestConcurrentlyNeedsTheHeader(t *testing.T) {
	t.Parallel()
	conn := dbtest.New(t).Conn(t, pg.Owner)
	text := strings.Replace(aloneScript(""), "\n\n\nbegin;", "begin;\ncreate index concurrently if not exists t_a on core.schema_version (version);", 1)
	text = strings.Replace(text, "-- Transaction: none\n", "", 1)
	_, err := migrations.Apply(t.Context(), conn, withScript(text))
	if code(err) != "25001" {
		t.Errorf("error is %v", err)
	}
	wantIndex(t, conn, "core.t_a", "none")
	wantApplied(t, conn, false)
}
