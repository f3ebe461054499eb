package cyclonedx_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"sluice/normalize"
	"sluice/normalize/cyclonedx"
)

// generated is a BOM of about 5 MB, as a scanner writes them: hashes, licences,
// references and properties around the few members that are read.
func generated() *cdx.BOM {
	const count = 4000
	bom := cdx.NewBOM()
	bom.SpecVersion = cdx.SpecVersion1_6
	bom.JSONSchema, bom.XMLNS = "http://cyclonedx.org/schema/bom-1.6.schema.json", "http://cyclonedx.org/schema/bom/1.6"
	bom.SerialNumber = "urn:uuid:7b5ae1a3-30e0-4f64-8dd4-0a1b2c3d4e5f"
	bom.Metadata = &cdx.Metadata{
		Timestamp: "2025-02-03T04:05:06Z",
		Component: &cdx.Component{BOMRef: "app", Type: cdx.ComponentTypeApplication, Name: "shop", Version: "4.5.6"},
	}
	var components []cdx.Component
	var dependencies []cdx.Dependency
	for i := range count {
		purl := fmt.Sprintf("pkg:npm/%%40acme/module-%d@1.%d.0", i, i%97)
		components = append(components, cdx.Component{
			BOMRef: purl, Type: cdx.ComponentTypeLibrary, Group: "@acme", Name: fmt.Sprintf("module-%d", i),
			Version: fmt.Sprintf("1.%d.0", i%97), PackageURL: purl, Scope: cdx.ScopeRequired,
			CPE:         fmt.Sprintf("cpe:2.3:a:acme:module-%d:1.%d.0:*:*:*:*:*:*:*", i, i%97),
			Description: "A module that does one thing, and does it with a description of some length.",
			Hashes: &[]cdx.Hash{
				{Algorithm: cdx.HashAlgoSHA256, Value: fmt.Sprintf("%064x", i)},
				{Algorithm: cdx.HashAlgoSHA512, Value: fmt.Sprintf("%0128x", i)},
			},
			Licenses: &cdx.Licenses{{License: &cdx.License{ID: "Apache-2.0", URL: "https://www.apache.org/licenses/LICENSE-2.0"}}},
			ExternalReferences: &[]cdx.ExternalReference{
				{Type: cdx.ERTypeVCS, URL: fmt.Sprintf("https://git.example.com/acme/module-%d.git", i)},
				{Type: cdx.ERTypeDistribution, URL: fmt.Sprintf("https://npm.example.com/@acme/module-%d/-/module-%d.tgz", i, i)},
			},
			Properties: &[]cdx.Property{
				{Name: "scanner:package:foundBy", Value: "javascript-lock-cataloger"},
				{Name: "scanner:package:language", Value: "javascript"},
				{Name: "scanner:location:0:path", Value: fmt.Sprintf("/srv/app/node_modules/@acme/module-%d/package.json", i)},
			},
		})
		on := []string{fmt.Sprintf("pkg:npm/%%40acme/module-%d@1.%d.0", (i+1)%count, (i+1)%count%97)}
		dependencies = append(dependencies, cdx.Dependency{Ref: purl, Dependencies: &on})
	}
	bom.Components, bom.Dependencies = &components, &dependencies
	return bom
}

func BenchmarkJSON(b *testing.B) {
	var compact bytes.Buffer
	if err := cdx.NewBOMEncoder(&compact, cdx.BOMFileFormatJSON).Encode(generated()); err != nil {
		b.Fatal(err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, compact.Bytes(), "", "  "); err != nil {
		b.Fatal(err)
	}
	b.Run("compact", func(b *testing.B) { bench(b, cyclonedx.JSON{}, compact.Bytes()) })
	b.Run("indented", func(b *testing.B) { bench(b, cyclonedx.JSON{}, indented.Bytes()) })
}

func BenchmarkXML(b *testing.B) {
	var src bytes.Buffer
	if err := cdx.NewBOMEncoder(&src, cdx.BOMFileFormatXML).Encode(generated()); err != nil {
		b.Fatal(err)
	}
	bench(b, cyclonedx.XML{}, src.Bytes())
}

func bench(b *testing.B, f normalize.Format, src []byte) {
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		doc, err := f.Normalize(normalize.Input{Bytes: src})
		if err != nil || len(doc.Components) == 0 || len(doc.Warnings) > 0 {
			b.Fatal(err, doc)
		}
	}
}

func BenchmarkLibrary(b *testing.B) {
	var src bytes.Buffer
	if err := cdx.NewBOMEncoder(&src, cdx.BOMFileFormatJSON).Encode(generated()); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(src.Len()))
	b.ReportAllocs()
	for b.Loop() {
		var bom cdx.BOM
		if err := cdx.NewBOMDecoder(bytes.NewReader(src.Bytes()), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
			b.Fatal(err)
		}
	}
}

// text is the BOM of the benchmarks as text protobuf.
func text() []byte {
	bom := generated()
	var b bytes.Buffer
	q := func(s string) string { return fmt.Sprintf("%q", s) }
	b.WriteString("spec_version: \"1.6\"\nversion: 1\nmetadata { component { type: CLASSIFICATION_APPLICATION bom_ref: \"app\" name: \"shop\" version: \"4.5.6\" } }\n")
	for _, c := range *bom.Components {
		b.WriteString("components {\n  type: CLASSIFICATION_LIBRARY\n  bom_ref: " + q(c.BOMRef) + "\n  group: " + q(c.Group) + "\n  name: " + q(c.Name) + "\n  version: " + q(c.Version) +
			"\n  description: " + q(c.Description) + "\n  scope: SCOPE_REQUIRED\n")
		for i, h := range *c.Hashes {
			b.WriteString("  hashes { alg: " + []string{"HASH_ALG_SHA_256", "HASH_ALG_SHA_512"}[i] + " value: " + q(h.Value) + " }\n")
		}
		b.WriteString("  licenses { license { id: \"Apache-2.0\" url: \"https://www.apache.org/licenses/LICENSE-2.0\" } }\n  cpe: " + q(c.CPE) + "\n  purl: " + q(c.PackageURL) + "\n")
		for i, r := range *c.ExternalReferences {
			b.WriteString("  external_references { type: " + []string{"EXTERNAL_REFERENCE_TYPE_VCS", "EXTERNAL_REFERENCE_TYPE_DISTRIBUTION"}[i] + " url: " + q(r.URL) + " }\n")
		}
		for _, p := range *c.Properties {
			b.WriteString("  properties { name: " + q(p.Name) + " value: " + q(p.Value) + " }\n")
		}
		b.WriteString("}\n")
	}
	for _, d := range *bom.Dependencies {
		b.WriteString("dependencies { ref: " + q(d.Ref) + " dependencies { ref: " + q((*d.Dependencies)[0]) + " } }\n")
	}
	return b.Bytes()
}

// BenchmarkProtobuf is both forms of the BOM that BenchmarkJSON reads.
func BenchmarkProtobuf(b *testing.B) {
	src := text()
	b.Run("text", func(b *testing.B) { bench(b, cyclonedx.TextProto{}, src) })
	wire, err := cyclonedx.BinaryForm(src)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("binary", func(b *testing.B) { bench(b, cyclonedx.Protobuf{}, wire) })
}
