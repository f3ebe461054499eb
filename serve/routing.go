package serve

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/projections"
	"sluice/routing/flags"
	"sluice/routing/limits"
)

// routing is what is switched on and how much is allowed, as this process knows it. Opened when it is asked first.
type routing struct {
	mu     sync.Mutex
	flags  map[pg.Role]*flags.Flags
	limits *limits.Limiter
}

// Flags is what is switched on, for whom, as role reads it: a login may be able to take that one
// alone.
func (d *Database) Flags(ctx context.Context, role pg.Role) (*flags.Flags, error) {
	r := d.routing
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.flags[role]; f != nil {
		return f, nil
	}
	// Of two, one reads a tenant's flags while the other asks whether there is something new.
	pool, err := d.Pool(ctx, role, pg.Config{MaxConns: 2})
	if err != nil {
		return nil, err
	}
	f := flags.New(flags.Config{Pool: pool, Redis: d.cfg.Redis, Logger: d.log})
	if r.flags == nil {
		r.flags = map[pg.Role]*flags.Flags{}
	}
	r.flags[role] = f
	return f, nil
}

// flagsOf is what is switched on for a tenant.
func (d *Database) flagsOf(ctx context.Context, role pg.Role, tenant id.ID) (*flags.Set, error) {
	f, err := d.Flags(ctx, role)
	if err != nil {
		return nil, err
	}
	return f.Of(ctx, tenant)
}

// importFlags answers what imports ask.
type importFlags struct{ set *flags.Set }

// Format implements ingest.Flags.
func (f importFlags) Format(name string) bool { return f.set.On(flags.Format+name, nil) }

// Receipts implements ingest.Flags.
func (f importFlags) Receipts() bool { return f.set.On(flags.Receipts, nil) }

func (d *Database) importFlags(ctx context.Context, tenant id.ID) (ingest.Flags, error) {
	set, err := d.flagsOf(ctx, pg.Ingest, tenant)
	return importFlags{set}, err
}

// projectionFlags answers what projections ask.
type projectionFlags struct{ d *Database }

// Projects implements projections.Flags.
func (p projectionFlags) Projects(ctx context.Context, tenant id.ID) (bool, error) {
	set, err := p.d.flagsOf(ctx, pg.Projector, tenant)
	if err != nil {
		return false, err
	}
	return set.On(flags.Projection, nil), nil
}

// InForce implements projections.Flags.
func (p projectionFlags) InForce(ctx context.Context, tx pgx.Tx, tenant id.ID) (projections.InForce, error) {
	set, err := flags.Load(ctx, tx, tenant, flags.Issuer, flags.CPE)
	return inForce{set}, err
}

type inForce struct{ set *flags.Set }

// Trusts implements projections.InForce.
func (f inForce) Trusts(issuer, source string) bool {
	return f.set.On(flags.Issuer, flags.Attributes{"issuer": issuer, "source": source})
}

// ByCPE implements projections.InForce.
func (f inForce) ByCPE() bool { return f.set.On(flags.CPE, nil) }

// Operator opens connections of who sets flags and limits.
func (d *Database) Operator(ctx context.Context) (*pgxpool.Pool, error) {
	return d.Pool(ctx, pg.Maintainer, pg.Config{MaxConns: 2})
}
