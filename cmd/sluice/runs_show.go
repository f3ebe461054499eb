package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/inventory"
)

func (a *app) showRun(ctx context.Context, shared bool, q inventory.RunQuery) error {
	s, err := ofTenant(ctx, a, shared, func(inv *inventory.Inventory, tenant id.ID) (inventory.RunSummary, error) {
		return inv.Run(ctx, tenant, q)
	})
	if err != nil {
		return err
	}
	if a.output == "json" {
		return printJSON(a.stdout, s)
	}
	if a.output == "table" {
		of := ""
		if s.Shared {
			of = " of the shared feed"
		}
		fmt.Fprintf(a.stdout, "scan run %d%s: %s, %s\n", s.Number, of, s.Source, s.State)
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
		if len(s.Attempts) > 1 {
			for i, at := range s.Attempts {
				fmt.Fprintf(a.stdout, "attempt %d: %s, %s: %s, %d documents\n", i+1, at.StartedAt.Format(time.RFC3339), lasted(at), at.State, at.Documents)
			}
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
	_, err = fmt.Fprintf(a.stdout, "\nparked: %s (%s)\n", strings.Join(reasons, ", "), a.hint("see `sluice parked list`"))
	return err
}

// lasted says how long somebody worked at a run.
func lasted(at ingest.Attempt) string {
	if at.EndedAt == nil {
		return "goes on"
	}
	return fmt.Sprintf("%.1f s", at.EndedAt.Sub(at.StartedAt).Seconds())
}

// timeForm is how events' times are printed for people: RFC 3339 with milliseconds.
const timeForm = "2006-01-02T15:04:05.000Z07:00"

func ms(d float64) string { return fmt.Sprintf("%.1f", d) }

func (a *app) listRunEvents(ctx context.Context, shared bool, q inventory.RunQuery) error {
	list, err := ofTenant(ctx, a, shared, func(inv *inventory.Inventory, tenant id.ID) ([]inventory.Event, error) {
		return inv.RunEvents(ctx, tenant, q)
	})
	if err != nil {
		return err
	}
	t := table{head: []string{"at", "event", "ms", "origin", "detail"}, empty: "no events"}
	for _, e := range list {
		took, origin, detail := say(e)
		t.add(e.At.Format(timeForm), e.Event, took, origin, detail)
	}
	if err := a.print(&t, list); err != nil {
		return err
	}
	if q.Limit > 0 && len(list) == q.Limit {
		fmt.Fprintf(a.stderr, "sluice: there may be more than these %d events; --limit 0 lists all\n", q.Limit)
	}
	return nil
}

// say puts the payload of an event into words: how long, from where, and the rest as name=value.
func say(e inventory.Event) (took, origin, detail string) {
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
