package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/serve"
	"sluice/tenants"
)

// Settings are those of the server that the figures depend on.
var Settings = []string{
	"server_version", "shared_buffers", "max_wal_size", "wal_compression", "synchronous_commit", "fsync", "full_page_writes",
	"default_toast_compression", "work_mem", "maintenance_work_mem", "checkpoint_timeout", "gin_pending_list_limit", "autovacuum", "jit",
}

func settings(ctx context.Context, conn *pgx.Conn) (map[string]string, error) {
	out := map[string]string{}
	for _, name := range Settings {
		var v string
		if err := conn.QueryRow(ctx, `select current_setting($1)`, name).Scan(&v); err != nil {
			return nil, err
		}
		out[name] = v
	}
	return out, nil
}

// newTenants makes a new tenant per round: the same documents are new to it.
type newTenants struct {
	db *serve.Database
	n  int
}

func (t *newTenants) next(ctx context.Context) (id.ID, error) {
	pool, err := t.db.Pool(ctx, pg.Maintainer, pg.Config{MaxConns: 1})
	if err != nil {
		return id.ID{}, err
	}
	t.n++
	tenant, made, err := tenants.Create(ctx, pool, fmt.Sprintf("bench-%d-%d", time.Now().UnixNano(), t.n))
	if err == nil && !made {
		err = errors.New("the tenant of this round is there already")
	}
	return tenant, err
}
