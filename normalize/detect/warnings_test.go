package detect_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/normalize"
	"sluice/normalize/cyclonedx"
	"sluice/normalize/detect"
	"sluice/normalize/spdx"
)

// TestWarnings: what is odd is accepted, with a code and a place.
func TestWarnings(t *testing.T) {
	cdx := func(members string) string { return `{"bomFormat":"CycloneDX","specVersion":"1.6",` + members + `}` }
	component := func(members string) string {
		return cdx(`"components":[{"type":"library","name":"a","version":"1",` + members + `}]`)
	}
	spdx2 := func(members string) string {
		return `{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT",` + members + `}`
	}
	pkg := func(members string) string {
		return spdx2(`"packages":[{"SPDXID":"SPDXRef-a","name":"a","versionInfo":"1",` + members + `}]`)
	}
	relationship := func(from, kind, to string) string {
		return spdx2(`"files":[{"fileName":"x","SPDXID":"SPDXRef-f"},{}],"relationships":[{"spdxElementId":"` + from + `","relationshipType":"` + kind + `","relatedSpdxElement":"` + to + `"}],
			"packages":[{"SPDXID":"SPDXRef-a","name":"a","versionInfo":"1"}],"snippets":[{"SPDXID": "SPDXRef-s"}]`)
	}
	for _, test := range []struct{ src, want string }{
		{component(`"hashes":[{"alg":"SHA-1","content":"da39a3ee5e6b4b0d3255bfef95601890afd80709"}],"licenses":[],"externalReferences":[{"type":"vcs","url":"x"}]`), ""},
		{component(`"hashes":[{"alg":"SHA-1"},{"content":"a","alg":"SHA1"}]`), "missing-member /components/0/hashes/0/content, invalid-hash /components/0/hashes/1/content, unknown-algorithm /components/0/hashes/1/alg"},
		{component(`"externalReferences":[{"url":"about \"type\": \"x\"","type":"nonsense"}]`), "unknown-reference-type /components/0/externalReferences/0/type"},
		{component(`"hashes":"abc"`), "wrong-type /components/0/hashes"},
		{component(`"licenses":["MIT"]`), "wrong-type /components/0/licenses"},
		{component(`"licenses":{"id":"MIT"}`), "wrong-type /components/0/licenses"},
		{component(`"description":5`), "wrong-type /components/0/description"},
		{component(`"supplier":"Acme"`), "wrong-type /components/0/supplier"},
		{component(`"tags":[1]`), "wrong-type /components/0/tags"},
		{component(`"modified":"yes"`), "wrong-type /components/0/modified"},
		{component(`"scope":"maybe"`), "unknown-scope /components/0/scope"},
		{component(`"purl":"left-pad"`), "invalid-purl /components/0/purl"},
		{component(`"description":null,"hashes":null`), ""},
		{cdx(`"externalReferences":{}`), "wrong-type /externalReferences"},
		{cdx(`"metadata":{"licenses":"MIT"}`), "wrong-type /metadata/licenses"},
		{cdx(`"components":[{"type":"libary","name":"a","version":"1"}]`), "unknown-type /components/0/type"},
		{
			cdx(`"components":[{"type":"library","name":"a"},{"type":"file","name":"b"},{"type":"library","name":"c","purl":"pkg:npm/%40x/c@1?a=b@c"},{"type":"library","name":"d","purl":"pkg:npm/@x/d?e=f@1"}]`),
			"missing-component-version /components/0, missing-component-version /components/3",
		},
		{cdx(`"components":[{"type":"library","name":"a","version":"1","bom-ref":"a"},{"type":"library","name":"b","version":"1","bom-ref":"a"}]`), "duplicate-ref /components/1/bom-ref"},
		{cdx(`"components":[{"type":"library","name":"a","version":"1","bom-ref":"a"}],"services":[{"bom-ref":"a","name":"s"}]`), "duplicate-ref /services/0/bom-ref"},
		{cdx(`"dependencies":[{"ref":"a","dependsOn":["b"]}]`), "dangling-ref /dependencies/0/ref, dangling-ref /dependencies/0/dependsOn/0"},

		{pkg(`"checksums":[{"algorithm":"SHA256","checksumValue":"a"}],"filesAnalyzed":false`), ""},
		{pkg(`"checksums":[{"algorithm":"SHA-256","checksumValue":"a"}]`), "unknown-algorithm /packages/0/checksums"},
		{pkg(`"checksums":{}`), "wrong-type /packages/0/checksums"},
		{pkg(`"filesAnalyzed":"false"`), "wrong-type /packages/0/filesAnalyzed"},
		{pkg(`"licenseDeclared":["MIT"]`), "wrong-type /packages/0/licenseDeclared"},
		{pkg(`"primaryPackagePurpose":"LIBARY"`), "unknown-type /packages/0/primaryPackagePurpose"},
		{pkg(`"externalRefs":[{"referenceCategory":"PKG","referenceType":"purl","referenceLocator":"pkg:npm/a@1"}]`), "unknown-category /packages/0/externalRefs/0/referenceCategory"},
		{pkg(`"externalRefs":[{"referenceCategory":"OTHER","referenceType":"purl","referenceLocator":"a@1"}]`), "invalid-purl /packages/0/externalRefs/0/referenceLocator"},
		{spdx2(`"packages":[{"SPDXID":"SPDXRef-a","name":"a"}]`), "missing-component-version /packages/0"},
		{spdx2(`"packages":[{"SPDXID":"SPDXRef-a","name":"a","versionInfo":"1"},{"SPDXID":"SPDXRef-a","name":"b","versionInfo":"1"}]`), "duplicate-ref /packages/1/SPDXID"},
		{spdx2(`"annotations":"x"`), "wrong-type /annotations"},
		{relationship("SPDXRef-a", "CONTAINS", "SPDXRef-f"), ""},
		{relationship("SPDXRef-a", "contains", "SPDXRef-s"), ""},
		{relationship("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-a"), ""},
		{relationship("SPDXRef-a", "DEPENDS_ON", "NOASSERTION"), ""},
		{relationship("SPDXRef-a", "DEPENDS_ON", "DocumentRef-x:SPDXRef-y"), ""},
		{relationship("SPDXRef-a", "NEEDS", "SPDXRef-f"), "unknown-relationship /relationships/0/relationshipType"},
		{relationship("SPDXRef-a", "CONTAINS", "SPDXRef-gone"), "dangling-ref /relationships/0/relatedSpdxElement"},
		{relationship("SPDXRef-gone", "CONTAINS", "SPDXRef-a"), "dangling-ref /relationships/0/spdxElementId"},
		{`{"sbom":` + relationship("SPDXRef-gone", "CONTAINS", "SPDXRef-a") + `}`, "dangling-ref /sbom/relationships/0/spdxElementId"},
	} {
		head, err := detect.Scan([]byte(test.src), normalize.Limits{})
		if err != nil {
			t.Fatal(test.src, err)
		}
		format, err := detect.Detect(head, []normalize.Format{cyclonedx.JSON{}, spdx.JSON{}})
		if err != nil {
			t.Fatal(test.src, err)
		}
		doc, err := format.Normalize(normalize.Input{Bytes: []byte(test.src), Head: head})
		if err != nil {
			t.Errorf("%s: %v", test.src, err)
			continue
		}
		var got []string
		for _, w := range doc.Warnings {
			got = append(got, w.Code+" "+w.Pointer)
		}
		if s := strings.Join(got, ", "); s != test.want {
			t.Errorf("%s\n%v\nwant %s", test.src, doc.Warnings, test.want)
		}
	}
}

