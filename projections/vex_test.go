package projections

import (
	"testing"
	"time"

	"sluice/internal/id"
	"sluice/normalize/purl"
)

// testPair is a package in an artifact, as it comes from the database.
func testPair(t testing.TB, artifact, pkg string) *pair {
	t.Helper()
	a, err := purl.Parse(artifact)
	if err != nil {
		t.Fatal(err)
	}
	p, err := purl.Parse(pkg)
	if err != nil {
		t.Fatal(err)
	}
	return &pair{
		Artifact: id.Derive(id.Shared, "artifact", a.Purl), ArtifactPurl: a.Purl, ArtifactKey: a.NameKey(),
		Package: id.Derive(id.Shared, "package", p.Purl), Purl: p.Purl, NameKey: p.NameKey(), Version: p.Version, MatchVersion: p.MatchVersion,
		parsed: parsed{&a, &p, id.Derive(id.Shared, "artifact", a.WithVersion("").Purl)},
	}
}

// about is a statement about a product and, if sub is not "", a package or thing in it.
func about(product, sub, versions string) *statement {
	s := &statement{ProductPurl: product, Product: product, Sub: sub, Range: versions, product: parsePurl(product), sub: parsePurl(sub)}
	if s.product != nil {
		s.ProductKey = s.product.NameKey()
	}
	if s.sub != nil {
		s.SubKey = s.sub.NameKey()
	}
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
		s             *statement
		want          int
	}{
		{"the package", app, lib, about("pkg:npm/left", "", ""), scopePackage},
		{"the package at its version", app, lib, about("pkg:npm/left@1.5.0", "", ""), scopePackageVersion},
		{"the package at another version", app, lib, about("pkg:npm/left@1.5.1", "", ""), scopeNone},
		{"another package", app, lib, about("pkg:npm/right@1.5.0", "", ""), scopeNone},
		{"the same name in another ecosystem", app, lib, about("pkg:pypi/left@1.5.0", "", ""), scopeNone},
		{"the product", app, lib, about("pkg:oci/app", "", ""), scopeProduct},
		{"the product at its version", app, lib, about("pkg:oci/app@2.1", "", ""), scopeProductVersion},
		{"the product at another version", app, lib, about("pkg:oci/app@2.0", "", ""), scopeNone},
		{"the package in the product", app, lib, about("pkg:oci/app@2.1", "pkg:npm/left", ""), scopeInside},
		{"the package at its version in the product", app, lib, about("pkg:oci/app", "pkg:npm/left@1.5.0", ""), scopeInsideVersion},
		{"the package at another version in the product", app, lib, about("pkg:oci/app", "pkg:npm/left@1.4.0", ""), scopeNone},
		{"the package in another product", app, lib, about("pkg:oci/other", "pkg:npm/left@1.5.0", ""), scopeNone},
		{"another package in the product", app, lib, about("pkg:oci/app", "pkg:npm/right", ""), scopeNone},

		{"a component without purl never widens to the product", app, lib, about("pkg:oci/app@2.1", "some-bom-ref", ""), scopeNone},
		{"nor to the package", app, lib, about("pkg:npm/left@1.5.0", "some-bom-ref", ""), scopeNone},
		{"a package in a package that is no artifact", app, lib, about("pkg:npm/left@1.5.0", "pkg:npm/left@1.5.0", ""), scopeNone},
		{"nothing at all", app, lib, about("", "", ""), scopeNone},
		{"a product without purl", app, lib, &statement{Product: "cpe:2.3:a:acme:app:2.1:*:*:*:*:*:*:*"}, scopeNone},

		{"a qualifier that both have and is the same", app, lib, about("pkg:oci/app@2.1?arch=amd64", "", ""), scopeProductVersion},
		{"a qualifier that both have and differs", app, lib, about("pkg:oci/app@2.1?arch=arm64", "", ""), scopeNone},
		{"a qualifier that only the statement has", app, lib, about("pkg:oci/app@2.1?tag=latest", "", ""), scopeProductVersion},
		{"a qualifier of a package that differs", app, deb, about("pkg:deb/debian/libssl3?distro=debian-11", "", ""), scopeNone},
		{"a package of a distribution without qualifiers", app, deb, about("pkg:deb/debian/libssl3@3.0.9-1", "", ""), scopePackageVersion},

		{"a version without its v", app, gom, about("pkg:golang/example.com/mod@1.2.0", "", ""), scopePackageVersion},
		{"upper case in the name", app, lib, about("pkg:npm/Left@1.5.0", "", ""), scopePackageVersion},

		{"a range that holds the version", app, lib, about("pkg:npm/left", "", "vers:npm/>=1.0.0|<2.0.0"), scopePackageVersion},
		{"a range that does not", app, lib, about("pkg:npm/left", "", "vers:npm/<1.5.0"), scopeNone},
		{"what is no range", app, lib, about("pkg:npm/left", "", "before 2.0"), scopeNone},
		{"a range of the product", app, lib, about("pkg:oci/app", "", "vers:semver/>=2.0|<3.0"), scopeProductVersion},
		{"a range that does not hold the product", app, lib, about("pkg:oci/app", "", "vers:semver/<2.0"), scopeNone},
		{"a range of a product that has no version", "pkg:oci/app", lib, about("pkg:oci/app", "", "vers:semver/<2.0"), scopeNone},
		{"a range of what is inside", app, lib, about("pkg:oci/app@2.1", "pkg:npm/left", "vers:npm/<2.0.0"), scopeInsideVersion},
		{"a range that does not hold what is inside", app, lib, about("pkg:oci/app@2.1", "pkg:npm/left", "vers:npm/<1.0.0"), scopeNone},

		{"an artifact that is also the package", lib, lib, about("pkg:npm/left@1.5.0", "", ""), scopeProductVersion},
	} {
		p := testPair(t, c.artifact, c.pkg)
		if got := c.s.scope(p); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, scopeNames[got], scopeNames[c.want])
		}
	}
}

