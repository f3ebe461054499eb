package openvex

import (
	"strings"
	"testing"

	"sluice/normalize"
)

func about(p normalize.Product) string {
	if p.Unreadable != "" {
		if p.Purl != "" || p.Subcomponent != "" || p.BOMSerial != "" || p.InDocument {
			return "unreadable, and yet about something"
		}
		return "unreadable"
	}
	s := p.Purl
	if p.BOMSerial != "" {
		s = p.BOMSerial + "#" + p.BOMRef
	}
	if p.Subcomponent != "" {
		s += " / " + p.Subcomponent
	}
	return s
}

// TestProducts holds what a statement is about: never about more than what it names.
func TestProducts(t *testing.T) {
	long := "pkg:npm/" + strings.Repeat("a", 3000)
	for _, c := range []struct{ products, want, code string }{
		{`"products":[{"@id":"pkg:oci/app@1.0"}]`, "pkg:oci/app@1.0", ""},
		{`"products":["pkg:oci/app@1.0"]`, "pkg:oci/app@1.0", ""},
		{`"products":[{"@id":"pkg:oci/app","subcomponents":[{"@id":"pkg:npm/a"},{"@id":"pkg:npm/b"}]}]`, "pkg:oci/app / pkg:npm/a; pkg:oci/app / pkg:npm/b", ""},
		{`"products":["pkg:oci/app"],"subcomponents":["pkg:npm/a"]`, "pkg:oci/app / pkg:npm/a", ""},
		{`"products":[{"@id":"pkg:oci/app","subcomponents":[]}]`, "pkg:oci/app", ""},
		{`"products":[{"@id":"pkg:oci/app","subcomponents":null}]`, "pkg:oci/app", ""},
		// The field case, and its siblings.
		{`"products":[{"@id":"pkg:oci/app","subcomponents":[{"@id":"pkg:golang/@%28devel%29"}]}]`, "unreadable", "unreadable-product"},
		{`"products":[{"@id":"pkg:oci/app","subcomponents":[{"@id":"` + long + `"}]}]`, "unreadable", "unreadable-product"},
		{`"products":[{"@id":"pkg:oci/app","subcomponents":[{"@id":"pkg:npm/a%FF"}]}]`, "unreadable", "unreadable-product"},
		{`"products":[{"@id":"pkg:oci/app","subcomponents":[""]}]`, "unreadable", "unreadable-product"},
		{`"products":[{"@id":"pkg:oci/app","subcomponents":[{}]}]`, "unreadable", "unreadable-product"},
		{`"products":[{"@id":"pkg:oci/app","subcomponents":[null]}]`, "unreadable", "unreadable-product"},
		{`"products":[{"@id":"pkg:oci/app","subcomponents":[[]]}]`, "unreadable", "unreadable-product"},
		{`"products":[{"@id":"pkg:oci/app","subcomponents":7}]`, "unreadable", "wrong-type"},
		{`"products":[{"@id":"pkg:oci/app","subcomponents":{}}]`, "unreadable", "wrong-type"},
		{`"products":[{"@id":"pkg:oci/app","subcomponents":[{"hashes":{"sha-256":"ab"}}]}]`, "unreadable", "unreadable-product"},
		{`"products":[{"@id":"pkg:oci/app","subcomponents":[{"identifiers":{"cpe23":"cpe:2.3:a:b:c:1:*:*:*:*:*:*:*"}}]}]`, "unreadable", "no-purl"},
		{`"products":[{"@id":"pkg:oci/app","subcomponents":[{"@id":"https://example.org/lib"}]}]`, "unreadable", "no-purl"},
		{`"products":[{"@id":"pkg:oci/app","subcomponents":[{"@id":"urn:cdx:aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee/1#x"}]}]`, "unreadable", ""},
		{`"products":[{"@id":"pkg:oci/app","subcomponents":[{"@id":"pkg:npm/a"},{"@id":"pkg:npm"}]}]`, "pkg:oci/app / pkg:npm/a; unreadable", "unreadable-product"},
		{`"products":["pkg:oci/app"],"subcomponents":["pkg:npm"]`, "unreadable", "unreadable-product"},
		// Products.
		{`"products":[{"@id":"pkg:oci"},{"@id":"pkg:oci/app"}]`, "unreadable; pkg:oci/app", "unreadable-product"},
		{`"products":[{"@id":"pkg:oci","subcomponents":["pkg:npm/a"]}]`, "unreadable", "unreadable-product"},
		{`"products":[{"@id":"https://example.org/app","subcomponents":["pkg:npm/a"]}]`, "unreadable", "no-purl"},
		{`"products":["app"]`, "unreadable", "no-purl"},
		{`"products":[7]`, "unreadable", "wrong-type"},
		{`"products":[""]`, "unreadable", "unreadable-product"},
		{`"products":{}`, "unreadable", "wrong-type"},
		{`"products":[]`, "unreadable", "no-product"},
		{`"status_notes":"none"`, "unreadable", "no-product"},
		// One of several identifiers is enough.
		{`"products":[{"@id":"pkg:oci","identifiers":{"purl":"pkg:oci/app"}}]`, "pkg:oci/app", ""},
		{`"products":[{"@id":"pkg:oci/app","identifiers":{"purl":"pkg:oci"}}]`, "pkg:oci/app", ""},
		{`"products":[{"@id":"https://example.org/app","identifiers":{"purl":"pkg:oci/app","cpe22":"cpe:/a:b:c"}}]`, "pkg:oci/app", ""},
		{`"products":[{"@id":"pkg:oci","identifiers":{"purl":"npm/app"}}]`, "unreadable", "unreadable-product"},
		// BOM-Links.
		{`"products":["urn:cdx:aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee/1#lib"]`, "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee#lib", ""},
		{`"products":["urn:cdx:aaaa/1#lib"]`, "unreadable", "unreadable-product"},
		{`"products":[{"@id":"urn:cdx:aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee/1#lib","subcomponents":["pkg:npm/a"]}]`, "unreadable", ""},
	} {
		doc, err := Format{}.Normalize(normalize.Input{Bytes: []byte(`{"@context":"https://openvex.dev/ns/v0.2.0","statements":[{"vulnerability":{"name":"CVE-2024-1"},"status":"not_affected",` + c.products + `}]}`)})
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, p := range doc.Statements[0].Products {
			list = append(list, about(p))
		}
		if got := strings.Join(list, "; "); got != c.want {
			t.Errorf("%.200s: %q, want %q", c.products, got, c.want)
		}
		codes := ""
		for _, w := range doc.Warnings {
			codes += w.Code + " "
			if !strings.HasPrefix(w.Pointer, "/statements/0") {
				t.Errorf("%.200s: warning at %q", c.products, w.Pointer)
			}
		}
		if !strings.Contains(codes, c.code) || c.code == "" && codes != "" {
			t.Errorf("%.200s: warnings %q, want %q", c.products, codes, c.code)
		}
	}
}

