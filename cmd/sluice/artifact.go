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

func newArtifact(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "artifact",
		Short: "List what SBOMs describe, tag it, retire it, compare two of it",
		Long: `An artifact is what an SBOM describes, named by its purl. It is active, and its findings are kept up
to date, until it is retired: by ` + "`artifact retire`" + `, because nobody has seen it for longer than
` + "`tenant set --retire-unseen`" + ` says, or because a tag that ` + "`tenant set --retire-tags`" + ` names moved on
to another version. Its findings close then, with that reason. An SBOM that is newer than the
retirement revives it; an older one does not, whenever it comes.`,
	}
	cmd.AddCommand(newArtifactList(a), newArtifactShow(a), newArtifactTag(a), newArtifactUntag(a), newArtifactRetire(a), newArtifactRevive(a), newArtifactDiff(a))
	return cmd
}

func newArtifactList(a *app) *cobra.Command {
	var f inventory.ArtifactFilter
	var unseen string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List artifacts with their tags, when they were seen last, and open findings by severity",
		Example: `  sluice artifact list --tenant acme
  sluice artifact list --tag production --output csv
  sluice artifact list --like 'pkg:oci/store*' --state active --unseen-since 30d`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if unseen != "" {
				at, err := moment("--unseen-since", unseen)
				if err != nil {
					return err
				}
				f.UnseenSince = &at
			}
			return a.artifactList(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.Like, "like", "", "only those with such a purl; * stands for anything")
	flags.StringVar(&f.State, "state", "", "only those that are active, or retired")
	flags.StringVar(&f.Tag, "tag", "", "only those that hold this tag")
	flags.StringVar(&unseen, "unseen-since", "", "only those without a newer SBOM than this: a time, or how long ago, such as 30d")
	flags.StringVar(&f.After, "after", "", "go on behind this purl, the last one of the page before")
	flags.IntVar(&f.Limit, "limit", 0, "how many at most; 0 is all; by default as many as a terminal shows, else all")
	return cmd
}

func (a *app) artifactList(ctx context.Context, f inventory.ArtifactFilter) error {
	if err := f.Check(); err != nil {
		return err
	}
	if f.Limit == 0 {
		f.Limit = a.screen()
	}
	list, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) ([]inventory.Artifact, error) {
		return inv.Artifacts(ctx, tenant, f)
	})
	if err != nil {
		return err
	}
	t := table{
		head: []string{"state", "tags", "last_seen", "streams", "components", "open", "critical", "high", "medium", "low", "unrated", "suppressed", "artifact"},
	}
	for _, r := range list {
		t.add(r.State, strings.Join(r.Tags, " "), day(r.LastSeen), fmt.Sprint(r.Streams), n(r.Components), n(r.Open), n(r.Critical), n(r.High), n(r.Medium), n(r.Low),
			n(r.Unrated), n(r.Suppressed), r.Artifact)
	}
	if err := a.printListing(&t, list, listing{wide: []string{"artifact", "tags"}, drop: []string{"unrated", "low", "suppressed", "streams", "medium", "components", "last_seen", "tags", "state", "high"}}); err != nil {
		return err
	}
	if len(list) == 0 && f.After == "" {
		return a.nothingOf(ctx, func(inv *inventory.Inventory, tenant id.ID) (bool, error) {
			return false, inv.MissingArtifacts(ctx, tenant, f)
		}, "no artifacts")
	}
	if a.output != "table" || f.Limit == 0 || len(list) < f.Limit {
		return nil
	}
	all, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) (int, error) { return inv.CountArtifacts(ctx, tenant, f) })
	if more := all - len(list); err == nil && more > 0 {
		fmt.Fprintf(a.stderr, "%d more artifacts: --after '%s' shows the next ones, --limit 0 all\n", more, list[len(list)-1].Artifact)
	}
	return err
}

// day is a time as a date, "" where there is none.
func day(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.DateOnly)
}

func newArtifactShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show ARTIFACT",
		Short:   "Show an artifact: its streams, tags, findings by severity, other versions, and why it is retired",
		Example: "  sluice artifact show pkg:oci/storefront@2.1 --tenant acme",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			page, err := asked(cmd.Context(), a, func(inv *inventory.Inventory, tenant id.ID) (inventory.ArtifactPage, error) {
				return inv.ShowArtifact(cmd.Context(), tenant, args[0])
			})
			if err != nil {
				return err
			}
			return a.printArtifact(page)
		},
	}
}

