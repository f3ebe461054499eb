package serve

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/authority"
	"sluice/internal/pg"
)

// Access says whose tokens are accepted besides our own.
type Access struct {
	Issuers  []string // OpenID Connect issuers, by URL
	Audience string   // what their tokens must have been issued for
	// Hush: whoever is refused reads our log. It says why at the level debug only.
	Hush bool

	registry *prometheus.Registry // shows what was decided; nil: nobody
}

// Authority says who may act in the tenants of this database.
func (d *Database) Authority(ctx context.Context, cfg Access) (*authority.Authority, error) {
	pool, err := d.Pool(ctx, pg.Maintainer, authority.PoolConfig())
	if err != nil {
		return nil, err
	}
	c := authority.Config{Issuers: cfg.Issuers, Audience: cfg.Audience, Logger: d.log}
	if cfg.registry != nil {
		c.Registerer = cfg.registry
	}
	if cfg.Hush {
		level := slog.LevelDebug
		c.LogRefusals = &level
	}
	return authority.New(pool, c)
}
