package spdx_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"sluice/normalize"
	"sluice/normalize/detect"
	"sluice/normalize/spdx"
)

// notation is a document in one notation.
type notation struct {
	format normalize.Format
	src    []byte
}

// notations are a document of generate in every notation.
func notations(tb testing.TB, packages int) []notation {
	tb.Helper()
	var doc map[string]any
	src := generate(packages)
	if err := json.Unmarshal(src, &doc); err != nil {
		tb.Fatal(err)
	}
	return []notation{
		{spdx.JSON{}, src},
		{spdx.TagValue{}, asTagValue(doc)},
		{spdx.YAML{}, asYAML(doc)},
		{spdx.XML{}, asXML(doc)},
		{spdx.RDF{}, asRDF(doc)},
		{spdx.JSONLD{}, asGraph(doc)},
	}
}

func list(o map[string]any, name string) (all []map[string]any) {
	values, _ := o[name].([]any)
	for _, v := range values {
		all = append(all, v.(map[string]any))
	}
	return all
}

func asTagValue(doc map[string]any) []byte {
	var b bytes.Buffer
	creation := doc["creationInfo"].(map[string]any)
	fmt.Fprintf(&b, "SPDXVersion: %s\nDataLicense: %s\nSPDXID: %s\nDocumentName: %s\nDocumentNamespace: %s\nCreator: %s\nCreated: %s\n",
		doc["spdxVersion"], doc["dataLicense"], doc["SPDXID"], doc["name"], doc["documentNamespace"], creation["creators"].([]any)[0], creation["created"])
	for _, f := range list(doc, "files") { // in front of the packages they would be inside of no package
		fmt.Fprintf(&b, "\nFileName: %s\nSPDXID: %s\nLicenseConcluded: %s\n", f["fileName"], f["SPDXID"], f["licenseConcluded"])
		for _, t := range f["fileTypes"].([]any) {
			fmt.Fprintf(&b, "FileType: %s\n", t)
		}
		for _, c := range list(f, "checksums") {
			fmt.Fprintf(&b, "FileChecksum: %s: %s\n", c["algorithm"], c["checksumValue"])
		}
	}
	for _, p := range list(doc, "packages") {
		fmt.Fprintf(&b, "\nPackageName: %s\nSPDXID: %s\n", p["name"], p["SPDXID"])
		for tag, member := range map[string]string{
			"PackageVersion": "versionInfo", "PackageSupplier": "supplier", "PackageDownloadLocation": "downloadLocation", "FilesAnalyzed": "filesAnalyzed",
			"PackageSourceInfo": "sourceInfo", "PackageLicenseConcluded": "licenseConcluded", "PackageLicenseDeclared": "licenseDeclared", "PackageCopyrightText": "copyrightText",
		} {
			if v, ok := p[member]; ok {
				fmt.Fprintf(&b, "%s: %v\n", tag, v)
			}
		}
		if v, ok := p["packageVerificationCode"].(map[string]any); ok {
			fmt.Fprintf(&b, "PackageVerificationCode: %s\n", v["packageVerificationCodeValue"])
		}
		for _, r := range list(p, "externalRefs") {
			fmt.Fprintf(&b, "ExternalRef: %s %s %s\n", r["referenceCategory"], r["referenceType"], r["referenceLocator"])
		}
	}
	for _, r := range list(doc, "relationships") {
		fmt.Fprintf(&b, "Relationship: %s %s %s\n", r["spdxElementId"], r["relationshipType"], r["relatedSpdxElement"])
	}
	return b.Bytes()
}

func asYAML(v any) []byte {
	var b bytes.Buffer
	var object func(o map[string]any, indent string)
	object = func(o map[string]any, indent string) {
		first := true
		for name, v := range o {
			if !first {
				b.WriteString(indent)
			}
			first = false
			switch v := v.(type) {
			case map[string]any:
				fmt.Fprintf(&b, "%s:\n%s  ", name, indent)
				object(v, indent+"  ")
			case []any:
				fmt.Fprintf(&b, "%s:\n", name)
				for _, e := range v {
					b.WriteString(indent + "- ")
					if o, ok := e.(map[string]any); ok {
						object(o, indent+"  ")
					} else {
						fmt.Fprintf(&b, "%q\n", e)
					}
				}
			case string:
				fmt.Fprintf(&b, "%s: %q\n", name, v)
			default:
				fmt.Fprintf(&b, "%s: %v\n", name, v)
			}
		}
	}
	object(v.(map[string]any), "")
	return b.Bytes()
}

func asXML(doc map[string]any) []byte {
	var b bytes.Buffer
	var element func(name string, v any)
	element = func(name string, v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				element(name, e)
			}
		case map[string]any:
			fmt.Fprintf(&b, "<%s>\n", name)
			for name, v := range v {
				element(name, v)
			}
			fmt.Fprintf(&b, "</%s>\n", name)
		default:
			fmt.Fprintf(&b, "<%s>", name)
			_ = xml.EscapeText(&b, fmt.Append(nil, v))
			fmt.Fprintf(&b, "</%s>\n", name)
		}
	}
	element("Document", doc)
	return b.Bytes()
}

