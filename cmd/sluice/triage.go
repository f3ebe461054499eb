package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/id"
	"sluice/inventory"
)

func newTriage(a *app) *cobra.Command {
	f := inventory.TriageFilter{Limit: 20}
	since := "1d"
	cmd := &cobra.Command{
		Use:   "triage",
		Short: "Show what to look at first, and what changed since yesterday",
		Long: `Shows open vulnerabilities by package, the most urgent first: known to be exploited (KEV), then how
likely that is (EPSS of 0.5, 0.1, 0.01 and more), then severity, then whether there is a fix, then whether an
artifact with it holds a tag of exposure (production or internet-facing, unless the tenant says otherwise). What
came since --since is marked; below the table stands what came, what is open no more, and why, and what came to be
known as exploited.

The list is refreshed some seconds after findings change. EPSS and KEV are those of the last import.`,
		Example: "  sluice triage --tenant acme\n  sluice triage --since 7d --new --limit 0 --output json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if f.Since, err = moment("--since", since); err != nil {
				return err
			}
			return a.triage(cmd.Context(), f)
		},
	}
	cmd.Flags().StringVar(&since, "since", "1d", "since when changes are told: a time, or how long ago, such as 7d")
	cmd.Flags().BoolVar(&f.New, "new", false, "only what came since then")
	cmd.Flags().IntVar(&f.Limit, "limit", 20, "how many of each list at most; 0 is all")
	return cmd
}

func (a *app) triage(ctx context.Context, f inventory.TriageFilter) error {
	if err := f.Check(); err != nil {
		return err
	}
	d, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) (inventory.Day, error) { return inv.Triage(ctx, tenant, f) })
	if err != nil {
		return err
	}
	t := table{head: []string{"vulnerability", "why", "score", "artifacts", "since", "new", "package"}, empty: "nothing is open"}
	for _, u := range d.List {
		mark := ""
		if u.New {
			mark = "new"
		}
		t.add(u.Vulnerability, because(u), optional(u.Score), n(u.Artifacts), u.FirstSeen.Format(time.DateOnly), mark, u.Package)
	}
	defer a.tellUnjudged(d.Unjudged)
	if err := a.print(&t, d); err != nil || a.output != "table" {
		return err
	}
	if d.Unmatched > 0 {
		defer a.note("sluice: %d of %s cannot be matched (`sluice unknowns --count reason`)", d.Unmatched, countOf(d.Components, "component"))
	}
	a.printChanges(d, f.Limit)
	return nil
}

// because says why something has its place in the list.
func because(u inventory.Urgent) string {
	var parts []string
	if u.KEV {
		parts = append(parts, "exploited")
	}
	if u.EPSS != nil {
		parts = append(parts, fmt.Sprintf("EPSS %.2f", *u.EPSS))
	}
	if u.Severity != "" {
		parts = append(parts, u.Severity)
	}
	if u.FixAvailable {
		parts = append(parts, "fix")
	}
	if u.Exposed > 0 {
		parts = append(parts, fmt.Sprintf("exposed in %d", u.Exposed))
	}
	return strings.Join(parts, ", ")
}

// printChanges says below the list what came and went.
func (a *app) printChanges(d inventory.Day, limit int) {
	w := a.stdout
	fmt.Fprintf(w, "\nSince %s: %s came, %d went, %d came to be known as exploited\n", d.Since.Format("2006-01-02 15:04 MST"), atLeast(len(d.New), limit), d.GoneTotal, len(d.KEV))
	for _, u := range d.New {
		fmt.Fprintf(w, "  came  %s  %s  (%s)\n", printable(u.Vulnerability), printable(u.Package), printable(because(u)))
	}
	for _, g := range d.Gone {
		fmt.Fprintf(w, "  went  %s  %s  (%s)\n", printable(g.Vulnerability), printable(g.Package), printable(g.Reason))
	}
	for _, k := range d.KEV {
		due := ""
		if k.Due != "" {
			due = ", due " + k.Due
		}
		fmt.Fprintf(w, "  exploited  %s  %s (listed %s%s)\n", printable(k.Vulnerability), printable(k.Name), k.Added, due)
	}
}

// atLeast is a count that was cut at the limit.
func atLeast(n, limit int) string {
	if limit > 0 && n == limit {
		return fmt.Sprintf("%d or more", n)
	}
	return fmt.Sprint(n)
}