func TestStatementScopeInDocumentsAndLinks(t *testing.T) {
	t.Parallel()
	p := testPair(t, "pkg:generic/app@4.2", "pkg:npm/left@1.5.0")
	other := id.Derive(id.Shared, "artifact", "another")
	left := parsePurl("pkg:npm/left@1.5.0")
	in := func(artifact id.ID, sub, versions string) *statement {
		s := about("", sub, versions)
		s.Artifact = &artifact
		return s
	}
	linked := func(l link, sub, versions string) *statement {
		s := about("", sub, versions)
		s.Serial, s.links = "3e671687", map[id.ID]link{p.Artifact: l}
		return s
	}
	for _, c := range []struct {
		name string
		s    *statement
		want int
	}{
		{"the document's own main component", in(p.Artifact, "", ""), scopeProductVersion},
		{"that of another document", in(other, "", ""), scopeNone},
		{"a component of the document", in(p.Artifact, "pkg:npm/left@1.5.0", ""), scopeInsideVersion},
		{"another component of the document", in(p.Artifact, "pkg:npm/right@1.5.0", ""), scopeNone},
		{"a component without purl", in(p.Artifact, "ref-7", ""), scopeNone},
		{"the main component at versions that hold it", in(p.Artifact, "", "vers:generic/>=4.0|<=4.2"), scopeProductVersion},
		{"the main component at other versions", in(p.Artifact, "", "vers:generic/<4.2"), scopeNone},

		{"a document about every version, at versions that hold this one", in(p.anyVersion, "", "vers:semver/>=4.0.0|<5.0.0"), scopeProductVersion},
		{"a document about every version, at other versions", in(p.anyVersion, "", "vers:semver/<4.0.0"), scopeNone},
		{"a document whose main component has no version", in(p.anyVersion, "", ""), scopeNone},

		{"a link to the SBOM", linked(link{whole: true}, "", ""), scopeProductVersion},
		{"a link to the package", linked(link{key: left.NameKey(), pkg: left}, "", ""), scopeInsideVersion},
		{"a link to the package, at versions that do not hold it", linked(link{key: left.NameKey(), pkg: left}, "", "vers:npm/<1.0.0"), scopeNone},
		{"a link to the package, at versions that hold it", linked(link{key: left.NameKey(), pkg: left}, "", "vers:npm/<2.0.0"), scopeInsideVersion},
		{"a link to something that has no purl or is not there", linked(link{}, "", ""), scopeNone},
		{"a link by purl to a component that is not there by that reference", linked(link{}, "pkg:npm/left@1.5.0", ""), scopeInsideVersion},
		{"a link by a purl that is the main component's reference", linked(link{whole: true}, "pkg:generic/app@4.2", ""), scopeProductVersion},
		{"a link to an SBOM that nobody has", &statement{Serial: "3e671687", ProductKey: p.NameKey, product: left}, scopeNone},
	} {
		if got := c.s.scope(p); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, scopeNames[got], scopeNames[c.want])
		}
	}
}