// TestTimes is the table of docs/formats.md: which time stands for one that is missing.
func TestTimes(t *testing.T) {
	const issued, updated, own, ownUpdate = "2024-01-01", "2024-06-01", "2024-03-01", "2024-04-01"
	for _, c := range []struct{ document, statement, want, wantDocument string }{
		{`"timestamp":"` + issued + `"`, ``, issued, issued},
		{`"timestamp":"` + issued + `","last_updated":"` + updated + `"`, ``, issued, updated},
		{`"last_updated":"` + updated + `"`, ``, updated, updated},
		{`"timestamp":"` + issued + `"`, `"timestamp":"` + own + `"`, own, issued},
		{`"timestamp":"` + updated + `"`, `"timestamp":"` + own + `"`, own, updated},
		{`"timestamp":"` + issued + `"`, `"timestamp":"` + own + `","last_updated":"` + ownUpdate + `"`, ownUpdate, issued},
		{`"timestamp":"` + issued + `"`, `"timestamp":"` + ownUpdate + `","last_updated":"` + own + `"`, ownUpdate, issued},
		{`"timestamp":"` + issued + `"`, `"last_updated":"` + ownUpdate + `"`, ownUpdate, issued},
		{`"timestamp":"` + issued + `"`, `"timestamp":"soon"`, issued, issued},
		{`"author":"a"`, ``, "0001-01-01", "0001-01-01"},
		{`"author":"a"`, `"timestamp":"` + own + `"`, own, "0001-01-01"},
	} {
		if c.statement != "" {
			c.statement = "," + c.statement
		}
		doc, err := Format{}.Normalize(normalize.Input{Bytes: []byte(`{"@context":"https://openvex.dev/ns/v0.2.0",` + c.document + `,"statements":[{"vulnerability":"CVE-2024-1","status":"fixed","products":["pkg:npm/a"]` + c.statement + `}]}`)})
		if err != nil {
			t.Fatal(err)
		}
		if got := doc.Statements[0].Time.Format("2006-01-02"); got != c.want {
			t.Errorf("%s%s: %s, want %s", c.document, c.statement, got, c.want)
		}
		if got := doc.Time.Format("2006-01-02"); got != c.wantDocument {
			t.Errorf("%s%s: document %s, want %s", c.document, c.statement, got, c.wantDocument)
		}
	}
}

// TestRepeated holds that statements keep their order and their times, the same words twice included.
func TestRepeated(t *testing.T) {
	doc, err := Format{}.Normalize(normalize.Input{Bytes: []byte(`{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://example.org/vex","version":"2","statements":[
		{"vulnerability":"CVE-2024-1","status":"affected","products":["pkg:npm/a"],"timestamp":"2024-01-01"},
		{"vulnerability":"CVE-2024-1","status":"not_affected","products":["pkg:npm/a"],"timestamp":"2024-02-01"},
		{"vulnerability":"CVE-2024-1","status":"affected","products":["pkg:npm/a"],"timestamp":"2024-03-01"},
		{"vulnerability":{"name":"GHSA-a","aliases":["CVE-2024-2","CVE-2024-3"]},"status":"affected","products":["pkg:npm/a"]}]}`)})
	if err != nil {
		t.Fatal(err)
	}
	got := doc.Series + " " + doc.Version
	for _, s := range doc.Statements {
		got += "; " + s.VulnID + strings.Join(s.Aliases, "=") + " " + s.Status + " " + s.Time.Format("01")
	}
	const want = "https://example.org/vex 2; CVE-2024-1 affected 01; CVE-2024-1 not_affected 02; CVE-2024-1 affected 03; GHSA-a affected 01; CVE-2024-2 affected 01; CVE-2024-3 affected 01"
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
