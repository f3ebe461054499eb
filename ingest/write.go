package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sluice/ingest/deliver"
	"sluice/internal/pg"
	"sluice/internal/telemetry"
	"sluice/normalize"
)

// write stores tasks. A batch that the database refuses because of what is in it, or that
// is too slow for it, is cut in halves until the one at fault is alone; that one is parked.
func (p *Pipeline) write(ctx, hard context.Context, src Source, b *batch) error {
	var open *doubt
	var began time.Time // of the last attempt
	err := deliver.Carry(ctx, hard, p.delivery(), deliver.Work[*task]{
		Attempt: func(ctx context.Context, tasks []*task) (bool, error) {
			began = time.Now()
			var err error
			open, err = p.attemptAnew(ctx, src, tasks)
			return open != nil, err
		},
		Settle: func(ctx context.Context, _ []*task) (bool, error) { return p.settle(ctx, open) },
		Refuse: func(t **task, fault pg.Fault, cause error) error { return p.refuse(*t, fault, cause) },
		Done: func(tasks []*task) {
			p.traceStored(hard, tasks, began)
			p.cfg.Metrics.batch(hard, p.cfg.Source, tasks, time.Since(b.began))
			p.report(src, tasks)
		},
	}, b.tasks)
	return p.told(b.tasks, err)
}

// refuse parks a document that the database does not take.
func (p *Pipeline) refuse(t *task, fault pg.Fault, cause error) error {
	if t.park != nil || t.outcome == Duplicate {
		// Not the document's doing: there is nothing of it in what was written.
		return fmt.Errorf("store %s: %w", t.env.Origin, cause)
	}
	p.cfg.Logger.WarnContext(t.span.With(context.Background()), "the database does not take a document; it is parked", "origin", t.env.Origin, "fault", string(fault), "error", cause)
	t.park = normalize.Park(normalize.ReasonDatabase, "", "%w", cause)
	if fault == pg.FaultTooSlow {
		t.park = normalize.Park(normalize.ReasonTooSlow, "", "tried %d times: %w", p.cfg.SlowTries, cause)
	}
	if t.doc != nil {
		t.park.Format = t.doc.Format
	}
	t.doc, t.json = nil, nil
	return nil
}

// maxConcurrent is how often documents that others stored meanwhile are looked up anew;
// beyond that something is wrong.
const maxConcurrent = 100

// attemptAnew is attempt, begun again where another transaction stored one of the documents
// since the look-up, or where the package cache turns out to be about another server.
func (p *Pipeline) attemptAnew(ctx context.Context, src Source, tasks []*task) (open *doubt, err error) {
	for concurrent := 0; ; {
		open, err = p.attempt(ctx, src, tasks)
		switch {
		case errors.Is(err, errOtherServer):
		case errors.Is(err, errConcurrent) && concurrent < maxConcurrent:
			concurrent++
			if err := p.lookUp(ctx, tasks); err != nil {
				return nil, err
			}
		default:
			return open, err
		}
	}
}

// errOtherServer: the batch leaves out packages that another server has, or had.
var errOtherServer = errors.New("the server was started anew, or it is another one")

// attempt is one try to store tasks and move the source, in one transaction. The doubt is
// not nil where the answer to COMMIT was lost: it may have happened or not.
func (p *Pipeline) attempt(ctx context.Context, src Source, tasks []*task) (open *doubt, err error) {
	ctx, span := telemetry.Start(ctx, "transaction")
	defer func() { span.End(err) }()
	for _, t := range tasks {
		if t.outcome != Duplicate {
			t.outcome = ""
		}
	}
	tx, err := p.pool.Begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", deliver.ErrBegin, err)
	}
	defer func() { _ = tx.Rollback(ctx) }() // nothing, after the commit
	epoch := p.store.seen.at()
	for _, t := range tasks {
		t.epoch = epoch
	}
	if !slices.ContainsFunc(tasks, func(t *task) bool { return t.outcome != Duplicate }) {
		// Nothing is stored: a crash that takes these events and this position back loses no
		// document. Waiting for the disk is most of what a duplicate would cost.
		if _, err := tx.Exec(ctx, `set local synchronous_commit = off`); err != nil {
			return nil, fmt.Errorf("duplicates: %w", err)
		}
	}
	if err := p.store.write(ctx, tx, tasks); err != nil {
		return nil, err
	}
	if err := src.Advance(ctx, tx, envelopes(tasks)); err != nil {
		return nil, err
	}
	d, server, err := mark(ctx, tx)
	if err != nil {
		return nil, err
	}
	d.task = tasks[0]
	if !p.store.seen.on(epoch, server) {
		return nil, errOtherServer
	}
	if err := tx.Commit(ctx); err != nil {
		if !pg.Outage(err) {
			d = nil // the server says that it did not happen
		}
		return d, fmt.Errorf("commit: %w", err)
	}
	return nil, nil
}

func envelopes(tasks []*task) []Envelope {
	list := make([]Envelope, len(tasks))
	for i, t := range tasks {
		list[i] = t.env
	}
	return list
}

// report tells everybody of a batch that is durable.
func (p *Pipeline) report(src Source, tasks []*task) {
	receipts := make([]Receipt, len(tasks))
	stored, sbomBytes := 0, int64(0)
	for i, t := range tasks {
		receipts[i] = t.receipt()
		if t.outcome == Accepted || t.outcome == Unchanged {
			stored++
		}
		if t.outcome == Accepted && t.doc.Kind == normalize.SBOM {
			sbomBytes += int64(len(t.env.Bytes))
		}
	}
	p.store.committed(tasks)
	src.Committed(envelopes(tasks))
	if stored > 0 {
		p.wake.Signal()
		p.analyzer.add(stored, sbomBytes)
	}
	if p.cfg.OnReceipts != nil {
		p.receipts.Lock()
		defer p.receipts.Unlock()
		p.cfg.OnReceipts(receipts)
	}
}

// lookUp marks the tasks whose bytes are in the database already, or earlier in the batch.
func (p *Pipeline) lookUp(ctx context.Context, tasks []*task) error {
	tx, err := p.pool.Begin(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", deliver.ErrBegin, err)
	}
	defer func() { _ = tx.Rollback(ctx) }() // it only reads
	return p.store.lookUp(ctx, tx, tasks)
}
