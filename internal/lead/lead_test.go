package lead

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

// childURL has the test binary be a leader that works until it is killed.
const childURL = "SLUICE_LEAD_TEST_URL"

func TestMain(m *testing.M) {
	if os.Getenv(childURL) != "" {
		child()
		return
	}
	dbtest.Main(m)
}

// testLease is short, and long enough for a machine that does other things too.
const testLease = 2 * time.Second

// child leads and writes, each row by a transaction that asks for the lead at its end, and says so.
func child() {
	ctx := context.Background()
	pool, err := pg.Open(ctx, os.Getenv(childURL), pg.Maintainer, pg.Config{MaxConns: 3})
	if err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	err = Hold(ctx, pool, "test", Holder{ID: id.Derive(id.Operator, "child"), Name: "child"}, testLease, time.Second, nil, func(ctx context.Context, term *Term) error {
		// Not the context that ends with the lead: what a process does that does not know it yet is
		// for the database to refuse.
		ctx = term.Within(context.WithoutCancel(ctx))
		for {
			if err := write(ctx, pool, "child"); err != nil {
				return err
			}
			os.Stdout.WriteString("wrote\n")
		}
	})
	os.Stdout.WriteString("lost " + err.Error() + "\n")
}

// write adds a row: core.maintenance is at hand, and the maintainer may write it.
func write(ctx context.Context, pool *pgxpool.Pool, who string) error {
	return pg.InTx(ctx, pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `insert into core.maintenance (task, rows) values ($1, 1) on conflict (task) do update set rows = core.maintenance.rows + 1`, who)
		return err
	})
}

// process is a leader of its own.
type process struct {
	*exec.Cmd
	mu   sync.Mutex
	said string
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said += string(b)
	return len(b), nil
}

func (p *process) says(text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Contains(p.said, text)
}

func start(t *testing.T, db *dbtest.DB) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.Command(exe)}
	p.Env, p.Stdout = append(os.Environ(), childURL+"="+db.URL), p
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill(); _ = p.Wait() })
	return p
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after a minute still not: %s", what)
		}
	}
}

// takeOver waits for the lead and says how long it took.
func takeOver(t *testing.T, pool *pgxpool.Pool) (*Term, time.Duration) {
	t.Helper()
	var term *Term
	begin := time.Now()
	until(t, "the lead is free", func() bool {
		var err error
		if term, err = Take(t.Context(), pool, "test", Somebody(), testLease); err != nil {
			t.Fatal(err)
		}
		return term != nil
	})
	return term, time.Since(begin)
}

// TestKilled: the leader is killed; another process takes over when the lease has run out, and not before.
func TestKilled(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	pool := db.Pool(t, pg.Maintainer)
	p := start(t, db)
	until(t, "the child leads", func() bool { return p.says("wrote") })
	if term, err := Take(t.Context(), pool, "test", Somebody(), testLease); err != nil || term != nil {
		t.Fatalf("taken from a leader that lives: %+v, %v", term, err)
	}
	if err := p.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	term, took := takeOver(t, pool)
	if term.Token != 2 || took < testLease/3 || took > testLease+10*time.Second {
		t.Errorf("token %d after %v", term.Token, took)
	}
}

