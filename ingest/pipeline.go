package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"sluice/ingest/deliver"
	"sluice/internal/fair"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/telemetry"
)

// Pipeline carries documents from sources into the database. It may run several
// sources at once; they share its bytes in flight.
type Pipeline struct {
	cfg      Config
	pool     *pgxpool.Pool // made with PoolConfig
	store    store
	bytes    *semaphore.Weighted
	held     atomic.Int64 // of bytes
	count    atomic.Int64 // documents that hold them
	wake     *pg.Notifier
	analyzer *analyzer

	carriers *fair.Gate // nil: as many as there are
	closed   doors      // tenants that a limit holds up
	pace     *fair.Pace // bytes of a batch, see size

	receipts sync.Mutex // serialises OnReceipts
}

// PoolConfig is what a pool for a Pipeline needs: room for its batches, and the
// temporary tables on every connection.
func PoolConfig(conns int32) pg.Config {
	return pg.Config{MaxConns: conns, AfterConnect: createStaging}
}

// New returns a pipeline that writes through pool.
func New(pool *pgxpool.Pool, cfg Config) (*Pipeline, error) {
	if len(cfg.Formats) == 0 {
		return nil, errors.New("ingest: Config.Formats is empty")
	}
	cfg = cfg.withDefaults()
	p := &Pipeline{
		cfg: cfg, pool: pool,
		bytes:    semaphore.NewWeighted(cfg.BytesInFlight),
		wake:     pg.NewNotifier(pool, Channel),
		analyzer: newAnalyzer(pool),
		pace:     fair.NewPace(cfg.BatchTarget, leastBatch, int(cfg.BatchBytes)/8, int(cfg.BatchBytes)),
	}
	p.store = store{cfg: &p.cfg, revision: cfg.revision(), seen: newPackageCache(packageCacheSize)}
	if cfg.Carriers > 0 {
		p.carriers = fair.NewGate(cfg.Carriers)
	}
	return p, nil
}

