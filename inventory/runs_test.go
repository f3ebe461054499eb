package inventory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/inventory"
)

// TestStaleRun: an import that was killed long ago is not shown as running; one of which
// something is heard is, and so is a topic's, which may be silent.
func TestStaleRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.db.Admin(t)
	for _, sql := range []string{
		`insert into ingest.scan_run (id, tenant_id, source, state, created_at, updated_at) values
			(1, $1, 'file', 'running', now() - interval '1 hour', now() - interval '1 hour'),
			(2, $1, 'file', 'running', now() - interval '1 hour', now() - interval '1 hour'),
			(3, $1, 'file', 'running', now(), now()),
			(4, $1, 'kafka', 'running', now() - interval '1 hour', now() - interval '1 hour'),
			(5, $1, 'file', 'stopped', now() - interval '1 hour', now() - interval '1 hour')`,
		`insert into ingest.scan_run_event (tenant_id, scan_run_id, occurred_at, event_type, payload) values
			($1, 1, now() - interval '59 minutes', 'accepted', '{}'), ($1, 2, now() - interval '1 minute', 'accepted', '[]')`,
	} {
		if _, err := admin.Exec(t.Context(), sql, w.acme); err != nil {
			t.Fatal(err)
		}
	}
	states := map[int64]string{}
	for _, r := range must(w.inv.Runs(t.Context(), w.acme, inventory.RunFilter{}))(t) {
		states[r.Number] = r.State
		if (r.Seconds == nil) != (r.State == "stale") {
			t.Errorf("run %d: seconds of a run that is %s: %v", r.Number, r.State, r.Seconds)
		}
	}
	if want := map[int64]string{1: "stale", 2: "running", 3: "running", 4: "running", 5: "stopped"}; fmt.Sprint(states) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", states, want)
	}
	if got := must(w.inv.Runs(t.Context(), w.acme, inventory.RunFilter{Since: time.Now().Add(-time.Minute)}))(t); len(got) != 1 || got[0].Number != 3 {
		t.Errorf("runs of the last minute: %+v", got)
	}
	if got := must(w.inv.Runs(t.Context(), w.rival, inventory.RunFilter{}))(t); len(got) != 0 {
		t.Errorf("somebody else's runs: %+v", got)
	}
}

// TestResumedRun: a run that was killed, taken up, stopped and taken up again is one run, with the
// documents of all its attempts, whether or not they could say themselves what they had done.
func TestResumedRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, pool := t.Context(), w.pools[pg.Ingest]
	run := must(ingest.StartRun(ctx, pool, w.acme, "file", []string{"./sboms"}))(t)
	w.into(pool, w.acme, run, sbom, "{") // and then it was killed
	resume := func() {
		if err := ingest.ResumeRun(ctx, pool, w.acme, run); err != nil {
			t.Fatal(err)
		}
	}
	end := func(state string, counts ingest.Counts) {
		if err := ingest.EndRun(ctx, pool, w.acme, run, state, counts); err != nil {
			t.Fatal(err)
		}
	}
	resume()
	end("stopped", w.into(pool, w.acme, run, again))
	resume()
	if got := must(w.inv.Runs(ctx, w.acme, inventory.RunFilter{}))(t); len(got) != 1 || got[0].State != "running" || len(got[0].Attempts) != 3 || *got[0].Counted().Documents != 3 {
		t.Errorf("while it goes on: %+v", got)
	}
	end("done", w.into(pool, w.acme, run, sbom, "[", "]"))
	list := must(w.inv.Runs(ctx, w.acme, inventory.RunFilter{}))(t)
	if len(list) != 1 {
		t.Fatalf("%d runs, want one: %+v", len(list), list)
	}
	var got []string
	for i, a := range list[0].Attempts {
		if a.EndedAt == nil || a.EndedAt.Before(a.StartedAt) || i > 0 && a.StartedAt.Before(*list[0].Attempts[i-1].EndedAt) {
			t.Errorf("attempt %d: %s to %v", i, a.StartedAt, a.EndedAt)
		}
		got = append(got, fmt.Sprintf("%s %d", a.State, a.Documents))
	}
	if want := []string{"stale 2", "stopped 1", "done 3"}; !slices.Equal(got, want) {
		t.Errorf("attempts %q, want %q", got, want)
	}
	c := list[0].Counted()
	if got, want := fmt.Sprint(*c.Documents, *c.Accepted, *c.Duplicate, *c.Unchanged, *c.Parked), "6 1 1 1 3"; got != want {
		t.Errorf("documents, accepted, duplicate, unchanged, parked: %s, want %s", got, want)
	}
	events := must(w.inv.Run(ctx, w.acme, inventory.RunQuery{Run: run}))(t)
	if len(events.Attempts) != 3 {
		t.Errorf("`runs show` has the attempts %+v", events.Attempts)
	}
	if err := ingest.ResumeRun(ctx, pool, w.rival, run); err == nil || !strings.Contains(err.Error(), "no such scan run of this tenant") {
		t.Errorf("somebody else takes it up: %v", err)
	}
}

