package queue

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/pg"
)

// Channel is the NOTIFY channel on which workers listen for new jobs.
const Channel = "sluice_jobs"

// State is where a job stands.
type State string

// The states of a job.
const (
	Waiting State = "waiting"  // for a worker
	Leased  State = "leased"   // in a worker's hands
	Failing State = "failing"  // failed, and tried again
	GivenUp State = "given-up" // failed as often as it may; nobody tries it again
)

// Entry is a job as it stands in the queue.
type Entry struct {
	ID          int64      `json:"id"`
	TenantID    id.ID      `json:"tenant_id"`
	Tenant      string     `json:"tenant"` // "" where there is no such tenant any more
	Kind        string     `json:"kind"`
	Key         string     `json:"key"`
	State       State      `json:"state"`
	Attempts    int        `json:"attempts"`
	MaxAttempts int        `json:"max_attempts"`
	Error       string     `json:"error"` // the last one
	CreatedAt   time.Time  `json:"created_at"`
	NextTry     *time.Time `json:"next_try"` // nil: given up
}

// Filter says which jobs are meant. The zero value means all.
type Filter struct {
	Tenants []id.ID // none: all
	IDs     []int64 // none: all
	States  []State // none: all
	Kind    string
	Error   string // text that the last error contains
}

func (f Filter) args() []any {
	states := make([]string, len(f.States))
	for i, s := range f.States {
		states[i] = string(s)
	}
	return []any{f.Tenants, f.IDs, states, f.Kind, f.Error}
}

// List lists jobs, the oldest first; limit 0 lists all. pool acts as the projector, which
// sees the jobs of every tenant.
func List(ctx context.Context, pool *pgxpool.Pool, f Filter, limit int) ([]Entry, error) {
	rows, err := pool.Query(ctx, sqlList, append(f.args(), limit)...)
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Entry])
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	return list, nil
}

// Retry has jobs that failed tried again at once, with all their attempts before them. Those
// in a worker's hands are left alone. pool acts as the projector.
func Retry(ctx context.Context, pool *pgxpool.Pool, f Filter) (n int64, err error) {
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sqlRetry, f.args()...)
		if err != nil {
			return err
		}
		n = tag.RowsAffected()
		_, err = tx.Exec(ctx, `select pg_notify($1, '')`, Channel) // with the commit
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("try jobs again: %w", err)
	}
	return n, nil
}

// Drop deletes jobs that failed, of one tenant, and writes to the audit log what they were and
// why they failed. What they asked for is not done until a later document asks for the same.
// pool acts as the maintainer.
func Drop(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, f Filter) (n int64, err error) {
	f.Tenants = []id.ID{tenant}
	err = pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sqlDrop, f.args()...)
		if err != nil {
			return err
		}
		var job int64
		var kind, cause string
		var ids []int64
		kinds, causes := map[string]int64{}, map[string]int64{}
		_, err = pgx.ForEachRow(rows, []any{&job, &kind, &cause}, func() error {
			kinds[kind]++
			if len(ids) < 1000 { // a row of the log has its limits; the counts tell of all
				ids = append(ids, job)
			}
			if cause = firstLine(cause); len(causes) < 20 || causes[cause] > 0 {
				causes[cause]++
			}
			n++
			return nil
		})
		if err != nil || n == 0 {
			return err
		}
		return audit.Note(ctx, tx, tenant, audit.Entry{
			Action: "jobs.drop", Entity: "job", Diff: map[string]any{"jobs": n, "ids": ids, "kinds": kinds, "errors": causes},
		})
	})
	if err != nil {
		return 0, fmt.Errorf("drop jobs: %w", err)
	}
	return n, nil
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:300], "") + "…"
	}
	return s
}
