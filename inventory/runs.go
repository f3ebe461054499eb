package inventory

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/ingest"
	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/pg"
)

// RunFilter picks scan runs. The zero value picks all.
type RunFilter struct {
	// Since is when they began at the earliest; the zero time is any.
	Since time.Time
	// Limit is how many at most, the newest first; 0 is all.
	Limit int
}

// Check returns an *ask.WrongError where the filter makes no sense. Runs checks too.
func (f RunFilter) Check() error { return ask.Limit(f.Limit) }

// Run is a scan run: one unit of import work.
type Run struct {
	Number     int64            `db:"id" json:"run"`
	Source     string           `db:"source" json:"source"` // file, kafka, replay, …
	Arguments  []string         `db:"arguments" json:"arguments"`
	State      string           `db:"state" json:"state"` // as stored, or stale
	StartedBy  string           `db:"started_by" json:"started_by"`
	StartedAt  time.Time        `db:"created_at" json:"started_at"`
	UpdatedAt  time.Time        `db:"updated_at" json:"updated_at"`
	FinishedAt *time.Time       `db:"finished_at" json:"finished_at"`
	Seconds    *float64         `db:"-" json:"seconds"`     // of all attempts, until it ended, or until now; null where it is stale
	Attempts   []ingest.Attempt `db:"-" json:"attempts"`    // of which one at least: a run that was interrupted and taken up again has several
	Counts     json.RawMessage  `db:"counts" json:"counts"` // the summary; {} where the run did not write one
}

// Documents are the counts of a run, nil where it did not write them.
type Documents struct{ Documents, Accepted, Duplicate, Unchanged, Parked *int64 }

// Counted reads the counts of documents out of the summary.
func (r Run) Counted() (d Documents) {
	_ = json.Unmarshal(r.Counts, &d) // what does not fit was written by somebody else
	return d
}

// tried reads the attempts out of the summary; of a run that was never taken up again it makes the one.
func (r *Run) tried() {
	var counts struct{ Attempts []ingest.Attempt }
	_ = json.Unmarshal(r.Counts, &counts)
	if r.Attempts = counts.Attempts; len(r.Attempts) == 0 {
		r.Attempts = []ingest.Attempt{{StartedAt: r.StartedAt, EndedAt: r.FinishedAt, State: r.State}}
		if d := r.Counted().Documents; d != nil {
			r.Attempts[0].Documents = *d
		}
	}
	for i := range r.Attempts {
		r.Attempts[i].StartedAt = r.Attempts[i].StartedAt.UTC()
		utc(r.Attempts[i].EndedAt)
	}
	r.Attempts[len(r.Attempts)-1].State = r.State
}

// staleAfter is how long a run of files may be silent before nobody is believed to work
// on it: longer than an outage of the database usually is.
const staleAfter = 15 * time.Minute

// Runs lists scan runs, the newest first. tenant may be id.Shared.
func (inv *Inventory) Runs(ctx context.Context, tenant id.ID, f RunFilter) ([]Run, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	var list []Run
	err := inv.read(ctx, tenant, func(tx pgx.Tx) (err error) {
		list, err = readRuns(ctx, tx, tenant, 0, f)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("scan runs: %w", err)
	}
	return list, nil
}

// CountRuns is how many scan runs the filter picks, whatever its limit.
func (inv *Inventory) CountRuns(ctx context.Context, tenant id.ID, f RunFilter) (n int, err error) {
	var from *time.Time
	if !f.Since.IsZero() {
		from = &f.Since
	}
	err = inv.read(ctx, tenant, func(tx pgx.Tx) error { return tx.QueryRow(ctx, sqlRunsCount, tenant, from).Scan(&n) })
	if err != nil {
		return 0, fmt.Errorf("count scan runs: %w", err)
	}
	return n, nil
}

// readRuns reads the runs of the filter, or the one whose number is not 0.
func readRuns(ctx context.Context, tx pgx.Tx, tenant id.ID, number int64, f RunFilter) ([]Run, error) {
	var from *time.Time
	if !f.Since.IsZero() {
		from = &f.Since
	}
	var now time.Time
	if err := tx.QueryRow(ctx, `select now()`).Scan(&now); err != nil {
		return nil, err
	}
	type row struct {
		Run
		Heard bool `db:"heard"`
	}
	rows, err := collect[row](ctx, tx, sqlRuns, tenant, number, from, f.Limit, now.Add(-staleAfter))
	if err != nil {
		return nil, err
	}
	list := make([]Run, len(rows))
	for i, r := range rows {
		if r.State == "running" && r.Source != "kafka" && !r.Heard { // a topic may be silent for days
			r.State = "stale"
		}
		r.StartedAt, r.UpdatedAt = r.StartedAt.UTC(), r.UpdatedAt.UTC()
		utc(r.FinishedAt)
		r.tried()
		if r.State != "stale" {
			var took time.Duration
			for _, a := range r.Attempts {
				end := now
				if a.EndedAt != nil {
					end = *a.EndedAt
				}
				took += end.Sub(a.StartedAt)
			}
			seconds := float64(took.Milliseconds()) / 1000
			r.Seconds = &seconds
		}
		list[i] = r.Run
	}
	return list, nil
}

// findRun reads one run, of the tenant or of the shared feed: what shared records do in a
// tenant belongs to the run that brought them.
func findRun(ctx context.Context, tx pgx.Tx, tenant id.ID, number int64) (found Run, shared bool, err error) {
	for _, of := range []id.ID{tenant, id.Shared} {
		if err := pg.SetTenant(ctx, tx, of); err != nil {
			return found, false, err
		}
		list, err := readRuns(ctx, tx, of, number, RunFilter{Limit: 1})
		if err != nil {
			return found, false, err
		}
		if len(list) == 1 {
			return list[0], of == id.Shared, pg.SetTenant(ctx, tx, tenant)
		}
	}
	return found, false, ask.NotFound("there is no such scan run of this tenant; see `sluice runs list`")
}
