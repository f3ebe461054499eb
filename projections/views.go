package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Views are the materialized views that are refreshed, in order.
var Views = []string{"mv_artifact_risk", "mv_triage_queue"}

// markViews notes that the views are stale: a row of the queue without a tenant, since
// appending never makes two transactions wait for each other, as one flag would.
func markViews(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, sqlMarkViews); err != nil {
		return fmt.Errorf("mark views stale: %w", err)
	}
	return nil
}

// keepViews refreshes the views now and then, until ctx ends, beside the jobs: a refresh reads
// every finding there is, and who waits for a turn is not to wait for it. Of several Runs one does.
func (w *Worker) keepViews(ctx context.Context) error {
	select {
	case w.views <- struct{}{}:
		defer func() { <-w.views }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		select {
		case <-time.After(w.cfg.ViewPause):
		case <-ctx.Done():
			return ctx.Err()
		}
		if _, err := w.RefreshViews(ctx); err != nil {
			slow := 0 // views that are too slow keep nobody's jobs waiting
			if err := w.survive(ctx, err, &slow); err != nil {
				return err
			}
		}
	}
}

// RefreshViews refreshes the materialized views if findings changed since the last
// time; one process at a time, the others leave it to that one. It reports whether it did.
func (w *Worker) RefreshViews(ctx context.Context) (bool, error) { return w.refreshViews(ctx, false) }

// refreshViews is RefreshViews; with wait it returns only when what changed before the
// call is in the views, whoever refreshed them.
func (w *Worker) refreshViews(ctx context.Context, wait bool) (bool, error) {
	did := false
	err := pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error {
		got := true
		if wait {
			if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended('sluice.views', 0))`); err != nil {
				return err
			}
		} else if err := tx.QueryRow(ctx, `select pg_try_advisory_xact_lock(hashtextextended('sluice.views', 0))`).Scan(&got); err != nil {
			return err
		}
		if !got {
			return nil
		}
		// What is marked before this delete is in the snapshot that the refresh takes after it.
		tag, err := tx.Exec(ctx, sqlTakeMarks)
		if err != nil {
			return err
		}
		var feeds string
		var others bool // EPSS and KEV say something new, and no finding changed
		if err := tx.QueryRow(ctx, sqlFeedsOfViews).Scan(&feeds, &others); err != nil || !others && tag.RowsAffected() == 0 {
			return err
		}
		for _, view := range Views {
			start := time.Now()
			if _, err := tx.Exec(ctx, `select vex.refresh_view($1)`, view); err != nil {
				return fmt.Errorf("refresh %s: %w", view, err)
			}
			if _, err := tx.Exec(ctx, sqlNoteRefresh,
				view, time.Since(start).Milliseconds(), feeds); err != nil {
				return err
			}
		}
		did = true
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("views: %w", err)
	}
	return did, nil
}
