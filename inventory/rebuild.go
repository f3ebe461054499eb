package inventory

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/queue"
)

// Rebuild says how much of a tenant is made again.
type Rebuild struct {
	// Derived leaves what was read from documents as it is: components, statements and records
	// are taken from their rows, not from the originals.
	Derived bool
}

// RebuildJobs are the jobs that a rebuild consists of.
type RebuildJobs struct {
	Asked   int64 `json:"asked"`    // added now; 0 where an earlier rebuild is not done yet
	Left    int64 `json:"left"`     // not done yet
	GivenUp int64 `json:"given_up"` // of those, the ones that nobody tries again: `sluice jobs list`
}

// Rebuild asks for everything that follows from a tenant's documents to be made again: what they
// say, from their originals, then components, matches, findings and unknowns. It only writes jobs,
// in one transaction with a row of the audit log; projectors do them by difference, while imports
// and questions go on, so findings that were right stay untouched, with their history. A rebuild
// that is asked for while the last one goes on is that one.
//
// What is decided and not derived stays: decisions, the artifact given with a document, its
// stream, the time that stood in for a missing one. Rows are not derived from documents that
// retention has deleted.
func (inv *Inventory) Rebuild(ctx context.Context, tenant id.ID, r Rebuild) (jobs RebuildJobs, err error) {
	err = inv.as(ctx, writer(tenant), tenant, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlRebuildLock, tenant); err != nil {
			return err
		}
		if jobs, err = rebuildJobs(ctx, tx, tenant); err != nil || jobs.Left > 0 {
			return err
		}
		said := sqlRebuildOriginals
		if r.Derived {
			said = sqlRebuildStatements
		}
		for _, sql := range []string{said, sqlRebuildStreams, sqlRebuildRecords, sqlRebuildPackages, sqlRebuildFindings} {
			tag, err := tx.Exec(ctx, sql, tenant)
			if err != nil {
				return err
			}
			jobs.Asked += tag.RowsAffected()
		}
		jobs.Left = jobs.Asked
		if jobs.Asked == 0 {
			return nil
		}
		if _, err := tx.Exec(ctx, sqlRebuildWake, queue.Channel); err != nil {
			return err
		}
		return audit.Note(ctx, tx, tenant, audit.Entry{
			Action: "tenant.rebuild", Entity: "tenant", Of: &tenant,
			Diff: audit.Change(nil, map[string]any{"derived": r.Derived, "jobs": jobs.Asked}),
		})
	})
	if err != nil {
		return jobs, fmt.Errorf("rebuild: %w", err)
	}
	return jobs, nil
}

// RebuildLeft is how far a rebuild is.
func (inv *Inventory) RebuildLeft(ctx context.Context, tenant id.ID) (jobs RebuildJobs, err error) {
	err = inv.as(ctx, writer(tenant), tenant, func(tx pgx.Tx) error {
		jobs, err = rebuildJobs(ctx, tx, tenant)
		return err
	})
	if err != nil {
		return jobs, fmt.Errorf("rebuild: %w", err)
	}
	return jobs, nil
}

func rebuildJobs(ctx context.Context, tx pgx.Tx, tenant id.ID) (jobs RebuildJobs, err error) {
	err = tx.QueryRow(ctx, sqlRebuildPending, tenant).Scan(&jobs.Left, &jobs.GivenUp)
	return jobs, err
}
