package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/id"
	"sluice/inventory"
)

// errFailOn: there are findings that --fail-on names. Exit status 6, what they are is printed.
var errFailOn = errors.New("there are findings that --fail-on names")

// findingsFlags are those of `findings`.
type findingsFlags struct {
	filter inventory.FindingFilter
	since  string
	fix    bool
	fields []string
	group  string
	failOn string
}

func newFindings(a *app) *cobra.Command {
	var f findingsFlags
	cmd := &cobra.Command{
		Use:   "findings",
		Short: "List findings: the worst first, filtered, sorted, summed; why each one is there",
		Long: `Lists findings. Every filter narrows: a finding has to meet all that are given. Artifacts and packages are
named by purl, or with * for any text ('*log4j*', 'pkg:oci/team-a/*').

A list with --limit ends with the cursor of its next page, on standard error: give it to --after with the same
filters and the same order. ` + "`sluice findings why ID`" + ` explains a finding; --fields id,vulnerability,package
shows the IDs.

With --fail-on the command ends with status 6 where any finding that the filters pick, on this page or not, is
as severe or worse; any is whatever it is, kev one known to be exploited; unjudged, also beside one of the others,
fails where there are components of which there are no records.

An artifact, tag, package or vulnerability that is named and not here is an error, status 1, not an empty list.`,
		Example: `  sluice findings --tenant acme
  sluice findings --severity high --fix-available --since 7d --sort first_seen --limit 20
  sluice findings --severity critical --sort first_seen --limit 5 --fields id,first_seen,vulnerability,artifact
  sluice findings --kev --tag production --output markdown
  sluice findings --package '*log4j*' --fields vulnerability,score,artifact --output csv
  sluice findings --group-by package --limit 10
  sluice findings --artifact pkg:oci/app@1.2 --fail-on high --output sarif > app.sarif`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{moreForms: "markdown sarif"},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("fix-available") || f.fix {
				f.filter.Fix = map[bool]string{true: "yes", false: "no"}[f.fix]
			}
			return a.findings(cmd.Context(), f)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.filter.Artifact, "artifact", "", "only those of this artifact, by purl, or with * for any text")
	fl.StringVar(&f.filter.Tag, "tag", "", "only those of artifacts with this tag")
	fl.StringVar(&f.filter.Package, "package", "", "only those of this package, by purl (without a version: of every one), or with * for any text")
	fl.StringVar(&f.filter.Ecosystem, "ecosystem", "", "only those of this ecosystem, like npm, Debian or Debian:12, or of this type of purl, like deb")
	fl.StringVar(&f.filter.Vuln, "vuln", "", "only those of this vulnerability, by any of its ids")
	fl.StringVar(&f.filter.Status, "status", "open", "open, suppressed, closed, or all, which is open and suppressed")
	fl.StringVar(&f.filter.Severity, "severity", "", "at least critical, high, medium, low or none, which leaves out those whose severity nobody knows")
	fl.Float64Var(&f.filter.Score, "score", 0, "with a CVSS score of at least this, 0 to 10; 0 is any")
	fl.BoolVar(&f.filter.KEV, "kev", false, "only those known to be exploited (KEV)")
	fl.Float64Var(&f.filter.EPSS, "epss", 0, "with an EPSS score of at least this, 0 to 1; 0 is any")
	fl.BoolVar(&f.fix, "fix-available", false, "only those with a version to go to; with =false only those without")
	fl.StringVar(&f.since, "since", "", "only those seen first since then: a time, a day like 2026-02-28, or how long ago, like 12h or 7d")
	fl.StringVar(&f.filter.VEXSource, "vex-source", "", "only those that this speaks of: openvex, csaf, cyclonedx, spdx, decision, or any, or none")
	fl.StringVar(&f.filter.Sort, "sort", "severity", "order: "+strings.Join(inventory.FindingSorts, ", ")+"; each begins with the worst or the newest, or with A")
	fl.IntVar(&f.filter.Limit, "limit", 0, "at most so many; 0 is all; by default as many as a terminal shows, else all")
	fl.StringVar(&f.filter.After, "after", "", "go on behind this cursor, which the page before ended with")
	fl.StringSliceVar(&f.fields, "fields", nil, "only these, in this order: "+strings.Join(fieldNames(), ","))
	fl.StringVar(&f.group, "group-by", "", "sum by vulnerability, package or artifact")
	fl.StringVar(&f.failOn, "fail-on", "", "exit status 6 where there is a finding that is critical, high, medium, low or worse, or any, or kev; unjudged: or components without records")
	cmd.AddCommand(newFindingsWhy(a))
	return cmd
}

