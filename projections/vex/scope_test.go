package vex

import (
	"testing"

	"sluice/normalize/purl"
)

// parse is the purl taken apart; nil where it is none.
func parse(s string) *purl.Package {
	p, err := purl.Parse(s)
	if s == "" || err != nil {
		return nil
	}
	return &p
}

// place is a package in an artifact.
func place(t testing.TB, artifact, pkg string) *Place {
	t.Helper()
	a, p := parse(artifact), parse(pkg)
	if a == nil || p == nil {
		t.Fatalf("%q in %q: no purls", pkg, artifact)
	}
	return &Place{Artifact: ID{1}, AnyVersion: ID{2}, ArtifactPackage: a, Package: p, MatchVersion: p.MatchVersion}
}

// about is a statement about a product and, if sub is not "", a package or thing in it.
func about(product, sub, versions string) *Statement {
	return &Statement{Product: parse(product), Sub: parse(sub), Inside: sub != "", Range: versions}
}

// inRanges is a statement about a package in a range of versions of the product, by range too
// where one is given.
func inRanges(product, versions, sub string) *Statement {
	s := about("pkg:oci/app", sub, versions)
	s.ProductRange = product
	return s
}

func TestStatementScope(t *testing.T) {
	t.Parallel()
	const (
		app = "pkg:oci/app@2.1?repository_url=ghcr.io/acme/app&arch=amd64"
		lib = "pkg:npm/left@1.5.0"
		deb = "pkg:deb/debian/libssl3@3.0.9-1?arch=amd64&distro=debian-12&upstream=openssl"
		gom = "pkg:golang/example.com/mod@v1.2.0"
	)
	for _, c := range []struct {
		name          string
		artifact, pkg string
		s             *Statement
		want          Scope
	}{
		{"the package", app, lib, about("pkg:npm/left", "", ""), Package},
		{"the package at its version", app, lib, about("pkg:npm/left@1.5.0", "", ""), PackageVersion},
		{"the package at another version", app, lib, about("pkg:npm/left@1.5.1", "", ""), None},
		{"another package", app, lib, about("pkg:npm/right@1.5.0", "", ""), None},
		{"the same name in another ecosystem", app, lib, about("pkg:pypi/left@1.5.0", "", ""), None},
		{"the product", app, lib, about("pkg:oci/app", "", ""), Product},
		{"the product at its version", app, lib, about("pkg:oci/app@2.1", "", ""), ProductVersion},
		{"the product at another version", app, lib, about("pkg:oci/app@2.0", "", ""), None},
		{"the package in the product", app, lib, about("pkg:oci/app@2.1", "pkg:npm/left", ""), Inside},
		{"the package at its version in the product", app, lib, about("pkg:oci/app", "pkg:npm/left@1.5.0", ""), InsideVersion},
		{"the package at another version in the product", app, lib, about("pkg:oci/app", "pkg:npm/left@1.4.0", ""), None},
		{"the package in another product", app, lib, about("pkg:oci/other", "pkg:npm/left@1.5.0", ""), None},
		{"another package in the product", app, lib, about("pkg:oci/app", "pkg:npm/right", ""), None},

		{"a version in a range of the product", app, lib, inRanges("vers:oci/>=2|<3", "", "pkg:npm/left@1.5.0"), InsideVersion},
		{"a version in another range of the product", app, lib, inRanges("vers:oci/<2", "", "pkg:npm/left@1.5.0"), None},
		{"a range in a range", app, lib, inRanges("vers:oci/>=2|<3", "vers:npm/<2", "pkg:npm/left"), InsideVersion},
		{"another range in a range", app, lib, inRanges("vers:oci/>=2|<3", "vers:npm/<1", "pkg:npm/left"), None},
		{"a range in another range", app, lib, inRanges("vers:oci/<2", "vers:npm/<2", "pkg:npm/left"), None},

		{"a component without purl never widens to the product", app, lib, about("pkg:oci/app@2.1", "some-bom-ref", ""), None},
		{"nor to the package", app, lib, about("pkg:npm/left@1.5.0", "some-bom-ref", ""), None},
		{"a package in a package that is no artifact", app, lib, about("pkg:npm/left@1.5.0", "pkg:npm/left@1.5.0", ""), None},
		{"nothing at all", app, lib, about("", "", ""), None},
		{"a product without purl", app, lib, &Statement{ID: ID{1}, VulnID: "cpe:2.3:a:acme:app:2.1:*:*:*:*:*:*:*"}, None},

		{"a qualifier that both have and is the same", app, lib, about("pkg:oci/app@2.1?arch=amd64", "", ""), ProductVersion},
		{"a qualifier that both have and differs", app, lib, about("pkg:oci/app@2.1?arch=arm64", "", ""), None},
		{"a qualifier that only the statement has", app, lib, about("pkg:oci/app@2.1?tag=latest", "", ""), ProductVersion},
		{"a qualifier of a package that differs", app, deb, about("pkg:deb/debian/libssl3?distro=debian-11", "", ""), None},
		{"a package of a distribution without qualifiers", app, deb, about("pkg:deb/debian/libssl3@3.0.9-1", "", ""), PackageVersion},

		{"a version without its v", app, gom, about("pkg:golang/example.com/mod@1.2.0", "", ""), PackageVersion},
		{"upper case in the name", app, lib, about("pkg:npm/Left@1.5.0", "", ""), PackageVersion},

		{"a range that holds the version", app, lib, about("pkg:npm/left", "", "vers:npm/>=1.0.0|<2.0.0"), PackageVersion},
		{"a range that does not", app, lib, about("pkg:npm/left", "", "vers:npm/<1.5.0"), None},
		{"what is no range", app, lib, about("pkg:npm/left", "", "before 2.0"), None},
		{"a range of the product", app, lib, about("pkg:oci/app", "", "vers:semver/>=2.0|<3.0"), ProductVersion},
		{"a range that does not hold the product", app, lib, about("pkg:oci/app", "", "vers:semver/<2.0"), None},
		{"a range of a product that has no version", "pkg:oci/app", lib, about("pkg:oci/app", "", "vers:semver/<2.0"), None},
		{"a range of what is inside", app, lib, about("pkg:oci/app@2.1", "pkg:npm/left", "vers:npm/<2.0.0"), InsideVersion},
		{"a range that does not hold what is inside", app, lib, about("pkg:oci/app@2.1", "pkg:npm/left", "vers:npm/<1.0.0"), None},

		{"an artifact that is also the package", lib, lib, about("pkg:npm/left@1.5.0", "", ""), ProductVersion},
	} {
		p := place(t, c.artifact, c.pkg)
		if got := c.s.ScopeAt(p); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestStatementScopeInDocumentsAndLinks(t *testing.T) {
	t.Parallel()
	p := place(t, "pkg:generic/app@4.2", "pkg:npm/left@1.5.0")
	other := ID{9}
	left := parse("pkg:npm/left@1.5.0")
	in := func(artifact ID, sub, versions string) *Statement {
		s := about("", sub, versions)
		s.Artifact = &artifact
		return s
	}
	linked := func(l Link, sub, versions string) *Statement {
		s := about("", sub, versions)
		s.Linked, s.Links = true, map[ID]Link{p.Artifact: l}
		return s
	}
	for _, c := range []struct {
		name string
		s    *Statement
		want Scope
	}{
		{"the document's own main component", in(p.Artifact, "", ""), ProductVersion},
		{"that of another document", in(other, "", ""), None},
		{"a component of the document", in(p.Artifact, "pkg:npm/left@1.5.0", ""), InsideVersion},
		{"another component of the document", in(p.Artifact, "pkg:npm/right@1.5.0", ""), None},
		{"a component without purl", in(p.Artifact, "ref-7", ""), None},
		{"the main component at versions that hold it", in(p.Artifact, "", "vers:generic/>=4.0|<=4.2"), ProductVersion},
		{"the main component at other versions", in(p.Artifact, "", "vers:generic/<4.2"), None},

		{"a document about every version, at versions that hold this one", in(p.AnyVersion, "", "vers:semver/>=4.0.0|<5.0.0"), ProductVersion},
		{"a document about every version, at other versions", in(p.AnyVersion, "", "vers:semver/<4.0.0"), None},
		{"a document whose main component has no version", in(p.AnyVersion, "", ""), None},

		{"a link to the SBOM", linked(Link{Whole: true}, "", ""), ProductVersion},
		{"a link to the package", linked(Link{Package: left}, "", ""), InsideVersion},
		{"a link to the package, at versions that do not hold it", linked(Link{Package: left}, "", "vers:npm/<1.0.0"), None},
		{"a link to the package, at versions that hold it", linked(Link{Package: left}, "", "vers:npm/<2.0.0"), InsideVersion},
		{"a link to something that has no purl or is not there", linked(Link{}, "", ""), None},
		{"a link by purl to a component that is not there by that reference", linked(Link{}, "pkg:npm/left@1.5.0", ""), InsideVersion},
		{"a link by a purl that is the main component's reference", linked(Link{Whole: true}, "pkg:generic/app@4.2", ""), ProductVersion},
		{"a link to an SBOM that nobody has", &Statement{Linked: true, Product: left}, None},
	} {
		if got := c.s.ScopeAt(p); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
