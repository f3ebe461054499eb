package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/queue"
)

// Channel is the NOTIFY channel on which imports announce new jobs.
const Channel = "sluice_jobs"

// Config tunes a Worker. The zero value is usable.
type Config struct {
	// BatchJobs is how many jobs one transaction takes at most. Default 500.
	BatchJobs int
	// Lease is how long claimed jobs stay with a worker that does not extend it; what a
	// killed worker held is taken up after that. Default 10 s, extended every third of it.
	Lease time.Duration
	// Poll is the longest that a job waits when its announcement was lost. Default 1 s.
	Poll time.Duration
	// ViewPause is the least time between two refreshes of the materialized views. Default 5 s.
	ViewPause time.Duration
	// OnOutage, if set, is called when the database cannot be reached.
	OnOutage func(error)
	// OnBatch, if set, is called after each batch with the number of jobs done.
	OnBatch func(jobs int, took time.Duration)
	Logger  *slog.Logger
}

// Worker projects. Several workers, in one process or many, share the tenants out.
type Worker struct {
	cfg      Config
	pool     *pgxpool.Pool // made with PoolConfig
	queue    queue.Queue
	compiled *compiledCache

	mu       sync.Mutex
	analyzed time.Time // when statistics were looked after last
	last     id.ID     // the tenant that was served last: the others come first
}

// PoolConfig is what a pool for Workers needs: the temporary tables on every connection.
func PoolConfig(conns int32) pg.Config {
	return pg.Config{MaxConns: conns, AfterConnect: createStaging}
}

