package partitions_test

import (
	"context"
	"flag"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/pg"
	"sluice/internal/test/brief"
	"sluice/internal/test/dbtest"
	"sluice/partitions"
)

// TestMain makes the test binary a manager when a test starts it as one, to kill it.
func TestMain(m *testing.M) {
	if os.Getenv(childPoint) != "" {
		os.Exit(child())
	}
	// Most tests here wait, for locks or for processes that they kill.
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = flag.Set("test.parallel", "6")
	}
	dbtest.Main(m)
}

func exec(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func list(t *testing.T, conn *pgx.Conn, sql string, args ...any) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return out
}

func ensure(t *testing.T, conn *pgx.Conn, now time.Time) []string {
	t.Helper()
	made, err := partitions.Ensure(t.Context(), conn, now)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// event puts a row of the event table at a moment.
func event(t *testing.T, conn *pgx.Conn, at time.Time) error {
	t.Helper()
	_, err := conn.Exec(t.Context(), `insert into ingest.scan_run_event (tenant_id, scan_run_id, occurred_at, event_type, payload) values (gen_random_uuid(), 1, $1, 'test', '{}')`, at)
	return err
}

var may2031 = time.Date(2031, 5, 17, 13, 0, 0, 0, time.UTC)

// only leaves one policy, so that a test counts one table's partitions.
func only(t *testing.T, conn *pgx.Conn, step string, premake, behind int) {
	t.Helper()
	exec(t, conn, `delete from core.partition_policy where parent <> 'ingest.scan_run_event'`)
	exec(t, conn, `update core.partition_policy set step = $1, premake = $2, behind = $3, premake_for = '0'`, step, premake, behind)
}

func TestEnsure(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	owner, admin := db.Conn(t, pg.Owner), db.Admin(t)
	if made := ensure(t, owner, time.Now()); made != nil {
		t.Errorf("a migrated database lacks %v", made)
	}
	got := ensure(t, owner, may2031)
	var want []string
	for _, parent := range []string{"ingest.scan_run_event", "vex.finding_history"} {
		for _, month := range []string{"2031_04", "2031_05", "2031_06", "2031_07", "2031_08"} {
			want = append(want, parent+"_"+month)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("made %v, want %v", got, want)
	}
	if made := ensure(t, owner, may2031); made != nil {
		t.Errorf("a second time: made %v", made)
	}
	// Time goes on: one more at each turn of the month, and no row without a place.
	for now := may2031; now.Year() < 2033; now = now.AddDate(0, 0, 11) {
		ensure(t, owner, now)
		if err := event(t, admin, now); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(list(t, admin, `select relname from pg_class where relname ~ '^scan_run_event_203\d_\d\d$'`)); n != 24 {
		t.Errorf("%d partitions for 2031-04 to 2033-03", n)
	}
	// Row security on each, nobody's rights, and the parent's indexes, once.
	for _, bad := range list(t, admin, `
		select c.oid::regclass::text from pg_class c join pg_inherits i on i.inhrelid = c.oid
		where c.relkind = 'r' and (not c.relrowsecurity or not c.relforcerowsecurity or c.relowner <> 'sluice_owner'::regrole
		   or not exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'p_' || c.relname || '_tenant')
		   or exists (select from aclexplode(c.relacl) a where a.grantee <> c.relowner)
		   or (select count(*) from pg_index x where x.indrelid = c.oid) <> (select count(*) from pg_index x where x.indrelid = i.inhparent))`) {
		t.Errorf("%s is not protected, or not indexed, as its parent is", bad)
	}
}

// TestEnsureAtOnce: several processes start together.
func TestEnsureAtOnce(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var all []string
	start := make(chan struct{})
	for range 6 {
		conn := db.Conn(t, pg.Owner)
		wg.Go(func() {
			<-start
			made, err := partitions.Ensure(t.Context(), conn, may2031)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			all = append(all, made...)
			mu.Unlock()
		})
	}
	close(start)
	wg.Wait()
	slices.Sort(all)
	if len(all) != 10 || len(slices.Compact(all)) != 10 {
		t.Errorf("made %v", all)
	}
}

// TestDefaultPrivileges: what the owner's objects are open to by default, partitions are not.
func TestDefaultPrivileges(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	owner := db.Conn(t, pg.Owner)
	exec(t, owner, `alter default privileges in schema ingest grant select on tables to sluice_reader, public`)
	ensure(t, owner, may2031)
	reader := db.Conn(t, pg.Reader)
	if _, err := reader.Exec(t.Context(), `select from ingest.scan_run_event_2031_05`); err == nil {
		t.Error("the reader can look into a partition, past its parent")
	}
	exec(t, reader, `select from ingest.scan_run_event`)
}

// TestCoveredByOthers: partitions count by what they cover, whatever they are called.
func TestCoveredByOthers(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	owner := db.Conn(t, pg.Owner)
	only(t, owner, "month", 3, 1)
	exec(t, owner, `create table ingest.the_year partition of ingest.scan_run_event for values from ('2031-01-01 00:00:00+00') to ('2031-08-01 00:00:00+00')`)
	if made := ensure(t, owner, may2031); !slices.Equal(made, []string{"ingest.scan_run_event_2031_08"}) {
		t.Errorf("made %v", made)
	}
	exec(t, owner, `create table ingest.the_future partition of ingest.scan_run_event for values from ('2031-09-01 00:00:00+00') to (maxvalue)`)
	if made := ensure(t, owner, may2031.AddDate(7, 0, 0)); made != nil {
		t.Errorf("made %v where one covers all that is to come", made)
	}
}

// TestChangedStep: when the step changes, the partitions that are there stay, and what lies
// between them and the new ones is filled.
func TestChangedStep(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	owner, admin := db.Conn(t, pg.Owner), db.Admin(t)
	only(t, owner, "week", 2, 1)
	ensure(t, owner, may2031) // 2031-05-05 to 2031-06-02
	exec(t, owner, `create table ingest.one_day partition of ingest.scan_run_event for values from ('2031-06-10 12:00:00+00') to ('2031-06-11 12:00:00+00')`)
	only(t, owner, "month", 1, 1)
	got := ensure(t, owner, may2031)
	want := []string{
		"ingest.scan_run_event_2031_04", "ingest.scan_run_event_2031_05", // until the first week
		"ingest.scan_run_event_2031_06", "ingest.scan_run_event_2031_06_2", // before and after one_day
	}
	if !slices.Equal(got, want) {
		t.Errorf("made %v, want %v", got, want)
	}
	for at := time.Date(2031, 4, 1, 0, 0, 0, 0, time.UTC); at.Month() < 7; at = at.Add(6 * time.Hour) {
		if err := event(t, admin, at); err != nil {
			t.Fatalf("no place for %s: %v", at, err)
		}
	}
	only(t, owner, "day", 20, 20)
	if made := ensure(t, owner, may2031); made != nil {
		t.Errorf("days within what is covered: made %v", made)
	}
}

// TestNameTaken: a partition that was retired and kept has the name of the one to be made.
func TestNameTaken(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	owner := db.Conn(t, pg.Owner)
	only(t, owner, "month", 1, 0)
	ensure(t, owner, may2031)
	exec(t, owner, `alter table ingest.scan_run_event detach partition ingest.scan_run_event_2031_05`)
	if made := ensure(t, owner, may2031); !slices.Equal(made, []string{"ingest.scan_run_event_2031_05_2"}) {
		t.Errorf("made %v", made)
	}
}

// TestZoneOfTheSession: bounds are UTC whatever the session's zone and style, also around
// the hours that daylight saving skips and repeats.
func TestZoneOfTheSession(t *testing.T) {
	t.Parallel()
	for zone, style := range map[string]string{"America/New_York": "SQL, DMY", "Pacific/Apia": "German", "Asia/Kolkata": "Postgres, MDY", "Europe/London": "ISO"} {
		for _, step := range []string{"day", "week", "month"} {
			t.Run(strings.ReplaceAll(zone+" "+style+" "+step, " ", "_"), func(t *testing.T) {
				t.Parallel()
				if brief.Run(t) && step != "day" {
					t.Skip("short")
				}
				db := dbtest.New(t)
				owner := db.Conn(t, pg.Owner)
				only(t, owner, step, 3, 3)
				exec(t, owner, `select set_config('timezone', $1, false), set_config('datestyle', $2, false)`, zone, style)
				for _, now := range []time.Time{
					time.Date(2031, 11, 2, 6, 30, 0, 0, time.UTC), // New York sets its clocks back
					time.Date(2031, 3, 9, 7, 30, 0, 0, time.UTC),  // and forward
					time.Date(2031, 3, 30, 1, 30, 0, 0, time.UTC), // London
				} {
					first := ensure(t, owner, now)
					if len(first) == 0 && step == "day" {
						t.Errorf("at %s: made none", now)
					}
					if again := ensure(t, owner, now); again != nil {
						t.Errorf("at %s: made %v again", now, again)
					}
				}
				plain := db.Admin(t)
				exec(t, plain, `set timezone = 'UTC'; set datestyle = 'ISO'`)
				for _, bound := range list(t, plain, `select pg_get_expr(c.relpartbound, c.oid) from pg_class c where c.relname ~ '^scan_run_event_2031' and c.relkind = 'r'`) {
					if strings.Count(bound, " 00:00:00+00") != 2 {
						t.Errorf("bound %s", bound)
					}
				}
			})
		}
	}
}

// TestLocks: imports go on while partitions are attached, and a lock that is held for a
// while is waited out in short tries.
func TestLocks(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	owner := db.Conn(t, pg.Owner)
	importer := db.Admin(t)
	tx, err := importer.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	if err := event(t, importer, time.Now()); err != nil { // in tx, on the same connection
		t.Fatal(err)
	}
	if made := ensure(t, owner, may2031); len(made) != 10 {
		t.Errorf("beside an open import: made %v", made)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}

	if brief.Run(t) {
		t.Skip("short: waits for locks")
	}
	holder := db.Admin(t)
	lock, err := holder.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Exec(t.Context(), `lock table ingest.scan_run_event in share update exclusive mode`); err != nil {
		t.Fatal(err)
	}
	released := time.AfterFunc(3*time.Second, func() { lock.Rollback(context.Background()) })
	defer released.Stop()
	if made := ensure(t, owner, may2031.AddDate(1, 0, 0)); len(made) != 10 {
		t.Errorf("after a lock that was held for 3 s: made %v", made)
	}
}

func TestPolicyErrors(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	owner := db.Conn(t, pg.Owner)
	exec(t, owner, `insert into core.partition_policy (parent, step) values ('ingest.nothing', 'day')`)
	if _, err := partitions.Ensure(t.Context(), owner, may2031); err == nil || !strings.Contains(err.Error(), "ingest.nothing") {
		t.Errorf("error is %v", err)
	}
	if _, err := partitions.Ensure(t.Context(), db.Conn(t, pg.Reader), may2031); err == nil {
		t.Error("a reader makes partitions")
	}
}
