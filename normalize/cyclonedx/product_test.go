package cyclonedx_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice/normalize"
	"sluice/normalize/cyclonedx"
)

func about(p normalize.Product) string {
	if p.Unreadable != "" {
		if p.Purl != "" || p.Subcomponent != "" || p.BOMSerial != "" || p.VersionRange != "" || p.InDocument {
			return fmt.Sprintf("unreadable, and yet %+v", p)
		}
		return "unreadable"
	}
	s := p.Purl
	if p.InDocument {
		s = strings.TrimSpace("this " + s)
	}
	if p.BOMSerial != "" {
		s = "link " + p.BOMRef
	}
	if p.Subcomponent != "" {
		s += " / " + p.Subcomponent
	}
	return strings.TrimSpace(s + " " + p.VersionRange)
}

// TestAffects holds what affects means, in an SBOM with a main component, in one without,
// and in a VEX alone: never more than what it names.
func TestAffects(t *testing.T) {
	const (
		serial     = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
		other      = "11111111-bbbb-4ccc-8ddd-eeeeeeeeeeee"
		main       = `"metadata":{"component":{"bom-ref":"root","name":"app","version":"1.0","purl":"pkg:oci/app@1.0"}},`
		nameless   = `"metadata":{"component":{"bom-ref":"root","name":"app","version":"1.0"}},`
		components = `"components":[{"bom-ref":"cart","name":"cart","purl":"pkg:npm/cart@1.9"},{"bom-ref":"bare","name":"bare"},{"bom-ref":"odd","name":"odd","purl":"pkg:golang/@%28devel%29"},
			{"bom-ref":"twice","name":"a","purl":"pkg:npm/a@1"},{"bom-ref":"twice","name":"b","purl":"pkg:npm/b@1"},{"bom-ref":"same","name":"c","purl":"pkg:npm/c@1"},{"bom-ref":"same","name":"c","purl":"pkg:npm/c@1"},
			{"bom-ref":"pkg:npm/d@1","name":"d","purl":"pkg:npm/d@1"},{"bom-ref":"e","name":"e","purl":"pkg:npm/e@1?x=y"}],"services":[{"bom-ref":"rain","name":"rain"}],`
	)
	for _, c := range []struct{ document, affects, want, code string }{
		// An SBOM with a main component.
		{main + components, `"affects":[{"ref":"root"}]`, "this pkg:oci/app@1.0", ""},
		{main + components, `"affects":[{"ref":"cart"}]`, "this pkg:oci/app@1.0 / pkg:npm/cart@1.9", ""},
		{main + components, `"affects":[{"ref":"same"}]`, "this pkg:oci/app@1.0 / pkg:npm/c@1", ""},
		{main + components, `"affects":[{"ref":"pkg:npm/d@1"}]`, "this pkg:oci/app@1.0 / pkg:npm/d@1", ""},
		{main + components, `"affects":[{"ref":"pkg:npm/e@1?x=y"}]`, "this pkg:oci/app@1.0 / pkg:npm/e@1?x=y", ""}, // by purl in place of the bom-ref
		{main + components, `"affects":[{"ref":"pkg:npm/elsewhere@1"}]`, "this pkg:oci/app@1.0 / pkg:npm/elsewhere@1", "dangling-ref"},
		{main + components, `"affects":[{"ref":"pkg:oci/app@2.0"}]`, "pkg:oci/app@2.0", ""},
		{main + components, `"vulnerability":1`, "this pkg:oci/app@1.0", "unknown-member"},
		{main + components, `"affects":[]`, "this pkg:oci/app@1.0", ""},
		{main + components, `"affects":null`, "this pkg:oci/app@1.0", ""},
		{main + components, `"affects":[{"ref":"bare"}]`, "unreadable", "unreadable-product"},
		{main + components, `"affects":[{"ref":"odd"}]`, "unreadable", "unreadable-product"},
		{main + components, `"affects":[{"ref":"twice"}]`, "unreadable", "unreadable-product"},
		{main + components, `"affects":[{"ref":"rain"}]`, "unreadable", "unreadable-product"},
		{main + components, `"affects":[{"ref":"nowhere"}]`, "unreadable", "dangling-ref"},
		{main + components, `"affects":[{"ref":"pkg:golang/@%28devel%29"}]`, "unreadable", "unreadable-product"},
		{main + components, `"affects":[{"ref":"pkg:npm/` + strings.Repeat("a", 3000) + `"}]`, "unreadable", "unreadable-product"},
		{main + components, `"affects":[{"ref":""}]`, "unreadable", "missing-ref"},
		{main + components, `"affects":[{}]`, "unreadable", "missing-ref"},
		{main + components, `"affects":[{"ref":["cart"]}]`, "unreadable", "missing-ref"},
		{main + components, `"affects":["cart"]`, "unreadable", "missing-ref"},
		{main + components, `"affects":{"ref":"cart"}`, "unreadable", "wrong-type"},
		{main + components, `"affects":"cart"`, "unreadable", "wrong-type"},
		{main + components, `"affects":[{"ref":"cart"},{"ref":"nowhere"}]`, "this pkg:oci/app@1.0 / pkg:npm/cart@1.9; unreadable", "dangling-ref"},
		// Versions.
		{main + components, `"affects":[{"ref":"cart","versions":[{"version":"1.8"},{"range":"vers:npm/<1.8"}]}]`, "this pkg:oci/app@1.0 / pkg:npm/cart@1.8; this pkg:oci/app@1.0 / pkg:npm/cart vers:npm/<1.8", ""},
		{main + components, `"affects":[{"ref":"cart","versions":[{"range":"<1.8"}]}]`, "this pkg:oci/app@1.0 / pkg:npm/cart vers:npm/<1.8", ""},
		{main + components, `"affects":[{"ref":"root","versions":[{"range":"vers:oci/<1.8"}]}]`, "this pkg:oci/app vers:oci/<1.8", ""},
		{main + components, `"affects":[{"ref":"root","versions":[{"version":"1.0"},{"version":"0.9"}]}]`, "this pkg:oci/app@1.0 vers:oci/1.0; pkg:oci/app@0.9 vers:oci/0.9", ""},
		{main + components, `"affects":[{"ref":"cart","versions":[]}]`, "this pkg:oci/app@1.0 / pkg:npm/cart@1.9", ""},
		{main + components, `"affects":[{"ref":"cart","versions":[{"range":"the newest"}]}]`, "unreadable", "invalid-range"},
		{main + components, `"affects":[{"ref":"cart","versions":[{"range":"vers:npm/>=latest"}]}]`, "unreadable", "invalid-range"},
		{main + components, `"affects":[{"ref":"cart","versions":[{"status":"unaffected"}]}]`, "unreadable", "missing-version-range"},
		{main + components, `"affects":[{"ref":"cart","versions":["1.8"]}]`, "unreadable", "wrong-type"},
		{main + components, `"affects":[{"ref":"cart","versions":{"version":"1.8"}}]`, "unreadable", "wrong-type"},
		{main + components, `"affects":[{"ref":"cart","versions":"1.8"}]`, "unreadable", "wrong-type"},
		{main + components, `"affects":[{"ref":"nowhere","versions":[{"version":"1.8"},{"range":"<2"}]}]`, "unreadable", "dangling-ref"},
		// A main component without a purl, and one that shares its bom-ref.
		{nameless + components, `"affects":[{"ref":"root"}]`, "this", ""},
		{nameless + components, `"affects":[{"ref":"root","versions":[{"version":"2"}]}]`, "this vers:generic/2", ""},
		{nameless + components, `"affects":[{"ref":"cart"}]`, "this / pkg:npm/cart@1.9", ""},
		{main + `"components":[{"bom-ref":"root","name":"x","purl":"pkg:npm/x@1"}],`, `"affects":[{"ref":"root"}]`, "unreadable", "unreadable-product"},
		{main + `"components":[{"bom-ref":"root","name":"app","purl":"pkg:oci/app@1.0"}],`, `"affects":[{"ref":"root"}]`, "this pkg:oci/app@1.0", ""},
		// Without a main component it is about its own artifact, whatever that is.
		{components, `"affects":[{"ref":"cart"}]`, "this / pkg:npm/cart@1.9", ""},
		{components, `"affects":[{"ref":"pkg:npm/elsewhere@1"}]`, "this / pkg:npm/elsewhere@1", "dangling-ref"},
		{components, `"affects":[{"ref":"cart","versions":[{"range":"<1.8"}]}]`, "this / pkg:npm/cart vers:npm/<1.8", ""},
		{components, `"affects":[{"ref":"nowhere"}]`, "unreadable", "dangling-ref"},
		{components, `"affects":[]`, "unreadable", "missing-product"},
		// A VEX alone.
		{``, `"affects":[{"ref":"pkg:npm/cart@1.9"}]`, "pkg:npm/cart@1.9", ""},
		{``, `"affects":[{"ref":"pkg:npm/cart","versions":[{"version":"1.9"},{"range":"<1"}]}]`, "pkg:npm/cart@1.9; pkg:npm/cart vers:npm/<1", ""},
		{``, `"affects":[{"ref":"pkg:npm"}]`, "unreadable", "unreadable-product"},
		{``, `"affects":[{"ref":"cart"}]`, "unreadable", "dangling-ref"},
		{``, `"affects":[]`, "unreadable", "missing-product"},
		{main, `"affects":[{"ref":"root"}]`, "this pkg:oci/app@1.0", ""},
		{main, `"affects":[{"ref":"pkg:npm/cart@1.9"}]`, "this pkg:oci/app@1.0 / pkg:npm/cart@1.9", "dangling-ref"},
		// BOM-Links: to another BOM, to this one, and broken ones.
		{``, `"affects":[{"ref":"urn:cdx:` + other + `/1#cart"}]`, "link cart", ""},
		{``, `"affects":[{"ref":"urn:cdx:` + other + `/1"}]`, "link", ""},
		{``, `"affects":[{"ref":"urn:cdx:` + other + `/1#pkg:npm/cart@1.9"}]`, "link pkg:npm/cart@1.9 / pkg:npm/cart@1.9", ""},
		{``, `"affects":[{"ref":"urn:cdx:` + other + `/1#pkg:npm/cart@1.9","versions":[{"version":"2.0"}]}]`, "link pkg:npm/cart@1.9 / pkg:npm/cart@1.9 vers:npm/2.0", ""},
		{``, `"affects":[{"ref":"urn:cdx:` + other + `/1#cart","versions":[{"version":"2.0"},{"range":"<1"}]}]`, "link cart vers:generic/2.0; link cart vers:generic/<1", ""},
		{``, `"affects":[{"ref":"urn:cdx:` + serial + `/1#cart"}]`, "link cart", ""}, // an older version of this serial may be the SBOM
		{main + components, `"affects":[{"ref":"urn:cdx:` + serial + `/1#cart"}]`, "this pkg:oci/app@1.0 / pkg:npm/cart@1.9", ""},
		{main + components, `"affects":[{"ref":"urn:cdx:` + serial + `/1"}]`, "this pkg:oci/app@1.0", ""},
		{main + components, `"affects":[{"ref":"urn:cdx:` + serial + `/1#nowhere"}]`, "unreadable", "dangling-ref"},
		{main + components, `"affects":[{"ref":"urn:cdx:` + serial + `/1#bare"}]`, "unreadable", "unreadable-product"},
		{main + components, `"affects":[{"ref":"urn:cdx:` + other + `/1#cart"}]`, "link cart", ""},
		{``, `"affects":[{"ref":"urn:cdx:shop/1#cart"}]`, "unreadable", "invalid-bom-link"},
		{``, `"affects":[{"ref":"urn:cdx:` + other + `/one#cart"}]`, "unreadable", "invalid-bom-link"},
		{``, `"affects":[{"ref":"urn:cdx:` + other + `/1#"}]`, "unreadable", "invalid-bom-link"},
		{``, `"affects":[{"ref":"urn:cdx:` + other + `/1#` + strings.Repeat("x", 3000) + `"}]`, "unreadable", "invalid-bom-link"},
	} {
		doc, err := cyclonedx.JSON{}.Normalize(normalize.Input{Bytes: []byte(`{"bomFormat":"CycloneDX","specVersion":"1.5","serialNumber":"urn:uuid:` + serial + `",` + c.document +
			`"vulnerabilities":[{"id":"cve-2024-1","analysis":{"state":"not_affected"},` + c.affects + `}]}`)})
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, s := range doc.Statements {
			if s.VulnID != "CVE-2024-1" || s.Status != normalize.NotAffected {
				t.Errorf("%s: %+v", c.affects, s)
			}
			for _, p := range s.Products {
				list = append(list, about(p))
			}
		}
		if got := strings.Join(list, "; "); got != c.want {
			t.Errorf("%.100s\n%.300s:\n got %s\nwant %s", c.document, c.affects, got, c.want)
		}
		codes := ""
		for _, w := range doc.Warnings {
			if strings.HasPrefix(w.Pointer, "/vulnerabilities") {
				codes += w.Code + " "
			}
		}
		if !strings.Contains(codes, c.code) || c.code == "" && codes != "" {
			t.Errorf("%.100s\n%.300s: warnings %q, want %q", c.document, c.affects, codes, c.code)
		}
	}
}

