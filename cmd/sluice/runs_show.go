package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
)

// showRun holds the flags of `runs show`.
type showRun struct {
	run            int64
	shared, events bool
	limit          int
	until0         string
	until          time.Time
}

// eventsAfter is how long after the end of a run its events are looked for: until then
// its documents are projected, or somebody wonders why not.
const eventsAfter = 7 * 24 * time.Hour

// window bounds the events of a run in time, so that only the partitions of that time are read.
func (s showRun) window(r runJSON) (from, to time.Time) {
	switch {
	case !s.until.IsZero():
		return r.StartedAt, s.until
	case r.FinishedAt != nil:
		return r.StartedAt, r.FinishedAt.Add(eventsAfter)
	}
	return r.StartedAt, time.Now().Add(eventsAfter) // it runs, or nobody noted its end
}

// sqlRunSummary sums up the events of a run. Whatever sluice.events brings may have any
// payload: only numbers count, and none too large to add. The sub-selects are kept apart
// (offset 0): each member is read once, and what is sorted for the percentiles is without payloads.
const sqlRunSummary = `
select event_type, count(*), min(occurred_at), max(occurred_at), sum(n), sum(bytes),
  avg(ms), percentile_disc(array[0.5, 0.95]) within group (order by ms), max(ms),
  min(received collate "C"), max(received collate "C")
from (
  select event_type, occurred_at, received,
    case when jsonb_typeof(n) = 'number' then least(greatest(n::numeric, 0), 1e12)::bigint end as n,
    case when jsonb_typeof(bytes) = 'number' then least(greatest(bytes::numeric, 0), 1e12)::bigint end as bytes,
    case when jsonb_typeof(ms) = 'number' then least(greatest(ms::numeric, 0), 1e12)::float8 end as ms
  from (
    select event_type, occurred_at, payload -> 'count' as n, payload -> 'bytes' as bytes, payload -> 'duration_ms' as ms, payload ->> 'received_at' as received
    from ingest.scan_run_event
    where tenant_id = $1 and scan_run_id = $2 and occurred_at >= $3 and occurred_at <= $4 offset 0) as members
  offset 0) as e
group by event_type`

const sqlRunParked = `
select coalesce(payload ->> 'reason', ''), count(*)
from ingest.scan_run_event
where tenant_id = $1 and scan_run_id = $2 and occurred_at >= $3 and occurred_at <= $4 and event_type = 'parked'
group by 1`

const sqlRunEvents = `
select occurred_at, scan_run_id, event_type, event_id, payload
from ingest.scan_run_event
where tenant_id = $1 and scan_run_id = $2 and occurred_at >= $3 and occurred_at <= $4
order by occurred_at, event_id limit nullif($5, 0)`

// summaryJSON is what `runs show` prints of a run.
type summaryJSON struct {
	runJSON
	Shared bool             `json:"shared"` // a run of the shared feed
	Bytes  int64            `json:"bytes"`  // of the documents that were received
	Events []sumJSON        `json:"events"`
	Parked map[string]int64 `json:"parked_by_reason"`
}

// sumJSON sums up the events of one type.
type sumJSON struct {
	Event    string        `json:"event"`
	Events   int64         `json:"events"`
	Count    *int64        `json:"count,omitempty"` // findings, statements
	First    time.Time     `json:"first"`
	Last     time.Time     `json:"last"`
	Duration *durationJSON `json:"duration_ms,omitempty"`

	bytes          *int64
	received, done *string
}

type durationJSON struct {
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

func (a *app) showRun(ctx context.Context, s showRun) error {
	var out summaryJSON
	var list []eventJSON
	err := a.readTx(ctx, s.shared, func(tx pgx.Tx, tenant id.ID) (err error) {
		if out.runJSON, out.Shared, err = findRun(ctx, tx, tenant, s.run); err != nil {
			return err
		}
		from, to := s.window(out.runJSON)
		args := []any{tenant, s.run, from, to}
		if s.events {
			list, err = readEvents(ctx, tx, append(args, s.limit)...)
			return err
		}
		return out.read(ctx, tx, args...)
	})
	if err != nil {
		return fmt.Errorf("scan run %d: %w", s.run, err)
	}
	if s.events {
		return a.printEvents(s, list)
	}
	return a.printRun(out)
}

func (out *summaryJSON) read(ctx context.Context, tx pgx.Tx, args ...any) error {
	// The durations of a million events are sorted in memory.
	if _, err := tx.Exec(ctx, `set local work_mem = '64MB'`); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, sqlRunSummary, args...)
	if err != nil {
		return err
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (sumJSON, error) {
		var e sumJSON
		var mean, most *float64
		var p []float64
		err := row.Scan(&e.Event, &e.Events, &e.First, &e.Last, &e.Count, &e.bytes, &mean, &p, &most, &e.received, &e.done)
		if mean != nil && len(p) == 2 {
			e.Duration = &durationJSON{tenth(*mean), tenth(p[0]), tenth(p[1]), tenth(*most)}
		}
		e.First, e.Last = e.First.UTC(), e.Last.UTC()
		return e, err
	})
	if err != nil {
		return err
	}
	out.Events = append(list, out.received(list)...)
	slices.SortFunc(out.Events, func(a, b sumJSON) int {
		return cmp.Or(cmp.Compare(rank(a.Event), rank(b.Event)), strings.Compare(a.Event, b.Event))
	})
	rows, err = tx.Query(ctx, sqlRunParked, args...)
	if err != nil {
		return err
	}
	out.Parked = map[string]int64{}
	var reason string
	var documents int64
	_, err = pgx.ForEachRow(rows, []any{&reason, &documents}, func() error { out.Parked[reason] = documents; return nil })
	return err
}

