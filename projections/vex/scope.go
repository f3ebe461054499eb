package vex

import (
	"sluice/normalize/purl"
	"sluice/normalize/version"
)

// Scope is how closely a statement is about a finding, the most specific last. One about a
// package inside a product says more about that product than one about the product as a
// whole, and that more than one about the package wherever it is.
type Scope int

// Scopes.
const (
	None           Scope = iota
	Package              // the package, any version
	PackageVersion       // the package in this version
	Product              // the product as a whole, any version
	ProductVersion       // the product in this version
	Inside               // the package, any version, in the product
	InsideVersion        // the package in this version, in the product
)

var scopeNames = [...]string{"", "package", "package-version", "product", "product-version", "package-in-product", "package-version-in-product"}

func (s Scope) String() string { return scopeNames[s] }

// Place is where a finding is: a package in an artifact.
type Place struct {
	Artifact        ID
	AnyVersion      ID            // the artifact as a document calls it that names no version of it
	ArtifactPackage *purl.Package // its purl taken apart
	Package         *purl.Package // of the component
	MatchVersion    string        // the version that records are compared with
}

// ScopeAt says how closely s is about the package in the artifact; None: not at all.
func (s *Statement) ScopeAt(p *Place) Scope {
	if s.Unreadable {
		return None
	}
	sub, inside := s.Sub, s.Inside // what cannot be read inside never widens to the whole product
	l, linked := s.Links[p.Artifact]
	if linked {
		switch {
		case l.Whole:
			inside = false
		case l.Package != nil:
			inside, sub = true, l.Package
		case !inside:
			return None // the SBOM is ours, and what the link means in it cannot be told
		}
	}
	// A version range goes with the most specific thing named; the product may have one of its own.
	productRange, subRange := s.Range, ""
	if inside {
		productRange, subRange = s.ProductRange, s.Range
	}
	product, exact := false, false
	switch {
	case linked, s.Artifact != nil && *s.Artifact == p.Artifact:
		product, exact = true, true
		if productRange != "" {
			product = inRange(productRange, p.ArtifactPackage, "")
		}
	case s.Artifact != nil && *s.Artifact == p.AnyVersion && productRange != "":
		// The document is about a product of which it names the versions here and not by the
		// main component. Without a range it would be about the one SBOM that has no version.
		product = inRange(productRange, p.ArtifactPackage, "")
		exact = product
	default:
		product, exact = covers(s.Product, p.ArtifactPackage, productRange, "")
	}
	if product {
		switch {
		case !inside && exact:
			return ProductVersion
		case !inside:
			return Product
		}
		switch ok, exact := covers(sub, p.Package, subRange, p.MatchVersion); {
		case ok && exact:
			return InsideVersion
		case ok:
			return Inside
		}
		return None
	}
	// A product that is no artifact of ours may be the package itself.
	if !inside && !s.Linked {
		switch ok, exact := covers(s.Product, p.Package, productRange, p.MatchVersion); {
		case ok && exact:
			return PackageVersion
		case ok:
			return Package
		}
	}
	return None
}

// covers reports whether the purl that a statement names covers another, and whether it
// does so by version. A range decides alone.
func covers(named, actual *purl.Package, versions, matchVersion string) (ok, exact bool) {
	if named == nil || actual == nil {
		return false, false
	}
	if versions == "" {
		return named.Covers(*actual)
	}
	every := *named
	every.Version = ""
	if ok, _ := every.Covers(*actual); !ok {
		return false, false
	}
	ok = inRange(versions, actual, matchVersion)
	return ok, ok
}

// inRange reports whether a version is known to lie in a VERS range. Where that cannot be
// told, because there is no version or the range is none, the statement does not apply.
func inRange(versions string, actual *purl.Package, matchVersion string) bool {
	if actual == nil {
		return false
	}
	v := actual.Version
	if matchVersion != "" {
		v = matchVersion
	}
	in, err := version.InVers(versions, v)
	return err == nil && in && v != ""
}