// TestClaims holds that of two words about the same version the later one comes last, however
// often they are said.
func TestClaims(t *testing.T) {
	doc, err := cyclonedx.JSON{}.Normalize(normalize.Input{Bytes: []byte(`{"bomFormat":"CycloneDX","specVersion":"1.5","vulnerabilities":[
		{"id":"CVE-2024-1","affects":[{"ref":"pkg:npm/a","versions":[{"version":"1","status":"affected"},{"version":"1","status":"affected"},{"version":"2","status":"affected"},
			{"version":"1","status":"unaffected"},{"version":"1","status":"affected"}]}]},
		{"id":"CVE-2024-1","analysis":{"state":"in_triage"},"affects":[{"ref":"pkg:npm/a@1"}]},
		{"id":"GHSA-a","references":[{"id":"CVE-2024-2"},{"id":"CVE-2024-3"}],"analysis":{"state":"exploitable"},"affects":[{"ref":"pkg:npm/a@1"}]}]}`)})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range doc.Statements {
		line := s.VulnID + " " + s.Status
		for _, p := range s.Products {
			line += " " + p.Purl
		}
		got = append(got, line)
	}
	want := []string{
		"CVE-2024-1 affected pkg:npm/a@1 pkg:npm/a@2", "CVE-2024-1 not_affected pkg:npm/a@1", "CVE-2024-1 affected pkg:npm/a@1", "CVE-2024-1 under_investigation pkg:npm/a@1",
		"GHSA-a affected pkg:npm/a@1", "CVE-2024-2 affected pkg:npm/a@1", "CVE-2024-3 affected pkg:npm/a@1",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestSeries holds what a serial number and a version make of a document, in both notations.
func TestSeries(t *testing.T) {
	const uuid = "AAAAAAAA-bbbb-4ccc-8ddd-eeeeeeeeeeee"
	for _, c := range []struct{ serial, version, series, number string }{
		{"urn:uuid:" + uuid, "2", strings.ToLower(uuid), "2"},
		{uuid, "10", strings.ToLower(uuid), "10"},
		{"urn:uuid:" + uuid, "", strings.ToLower(uuid), "1"},
		{"urn:uuid:00000000-0000-0000-0000-000000000000", "3", "", "3"},
		{"my document", "3", "", "3"},
		{"", "3", "", "3"},
	} {
		attributes := ""
		members := ""
		if c.serial != "" {
			members = fmt.Sprintf(`"serialNumber":%q,`, c.serial)
			attributes = fmt.Sprintf(` serialNumber="%s"`, c.serial)
		}
		if c.version != "" {
			members += `"version":` + c.version + `,`
			attributes += ` version="` + c.version + `"`
		}
		for _, src := range []string{`{"bomFormat":"CycloneDX",` + members + `"specVersion":"1.5"}`, `<bom xmlns="http://cyclonedx.org/schema/bom/1.5"` + attributes + `/>`} {
			doc, err := read([]byte(src))
			if err != nil {
				t.Fatal(err)
			}
			if doc.Series != c.series || doc.Version != c.number || doc.VersionRank != normalize.VersionRank(c.number) || doc.Status != "" {
				t.Errorf("%s: series %q, version %q", src, doc.Series, doc.Version)
			}
		}
	}
}

// TestKind tells a VEX from an SBOM: one that takes everything back is a VEX still.
func TestKind(t *testing.T) {
	const statement = `"vulnerabilities":[{"id":"CVE-2024-1","analysis":{"state":"resolved"},"affects":[{"ref":"pkg:npm/a"}]}]`
	for in, want := range map[string]normalize.Kind{
		statement:                      normalize.VEX,
		statement + `,"components":[]`: normalize.VEX,
		statement + `,"components":[{"name":"a"}]`:                        normalize.SBOM,
		`"vulnerabilities":[]`:                                            normalize.VEX,
		`"vulnerabilities":[],"metadata":{"component":{"name":"app"}}`:    normalize.VEX,
		`"vulnerabilities":[{"id":"CVE-2024-1","affects":[{"ref":"x"}]}]`: normalize.VEX,
		`"vulnerabilities":[],"components":[]`:                            normalize.SBOM,
		`"vulnerabilities":null`:                                          normalize.SBOM,
		`"metadata":{"component":{"name":"app"}}`:                         normalize.SBOM,
		`"components":[]`:                                                 normalize.SBOM,
	} {
		doc, err := cyclonedx.JSON{}.Normalize(normalize.Input{Bytes: []byte(`{"bomFormat":"CycloneDX","specVersion":"1.5",` + in + `}`)})
		if err != nil || doc.Kind != want {
			t.Errorf("%s: %v, %v; want %v", in, doc.Kind, err, want)
		}
	}
}