func (a *app) findings(ctx context.Context, f findingsFlags) error {
	out, err := a.findingsOutput(&f)
	if err != nil {
		return err
	}
	if f.filter.Since, err = moment("--since", f.since); err != nil {
		return err
	}
	if err := f.filter.Check(); err != nil {
		return err
	}
	if f.filter.Limit == 0 {
		f.filter.Limit = a.screen()
	}
	fails, unjudged, err := f.failing()
	if err != nil {
		return err
	}
	if f.group != "" {
		err = a.groupedFindings(ctx, f)
	} else {
		err = a.listFindings(ctx, f, out)
	}
	if err != nil || fails == nil && !unjudged {
		return err
	}
	// A gate for something that is not here guards nothing.
	if _, err := asked(ctx, a, missing(ctx, f.filter)); err != nil {
		return err
	}
	if unjudged {
		list, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) ([]inventory.Unjudged, error) {
			return inv.Unjudged(ctx, tenant, f.filter)
		})
		if err != nil {
			return err
		}
		if len(list) > 0 {
			fmt.Fprintln(a.stderr, "sluice: --fail-on unjudged: there are such components")
			return errFailOn
		}
	}
	if fails == nil {
		return nil
	}
	any, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) (bool, error) { return inv.AnyFinding(ctx, tenant, *fails) })
	if err == nil && any {
		fmt.Fprintf(a.stderr, "sluice: --fail-on %s: there are such findings\n", f.failOn)
		return errFailOn
	}
	return err
}

// failing picks the findings for which the command fails; nil: none. unjudged: it fails where there are components
// without records, too.
func (f *findingsFlags) failing() (fails *inventory.FindingFilter, unjudged bool, err error) {
	picked := f.filter
	worse := []string{"none", "low", "medium", "high", "critical"}
	word, both, found := strings.Cut(f.failOn, ",")
	if word == "unjudged" {
		word, both = both, word
	}
	unjudged = both == "unjudged"
	switch {
	case found && (word == "" || !unjudged):
		// Of two words one is this one.
	case word == "":
		return nil, unjudged, nil
	case word == "any":
		return &picked, unjudged, nil
	case word == "kev":
		picked.KEV = true
		return &picked, unjudged, nil
	case slices.Contains(worse[1:], word):
		if indexOf(worse, word) > indexOf(worse, picked.Severity) {
			picked.Severity = word
		}
		return &picked, unjudged, nil
	}
	return nil, false, usagef("--fail-on %q: it is critical, high, medium, low, any or kev, and may have unjudged beside it: high,unjudged", f.failOn)
}

func (a *app) listFindings(ctx context.Context, f findingsFlags, out findingsOutput) error {
	type answer struct {
		shown    tally
		last     string
		more     bool
		unjudged []inventory.Unjudged
	}
	got, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) (got answer, err error) {
		got.shown = tally{by: map[string]int64{}}
		if got.unjudged, err = f.unjudged(ctx, inv, tenant); err != nil {
			return got, err
		}
		out.unjudged(got.unjudged)
		got.more, err = inv.EachFinding(ctx, tenant, f.filter, func(f inventory.Finding) error {
			got.shown.add(f.Severity)
			got.last = f.Cursor
			return out.add(&f)
		})
		return got, err
	})
	if err != nil {
		return err
	}
	if err := out.close(); err != nil {
		return err
	}
	defer a.tellUnjudged(got.unjudged)
	if !got.more {
		if f.filter.After != "" {
			fmt.Fprintf(a.stderr, "the last %s\n", got.shown)
		} else if got.shown.total == 0 {
			return a.nothing(ctx, f.filter, f.none(len(got.unjudged) > 0))
		} else {
			fmt.Fprintln(a.stderr, got.shown)
		}
		return nil
	}
	counts, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) (inventory.FindingCounts, error) {
		return inv.CountFindings(ctx, tenant, f.filter)
	})
	if err != nil {
		return err
	}
	every := ""
	if a.screen() > 0 {
		every = "; --limit 0 lists all"
	}
	all := tally{counts.Total, counts.BySeverity, counts.AtLeast}
	fmt.Fprintf(a.stderr, "%d of %s; the next: --after %s%s\n", got.shown.total, all, got.last, every)
	return nil
}

