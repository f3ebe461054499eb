package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/inventory"
	"sluice/projections"
)

func newUnknowns(a *app) *cobra.Command {
	var f inventory.UnknownFilter
	var valid, known string
	var by []string
	var limit int
	cmd := &cobra.Command{
		Use:   "unknowns",
		Short: "List the components that cannot be matched, with the reason",
		Long: `Lists components in which nothing can be found, with the reason: because it is not known what they are, or
(no-records) because no vulnerability records of their ecosystem or release are loaded now. With --suggest each says what
may help; --count counts them instead.

--valid-at asks what SBOMs listed at a time, --known-at what was known at a time: an SBOM of March that came in
May changes what was valid in April, and not what was known then.`,
		Example: `  sluice unknowns --tenant acme --suggest
  sluice unknowns --count reason,artifact
  sluice unknowns --count tool
  sluice unknowns --reason unknown-distro --output csv
  sluice unknowns --valid-at 2026-04-01 --known-at 2026-04-15`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if valid != "" {
				at, err := moment("--valid-at", valid)
				if err != nil {
					return err
				}
				f.ValidAt = &at
			}
			if known != "" {
				at, err := moment("--known-at", known)
				if err != nil {
					return err
				}
				f.KnownAt = &at
			}
			return a.unknowns(cmd.Context(), f, by, limit)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.Artifact, "artifact", "", "only those of this artifact, by purl")
	flags.StringVar(&f.Reason, "reason", "", "only those with this reason: "+strings.Join(inventory.UnknownReasons, ", "))
	flags.BoolVar(&f.Suggest, "suggest", false, "say what may help")
	flags.StringSliceVar(&by, "count", nil, "count them by reason, artifact, tool (what made the SBOM), or several of these")
	flags.IntVar(&limit, "limit", 0, "at most so many, of a list; 0 is all; by default as many as a terminal shows, else all")
	flags.StringVar(&valid, "valid-at", "", "those that SBOMs listed at this time, or so long ago")
	flags.StringVar(&known, "known-at", "", "by what was known at this time, or so long ago")
	return cmd
}

func (a *app) unknowns(ctx context.Context, f inventory.UnknownFilter, by []string, limit int) error {
	f.Tool = slices.Contains(by, "tool")
	if err := ask.Limit(limit); err != nil {
		return err
	}
	if err := f.Check(); err != nil {
		return err
	}
	if _, err := inventory.CountUnknowns(nil, by...); err != nil {
		return err
	}
	list, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) ([]inventory.Unknown, error) {
		return inv.Unknowns(ctx, tenant, f)
	})
	if err != nil {
		return err
	}
	none := "no unknowns: every component can be matched"
	switch { // of what else there is, nothing was asked
	case f.Reason != "":
		none = "no unknowns with the reason " + f.Reason
	case f.ValidAt != nil || f.KnownAt != nil:
		none = "no unknowns at that time"
	}
	if len(list) == 0 {
		if err := a.nothing(ctx, inventory.FindingFilter{}, none); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(list, func(u inventory.Unknown) bool { return u.Reason == projections.NoRecords }) {
		unjudged, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) ([]inventory.Unjudged, error) {
			return inv.Unjudged(ctx, tenant, inventory.FindingFilter{Artifact: f.Artifact})
		})
		if err != nil {
			return err
		}
		defer a.tellUnjudged(unjudged)
	}
	if len(by) > 0 {
		counts, err := inventory.CountUnknowns(list, by...)
		if err != nil {
			return err
		}
		t := table{head: []string{"components", "reason", "artifact"}}
		if f.Tool {
			t.head = append(t.head, "tool")
		}
		for _, c := range counts {
			row := []string{n(int64(c.Components)), c.Reason, c.Artifact}
			if f.Tool {
				row = append(row, c.Tool)
			}
			t.add(row...)
		}
		return a.print(&t, counts)
	}
	list, more := cut(a, list, limit)
	t := table{head: []string{"reason", "name", "version", "purl", "artifact"}}
	if f.Suggest {
		t.head = append(t.head, "suggestions")
	}
	for _, r := range list {
		cells := []string{r.Reason, r.Name, r.Version, r.Purl, r.Artifact}
		if f.Suggest {
			cells = append(cells, strings.Join(r.Suggestions, "; "))
		}
		t.add(cells...)
	}
	if err := a.printListing(&t, list, listing{wide: []string{"purl", "artifact", "name", "version", "suggestions"}, drop: []string{"name", "version"}}); err != nil {
		return err
	}
	a.moreBelow(more, "unknowns")
	return nil
}
