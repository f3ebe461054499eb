package queue

import (
	"context"
	"fmt"
	"maps"
	"slices"
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

// Retry has jobs that failed tried again at once, with all their attempts before them, and writes
// that to the audit log of each tenant. Those in a worker's hands are left alone. pool acts as the
// projector.
func Retry(ctx context.Context, pool *pgxpool.Pool, f Filter) (n int64, err error) {
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sqlRetry, f.args()...)
		if err != nil {
			return err
		}
		sums := map[id.ID]*summary{}
		var tenant id.ID
		var job int64
		var kind, cause string
		_, err = pgx.ForEachRow(rows, []any{&tenant, &job, &kind, &cause}, func() error {
			if sums[tenant] == nil {
				sums[tenant] = newSummary()
			}
			sums[tenant].add(job, kind, cause)
			n++
			return nil
		})
		if err != nil {
			return err
		}
		for _, tenant := range slices.SortedFunc(maps.Keys(sums), id.ID.Compare) {
			if err := pg.SetTenant(ctx, tx, tenant); err != nil {
				return err
			}
			err := audit.Note(ctx, tx, tenant, audit.Entry{Action: "jobs.retry", Entity: "job", Diff: audit.Change(sums[tenant], map[string]int64{"waiting": sums[tenant].Jobs})})
			if err != nil {
				return err
			}
		}
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
		sum := newSummary()
		_, err = pgx.ForEachRow(rows, []any{&job, &kind, &cause}, func() error { sum.add(job, kind, cause); return nil })
		if n = sum.Jobs; err != nil || n == 0 {
			return err
		}
		return audit.Note(ctx, tx, tenant, audit.Entry{Action: "jobs.drop", Entity: "job", Diff: audit.Change(sum, nil)})
	})
	if err != nil {
		return 0, fmt.Errorf("drop jobs: %w", err)
	}
	return n, nil
}

// summary is what the audit log keeps of jobs that somebody did something to.
type summary struct {
	Jobs   int64            `json:"jobs"`
	IDs    []int64          `json:"ids"` // at most 1,000: an entry has its limits; the counts tell of all
	Kinds  map[string]int64 `json:"kinds"`
	Errors map[string]int64 `json:"errors"` // at most 20 different ones
}

func newSummary() *summary { return &summary{Kinds: map[string]int64{}, Errors: map[string]int64{}} }

func (s *summary) add(job int64, kind, cause string) {
	s.Jobs++
	s.Kinds[kind]++
	if len(s.IDs) < 1000 {
		s.IDs = append(s.IDs, job)
	}
	if cause = firstLine(cause); len(s.Errors) < 20 || s.Errors[cause] > 0 {
		s.Errors[cause]++
	}
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:300], "") + "…"
	}
	return s
}