func (a *app) printArtifact(p inventory.ArtifactPage) error {
	t := table{head: []string{"what", "value"}}
	t.add("artifact", p.Artifact.Artifact)
	t.add("state", p.State)
	if p.State == "retired" {
		at := ""
		if p.RetiredAt != nil {
			at = p.RetiredAt.Format(time.RFC3339)
		}
		t.add("retired", strings.TrimSpace(at+" by "+p.RetiredBy+" "+p.Reason))
		if p.AsOf != nil {
			t.add("revived by", "an SBOM newer than "+p.AsOf.Format(time.RFC3339))
		}
	}
	t.add("tags", strings.Join(p.Tags, " "))
	t.add("first seen", p.FirstSeen.Format(time.RFC3339))
	if p.LastSeen != nil {
		t.add("last seen", p.LastSeen.Format(time.RFC3339))
	}
	t.add("open findings", fmt.Sprintf("%d: %d critical, %d high, %d medium, %d low, %d unrated", p.Open, p.Critical, p.High, p.Medium, p.Low, p.Unrated))
	t.add("suppressed", n(p.Suppressed))
	for _, s := range p.Current {
		name := "stream"
		if s.Stream != "" {
			name += " " + s.Stream
		}
		t.add(name, fmt.Sprintf("%s %s of %s, %d components, document %s", s.Format, s.FormatVersion, s.Seen.Format(time.RFC3339), s.Components, s.Document))
	}
	for _, v := range p.Versions {
		t.add("other version", strings.TrimSpace(fmt.Sprintf("%s %s, %s, seen %s", v.Artifact, strings.Join(v.Tags, " "), v.State, day(v.LastSeen))))
	}
	return a.print(&t, p)
}

func newArtifactTag(a *app) *cobra.Command {
	var t inventory.Tagging
	var actor string
	var wait bool
	cmd := &cobra.Command{
		Use:   "tag TAG ARTIFACT",
		Short: "Give an artifact a tag, such as production; it moves from the version that has it",
		Long: `Gives a tag to an artifact. Of all versions of one artifact one holds a tag: it moves from the one
that has it. That one is retired where ` + "`tenant set --retire-tags`" + ` names the tag, unless it holds
another tag named there, or with --retire-old. Where the tag comes back to a version that it had retired by
moving on, that version is revived. Who held the tag before and who holds it now is in the audit log.`,
		Example: "  sluice artifact tag production pkg:oci/storefront@2.2 --tenant acme --wait\n  sluice artifact tag internet-facing pkg:oci/storefront@2.2",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			t.Tag, t.Artifact = args[0], args[1]
			if err := t.Check(); err != nil {
				return err
			}
			var out inventory.Tagged
			err = a.verdict(cmd.Context(), wait, func(inv *inventory.Inventory, tenant id.ID) error {
				ctx, who, err := a.author(cmd.Context(), tenant, verdict{actor: actor})
				if err != nil {
					return err
				}
				t.Actor = who
				out, err = inv.Tag(ctx, tenant, t)
				return err
			})
			if err != nil {
				return err
			}
			tab := table{head: []string{"tag", "artifact", "before", "changed", "retired", "revived"}}
			tab.add(out.Tag, out.Artifact, out.Before, fmt.Sprint(out.Changed), fmt.Sprint(out.Retired), fmt.Sprint(out.Revived))
			if out.State == "retired" {
				a.note("%s is retired, and the tag does not change that; `sluice artifact revive %s` does", out.Artifact, shellWord(out.Artifact))
			}
			return a.print(&tab, out)
		},
	}
	cmd.Flags().BoolVar(&t.RetireOld, "retire-old", false, "retire the version that held the tag, whatever the tenant's policy says")
	cmd.Flags().StringVar(&actor, "actor", "", "who does it: a user of the tenant, or a UUID; default the token's owner, else the operating system's user")
	cmd.Flags().BoolVar(&wait, "wait", false, "project too, and end when findings show it")
	return cmd
}

// artifactChange is what a command did to an artifact.
type artifactChange struct {
	Artifact string `json:"artifact"`
	Changed  bool   `json:"changed"`
}

func (a *app) changedArtifact(name string, changed bool, otherwise string) error {
	if !changed {
		fmt.Fprintf(a.stderr, "%s %s: nothing is changed\n", name, otherwise)
	}
	t := table{head: []string{"artifact", "changed"}}
	t.add(name, fmt.Sprint(changed))
	return a.print(&t, artifactChange{name, changed})
}

func newArtifactUntag(a *app) *cobra.Command {
	var t inventory.Tagging
	var actor string
	cmd := &cobra.Command{
		Use:     "untag TAG ARTIFACT",
		Short:   "Take a tag from an artifact; nobody holds it then, and nothing is retired",
		Example: "  sluice artifact untag production pkg:oci/storefront@2.1 --tenant acme",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			t.Tag, t.Artifact = args[0], args[1]
			changed, err := asked(cmd.Context(), a, func(inv *inventory.Inventory, tenant id.ID) (bool, error) {
				ctx, who, err := a.author(cmd.Context(), tenant, verdict{actor: actor})
				if err != nil {
					return false, err
				}
				t.Actor = who
				return inv.Untag(ctx, tenant, t)
			})
			if err != nil {
				return err
			}
			return a.changedArtifact(args[1], changed, "does not hold the tag "+args[0])
		},
	}
	cmd.Flags().StringVar(&actor, "actor", "", "who does it: a user of the tenant, or a UUID; default the token's owner, else the operating system's user")
	return cmd
}

