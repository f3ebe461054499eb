package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/inventory"
	"sluice/normalize"
)

func newDocumentWarnings(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "warnings ID", Short: "List what is odd about a document, by id or sha256:HASH", Args: cobra.ExactArgs(1),
		Example: "  sluice document warnings sha256:1a566eb63e312ed4b751e16222a94eb001604c876f2714676b54672cc5e1eccb",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.listWarnings(cmd.Context(), args[0]) },
	}
}

func newDocumentQuality(a *app) *cobra.Command {
	var f inventory.QualityFilter
	cmd := &cobra.Command{
		Use: "quality [ID]", Short: "Say how complete SBOMs are, and how much of them can be matched", Args: cobra.MaximumNArgs(1),
		Long: `Says how much of the minimum elements for an SBOM (NTIA, 2021) documents have: supplier, name,
version, identifier and relationships of components, author and timestamp of documents; and the
share of components that can be matched with advisories. Of one document, by id or sha256:HASH;
or of many, by artifact, by tool, by document.`,
		Example: "  sluice document quality --by tool --current\n  sluice document quality --artifact pkg:oci/app@1.2 --by document",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.listQuality(cmd.Context(), f)
			}
			for _, name := range []string{"by", "artifact", "tool", "current", "limit"} {
				if cmd.Flags().Changed(name) {
					return ask.Wrong(name, "picks among many documents; leave it out for one")
				}
			}
			return a.showQuality(cmd.Context(), args[0])
		},
	}
	cmd.Flags().StringVar(&f.By, "by", "artifact", "a row for each artifact, tool or document")
	cmd.Flags().StringVar(&f.Artifact, "artifact", "", "only SBOMs of this artifact, by purl")
	cmd.Flags().StringVar(&f.Tool, "tool", "", "only SBOMs that this tool made, by name")
	cmd.Flags().BoolVar(&f.Current, "current", false, "only the current SBOM of each stream")
	cmd.Flags().IntVar(&f.Limit, "limit", 0, "at most so many rows; 0 is all")
	return cmd
}

func (a *app) listWarnings(ctx context.Context, arg string) error {
	key, err := inventory.ParseDocumentKey(arg)
	if err != nil {
		return err
	}
	list, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) ([]inventory.Warning, error) {
		return inv.Warnings(ctx, tenant, key)
	})
	if err != nil {
		return err
	}
	t := table{head: []string{"code", "count", "pointer", "message"}, empty: "nothing odd"}
	for _, w := range list {
		t.add(w.Code, n(w.Count), w.Pointer, w.Message)
	}
	return a.print(&t, list)
}

func (a *app) countWarnings(ctx context.Context, f inventory.WarningFilter) error {
	if err := f.Check(); err != nil {
		return err
	}
	list, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) ([]inventory.WarningCount, error) {
		return inv.WarningCounts(ctx, tenant, f)
	})
	if err != nil {
		return err
	}
	t := table{head: []string{"code", "warnings", "documents"}, empty: "nothing odd"}
	by := map[string][]string{"tool": {"tool", "tool_version"}, "artifact": {"artifact"}, "document": {"document_id", "artifact", "tool", "tool_version"}}[f.By]
	t.head = append(append(by, t.head...), "example")
	for _, w := range list {
		cell := map[string]string{"tool": w.Tool, "tool_version": w.ToolVersion, "artifact": w.Artifact, "document_id": w.Document}
		var row []string
		for _, name := range by {
			row = append(row, cell[name])
		}
		t.add(append(row, w.Code, n(w.Warnings), n(w.Documents), w.Example)...)
	}
	return a.print(&t, list)
}

func (a *app) listQuality(ctx context.Context, f inventory.QualityFilter) error {
	if err := f.Check(); err != nil {
		return err
	}
	list, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) ([]inventory.Quality, error) {
		return inv.Quality(ctx, tenant, f)
	})
	if err != nil {
		return err
	}
	by := map[string][]string{"tool": {"tool", "tool_version"}, "artifact": {"artifact"}, "document": {"document_id", "artifact", "tool", "tool_version"}}[f.By]
	t := table{head: append(slices.Clone(by), "documents", "author", "timestamp", "components", "supplier", "name", "version", "identifier", "relationship", "matchable"), empty: "no SBOMs"}
	for _, q := range list {
		cell := map[string]string{"tool": q.Tool, "tool_version": q.ToolVersion, "artifact": q.Artifact, "document_id": q.Document}
		var row []string
		for _, name := range by {
			row = append(row, cell[name])
		}
		t.add(append(row, n(q.Documents), share(q.Authors, q.Documents), share(q.Timestamps, q.Documents), n(q.Components),
			share(q.Suppliers, q.Components), share(q.Names, q.Components), share(q.Versions, q.Components),
			share(q.Identifiers, q.Components), share(q.Relationships, q.Components), share(q.Matchable, q.Software))...)
	}
	return a.print(&t, list)
}

func (a *app) showQuality(ctx context.Context, arg string) error {
	key, err := inventory.ParseDocumentKey(arg)
	if err != nil {
		return err
	}
	q, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) (inventory.Quality, error) {
		return inv.DocumentQuality(ctx, tenant, key)
	})
	if err != nil {
		return err
	}
	if a.output == "json" {
		return printJSON(a.stdout, q)
	}
	yes := func(count int64) string {
		if count > 0 {
			return "yes"
		}
		return "no"
	}
	of := func(some, all int64) string { return fmt.Sprintf("%s (%d of %d)", share(some, all), some, all) }
	t := table{head: []string{"what", "value"}}
	t.add("artifact", q.Artifact)
	t.add("tool", normalize.Tool{Name: q.Tool, Version: q.ToolVersion}.String())
	t.add("author", yes(q.Authors))
	t.add("timestamp", yes(q.Timestamps))
	t.add("components", n(q.Components))
	t.add("supplier", of(q.Suppliers, q.Components))
	t.add("name", of(q.Names, q.Components))
	t.add("version", of(q.Versions, q.Components))
	t.add("identifier", of(q.Identifiers, q.Components))
	t.add("relationship", of(q.Relationships, q.Components))
	t.add("minimum elements", map[bool]string{true: "complete", false: "incomplete"}[q.Complete()])
	t.add("matchable", of(q.Matchable, q.Software))
	return a.print(&t, nil)
}

// share is a part in per cent, rounded down: only what is complete is 100 %.
func share(some, all int64) string {
	if all == 0 {
		return "-"
	}
	return fmt.Sprintf("%d%%", some*100/all)
}