// TestWarningsAreCounted: what is not kept is counted, by code as far as that is kept.
func TestWarningsAreCounted(t *testing.T) {
	var doc normalize.Document
	for i := range 100 {
		doc.Warn("often", fmt.Sprint("/", i), "again")
	}
	for i := range 100 {
		doc.Warn(fmt.Sprint("code-", i%60), "", "once")
	}
	total := 0
	for _, w := range doc.Warnings {
		total += 1 + w.More
	}
	last := doc.Warnings[len(doc.Warnings)-1]
	often := slices.IndexFunc(doc.Warnings, func(w normalize.Warning) bool { return w.More > 0 })
	if len(doc.Warnings) != normalize.MaxWarnings+1 || doc.Warnings[often].More != 100-normalize.MaxAlike || doc.Warnings[often].Pointer != "/19" ||
		last.Code != normalize.MoreWarnings || total != 200 {
		t.Errorf("%d warnings, %d in all; the last %+v", len(doc.Warnings), total, last)
	}
}

func TestQuality(t *testing.T) {
	d := details(t, cycloneDX).Document
	want := normalize.Quality{Components: 5, Suppliers: 1, Names: 5, Versions: 2, Identifiers: 2, Relations: 4, Author: true, Timestamp: true}
	if got := d.Quality(); got != want {
		t.Errorf("CycloneDX: %+v\nwant %+v", got, want)
	}
	d = details(t, spdx23).Document
	want = normalize.Quality{Components: 3, Suppliers: 2, Names: 3, Versions: 1, Identifiers: 1, Relations: 3, Author: true, Timestamp: true}
	if got := d.Quality(); got != want {
		t.Errorf("SPDX: %+v\nwant %+v", got, want)
	}
	// Relationships may stand before the packages.
	d = details(t, `{"spdxVersion":"SPDX-2.3","relationships":[{"spdxElementId":"SPDXRef-a","relationshipType":"DEPENDS_ON","relatedSpdxElement":"SPDXRef-b"},
		{"spdxElementId":"SPDXRef-DOCUMENT","relationshipType":"DESCRIBES","relatedSpdxElement":"SPDXRef-c"}],
		"creationInfo":{"creators":["Tool: x-1"]},"packages":[{"SPDXID":"SPDXRef-a","name":"a"},{"SPDXID":"SPDXRef-b","name":"b"},{"SPDXID":"SPDXRef-c"}]}`).Document
	if want = (normalize.Quality{Components: 3, Names: 2, Relations: 2}); d.Quality() != want || d.Subject.From != "component" && d.Subject.Name != "" {
		t.Errorf("SPDX: %+v\nwant %+v", d.Quality(), want)
	}
}
