package ingest

import (
	"context"
	"errors"
	"fmt"

	"sluice/ingest/deliver"
	"sluice/internal/pg"
)

// delivery is how patient the pipeline is with the database.
func (p *Pipeline) delivery() deliver.Config {
	return deliver.Config{
		RetryFirst: p.cfg.RetryFirst, RetryMax: p.cfg.RetryMax, SlowTries: p.cfg.SlowTries, Logger: p.cfg.Logger, OnFault: p.failed,
	}
}

// failed is told of each failure after which the same is tried again.
func (p *Pipeline) failed(fault pg.Fault, err error) {
	// A fail-over may have lost commits that the cache believes in.
	p.store.seen.empty()
	if fault == pg.FaultOutage && p.cfg.OnOutage != nil {
		p.cfg.OnOutage(err)
	}
}

// insist calls fn until it succeeds or fails with something that does not pass by itself.
func (p *Pipeline) insist(ctx context.Context, fn func() error) error {
	return deliver.Insist(ctx, p.delivery(), fn)
}

// told is err as a run ends with it: a defect says which role lacks what, and of which batch.
func (p *Pipeline) told(tasks []*task, err error) error {
	if deliver.FaultOf(err) != pg.FaultDefect || errors.Is(err, ErrFenced) {
		return err
	}
	return pg.Tell(pg.RoleOf(p.pool), fmt.Errorf("store %d documents, the first from %s: %w", len(tasks), tasks[0].env.Origin, err))
}
