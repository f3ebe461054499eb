package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/id"
	"sluice/inventory"
)

func newVEXHistory(a *app) *cobra.Command {
	var f inventory.HistoryFilter
	cmd := &cobra.Command{
		Use:   "history [DECISION]",
		Short: "What was decided, by whom, and what it replaced",
		Long: `Lists decisions and withdrawals, the newest first, with who did it and what was there before. With both --package
and --vuln it has what became of the findings too. DECISION is the id of one, as ` + "`sluice vex list --output json`" + ` shows it.
It is read from the audit log: what was retired from there is in the files that ` + "`sluice audit retire`" + ` wrote.`,
		Example: "  sluice vex history --package pkg:npm/lodash@4.17.20 --vuln CVE-2021-23337\n  sluice vex history --vuln CVE-2021-23337 --output json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				of, err := id.Parse(args[0])
				if err != nil {
					return usagef("%q is no id of a decision: %w", args[0], err)
				}
				f.Decision = &of
			}
			if f.Limit < 0 {
				return usagef("--limit %d: it is 0 or more", f.Limit)
			}
			return a.vexHistory(cmd.Context(), f)
		},
	}
	cmd.Flags().StringVar(&f.Package, "package", "", "only of this package")
	cmd.Flags().StringVar(&f.Vuln, "vuln", "", "only about this vulnerability, by any of its ids")
	cmd.Flags().StringVar(&f.Artifact, "artifact", "", "only of decisions for this artifact alone, and of findings in it")
	cmd.Flags().IntVar(&f.Limit, "limit", 100, "at most so many; 0 is all")
	return cmd
}

func (a *app) vexHistory(ctx context.Context, f inventory.HistoryFilter) error {
	list, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) ([]inventory.DecisionEvent, error) {
		return inv.History(ctx, tenant, f)
	})
	if err != nil {
		return err
	}
	t := table{head: []string{"at", "event", "by", "vulnerability", "package", "artifact", "from", "to", "reason"}}
	for _, e := range list {
		t.add(e.At.Format(time.RFC3339), e.Event, e.By, e.Vulnerability, e.Package, e.Artifact, e.From, e.To, e.Reason)
	}
	if err := a.print(&t, list); err != nil || len(list) > 0 {
		return err
	}
	return a.nothing(ctx, inventory.FindingFilter{Package: f.Package, Vuln: f.Vuln}, "nothing was decided")
}
