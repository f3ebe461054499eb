package spdx_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"sluice/normalize"
	"sluice/normalize/spdx"
)

// generated is a document of about 5 MB, as a scanner writes them: packages,
// with files and relationships that take most of the room.
func generated() []byte { return generate(2400) }

func generate(n int) []byte {
	type m = map[string]any
	var packages, files, relationships []m
	relationships = append(relationships, m{"spdxElementId": "SPDXRef-DOCUMENT", "relatedSpdxElement": "SPDXRef-image", "relationshipType": "DESCRIBES"})
	packages = append(packages, m{"SPDXID": "SPDXRef-image", "name": "shop", "versionInfo": "4.5.6", "downloadLocation": "NOASSERTION"})
	for i := range n {
		id := fmt.Sprintf("SPDXRef-Package-deb-lib%d-%08x", i, i*7919)
		packages = append(packages, m{
			"SPDXID": id, "name": fmt.Sprintf("lib%d", i), "versionInfo": fmt.Sprintf("1.%d-2", i),
			"supplier": "Organization: Debian", "downloadLocation": "NOASSERTION", "filesAnalyzed": true,
			"sourceInfo": "acquired package info from DPKG DB: /var/lib/dpkg/status", "licenseConcluded": "NOASSERTION",
			"licenseDeclared": "GPL-2.0-only AND LGPL-2.1-or-later", "copyrightText": "NOASSERTION",
			"packageVerificationCode": m{"packageVerificationCodeValue": fmt.Sprintf("%040x", i)},
			"externalRefs": []m{
				{"referenceCategory": "SECURITY", "referenceType": "cpe23Type", "referenceLocator": fmt.Sprintf("cpe:2.3:a:lib%d:lib%d:1.%d-2:*:*:*:*:*:*:*", i, i, i)},
				{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": fmt.Sprintf("pkg:deb/debian/lib%d@1.%d-2?arch=amd64&distro=debian-12", i, i)},
			},
		})
		for j := range 3 {
			file := fmt.Sprintf("SPDXRef-File-usr-lib-%d-%d", i, j)
			files = append(files, m{
				"SPDXID": file, "fileName": fmt.Sprintf("usr/lib/x86_64-linux-gnu/lib%d.so.%d", i, j), "fileTypes": []string{"APPLICATION", "BINARY"},
				"checksums":        []m{{"algorithm": "SHA1", "checksumValue": fmt.Sprintf("%040x", i)}, {"algorithm": "SHA256", "checksumValue": fmt.Sprintf("%064x", i)}},
				"licenseConcluded": "NOASSERTION", "copyrightText": "",
			})
			relationships = append(relationships, m{"spdxElementId": id, "relatedSpdxElement": file, "relationshipType": "CONTAINS"})
		}
	}
	src, err := json.Marshal(m{
		"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": "shop",
		"documentNamespace": "https://example.com/shop", "creationInfo": m{"created": "2025-02-03T04:05:06Z", "creators": []string{"Tool: none"}},
		"packages": packages, "files": files, "relationships": relationships,
	})
	if err != nil {
		panic(err)
	}
	return src
}

func BenchmarkJSON(b *testing.B) {
	compact := generated()
	var indented bytes.Buffer
	if err := json.Indent(&indented, compact, "", "  "); err != nil {
		b.Fatal(err)
	}
	for name, src := range map[string][]byte{"compact": compact, "indented": indented.Bytes()} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				doc, err := spdx.JSON{}.Normalize(normalize.Input{Bytes: src})
				if err != nil || len(doc.Components) != 2400 || len(doc.Warnings) > 0 {
					b.Fatal(err)
				}
			}
		})
	}
}
