package inventory

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/ask"
	"sluice/internal/id"
)

// RunQuery asks about one scan run.
type RunQuery struct {
	// Run is its number. Required.
	Run int64
	// Until is up to when events are looked at; the zero time is a week after the run's end:
	// until then its documents are projected, or somebody wonders why not.
	Until time.Time
	// Limit is how many events at most, the oldest first; 0 is all. The sum takes all.
	Limit int
}

// Check returns an *ask.WrongError where the question makes no sense.
func (q RunQuery) Check() error { return ask.Limit(q.Limit) }

const eventsAfter = 7 * 24 * time.Hour

// window bounds the events of a run in time, so that only the partitions of that time are read.
func (q RunQuery) window(r Run) (from, to time.Time) {
	switch {
	case !q.Until.IsZero():
		return r.StartedAt, q.Until
	case r.FinishedAt != nil:
		return r.StartedAt, r.FinishedAt.Add(eventsAfter)
	}
	return r.StartedAt, time.Now().Add(eventsAfter) // it runs, or nobody noted its end
}

// RunSummary sums up the events of a run.
type RunSummary struct {
	Run
	Shared bool             `json:"shared"` // a run of the shared feed
	Bytes  int64            `json:"bytes"`  // of the documents that were received
	Events []EventSum       `json:"events"` // in the order of a document's life
	Parked map[string]int64 `json:"parked_by_reason"`
}

// EventSum sums up the events of one type.
type EventSum struct {
	Event    string     `json:"event"`
	Events   int64      `json:"events"`
	Count    *int64     `json:"count,omitempty"` // findings, statements
	First    time.Time  `json:"first"`
	Last     time.Time  `json:"last"`
	Duration *Durations `json:"duration_ms,omitempty"`
}

// Durations says how long events took, in milliseconds.
type Durations struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P95  float64 `json:"p95"`
	Max  float64 `json:"max"`
}

// eventOrder is the order of a document's life.
var eventOrder = []string{
	"received", "replayed", "accepted", "unchanged", "duplicate", "parked", "projected", "retired", "findings_opened", "findings_reopened",
	"findings_suppressed", "findings_closed", "findings_renamed", "findings_changed", "statements_applied", "statements_superseded", "statements_waiting",
}

func rank(event string) int {
	if i := slices.Index(eventOrder, event); i >= 0 {
		return i
	}
	return len(eventOrder)
}

// Run sums up a scan run of the tenant, or what one of the shared feed did in it.
func (inv *Inventory) Run(ctx context.Context, tenant id.ID, q RunQuery) (RunSummary, error) {
	out := RunSummary{Events: []EventSum{}, Parked: map[string]int64{}}
	err := inv.read(ctx, tenant, func(tx pgx.Tx) (err error) {
		if out.Run, out.Shared, err = findRun(ctx, tx, tenant, q.Run); err != nil {
			return err
		}
		from, to := q.window(out.Run)
		// The durations of a million events are sorted in memory.
		if _, err := tx.Exec(ctx, `set local work_mem = '64MB'`); err != nil {
			return err
		}
		sums, err := collect[eventRow](ctx, tx, sqlRunSummary, tenant, q.Run, from, to)
		if err != nil {
			return err
		}
		out.add(sums)
		rows, err := tx.Query(ctx, sqlRunParked, tenant, q.Run, from, to)
		if err != nil {
			return err
		}
		var reason string
		var documents int64
		_, err = pgx.ForEachRow(rows, []any{&reason, &documents}, func() error { out.Parked[reason] = documents; return nil })
		return err
	})
	if err != nil {
		return out, fmt.Errorf("scan run %d: %w", q.Run, err)
	}
	return out, nil
}

// eventRow is a row of run_summary.sql.
type eventRow struct {
	Event          string    `db:"event_type"`
	Events         int64     `db:"events"`
	Count          *int64    `db:"n"`
	First          time.Time `db:"first"`
	Last           time.Time `db:"last"`
	Bytes          *int64    `db:"bytes"`
	Mean           *float64  `db:"mean"`
	Percentiles    []float64 `db:"percentiles"` // 50 and 95
	Most           *float64  `db:"most"`
	Received, Done *string   // when the first and the last of the documents came, as payloads say it
}

func (e eventRow) sum() EventSum {
	s := EventSum{Event: e.Event, Events: e.Events, Count: e.Count, First: e.First.UTC(), Last: e.Last.UTC()}
	if e.Mean != nil && len(e.Percentiles) == 2 {
		s.Duration = &Durations{tenth(*e.Mean), tenth(e.Percentiles[0]), tenth(e.Percentiles[1]), tenth(*e.Most)}
	}
	return s
}

func tenth(ms float64) float64 { return math.Round(ms*10) / 10 }

func (s *RunSummary) add(rows []eventRow) {
	for _, e := range rows {
		s.Events = append(s.Events, e.sum())
		switch e.Event {
		case "accepted", "unchanged", "duplicate", "parked":
			if e.Bytes != nil {
				s.Bytes += *e.Bytes
			}
		}
	}
	if r := received(rows); r.Events > 0 {
		s.Events = append(s.Events, r)
	}
	slices.SortFunc(s.Events, func(a, b EventSum) int {
		return cmp.Or(cmp.Compare(rank(a.Event), rank(b.Event)), strings.Compare(a.Event, b.Event))
	})
}

// received is the event that has no rows of its own: each document's outcome says when it
// was received.
func received(rows []eventRow) EventSum {
	r := EventSum{Event: "received"}
	for _, e := range rows {
		switch e.Event {
		case "accepted", "unchanged", "duplicate", "parked":
		default:
			continue
		}
		if e.Received == nil {
			continue // written by an older program
		}
		first, err1 := time.Parse(time.RFC3339, *e.Received)
		last, err2 := time.Parse(time.RFC3339, *e.Done)
		if err1 != nil || err2 != nil {
			continue // not written by this program
		}
		if r.Events == 0 || first.Before(r.First) {
			r.First = first
		}
		if last.After(r.Last) {
			r.Last = last
		}
		r.Events += e.Events
	}
	return r
}

// Event is an event of a scan run.
type Event struct {
	At      time.Time       `db:"occurred_at" json:"at"`
	Run     int64           `db:"scan_run_id" json:"run"`
	Event   string          `db:"event_type" json:"event"`
	ID      id.ID           `db:"event_id" json:"event_id"`
	Payload json.RawMessage `db:"payload" json:"payload"`
}

// RunEvents lists the events of a scan run, the oldest first.
func (inv *Inventory) RunEvents(ctx context.Context, tenant id.ID, q RunQuery) ([]Event, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	var list []Event
	err := inv.read(ctx, tenant, func(tx pgx.Tx) error {
		run, _, err := findRun(ctx, tx, tenant, q.Run)
		if err != nil {
			return err
		}
		from, to := q.window(run)
		list, err = collect[Event](ctx, tx, sqlRunEvents, tenant, q.Run, from, to, q.Limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("scan run %d: %w", q.Run, err)
	}
	for i := range list {
		list[i].At = list[i].At.UTC()
	}
	return list, nil
}
