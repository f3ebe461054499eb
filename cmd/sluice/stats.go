package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"sluice/doctor/vitals"
)

func newStats(a *app) *cobra.Command {
	top, check := 10, false
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "How the database is: statements, sizes, bloat, locks, slots, wraparound, each with a verdict",
		Long: `Asks the server's own statistics: the statements that took most time (where
pg_stat_statements is there), how much was read from memory, the largest tables and indexes
with an estimate of their bloat, unused indexes, the oldest transactions, who waits for a
lock, replication slots that hold WAL, and the distance to wraparound. Each row is fine,
watch or act, and says what to do; docs/operations.md has the limits. It asks as the user of
--database-url, of the embedded server as its superuser, and changes nothing.`,
		Example: "  sluice stats\n  sluice stats --check --output csv",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.stats(cmd.Context(), top, check) },
	}
	cmd.Flags().IntVar(&top, "top", top, "list so many statements, tables and indexes")
	cmd.Flags().BoolVar(&check, "check", false, "fail where a row says act")
	return cmd
}

func (a *app) stats(ctx context.Context, top int, check bool) error {
	if top < 1 || top > 1000 {
		return usagef("--top %d: it is 1 to 1000", top)
	}
	conn, err := a.db.Onlooker(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := vitals.Look(ctx, conn, top)
	if err != nil {
		return err
	}
	t := table{head: []string{"check", "object", "value", "unit", "verdict", "detail"}}
	acts := 0
	for _, r := range rows {
		value, unit := strconv.FormatFloat(r.Value, 'f', -1, 64), r.Unit
		if a.output == "table" {
			value, unit = forPeople(r.Value, r.Unit)
		}
		t.add(r.Check, r.Object, value, unit, string(r.Verdict), r.Detail)
		if r.Verdict == vitals.Act {
			acts++
		}
	}
	if err := a.print(&t, rows); err != nil {
		return err
	}
	if check && acts > 0 {
		return fmt.Errorf("stats: %d rows say act", acts)
	}
	return nil
}

// forPeople shortens a value.
func forPeople(v float64, unit string) (value, as string) {
	switch {
	case unit == "bytes" && v >= 1<<30:
		return strconv.FormatFloat(v/(1<<30), 'f', 1, 64), "GiB"
	case unit == "bytes" && v >= 1<<20:
		return strconv.FormatFloat(v/(1<<20), 'f', 1, 64), "MiB"
	case unit == "bytes":
		return strconv.FormatFloat(v/(1<<10), 'f', 0, 64), "KiB"
	case unit == "of reads":
		return strconv.FormatFloat(100*v, 'f', 1, 64), "% of reads"
	case unit == "seconds" && v < 1000:
		return strconv.FormatFloat(v, 'g', 3, 64), unit
	}
	return strconv.FormatFloat(v, 'f', -1, 64), unit
}
