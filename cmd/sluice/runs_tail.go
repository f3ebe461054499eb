package main

import (
	"context"
	"encoding/csv"
	"fmt"

	"sluice/internal/id"
	"sluice/inventory"
)

func (a *app) tailRuns(ctx context.Context, shared bool, t inventory.Tail) error {
	t.OnFollowing = func() { fmt.Fprintln(a.stderr, "sluice: following; stop with Ctrl-C") }
	t.OnOutage = func(err error) {
		a.log.Warn("database outage: following goes on when it is over", "error", err)
		a.db.Revive(err)
	}
	_, err := ofTenant(ctx, a, shared, func(inv *inventory.Inventory, tenant id.ID) (struct{}, error) {
		t.OnEvent = a.eventPrinter() // only now: a CSV has a head
		return struct{}{}, inv.Tail(ctx, tenant, t)
	})
	return err
}

// eventPrinter prints one event per line: JSON Lines, CSV or columns.
func (a *app) eventPrinter() func(inventory.Event) error {
	switch a.output {
	case "json":
		return func(e inventory.Event) error { return printJSON(a.stdout, e) }
	case "csv":
		w := csv.NewWriter(a.stdout)
		_ = w.Write([]string{"at", "run", "event", "ms", "origin", "detail", "payload"})
		w.Flush()
		return func(e inventory.Event) error {
			took, origin, detail := say(e)
			_ = w.Write([]string{e.At.Format(timeForm), n(e.Run), e.Event, took, origin, detail, string(e.Payload)})
			w.Flush()
			return w.Error()
		}
	}
	return func(e inventory.Event) error {
		took, origin, detail := say(e)
		if took != "" {
			took += " ms"
		}
		_, err := fmt.Fprintf(a.stdout, "%s  run %-6d  %-20s  %10s  %s\n", e.At.Format(timeForm), e.Run, printable(e.Event), took, printable(joinWords(origin, detail)))
		return err
	}
}

func joinWords(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "  " + b
}