// received is the event that has no rows of its own: each document's outcome says when it
// was received.
func (out *summaryJSON) received(list []sumJSON) []sumJSON {
	var r sumJSON
	for _, e := range list {
		switch e.Event {
		case "accepted", "unchanged", "duplicate", "parked":
		default:
			continue
		}
		if e.bytes != nil {
			out.Bytes += *e.bytes
		}
		if e.received == nil {
			continue // written by an older program
		}
		first, err1 := time.Parse(time.RFC3339, *e.received)
		last, err2 := time.Parse(time.RFC3339, *e.done)
		if err1 != nil || err2 != nil {
			continue // not written by this program
		}
		if r.Events == 0 || first.Before(r.First) {
			r.First = first
		}
		if last.After(r.Last) {
			r.Last = last
		}
		r.Event, r.Events = "received", r.Events+e.Events
	}
	if r.Events == 0 {
		return nil
	}
	return []sumJSON{r}
}

func tenth(ms float64) float64 { return math.Round(ms*10) / 10 }

func (a *app) printRun(s summaryJSON) error {
	if a.output == "json" {
		return printJSON(a.stdout, s)
	}
	if a.output == "table" {
		of := ""
		if s.Shared {
			of = " of the shared feed"
		}
		fmt.Fprintf(a.stdout, "scan run %d%s: %s, %s\n", s.Run, of, s.Source, s.State)
		if len(s.Arguments) > 0 {
			fmt.Fprintf(a.stdout, "arguments: %s\n", printable(strings.Join(s.Arguments, " ")))
		}
		end := ""
		if s.FinishedAt != nil {
			end = ", finished " + s.FinishedAt.Format(time.RFC3339)
		}
		if s.Seconds != nil {
			end += ", " + seconds(s.Seconds) + " s"
		}
		fmt.Fprintf(a.stdout, "started %s by %s%s, %s\n\n", s.StartedAt.Format(time.RFC3339), printable(s.StartedBy), end, megabytes(s.Bytes))
	}
	t := table{head: []string{"event", "events", "count", "first", "last", "mean ms", "p50 ms", "p95 ms", "max ms"}, empty: "no events"}
	for _, e := range s.Events {
		d := []string{"", "", "", ""}
		if e.Duration != nil {
			d = []string{ms(e.Duration.Mean), ms(e.Duration.P50), ms(e.Duration.P95), ms(e.Duration.Max)}
		}
		t.add(append([]string{e.Event, n(e.Events), count(e.Count), e.First.Format(timeForm), e.Last.Format(timeForm)}, d...)...)
	}
	if err := a.print(&t, nil); err != nil || a.output != "table" || len(s.Parked) == 0 {
		return err
	}
	var reasons []string
	for _, r := range slices.Sorted(maps.Keys(s.Parked)) {
		reasons = append(reasons, fmt.Sprintf("%s %d", printable(r), s.Parked[r]))
	}
	_, err := fmt.Fprintf(a.stdout, "\nparked: %s (see `sluice parked list`)\n", strings.Join(reasons, ", "))
	return err
}

// timeForm is how events' times are printed for people: RFC 3339 with milliseconds.
const timeForm = "2006-01-02T15:04:05.000Z07:00"

func ms(d float64) string { return fmt.Sprintf("%.1f", d) }

// eventJSON is an event as show --events and tail print it.
type eventJSON struct {
	At      time.Time       `json:"at"`
	Run     int64           `json:"run"`
	Event   string          `json:"event"`
	ID      id.ID           `json:"event_id"`
	Payload json.RawMessage `json:"payload"`
}

func readEvents(ctx context.Context, tx pgx.Tx, args ...any) ([]eventJSON, error) {
	rows, err := tx.Query(ctx, sqlRunEvents, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanEvent)
}

func scanEvent(row pgx.CollectableRow) (eventJSON, error) {
	var e eventJSON
	err := row.Scan(&e.At, &e.Run, &e.Event, &e.ID, &e.Payload)
	e.At = e.At.UTC()
	return e, err
}

func (a *app) printEvents(s showRun, list []eventJSON) error {
	t := table{head: []string{"at", "event", "ms", "origin", "detail"}, empty: "no events"}
	for _, e := range list {
		took, origin, detail := e.say()
		t.add(e.At.Format(timeForm), e.Event, took, origin, detail)
	}
	if err := a.print(&t, orEmpty(list)); err != nil {
		return err
	}
	if s.limit > 0 && len(list) == s.limit {
		fmt.Fprintf(a.stderr, "sluice: there may be more than these %d events; --limit 0 lists all\n", s.limit)
	}
	return nil
}

// say puts the payload into words: how long, from where, and the rest as name=value.
func (e eventJSON) say() (took, origin, detail string) {
	var p map[string]any
	if json.Unmarshal(e.Payload, &p) != nil {
		return "", "", string(e.Payload) // an event of sluice.events need not be an object
	}
	if d, ok := p["duration_ms"].(float64); ok {
		took = ms(d)
	}
	origin, _ = p["origin"].(string)
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(p)) {
		switch k {
		case "duration_ms", "read_ms", "waited_ms", "origin", "received_at", "document_id", "jobs":
			continue
		}
		switch v := p[k].(type) {
		case string:
			parts = append(parts, k+"="+short(v, 120))
		default:
			b, _ := json.Marshal(v)
			parts = append(parts, k+"="+short(string(b), 120))
		}
	}
	return took, origin, strings.Join(parts, " ")
}
