package tenants

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/ask"
	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/pg"
)

// Rename gives a tenant another name. Its id stays, and with it all that refers to it; messages and
// commands that go on using the old name find no tenant. The old name is free.
func Rename(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if tenant == id.Shared || tenant == id.Operator {
		return ask.Wrong("", "the shared feed and the operator have no name to change")
	}
	err := pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		var before string
		if err := tx.QueryRow(ctx, sqlNameOf, tenant).Scan(&before); err != nil {
			return err
		}
		if before == name {
			return nil
		}
		if strings.HasPrefix(before, deleting) {
			return ask.Wrong("", "tenant %s: it is being deleted; `sluice tenant delete %s --yes` goes on with that", tenant, tenant)
		}
		if _, err := tx.Exec(ctx, sqlRename, tenant, name); err != nil {
			return err
		}
		return audit.Note(ctx, tx, tenant, audit.Entry{
			Action: "tenant.rename", Entity: "tenant", Of: &tenant,
			Diff: audit.Change(map[string]string{"name": before}, map[string]string{"name": name}),
		})
	})
	var taken *pgconn.PgError
	switch {
	case errors.As(err, &taken) && taken.Code == "23505":
		return ask.Wrong("", "tenant name %q: another tenant has it", name)
	case errors.Is(err, pgx.ErrNoRows):
		return ask.NotFound("there is no tenant %s", tenant)
	case err != nil:
		return fmt.Errorf("rename tenant: %w", err)
	}
	return nil
}
