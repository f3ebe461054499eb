package maintenance

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/tenants"
)

// Checkpoints deletes what file imports noted to go on from: of runs that are done, and of
// those that nobody has taken up for keep. Default 30 days.
func Checkpoints(keep time.Duration) Task {
	if keep <= 0 {
		keep = 30 * 24 * time.Hour
	}
	return Task{
		Name: "checkpoints", Does: "delete the checkpoints of scan runs that are done or were given up", Every: 6 * time.Hour,
		Run: func(ctx context.Context, pool *pgxpool.Pool, dryRun bool) (Result, error) {
			list, err := allTenants(ctx, pool, true)
			if err != nil {
				return Result{}, err
			}
			sum, err := eachTenant(ctx, list, func(t tenants.Tenant) (r Result, err error) {
				if dryRun {
					err = pg.Tenant(ctx, pool, t.ID, func(tx pgx.Tx) error { return tx.QueryRow(ctx, sqlCheckpoints, t.ID, keep).Scan(&r.Rows) })
					return r, err
				}
				r.Rows, err = inBatches(ctx, pool, t.ID, batchRows, func(tx pgx.Tx, limit int64) (int64, error) {
					tag, err := tx.Exec(ctx, sqlDropCheckpoints, t.ID, keep, limit)
					return tag.RowsAffected(), err
				})
				return r, err
			})
			sum.What = counted(sum.Rows, "checkpoints")
			return sum, err
		},
	}
}

// Outbox deletes messages that were sent longer than keep ago, where no relay does it. Default 1 h.
func Outbox(keep time.Duration) Task {
	if keep <= 0 {
		keep = time.Hour
	}
	return Task{
		Name: "outbox", Does: "delete messages that were sent, where no relay runs that does it", Every: time.Hour,
		Run: func(ctx context.Context, pool *pgxpool.Pool, dryRun bool) (r Result, err error) {
			if dryRun {
				err = pool.QueryRow(ctx, sqlCountOutbox, keep).Scan(&r.Rows)
			}
			for limit := int64(batchRows); err == nil && !dryRun; {
				var n int64
				berr := pg.InTx(ctx, pool, func(tx pgx.Tx) error {
					tag, err := tx.Exec(ctx, sqlClearOutbox, keep, limit)
					n = tag.RowsAffected()
					return err
				})
				if pg.FaultOf(berr) == pg.FaultTooSlow && limit > 1 {
					limit /= 2
					continue
				}
				if err = berr; err != nil {
					break
				}
				if r.Rows += n; n < limit {
					break
				}
			}
			r.What = counted(r.Rows, "messages that were sent")
			return r, err
		},
	}
}

// Runs stops scan runs that are said to be running and of which nothing was heard for idle:
// their import was killed. Default a day. `ingest file --scan-run` takes one up all the same.
func Runs(idle time.Duration) Task {
	if idle <= 0 {
		idle = 24 * time.Hour
	}
	return Task{
		Name: "runs", Does: "mark scan runs of imports that were killed as stopped", Every: time.Hour,
		Run: func(ctx context.Context, pool *pgxpool.Pool, dryRun bool) (Result, error) {
			list, err := allTenants(ctx, pool, true)
			if err != nil {
				return Result{}, err
			}
			var since time.Time
			if err := pool.QueryRow(ctx, `select now() - $1::interval`, idle).Scan(&since); err != nil {
				return Result{}, err
			}
			sum, err := eachTenant(ctx, list, func(t tenants.Tenant) (r Result, err error) {
				most := int64(batchRows)
				if dryRun {
					most = 1 << 30
				}
				r.Rows, err = inBatches(ctx, pool, t.ID, most, func(tx pgx.Tx, limit int64) (int64, error) {
					return stopRuns(ctx, tx, t.ID, since, limit, dryRun)
				})
				return r, err
			})
			sum.What = counted(sum.Rows, "scan runs that were left running")
			return sum, err
		},
	}
}

func stopRuns(ctx context.Context, tx pgx.Tx, t id.ID, since time.Time, limit int64, dryRun bool) (int64, error) {
	rows, err := tx.Query(ctx, sqlSilentRuns, t, since, limit)
	if err != nil {
		return 0, err
	}
	silent, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil || dryRun || len(silent) == 0 {
		return int64(len(silent)), err
	}
	tag, err := tx.Exec(ctx, sqlStopRuns, t, silent, since)
	return tag.RowsAffected(), err
}

// Jobs tells of jobs that were given up after their last attempt, and deletes those that
// are older than keep; 0 keeps all. What a deleted job asked for is not done until a later document
// asks for the same: each deletion is in the audit log with the error.
func Jobs(keep time.Duration) Task {
	return Task{
		Name: "jobs", Does: "count jobs that were given up, and delete them where an age is given", Every: time.Hour,
		Run: func(ctx context.Context, pool *pgxpool.Pool, dryRun bool) (Result, error) {
			type dead struct {
				Tenant       id.ID
				Count, Older int64
				Error        string
			}
			var age *time.Duration
			if keep > 0 {
				age = &keep
			}
			rows, err := pool.Query(ctx, sqlDeadJobs, age)
			if err != nil {
				return Result{}, err
			}
			list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[dead])
			if err != nil {
				return Result{}, err
			}
			var sum Result
			var left int64
			var example string
			var failed []error
			for _, d := range list {
				n := d.Older
				if !dryRun && n > 0 {
					if n, err = dropJobs(ctx, pool, d.Tenant, keep); err != nil {
						failed = append(failed, fmt.Errorf("tenant %s: %w", d.Tenant, err))
					}
				}
				sum.Rows += n
				if left += d.Count - n; example == "" && d.Count > n {
					example = d.Error
				}
			}
			sum.What = counted(sum.Rows, "jobs that were given up long ago")
			if left > 0 {
				sum.add(Result{What: fmt.Sprintf("%d given up are kept, one says: %s", left, firstLine(example))})
			}
			return sum, errors.Join(failed...)
		},
	}
}

func dropJobs(ctx context.Context, pool *pgxpool.Pool, t id.ID, keep time.Duration) (int64, error) {
	return inBatches(ctx, pool, t, batchRows, func(tx pgx.Tx, limit int64) (int64, error) {
		rows, err := tx.Query(ctx, sqlDropJobs, t, keep, limit)
		if err != nil {
			return 0, err
		}
		var kind, cause string
		var n int64
		kinds, causes := map[string]int64{}, map[string]int64{}
		_, err = pgx.ForEachRow(rows, []any{&kind, &cause}, func() error {
			n++
			kinds[kind]++
			if cause = firstLine(cause); len(causes) < 20 || causes[cause] > 0 {
				causes[cause]++
			}
			return nil
		})
		if err != nil || n == 0 {
			return 0, err
		}
		return n, audit.Note(ctx, tx, t, audit.Entry{Action: "jobs.delete", Entity: "job", Diff: audit.Change(map[string]any{"jobs": n, "kinds": kinds, "errors": causes}, nil)})
	})
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:300], "") + "…"
	}
	return s
}
