package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

// TestRunsTail follows events while transactions commit in another order than they wrote:
// each event is printed once. SIGINT ends it with 130.
func TestRunsTail(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	acme := db.Tenant(t, "acme")
	pool := db.Pool(t, pg.Ingest)
	run := func() (n int64) {
		err := pg.Tenant(t.Context(), pool, acme, func(tx pgx.Tx) error {
			return tx.QueryRow(t.Context(), `insert into ingest.scan_run (tenant_id, source) values ($1, 'file') returning id`, acme).Scan(&n)
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	mine, other := run(), run()
	begin := func() pgx.Tx {
		tx, err := pool.Begin(t.Context())
		if err == nil {
			err = pg.SetTenant(t.Context(), tx, acme)
		}
		if err != nil {
			t.Fatal(err)
		}
		return tx
	}
	write := func(tx pgx.Tx, run int64, origin string) {
		t.Helper()
		_, err := tx.Exec(t.Context(), `insert into ingest.scan_run_event (tenant_id, scan_run_id, occurred_at, event_type, payload) values ($1, $2, clock_timestamp(), 'accepted', jsonb_build_object('origin', $3::text, 'duration_ms', 1))`, acme, run, origin)
		if err != nil {
			t.Fatal(err)
		}
	}
	commit := func(tx pgx.Tx) {
		t.Helper()
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	now := func(run int64, origin string) { tx := begin(); write(tx, run, origin); commit(tx) }

	now(mine, "before")
	slow := begin() // began, and wrote, before anybody followed
	write(slow, mine, "slow")
	env := []string{"SLUICE_DATABASE_URL=" + db.URL, "SLUICE_TENANT=acme"}
	one := launch(t, env, "runs", "tail", fmt.Sprint(mine), "--output", "json")
	all := launch(t, env, "runs", "tail", "--since", "1h", "--output", "csv")
	text := launch(t, env, "runs", "tail")
	for _, p := range []*process{one, all, text} {
		p.await(t, &p.err, "following") // it has looked once: what comes is new to it
	}
	late := begin()
	write(late, mine, "late")
	now(mine, "quick")
	now(other, "other")
	one.await(t, &one.out, "quick")
	time.Sleep(time.Second)
	commit(late)
	commit(slow)
	now(mine, "last")
	for _, p := range []*process{one, all, text} {
		for _, origin := range []string{"late", "slow", "last"} {
			p.await(t, &p.out, origin)
		}
	}
	time.Sleep(time.Second) // for what might come twice
	for _, p := range []*process{one, all, text} {
		if err := p.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		if status := p.finish(t, 20*time.Second); status != 130 {
			t.Errorf("status %d: %s", status, p.err.String())
		}
	}
	var got []string
	for line := range strings.Lines(one.out.String()) {
		var e struct {
			At      time.Time
			Run     int64
			Event   string
			ID      string `json:"event_id"`
			Payload struct{ Origin string }
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Run != mine || e.Event != "accepted" || e.ID == "" || e.At.IsZero() {
			t.Errorf("%s: %v", line, err)
		}
		got = append(got, e.Payload.Origin)
	}
	slices.Sort(got)
	if want := []string{"last", "late", "quick", "slow"}; !slices.Equal(got, want) {
		t.Errorf("followed %v, want %v", got, want)
	}
	for p, want := range map[*process]int{all: 7, text: 5} { // with the head
		if n := strings.Count(p.out.String(), "\n"); n != want {
			t.Errorf("%d lines, want %d:\n%s", n, want, p.out.String())
		}
	}
}

// TestForeignEvents: events that others write may have any payload; they are shown all the same.
func TestForeignEvents(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	acme := db.Tenant(t, "acme")
	admin := db.Admin(t)
	if _, err := admin.Exec(t.Context(), `insert into ingest.scan_run (id, tenant_id, source) values (1, $1, 'kafka')`, acme); err != nil {
		t.Fatal(err)
	}
	payloads := []string{
		`[]`, `null`, `"text"`, `7`, `{}`, `{"count": "many", "duration_ms": {}, "bytes": null}`, `{"count": 1e300, "duration_ms": 1e300, "bytes": -1e300}`,
		`{"received_at": 5, "origin": ["a"]}`, `{"received_at": "yesterday"}`, `{"reason": {"a": 1}}`,
	}
	for _, event := range []string{"parked", "accepted", "tick"} {
		if _, err := admin.Exec(t.Context(), `insert into ingest.scan_run_event (tenant_id, scan_run_id, occurred_at, event_type, payload) select $1, 1, clock_timestamp(), $2, p::jsonb from unnest($3::text[]) p`, acme, event, payloads); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"SLUICE_DATABASE_URL=" + db.URL, "SLUICE_TENANT=acme"}
	for _, args := range [][]string{{"runs", "show", "1"}, {"runs", "show", "1", "--output", "json"}, {"runs", "show", "1", "--events"}, {"runs", "show", "1", "--events", "--output", "csv"}} {
		p := launch(t, env, args...)
		if status := p.finish(t, 30*time.Second); status != 0 || !strings.Contains(p.out.String(), "tick") {
			t.Errorf("%v: status %d: %s%s", args, status, p.err.String(), p.out.String())
		}
	}
}

// await waits until a stream of the process has the text. The buffer is written by the
// process's own goroutine, so it is read through a lock that both take.
func (p *process) await(t *testing.T, in *lockedBuffer, text string) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !strings.Contains(in.String(), text); time.Sleep(20 * time.Millisecond) {
		select {
		case <-p.ended:
			t.Fatalf("sluice %v ended without %q: %s", p.Args[1:], text, p.err.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("sluice %v did not say %q: %s%s", p.Args[1:], text, p.out.String(), p.err.String())
		}
	}
}

// lockedBuffer may be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  []byte
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b = append(l.b, b...)
	return len(b), nil
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.b)
}

func (l *lockedBuffer) Bytes() []byte { return []byte(l.String()) }
func (l *lockedBuffer) Len() int      { return len(l.String()) }
