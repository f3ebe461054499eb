package partitions_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/pg"
	"sluice/internal/test/brief"
	"sluice/internal/test/dbtest"
	"sluice/partitions"
)

// The environment of a test binary that is to be a manager.
const (
	childPoint = "SLUICE_TEST_PARTITIONS_POINT" // where it kills itself
	childURL   = "SLUICE_TEST_PARTITIONS_URL"
	childDir   = "SLUICE_TEST_PARTITIONS_DIR"
	childFile  = "SLUICE_TEST_PARTITIONS_FILE" // what it attaches; empty: it makes a pass
)

// child is a manager that kills itself, without a chance to clean up, at a named point.
func child() int {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, os.Getenv(childURL))
	if err == nil {
		err = pg.Become(ctx, conn, pg.Owner)
	}
	if err == nil {
		cfg := partitions.Config{ExportDir: os.Getenv(childDir)}.WithFault(func(point string) {
			if point == os.Getenv(childPoint) {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		})
		if file := os.Getenv(childFile); file != "" {
			_, err = partitions.Attach(ctx, conn, file, 0, cfg)
		} else {
			_, err = partitions.Maintain(ctx, conn, may2031, cfg)
		}
	}
	fmt.Fprintln(os.Stderr, "the manager lived on:", err)
	return 1
}

func startChild(t *testing.T, db *dbtest.DB, point, dir, file string) *osexec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := osexec.Command(self)
	cmd.Env = append(os.Environ(), childPoint+"="+point, childURL+"="+db.URL, childDir+"="+dir, childFile+"="+file)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

// killed waits for a child that kills itself.
func killed(t *testing.T, cmd *osexec.Cmd) {
	t.Helper()
	var exit *osexec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the child ended with %v", err)
	}
}

// crash runs a manager that loses its connection, or its life, at point.
func crash(t *testing.T, db *dbtest.DB, how, point, dir, file string) {
	t.Helper()
	if how == "kill" {
		killed(t, startChild(t, db, point, dir, file))
		return
	}
	conn, hit := db.Conn(t, pg.Owner), false
	cfg := partitions.Config{ExportDir: dir}.WithFault(func(at string) {
		if at == point && !hit {
			hit = true
			conn.PgConn().Conn().Close()
		}
	})
	var err error
	if file != "" {
		_, err = partitions.Attach(t.Context(), conn, file, 0, cfg)
	} else {
		_, err = partitions.Maintain(t.Context(), conn, may2031, cfg)
	}
	if !hit || err == nil {
		t.Fatalf("reached %s: %v, error %v", point, hit, err)
	}
}

// skipOther leaves one of the two ways to crash: they try the same points, and the server sees
// a process that was killed as a connection that was closed. SLUICE_BIG=1 tries both.
func skipOther(t *testing.T, how string) {
	t.Helper()
	switch {
	case big:
	case brief.Run(t) && how == "kill":
		t.Skip("short: closes connections instead of killing processes")
	case !brief.Run(t) && how == "close":
		t.Skip("the same point is tried by killing the process")
	}
}

