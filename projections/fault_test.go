package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/faults"
	"sluice/internal/test/pgproxy"
)

// through opens a pool for workers whose connections go through a proxy.
func (w *world) through(t *testing.T, cfg pg.Config) (*pgproxy.Proxy, *pgxpool.Pool) {
	t.Helper()
	proxy, url := pgproxy.New(t, w.db.URL, nil)
	pool, err := pg.Open(t.Context(), url, pg.Projector, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return proxy, pool
}

// apps imports an SBOM for each name; each leaves a job.
func (w *world) apps(t *testing.T, tenant id.ID, names ...string) {
	t.Helper()
	var list []ingest.Envelope
	for _, name := range names {
		serial := id.Derive(tenant, "serial", name)
		list = append(list, envelope(t, tenant, name, "pkg:generic/"+name+"@1",
			sbomOf(object{"type": "application", "name": name, "version": "1"}, "urn:uuid:"+serial.String(), "pkg:npm/left-pad@1.0.0")))
	}
	w.load(t, list...)
}

// steps does batches until there is none that is ready.
func steps(ctx context.Context, w *Worker) error {
	for {
		worked, err := w.Step(ctx)
		if err != nil || !worked {
			return err
		}
	}
}

// TestFaults: every row of the table, in the batch that has the job of the third of four
// artifacts.
func TestFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tenant := w.db.Tenant(t, "acme")
	proxy, pool := w.through(t, PoolConfig(4))
	faults.Each(t, func(t *testing.T, f faults.Injected) {
		defer proxy.Fail(nil)
		name := strings.ToLower(strings.TrimSuffix(f.State, "!"))
		w.apps(t, tenant, name+"-a", name+"-b", name+"-poison", name+"-c")
		poison := id.Derive(tenant, "artifact", "pkg:generic/"+name+"-poison@1")
		count := 0
		proxy.Fail(func(s pgproxy.Statement) string {
			if strings.Contains(s.SQL, "core.job_queue") || !s.Mentions(string(poison[:])) || (f.Fault == pg.FaultOutage && count == 2) {
				return ""
			}
			count++
			return f.State
		})
		worker := New(pool, Config{Lease: time.Minute})
		jobs := func() string {
			return strings.Join(query[string](t, w, `select concat_ws(' ', dedup_key like '%' || $1 || '%', attempts, locked_at is null, run_after > created_at + interval '1 second', last_error)
				from core.job_queue where tenant_id is not null order by id`, poison.String()), "\n")
		}
		switch err := steps(t.Context(), worker); f.Fault {
		case pg.FaultDefect:
			if pg.FaultOf(err) != pg.FaultDefect || count != 1 {
				t.Errorf("%v after %d attempts", err, count)
			}
			if got, want := jobs(), "f 0 t f\nf 0 t f\nt 0 t f\nf 0 t f"; got != want {
				t.Errorf("the jobs are\n%s, want\n%s", got, want)
			}
		case pg.FaultOutage:
			for pg.Outage(err) { // whoever runs the worker waits and goes on
				if got := query[int](t, w, `select coalesce(max(attempts), 0) from core.job_queue where tenant_id is not null and locked_at is null`); got[0] != 0 {
					t.Errorf("an outage cost %d attempts", got[0])
				}
				err = steps(t.Context(), worker)
			}
			if err != nil || count != 2 || jobs() != "" {
				t.Errorf("%v after %d attempts; left are %s", err, count, jobs())
			}
		default:
			says := ""
			if f.Fault.Bounded() {
				says = string(f.Fault) + ": "
			}
			got := jobs()
			if err != nil || count != 3 || !strings.HasPrefix(got, "t 1 t t "+says) || !strings.Contains(got, "SQLSTATE "+strings.TrimSuffix(f.State, "!")) || strings.Contains(got, "\n") {
				t.Errorf("%v after %d attempts; left are %s", err, count, got)
			}
		}
		// Mended, all is done.
		proxy.Fail(nil)
		w.exec(t, `update core.job_queue set run_after = now(), attempts = 0`)
		if err := steps(t.Context(), worker); err != nil || jobs() != "" {
			t.Errorf("after the repair: %v, left are %s", err, jobs())
		}
		if n := query[int64](t, w, `select count(*) from ingest.sbom_component where artifact_id = $1`, poison); n[0] == 0 {
			t.Error("nothing was projected after the repair")
		}
	})
}

