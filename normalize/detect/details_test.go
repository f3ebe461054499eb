package detect_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/normalize"
	"sluice/normalize/cyclonedx"
	"sluice/normalize/detect"
	"sluice/normalize/osv"
	"sluice/normalize/spdx"
)

func details(t *testing.T, src string) *normalize.Details {
	t.Helper()
	d, err := detect.Details(normalize.Input{Bytes: []byte(src)}, []normalize.Format{cyclonedx.JSON{}, cyclonedx.XML{}, spdx.JSON{}, osv.JSON{}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const cycloneDX = `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[
	{"type":"library","name":"a","purl":"pkg:npm/a@1","bom-ref":"a","supplier":{"name":"Acme"},"author":"Ann","copyright":"© Acme","description":"first",
	 "licenses":[{"license":{"id":"MIT"}},{"license":{"name":"House","url":"https://example.com/l"}},{"expression":"MIT OR Apache-2.0","acknowledgement":"concluded"},{}],
	 "hashes":[{"alg":"SHA-256","content":"aa"},{"alg":"MD5"}],"externalReferences":[{"type":"vcs","url":"https://example.com/a"}],
	 "properties":[{"name":"x","value":"y"}],"evidence":{},
	 "components":[{"type":"file","name":"inner","bom-ref":"inner"}]},
	{"type":"library","name":"b","bom-ref":"b"},{"type":"library","name":"c"}],
	"services":[{"bom-ref":"s","name":"bank","endpoints":["https://bank.example"],"data":[{"flow":"outbound"}],"provider":{"name":"Bank"}}],
	"dependencies":[{"ref":"app","dependsOn":["b","nowhere","s"]},{"ref":"b","dependsOn":["a"]},{"ref":"a"},{"ref":"inner","provides":["b"]}],
	"annotations":[{},{}],"compositions":[],
	"metadata":{"timestamp":"2026-01-02T03:04:05Z","authors":[{"name":"Ann"},{"email":"bob@example.com"}],"supplier":{"name":"Shop"},"lifecycles":[{"phase":"build"}],
	 "tools":{"components":[{"type":"application","group":"anchore","name":"syft","version":"1.20.0"}],"services":[{"name":"portal"}]},
	 "component":{"type":"application","name":"app","bom-ref":"app","purl":"pkg:oci/app@1"}}}`

func TestDetailsOfCycloneDX(t *testing.T) {
	d := details(t, cycloneDX)
	if d.Document.Format != "cyclonedx-json" || len(d.Document.Components) != 4 {
		t.Errorf("document %+v", d.Document)
	}
	d.Document = nil
	want := &normalize.Details{
		Tools:    []normalize.Tool{{Vendor: "anchore", Name: "syft", Version: "1.20.0"}, {Name: "portal"}},
		Authors:  []string{"Ann", "bob@example.com"},
		Supplier: "Shop",
		Roots:    []string{"app"},
		Components: []normalize.ComponentDetails{
			{Ref: "app", Pointer: "/metadata/component", Related: true},
			{
				Ref: "a", Pointer: "/components/0", Supplier: "Acme", Author: "Ann", Description: "first", Copyright: "© Acme", Related: true,
				Licenses:   []normalize.License{{ID: "MIT"}, {Name: "House", URL: "https://example.com/l"}, {Expression: "MIT OR Apache-2.0", Concluded: true}},
				Hashes:     []normalize.Hash{{Algorithm: "SHA-256", Value: "aa"}},
				References: []normalize.Reference{{Type: "vcs", URL: "https://example.com/a"}},
				Other:      []string{"properties"},
			},
			{Ref: "inner", Pointer: "/components/0/components/0", Parent: "/components/0", Related: true},
			{Ref: "b", Pointer: "/components/1", Related: true},
			{Pointer: "/components/2"},
		},
		Services: []normalize.Service{{Ref: "s", Pointer: "/services/0", Name: "bank", Provider: "Bank", Endpoints: []string{"https://bank.example"}, Other: []string{"data"}}},
		Edges: []normalize.Edge{
			{From: "a", To: "inner", Kind: normalize.Contains},
			{From: "app", To: "b", Kind: normalize.DependsOn},
			{From: "app", To: "s", Kind: normalize.DependsOn},
			{From: "b", To: "a", Kind: normalize.DependsOn},
			{From: "inner", To: "b", Kind: normalize.Provides},
		},
		Other: map[string]int{"annotations": 2, "metadata.lifecycles": 1},
	}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Error(diff)
	}
}

// TestDetailsOfOldTools: up to 1.4 the tools are a list.
func TestDetailsOfOldTools(t *testing.T) {
	d := details(t, `{"bomFormat":"CycloneDX","specVersion":"1.4","metadata":{"tools":[{"vendor":"aquasecurity","name":"trivy","version":"0.50.0"},{"version":"1"},"x"]}}`)
	if len(d.Tools) != 1 || d.Tools[0] != (normalize.Tool{Vendor: "aquasecurity", Name: "trivy", Version: "0.50.0"}) || d.Tools[0].String() != "trivy 0.50.0" {
		t.Errorf("tools %+v", d.Tools)
	}
}

// TestDetailsOfXML reads another notation in its JSON form.
func TestDetailsOfXML(t *testing.T) {
	d := details(t, `<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><metadata><tools><components><component type="application"><name>syft</name><version>2</version></component></components></tools>
		<component type="application" bom-ref="app"><name>app</name></component></metadata>
		<components><component type="library" bom-ref="a"><name>a</name><licenses><license><id>MIT</id></license></licenses></component></components>
		<dependencies><dependency ref="app"><dependency ref="a"/></dependency></dependencies></bom>`)
	if d.Document.Format != "cyclonedx-xml" || len(d.Components) != 2 || d.Components[1].Licenses[0].ID != "MIT" || len(d.Tools) != 1 {
		t.Errorf("%+v", d)
	}
	if path := d.Path(func(ref string) bool { return ref == "a" }); !slices.Equal(path, []string{"app", "a"}) {
		t.Errorf("path %q", path)
	}
}

const spdx23 = `{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"shop","dataLicense":"CC0-1.0","files":[{"SPDXID":"SPDXRef-f"}],
	"relationships":[
	 {"spdxElementId":"SPDXRef-DOCUMENT","relationshipType":"DESCRIBES","relatedSpdxElement":"SPDXRef-shop"},
	 {"spdxElementId":"SPDXRef-shop","relationshipType":"CONTAINS","relatedSpdxElement":"SPDXRef-b"},
	 {"spdxElementId":"SPDXRef-a","relationshipType":"DEPENDENCY_OF","relatedSpdxElement":"SPDXRef-shop"},
	 {"spdxElementId":"SPDXRef-a","relationshipType":"DEPENDS_ON","relatedSpdxElement":"SPDXRef-b"},
	 {"spdxElementId":"SPDXRef-b","relationshipType":"DEPENDS_ON","relatedSpdxElement":"NONE"},
	 {"spdxElementId":"SPDXRef-b","relationshipType":"CONTAINS","relatedSpdxElement":"SPDXRef-f"}],
	"creationInfo":{"created":"2026-01-02T03:04:05Z","creators":["Tool: scanner-v4-matcher-4.7.0","Organization: Acme ()","Person: Ann (ann@example.com)"],"licenseListVersion":"3.20"},
	"packages":[
	 {"SPDXID":"SPDXRef-a","name":"a","versionInfo":"1","supplier":"Organization: Acme","originator":"Person: Ann","licenseDeclared":"MIT","licenseConcluded":"LicenseRef-1","copyrightText":"NOASSERTION",
	  "downloadLocation":"https://example.com/a.tgz","homepage":"NOASSERTION","description":"first","checksums":[{"algorithm":"SHA256","checksumValue":"aa"}],"filesAnalyzed":false,"attributionTexts":["thanks"],
	  "externalRefs":[{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:npm/a@1"},{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:npm/b@1"},
	   {"referenceCategory":"SECURITY","referenceType":"cpe23Type","referenceLocator":"cpe:2.3:a:a:a:1:*:*:*:*:*:*:*"},{"referenceCategory":"OTHER","referenceType":"swh","referenceLocator":"swh:1:x"}]},
	 {"SPDXID":"SPDXRef-b","name":"b","licenseDeclared":"MIT OR Apache-2.0","licenseConcluded":"MIT OR Apache-2.0"},
	 {"SPDXID":"SPDXRef-shop","name":"shop","supplier":"Organization: Shop"}],
	"hasExtractedLicensingInfos":[{"licenseId":"LicenseRef-1","name":"House","extractedText":"Be kind."}]}`

func TestDetailsOfSPDX(t *testing.T) {
	want := &normalize.Details{
		Tools:    []normalize.Tool{{Name: "scanner-v4-matcher", Version: "4.7.0"}},
		Authors:  []string{"Acme", "Ann (ann@example.com)"},
		Supplier: "Shop",
		Licenses: []normalize.License{{ID: "CC0-1.0"}},
		Roots:    []string{"SPDXRef-shop"},
		Components: []normalize.ComponentDetails{
			{Ref: "SPDXRef-shop", Pointer: "/packages/2", Supplier: "Shop", Related: true},
			{
				Ref: "SPDXRef-a", Pointer: "/packages/0", Supplier: "Acme", Author: "Ann", Description: "first", Related: true,
				Licenses:   []normalize.License{{ID: "MIT"}, {Name: "House", Concluded: true}},
				Hashes:     []normalize.Hash{{Algorithm: "SHA-256", Value: "aa"}},
				References: []normalize.Reference{{Type: "distribution", URL: "https://example.com/a.tgz"}, {Type: "swh", URL: "swh:1:x"}},
				Purls:      []string{"pkg:npm/b@1"},
				Other:      []string{"attributionTexts"},
			},
			{Ref: "SPDXRef-b", Pointer: "/packages/1", Related: true, Licenses: []normalize.License{{Expression: "MIT OR Apache-2.0"}}},
		},
		Edges: []normalize.Edge{
			{From: "SPDXRef-shop", To: "SPDXRef-b", Kind: normalize.Contains},
			{From: "SPDXRef-shop", To: "SPDXRef-a", Kind: normalize.DependsOn},
			{From: "SPDXRef-a", To: "SPDXRef-b", Kind: normalize.DependsOn},
		},
		Other: map[string]int{"files": 1, "relationships": 1, "hasExtractedLicensingInfos": 1, "creationInfo.licenseListVersion": 1},
	}
	d := details(t, spdx23)
	d.Document = nil
	if diff := cmp.Diff(want, d); diff != "" {
		t.Error(diff)
	}
	// A dependency tells more than that the whole contains it.
	if path := d.Path(func(ref string) bool { return ref == "SPDXRef-b" }); !slices.Equal(path, []string{"SPDXRef-shop", "SPDXRef-a", "SPDXRef-b"}) {
		t.Errorf("path %q", path)
	}
	if path := d.Path(func(ref string) bool { return ref == "SPDXRef-f" }); path != nil {
		t.Errorf("path to a file %q", path)
	}
	// GitHub wraps the document; the pointers say so.
	wrapped := details(t, `{"sbom":`+spdx23+`}`)
	if got := wrapped.Components[0].Pointer; got != "/sbom/packages/2" || wrapped.Components[0].Pointer != wrapped.Document.Main[0].Pointer {
		t.Errorf("the main component is at %s", got)
	}
}

func TestDetailsOfTools(t *testing.T) {
	for written, want := range map[string]normalize.Tool{
		"syft-1.42.1": {Name: "syft", Version: "1.42.1"}, "syft-[not provided]": {Name: "syft"}, "Claircore-v1.5.35": {Name: "Claircore", Version: "v1.5.35"},
		"dhi/build": {Name: "dhi/build"}, "GitHub.com-Dependency-Graph": {Name: "GitHub.com-Dependency-Graph"}, "trivy-dev": {Name: "trivy-dev"},
		"scancode-toolkit 32.0.0rc1": {Name: "scancode-toolkit", Version: "32.0.0rc1"}, "LicenseFind-1": {Name: "LicenseFind", Version: "1"},
		"cyclonedx-maven-2.7.9-SNAPSHOT": {Name: "cyclonedx-maven", Version: "2.7.9-SNAPSHOT"}, "1.0": {Name: "1.0"},
	} {
		d := details(t, `{"spdxVersion":"SPDX-2.3","creationInfo":{"creators":["Organization: x","tool: `+written+`"]}}`)
		if len(d.Tools) != 1 || d.Tools[0] != want {
			t.Errorf("%s: %+v, want %+v", written, d.Tools, want)
		}
	}
}

func TestPathWithoutRoot(t *testing.T) {
	d := details(t, `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"bom-ref":"a","name":"a"},{"bom-ref":"b","name":"b"},{"bom-ref":"c","name":"c"}],
		"dependencies":[{"ref":"a","dependsOn":["b"]},{"ref":"b","dependsOn":["c","b"]},{"ref":"c","dependsOn":["b"]}]}`)
	if path := d.Path(func(ref string) bool { return ref == "c" }); !slices.Equal(path, []string{"a", "b", "c"}) {
		t.Errorf("path %q", path)
	}
}

func TestNoDetails(t *testing.T) {
	_, err := detect.Details(normalize.Input{Bytes: []byte(`{"id":"GHSA-1","modified":"2026-01-01T00:00:00Z","summary":"x"}`)}, []normalize.Format{osv.JSON{}})
	if !errors.Is(err, detect.ErrNoDetails) {
		t.Error(err)
	}
	_, err = detect.Details(normalize.Input{Bytes: []byte(`{"bomFormat":"CycloneDX","specVersion":"9"}`)}, []normalize.Format{cyclonedx.JSON{}})
	if !normalize.Permanent(err) {
		t.Error(err)
	}
}

// TestDetailsAreBounded: empty elements, which cost the document nothing, cost us little.
func TestDetailsAreBounded(t *testing.T) {
	d := details(t, `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"name":"a","hashes":[`+strings.Repeat("{},", 1000)+`{}],"licenses":[`+strings.Repeat("{},", 1000)+`{}],"externalReferences":[`+strings.Repeat("{},", 1000)+`{}]}],
		"dependencies":[`+strings.Repeat("{},", 1000)+`{}]}`)
	c := d.Components[0]
	if len(c.Hashes)+len(c.Licenses)+len(c.References)+len(d.Edges) != 0 {
		t.Errorf("%+v", c)
	}
}
