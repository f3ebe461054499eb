package serve

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"sluice/ingest"
	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/normalize"
	"sluice/projections"
)

// CheckProjectors returns an *ask.WrongError where that many projectors make no sense.
func CheckProjectors(workers int) error {
	if workers < 1 || workers > 64 {
		return ask.Wrong("workers", "%d: it is 1 to 64", workers)
	}
	return nil
}

// Projector opens the connections for so many tenants at the same time: two each, and three
// to listen, to claim and to refresh the views.
func (d *Database) Projector(ctx context.Context, workers int) (*projections.Worker, error) {
	return d.projector(ctx, workers, nil)
}

// projector is a Projector that tells of each batch, too.
func (d *Database) projector(ctx context.Context, workers int, onBatch func(jobs int)) (*projections.Worker, error) {
	pool, err := d.Pool(ctx, pg.Projector, projections.PoolConfig(int32(2*workers)+3))
	if err != nil {
		return nil, err
	}
	return projections.New(pool, projections.Config{
		Logger: d.log, OnOutage: d.Revive, Reread: d.reread, Metrics: d.project, Flags: projectionFlags{d},
		OnBatch: func(jobs int, took time.Duration) {
			d.log.Debug("projected", "jobs", jobs, "took", took)
			if onBatch != nil {
				onBatch(jobs)
			}
		},
	}), nil
}

// reread reads stored documents again, as imports read new ones. Their limits were those of
// their import: what was stored then is not refused now.
func (d *Database) reread(ctx context.Context, tx pgx.Tx, tenant id.ID, documents []id.ID) (projections.Remade, error) {
	limits := normalize.Limits{MaxBytes: math.MaxInt32, MaxComponents: math.MaxInt32, MaxDepth: 10_000, MaxString: math.MaxInt32}
	m, err := ingest.Reread(ctx, tx, tenant, documents, ingest.Config{Formats: d.cfg.Formats, Limits: limits, Logger: d.log})
	made := projections.Remade{Packages: m.Packages, Records: m.Records, Names: m.Names}
	for _, s := range m.Streams {
		made.Streams = append(made.Streams, projections.Stream(s))
	}
	return made, err
}

// Project brings the derived tables up to what is stored, so many tenants at the same time:
// until ctx ends or, with once, until the queue is empty.
func (d *Database) Project(ctx context.Context, workers int, once bool) error {
	if err := CheckProjectors(workers); err != nil {
		return err
	}
	w, err := d.Projector(ctx, workers)
	if err != nil {
		return err
	}
	return project(ctx, w, workers, once)
}

func project(ctx context.Context, w *projections.Worker, workers int, once bool) error {
	g, gctx := errgroup.WithContext(ctx)
	for range workers {
		g.Go(func() error {
			if once {
				return w.Drain(gctx)
			}
			return w.Run(gctx)
		})
	}
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return ctx.Err()
}

// Drain projects until nothing is left to do for the tenant and for the shared feed.
func (d *Database) Drain(ctx context.Context, tenant id.ID) error {
	return d.drain(ctx, tenant, nil)
}

// countEvery is how often who waits is told how many jobs are left.
const countEvery = 300 * time.Millisecond

// drain is Drain that tells, now and then, how many jobs are done and how many are left. Others may do some of them, and
// shared facts make new ones: the sum of the two is no promise.
func (d *Database) drain(ctx context.Context, tenant id.ID, tell func(done, left int64)) error {
	var w *projections.Worker
	var done int64
	var told time.Time
	w, err := d.projector(ctx, 1, func(jobs int) {
		if done += int64(jobs); tell == nil || time.Since(told) < countEvery {
			return
		}
		// What cannot be counted is not told: the next batch meets the same trouble, and says so.
		if left, err := w.Left(ctx, tenant); err == nil {
			told = time.Now()
			tell(done, left)
		}
	})
	if err != nil {
		return err
	}
	if tell != nil {
		if left, err := w.Left(ctx, tenant); err == nil {
			tell(0, left)
		}
		defer func() { tell(done, 0) }()
	}
	if tenant == id.Shared {
		return w.Drain(ctx) // shared facts concern every tenant
	}
	// The shared feed first: its facts become jobs of the tenant.
	if err := w.Drain(ctx, id.Shared); err != nil {
		return err
	}
	return w.Drain(ctx, tenant)
}
