package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sluice/internal/pg"
	"sluice/normalize"
)

// write stores tasks in one transaction. A batch that the database refuses because of
// what is in it is cut in halves until the one at fault is alone; that one is parked.
func (p *Pipeline) write(ctx, hard context.Context, src Source, tasks []*task) error {
	refused, err := p.deliver(ctx, hard, src, tasks)
	if err != nil {
		return err
	}
	if refused == nil {
		p.report(src, tasks)
		return nil
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
	p.cfg.Logger.Warn("the database refuses a document; it is parked", "origin", t.env.Origin, "error", refused)
	t.park = normalize.Park(normalize.ReasonDatabase, "", "%w", refused)
	if t.doc != nil {
		t.park.Format = t.doc.Format
	}
	t.doc, t.json = nil, nil
	return p.write(ctx, hard, src, tasks)
}

// After so many failures of one kind in a row the batch is not tried again as it is.
const (
	maxInternal   = 5   // internal errors of the server: then it is the documents' doing
	maxConcurrent = 100 // documents that others stored meanwhile: then something is wrong
)

// deliver stores tasks, waiting out outages. refused is what the database has against them.
func (p *Pipeline) deliver(ctx, hard context.Context, src Source, tasks []*task) (refused, err error) {
	internal, concurrent := 0, 0
	var open *doubt
	err = p.insist(ctx, func() error {
		for {
			if open != nil {
				committed, err := p.settle(hard, open)
				if err != nil || committed {
					return err
				}
			}
			var err error
			open, err = p.attempt(hard, src, tasks)
			switch {
			case errors.Is(err, errConcurrent) && concurrent < maxConcurrent:
				// Somebody stored one of these documents since the look-up. Look again.
				if err := p.lookUp(hard, tasks); err != nil {
					return err
				}
				concurrent++
				continue
			case isInternal(err):
				if internal++; internal == maxInternal {
					refused = err
					return nil
				}
			case err != nil && faultOf(err) == refusal:
				refused = err
				return nil
			}
			return err
		}
	})
	if err != nil && faultOf(err) == defect && !errors.Is(err, ErrFenced) {
		err = fmt.Errorf("store %d documents, the first from %s: %w", len(tasks), tasks[0].env.Origin, err)
	}
	return refused, err
}

// attempt is one try to store tasks and move the source, in one transaction. The doubt is
// not nil where the answer to COMMIT was lost: it may have happened or not.
func (p *Pipeline) attempt(ctx context.Context, src Source, tasks []*task) (*doubt, error) {
	for _, t := range tasks {
		if t.outcome != Duplicate {
			t.outcome = ""
		}
	}
	tx, err := p.pool.Begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBegin, err)
	}
	defer func() { _ = tx.Rollback(ctx) }() // nothing, after the commit
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
	d := &doubt{task: tasks[0]}
	if err := tx.QueryRow(ctx, sqlCommitMark).Scan(&d.xid, &d.from, &d.to); err != nil {
		return nil, fmt.Errorf("number of the transaction: %w", err)
	}
	if err := tx.Commit(ctx); err != nil {
		if faultOf(err) != outage {
			d = nil
		}
		return d, fmt.Errorf("commit: %w", err)
	}
	return nil, nil
}

// doubt is a transaction whose COMMIT got no answer, and how to find out.
type doubt struct {
	xid      string
	task     *task     // one whose event it wrote
	from, to time.Time // between these
}

// settle finds out whether the transaction of d was committed. Guessing would report
// documents as duplicates that this very run stored, and count attempts and events twice.
//
// The server's word on the transaction's number is not enough: numbers that had not
// reached the disk are given out again after a crash. So there must be a row too that
// this transaction wrote.
func (p *Pipeline) settle(ctx context.Context, d *doubt) (committed bool, err error) {
	var status string
	t := d.task
	err = pg.Tenant(ctx, p.pool, t.env.Tenant, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, sqlCommitted, d.xid, t.env.Tenant, t.env.ScanRun, d.from, d.to, t.eventID()).Scan(&status, &committed)
	})
	var pe *pgconn.PgError
	switch {
	case errors.As(err, &pe) && pe.Code == "22023": // the number was not given out yet: it was lost in a crash
		return false, nil
	case err != nil:
		return false, fmt.Errorf("was transaction %s committed: %w", d.xid, err)
	case status == "in progress":
		return false, errInDoubt
	}
	return committed, nil
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
		return fmt.Errorf("%w: %w", errBegin, err)
	}
	defer func() { _ = tx.Rollback(ctx) }() // it only reads
	return p.store.lookUp(ctx, tx, tasks)
}