// settled makes passes until one finds nobody else at work: the server takes a moment to
// see that a manager has gone.
func settled(t *testing.T, db *dbtest.DB, cfg partitions.Config) {
	t.Helper()
	conn := db.Conn(t, pg.Owner)
	for deadline := time.Now().Add(30 * time.Second); ; {
		reports, err := partitions.Maintain(t.Context(), conn, may2031, cfg)
		elsewhere := slices.ContainsFunc(reports, func(r partitions.TableReport) bool { return r.Elsewhere })
		if err == nil && !elsewhere {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("passes do not succeed: %+v, %v", reports, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// pendingDetach leaves the detach of a partition pending, as an interrupted one does.
func pendingDetach(t *testing.T, db *dbtest.DB, name string) {
	t.Helper()
	reader, owner := db.Admin(t), db.Conn(t, pg.Owner)
	exec(t, reader, `begin`)
	exec(t, reader, `select count(*) from ingest.scan_run_event`)
	exec(t, owner, `set lock_timeout = '100ms'`)
	if _, err := owner.Exec(t.Context(), `alter table ingest.scan_run_event detach partition ingest.`+name+` concurrently`); err == nil {
		t.Fatal("the detach did not wait for the reader")
	}
	exec(t, reader, `rollback`)
	if n := one[int](t, reader, `select count(*) from pg_inherits where inhdetachpending`); n != 1 {
		t.Fatalf("%d detaches are pending", n)
	}
}

const crashState = `
	select string_agg(x, E'\n' order by x) from (
		select c.relname || ' ' || coalesce(pg_get_expr(c.relpartbound, c.oid), 'table') || c.relforcerowsecurity x
		from pg_class c where c.relname ~ '^scan_run_event_' and c.relkind = 'r'
		union all select name || ' ' || state || ' ' || on_expiry || ' ' || coalesce(row_count, -1) from core.retired_partition
		union all select 'pending' from pg_inherits where inhdetachpending
		union all select count(*) || ' rows ' || coalesce(sum(scan_run_id), 0) from ingest.scan_run_event) s`

// exportID is the part of a file's name that is another in every database.
var exportID = regexp.MustCompile(`-[0-9a-f]{8}`)

// TestCrash: whatever point a manager dies at, the next pass brings about what an
// undisturbed one would have: no row lost, none left over, no partition twice.
func TestCrash(t *testing.T) {
	t.Parallel()
	prepare := func(t *testing.T, pending bool) (*dbtest.DB, string) {
		db := dbtest.New(t)
		owner := days(t, db, 1000)
		policy(t, owner, `retention = '8 days', on_expiry = 'export', premake = 5`)
		if pending {
			pendingDetach(t, db, "scan_run_event_2031_05_07")
		}
		return db, t.TempDir()
	}
	files := func(t *testing.T, dir string) string {
		all, _ := filepath.Glob(filepath.Join(dir, "*"))
		var out []string
		for _, f := range all {
			out = append(out, exportID.ReplaceAllString(filepath.Base(f), ""))
			if strings.HasSuffix(f, ".json") {
				_, m, err := partitions.ReadManifest(f)
				if err != nil {
					t.Error(err)
				}
				out = append(out, fmt.Sprint(m.Digest))
			}
		}
		return strings.Join(out, "\n")
	}
	want := map[bool]string{}
	for _, pending := range []bool{false, true} {
		db, dir := prepare(t, pending)
		settled(t, db, partitions.Config{ExportDir: dir})
		want[pending] = one[string](t, db.Admin(t), crashState) + "\n" + files(t, dir)
	}
	if !strings.Contains(want[false], "2031_05_07 dropped export 100") || !strings.Contains(want[false], "800 rows") {
		t.Fatalf("an undisturbed pass: %s", want[false])
	}
	for _, point := range []string{
		"create.locked", "create.made", "create.protected", "create.attached",
		"detach.recorded", "detach.done", "detach.noted",
		"export.opened", "export.written", "export.synced", "export.renamed", "export.verified", "export.noted",
		"drop.made",
		"finalize.recorded", "finalize.done",
	} {
		for _, how := range []string{"close", "kill"} {
			t.Run(point+"_"+how, func(t *testing.T) {
				t.Parallel()
				skipOther(t, how)
				pending := strings.HasPrefix(point, "finalize")
				db, dir := prepare(t, pending)
				crash(t, db, how, point, dir, "")
				settled(t, db, partitions.Config{ExportDir: dir})
				if got := one[string](t, db.Admin(t), crashState) + "\n" + files(t, dir); got != want[pending] {
					t.Errorf("after the next pass:\n%s\nwant:\n%s", got, want[pending])
				}
			})
		}
	}
}

// TestCrashOfAttach: a file is attached whole or not at all.
func TestCrashOfAttach(t *testing.T) {
	t.Parallel()
	for _, point := range []string{"attach.made", "attach.loaded", "attach.attached"} {
		for _, how := range []string{"close", "kill"} {
			t.Run(point+"_"+how, func(t *testing.T) {
				t.Parallel()
				skipOther(t, how)
				db := dbtest.New(t)
				owner, dir := days(t, db, 1000), t.TempDir()
				admin := db.Admin(t)
				const digest = `select md5(string_agg(r::text, '|' order by r::text)) from ingest.scan_run_event r`
				before := one[string](t, admin, digest)
				policy(t, owner, `retention = '9 days', on_expiry = 'export'`)
				settled(t, db, partitions.Config{ExportDir: dir})
				state := one[string](t, admin, crashState)
				file := exported(t, dir, "2031_05_07")
				crash(t, db, how, point, dir, file)
				for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
					// The server rolls back when it sees that its client has gone.
					if n := one[int](t, admin, `select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`); n == 0 {
						break
					}
					if time.Now().After(deadline) {
						t.Fatal("the lock of the dead manager stays")
					}
				}
				if got := one[string](t, admin, crashState); got != state {
					t.Errorf("the crash left:\n%s\nbefore:\n%s", got, state)
				}
				if _, err := partitions.Attach(t.Context(), owner, file, 0, partitions.Config{}); err != nil {
					t.Fatal(err)
				}
				if after := one[string](t, admin, digest); after != before {
					t.Error("the rows are not the same")
				}
			})
		}
	}
}

// TestKilledWhileDetachWaits: SIGKILL in the middle of DETACH CONCURRENTLY, while the server
// waits for a reader. The detach is pending, rows of other days land, and the next pass
// ends it.
func TestKilledWhileDetachWaits(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	owner, admin, reader := days(t, db, 1000), db.Admin(t), db.Admin(t)
	policy(t, owner, `retention = '9 days', on_expiry = 'drop'`)
	exec(t, reader, `begin`)
	exec(t, reader, `select count(*) from ingest.scan_run_event`)
	cmd := startChild(t, db, "never", "", "")
	for deadline := time.Now().Add(30 * time.Second); one[int](t, admin, `select count(*) from pg_inherits where inhdetachpending`) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the manager does not detach")
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := event(t, admin, may2031); err != nil {
		t.Error(err)
	}
	// The late event whose partition is going: not a row too late for ever, and not an outage.
	if _, err := partitions.CoverAt(t.Context(), owner, "ingest.scan_run_event", time.Date(2031, 5, 7, 3, 0, 0, 0, time.UTC), may2031); !errors.Is(err, partitions.ErrOutOfBounds) {
		t.Errorf("an event of the day that is going: %v", err)
	}
	if s := inspect(t, owner, may2031)[0]; len(s.Pending) != 1 || len(s.Alarms) == 0 {
		t.Errorf("status %+v", s)
	}
	// Another manager, while the reader is still there: it says who is in the way.
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		reports, err := partitions.Maintain(t.Context(), owner, may2031, partitions.Config{DetachTimeout: 100 * time.Millisecond})
		if err != nil {
			pid := fmt.Sprint(reader.PgConn().PID())
			if !strings.Contains(err.Error(), "have not ended") || !strings.Contains(err.Error(), pid) {
				t.Errorf("error is %v, want one that names process %s", err, pid)
			}
			break
		}
		if !reports[0].Elsewhere || time.Now().After(deadline) {
			t.Fatalf("the server holds the lock of the dead manager on, or the pass went past the reader: %+v", reports)
		}
	}
	exec(t, reader, `rollback`)
	settled(t, db, partitions.Config{})
	if got := attached(t, admin); got[0] != "2031_05_08" {
		t.Errorf("partitions %v", got)
	}
	if n := one[int](t, admin, `select count(*) from pg_class where relname = 'scan_run_event_2031_05_07'`); n != 0 {
		t.Error("the partition was not dropped")
	}
}

// TestCoverBesideDetach: while a detach waits for a reader, and while the end of one waits for an
// old snapshot, partitions are made on demand.
func TestCoverBesideDetach(t *testing.T) {
	t.Parallel()
	for name, pending := range map[string]bool{"detach": false, "finalize": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := dbtest.New(t)
			owner, cover, reader, admin := days(t, db, 1000), db.Conn(t, pg.Owner), db.Admin(t), db.Admin(t)
			policy(t, owner, `retention = '9 days', on_expiry = 'drop'`)
			exec(t, reader, `begin isolation level repeatable read`)
			if pending {
				pendingDetach(t, db, "scan_run_event_2031_05_07")
				exec(t, reader, `select count(*) from core.outbox`) // its snapshot is enough
			} else {
				exec(t, reader, `select count(*) from ingest.scan_run_event`)
			}
			done := make(chan error, 1)
			go func() {
				_, err := partitions.Maintain(t.Context(), owner, may2031, partitions.Config{LockTimeout: 300 * time.Millisecond})
				done <- err
			}()
			for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
				if one[int](t, admin, `select count(*) from pg_locks where locktype = 'virtualxid' and not granted and pid = $1`, owner.PgConn().PID()) == 1 {
					break
				}
				if time.Now().After(deadline) {
					t.Fatal("the manager does not wait")
				}
			}
			for day := range 3 {
				made, err := partitions.CoverAt(t.Context(), cover, "ingest.scan_run_event", may2031.AddDate(0, -1, -day), may2031.AddDate(0, -2, 0))
				if err != nil || !made {
					t.Fatalf("made %v, %v", made, err)
				}
			}
			select {
			case err := <-done:
				t.Fatalf("the manager did not wait for the reader: %v", err)
			default:
			}
			exec(t, reader, `rollback`)
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestForeignDetach: a detach that somebody else began is ended, and its table kept.
func TestForeignDetach(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	owner, admin := days(t, db, 1000), db.Admin(t)
	policy(t, owner, `retention = '1 year', on_expiry = 'drop'`)
	pendingDetach(t, db, "scan_run_event_2031_05_10")
	maintain(t, owner, may2031, partitions.Config{})
	maintain(t, owner, may2031, partitions.Config{})
	if n := one[int](t, admin, `select count(*) from ingest.scan_run_event_2031_05_10`); n != 100 {
		t.Errorf("the table has %d rows", n)
	}
	if got := one[string](t, admin, `select name || state || on_expiry from core.retired_partition`); got != "ingest.scan_run_event_2031_05_10detacheddetach" {
		t.Errorf("noted: %s", got)
	}
}

// TestNeverTheWrongTable: what has the name of a retired partition is not it.
func TestNeverTheWrongTable(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	owner, admin := days(t, db, 1000), db.Admin(t)
	policy(t, owner, `retention = '9 days', on_expiry = 'drop'`)
	crash(t, db, "close", "detach.noted", "", "")
	exec(t, admin, `alter table ingest.scan_run_event_2031_05_07 rename to moved`)
	exec(t, admin, `create table ingest.scan_run_event_2031_05_07 as select 1 as mine`)
	settled(t, db, partitions.Config{})
	if n := one[int](t, admin, `select mine from ingest.scan_run_event_2031_05_07`) + one[int](t, admin, `select count(*) from ingest.moved`); n != 101 {
		t.Errorf("a table was dropped, or changed: %d", n)
	}
	// And the policy may become more careful after the detach: then the table is exported, or kept.
	policy(t, owner, `retention = '8 days'`)
	crash(t, db, "close", "detach.noted", "", "")
	policy(t, owner, `on_expiry = 'export'`)
	dir := t.TempDir()
	settled(t, db, partitions.Config{ExportDir: dir})
	exported(t, dir, "2031_05_08")
	policy(t, owner, `retention = '7 days'`)
	crash(t, db, "close", "detach.noted", dir, "")
	policy(t, owner, `on_expiry = 'keep'`)
	settled(t, db, partitions.Config{})
	if n := one[int](t, admin, `select count(*) from ingest.scan_run_event_2031_05_09`); n != 100 {
		t.Errorf("the table has %d rows", n)
	}
}

// TestTwoManagers: at once, each thing is done once.
func TestTwoManagers(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	owner, admin, dir := days(t, db, 1000), db.Admin(t), t.TempDir()
	policy(t, owner, `retention = '3 days', on_expiry = 'export', premake = 20`)
	type result struct {
		done []string
		err  error
	}
	results := make(chan result)
	const managers = 4
	for range managers {
		conn := db.Conn(t, pg.Owner)
		go func() {
			reports, err := partitions.Maintain(t.Context(), conn, may2031, partitions.Config{ExportDir: dir})
			var done []string
			for _, r := range reports {
				done = append(done, kinds(r.Actions)...)
			}
			results <- result{done, err}
		}()
	}
	var all []string
	for range managers {
		r := <-results
		if r.err != nil {
			t.Error(r.err)
		}
		all = append(all, r.done...)
	}
	slices.Sort(all)
	if once := slices.Compact(slices.Clone(all)); len(once) != len(all) || len(once) < 17+3*7 {
		t.Errorf("%d things were done, %d of them different: %q", len(all), len(once), all)
	}
	if n := one[int](t, admin, `select count(*) from core.retired_partition where state = 'dropped'`); n != 7 {
		t.Errorf("%d partitions were retired", n)
	}
}
