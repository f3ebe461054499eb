package projections

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/queue"
)

// sharedChange is what a batch of jobs of the shared feed means for the tenants.
type sharedChange struct {
	records map[string][]string // match key -> external ids of the records that speak of it
	run     int64               // the newest scan run that brought any of it, for events
	keys    []string
	flags   []string // keys of flags that were changed for all
	vulns   []string // ids of the groups that changed, of all versions of their aliases
}

// projectShared brings the shared facts up to date, and hands on what changed to the
// tenants that it concerns.
//
// It takes three kinds of transactions, and that is what makes it right without a lock
// that stops every tenant. First which version of each record counts, committed: whoever
// looks at the facts from now on sees it. Then, for each tenant, what of that it has: its
// packages are committed before its first job, so those are found whether they were
// matched before or not; what its transaction in flight finds is invisible, so
// a tenant that is busy gets the names unseen. Last the jobs are finished. A crash
// in between does some of it twice, which changes nothing. (TestSharedFactsMeetTenants)
func (w *Worker) projectShared(ctx context.Context, lease queue.Lease) error {
	var c sharedChange
	err := w.inTenant(ctx, id.Shared, func(tx pgx.Tx) error {
		b := newBatch(tx, id.Shared, w)
		if err := b.take(lease.Jobs); err != nil {
			return err
		}
		var err error
		c, err = b.projectSharedFacts(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("shared facts: %w", err)
	}
	if len(c.keys) > 0 || len(c.vulns) > 0 || len(c.flags) > 0 {
		if err := w.handOn(ctx, c); err != nil {
			return fmt.Errorf("hand shared facts on: %w", err)
		}
	}
	return pg.Tenant(ctx, w.pool, id.Shared, func(tx pgx.Tx) error { return lease.Finish(ctx, tx) })
}

func (b *batch) projectSharedFacts(ctx context.Context) (sharedChange, error) {
	c := sharedChange{records: map[string][]string{}}
	c.flags = sorted(b.flagged)
	if err := b.readAgain(ctx); err != nil {
		return c, fmt.Errorf("read again: %w", err)
	}
	if err := b.projectFacts(ctx); err != nil {
		return c, err
	}
	rows, err := b.tx.Query(ctx, sqlFactKeys, id.Shared, sorted(b.records))
	if err != nil {
		return c, err
	}
	var record, key string
	if _, err := pgx.ForEachRow(rows, []any{&record, &key}, func() error {
		if c.records[key] == nil {
			c.keys = append(c.keys, key)
		}
		c.records[key] = append(c.records[key], record)
		return nil
	}); err != nil {
		return c, err
	}
	g, err := loadGroups(ctx, b.tx, id.Shared, sorted(b.vulns))
	if err != nil {
		return c, err
	}
	c.vulns, c.run = g.ids(), b.runs.newestFact()
	return c, b.writeEvents(ctx)
}

// handOn makes a job for each tenant that the change concerns. The list is read after the
// change is committed: a tenant that is not in it yet has no packages yet.
func (w *Worker) handOn(ctx context.Context, c sharedChange) error {
	rows, err := w.pool.Query(ctx, sqlOtherTenants, id.Shared)
	if err != nil {
		return err
	}
	tenants, err := pgx.CollectRows(rows, pgx.RowTo[id.ID])
	if err != nil {
		return err
	}
	for _, tenant := range tenants {
		if err := w.handTo(ctx, tenant, c); err != nil {
			return fmt.Errorf("tenant %s: %w", tenant, err)
		}
	}
	return nil
}

func (w *Worker) handTo(ctx context.Context, tenant id.ID, c sharedChange) error {
	return pg.Tenant(ctx, w.pool, tenant, func(tx pgx.Tx) error {
		b := newBatch(tx, tenant, w)
		for _, key := range c.flags {
			if err := b.exec(ctx, sqlInsertJob, tenant, kindFlag, mustJSON(map[string]string{"key": key})); err != nil {
				return err
			}
		}
		var idle bool
		if err := tx.QueryRow(ctx, sqlTryLockTenant, tenant.String()).Scan(&idle); err != nil {
			return err
		}
		keys := map[string]bool{}
		if err := b.strings(ctx, keys, sqlFanOutKeys, tenant, c.keys); err != nil {
			return err
		}
		records := map[string]bool{}
		for k := range keys {
			for _, r := range c.records[k] {
				records[r] = true
			}
		}
		vulns := c.vulns
		if idle {
			theirs := map[string]bool{}
			if err := b.strings(ctx, theirs, sqlFanOutVulns, tenant, c.vulns); err != nil {
				return err
			}
			vulns = sorted(theirs)
		}
		if len(records) == 0 && len(vulns) == 0 {
			return nil
		}
		job := map[string]any{"records": sorted(records), "vulns": vulns, "run": c.run}
		if trace := tracesOf(ctx).about(id.ID{}); trace != "" {
			job["trace"] = trace
		}
		payload, err := json.Marshal(job)
		if err != nil {
			return err
		}
		return b.exec(ctx, sqlInsertJob, tenant, kindMatch, payload)
	})
}
