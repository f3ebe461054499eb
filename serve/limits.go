package serve

import (
	"context"
	"time"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/routing/limits"
)

// Limits is how much tenants may send and store.
func (d *Database) Limits(ctx context.Context) (*limits.Limiter, error) {
	r := d.routing
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.limits != nil {
		return r.limits, nil
	}
	pool, err := d.Pool(ctx, pg.Ingest, pg.Config{MaxConns: 2})
	if err != nil {
		return nil, err
	}
	r.limits = limits.New(limits.Config{Pool: pool, Redis: d.cfg.Redis, Logger: d.log})
	return r.limits, nil
}

// importLimits answers what imports ask.
type importLimits struct{ d *Database }

// Allow implements ingest.Limits. The operator's own imports, and the shared feed, are not limited.
func (i importLimits) Allow(ctx context.Context, tenant id.ID, list []ingest.Size) (n int, again time.Duration, why string, err error) {
	if tenant == id.Shared || tenant == id.Operator {
		return len(list), 0, "", nil
	}
	l, err := i.d.Limits(ctx)
	if err != nil {
		return 0, 0, "", err
	}
	items := make([]limits.Item, len(list))
	for j, s := range list {
		items[j] = limits.Item(s)
	}
	n, refusal, err := l.Allow(ctx, tenant, items)
	if refusal != nil {
		again, why = refusal.Again, refusal.String()
	}
	return n, again, why, err
}
