package serve

import (
	"context"
	"errors"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/tenants"
)

// defaultTenant is made when it is missing.
const defaultTenant = "default"

// Tenant finds a tenant by name or id. `default` is made when it is missing; any other name
// only where create is true, so that a typing error does not open a new tenant.
func (d *Database) Tenant(ctx context.Context, name string, create bool) (id.ID, error) {
	if err := d.Connect(ctx); err != nil {
		return id.ID{}, err
	}
	if d.auditor != nil {
		return d.ofAuditor(ctx, name)
	}
	pool, err := d.Pool(ctx, pg.Maintainer, pg.Config{MaxConns: 1})
	if err != nil {
		return id.ID{}, err
	}
	t, err := tenants.Find(ctx, pool, name)
	var missing *ask.NotFoundError
	if _, notID := id.Parse(name); notID == nil || !errors.As(err, &missing) || !create && name != defaultTenant {
		return t, err
	}
	t, _, err = tenants.Create(ctx, pool, name)
	return t, err
}