// New returns a worker that works through pool, which acts as the projector.
func New(pool *pgxpool.Pool, cfg Config) *Worker {
	if cfg.BatchJobs <= 0 {
		cfg.BatchJobs = 500
	}
	if cfg.Lease <= 0 {
		cfg.Lease = 10 * time.Second
	}
	if cfg.Poll <= 0 {
		cfg.Poll = time.Second
	}
	if cfg.ViewPause <= 0 {
		cfg.ViewPause = 5 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	host, _ := os.Hostname()
	return &Worker{
		cfg: cfg, pool: pool, compiled: newCompiledCache(),
		queue: queue.Queue{Pool: pool, Worker: fmt.Sprintf("%s/%d", host, os.Getpid()), For: cfg.Lease},
	}
}

// Run projects until ctx ends; the batch in hand is finished.
func (w *Worker) Run(ctx context.Context) error {
	wake := make(chan struct{}, 1)
	var listening sync.WaitGroup
	listening.Go(func() { w.listen(ctx, wake) })
	defer listening.Wait()
	refreshed := time.Now()
	for ctx.Err() == nil {
		worked, err := w.Step(ctx)
		if err == nil && time.Since(refreshed) >= w.cfg.ViewPause {
			_, err = w.RefreshViews(ctx)
			refreshed = time.Now()
		}
		if err != nil {
			if err := w.survive(ctx, err); err != nil {
				return err
			}
			continue
		}
		if worked {
			continue
		}
		select {
		case <-wake:
		case <-time.After(w.cfg.Poll):
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// Drain projects until the given tenants have no jobs left, in anybody's hands, and the
// views show it. With no tenants given it goes on until the queue is empty.
func (w *Worker) Drain(ctx context.Context, tenants ...id.ID) error {
	for {
		worked, err := w.Step(ctx)
		if err == nil && !worked {
			var left int64
			if left, err = w.pending(ctx, tenants); err == nil && left == 0 {
				if _, err = w.RefreshViews(ctx); err == nil {
					return nil
				}
			}
			if err == nil {
				// Somebody else's, or waiting for its next attempt.
				select {
				case <-time.After(50 * time.Millisecond):
				case <-ctx.Done():
				}
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if err := w.survive(ctx, err); err != nil {
				return err
			}
		}
	}
}

func (w *Worker) pending(ctx context.Context, tenants []id.ID) (int64, error) {
	if len(tenants) > 0 {
		return w.queue.Pending(ctx, tenants...)
	}
	var n int64
	err := w.pool.QueryRow(ctx, `select count(*) from core.job_queue where tenant_id is not null and run_after < 'infinity'`).Scan(&n)
	return n, err
}

// survive waits out an outage and passes on everything else.
func (w *Worker) survive(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !pg.Outage(err) {
		return err
	}
	w.cfg.Logger.Warn("database outage: projection goes on when it is over", "error", err)
	if w.cfg.OnOutage != nil {
		w.cfg.OnOutage(err)
	}
	select {
	case <-time.After(time.Second/4 + rand.N(time.Second/2)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// listen turns notifications into wake-ups. Polling is the safety net, so a lost
// connection only costs speed.
func (w *Worker) listen(ctx context.Context, wake chan<- struct{}) {
	for ctx.Err() == nil {
		_ = w.pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
			if _, err := c.Exec(ctx, "listen "+Channel); err != nil {
				return err
			}
			defer func() {
				ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
				defer cancel()
				_, _ = c.Exec(ctx, "unlisten *")
			}()
			for {
				if _, err := c.Conn().WaitForNotification(ctx); err != nil {
					return err
				}
				select {
				case wake <- struct{}{}:
				default:
				}
			}
		})
		select {
		case <-time.After(w.cfg.Poll):
		case <-ctx.Done():
		}
	}
}

// Step does one batch of one tenant. It reports whether there was one.
func (w *Worker) Step(ctx context.Context) (bool, error) {
	if _, err := w.queue.Rescue(ctx); err != nil {
		return false, err
	}
	tenants, err := w.queue.Tenants(ctx)
	if err != nil || len(tenants) == 0 {
		return false, err
	}
	w.analyze(ctx)
	tenant := w.next(tenants)
	lease, err := w.queue.Claim(ctx, tenant, w.cfg.BatchJobs)
	if err != nil || len(lease.Jobs) == 0 {
		return false, err
	}
	return true, w.work(ctx, lease)
}

// analyze has the planner's statistics made for tables that grew fast; see
// core.analyze_grown. Without them the first projection of a bulk load reads whole
// tables for single rows. It helps and is not needed: an error is left to the work itself.
func (w *Worker) analyze(ctx context.Context) {
	w.mu.Lock()
	due := time.Since(w.analyzed) >= 2*time.Second
	if due {
		w.analyzed = time.Now()
	}
	w.mu.Unlock()
	if due {
		_, _ = w.pool.Exec(ctx, `select core.analyze_grown()`)
	}
}

// next picks the first tenant after the one that was served last: a tenant with a
// long queue does not keep the others waiting.
func (w *Worker) next(tenants []id.ID) id.ID {
	w.mu.Lock()
	defer w.mu.Unlock()
	pick := tenants[0]
	for _, t := range tenants {
		if t.Compare(w.last) > 0 {
			pick = t
			break
		}
	}
	w.last = pick
	return pick
}

// work does the jobs of a lease in one transaction. Jobs that cannot be done together
// are done one by one, to find the one at fault; that one is put off with its error.
func (w *Worker) work(ctx context.Context, lease queue.Lease) error {
	// A batch that has begun is finished although a stop was asked for: it is short.
	hard := context.WithoutCancel(ctx)
	start := time.Now()
	stop := w.keep(hard, lease)
	err := w.project(hard, lease)
	stop()
	switch {
	case err == nil:
		if w.cfg.OnBatch != nil {
			w.cfg.OnBatch(len(lease.Jobs), time.Since(start))
		}
		return nil
	case errors.Is(err, queue.ErrLost):
		w.cfg.Logger.Warn("the lease ran out while projecting; whoever has the jobs now does them", "jobs", len(lease.Jobs))
		return nil
	case pg.Outage(err):
		_ = w.queue.Release(hard, lease) // or the lease runs out
		return err
	case len(lease.Jobs) > 1:
		for _, job := range lease.Jobs {
			one := lease
			one.Jobs = []queue.Job{job}
			if err := w.work(ctx, one); err != nil {
				return err
			}
		}
		return nil
	}
	job := lease.Jobs[0]
	w.cfg.Logger.Error("projection job failed; it is put off", "tenant", lease.Tenant, "kind", job.Kind, "key", job.Key, "attempt", job.Attempts, "error", err)
	return w.queue.Fail(hard, lease, err)
}

// keep extends the lease until the returned function is called.
func (w *Worker) keep(ctx context.Context, lease queue.Lease) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		for {
			select {
			case <-time.After(w.cfg.Lease / 3):
				_ = w.queue.Extend(ctx, lease) // too late shows when the jobs are finished
			case <-ctx.Done():
				return
			}
		}
	})
	return func() { cancel(); done.Wait() }
}

// project is the transaction of a batch.
func (w *Worker) project(ctx context.Context, lease queue.Lease) error {
	return pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error {
		if err := pg.SetTenant(ctx, tx, lease.Tenant); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended('sluice.project.' || $1, 0))`, lease.Tenant.String()); err != nil {
			return fmt.Errorf("lock tenant: %w", err)
		}
		b := &batch{tx: tx, tenant: lease.Tenant, w: w}
		if err := b.run(ctx, lease.Jobs); err != nil {
			return err
		}
		// The last of all: a worker that lost its lease has done nothing then. The rows are
		// deleted by token, so a job that is extended at this moment is waited for.
		return lease.Finish(ctx, tx)
	})
}
