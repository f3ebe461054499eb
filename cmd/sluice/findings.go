package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/id"
	"sluice/inventory"
)

func newFindings(a *app) *cobra.Command {
	var f inventory.FindingFilter
	cmd := &cobra.Command{
		Use:   "findings",
		Short: "List findings: open ones, suppressed ones with the reason, or all",
		Example: `  sluice findings --tenant acme
  sluice findings --artifact pkg:oci/app@1.2 --status all --output json
  sluice findings --vuln CVE-2021-44228 --output csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.findings(cmd.Context(), f) },
	}
	cmd.Flags().StringVar(&f.Artifact, "artifact", "", "only those of this artifact, by purl")
	cmd.Flags().StringVar(&f.Vuln, "vuln", "", "only those of this vulnerability, by any of its ids")
	cmd.Flags().StringVar(&f.Status, "status", "open", "open, suppressed or all")
	cmd.Flags().IntVar(&f.Limit, "limit", 0, "at most so many, the worst first; 0 is all")
	return cmd
}

func (a *app) findings(ctx context.Context, f inventory.FindingFilter) error {
	if err := f.Check(); err != nil {
		return err
	}
	list, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) ([]inventory.Finding, error) {
		return inv.Findings(ctx, tenant, f)
	})
	if err != nil {
		return err
	}
	t := table{head: []string{"vulnerability", "score", "severity", "package", "artifact", "status", "fixed in", "reason"}, empty: "no " + strings.TrimPrefix(f.Status, "all") + " findings"}
	for _, f := range list {
		reason := ""
		if f.VEX != nil {
			reason = f.VEX.Status
			if f.VEX.Justification != "" {
				reason += ": " + f.VEX.Justification
			}
			reason += " (" + strings.TrimSpace(f.VEX.Source+" "+f.VEX.Issuer) + ")"
		}
		t.add(f.Vulnerability, optional(f.Score), f.Severity, f.Package, f.Artifact, f.Status, strings.Join(f.Fixed, " "), reason)
	}
	return a.print(&t, list)
}
