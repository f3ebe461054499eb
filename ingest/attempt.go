package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
)

// Attempt is one process's work at a scan run: one that was interrupted is taken up again, and stays
// one run.
type Attempt struct {
	StartedAt time.Time  `json:"started_at"`
	EndedAt   *time.Time `json:"ended_at"` // null while it runs; of one that was killed when it was heard of last
	State     string     `json:"state"`    // as that of a run; stale: it was killed
	Documents int64      `json:"documents"`
}

// runCounts is the summary of a run: of all attempts together. Attempts is empty where there was one.
type runCounts struct {
	Counts
	Attempts []Attempt `json:"attempts,omitempty"`
}

// lockedRun is a run whose row nobody else changes now.
type lockedRun struct {
	runCounts
	state              string
	created, last, now time.Time
}

// lockRun locks a run; pgx.ErrNoRows means that it is not this tenant's.
func lockRun(ctx context.Context, tx pgx.Tx, tenant id.ID, run int64) (*lockedRun, error) {
	r := &lockedRun{}
	var stored []byte
	if err := tx.QueryRow(ctx, sqlLockCounts, tenant, run).Scan(&stored, &r.state, &r.created, &r.last, &r.now); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(stored, &r.runCounts); err != nil {
		return nil, fmt.Errorf("the run's summary: %w", err)
	}
	return r, nil
}

// resume notes how the last attempt ended, with what it did where it could not say so itself, and
// begins another one.
func (r *lockedRun) resume(ctx context.Context, tx pgx.Tx, tenant id.ID, run int64) error {
	if len(r.Attempts) == 0 {
		r.Attempts = []Attempt{{StartedAt: r.created, Documents: r.Documents}}
	}
	last := &r.Attempts[len(r.Attempts)-1]
	last.EndedAt, last.State = &r.last, r.state
	if r.state == "running" {
		done, heard, err := outcomesSince(ctx, tx, tenant, run, last.StartedAt)
		if err != nil {
			return err
		}
		last.State, last.Documents = "stale", done.Documents
		if heard.After(r.last) {
			last.EndedAt = &heard
		}
		r.Merge(done)
	}
	r.Attempts = append(r.Attempts, Attempt{StartedAt: r.now, State: "running"})
	return nil
}

// end adds what the attempt that ends did.
func (r *lockedRun) end(state string, counts Counts) {
	if len(r.Attempts) == 0 {
		r.Counts = counts
		return
	}
	last := &r.Attempts[len(r.Attempts)-1]
	last.EndedAt, last.State, last.Documents = &r.now, state, counts.Documents
	r.Merge(counts)
}

// outcomesSince counts the documents of a run by their events, and says when the last of those was.
func outcomesSince(ctx context.Context, tx pgx.Tx, tenant id.ID, run int64, since time.Time) (sum Counts, heard time.Time, err error) {
	rows, err := tx.Query(ctx, sqlRunOutcomes, tenant, run, since)
	if err != nil {
		return sum, heard, err
	}
	var last time.Time
	var outcome, format, reason string
	var documents, bytes int64
	_, err = pgx.ForEachRow(rows, []any{&outcome, &format, &reason, &documents, &bytes, &last}, func() error {
		if last.After(heard) {
			heard = last
		}
		sum.Merge(outcomeOf(Outcome(outcome), format, reason, documents, bytes))
		return nil
	})
	return sum, heard, err
}

// outcomeOf counts so many documents with the same outcome.
func outcomeOf(outcome Outcome, format, reason string, documents, bytes int64) Counts {
	o := OutcomeCounts{Documents: documents, Bytes: bytes}
	c := Counts{ByReason: map[string]int64{}}
	switch outcome {
	case Accepted:
		o.Accepted = documents
	case Duplicate:
		o.Duplicate = documents
	case Unchanged:
		o.Unchanged = documents
	case Parked:
		o.Parked = documents
		c.ByReason[reason] = documents
	}
	c.OutcomeCounts, c.ByFormat = o, map[string]OutcomeCounts{format: o}
	return c
}

// errNoRun: the number is not that of a run of the tenant.
var errNoRun = errors.New("there is no such scan run of this tenant; see `sluice runs list`")
