package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/pg"
)

// StartRun opens a scan run: the unit of import work that events belong to.
func StartRun(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, source string, arguments []string) (run int64, err error) {
	err = pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, sqlStartRun,
			tenant, source, cleanAll(arguments)).Scan(&run)
	})
	if err != nil {
		return 0, fmt.Errorf("open scan run: %w", err)
	}
	return run, nil
}

// startReplay opens the scan run of a tenant to whom documents of the operator's turned out to belong,
// with an entry in the tenant's audit log: they came by somebody's decision, not by their sender's.
func startReplay(ctx context.Context, pool *pgxpool.Pool, tenant id.ID) (run int64, err error) {
	err = pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, sqlStartRun, tenant, "replay", []string{"operator"}).Scan(&run); err != nil {
			return err
		}
		return audit.Note(ctx, tx, tenant, audit.Entry{
			Action: "parked.replay", Entity: "parked", Diff: audit.Change(map[string]string{"parked": "by the operator"}, map[string]int64{"scan_run": run}),
		})
	})
	if err != nil {
		return 0, fmt.Errorf("open scan run: %w", err)
	}
	return run, nil
}

// ResumeRun takes an earlier scan run up again.
func ResumeRun(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, run int64) error {
	err := pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		r, err := lockRun(ctx, tx, tenant, run)
		if errors.Is(err, pgx.ErrNoRows) {
			return errNoRun
		}
		if err == nil {
			err = r.resume(ctx, tx, tenant, run)
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, sqlResumeRun, tenant, run, toJSON(r.runCounts))
		return err
	})
	if err != nil {
		return fmt.Errorf("take up scan run %d: %w", run, err)
	}
	return nil
}

// EndRun closes a scan run. A run that is done needs its checkpoints no more.
func EndRun(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, run int64, state string, counts Counts) error {
	err := pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		r, err := lockRun(ctx, tx, tenant, run)
		if err != nil {
			return err
		}
		r.end(state, counts)
		_, err = tx.Exec(ctx, sqlEndRun, tenant, run, state, toJSON(r.runCounts))
		if err == nil && state == "done" {
			_, err = tx.Exec(ctx, sqlDropCheckpoints, tenant, run)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("close scan run %d: %w", run, err)
	}
	return nil
}

// MergeSearchIndex moves the pending entries of the JSON search index into it. An
// import leaves them behind, in bulk; a search reads all of them until they are merged.
func MergeSearchIndex(ctx context.Context, pool *pgxpool.Pool) error {
	if _, err := pool.Exec(ctx, `select ingest.merge_search_index()`); err != nil {
		return fmt.Errorf("merge the JSON search index: %w", err)
	}
	return nil
}

// DailyRun returns the scan run that this day's documents of an endless source belong to,
// and opens it where it is the first to ask; arguments tell the source and the day. Runs of
// the same source that are still open are closed: their day is over.
func DailyRun(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, source string, arguments []string) (run int64, err error) {
	err = pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1::text || $2 || $3::text, 0))`, tenant.String(), source, strings.Join(arguments, "\x1f")); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, sqlRunOfDay, tenant, source, cleanAll(arguments)).Scan(&run)
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		_, err = tx.Exec(ctx, sqlEndRuns, tenant, source, clean(arguments[0]))
		if err != nil {
			return err
		}
		return tx.QueryRow(ctx, sqlStartRun,
			tenant, source, cleanAll(arguments)).Scan(&run)
	})
	if err != nil {
		return 0, fmt.Errorf("scan run of the day: %w", err)
	}
	return run, nil
}

// AddCounts adds to the counts of a scan run that several processes write to.
func AddCounts(ctx context.Context, tx pgx.Tx, tenant id.ID, run int64, c Counts) error {
	r, err := lockRun(ctx, tx, tenant, run)
	if err != nil {
		return err
	}
	r.Merge(c)
	_, err = tx.Exec(ctx, sqlSetCounts, tenant, run, toJSON(r.runCounts))
	return err
}

// FindTenant returns the tenant of a name or an id, nil where there is none.
func FindTenant(ctx context.Context, pool *pgxpool.Pool, name string) (*id.ID, error) {
	var found *id.ID
	if clean(name) != name {
		return nil, nil
	}
	if err := pool.QueryRow(ctx, `select authority.tenant_id($1)`, name).Scan(&found); err != nil {
		return nil, fmt.Errorf("find tenant %q: %w", name, err)
	}
	return found, nil
}
