package ingest

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/id"
	"sluice/internal/pg"
)

// MayWrite reports whether a topic may carry documents of a tenant, by ingest.producer.
func MayWrite(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, topic string) (may bool, err error) {
	err = pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error { return tx.QueryRow(ctx, sqlMayWrite, tenant, topic).Scan(&may) })
	if err != nil {
		return false, fmt.Errorf("ask whether topic %s may carry documents of tenant %s: %w", topic, tenant, err)
	}
	return may, nil
}