// TestStopped: the leader is stopped as a whole, another one takes over, and it wakes: what it
// writes is refused, inside its transaction, and it knows that it does not lead. Where it was stopped
// between asking for the lead and its commit, the server has ended its session.
func TestStopped(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	pool := db.Pool(t, pg.Maintainer)
	p := start(t, db)
	until(t, "the child leads", func() bool { return p.says("wrote") })
	if err := p.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	term, took := takeOver(t, pool)
	t.Logf("taken over %v after SIGSTOP, with a lease of %v", took.Round(time.Millisecond), testLease)
	count := func() (n int) {
		if err := pool.QueryRow(t.Context(), `select rows from core.maintenance where task = 'child'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := count()
	if err := p.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	until(t, "the child has lost the lead", func() bool { return p.says("lost") })
	if after := count(); after != before {
		t.Errorf("%d rows were written after the take-over", after-before)
	}
	if !p.says("the lead was lost") {
		t.Error(p.said)
	}
	if err := write(term.Within(t.Context()), pool, "own"); err != nil {
		t.Errorf("who leads cannot write: %v", err)
	}
}

// TestFence: transactions of a term that is over are refused, and a take-over waits for one that is
// about to be committed; keeping the lead does not.
func TestFence(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	pool, relay := db.Pool(t, pg.Maintainer), db.Pool(t, pg.Relay)
	ctx := t.Context()
	old, err := Take(ctx, relay, "test", Somebody(), time.Hour)
	if err != nil || old == nil || old.Token != 1 {
		t.Fatalf("%+v, %v", old, err)
	}
	tx, err := pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if err := old.Fence(ctx, tx); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := pool.Exec(short, sqlKeep, "test", old.Token, time.Duration(0)); err != nil {
		t.Fatalf("keeping the lead waits: %v", err)
	}
	took := make(chan *Term)
	go func() {
		term, err := Take(context.WithoutCancel(ctx), pool, "test", Somebody(), time.Hour)
		if err != nil {
			t.Error(err)
		}
		took <- term
	}()
	admin := db.Admin(t)
	until(t, "the take-over waits", func() bool {
		var waits bool
		if err := admin.QueryRow(ctx, `select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%core.lead%')`).Scan(&waits); err != nil {
			t.Fatal(err)
		}
		return waits
	})
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	term := <-took
	if term == nil || term.Token != 2 {
		t.Fatalf("%+v", term)
	}
	err = write(old.Within(ctx), pool, "old")
	if !Lost(err) || pg.FaultOf(err) != pg.FaultOutage {
		t.Errorf("%v, %s", err, pg.FaultOf(err))
	}
	// A fence in a fence: both are asked.
	if err := write(old.Within(term.Within(ctx)), pool, "old"); !Lost(err) {
		t.Error(err)
	}
	if err := write(term.Within(old.Within(ctx)), pool, "old"); !Lost(err) {
		t.Error(err)
	}
	b := &pgx.Batch{}
	old.Queue(b)
	b.Queue(`insert into core.maintenance (task) values ('batch')`)
	if err := pool.SendBatch(ctx, b).Close(); !Lost(err) {
		t.Error(err)
	}
	var rows int
	if err := pool.QueryRow(ctx, `select count(*) from core.maintenance`).Scan(&rows); err != nil || rows != 0 {
		t.Errorf("%d rows, %v", rows, err)
	}
	if err := old.Serve(ctx, func(ctx context.Context) error { return write(old.Within(ctx), pool, "old") }); !errors.Is(err, ErrLost) {
		t.Error(err)
	}
	// Who leaves need not be waited for.
	if err := term.Leave(ctx); err != nil {
		t.Fatal(err)
	}
	if next, err := Take(ctx, pool, "test", Somebody(), time.Hour); err != nil || next == nil || next.Token != 3 {
		t.Errorf("%+v, %v", next, err)
	}
}

// TestStoppedBeforeCommit: a leader that has asked for the lead and does not commit holds up a take-over
// as long as a lease, and no longer.
func TestStoppedBeforeCommit(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	pool := db.Pool(t, pg.Maintainer)
	ctx := t.Context()
	old, err := Take(ctx, pool, "test", Somebody(), testLease)
	if err != nil || old == nil {
		t.Fatalf("%+v, %v", old, err)
	}
	tx, err := pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if err := old.Fence(ctx, tx); err != nil {
		t.Fatal(err)
	}
	// Nobody keeps the lead: what does is stopped with the rest of the process.
	term, took := takeOver(t, pool)
	if term.Token != 2 || took > testLease+10*time.Second {
		t.Errorf("token %d after %v", term.Token, took)
	}
	if err := tx.Commit(ctx); err == nil {
		t.Error("what it had written is committed")
	}
	if err := old.Leave(ctx); !errors.Is(err, ErrLost) {
		t.Errorf("it leaves: %v", err)
	}
}

// TestDatabaseGone: who cannot ask for as long as the lease stops by itself.
func TestDatabaseGone(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	pool := db.Pool(t, pg.Maintainer)
	term, err := Take(t.Context(), pool, "test", Somebody(), 300*time.Millisecond)
	if err != nil || term == nil {
		t.Fatal(err)
	}
	err = term.Serve(t.Context(), func(ctx context.Context) error {
		pool.Close()
		<-ctx.Done()
		return ctx.Err()
	})
	if !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), "did not answer") {
		t.Error(err)
	}
}