func newArtifactRetire(a *app) *cobra.Command {
	var r inventory.Retirement
	var actor, asOf string
	var wait bool
	cmd := &cobra.Command{
		Use:   "retire ARTIFACT",
		Short: "Retire an artifact: its findings close, with the reason",
		Long: `Retires an artifact: at the next projection (at once with --wait) its findings close, and their history
has the reason. An SBOM that is newer than --as-of, by its own time, revives it. One that is not does not,
whenever it comes; so the order in which documents and the retirement come makes no difference.`,
		Example: `  sluice artifact retire pkg:oci/storefront@2.0 --reason "switched off" --tenant acme --wait
  sluice artifact retire pkg:oci/storefront@1.9 --as-of 2026-10-01T00:00:00Z`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if asOf != "" {
				at, err := moment("--as-of", asOf)
				if err != nil {
					return err
				}
				r.AsOf = &at
			}
			r.Artifact = args[0]
			var changed bool
			err = a.verdict(cmd.Context(), wait, func(inv *inventory.Inventory, tenant id.ID) error {
				ctx, who, err := a.author(cmd.Context(), tenant, verdict{actor: actor})
				if err != nil {
					return err
				}
				r.Actor = who
				changed, err = inv.Retire(ctx, tenant, r)
				return err
			})
			if err != nil {
				return err
			}
			return a.changedArtifact(r.Artifact, changed, "is retired already")
		},
	}
	cmd.Flags().StringVar(&r.Reason, "reason", "", "why")
	cmd.Flags().StringVar(&asOf, "as-of", "", "since when it is out of use: a time, or how long ago, such as 7d; default now")
	cmd.Flags().StringVar(&actor, "actor", "", "who does it: a user of the tenant, or a UUID; default the token's owner, else the operating system's user")
	cmd.Flags().BoolVar(&wait, "wait", false, "project too, and end when findings show it")
	return cmd
}

func newArtifactRevive(a *app) *cobra.Command {
	var r inventory.Revival
	var actor string
	var wait bool
	cmd := &cobra.Command{
		Use:   "revive ARTIFACT",
		Short: "Take a retired artifact back into use: its findings open again",
		Long: `Revives a retired artifact. It counts as seen now: the policy retires it again only when it stays
unseen for as long once more.`,
		Example: "  sluice artifact revive pkg:oci/storefront@2.0 --reason \"still running in lab\" --tenant acme --wait",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			r.Artifact = args[0]
			var changed bool
			err = a.verdict(cmd.Context(), wait, func(inv *inventory.Inventory, tenant id.ID) error {
				ctx, who, err := a.author(cmd.Context(), tenant, verdict{actor: actor})
				if err != nil {
					return err
				}
				r.Actor = who
				changed, err = inv.Revive(ctx, tenant, r)
				return err
			})
			if err != nil {
				return err
			}
			return a.changedArtifact(r.Artifact, changed, "is active already")
		},
	}
	cmd.Flags().StringVar(&r.Reason, "reason", "", "why")
	cmd.Flags().StringVar(&actor, "actor", "", "who does it: a user of the tenant, or a UUID; default the token's owner, else the operating system's user")
	cmd.Flags().BoolVar(&wait, "wait", false, "project too, and end when findings show it")
	return cmd
}

func newArtifactDiff(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "diff FROM TO",
		Short: "Compare two artifacts: packages and findings that came and went",
		Long: `Compares what two artifacts list now and what is found in them, most often two versions of one. A
package is the same whatever its version; a finding is one vulnerability of a package. Of an artifact that is
retired the findings count that its retirement closed. Components without a purl are not compared.`,
		Example: "  sluice artifact diff pkg:oci/storefront@2.0 pkg:oci/storefront@2.1 --tenant acme\n  sluice artifact diff FROM TO --output json",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := asked(cmd.Context(), a, func(inv *inventory.Inventory, tenant id.ID) (inventory.ArtifactDiff, error) {
				return inv.DiffArtifacts(cmd.Context(), tenant, args[0], args[1])
			})
			if err != nil {
				return err
			}
			return a.printDiff(d)
		},
	}
}

func (a *app) printDiff(d inventory.ArtifactDiff) error {
	t := table{head: []string{"kind", "change", "vulnerability", "severity", "score", "from", "to", "package"}, empty: "no differences"}
	for _, p := range d.Packages {
		t.add("package", p.Change, "", "", "", strings.Join(p.From, " "), strings.Join(p.To, " "), p.Name)
	}
	for _, f := range d.Findings {
		t.add("finding", f.Change, f.Vulnerability, f.Severity, optional(f.Score), f.StatusFrom, f.StatusTo, f.Package)
	}
	if err := a.print(&t, d); err != nil {
		return err
	}
	if a.output == "table" {
		fmt.Fprintf(a.stderr, "%d packages and %d findings are the same\n", d.SamePackages, d.SameFindings)
	}
	return nil
}