// Run carries everything that src hands over until it returns io.EOF, which is success,
// or until ctx ends: then the batches in hand are finished and ctx's error is returned.
func (p *Pipeline) Run(ctx context.Context, src Source) error {
	tasks := make(chan *task)
	batches := make(chan *batch)
	order := newOrder()

	g, gctx := errgroup.WithContext(ctx)
	var ended error // what Next ended with; written before tasks is closed
	g.Go(func() error {
		defer close(tasks)
		ended = p.fetch(gctx, src, tasks)
		return nil // what was fetched before is stored first
	})
	g.Go(func() error {
		defer close(batches)
		if p.gather(gctx, tasks, order, batches) {
			return ended
		}
		return nil
	})
	for range max(1, src.Parallel()) {
		g.Go(func() error {
			for b := range batches {
				if err := p.carry(gctx, src, order, b); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := g.Wait()
	p.wake.Flush()
	p.analyzer.wait(ctx)
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// batch is what one transaction carries.
type batch struct {
	tasks  []*task
	bytes  int64
	slot   *slot
	began  time.Time     // when it was complete
	freed  bool          // its room was given back, because limits hold it up
	waited time.Duration // for limits
}

// The smallest that batches get for the sake of Config.BatchTarget: what is less costs more than it helps.
const (
	leastBatch     = 64 << 10
	leastDocuments = 16
)

// size is how much of a batch this one is, in bytes: by what is in it, or by how many they are.
func (p *Pipeline) size(b *batch) int {
	return int(max(b.bytes, int64(len(b.tasks))*p.cfg.BatchBytes/int64(p.cfg.BatchDocuments)))
}

// full reports whether a batch is as large as batches are to be now.
func (p *Pipeline) full(b *batch) bool {
	return len(b.tasks) >= min(leastDocuments, p.cfg.BatchDocuments) && p.size(b) >= p.pace.Size() || b.bytes >= int64(p.pace.Size())
}

// tenants are those of a batch.
func (b *batch) tenants() []id.ID {
	var list []id.ID
	for _, t := range b.tasks {
		if len(list) == 0 || list[len(list)-1] != t.env.Tenant {
			list = append(list, t.env.Tenant)
		}
	}
	slices.SortFunc(list, id.ID.Compare)
	return slices.Compact(list)
}

// release gives the room of tasks back.
func (p *Pipeline) release(tasks ...*task) {
	for _, t := range tasks {
		p.bytes.Release(p.weight(t.env))
		p.held.Add(-p.weight(t.env))
		p.count.Add(-1)
	}
}

// busy reports whether a batch that is sent now would wait for a carrier, and for good reason: it
// may grow meanwhile.
func (p *Pipeline) busy(b *batch) bool { return p.carriers != nil && p.carriers.Last(b.tenants()) }

// InFlight returns how many documents are between a source and the database, and the
// bytes that they are reckoned with.
func (p *Pipeline) InFlight() (documents, bytes int64) { return p.count.Load(), p.held.Load() }

// weight is the room that a document takes. It costs more than its bytes while it is read.
func (p *Pipeline) weight(env Envelope) int64 {
	size := int64(len(env.Bytes)) + 4096
	if env.Seal != nil {
		size += int64(len(env.Seal.Bytes))
	}
	return min(size, p.cfg.BytesInFlight)
}

// carry takes one batch all the way to the database and reports on it.
func (p *Pipeline) carry(ctx context.Context, src Source, order *order, b *batch) (err error) {
	defer func() {
		if !b.freed {
			p.release(b.tasks...)
		}
	}()
	defer order.leave(b.slot)
	b.began = time.Now()
	ctx, span := p.traceBatch(ctx, b)
	defer func() { traceEnd(span, b.tasks, err) }()
	// A stop does not abandon the batch in hand: everything in it would be read again.
	// It gets a clock of its own from the moment of the stop.
	if p.cfg.Yield != nil {
		p.cfg.Yield(ctx)
	}
	if p.carriers != nil {
		if err := p.carriers.Enter(ctx, b.tenants()); err != nil {
			return err
		}
		defer p.carriers.Leave()
	}
	defer func(began time.Time) { p.pace.Took(p.size(b), time.Since(began)-b.waited) }(time.Now())
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(p.cfg.BatchTimeout):
			cancel()
		case <-hard.Done():
		}
	})
	defer stop()

	err = p.carryUntil(ctx, hard, src, order, b)
	if fault := deliver.FaultOf(err); ctx.Err() != nil && (fault == pg.FaultOutage || fault == pg.FaultStopped || fault.Bounded()) {
		// Make a stop look like one where the batch in hand could not be finished.
		return fmt.Errorf("%w; the batch in hand was not stored and will come again: %w", ctx.Err(), err)
	}
	return err
}

// carryUntil is carry with both clocks: after ctx nothing is tried again, after hard
// nothing goes on.
func (p *Pipeline) carryUntil(ctx, hard context.Context, src Source, order *order, b *batch) error {
	if err := order.awaitDocuments(hard, b.slot); err != nil {
		return err
	}
	if err := p.insist(ctx, func() error { return p.lookUp(hard, b.tasks) }); err != nil {
		return p.told(b.tasks, err)
	}
	if err := p.askFlags(ctx, b.tasks); err != nil {
		return p.told(b.tasks, err)
	}
	p.read(hard, b.tasks)
	if err := order.awaitStreams(hard, b.slot, b.tasks); err != nil {
		return err
	}
	return p.writeAllowed(ctx, hard, src, b)
}

// read reads the documents that are not known yet.
func (p *Pipeline) read(ctx context.Context, tasks []*task) {
	_, span := telemetry.Start(ctx, "read")
	defer span.End(nil)
	for _, t := range tasks {
		if t.outcome == "" {
			t.prepare(&p.cfg)
		}
	}
}
