package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/id"
	"sluice/inventory"
	"sluice/normalize/lockfile"
)

// matchFlags are those of `match`.
type matchFlags struct {
	as, distro, failOn string
}

func newMatch(a *app) *cobra.Command {
	var f matchFlags
	cmd := &cobra.Command{
		Use:   "match [PURL... | FILE... | FOLDER... | -]",
		Short: "Which known vulnerabilities hit these purls, lock files or SBOMs; nothing is stored",
		Long: `Matches packages against the stored vulnerability facts, the tenant's and the shared ones, exactly as components
of an SBOM are. Nothing is stored. VEX is not applied: it is about products, and these are none yet.

Packages come from arguments and from files, also compressed or in archives:

  a list       of purls, one a line; # begins a comment
  an SBOM      in any format that ` + "`sluice ingest file`" + ` reads
  a lock file  known by its name: ` + strings.Join(lockfile.Kinds()[:10], ", ") + `,
               ` + strings.Join(lockfile.Kinds()[10:18], ", ") + `, dpkg/status, apk/db/installed
  a folder     the lock files in it, at any depth

With - or without arguments they come from standard input. --as says what a lock file is whose name does not.

A lock file has versions, and is enough. A pom.xml or requirements.txt may leave them to others: what has no version
there is listed as unmatched, with the reason. Nothing is fetched.

With --fail-on the command ends with status 6 where there is a vulnerability as severe or worse; any is whatever it is;
unjudged, also beside one of the others, fails where there are packages of which there are no records.`,
		Example: `  sluice match pkg:npm/lodash@4.17.20
  sluice match package-lock.json go.mod --fail-on high
  sluice match . --output sarif > dependencies.sarif
  sluice match /var/lib/dpkg/status --distro debian-12
  sluice match bom.cdx.json --output markdown
  sluice match --as Cargo.lock - < Cargo.lock.orig`,
		Args:        cobra.ArbitraryArgs,
		Annotations: map[string]string{moreForms: "markdown sarif"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if word, _ := f.failing(); !slices.Contains([]string{"", "critical", "high", "medium", "low", "any"}, word) {
				return usagef("--fail-on %q: it is critical, high, medium, low or any, and may have unjudged beside it: high,unjudged", f.failOn)
			}
			if f.as != "" && !slices.Contains(lockfile.Kinds(), f.as) {
				return usagef("--as %q: it is one of %s", f.as, strings.Join(lockfile.Kinds(), ", "))
			}
			g := given{f: f, app: a, at: map[string]int{}}
			if err := g.read(cmd.Context(), args); err != nil {
				return err
			}
			return a.match(cmd.Context(), &g)
		},
	}
	cmd.Flags().StringVar(&f.as, "as", "", "what the files are, whatever their names: "+strings.Join(lockfile.Kinds(), ", "))
	cmd.Flags().StringVar(&f.distro, "distro", "", "release that the packages of dpkg and apk are of: debian-12, ubuntu-22.04, alpine-3.19")
	cmd.Flags().StringVar(&f.failOn, "fail-on", "", "exit status 6 where there is a vulnerability that is critical, high, medium, low or worse, or any; unjudged: or packages without records")
	return cmd
}

func (a *app) match(ctx context.Context, g *given) error {
	list, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) ([]inventory.Match, error) {
		return inv.Match(ctx, tenant, g.purls())
	})
	if err != nil {
		return err
	}
	found, unjudged := g.found(list), inventory.UnjudgedMatches(list)
	if err := a.printMatches(found, unjudged, len(g.files) > 0); err != nil {
		return err
	}
	a.tellUnjudged(unjudged)
	if len(g.files) > 0 {
		fmt.Fprintln(a.stderr, matchSummary(found, len(g.list)))
	}
	word, unjudgedToo := g.f.failing()
	if slices.ContainsFunc(found, func(h hit) bool { return h.Unmatched == "" && asSevere(word, h.Severity) }) {
		fmt.Fprintf(a.stderr, "sluice: --fail-on %s: there are such vulnerabilities\n", word)
		return errFailOn
	}
	if unjudgedToo && len(unjudged) > 0 {
		fmt.Fprintln(a.stderr, "sluice: --fail-on unjudged: there are such packages")
		return errFailOn
	}
	return nil
}

// failing takes --fail-on apart: a severity, "" for none, and whether packages without records fail it too.
func (f *matchFlags) failing() (severity string, unjudged bool) {
	const word = "unjudged"
	if f.failOn == word {
		return "", true
	}
	if severity, unjudged = strings.CutSuffix(f.failOn, ","+word); !unjudged {
		severity, unjudged = strings.CutPrefix(f.failOn, word+",")
	}
	return severity, unjudged
}

// asSevere reports whether a severity is what is asked for, or worse.
func asSevere(asked, severity string) bool {
	worse := []string{"low", "medium", "high", "critical"}
	return asked == "any" || asked != "" && indexOf(worse, severity) >= indexOf(worse, asked)
}

// hit is a vulnerability of a package that was given, or why there can be none, with where it was given.
type hit struct {
	inventory.Match
	listed
}

// MarshalJSON adds to the form of a match where it was given, in words why it cannot be matched, and the name of what
// has no purl.
func (f hit) MarshalJSON() ([]byte, error) {
	text, err := jsonText(f.Match)
	if err != nil {
		return nil, err
	}
	more := struct {
		Name    string  `json:"name,omitempty"`
		Version string  `json:"version,omitempty"`
		Why     string  `json:"why,omitempty"`
		From    []place `json:"from,omitempty"`
	}{Why: f.why, From: f.from}
	if f.purl == "" {
		more.Name, more.Version = f.name, f.version
	}
	end, err := jsonText(more)
	if err != nil || string(end) == "{}" {
		return text, err
	}
	return append(append(text[:len(text)-1], ','), end[1:]...), nil
}

func matchSummary(list []hit, packages int) string {
	struck, unmatched := map[string]bool{}, 0
	by := map[string]int64{}
	vulnerabilities := int64(0)
	for _, f := range list {
		if f.Unmatched != "" {
			unmatched++
			continue
		}
		struck[f.purl] = true
		by[f.Severity]++
		vulnerabilities++
	}
	text := fmt.Sprintf("%s, %d of them with known vulnerabilities", countOf(int64(packages), "package"), len(struck))
	if vulnerabilities > 0 {
		text += " (" + tally{total: vulnerabilities, by: by}.severities() + ")"
	}
	if unmatched > 0 {
		text += fmt.Sprintf("; %d cannot be matched", unmatched)
	}
	return text
}
