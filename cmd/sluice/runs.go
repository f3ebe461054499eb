package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/id"
	"sluice/inventory"
)

// newRuns makes the command.
//
// Long: the texts and flags of its commands stand side by side, as --help shows them.
func newRuns(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "Scan runs: who imported what, when, with which outcome",
	}
	var shared bool
	cmd.PersistentFlags().BoolVar(&shared, "shared", false, "those of the shared feed")
	var f inventory.RunFilter
	var since string
	list := &cobra.Command{
		Use: "list", Short: "List scan runs, the newest first", Args: cobra.NoArgs,
		Long: `Lists scan runs, the newest first. An import that was killed leaves its run running; it is
shown as stale once nothing was heard of it for 15 minutes: neither a change of the run nor
an event. ` + "`sluice ingest file ./sboms --scan-run 7`" + ` takes it up again.`,
		Example: "  sluice runs list --since 7d\n  sluice runs list --output json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.Check(); err != nil {
				return err
			}
			var err error
			if f.Since, err = moment("--since", since); err != nil {
				return err
			}
			return a.listRuns(cmd.Context(), shared, f)
		},
	}
	list.Flags().IntVar(&f.Limit, "limit", 0, "at most so many; 0 is all; by default as many as a terminal shows, else all")
	list.Flags().StringVar(&since, "since", "", "only those that began since: 90m, 7d or a time")

	var q inventory.RunQuery
	var events bool
	var until string
	showCmd := &cobra.Command{
		Use: "show RUN", Short: "Show what became of the documents of a scan run", Args: cobra.ExactArgs(1),
		Long: `Sums up the events of a scan run: documents by outcome, what was projected and found, how
long it took, why documents were parked. With --events it lists the events.

A projection may come long after the import. Events are looked for from the beginning of
the run until a week after its end; --until looks further.`,
		Example: "  sluice runs show 7\n  sluice runs show 7 --events --output csv",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if q.Run, err = runNumber(args[0]); err != nil {
				return err
			}
			if err := q.Check(); err != nil {
				return err
			}
			if q.Until, err = moment("--until", until); err != nil {
				return err
			}
			if events {
				return a.listRunEvents(cmd.Context(), shared, q)
			}
			return a.showRun(cmd.Context(), shared, q)
		},
	}
	showCmd.Flags().BoolVar(&events, "events", false, "list the events, the oldest first")
	showCmd.Flags().IntVar(&q.Limit, "limit", 1000, "with --events, at most so many; 0 is all")
	showCmd.Flags().StringVar(&until, "until", "", "look at events until then: a time, or how long ago (0s is now)")

	var follow inventory.Tail
	var tailSince string
	tail := &cobra.Command{
		Use: "tail [RUN]", Short: "Follow the events of a scan run, or of all", Args: cobra.MaximumNArgs(1),
		Long: `Prints events as they are committed, of one scan run or of all the tenant's, until it is
stopped. An event is printed once, in whatever order transactions commit, as long as it is
committed within 15 minutes of its time.`,
		Example: "  sluice runs tail\n  sluice runs tail 7 --since 10m --output json",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if len(args) == 1 {
				if follow.Run, err = runNumber(args[0]); err != nil {
					return err
				}
			}
			if follow.Since, err = moment("--since", tailSince); err != nil {
				return err
			}
			return a.tailRuns(cmd.Context(), shared, follow)
		},
	}
	tail.Flags().StringVar(&tailSince, "since", "", "begin with the events since: 10m, 7d or a time")
	cmd.AddCommand(list, showCmd, tail)
	return cmd
}

func runNumber(arg string) (int64, error) {
	n, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || n < 1 {
		return 0, usagef("%q is not the number of a scan run; see `sluice runs list`", arg)
	}
	return n, nil
}

// moment reads a time, or how long ago it was. The zero time is "".
func moment(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(form, text); err == nil {
			return at, nil
		}
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n < 100_000 {
			return time.Now().AddDate(0, 0, -n), nil
		}
	}
	ago, err := time.ParseDuration(text)
	if err != nil || ago < 0 {
		return time.Time{}, usagef("%s %q: it is a time like 2026-02-28T12:00:00Z, a day like 2026-02-28, or how long ago, like 90m or 7d", flag, text)
	}
	return time.Now().Add(-ago), nil
}

// ofTenant asks the inventory about the tenant, or about the shared feed.
func ofTenant[T any](ctx context.Context, a *app, shared bool, ask func(*inventory.Inventory, id.ID) (T, error)) (T, error) {
	if shared {
		return askedOf(a, id.Shared, ask)
	}
	return asked(ctx, a, ask)
}

func (a *app) listRuns(ctx context.Context, shared bool, f inventory.RunFilter) error {
	if f.Limit == 0 {
		f.Limit = a.screen()
	}
	list, err := ofTenant(ctx, a, shared, func(inv *inventory.Inventory, tenant id.ID) ([]inventory.Run, error) {
		return inv.Runs(ctx, tenant, f)
	})
	if err != nil {
		return err
	}
	t := table{
		head:  []string{"run", "state", "source", "started", "by", "seconds", "documents", "accepted", "duplicate", "unchanged", "parked", "attempts", "arguments"},
		empty: "no scan runs",
	}
	for _, r := range list {
		c := r.Counted()
		t.add(n(r.Number), r.State, r.Source, r.StartedAt.Format(time.RFC3339), r.StartedBy, seconds(r.Seconds),
			count(c.Documents), count(c.Accepted), count(c.Duplicate), count(c.Unchanged), count(c.Parked), strconv.Itoa(len(r.Attempts)), short(strings.Join(r.Arguments, " "), 80))
	}
	if err := a.printListing(&t, list, listing{wide: []string{"arguments", "by"}, drop: []string{"unchanged", "duplicate", "seconds", "by", "source", "parked", "accepted"}}); err != nil {
		return err
	}
	if a.output != "table" || f.Limit == 0 || len(list) < f.Limit {
		return nil
	}
	all, err := ofTenant(ctx, a, shared, func(inv *inventory.Inventory, tenant id.ID) (int, error) { return inv.CountRuns(ctx, tenant, f) })
	if err == nil {
		a.moreBelow(all-len(list), "scan runs")
	}
	return err
}

func seconds(s *float64) string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf("%.1f", *s)
}

// count is a number that may not be known.
func count(i *int64) string {
	if i == nil {
		return ""
	}
	return n(*i)
}