// TestPrecedence: tenant decision; then most specific product scope; then (issuers being
// trusted alike) newest statement time; then the more cautious status.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	p := testPair(t, "pkg:oci/app@2.1", "pkg:npm/left@1.5.0")
	day := func(n int) *time.Time {
		d := time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC)
		return &d
	}
	made := byte(0)
	say := func(status, product, sub string, at *time.Time) *statement {
		s := about(product, sub, "")
		made++
		s.Status, s.Time, s.ID, s.Hash = status, at, id.ID{made}, []byte{made}
		return s
	}
	const wide, product, inside = "pkg:npm/left", "pkg:oci/app@2.1", "pkg:npm/left@1.5.0"
	for _, c := range []struct {
		name       string
		decision   string
		statements []*statement
		want       string
		wins       int // index of the statement in force, -1 for none
	}{
		{"nobody says anything", "", nil, "", -1},
		{"a statement about something else", "", []*statement{say("not_affected", "pkg:npm/right", "", day(1))}, "", -1},
		{"one statement", "", []*statement{say("not_affected", wide, "", day(1))}, "not_affected", 0},
		{
			"the product beats the package, though older", "",
			[]*statement{say("not_affected", wide, "", day(9)), say("affected", product, "", day(1))},
			"affected", 1,
		},
		{
			"what is inside beats the product, though older", "",
			[]*statement{say("not_affected", product, inside, day(1)), say("affected", product, "", day(9))},
			"not_affected", 0,
		},
		{
			"a version beats none", "",
			[]*statement{say("affected", product, "pkg:npm/left", day(9)), say("fixed", product, inside, day(1))},
			"fixed", 1,
		},
		{
			"the newer of two", "",
			[]*statement{say("affected", wide, "", day(1)), say("not_affected", wide, "", day(2))},
			"not_affected", 1,
		},
		{
			"a time beats none", "",
			[]*statement{say("not_affected", wide, "", nil), say("under_investigation", wide, "", day(1))},
			"under_investigation", 1,
		},
		{
			"a tie: affected", "",
			[]*statement{say("not_affected", wide, "", day(1)), say("fixed", wide, "", day(1)), say("under_investigation", wide, "", day(1)), say("affected", wide, "", day(1))},
			"affected", 3,
		},
		{
			"a tie: under investigation", "",
			[]*statement{say("not_affected", wide, "", day(1)), say("under_investigation", wide, "", day(1)), say("fixed", wide, "", day(1))},
			"under_investigation", 1,
		},
		{
			"a tie: fixed", "",
			[]*statement{say("fixed", wide, "", day(1)), say("not_affected", wide, "", day(1))},
			"fixed", 0,
		},
		{
			"a decision beats everything", "affected",
			[]*statement{say("not_affected", product, inside, day(9))},
			"affected", -1,
		},
		{"a decision alone", "not_affected", nil, "not_affected", -1},
	} {
		for _, backwards := range []bool{false, true} {
			list := append([]*statement{}, c.statements...)
			if backwards {
				for i := range list {
					list[i] = c.statements[len(list)-1-i]
				}
			}
			var d *decision
			if c.decision != "" {
				d = &decision{Status: c.decision}
			}
			v := resolve(p, list, d)
			if v.status() != c.want {
				t.Errorf("%s (backwards %v): %q, want %q", c.name, backwards, v.status(), c.want)
			}
			if c.wins >= 0 && v.statement != c.statements[c.wins] {
				t.Errorf("%s (backwards %v): another statement is in force", c.name, backwards)
			}
			if suppressed := c.want == "not_affected" || c.want == "fixed"; v.suppresses() != suppressed {
				t.Errorf("%s: suppresses %v", c.name, v.suppresses())
			}
			about := 0
			for _, s := range list {
				if s.scope(p) != scopeNone {
					about++
				}
			}
			if v.statement != nil {
				about--
			}
			if len(v.superseded) != about {
				t.Errorf("%s: %d statements are shown as superseded, want %d", c.name, len(v.superseded), about)
			}
		}
	}
}
