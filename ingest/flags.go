package ingest

import (
	"context"

	"sluice/internal/id"
)

// askFlags finds out what is switched on for the tenants of a batch.
func (p *Pipeline) askFlags(ctx context.Context, tasks []*task) error {
	if p.cfg.Flags == nil {
		return nil
	}
	var last id.ID // most batches are of one tenant
	var flags Flags
	for _, t := range tasks {
		if flags == nil || t.env.Tenant != last {
			err := p.insist(ctx, func() (err error) {
				flags, err = p.cfg.Flags(ctx, t.env.Tenant)
				return err
			})
			if err != nil {
				return err
			}
			last = t.env.Tenant
		}
		t.flags = flags
	}
	return nil
}
