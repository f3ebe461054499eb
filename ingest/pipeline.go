package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"sluice/internal/pg"
	"sluice/normalize"
)

// ErrFenced is what Source.Advance returns when another owner has taken the
// position over: this one must stop, its batch was rolled back.
var ErrFenced = errors.New("another owner has taken this position over")

// Pipeline carries documents from sources into the database. It may run several
// sources at once; they share its bytes in flight.
type Pipeline struct {
	cfg   Config
	pool  *pgxpool.Pool // made with PoolConfig
	store store
	bytes *semaphore.Weighted
	wake  *waker

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
	return &Pipeline{
		cfg: cfg, pool: pool, store: store{revision: cfg.revision(), seen: newPackageCache(packageCacheSize)},
		bytes: semaphore.NewWeighted(cfg.BytesInFlight),
		wake:  newWaker(pool),
	}, nil
}

// Run carries everything that src hands over until it returns io.EOF, which is success,
// or until ctx ends: then the batches in hand are finished and ctx's error is returned.
func (p *Pipeline) Run(ctx context.Context, src Source) error {
	parallel := max(1, src.Parallel())
	batches := make(chan *batch)
	order := newOrder()

	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(batches)
		return p.read(gctx, src, order, batches)
	})
	for range parallel {
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
	p.wake.flush()
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// batch is what one transaction carries.
type batch struct {
	tasks []*task
	bytes int64
	slot  *slot
}

// read makes batches of what the source hands over.
func (p *Pipeline) read(ctx context.Context, src Source, order *order, out chan<- *batch) error {
	tasks := make(chan *task)
	var ended error
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer close(tasks)
		for {
			env, err := src.Next(ctx)
			if err != nil {
				if !errors.Is(err, io.EOF) && ctx.Err() == nil {
					ended = fmt.Errorf("read source: %w", err)
				}
				return
			}
			if err := p.bytes.Acquire(ctx, p.weight(env)); err != nil {
				return // stopping
			}
			select {
			case tasks <- newTask(env):
			case <-ctx.Done():
				p.bytes.Release(p.weight(env))
				return
			}
		}
	}()

	cur := &batch{}
	deadline := time.NewTimer(time.Hour)
	defer deadline.Stop()
	send := func() bool {
		if len(cur.tasks) == 0 {
			return true
		}
		cur.slot = order.enter(cur.tasks)
		select {
		case out <- cur:
			cur = &batch{}
			return true
		case <-ctx.Done():
			order.leave(cur.slot)
			return false
		}
	}
	for {
		select {
		case t, ok := <-tasks:
			if !ok {
				if ctx.Err() == nil {
					send()
				}
				return ended
			}
			if len(cur.tasks) > 0 && cur.bytes+int64(len(t.env.Bytes)) > p.cfg.BatchBytes {
				if !send() {
					return nil
				}
			}
			if len(cur.tasks) == 0 {
				deadline.Reset(p.cfg.BatchWait)
			}
			cur.tasks = append(cur.tasks, t)
			cur.bytes += int64(len(t.env.Bytes))
			if len(cur.tasks) >= p.cfg.BatchDocuments || cur.bytes >= p.cfg.BatchBytes {
				if !send() {
					return nil
				}
			}
		case <-deadline.C:
			if !send() {
				return nil
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func (p *Pipeline) weight(env Envelope) int64 {
	// A document costs more than its bytes while it is being read.
	return min(int64(len(env.Bytes))+4096, p.cfg.BytesInFlight)
}

// carry takes one batch all the way to the database and reports on it.
func (p *Pipeline) carry(ctx context.Context, src Source, order *order, b *batch) error {
	defer func() {
		order.leave(b.slot)
		for _, t := range b.tasks {
			p.bytes.Release(p.weight(t.env))
		}
	}()
	// A stop does not abandon the batch in hand: everything in it would be read again.
	// It gets a clock of its own from the moment of the stop.
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(p.cfg.BatchTimeout, cancel) })
	defer stop()

	if err := order.awaitDocuments(hard, b.slot); err != nil {
		return err
	}
	if err := p.insist(ctx, hard, func() error { return p.lookUp(hard, b.tasks) }); err != nil {
		return p.outOfTime(ctx, err)
	}
	for _, t := range b.tasks {
		if t.outcome == "" {
			t.prepare(&p.cfg)
		}
	}
	if err := order.awaitStreams(hard, b.slot, b.tasks); err != nil {
		return err
	}
	return p.write(ctx, hard, src, b.tasks)
}

// write stores tasks in one transaction. A batch that the database refuses because of
// what is in it is cut in halves until the one at fault is alone; that one is parked.
func (p *Pipeline) write(ctx, hard context.Context, src Source, tasks []*task) error {
	var refused error
	err := p.insist(ctx, hard, func() error {
		err := p.attempt(hard, src, tasks)
		switch {
		case err == nil, errors.Is(err, ErrFenced), pg.Outage(err), hard.Err() != nil:
			return err
		case errors.Is(err, errConcurrent):
			// Somebody stored one of these documents since the look-up. Look again.
			if err := p.lookUp(hard, tasks); err != nil {
				return err
			}
			return errAgain
		default:
			refused = err
			return nil
		}
	})
	if err != nil {
		return p.outOfTime(ctx, err)
	}
	if refused == nil {
		return p.report(src, tasks)
	}
	if len(tasks) > 1 {
		half := len(tasks) / 2
		if err := p.write(ctx, hard, src, tasks[:half]); err != nil {
			return err
		}
		return p.write(ctx, hard, src, tasks[half:])
	}
	t := tasks[0]
	if t.park != nil || t.outcome == Duplicate {
		// Not the document's doing: there is nothing of it in what was written.
		return fmt.Errorf("store %s: %w", t.env.Origin, refused)
	}
	t.park = normalize.Park(normalize.ReasonDatabase, "", "%w", refused)
	if t.doc != nil {
		t.park.Format = t.doc.Format
	}
	t.doc, t.json = nil, nil
	return p.write(ctx, hard, src, tasks)
}

// attempt is one try to store tasks and move the source, in one transaction.
func (p *Pipeline) attempt(ctx context.Context, src Source, tasks []*task) error {
	for _, t := range tasks {
		if t.outcome != Duplicate {
			t.outcome = ""
		}
	}
	return pgx.BeginFunc(ctx, p.pool, func(tx pgx.Tx) error {
		if err := p.store.write(ctx, tx, tasks); err != nil {
			return err
		}
		done := make([]Envelope, len(tasks))
		for i, t := range tasks {
			done[i] = t.env
		}
		return src.Advance(ctx, tx, done)
	})
}

func (p *Pipeline) report(src Source, tasks []*task) error {
	done := make([]Envelope, len(tasks))
	receipts := make([]Receipt, len(tasks))
	stored := false
	for i, t := range tasks {
		done[i], receipts[i] = t.env, t.receipt()
		stored = stored || t.outcome == Accepted || t.outcome == Unchanged
	}
	p.store.committed(tasks)
	src.Committed(done)
	if stored {
		p.wake.signal()
	}
	if p.cfg.OnReceipts != nil {
		p.receipts.Lock()
		defer p.receipts.Unlock()
		p.cfg.OnReceipts(receipts)
	}
	return nil
}

// lookUp marks the tasks whose bytes are in the database already, or earlier in the batch.
func (p *Pipeline) lookUp(ctx context.Context, tasks []*task) error {
	return pgx.BeginFunc(ctx, p.pool, func(tx pgx.Tx) error { return p.store.lookUp(ctx, tx, tasks) })
}

var errAgain = errors.New("try again")

// insist calls fn until it succeeds or fails with something other than an outage.
// Once ctx has ended it makes no new attempt after a failed one.
func (p *Pipeline) insist(ctx, hard context.Context, fn func() error) error {
	pause := p.cfg.RetryFirst
	for attempt := 1; ; attempt++ {
		err := fn()
		if errors.Is(err, errAgain) {
			continue
		}
		if err == nil || !pg.Outage(err) || hard.Err() != nil {
			return err
		}
		if ctx.Err() != nil {
			return err
		}
		p.cfg.Logger.Warn("database outage: the batch is kept and tried again", "attempt", attempt, "pause", pause, "error", err)
		if p.cfg.OnOutage != nil {
			p.cfg.OnOutage(err)
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done():
			return err
		}
		pause = min(2*pause, p.cfg.RetryMax)
	}
}

// outOfTime makes a stop look like a stop where the batch in hand could not be finished.
func (p *Pipeline) outOfTime(ctx context.Context, err error) error {
	if ctx.Err() != nil && (pg.Outage(err) || errors.Is(err, context.Canceled)) {
		return fmt.Errorf("%w; the batch in hand was not stored and will come again: %w", ctx.Err(), err)
	}
	return err
}
