package main

import (
	"context"

	"github.com/spf13/cobra"

	"sluice/internal/id"
	"sluice/inventory"
)

func newUnknowns(a *app) *cobra.Command {
	var f inventory.UnknownFilter
	cmd := &cobra.Command{
		Use:     "unknowns",
		Short:   "List the components that cannot be matched, with the reason",
		Example: "  sluice unknowns --tenant acme\n  sluice unknowns --reason unknown-distro --output csv",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.unknowns(cmd.Context(), f) },
	}
	cmd.Flags().StringVar(&f.Artifact, "artifact", "", "only those of this artifact, by purl")
	cmd.Flags().StringVar(&f.Reason, "reason", "", "only those with this reason: no-purl, no-version, unknown-ecosystem, unknown-distro, invalid-purl, invalid-version")
	return cmd
}

func (a *app) unknowns(ctx context.Context, f inventory.UnknownFilter) error {
	if err := f.Check(); err != nil {
		return err
	}
	list, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) ([]inventory.Unknown, error) {
		return inv.Unknowns(ctx, tenant, f)
	})
	if err != nil {
		return err
	}
	t := table{head: []string{"reason", "name", "version", "purl", "artifact"}, empty: "no unknowns: every component can be matched"}
	for _, r := range list {
		t.add(r.Reason, r.Name, r.Version, r.Purl, r.Artifact)
	}
	return a.print(&t, list)
}