// TestADefectBurnsNothing: a projector without one grant, or without one table, leaves the jobs
// of all tenants as they are and says what it lacks; so does one that only drains.
func TestADefectBurnsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tenants := []id.ID{w.db.Tenant(t, "acme"), w.db.Tenant(t, "rival")}
	for _, tc := range []struct{ name, broken, mend, says string }{
		{"right", `revoke insert on ingest.sbom_component from sluice_projector`, `grant insert on ingest.sbom_component to sluice_projector`, "the role sluice_projector lacks a right"},
		{"table", `alter table artifact.stream rename to elsewhere`, `alter table artifact.elsewhere rename to stream`, "sluice migrate verify"},
		{"queue", `revoke update on core.job_queue from sluice_projector`, `grant update on core.job_queue to sluice_projector`, "the role sluice_projector lacks a right"},
	} {
		for _, tenant := range tenants {
			w.apps(t, tenant, tc.name+"-a", tc.name+"-b")
		}
		w.exec(t, tc.broken)
		for name, run := range map[string]func(*Worker, context.Context) error{
			"Run": (*Worker).Run, "Drain": func(w *Worker, ctx context.Context) error { return w.Drain(ctx) },
		} {
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			err := run(w.worker(), ctx)
			cancel()
			if took := time.Since(began); took > 50*time.Second {
				t.Errorf("%s, %s: it ended after %v", tc.name, name, took)
			}
			var told *pg.DefectError
			if !errors.As(err, &told) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%s, %s: %v", tc.name, name, err)
			}
		}
		got := query[string](t, w, `select concat_ws(' ', attempts, locked_at is null, run_after <= now(), last_error) from core.job_queue where tenant_id is not null`)
		if len(got) != 4 || slices.ContainsFunc(got, func(s string) bool { return s != "0 t t" }) {
			t.Errorf("%s: the jobs are %q", tc.name, got)
		}
		w.exec(t, tc.mend)
		w.drain(t)
	}
}

// TestTooSlowOutsideOfABatch: a claim that is too slow ends the worker after a few tries, and
// costs no job anything; views that are too slow keep no job waiting.
func TestTooSlowOutsideOfABatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tenant := w.db.Tenant(t, "acme")
	w.apps(t, tenant, "a", "b")
	proxy, pool := w.through(t, PoolConfig(4))
	count := 0
	proxy.Fail(func(s pgproxy.Statement) string {
		if !strings.Contains(s.SQL, "with picked as materialized") {
			return ""
		}
		count++
		return "57014"
	})
	if err := New(pool, Config{}).Drain(t.Context()); pg.FaultOf(err) != pg.FaultTooSlow || count != 3 {
		t.Errorf("claims: %v after %d attempts", err, count)
	}
	if got := query[int](t, w, `select max(attempts) from core.job_queue`); got[0] != 0 {
		t.Errorf("the jobs lost %d attempts", got[0])
	}
	count = 0
	proxy.Fail(func(s pgproxy.Statement) string {
		if !strings.Contains(s.SQL, "vex.refresh_view") {
			return ""
		}
		count++
		return "25P04!"
	})
	w.exec(t, `insert into core.job_queue (kind, payload) values ('views', '{}')`)
	if err := New(pool, Config{}).Drain(t.Context()); pg.FaultOf(err) != pg.FaultTooSlow || count != 3 {
		t.Errorf("views: %v after %d attempts", err, count)
	}
	if got := query[int64](t, w, `select count(*) from core.job_queue where tenant_id is not null`); got[0] != 0 {
		t.Errorf("%d jobs wait for the views", got[0])
	}
}

// TestWaitingIsNoJobsFault: that another worker has the tenant for longer than statement_timeout
// costs the jobs nothing.
func TestWaitingIsNoJobsFault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tenant := w.db.Tenant(t, "acme")
	w.apps(t, tenant, "a", "b")
	cfg := PoolConfig(3)
	cfg.StatementTimeout = 200 * time.Millisecond
	pool := w.db.Pool(t, pg.Projector, cfg)
	holder := w.db.Conn(t, pg.Projector)
	if _, err := holder.Exec(t.Context(), `select pg_advisory_lock(hashtextextended('sluice.project.' || $1, 0))`, tenant.String()); err != nil {
		t.Fatal(err)
	}
	_, err := New(pool, Config{}).Step(t.Context())
	if err == nil || faultOf(err) != pg.FaultOutage {
		t.Errorf("while another has the tenant: %v is %q", err, faultOf(err))
	}
	got := query[string](t, w, `select concat_ws(' ', attempts, locked_at is null, last_error) from core.job_queue`)
	if fmt.Sprint(got) != "[0 t 0 t]" {
		t.Errorf("the jobs are %v", got)
	}
}
