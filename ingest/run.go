package ingest

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/id"
	"sluice/internal/pg"
)

// StartRun opens a scan run: the unit of import work that events belong to.
func StartRun(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, source string, arguments []string) (run int64, err error) {
	err = pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `insert into ingest.scan_run (tenant_id, source, arguments) values ($1, $2, $3) returning id`,
			tenant, source, cleanAll(arguments)).Scan(&run)
	})
	if err != nil {
		return 0, fmt.Errorf("open scan run: %w", err)
	}
	return run, nil
}

// ResumeRun takes an earlier scan run up again.
func ResumeRun(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, run int64) error {
	err := pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update ingest.scan_run set state = 'running', updated_at = now(), finished_at = null where tenant_id = $1 and id = $2`, tenant, run)
		if err == nil && tag.RowsAffected() == 0 {
			return fmt.Errorf("there is no such scan run of this tenant")
		}
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
		_, err := tx.Exec(ctx, `update ingest.scan_run set state = $3, counts = $4::jsonb, updated_at = now(), finished_at = now() where tenant_id = $1 and id = $2`,
			tenant, run, state, toJSON(counts))
		if err == nil && state == "done" {
			_, err = tx.Exec(ctx, `delete from ingest.file_checkpoint where tenant_id = $1 and scan_run_id = $2`, tenant, run)
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
