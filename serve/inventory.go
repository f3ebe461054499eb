package serve

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/ingest"
	"sluice/ingest/kafka"
	"sluice/internal/pg"
	"sluice/inventory"
)

// Inventory is what questions are asked of and decisions are told. It opens one connection
// of a role when that is needed first.
func (d *Database) Inventory() (*inventory.Inventory, error) {
	pools := map[pg.Role]*pgxpool.Pool{}
	return inventory.New(inventory.Config{Formats: d.cfg.Formats, Pool: func(ctx context.Context, role pg.Role) (*pgxpool.Pool, error) {
		if p := pools[role]; p != nil {
			return p, nil
		}
		p, err := d.Pool(ctx, role, pg.Config{MaxConns: 1})
		if err == nil {
			pools[role] = p
		}
		return p, err
	}})
}

// Replay is how parked documents and events are tried again with these formats.
func (d *Database) Replay(cfg ingest.Config) inventory.ReplayConfig {
	cfg.Logger, cfg.OnOutage, cfg.Flags = d.log, d.Revive, d.importFlags
	cfg.Allowance = importLimits{d}
	return inventory.ReplayConfig{
		Importer: func(ctx context.Context, role pg.Role) (*pgxpool.Pool, error) {
			return d.Pool(ctx, role, ingest.PoolConfig(3))
		},
		Ingest: cfg,
		Events: kafka.ReplayEvents,
		Cover:  d.CoverEvents,
	}
}
