package maintenance

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/pg"
	"sluice/internal/test/faults"
	"sluice/internal/test/pgproxy"
)

// through opens a pool for tasks whose connections go through a proxy.
func (w *world) through() (*pgproxy.Proxy, *pgxpool.Pool) {
	w.Helper()
	proxy, url := pgproxy.New(w.T, w.db.URL, nil)
	pool, err := pg.Open(w.Context(), url, pg.Maintainer, PoolConfig())
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(pool.Close)
	return proxy, pool
}

const deleteCheckpoints = "delete from ingest.file_checkpoint"

// TestFaults: every row of the table, at what a task deletes for the second of three tenants.
func TestFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.Tenant(t, "rival")
	w.db.Tenant(t, "third")
	proxy, pool := w.through()
	task := Checkpoints(0)
	order := list[string](w, `select tenant_id::text from authority.tenant order by name`)
	faults.Each(t, func(t *testing.T, f faults.Injected) {
		defer proxy.Fail(nil)
		w.exec(`insert into ingest.file_checkpoint (tenant_id, scan_run_id, path, first_entry, last_entry, complete, size, created_at)
			select tenant_id, 1, 'p' || i, 0, 0, true, 1, now() - interval '40 days' from authority.tenant, generate_series(1, 3) i where name in ('acme', 'rival', 'third')`)
		count := 0
		proxy.Fail(func(s pgproxy.Statement) string {
			if !strings.Contains(s.SQL, deleteCheckpoints) || !s.Mentions(order[1]) {
				return ""
			}
			count++
			return f.State
		})
		state := strings.TrimSuffix(f.State, "!")
		out, err := Once(t.Context(), pool, task, false)
		if pg.FaultOf(err) != f.Fault || !strings.Contains(out.Error, "SQLSTATE "+state) {
			t.Errorf("%+v, %v", out, err)
		}
		var told *pg.DefectError
		if errors.As(err, &told) != (f.Fault == pg.FaultDefect) || told != nil && told.Role != pg.Maintainer {
			t.Errorf("told %v", err)
		}
		tries, left := 1, int64(3) // only the one at fault
		switch {
		case f.Fault == pg.FaultTooSlow:
			tries = 13 // from 5,000 rows down to one
		case f.Fault == pg.FaultOutage && state != "40P01" && state != "55P03", f.Fault == pg.FaultDefect:
			left = 6 // it would fail for the next one too
		}
		if count != tries {
			t.Errorf("%d attempts, want %d", count, tries)
		}
		if n := one[int64](w, `select count(*) from ingest.file_checkpoint`); n != left {
			t.Errorf("%d checkpoints are left, want %d", n, left)
		}
		if noted := one[string](w, `select coalesce(last_error, '') from core.maintenance where task = 'checkpoints'`); !strings.Contains(noted, state) {
			t.Errorf("noted is %q", noted)
		}
		proxy.Fail(nil)
		if out, err := Once(t.Context(), pool, task, false); err != nil || out.Rows != left {
			t.Errorf("after the repair: %+v, %v", out, err)
		}
	})
}

// TestTooSlowIsCut: what is too slow at once is deleted in smaller batches.
func TestTooSlowIsCut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	proxy, pool := w.through()
	w.exec(`insert into ingest.file_checkpoint (tenant_id, scan_run_id, path, first_entry, last_entry, complete, size, created_at)
		select $1, 1, 'p' || i, 0, 0, true, 1, now() - interval '40 days' from generate_series(1, 7000) i`, w.tenant)
	count := 0
	proxy.Fail(func(s pgproxy.Statement) string {
		if !strings.Contains(s.SQL, deleteCheckpoints) || !s.Mentions(w.tenant.String()) {
			return ""
		}
		if count++; count <= 3 {
			return "57014"
		}
		return ""
	})
	// 5,000, 2,500 and 1,250 are too many; 625 at once are not: eleven batches full and one that is not.
	if out, err := Once(t.Context(), pool, Checkpoints(0), false); err != nil || out.Rows != 7000 || count != 3+12 {
		t.Errorf("%+v after %d statements, %v", out, count, err)
	}
}

// TestFaultsOfTheLoop: the loop itself waits for what passes, and ends with what does not.
func TestFaultsOfTheLoop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	faults.Each(t, func(t *testing.T, f faults.Injected) {
		proxy, pool := w.through()
		count := 0
		proxy.Fail(func(s pgproxy.Statement) string {
			if !strings.Contains(s.SQL, "select not exists (select from core.lead") || count == 2 {
				return ""
			}
			count++
			return f.State
		})
		ran := make(chan struct{}, 1)
		task := Task{Name: "test", Every: time.Hour, AtStart: true, Run: func(context.Context, *pgxpool.Pool, bool) (Result, error) {
			ran <- struct{}{}
			return Result{}, nil
		}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		loop, ended := NewLoop(pool, LoopConfig{Tasks: []Task{task}, Poll: 50 * time.Millisecond}), make(chan error, 1)
		go func() { ended <- loop.Run(ctx) }()
		survives := f.Fault == pg.FaultOutage || f.Fault.Bounded()
		select {
		case <-ran:
			if !survives || count != 2 {
				t.Errorf("it goes on after %d failures", count)
			}
			cancel()
			<-ended
		case err := <-ended:
			if survives || pg.FaultOf(err) != f.Fault || count != 1 {
				t.Errorf("it ended with %v after %d failures", err, count)
			}
			if f.Fault == pg.FaultDefect && !strings.Contains(err.Error(), "Nothing was parked") {
				t.Errorf("told %v", err)
			}
		case <-ctx.Done():
			t.Error(fmt.Errorf("neither ran nor ended after %d failures", count))
		}
	})
}