func asRDF(doc map[string]any) []byte {
	var b bytes.Buffer
	text := func(name string, v any) {
		if v != nil {
			fmt.Fprintf(&b, "    <spdx:%s>", name)
			_ = xml.EscapeText(&b, fmt.Append(nil, v))
			fmt.Fprintf(&b, "</spdx:%s>\n", name)
		}
	}
	word := func(name, kind string, v any) {
		fmt.Fprintf(&b, "    <spdx:%s rdf:resource=\"http://spdx.org/rdf/terms#%s_%s\"/>\n", name, kind, v)
	}
	checksums := func(o map[string]any) {
		for _, c := range list(o, "checksums") {
			b.WriteString("    <spdx:checksum><spdx:Checksum>\n")
			word("algorithm", "checksumAlgorithm", strings.ToLower(c["algorithm"].(string)))
			text("checksumValue", c["checksumValue"])
			b.WriteString("    </spdx:Checksum></spdx:checksum>\n")
		}
	}
	camel := map[string]string{"CONTAINS": "contains", "DESCRIBES": "describes", "PACKAGE-MANAGER": "packageManager", "SECURITY": "security", "APPLICATION": "application", "BINARY": "binary"}
	relations := map[string][]map[string]any{}
	for _, r := range list(doc, "relationships") {
		from := r["spdxElementId"].(string)
		relations[from] = append(relations[from], r)
	}
	related := func(id any) {
		for _, r := range relations[id.(string)] {
			b.WriteString("    <spdx:relationship><spdx:Relationship>\n")
			word("relationshipType", "relationshipType", camel[r["relationshipType"].(string)])
			fmt.Fprintf(&b, "    <spdx:relatedSpdxElement rdf:resource=\"https://example.com/shop#%s\"/>\n    </spdx:Relationship></spdx:relationship>\n", r["relatedSpdxElement"])
		}
	}
	b.WriteString("<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" xmlns:spdx=\"http://spdx.org/rdf/terms#\">\n")
	fmt.Fprintf(&b, "  <spdx:SpdxDocument rdf:about=\"https://example.com/shop#%s\">\n", doc["SPDXID"])
	text("specVersion", doc["spdxVersion"])
	text("name", doc["name"])
	b.WriteString("    <spdx:dataLicense rdf:resource=\"http://spdx.org/licenses/CC0-1.0\"/>\n    <spdx:creationInfo><spdx:CreationInfo>\n")
	creation := doc["creationInfo"].(map[string]any)
	text("created", creation["created"])
	text("creator", creation["creators"].([]any)[0])
	b.WriteString("    </spdx:CreationInfo></spdx:creationInfo>\n")
	related(doc["SPDXID"])
	b.WriteString("  </spdx:SpdxDocument>\n")
	for _, p := range list(doc, "packages") {
		fmt.Fprintf(&b, "  <spdx:Package rdf:about=\"https://example.com/shop#%s\">\n", p["SPDXID"])
		for _, name := range []string{"name", "versionInfo", "supplier", "downloadLocation", "filesAnalyzed", "sourceInfo", "copyrightText"} {
			text(name, p[name])
		}
		if v, ok := p["packageVerificationCode"].(map[string]any); ok {
			b.WriteString("    <spdx:packageVerificationCode><spdx:PackageVerificationCode>\n")
			text("packageVerificationCodeValue", v["packageVerificationCodeValue"])
			b.WriteString("    </spdx:PackageVerificationCode></spdx:packageVerificationCode>\n")
		}
		if p["licenseDeclared"] != nil {
			b.WriteString("    <spdx:licenseConcluded rdf:resource=\"http://spdx.org/rdf/terms#noassertion\"/>\n    <spdx:licenseDeclared><spdx:ConjunctiveLicenseSet>\n")
			for license := range strings.SplitSeq(p["licenseDeclared"].(string), " AND ") {
				fmt.Fprintf(&b, "      <spdx:member rdf:resource=\"http://spdx.org/licenses/%s\"/>\n", license)
			}
			b.WriteString("    </spdx:ConjunctiveLicenseSet></spdx:licenseDeclared>\n")
		}
		for _, r := range list(p, "externalRefs") {
			b.WriteString("    <spdx:externalRef><spdx:ExternalRef>\n")
			word("referenceCategory", "referenceCategory", camel[r["referenceCategory"].(string)])
			fmt.Fprintf(&b, "    <spdx:referenceType rdf:resource=\"http://spdx.org/rdf/references/%s\"/>\n", r["referenceType"])
			text("referenceLocator", r["referenceLocator"])
			b.WriteString("    </spdx:ExternalRef></spdx:externalRef>\n")
		}
		related(p["SPDXID"])
		b.WriteString("  </spdx:Package>\n")
	}
	for _, f := range list(doc, "files") {
		fmt.Fprintf(&b, "  <spdx:File rdf:about=\"https://example.com/shop#%s\">\n", f["SPDXID"])
		text("fileName", f["fileName"])
		for _, t := range f["fileTypes"].([]any) {
			word("fileType", "fileType", camel[t.(string)])
		}
		checksums(f)
		b.WriteString("    <spdx:licenseConcluded rdf:resource=\"http://spdx.org/rdf/terms#noassertion\"/>\n  </spdx:File>\n")
	}
	b.WriteString("</rdf:RDF>\n")
	return b.Bytes()
}

