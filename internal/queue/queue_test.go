package queue_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/queue"
	"sluice/internal/test/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// fixture is a database with a queue, and the superuser's connection to arrange things by.
type fixture struct {
	pool  *pgxpool.Pool
	admin *pgxpool.Pool
}

func newFixture(t testing.TB, conns int32) fixture {
	t.Helper()
	db := dbtest.New(t)
	admin, err := pgxpool.New(t.Context(), db.AdminURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(admin.Close)
	return fixture{db.Pool(t, pg.Projector, pg.Config{MaxConns: conns}), admin}
}

func (f fixture) queue(lease time.Duration) queue.Queue {
	return queue.Queue{Pool: f.pool, Worker: "test", For: lease}
}

func (f fixture) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	if _, err := f.admin.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func value[T any](t testing.TB, f fixture, sql string, args ...any) (v T) {
	t.Helper()
	if err := f.admin.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func (f fixture) add(t testing.TB, tenant id.ID, n int) {
	t.Helper()
	f.exec(t, `insert into core.job_queue (tenant_id, kind, payload) select $1, 'test', jsonb_build_object('n', n) from generate_series(1, $2) n`, tenant, n)
}

func tenantNumber(n byte) id.ID { return id.ID{n, 6: 0x80, 8: 0x80} }

func claim(t testing.TB, q queue.Queue, tenant id.ID, limit int) queue.Lease {
	t.Helper()
	l, err := q.Claim(t.Context(), tenant, limit)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (f fixture) finish(t testing.TB, l queue.Lease) error {
	t.Helper()
	return pgx.BeginFunc(t.Context(), f.pool, func(tx pgx.Tx) error { return l.Finish(t.Context(), tx) })
}

func TestClaim(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 4)
	q := f.queue(time.Minute)
	a, b := tenantNumber(1), tenantNumber(2)
	f.add(t, a, 5)
	f.add(t, b, 2)
	f.exec(t, `insert into core.job_queue (tenant_id, kind, payload, run_after) values ($1, 'later', '{}', now() + interval '1 hour')`, b)
	f.exec(t, `insert into core.job_queue (tenant_id, kind, payload) values (null, 'mark', '{}')`)
	tenants := func() string {
		list, err := q.Tenants(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(list)
	}
	if got := tenants(); got != fmt.Sprint([]id.ID{a, b}) {
		t.Errorf("tenants with jobs: %s", got)
	}
	first := claim(t, q, a, 3)
	if len(first.Jobs) != 3 || first.Jobs[0].ID > first.Jobs[2].ID || first.Jobs[0].Attempts != 1 || first.Jobs[0].Kind != "test" {
		t.Fatalf("claimed %+v, want the three oldest", first.Jobs)
	}
	if got := tenants(); got != fmt.Sprint([]id.ID{b}) {
		t.Errorf("tenants with jobs while one is in somebody's hands: %s", got)
	}
	if l := claim(t, q, a, 10); len(l.Jobs) != 2 || l.Token == first.Token {
		t.Errorf("a second claim got %d jobs, want the 2 that are left, by a token of its own", len(l.Jobs))
	}
	if l := claim(t, q, b, 10); len(l.Jobs) != 2 {
		t.Errorf("claimed %d jobs, want 2: the third is for later", len(l.Jobs))
	}
	if l := claim(t, q, tenantNumber(3), 10); len(l.Jobs) != 0 {
		t.Errorf("claimed %d jobs of a tenant that has none", len(l.Jobs))
	}
	if err := f.finish(t, first); err != nil {
		t.Error(err)
	}
	if n := value[int](t, f, `select count(*) from core.job_queue where tenant_id = $1`, a); n != 2 {
		t.Errorf("%d jobs left, want 2", n)
	}
}

// TestFence: whoever lost the lease can do nothing to the jobs any more.
func TestFence(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 4)
	q := f.queue(50 * time.Millisecond)
	tenant := tenantNumber(1)
	f.add(t, tenant, 3)
	slow := claim(t, q, tenant, 10)
	if n, err := q.Rescue(t.Context()); err != nil || n != 0 {
		t.Fatalf("rescued %d jobs of a lease that holds: %v", n, err)
	}
	time.Sleep(80 * time.Millisecond)
	if n, err := q.Rescue(t.Context()); err != nil || n != 3 {
		t.Fatalf("rescued %d jobs, want 3: %v", n, err)
	}
	if err := f.finish(t, slow); !errors.Is(err, queue.ErrLost) {
		t.Errorf("finish after the rescue: %v", err)
	}
	q.For = time.Minute
	quick := claim(t, q, tenant, 2)
	if err := f.finish(t, slow); !errors.Is(err, queue.ErrLost) {
		t.Errorf("finish while somebody else has some: %v", err)
	}
	if err := q.Extend(t.Context(), slow); !errors.Is(err, queue.ErrLost) {
		t.Errorf("extend: %v", err)
	}
	if err := q.Release(t.Context(), slow); err != nil {
		t.Error(err)
	}
	if err := q.Fail(t.Context(), slow, errors.New("not mine")); err != nil {
		t.Error(err)
	}
	if n := value[int](t, f, `select count(*) from core.job_queue where lease_token = $1 and last_error is null`, quick.Token); n != 2 {
		t.Errorf("%d jobs are still held by who took them, want 2", n)
	}
	if err := q.Extend(t.Context(), quick); err != nil {
		t.Errorf("extend by the holder: %v", err)
	}
	if err := f.finish(t, quick); err != nil {
		t.Errorf("finish by the holder: %v", err)
	}
	if err := f.finish(t, quick); !errors.Is(err, queue.ErrLost) {
		t.Errorf("finish twice: %v", err)
	}
}

func TestFailReleaseLeft(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 4)
	q := f.queue(time.Minute)
	tenant := tenantNumber(1)
	left := func() queue.Left {
		t.Helper()
		l, err := q.Left(t.Context(), tenant)
		if err != nil {
			t.Fatal(err)
		}
		all, err := q.Left(t.Context())
		if err != nil || all != l {
			t.Fatalf("left of all tenants is %+v, of the only one %+v: %v", all, l, err)
		}
		return l
	}
	if l := left(); l != (queue.Left{}) {
		t.Errorf("an empty queue: %+v", l)
	}
	f.add(t, tenant, 1)
	if l := left(); !l.Open {
		t.Errorf("a ready job: %+v", l)
	}
	if err := q.Release(t.Context(), claim(t, q, tenant, 1)); err != nil {
		t.Fatal(err)
	}
	for attempt := 1; attempt <= 4; attempt++ {
		l := claim(t, q, tenant, 1)
		if len(l.Jobs) != 1 || l.Jobs[0].Attempts != attempt {
			t.Fatalf("attempt %d: claimed %+v; a released job does not count as tried", attempt, l.Jobs)
		}
		if got := left(); !got.Open {
			t.Errorf("in somebody's hands: %+v", got)
		}
		if err := q.Fail(t.Context(), l, fmt.Errorf("no %d", attempt)); err != nil {
			t.Fatal(err)
		}
		wait := value[float64](t, f, `select extract(epoch from run_after - now())::float8 from core.job_queue`)
		if want := float64(int(1) << attempt); wait < want-2 || wait > want+2 {
			t.Errorf("after attempt %d it comes again in %.1f s, want %.0f", attempt, wait, want)
		}
		if l := claim(t, q, tenant, 1); len(l.Jobs) != 0 {
			t.Error("a job that was put off can be claimed")
		}
		want := queue.Left{Open: true}
		if attempt >= 3 {
			want = queue.Left{Failing: 1, Error: fmt.Sprintf("no %d", attempt)}
		}
		if got := left(); got != want {
			t.Errorf("after attempt %d: %+v, want %+v", attempt, got, want)
		}
		f.exec(t, `update core.job_queue set run_after = now()`)
	}
	f.exec(t, `update core.job_queue set attempts = max_attempts - 1`)
	if err := q.Fail(t.Context(), claim(t, q, tenant, 1), errors.New("the last time")); err != nil {
		t.Fatal(err)
	}
	if !value[bool](t, f, `select run_after = 'infinity' from core.job_queue`) {
		t.Error("after max_attempts the job comes again")
	}
	if got := left(); got.Open || got.Failing != 1 {
		t.Errorf("a dead job: %+v", got)
	}
}

// TestRescueSpreads: a job that its workers did not survive five times comes later, alone or
// in other company.
func TestRescueSpreads(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2)
	q := f.queue(time.Millisecond)
	tenant := tenantNumber(1)
	f.add(t, tenant, 10)
	for range 5 {
		if l := claim(t, q, tenant, 10); len(l.Jobs) != 10 {
			t.Fatalf("claimed %d jobs, want 10", len(l.Jobs))
		}
		time.Sleep(5 * time.Millisecond)
		if n, err := q.Rescue(t.Context()); err != nil || n != 10 {
			t.Fatalf("rescued %d: %v", n, err)
		}
	}
	if n := value[int](t, f, `select count(distinct run_after) from core.job_queue where run_after > now()`); n < 5 {
		t.Errorf("the jobs come again at %d different times", n)
	}
}

