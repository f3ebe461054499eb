package inventory

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
)

// ArtifactDiff is what came and went from one artifact to another.
type ArtifactDiff struct {
	From     string          `json:"from"`
	To       string          `json:"to"`
	Packages []PackageChange `json:"packages"`
	Findings []FindingChange `json:"findings"`
	// Same counts what both have.
	SamePackages int `json:"same_packages"`
	SameFindings int `json:"same_findings"`
}

// PackageChange is a package that one of two artifacts lists in versions that the other does not.
type PackageChange struct {
	Change string   `json:"change"` // added, removed, changed
	Name   string   `json:"name"`   // its purl without the version
	From   []string `json:"from"`   // versions
	To     []string `json:"to"`
}

// FindingChange is a finding of one of two artifacts that the other does not have.
type FindingChange struct {
	Change        string `json:"change"` // came, went, changed: of status
	Vulnerability string `json:"vulnerability"`
	Package       string `json:"package"` // where it is, or was
	Severity      string `json:"severity"`
	Score         *Score `json:"score"`
	// StatusFrom and StatusTo are open or suppressed, "" where it is not; retired is one that the artifact's
	// retirement closed.
	StatusFrom string `json:"status_from"`
	StatusTo   string `json:"status_to"`
}

// artifactPackage is a package that an artifact lists.
type artifactPackage struct {
	Purl    string `db:"purl"`
	NameKey string `db:"name_key"`
	Version string `db:"version"`
}

// artifactFinding is a finding of an artifact.
type artifactFinding struct {
	Status   string   `db:"status"`
	Vuln     string   `db:"vuln_id"`
	Package  string   `db:"package_purl"`
	NameKey  string   `db:"name_key"`
	Severity string   `db:"severity"`
	Score    *Score   `db:"score"`
	Aliases  []string `db:"aliases"`
}

// contents are what is compared of an artifact.
type contents struct {
	packages []artifactPackage
	findings []artifactFinding
}

// DiffArtifacts compares what two artifacts list now and what is found in them: most often two
// versions of one. A package is the same whatever its version; a finding is one vulnerability
// of a package, whatever its version. Of an artifact that is retired its last findings count.
func (inv *Inventory) DiffArtifacts(ctx context.Context, tenant id.ID, from, to string) (ArtifactDiff, error) {
	var d ArtifactDiff
	var a, b contents
	err := inv.read(ctx, tenant, func(tx pgx.Tx) error {
		for _, side := range []struct {
			name string
			purl *string
			has  *contents
		}{{from, &d.From, &a}, {to, &d.To, &b}} {
			known, err := knownArtifact(ctx, tx, tenant, side.name)
			if err != nil {
				return err
			}
			*side.purl = known.Purl
			if side.has.packages, err = collect[artifactPackage](ctx, tx, sqlArtifactPackages, tenant, known.ID); err != nil {
				return err
			}
			if side.has.findings, err = collect[artifactFinding](ctx, tx, sqlArtifactFindings, tenant, known.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return d, during("compare artifacts", err)
	}
	d.Packages, d.SamePackages = packageChanges(a.packages, b.packages)
	d.Findings, d.SameFindings = findingChanges(a.findings, b.findings)
	return d, nil
}

func packageChanges(a, b []artifactPackage) (list []PackageChange, same int) {
	versions := func(list []artifactPackage) map[string][]string {
		out := map[string][]string{}
		for _, p := range list {
			name, version := unversioned(p)
			if !slices.Contains(out[name], version) {
				out[name] = append(out[name], version)
			}
		}
		return out
	}
	from, to := versions(a), versions(b)
	all := maps.Clone(from)
	maps.Copy(all, to)
	list = []PackageChange{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		c := PackageChange{Change: "changed", Name: name, From: append([]string{}, from[name]...), To: append([]string{}, to[name]...)}
		slices.Sort(c.From)
		slices.Sort(c.To)
		switch {
		case slices.Equal(c.From, c.To):
			same++
			continue
		case len(c.From) == 0:
			c.Change = "added"
		case len(c.To) == 0:
			c.Change = "removed"
		}
		list = append(list, c)
	}
	return list, same
}

// unversioned is what a package is called: its purl as far as the version.
func unversioned(p artifactPackage) (name, version string) {
	name, _, _ = strings.Cut(p.Purl, "?")
	if at := strings.LastIndexByte(name, '@'); at > 0 && p.Version != "" {
		name = name[:at]
	}
	return name, p.Version
}

func findingChanges(a, b []artifactFinding) (list []FindingChange, same int) {
	type key struct{ vuln, name string }
	// A finding that a retirement closed has the name that it had then: it may have another one today.
	named := map[string]string{}
	for _, f := range slices.Concat(a, b) {
		for _, alias := range f.Aliases {
			named[alias] = f.Vuln
		}
	}
	index := func(list []artifactFinding) map[key]artifactFinding {
		out := map[key]artifactFinding{}
		for _, f := range list {
			k := key{f.Vuln, f.NameKey}
			if name := named[f.Vuln]; name != "" {
				k.vuln = name
			}
			if had, twice := out[k]; !twice || had.Status != "open" && f.Status == "open" {
				out[k] = f // of several versions in one artifact the one that is open counts
			}
		}
		return out
	}
	from, to := index(a), index(b)
	list = []FindingChange{}
	for k, f := range from {
		if t, both := to[k]; both {
			switch {
			case f.Status == t.Status, f.Status == "retired", t.Status == "retired":
				same++
			default:
				list = append(list, FindingChange{"changed", k.vuln, t.Package, t.Severity, t.Score, f.Status, t.Status})
			}
			continue
		}
		list = append(list, FindingChange{"went", k.vuln, f.Package, f.Severity, f.Score, f.Status, ""})
	}
	for k, t := range to {
		if _, both := from[k]; !both {
			list = append(list, FindingChange{"came", k.vuln, t.Package, t.Severity, t.Score, "", t.Status})
		}
	}
	slices.SortFunc(list, func(x, y FindingChange) int {
		return strings.Compare(x.Change+" "+x.Vulnerability+" "+x.Package, y.Change+" "+y.Vulnerability+" "+y.Package)
	})
	return list, same
}
