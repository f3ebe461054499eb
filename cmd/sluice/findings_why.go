package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/id"
	"sluice/inventory"
)

func newFindingsWhy(a *app) *cobra.Command {
	var q inventory.WhyQuestion
	cmd := &cobra.Command{
		Use:   "why [ID]",
		Short: "Explain a finding on one page, or why there is none",
		Long: `Explains a finding: what says so and how the version compares, how the package was identified, where it is in the
SBOM, every statement and decision about it with which one counts and why, KEV, EPSS, what happened, and the documents that
prove it. Suppressed and closed findings too, and as far as can be told why a vulnerability of a package is none.

Name it by its ID (the column id of ` + "`sluice findings --fields id,vulnerability,package`" + `), or by --vuln and --package.`,
		Example: `  sluice findings why CVE-2021-23337.9f86d081884c.2c26b46b68ff
  sluice findings why --vuln CVE-2021-23337 --package pkg:npm/lodash@4.17.20
  sluice findings why --vuln CVE-2021-23337 --package pkg:npm/lodash@4.17.21 --output json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				q.ID = args[0]
			}
			return a.findingsWhy(cmd.Context(), q)
		},
	}
	cmd.Flags().StringVar(&q.Vuln, "vuln", "", "the vulnerability, by any of its ids")
	cmd.Flags().StringVar(&q.Package, "package", "", "the package, by purl with its version")
	cmd.Flags().StringVar(&q.Artifact, "artifact", "", "in this artifact, by purl; else the first that has the finding, or lists the package")
	return cmd
}

func (a *app) findingsWhy(ctx context.Context, q inventory.WhyQuestion) error {
	if a.output == "csv" {
		return usagef("--output csv: an explanation is a page, or json")
	}
	if err := q.Check(); err != nil {
		return err
	}
	w, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) (*inventory.Why, error) { return inv.Why(ctx, tenant, q) })
	if err != nil {
		return err
	}
	for i, d := range w.Proof {
		w.Proof[i].Command += a.missing(d.Command)
	}
	if a.output == "json" {
		return printJSON(a.stdout, w)
	}
	p := page{w: a.stdout, hint: a.hint}
	p.why(w)
	return p.err
}

// page writes chapters with what belongs to them below.
type page struct {
	w    io.Writer
	hint func(string) string
	err  error
}

func (p *page) line(depth int, format string, args ...any) {
	if _, err := fmt.Fprintln(p.w, strings.Repeat("  ", depth)+printable(p.hint(fmt.Sprintf(format, args...)))); p.err == nil {
		p.err = err
	}
}

func (p *page) chapter(title string) { p.line(0, ""); p.line(0, "%s", title) }

// why writes the page.
//
// Long: it is one page, a chapter after the other.
func (p *page) why(w *inventory.Why) {
	what := map[string]string{"open": "an open finding", "suppressed": "a suppressed finding", "closed": "no finding any more", "none": "no finding"}[w.Status]
	p.line(0, "%s of %s is %s", w.Vulnerability, w.Package, what)
	p.line(1, "because %s.", w.Because)
	if w.Artifact != "" {
		p.line(1, "in %s%s", w.Artifact, more(w.AlsoIn, " and %d other artifact", " and %d other artifacts"))
	}
	if len(w.Aliases) > 0 {
		p.line(1, "also known as %s", strings.Join(w.Aliases, ", "))
	}
	p.urgency(w)
	if w.ID != "" {
		p.line(1, "ID %s", w.ID)
	}
	p.chapter("What says so")
	if len(w.Records) == 0 {
		p.line(1, "no record of this vulnerability is stored: `sluice document list --kind vuln`")
	}
	for _, r := range w.Records {
		covers := "does not cover the version"
		if r.Covers {
			covers = "covers the version: " + r.Range
		}
		p.line(1, "%s (%s) %s", r.ID, r.Source, covers)
		for _, s := range r.Words {
			p.line(2, "%s", s)
		}
		if len(r.Fixed) > 0 {
			p.line(2, "fixed in %s", strings.Join(r.Fixed, ", "))
		}
		p.line(2, "%s%s", r.Document, at(", modified ", r.Modified))
	}
	p.chapter("How the package was identified")
	p.line(1, "%s", w.Identified.Words)
	if len(w.Identified.Keys) > 0 {
		p.line(1, "records are looked up by %s", strings.Join(w.Identified.Keys, ", "))
	}
	p.chapter("Where it is")
	if len(w.Places) == 0 {
		p.line(1, "in no current SBOM")
	}
	for _, s := range w.Places {
		p.line(1, "%s%s, %s%s", s.Origin, stream(s.Stream), s.Format, at(", of ", s.Time))
		for i, step := range s.Path {
			p.line(2, "%s%s", strings.Repeat("  ", i), spaced(step.Name, step.Version, step.Purl))
		}
		if s.Note != "" {
			p.line(2, "%s", s.Note)
		}
	}
	p.chapter("Who says what about it")
	if len(w.Statements) == 0 {
		p.line(1, "nobody")
	}
	for _, s := range w.Statements {
		mark := "loses"
		if s.InForce {
			mark = "counts"
		}
		p.line(1, "%s: %s, %s", mark, s.Status, s.Why)
		p.line(2, "%s", said(s)+at(", ", s.Time))
		if s.Product != "" {
			p.line(2, "about %s (%s)", s.Product, s.Scope)
		}
		for _, text := range []string{s.Justification, s.Detail, s.Document} {
			if text != "" {
				p.line(2, "%s", text)
			}
		}
	}
	p.chapter("What happened")
	if len(w.History) == 0 {
		p.line(1, "nothing is on record")
	}
	for _, e := range w.History {
		p.line(1, "%s %s: %s", e.At.Format(time.RFC3339), e.Event, e.Reason)
	}
	p.chapter("What proves it")
	if len(w.Proof) == 0 {
		p.line(1, "nothing is stored about it")
	}
	for _, d := range w.Proof {
		p.line(1, "%s: %s", d.What, d.Command)
	}
}

// said is what kind of word it is and whose.
func said(s inventory.WhySaid) string {
	if s.Kind == "decision" {
		return "decision by " + orUnnamed(s.Issuer)
	}
	return spaced(s.Kind, "of", s.Source, s.Issuer)
}

func (p *page) urgency(w *inventory.Why) {
	switch {
	case w.Score != nil:
		p.line(1, "%s, CVSS %s%s", w.Severity, w.Score, since(w.FirstSeen))
	case w.Severity != "":
		p.line(1, "%s, without a score%s", w.Severity, since(w.FirstSeen))
	case w.FirstSeen != nil:
		p.line(1, "of unknown severity%s", since(w.FirstSeen))
	}
	if k := w.KEV; k != nil {
		text := "known to be exploited (KEV), listed " + k.Added
		if k.Due != "" {
			text += ", due " + k.Due
		}
		if k.Ransomware {
			text += ", used in ransomware campaigns"
		}
		p.line(1, "%s", text)
	} else {
		p.line(1, "not in the catalogue of exploited vulnerabilities (KEV) that is stored")
	}
	if e := w.EPSS; e != nil {
		p.line(1, "EPSS %v, above %.0f %% of all, of %s", e.Score, e.Percentile*100, e.Date)
	} else {
		p.line(1, "no EPSS score is stored")
	}
	if len(w.Fixed) > 0 {
		p.line(1, "fixed in %s", strings.Join(w.Fixed, ", "))
	}
}

func at(before string, t *time.Time) string {
	if t == nil {
		return ""
	}
	return before + t.UTC().Format(time.RFC3339)
}

func since(t *time.Time) string { return at(", seen first ", t) }

func stream(name string) string {
	if name == "" {
		return ""
	}
	return ", stream " + name
}

// more is text with a number where there is one.
func more(n int64, one, several string) string {
	switch n {
	case 0:
		return ""
	case 1:
		several = one
	}
	return fmt.Sprintf(several, n)
}

// spaced joins what there is with spaces.
func spaced(list ...string) string {
	return strings.Join(strings.Fields(strings.Join(list, " ")), " ")
}
