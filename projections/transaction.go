package projections

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/queue"
	"sluice/internal/telemetry"
)

// work does the jobs of a lease, and keeps the lease while it does.
func (w *Worker) work(ctx context.Context, lease queue.Lease) error {
	// A batch that has begun is finished although a stop was asked for: it is short.
	ctx = context.WithoutCancel(ctx)
	start := time.Now()
	defer w.keep(ctx, lease)() // its time is nobody's work: outside of the spans
	ctx, traces := traceJobs(ctx, lease)
	err := w.attempt(ctx, lease)
	traces.end(err)
	if err != nil {
		w.giveBack(ctx, lease)
		return err
	}
	if w.cfg.OnBatch != nil {
		w.cfg.OnBatch(len(lease.Jobs), time.Since(start))
	}
	return nil
}

// giveBack returns jobs unharmed: neither an outage nor a defect is an attempt of theirs. Where
// the database is away it is done as soon as it is back, before the lease counts as run out.
func (w *Worker) giveBack(ctx context.Context, lease queue.Lease) {
	if w.queue.Release(ctx, lease) != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.owed = append(w.owed, lease)
	}
}

// payDebts gives back what could not be given back before.
func (w *Worker) payDebts(ctx context.Context) error {
	w.mu.Lock()
	owed := w.owed
	w.owed = nil
	w.mu.Unlock()
	for i, lease := range owed {
		if err := w.queue.Release(ctx, lease); err != nil {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.owed = append(w.owed, owed[i:]...)
			return err
		}
	}
	return nil
}

// attempt does the jobs in one transaction. Jobs that cannot be done together, or that are too
// much together, are cut in halves until the one at fault is alone; that one is put off with
// its error, and the others are done. What it returns is an outage or a defect, and no job's.
func (w *Worker) attempt(ctx context.Context, lease queue.Lease) error {
	start := time.Now()
	err := w.project(ctx, lease)
	switch {
	case err == nil:
		w.cfg.Metrics.done(ctx, lease, time.Since(start))
		return nil
	case errors.Is(err, queue.ErrLost):
		w.cfg.Logger.WarnContext(ctx, "the lease ran out while projecting; whoever has the jobs now does them", "tenant", lease.Tenant, "jobs", len(lease.Jobs))
		return nil
	}
	fault := faultOf(err)
	switch {
	case fault == pg.FaultOutage, fault == pg.FaultDefect, fault == pg.FaultStopped:
		return err
	case len(lease.Jobs) > 1:
		half := len(lease.Jobs) / 2
		if err := w.attempt(ctx, lease.Only(lease.Jobs[:half])); err != nil {
			return err
		}
		return w.attempt(ctx, lease.Only(lease.Jobs[half:]))
	}
	if fault.Bounded() {
		err = fmt.Errorf("%s: %w", fault, err) // in last_error: this job may succeed at another hour, or by another time-out
	}
	job := lease.Jobs[0]
	w.cfg.Metrics.failed(job)
	telemetry.Current(ctx).Fail(err)
	w.cfg.Logger.ErrorContext(ctx, "projection job failed; it is put off", "tenant", lease.Tenant, "kind", job.Kind, "key", job.Key, "attempt", job.Attempts, "error", err)
	return w.queue.Fail(ctx, lease, err)
}

// errBusy: nothing was tried yet, because another worker works for the tenant.
var errBusy = errors.New("wait for the tenant")

// faultOf is pg.FaultOf for a batch: that somebody else takes long is not its doing.
func faultOf(err error) pg.Fault {
	fault := pg.FaultOf(err)
	if fault.Bounded() && errors.Is(err, errBusy) {
		return pg.FaultOutage
	}
	return fault
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

// project does the work that the jobs ask for, all of it or nothing.
func (w *Worker) project(ctx context.Context, lease queue.Lease) (err error) {
	// One odd row must not end the process, and with it everybody else's work.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	if lease.Tenant == id.Shared {
		return w.projectShared(ctx, lease)
	}
	tell := false
	var done *batch
	err = w.inTenant(ctx, lease.Tenant, func(tx pgx.Tx) error {
		b := newBatch(tx, lease.Tenant, w)
		b.traces = tracesOf(ctx)
		if err := b.take(lease.Jobs); err != nil {
			return err
		}
		if err := b.run(ctx); err != nil {
			return err
		}
		// The last of all: a worker that lost its lease has done nothing then. The rows are
		// deleted by token, so a job that is extended at this moment is waited for.
		tell, done = b.toSend, b
		return lease.Finish(ctx, tx)
	})
	if err == nil {
		w.cfg.Metrics.batch(done)
	}
	if err == nil && tell {
		w.outbox.Signal()
	}
	return err
}

// sqlLockTenant serialises the work of a tenant; see the package comment.
const (
	sqlLockTenant    = `select pg_advisory_xact_lock(hashtextextended('sluice.project.' || $1, 0))`
	sqlTryLockTenant = `select pg_try_advisory_xact_lock(hashtextextended('sluice.project.' || $1, 0))`
)

// inTenant runs fn in a transaction of tenant while no other worker works for it.
func (w *Worker) inTenant(ctx context.Context, tenant id.ID, fn func(pgx.Tx) error) error {
	return pg.Tenant(ctx, w.pool, tenant, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlLockTenant, tenant.String()); err != nil {
			return fmt.Errorf("%w: %w", errBusy, err)
		}
		return fn(tx)
	})
}