// TestRun sums up a run of the tenant's, and what one of the shared feed did in the tenant.
func TestRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	mine := w.load(w.acme, sbom, again, sbom, "{")
	w.project()
	feed := w.load(id.Shared, fact)
	w.project()

	s := must(w.inv.Run(ctx, w.acme, inventory.RunQuery{Run: mine}))(t)
	events := map[string]int64{}
	for _, e := range s.Events {
		events[e.Event] = e.Events
	}
	want := map[string]int64{"received": 4, "accepted": 1, "unchanged": 1, "duplicate": 1, "parked": 1, "projected": 1}
	if fmt.Sprint(events) != fmt.Sprint(want) || s.Events[0].Event != "received" || s.Parked["syntax"] != 1 || s.State != "done" || s.Shared ||
		s.Bytes != int64(2*len(sbom)+len(again)+1) {
		t.Errorf("%+v", s)
	}
	s = must(w.inv.Run(ctx, w.acme, inventory.RunQuery{Run: feed}))(t)
	if i := slices.IndexFunc(s.Events, func(e inventory.EventSum) bool { return e.Event == "findings_opened" }); !s.Shared || i < 0 || *s.Events[i].Count != 1 {
		t.Errorf("%+v", s)
	}
	list := must(w.inv.RunEvents(ctx, w.acme, inventory.RunQuery{Run: mine, Limit: 2}))(t)
	if len(list) != 2 || list[0].Run != mine || list[1].At.Before(list[0].At) {
		t.Errorf("%+v", list)
	}
	var missing *ask.NotFoundError
	if _, err := w.inv.Run(ctx, w.rival, inventory.RunQuery{Run: mine}); !errors.As(err, &missing) {
		t.Errorf("somebody else's run: %v", err)
	}
	if _, err := w.inv.RunEvents(ctx, w.rival, inventory.RunQuery{Run: mine}); !errors.As(err, &missing) {
		t.Errorf("somebody else's run: %v", err)
	}
}

// TestTail tells what is there since, then what comes, once each. Commits in another order
// than the writes are in cmd/sluice, TestRunsTail.
func TestTail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.load(w.acme, sbom)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	following := make(chan struct{})
	events, ended := make(chan string, 10), make(chan error)
	go func() {
		ended <- w.inv.Tail(ctx, w.acme, inventory.Tail{
			Since: time.Now().Add(-time.Hour), Every: 10 * time.Millisecond,
			OnFollowing: func() { close(following) },
			OnEvent:     func(e inventory.Event) error { events <- e.Event; return nil },
		})
	}()
	<-following
	w.load(w.acme, "{")
	for _, want := range []string{"accepted", "parked"} {
		select {
		case got := <-events:
			if got != want {
				t.Errorf("told %s, want %s", got, want)
			}
		case <-ctx.Done():
			t.Fatalf("%s is not told", want)
		}
	}
	time.Sleep(100 * time.Millisecond) // for what might come twice
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) || len(events) != 0 {
		t.Errorf("ended with %v, %d events too many", err, len(events))
	}
	var missing *ask.NotFoundError
	if err := w.inv.Tail(t.Context(), w.acme, inventory.Tail{Run: 999}); !errors.As(err, &missing) {
		t.Errorf("a run that is not there: %v", err)
	}
}