// TestSpecificationClaim: a worker that uses the claim of the specification (3.3) verbatim
// and ours do not get the same job.
func TestSpecificationClaim(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2)
	tenant := tenantNumber(1)
	f.add(t, tenant, 2)
	rows, err := f.pool.Query(t.Context(), `with cte as (
  select id from job_queue
  where kind = $1 and run_after <= now() and locked_at is null
  order by id
  for update skip locked
  limit 1
)
update job_queue j set locked_at = now(), locked_by = $2
from cte where j.id = cte.id
returning j.*;`, "test", "somebody")
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := pgx.CollectRows(rows, pgx.RowToMap)
	if err != nil || len(theirs) != 1 {
		t.Fatalf("claimed %v: %v", theirs, err)
	}
	ours := claim(t, f.queue(time.Minute), tenant, 10)
	if len(ours.Jobs) != 1 || ours.Jobs[0].ID == theirs[0]["id"] {
		t.Errorf("claimed %+v beside %v", ours.Jobs, theirs[0]["id"])
	}
}

// TestWorkers lets eight workers loose on one queue, with leases that some of them
// sleep through as a stopped process does. Every job has its effect once, and none is lost.
func TestWorkers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 12)
	f.exec(t, `create table public.effect (job bigint not null, worker int not null)`)
	f.exec(t, `grant insert on public.effect to sluice_projector`)
	const tenants, each = 12, 150
	for n := range tenants {
		f.add(t, tenantNumber(byte(n+1)), each)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var lost, zombies atomic.Int64
	var workers sync.WaitGroup
	for n := range 8 {
		workers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(n), 1))
			q := f.queue(200 * time.Millisecond)
			q.Worker = fmt.Sprint(n)
			for ctx.Err() == nil {
				if _, err := q.Rescue(ctx); err != nil {
					t.Error(err)
					return
				}
				tenants, err := q.Tenants(ctx)
				if err != nil {
					t.Error(err)
					return
				}
				if len(tenants) == 0 {
					left, err := q.Left(ctx)
					if err != nil {
						t.Error(err)
					}
					if err != nil || !left.Open {
						return
					}
					time.Sleep(5 * time.Millisecond)
					continue
				}
				l, err := q.Claim(ctx, tenants[r.IntN(len(tenants))], 1+r.IntN(20))
				if err != nil {
					t.Error(err)
					return
				}
				if len(l.Jobs) == 0 {
					continue
				}
				stopped := r.IntN(25) == 0
				if stopped {
					zombies.Add(1)
				}
				err = pgx.BeginFunc(ctx, f.pool, func(tx pgx.Tx) error {
					for _, j := range l.Jobs {
						if _, err := tx.Exec(ctx, `insert into public.effect values ($1, $2)`, j.ID, n); err != nil {
							return err
						}
					}
					if stopped {
						time.Sleep(500 * time.Millisecond)
					}
					return l.Finish(ctx, tx)
				})
				switch {
				case errors.Is(err, queue.ErrLost):
					lost.Add(1)
				case err != nil:
					t.Error(err)
					return
				}
			}
		})
	}
	workers.Wait()
	if ctx.Err() != nil {
		t.Fatal("the workers did not come to an end")
	}
	done := value[int64](t, f, `select count(*) from public.effect`)
	distinct := value[int64](t, f, `select count(distinct job) from public.effect`)
	left := value[int64](t, f, `select count(*) from core.job_queue`)
	if done != tenants*each || distinct != tenants*each || left != 0 {
		t.Errorf("%d effects of %d jobs, %d jobs left; want %d, each once", done, distinct, left, tenants*each)
	}
	t.Logf("%d jobs, %d workers slept through their lease, %d leases were lost", tenants*each, zombies.Load(), lost.Load())
	if lost.Load() == 0 {
		t.Error("no lease was lost: the test shows nothing")
	}
}