// asGraph is the same build in SPDX 3.
func asGraph(doc map[string]any) []byte {
	type m = map[string]any
	id := func(s any) string { return "https://example.com/shop#" + s.(string) }
	creation := doc["creationInfo"].(m)
	graph := []m{
		{"type": "CreationInfo", "@id": "_:c", "specVersion": "3.0.1", "created": creation["created"], "createdBy": []string{id("me")}},
		{"type": "SpdxDocument", "spdxId": id(doc["SPDXID"]), "creationInfo": "_:c", "name": doc["name"], "rootElement": []string{id("SPDXRef-image")}},
		{"type": "Organization", "spdxId": id("me"), "creationInfo": "_:c", "name": "none"},
	}
	for _, p := range list(doc, "packages") {
		o := m{
			"type": "software_Package", "spdxId": id(p["SPDXID"]), "creationInfo": "_:c", "name": p["name"], "software_packageVersion": p["versionInfo"],
			"software_sourceInfo": p["sourceInfo"], "software_downloadLocation": p["downloadLocation"], "software_copyrightText": p["copyrightText"],
		}
		var ids []m
		for _, r := range list(p, "externalRefs") {
			kind := "packageUrl"
			if r["referenceType"] == "cpe23Type" {
				kind = "cpe23"
			}
			ids = append(ids, m{"type": "ExternalIdentifier", "externalIdentifierType": kind, "identifier": r["referenceLocator"]})
		}
		if ids != nil {
			o["externalIdentifier"] = ids
		}
		graph = append(graph, o)
	}
	for _, f := range list(doc, "files") {
		var sums []m
		for _, c := range list(f, "checksums") {
			sums = append(sums, m{"type": "Hash", "algorithm": strings.ToLower(c["algorithm"].(string)), "hashValue": c["checksumValue"]})
		}
		graph = append(graph, m{"type": "software_File", "spdxId": id(f["SPDXID"]), "creationInfo": "_:c", "name": f["fileName"], "verifiedUsing": sums})
	}
	for i, r := range list(doc, "relationships") {
		graph = append(graph, m{
			"type": "Relationship", "spdxId": id(fmt.Sprintf("r%d", i)), "creationInfo": "_:c", "from": id(r["spdxElementId"]),
			"to": []string{id(r["relatedSpdxElement"])}, "relationshipType": strings.ToLower(r["relationshipType"].(string)),
		})
	}
	src, err := json.Marshal(m{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": graph})
	if err != nil {
		panic(err)
	}
	return src
}

// TestNotations reads a document as a scanner writes them in all notations: the same
// packages, and but for SPDX 3 the same meaning.
func TestNotations(t *testing.T) {
	var first *normalize.Document
	var meaning [32]byte
	for _, n := range notations(t, 200) {
		doc, err := read(n.src)
		if err != nil {
			t.Errorf("%s: %v", n.format.Name(), err)
			continue
		}
		if doc.Format != n.format.Name() || len(doc.Warnings) > 0 {
			t.Errorf("%s is read as %s: %v", n.format.Name(), doc.Format, doc.Warnings)
		}
		json := doc.JSON
		if json == nil {
			json = n.src
		}
		if first == nil {
			first, meaning = doc, hash(t, spdx.JSON{}, json)
			continue
		}
		if len(doc.Components) != len(first.Components) || doc.Subject != first.Subject {
			t.Errorf("%s: %d components of %+v, want %d of %+v", doc.Format, len(doc.Components), doc.Subject, len(first.Components), first.Subject)
			continue
		}
		for i, c := range doc.Components {
			want := first.Components[i]
			if c.Name != want.Name || c.Version != want.Version || c.Purl != want.Purl || c.CPE != want.CPE {
				t.Errorf("%s: %+v, want %+v", doc.Format, c, want)
				break
			}
		}
		if doc.Format != "spdx3-json" && hash(t, n.format, json) != meaning {
			t.Errorf("%s means something else", doc.Format)
		}
	}
}

// BenchmarkNotations reads one document in each notation; what is told apart is the time for
// one component.
func BenchmarkNotations(b *testing.B) {
	for _, n := range notations(b, 2400) {
		b.Run(n.format.Name(), func(b *testing.B) {
			b.SetBytes(int64(len(n.src)))
			b.ReportAllocs()
			for b.Loop() {
				doc, err := n.format.Normalize(normalize.Input{Bytes: n.src})
				if err != nil || len(doc.Components) != 2400 {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/2400, "ns/component")
		})
	}
}

// BenchmarkMeaning takes the meaning hash, with the form that is compared and without.
func BenchmarkMeaning(b *testing.B) {
	src := generated()
	plain := *normalize.MeaningOf(spdx.JSON{})
	plain.Form = nil
	for name, m := range map[string]*normalize.Meaning{"plain": &plain, "form": normalize.MeaningOf(spdx.JSON{})} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				if _, err := detect.MeaningHash(src, m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
