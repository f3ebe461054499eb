package tenants

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/ask"
	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/pg"
)

// deleting begins the name of a tenant that is on its way out, before its id: no message and no command
// finds it by the name it had, which is in its settings.
const deleting = "deleting."

// FindLeaving finds a tenant whose deletion was begun by the name that it had.
func FindLeaving(ctx context.Context, pool *pgxpool.Pool, name string) (t id.ID, err error) {
	err = pool.QueryRow(ctx, sqlLeaving, name).Scan(&t)
	if errors.Is(err, pgx.ErrNoRows) {
		return t, ask.NotFound("no tenant that was called %q is being deleted", name)
	}
	if err != nil {
		return t, fmt.Errorf("find tenant: %w", err)
	}
	return t, nil
}

// deleteBatch is how many rows one transaction deletes: locks are short, and WAL comes in portions.
const deleteBatch = 10_000

// passes is how often all tables are gone through: whoever still writes for the tenant, an import that
// found it before, is waited for that long.
const passes = 5

// Deletion is what Delete does.
type Deletion struct {
	// DryRun only counts.
	DryRun bool
	// OnBatch, if set, is called after every transaction with the rows that it deleted.
	OnBatch func(table string, rows int64)
}

// Deleted is what was there of a tenant.
type Deleted struct {
	ID     id.ID            `json:"id"`
	Name   string           `json:"name"`
	DryRun bool             `json:"dry_run"`
	Rows   map[string]int64 `json:"rows"` // by table, those without any left out
	Total  int64            `json:"total"`
}

// Delete deletes a tenant with all its rows, in batches; conn acts as the tables' owner. A legal hold
// stands against it. The audit log stays: the tenant's own says who deleted it, and the operator's how
// much that was. Delete may be cut off at any moment and called again: the tenant has a name by then that
// says so, and takes no documents.
func Delete(ctx context.Context, conn *pgx.Conn, tenant id.ID, d Deletion) (out Deleted, err error) {
	if tenant == id.Shared || tenant == id.Operator {
		return out, ask.Wrong("", "the shared feed and the operator's rows belong to no tenant that could be deleted")
	}
	out = Deleted{ID: tenant, DryRun: d.DryRun, Rows: map[string]int64{}}
	if err := begin(ctx, conn, &out); err != nil {
		return out, err
	}
	tables, err := tenantTables(ctx, conn)
	if err != nil {
		return out, err
	}
	for pass := 1; ; pass++ {
		var found int64
		for _, t := range tables {
			n, err := deleteFrom(ctx, conn, tenant, t, d)
			out.Rows[t] += n
			if found += n; err != nil {
				return out, fmt.Errorf("delete tenant %s from %s: %w", out.Name, t, err)
			}
		}
		out.Total += found
		if d.DryRun || found == 0 {
			break
		}
		if pass == passes {
			return out, fmt.Errorf("delete tenant %s: somebody goes on writing for it (%d rows were there again); end that import or service and call this again", out.Name, found)
		}
		if pass > 1 {
			time.Sleep(time.Second)
		}
	}
	for t, n := range out.Rows {
		if n == 0 {
			delete(out.Rows, t)
		}
	}
	if d.DryRun {
		return out, nil
	}
	return out, end(ctx, conn, out)
}

// begin looks for a legal hold and takes the tenant's name away.
func begin(ctx context.Context, conn *pgx.Conn, out *Deleted) error {
	err := pg.InTx(ctx, conn, func(tx pgx.Tx) error {
		if err := pg.SetTenant(ctx, tx, out.ID); err != nil {
			return err
		}
		var settings []byte
		if err := tx.QueryRow(ctx, sqlSettings, out.ID).Scan(&settings); err != nil {
			return err
		}
		policy, err := ParsePolicy(settings)
		if err != nil {
			return fmt.Errorf("whether there is a legal hold cannot be told: %w", err)
		}
		if policy.LegalHold {
			return ask.Wrong("", "the tenant is under a legal hold; `sluice tenant set NAME --legal-hold=false` takes that away")
		}
		var begun bool
		if err := tx.QueryRow(ctx, sqlDoomed, out.ID).Scan(&out.Name, &begun); err != nil || out.DryRun || begun {
			return err
		}
		if _, err := tx.Exec(ctx, sqlDoom, out.ID); err != nil {
			return err
		}
		return audit.Note(ctx, tx, out.ID, audit.Entry{Action: "tenant.delete", Entity: "tenant", Of: &out.ID, Diff: audit.Change(map[string]string{"name": out.Name}, nil)})
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return ask.NotFound("there is no tenant %s", out.ID)
	}
	if err != nil {
		return fmt.Errorf("delete tenant %s: %w", out.Name, err)
	}
	return nil
}

func tenantTables(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	rows, err := conn.Query(ctx, sqlTables)
	if err != nil {
		return nil, fmt.Errorf("tables of tenants: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (string, error) {
		var schema, name string
		err := r.Scan(&schema, &name)
		return pgx.Identifier{schema, name}.Sanitize(), err
	})
	if err != nil || len(list) == 0 {
		return nil, fmt.Errorf("tables of tenants: %d found: %w", len(list), err)
	}
	return list, nil
}

// deleteFrom deletes a tenant's rows of one table, or counts them.
func deleteFrom(ctx context.Context, conn *pgx.Conn, tenant id.ID, table string, d Deletion) (total int64, err error) {
	for {
		var n int64
		err := pg.InTx(ctx, conn, func(tx pgx.Tx) error {
			if err := pg.SetTenant(ctx, tx, tenant); err != nil {
				return err
			}
			if d.DryRun {
				return tx.QueryRow(ctx, `select count(*) from `+table+` where tenant_id = $1`, tenant).Scan(&n)
			}
			tag, err := tx.Exec(ctx, `delete from `+table+` where ctid = any (array(select ctid from `+table+` where tenant_id = $1 limit $2)) and tenant_id = $1`, tenant, deleteBatch)
			n = tag.RowsAffected()
			return err
		})
		if total += n; err != nil || n == 0 || d.DryRun {
			return total, err
		}
		if d.OnBatch != nil {
			d.OnBatch(table, n)
		}
	}
}

// end deletes the tenant's own row and says so in the operator's audit log.
func end(ctx context.Context, conn *pgx.Conn, out Deleted) error {
	err := pg.InTx(ctx, conn, func(tx pgx.Tx) error {
		if err := pg.SetTenant(ctx, tx, out.ID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlRemove, out.ID); err != nil {
			return err
		}
		if err := pg.SetTenant(ctx, tx, id.Operator); err != nil {
			return err
		}
		return audit.Note(ctx, tx, id.Operator, audit.Entry{
			Action: "tenant.delete", Entity: "tenant", Of: &out.ID,
			Diff: audit.Change(map[string]any{"name": out.Name, "rows": out.Total}, nil),
		})
	})
	if err != nil {
		return fmt.Errorf("delete tenant %s: %w", out.Name, err)
	}
	return nil
}