// TestIndexes: neither claiming nor looking for work reads the whole queue.
func TestIndexes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 2)
	for n := range 20 {
		f.add(t, tenantNumber(byte(n+1)), 1000)
	}
	f.exec(t, `update core.job_queue set locked_at = now(), lease_until = now() + interval '1 minute', lease_token = gen_random_uuid() where id % 100 = 0`)
	f.exec(t, `analyze core.job_queue`)
	conn, err := f.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for name, sql := range queue.Statements() {
		switch name {
		case "left":
			continue // reads until it finds one that is open, which is at once
		case "list", "retry", "drop":
			continue // by hand, and now and then
		}
		// Not by a query with parameters: they get no values.
		results, err := conn.Conn().PgConn().Exec(t.Context(), "explain (generic_plan) "+sql).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var plan []string
		for _, row := range results[0].Rows {
			plan = append(plan, string(row[0]))
		}
		if text := strings.Join(plan, "\n"); strings.Contains(text, "Seq Scan on job_queue") {
			t.Errorf("%s reads the whole queue:\n%s", name, text)
		}
	}
}

// BenchmarkQueue measures jobs claimed and finished in batches of 500 by two workers.
func BenchmarkQueue(b *testing.B) {
	f := newFixture(b, 4)
	const tenants = 10
	for n := range tenants {
		f.add(b, tenantNumber(byte(n+1)), b.N/tenants+1)
	}
	f.exec(b, `vacuum analyze core.job_queue`)
	var workers sync.WaitGroup
	b.ResetTimer()
	for n := range 2 {
		workers.Go(func() {
			q := f.queue(10 * time.Second)
			for turn := n; ; turn++ {
				tenants, err := q.Tenants(b.Context())
				if err != nil {
					b.Error(err)
					return
				}
				if len(tenants) == 0 {
					left, err := q.Left(b.Context())
					if err != nil || !left.Open {
						return
					}
					time.Sleep(time.Millisecond)
					continue
				}
				l, err := q.Claim(b.Context(), tenants[turn%len(tenants)], 500)
				if err == nil && len(l.Jobs) > 0 {
					err = pgx.BeginFunc(b.Context(), f.pool, func(tx pgx.Tx) error { return l.Finish(b.Context(), tx) })
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	workers.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
}
