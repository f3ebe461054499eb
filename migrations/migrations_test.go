package migrations_test

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
	"sluice/migrations"
	"sluice/partitions"
)

// TestScriptsFollowTheTemplate holds the scripts to specification section 12.2.
func TestScriptsFollowTheTemplate(t *testing.T) {
	last := map[string]int{}
	for _, s := range migrations.Scripts() {
		if s.Version != last[s.Module]+1 {
			t.Errorf("%s follows version %d", s.Name, last[s.Module])
		}
		last[s.Module] = s.Version
		for _, want := range []string{
			`^-- Migration: ` + s.Name + "\n-- Dependencies: .+\n",
			`(?m)^begin;$`,
			`(?m)^insert into core\.schema_version \(module, version, migration_hash\)\nvalues \('` + s.Module + `', \d+, '<hash>'\)\non conflict \(module\) do update\n  set version = excluded\.version, applied_at = now\(\), migration_hash = excluded\.migration_hash;\ncommit;\n$`,
		} {
			if !regexp.MustCompile(want).MatchString(s.Text) {
				t.Errorf("%s does not match %s", s.Name, want)
			}
		}
		if strings.Count(s.Text, "commit;") != 1 {
			t.Errorf("%s is not one transaction", s.Name)
		}
		if _, _, _, err := migrations.Alone(s); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
	for _, m := range migrations.AllModules {
		if last[m] == 0 {
			t.Errorf("module %s has no script", m)
		}
	}
}

// TestManyStarters: eight processes each on two databases of one server, all at once,
// where nothing exists yet: neither schema nor roles.
func TestManyStarters(t *testing.T) {
	t.Parallel()
	c := virginCluster(t)
	var wg sync.WaitGroup
	start := make(chan struct{})
	databases := []string{c.database(t, c.app), c.database(t, c.app)}
	applied := map[string][]string{}
	var mu sync.Mutex
	for _, name := range databases {
		for range 8 {
			wg.Go(func() {
				conn, err := pgx.Connect(t.Context(), c.url(t, name, c.app))
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close(context.Background())
				<-start
				done, err := migrations.Up(t.Context(), conn)
				if err != nil {
					t.Errorf("up: %v", err)
					return
				}
				mu.Lock()
				for _, s := range done {
					applied[name] = append(applied[name], s.Name)
				}
				mu.Unlock()
				if user := one[string](t, conn, `select current_user::text`); user != c.app.Username() {
					t.Errorf("up left the connection as %s", user)
				}
				if err := migrations.AsOwner(t.Context(), conn); err != nil {
					t.Error(err)
				} else if _, err := partitions.Ensure(t.Context(), conn, time.Now()); err != nil {
					t.Errorf("partitions: %v", err)
				}
			})
		}
	}
	close(start)
	wg.Wait()
	var names []string
	for _, s := range migrations.Scripts() {
		names = append(names, s.Name)
	}
	for _, name := range databases {
		if got := strings.Join(applied[name], " "); got != strings.Join(names, " ") {
			t.Errorf("%s: applied %s", name, got)
		}
		conn := connect(t, c.url(t, name, c.app))
		if err := migrations.Verify(t.Context(), conn); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		admin := connect(t, c.url(t, name, nil))
		if n := one[int](t, admin, `select count(*) from core.schema_migration`); n != len(names) {
			t.Errorf("%s: %d rows of history", name, n)
		}
		if path := one[string](t, connect(t, c.url(t, name, c.app)), `show search_path`); path != pg.SearchPath {
			t.Errorf("%s: search_path is %s", name, path)
		}
		if owner := one[string](t, admin, `select nspowner::regrole::text from pg_namespace where nspname = 'vex'`); owner != "sluice_owner" {
			t.Errorf("%s: the schema belongs to %s", name, owner)
		}
	}
}

func TestUpTwiceDoesNothing(t *testing.T) {
	t.Parallel()
	conn := dbtest.New(t).Conn(t, "")
	for range 2 {
		done, err := migrations.Up(t.Context(), conn)
		if err != nil || len(done) > 0 {
			t.Errorf("applied %v, %v", done, err)
		}
	}
}

// TestUpAfterRestore: what is granted on a database itself is not part of its dump.
func TestUpAfterRestore(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	admin := db.Admin(t)
	name := one[string](t, admin, `select current_database()`)
	exec(t, admin, `revoke all on database `+name+` from sluice_owner, sluice_views, sluice_ingest, sluice_projector, public`)
	exec(t, admin, `alter database `+name+` reset search_path`)
	if _, err := migrations.Up(t.Context(), db.Conn(t, "")); err != nil {
		t.Fatal(err)
	}
	for role, right := range map[string]string{"sluice_owner": "create", "sluice_ingest": "temporary", "sluice_projector": "temporary", "sluice_views": "temporary"} {
		if !one[bool](t, admin, `select has_database_privilege($1::text, current_database(), $2)`, role, right) {
			t.Errorf("%s has no right %s", role, right)
		}
	}
	if path := one[string](t, db.Conn(t, ""), `show search_path`); path != pg.SearchPath {
		t.Errorf("search_path is %s", path)
	}
	// The rights suffice for those who need temporary tables, where nobody else has them.
	for _, role := range []pg.Role{pg.Ingest, pg.Projector} {
		exec(t, db.Conn(t, role), `create temp table t (i int)`)
	}
	exec(t, db.Conn(t, pg.Projector), `select vex.refresh_view('mv_artifact_risk')`)
}

// TestUpKeepsAnOperatorsPath: what the operator has set for the database stays.
func TestUpKeepsAnOperatorsPath(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	admin := db.Admin(t)
	exec(t, admin, `alter database `+one[string](t, admin, `select current_database()`)+` set search_path = mine, vex`)
	if _, err := migrations.Up(t.Context(), db.Conn(t, "")); err != nil {
		t.Fatal(err)
	}
	if path := one[string](t, db.Admin(t), `show search_path`); path != "mine, vex" {
		t.Errorf("search_path is %s", path)
	}
}

func TestEditedScript(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	// As if the script had been another one when it was applied.
	exec(t, db.Admin(t), `update core.schema_migration set migration_hash = repeat('0', 64) where module = 'vex'`)
	conn := db.Conn(t, "")
	_, upErr := migrations.Up(t.Context(), conn)
	_, statusErr := migrations.Status(t.Context(), conn)
	for _, err := range []error{upErr, statusErr, migrations.Verify(t.Context(), conn)} {
		if !errors.Is(err, migrations.ErrEdited) || !strings.Contains(err.Error(), "vex_v001_base") {
			t.Errorf("error is %v", err)
		}
	}
}

func TestNewerDatabase(t *testing.T) {
	t.Parallel()
	for _, module := range []string{"ingest", "shipping"} { // a newer version, and a module we do not know
		db := dbtest.New(t)
		exec(t, db.Admin(t), `insert into core.schema_migration (module, version, script, migration_hash) values ($1, 99, 'future', '')`, module)
		conn := db.Conn(t, "")
		_, err := migrations.Up(t.Context(), conn)
		for _, err := range []error{err, migrations.Verify(t.Context(), conn)} {
			if !errors.Is(err, migrations.ErrNewer) || !strings.Contains(err.Error(), module+" version 99") {
				t.Errorf("error is %v", err)
			}
		}
	}
}

const goodScript = `-- Migration: core_v901_good
-- Dependencies: core_v001
begin;
create table core.good (id int);
insert into core.schema_version (module, version, migration_hash)
values ('core', 901, '<hash>')
on conflict (module) do update
  set version = excluded.version, applied_at = now(), migration_hash = excluded.migration_hash;
commit;
`

// TestFailingScript: it leaves nothing behind, what came before it stays, and the error
// says where. Mended, the same script goes through.
func TestFailingScript(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	conn := db.Conn(t, pg.Owner)
	files := fstest.MapFS{}
	order := ""
	for _, s := range migrations.Scripts() {
		files["sql/"+s.Name+".sql"] = &fstest.MapFile{Data: []byte(s.Text)}
		order += s.Name + "\n"
	}
	files["sql/order.txt"] = &fstest.MapFile{Data: []byte(order + "core_v901_good\ncore_v902_bad\n")}
	bad := strings.ReplaceAll(strings.ReplaceAll(goodScript, "_v901_good", "_v902_bad"), "'core', 901,", "'core', 902,")
	bad = strings.Replace(bad, "create table core.good (id int);", "create table core.bad (id int);\n-- Ü, of two bytes\ncreate index on core.nowhere (id);", 1)
	files["sql/core_v901_good.sql"] = &fstest.MapFile{Data: []byte(goodScript)}
	files["sql/core_v902_bad.sql"] = &fstest.MapFile{Data: []byte(bad)}

	done, err := migrations.Apply(t.Context(), conn, migrations.ScriptsOf(files))
	if err == nil || !strings.Contains(err.Error(), "core_v902_bad") || !strings.Contains(err.Error(), "core.nowhere") {
		t.Errorf("error is %v", err)
	}
	if len(done) != 1 || done[0].Name != "core_v901_good" {
		t.Errorf("applied %v", done)
	}
	for object, want := range map[string]bool{"core.good": true, "core.bad": false} {
		if got := one[bool](t, conn, `select to_regclass($1) is not null`, object); got != want {
			t.Errorf("%s exists: %v", object, got)
		}
	}
	if v := one[int](t, conn, `select version from core.schema_version where module = 'core'`); v != 901 {
		t.Errorf("core is at version %d", v)
	}
	if conn.PgConn().TxStatus() != 'I' || one[string](t, conn, `show lock_timeout`) != "0" {
		t.Error("the connection is not as it was")
	}

	// An error whose place is known names the line, of the script as it is in the file.
	files["sql/core_v902_bad.sql"].Data = []byte(strings.Replace(bad, "create index on core.nowhere (id);", "create indox on core.bad (id);", 1))
	_, err = migrations.Apply(t.Context(), conn, migrations.ScriptsOf(files))
	if err == nil || !strings.Contains(err.Error(), "line 6:") {
		t.Errorf("error is %v", err)
	}

	files["sql/core_v902_bad.sql"].Data = []byte(strings.Replace(bad, "core.nowhere", "core.bad", 1))
	if done, err := migrations.Apply(t.Context(), conn, migrations.ScriptsOf(files)); err != nil || len(done) != 1 {
		t.Errorf("mended: applied %v, %v", done, err)
	}
	if hash := one[string](t, conn, `select migration_hash from core.schema_version where module = 'core'`); hash != hashOf(files, "core_v902_bad") {
		t.Errorf("hash in core.schema_version is %s", hash)
	}

	// The older program meets the database of the newer one.
	if err := migrations.Verify(t.Context(), db.Conn(t, "")); !errors.Is(err, migrations.ErrNewer) {
		t.Errorf("error is %v", err)
	}
}

// TestKilledWhileMigrating: the next starter takes the lock of a dead one and goes on.
func TestKilledWhileMigrating(t *testing.T) {
	t.Parallel()
	c := sharedCluster(t)
	url := c.url(t, c.database(t, c.app), c.app)
	holder := connect(t, url)
	exec(t, holder, `select pg_advisory_lock(x'5101ce'::bigint)`)
	conn := connect(t, url)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := migrations.Up(ctx, conn); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "another process is migrating") {
		t.Fatalf("while the lock is held: %v", err)
	}
	if conn.IsClosed() { // pgx closes a connection whose statement was cut off
		conn = connect(t, url)
	}
	exec(t, connect(t, c.admin), `select pg_terminate_backend($1)`, holder.PgConn().PID())
	if _, err := migrations.Up(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	c := sharedCluster(t)
	url := c.url(t, c.database(t, c.app), c.app)
	conn := connect(t, url)
	states, err := migrations.Status(t.Context(), conn)
	if err != nil || len(states) != len(migrations.Scripts()) {
		t.Fatalf("%d states, %v", len(states), err)
	}
	for _, s := range states {
		if s.AppliedAt != nil || s.Applied != "" {
			t.Errorf("%s is applied in an empty database", s.Name)
		}
	}
	if err := migrations.Verify(t.Context(), conn); !errors.Is(err, migrations.ErrPending) || !strings.Contains(err.Error(), "core_v001_base") || !strings.Contains(err.Error(), "migrate up") {
		t.Errorf("error is %v", err)
	}
	migrate(t, url)
	states, err = migrations.Status(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range states {
		if s.AppliedAt == nil || s.Applied != s.Hash || time.Since(*s.AppliedAt) > time.Hour {
			t.Errorf("%s: %+v", s.Name, s.AppliedAt)
		}
	}
}

// TestStatusForEveryLogin: a login that may only read, or only import, can check the
// database before it works with it, whether it inherits its role's rights or takes the role.
func TestStatusForEveryLogin(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	c := sharedCluster(t)
	for _, role := range []pg.Role{pg.Reader, pg.Ingest, pg.Feed, pg.Projector, pg.Maintainer, pg.Relay, "sluice_monitor"} {
		for _, inherit := range []string{"true", "false"} {
			user := c.plainUser(t, "")
			exec(t, connect(t, c.admin), `grant `+string(role)+` to `+user.Username()+` with set true, inherit `+inherit)
			u, _ := url.Parse(db.URL)
			u.User = user
			conn := connect(t, u.String())
			if err := migrations.Verify(t.Context(), conn); err != nil {
				t.Errorf("login with %s, inherit %s: %v", role, inherit, err)
			}
			if got := one[string](t, conn, `select current_user::text`); got != user.Username() {
				t.Errorf("verify left the connection as %s", got)
			}
		}
	}
}

func TestServerThatDoesNotFit(t *testing.T) {
	t.Parallel()
	c := sharedCluster(t)
	admin := connect(t, c.admin)
	name := c.database(t, c.app) + "_latin"
	exec(t, admin, `create database `+name+` template template0 encoding 'LATIN1' locale 'C' owner `+c.app.Username())
	t.Cleanup(func() { _, _ = admin.Exec(context.Background(), `drop database `+name+` with (force)`) })
	if _, err := migrations.Up(t.Context(), connect(t, c.url(t, name, c.app))); err == nil || !strings.Contains(err.Error(), "UTF8") {
		t.Errorf("error is %v", err)
	}
}

func hashOf(files fs.FS, name string) string {
	for _, s := range migrations.ScriptsOf(files) {
		if s.Name == name {
			return s.Hash
		}
	}
	return ""
}

// released are the scripts of releases, with their hashes: they never change and never move,
// or a new database and an old one would not get the same steps in the same order.
var released = []string{
	"core_v001_base c6e492043eead81ab14334981632176865627fad8c68392c26f3f10d75b8e261",
	"authority_v001_base c19f0b5194539c27a8d7dce80cc8a704b83904cbd10e2f346601e2bc493999f3",
	"routing_v001_base 18060123a2021cb354700b3f198a2dcd9c830a43651810df7e8dbec8cb5f4f66",
	"artifact_v001_base 72d051f63157cbbc7deb63f0198410ac79ceed4a28efe48df65c190261d6d890",
	"ingest_v001_base 723e90824af19beaf9db16d7442df55a8d89fef42dfe3d5c42ecca64f163c70f",
	"vex_v001_base 1268759098505f95911b770a58fb88ef7177a155638b40e5f13fd133e55c588c",
	"unknowns_v001_base 29923bfa7ba0ec18c1484d3fc99e1a898be73b0118cae73ce7d16e1a5e8a36ac",
	"access_v001_roles 0e23dd5555c4b9ca32c22a7342f0751dd18a31714b2bb43fce81a48bfa385723",
}

func TestOrder(t *testing.T) {
	scripts := migrations.Scripts()
	for i, want := range released {
		if got := scripts[i].Name + " " + scripts[i].Hash; got != want {
			t.Errorf("script %d is %s, and was released as %s", i+1, got, want)
		}
	}
	last := map[string]int{}
	for _, s := range scripts {
		if s.Version <= last[s.Module] {
			t.Errorf("%s comes after version %d of its module", s.Name, last[s.Module])
		}
		last[s.Module] = s.Version
	}
}
