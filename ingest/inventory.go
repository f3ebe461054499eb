package ingest

import (
	"slices"

	"sluice/internal/id"
	"sluice/normalize"
	"sluice/normalize/purl"
)

// inventory is what one SBOM lists. Every component of the document is one of its packages,
// one of its unmatched components, or passed over: nothing is dropped in silence.
type inventory struct {
	packages   []Package
	packageIDs []id.ID // sorted, distinct
	unmatched  []Unmatched
	// What stands beside, or in place of, purls: keys of packages, and packages that nobody has but by
	// them, which are no packages of the inventory.
	cpes  []packageKey
	other []Package

	software  int // entries of components but files and the like
	matchable int // of those, with a package that records can be found for

	// What became of the components: listed has an entry for each, in their order.
	listed []listing
}

// listing says what a component of an SBOM counts as.
type listing int

const (
	asPackage   listing = iota // a package, whether it can be matched or not
	asUnmatched                // nothing says which package it is
	asNothing                  // a file, data or the operating system itself: see notSoftware
)

// Unmatched is a component without a package: nothing says which one it is.
type Unmatched struct {
	ID      id.ID  `json:"id"`
	Reason  string `json:"reason"`
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	Type    string `json:"type,omitempty"`
	Purl    string `json:"purl,omitempty"`
	CPE     string `json:"cpe,omitempty"`
	Pointer string `json:"pointer,omitempty"`
	// Package is what stands for it where it is looked up by its CPE.
	Package string `json:"package,omitempty"`
}

// Package is a row of vex.package.
type Package struct {
	ID id.ID
	purl.Package
	NameKey  string
	MoreKeys []string
}

// NewPackage derives the package of a parsed purl. One whose version has no order keeps its
// keys: no range can be held against it, but a record may list the version by its text.
func NewPackage(tenant id.ID, p purl.Package) Package {
	out := Package{ID: id.Derive(tenant, "package", p.Purl), Package: p, NameKey: p.NameKey()}
	if p.Reason != "" && p.Reason != purl.ReasonInvalidVersion {
		out.Key = ""
		return out
	}
	if keys := p.Keys(); len(keys) > 1 {
		out.MoreKeys = keys[1:]
	}
	return out
}

// notSoftware are the component types that no vulnerability record speaks of by
// themselves: without a purl they are no unknowns. An operating system is matched by
// its packages.
var notSoftware = map[string]bool{"file": true, "data": true, "cryptographic-asset": true, "operating-system": true}

func newInventory(tenant id.ID, d *normalize.Document) inventory {
	inv := inventory{unmatched: []Unmatched{}, listed: make([]listing, 0, len(d.Components))}
	distro := documentDistro(d)
	seen := map[id.ID]bool{}
	matched := false // the entry, by one of its purls
	for i, c := range d.Components {
		again := i > 0 && c.Pointer != "" && c.Pointer == d.Components[i-1].Pointer // another purl of the same entry
		matched = matched && again
		if p, ok := componentPackage(c, distro); ok {
			inv.listed = append(inv.listed, asPackage)
			pkg := NewPackage(tenant, p)
			inv.addPackage(pkg, seen)
			inv.addCPE(tenant, pkg.ID, c.CPE, seen)
			inv.software += one(!again)
			inv.matchable += one(p.Reason == "" && !matched)
			matched = matched || p.Reason == ""
			continue
		}
		if c.Purl == "" && notSoftware[c.Type] {
			inv.listed = append(inv.listed, asNothing)
			continue
		}
		inv.listed = append(inv.listed, asUnmatched)
		inv.software += one(!again)
		reason := purl.ReasonNoPurl
		if c.Purl != "" {
			reason = purl.ReasonInvalidPurl
		}
		u := Unmatched{
			ID:     id.Derive(tenant, "component", c.Type, c.Group, c.Name, c.Version, c.Purl, c.CPE),
			Reason: reason, Name: clip(clean(joinName(c.Group, c.Name)), 1000), Version: clip(clean(c.Version), 500), Type: c.Type,
			Purl: clip(clean(c.Purl), 2000), CPE: clip(clean(c.CPE), 500), Pointer: c.Pointer,
		}
		if !seen[u.ID] {
			seen[u.ID] = true
			if p, ok := cpePackage(tenant, c); ok && c.Purl == "" {
				u.Package = p.ID.String()
				inv.other = append(inv.other, p)
				inv.addCPE(tenant, p.ID, c.CPE, seen)
			}
			inv.unmatched = append(inv.unmatched, u)
		}
	}
	inv.addMain(tenant, d.Main, distro, seen)
	inv.packageIDs = make([]id.ID, len(inv.packages))
	for i, p := range inv.packages {
		inv.packageIDs[i] = p.ID
	}
	slices.SortFunc(inv.packageIDs, id.ID.Compare)
	slices.SortFunc(inv.unmatched, func(a, b Unmatched) int { return a.ID.Compare(b.ID) })
	return inv
}

