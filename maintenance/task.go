package maintenance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/tenants"
)

// Task is one thing to do from time to time.
type Task struct {
	// Name is what the command line and core.maintenance call it.
	Name string
	// Does says in one line what it does.
	Does string
	// Every is how often Loop runs it, give or take a twentieth.
	Every time.Duration
	// AtStart has Loop run it as soon as it leads, however recent the last run is.
	AtStart bool
	// WhenDue has a one-shot run of all tasks leave it out before it is due: it costs hours, or
	// somebody counts on its rhythm. Who names it gets it.
	WhenDue bool
	// Run does it, or with dryRun only says what it would do. It works through pool, which
	// was made with PoolConfig and acts as pg.Maintainer.
	Run func(ctx context.Context, pool *pgxpool.Pool, dryRun bool) (Result, error)
}

// Result is what a run of a task did, or would do.
type Result struct {
	Rows  int64  // deleted or changed
	Bytes int64  // of documents, uncompressed
	What  string // for people; "" where there was nothing to do
}

func (r *Result) add(o Result) {
	r.Rows += o.Rows
	r.Bytes += o.Bytes
	if o.What != "" {
		if r.What != "" {
			r.What += "; "
		}
		r.What += o.What
	}
}

// PoolConfig is what a pool for tasks needs: five connections, patience of 2 s for a lock
// and of 5 minutes for a statement. Who waits for a lock holds up those that come after.
func PoolConfig() pg.Config {
	return pg.Config{
		MaxConns: 5, StatementTimeout: 5 * time.Minute, LockTimeout: 2 * time.Second, IdleInTransaction: time.Minute,
	}
}

// batchRows is how many small rows one transaction deletes.
const batchRows = 5000

// allTenants lists all of them, and with others the shared feed and the operator, who have
// scan runs too but no policy.
func allTenants(ctx context.Context, pool *pgxpool.Pool, others bool) ([]tenants.Tenant, error) {
	list, err := tenants.List(ctx, pool)
	if err == nil && others {
		list = append(list, tenants.Tenant{ID: id.Shared, Name: "(shared feed)"}, tenants.Tenant{ID: id.Operator, Name: "(operator)"})
	}
	return list, err
}

// eachTenant runs fn for each. What fails for one does not stop the others; the error
// joins what failed. An outage or a defect stops all: it would fail for each.
func eachTenant(ctx context.Context, list []tenants.Tenant, fn func(tenants.Tenant) (Result, error)) (Result, error) {
	var sum Result
	var failed []error
	for _, t := range list {
		r, err := fn(t)
		sum.add(r)
		if err != nil {
			failed = append(failed, fmt.Errorf("tenant %s: %w", t.Name, err))
			if fault := pg.FaultOf(err); ctx.Err() != nil || fault == pg.FaultOutage && !locked(err) || fault == pg.FaultDefect {
				break
			}
		}
	}
	return sum, errors.Join(failed...)
}

// locked: a lock was not to be had in time.
func locked(err error) bool {
	var pe *pgconn.PgError
	return errors.As(err, &pe) && (pe.Code == "55P03" || pe.Code == "40P01")
}

// inBatches deletes in transactions of the tenant until one finds fewer than limit rows. A
// batch that is too slow for the server is cut in halves, down to a single row.
func inBatches(ctx context.Context, pool *pgxpool.Pool, t id.ID, limit int64, batch func(tx pgx.Tx, limit int64) (int64, error)) (rows int64, err error) {
	for {
		var n int64
		err := pg.Tenant(ctx, pool, t, func(tx pgx.Tx) (err error) {
			n, err = batch(tx, limit)
			return err
		})
		if pg.FaultOf(err) == pg.FaultTooSlow && limit > 1 {
			limit /= 2
			continue
		}
		if err != nil {
			return rows, err
		}
		rows += n
		if n < limit {
			return rows, nil
		}
	}
}

// counted says a number of things, or "" for none.
func counted(n int64, of string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d %s", n, of)
}