// unjudged are the components that nobody can judge, where findings are looked for that may be in them.
func (f *findingsFlags) unjudged(ctx context.Context, inv *inventory.Inventory, tenant id.ID) ([]inventory.Unjudged, error) {
	if f.filter.Status == "suppressed" || f.filter.Status == "closed" {
		return nil, nil
	}
	return inv.Unjudged(ctx, tenant, f.filter)
}

// none says that there are no findings.
func (f *findingsFlags) none(unjudged bool) string {
	text := "no " + strings.TrimPrefix(f.filter.Status+" ", "all ") + "findings"
	if unjudged {
		text += " in what can be judged"
	}
	return text
}

// tally is how many findings there are, by severity.
type tally struct {
	total   int64
	by      map[string]int64
	atLeast bool
}

func (t *tally) add(severity string) { t.total++; t.by[severity]++ }

// String says it in words: 12 findings: 2 critical, 10 high.
func (t tally) String() string {
	text := fmt.Sprintf("%d findings", t.total)
	if t.total == 1 {
		text = "1 finding"
	}
	if t.atLeast {
		text = "more than " + text
	}
	if by := t.severities(); by != "" {
		text += ": " + by
	}
	return text
}

// severities is 2 critical, 10 high.
func (t tally) severities() string {
	var parts []string
	for _, s := range []string{"critical", "high", "medium", "low", "none", ""} {
		if n := t.by[s]; n > 0 {
			if s == "" {
				s = "of unknown severity"
			}
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	return strings.Join(parts, ", ")
}

func (a *app) groupedFindings(ctx context.Context, f findingsFlags) error {
	more := false
	var unjudged []inventory.Unjudged
	list, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) (list []inventory.FindingGroup, err error) {
		if unjudged, err = f.unjudged(ctx, inv, tenant); err != nil {
			return nil, err
		}
		list, more, err = inv.GroupFindings(ctx, tenant, f.filter, f.group)
		return list, err
	})
	if err != nil {
		return err
	}
	t := table{
		head: []string{"severity", "score", "findings", "critical", "high", "vulnerabilities", "packages", "artifacts", "fix available", f.group},
	}
	if a.output != "table" {
		t.head[8] = "fix_available"
	}
	for _, g := range list {
		fix := ""
		if g.Fixable {
			fix = "yes"
		}
		t.add(g.Severity, optional(g.Score), n(g.Findings), n(g.Critical), n(g.High), n(g.Vulnerabilities), n(g.Packages), n(g.Artifacts), fix, g.Key)
	}
	defer a.tellUnjudged(unjudged)
	if err := a.printWide(&t, groupsAnd(list, unjudged), f.group); err != nil {
		return err
	}
	if len(list) == 0 {
		return a.nothing(ctx, f.filter, f.none(len(unjudged) > 0))
	}
	if more {
		fmt.Fprintf(a.stderr, "the worst %d; there are more\n", len(list))
	}
	return nil
}

// groupsAnd is the JSON of groups, with what nobody can judge behind them.
func groupsAnd(list []inventory.FindingGroup, unjudged []inventory.Unjudged) []any {
	out := make([]any, 0, len(list)+1)
	for _, g := range list {
		out = append(out, g)
	}
	if len(unjudged) > 0 {
		out = append(out, newUnjudgedElement(unjudged))
	}
	return out
}

func indexOf(list []string, s string) int {
	for i, v := range list {
		if v == s {
			return i
		}
	}
	return -1
}
