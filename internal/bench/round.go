package bench

import (
	"context"
	"fmt"
	"runtime"
	"runtime/pprof"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/ingest"
	"sluice/ingest/files"
	"sluice/internal/pg"
	"sluice/normalize"
	"sluice/projections"
)

// bencher is what the phases share.
type bencher struct {
	cfg     FilesConfig
	conn    *pgx.Conn // for figures of the server
	server  processor
	floor   *floor
	pool    *pgxpool.Pool
	pipe    *ingest.Pipeline
	worker  *projections.Worker
	tenants *newTenants
	counts  ingest.Counts
}

func newBencher(ctx context.Context, cfg FilesConfig) (*bencher, error) {
	db := cfg.Database
	if err := db.Connect(ctx); err != nil {
		return nil, err
	}
	bt := &bencher{cfg: cfg, tenants: &newTenants{db: db}}
	var err error
	if bt.conn, err = db.Dial(ctx); err != nil {
		return nil, err
	}
	if bt.server, err = findServer(ctx, bt.conn); err != nil {
		return nil, err
	}
	if bt.floor, err = newFloor(ctx, db.URL(), cfg.Workers); err != nil {
		return nil, err
	}
	if bt.pool, err = db.Pool(ctx, pg.Ingest, ingest.PoolConfig(int32(cfg.Workers)+2)); err != nil {
		return nil, err
	}
	given := cfg.Ingest
	given.OnReceipts = func(r []ingest.Receipt) { bt.counts.Add(r...) }
	if bt.pipe, err = ingest.New(bt.pool, given); err != nil {
		return nil, err
	}
	if bt.worker, err = db.Projector(ctx, 1); err != nil {
		return nil, err
	}
	return bt, nil
}

// close ends what is not the database's to end, and removes the floor.
func (bt *bencher) close(ctx context.Context) {
	bt.floor.drop(ctx)
	_ = bt.conn.Close(ctx)
}

// round measures one load once: floor, import, duplicates, projection.
func (bt *bencher) round(ctx context.Context, l load, n int) (Round, error) {
	r := Round{Load: l.name, Round: n}
	tenant, err := bt.tenants.next(ctx)
	if err != nil {
		return r, err
	}
	if r.Sum, err = bt.measure(ctx, "sha256sum", func(ctx context.Context) (int64, int64, error) { return sumFiles(ctx, l.dir) }); err != nil {
		return r, err
	}
	if r.Floor, err = bt.measure(ctx, "floor", func(ctx context.Context) (int64, int64, error) { return bt.floor.run(ctx, l, tenant) }); err != nil {
		return r, fmt.Errorf("floor: %w", err)
	}
	importOnce := func(ctx context.Context) (int64, int64, error) {
		bt.counts = ingest.Counts{}
		src, err := files.Open(ctx, files.Config{Tenant: tenant, Paths: []string{l.dir}, Limits: normalize.DefaultLimits, Parallel: bt.cfg.Workers})
		if err != nil {
			return 0, 0, err
		}
		defer src.Close()
		if err := bt.pipe.Run(ctx, src); err != nil {
			return 0, 0, err
		}
		// What the import leaves behind in bulk is part of its price.
		if bt.counts.Accepted > 0 {
			if err := ingest.MergeSearchIndex(ctx, bt.pool); err != nil {
				return 0, 0, err
			}
		}
		return bt.counts.Documents, bt.counts.Bytes, nil
	}
	if r.Import, err = bt.measure(ctx, "import", importOnce); err != nil {
		return r, fmt.Errorf("import: %w", err)
	}
	if bt.counts.Accepted == 0 || bt.counts.Parked > 0 {
		return r, fmt.Errorf("import: %d accepted, %d parked: this measures nothing", bt.counts.Accepted, bt.counts.Parked)
	}
	if r.Duplicates, err = bt.measure(ctx, "duplicates", importOnce); err != nil {
		return r, fmt.Errorf("duplicates: %w", err)
	}
	if bt.counts.Duplicate != bt.counts.Documents {
		return r, fmt.Errorf("duplicates: %d of %d were none", bt.counts.Documents-bt.counts.Duplicate, bt.counts.Documents)
	}
	if r.Projection, err = bt.measure(ctx, "projection", func(ctx context.Context) (int64, int64, error) {
		return bt.counts.Documents, 0, bt.worker.Drain(ctx, tenant)
	}); err != nil {
		return r, fmt.Errorf("projection: %w", err)
	}
	err = pg.Tenant(ctx, bt.pool, tenant, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, sqlComponents, tenant).Scan(&r.Projection.Rows)
	})
	if err != nil {
		return r, err
	}
	r.Projection.RowsPerS = float64(r.Projection.Rows) / r.Projection.Seconds
	r.Ratio = r.Import.DocsPerS / r.Floor.DocsPerS
	r.DupSpeedup = r.Duplicates.DocsPerS / r.Import.DocsPerS
	if r.Sum.Documents > 0 {
		r.DupToSum = r.Duplicates.DocsPerS / r.Sum.DocsPerS
	}
	if r.Floor.ServerTime > 0 {
		r.TimeRatio = (r.Floor.ServerTime + r.Floor.OwnTime) / (r.Import.ServerTime + r.Import.OwnTime)
	}
	return r, nil
}

// measure times fn, with the server's WAL, the processor time of both sides and this process's
// peak memory. In a profile of the processor the phase is the label of its samples.
func (bt *bencher) measure(ctx context.Context, phase string, fn func(context.Context) (documents, bytes int64, err error)) (f Figures, err error) {
	runtime.GC()
	resetPeak()
	before, err := bt.wal(ctx)
	if err != nil {
		return f, err
	}
	own, server, start := ownTime(), bt.server.used(), time.Now()
	pprof.Do(ctx, pprof.Labels("phase", phase), func(ctx context.Context) {
		f.Documents, f.Bytes, err = fn(ctx)
	})
	if err != nil {
		return f, err
	}
	f.Seconds = time.Since(start).Seconds()
	f.OwnTime, f.ServerTime = (ownTime() - own).Seconds(), (bt.server.used() - server).Seconds()
	f.DocsPerS, f.MBPerS, f.PeakRSS = float64(f.Documents)/f.Seconds, float64(f.Bytes)/1e6/f.Seconds, peakRSS()
	after, err := bt.wal(ctx)
	f.WAL = after - before
	return f, err
}

func (bt *bencher) wal(ctx context.Context) (n int64, err error) {
	err = bt.conn.QueryRow(ctx, sqlWAL).Scan(&n)
	return n, err
}