// quality is how complete the document is, and how much of it can be matched.
func (inv *inventory) quality(d *normalize.Document) normalize.Quality {
	q := d.Quality()
	q.Software, q.Matchable = inv.software, inv.matchable
	return q
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (inv *inventory) addPackage(p Package, seen map[id.ID]bool) {
	if !seen[p.ID] {
		seen[p.ID] = true
		inv.packages = append(inv.packages, p)
	}
}

// addMain adds the main component, which is a package too, unless it lists itself among its
// components. One of a type that no records are kept for (a container image) or without a purl
// is what the SBOM is about, not something in it that nobody knows.
func (inv *inventory) addMain(tenant id.ID, main []normalize.Component, distro string, seen map[id.ID]bool) {
	for _, c := range main {
		p, ok := componentPackage(c, distro)
		if !ok || p.Reason == purl.ReasonUnknownEcosystem {
			continue
		}
		itself := slices.ContainsFunc(inv.packages, func(other Package) bool {
			return p.Type == other.Type && (p.Purl == other.Purl || exactly(p, other.Package))
		})
		if !itself {
			inv.addPackage(NewPackage(tenant, p), seen)
		}
		for _, other := range inv.packages {
			if p.Type == other.Type && (p.Purl == other.Purl || exactly(p, other.Package)) {
				inv.addCPE(tenant, other.ID, c.CPE, seen)
			}
		}
	}
}

func exactly(a, b purl.Package) bool {
	_, exact := a.Covers(b)
	return exact
}

// componentPackage is the package that a component is: what its purl says, and beside it the
// component's version, its source package and the release that the document was made of. ok is
// false where it has no purl, or none that can be read or stored.
func componentPackage(c normalize.Component, distro string) (p purl.Package, ok bool) {
	if c.Purl == "" {
		return p, false
	}
	p, err := purl.Parse(c.Purl)
	if err != nil || len(p.Purl) > purl.MaxLength {
		return p, false
	}
	if p.Version == "" && c.Version != "" {
		p = p.WithVersion(c.Version)
	}
	// Each of these changes the purl, so that it says why it was matched as it was.
	if with := p.WithSource(c.Source, c.SourceVersion); len(with.Purl) <= purl.MaxLength {
		p = with
	}
	if p.Reason == purl.ReasonUnknownDistro && distro != "" {
		p = p.WithDistro(distro)
	}
	if p.Reason == purl.ReasonUnknownDistro && c.Module != "" {
		if with := p.WithModule(c.Module); with.Reason != purl.ReasonUnknownDistro && len(with.Purl) <= purl.MaxLength {
			p = with
		}
	}
	return p, len(p.Purl) <= purl.MaxLength
}

// documentDistro is the release that the document says it was made of, for packages whose
// purl does not: that of its operating-system components, wherever and however often they
// stand, the main component included. Where they name two releases nobody knows.
func documentDistro(d *normalize.Document) string {
	var distro, release string
	for _, list := range [...][]normalize.Component{d.Main, d.Components} {
		for _, c := range list {
			if c.Type != "operating-system" {
				continue
			}
			qualifier, ecosystem, ok := purl.Distro(c.Name, c.Version)
			switch {
			case !ok: // Windows, busybox: nothing that packages are made for
			case release == "":
				distro, release = qualifier, ecosystem
			case release != ecosystem:
				return ""
			case qualifier < distro:
				distro = qualifier // of two spellings always the same one
			}
		}
	}
	return distro
}
