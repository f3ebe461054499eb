// Package spdxspeed compares the decoder of SPDX JSON with the reference library for Go,
// which is no dependency of the program: hence a module of its own.
//
//	go test -bench . ./...
package spdxspeed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	spdxjson "github.com/spdx/tools-golang/json"

	"sluice/normalize"
	"sluice/normalize/spdx"
)

// document is one of about 5 MB, as a scanner writes them.
func document() []byte {
	type m = map[string]any
	var packages, files []m
	relationships := []m{{"spdxElementId": "SPDXRef-DOCUMENT", "relatedSpdxElement": "SPDXRef-Package-0", "relationshipType": "DESCRIBES"}}
	for i := range 2400 {
		id := fmt.Sprintf("SPDXRef-Package-%d", i)
		packages = append(packages, m{
			"SPDXID": id, "name": fmt.Sprintf("lib%d", i), "versionInfo": fmt.Sprintf("1.%d-2", i), "supplier": "Organization: Debian",
			"downloadLocation": "NOASSERTION", "filesAnalyzed": true, "licenseConcluded": "NOASSERTION",
			"licenseDeclared": "GPL-2.0-only AND LGPL-2.1-or-later", "copyrightText": "NOASSERTION",
			"packageVerificationCode": m{"packageVerificationCodeValue": fmt.Sprintf("%040x", i)},
			"externalRefs": []m{
				{"referenceCategory": "SECURITY", "referenceType": "cpe23Type", "referenceLocator": fmt.Sprintf("cpe:2.3:a:lib%d:lib%d:1.%d-2:*:*:*:*:*:*:*", i, i, i)},
				{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": fmt.Sprintf("pkg:deb/debian/lib%d@1.%d-2?arch=amd64", i, i)},
			},
		})
		for j := range 3 {
			file := fmt.Sprintf("SPDXRef-File-%d-%d", i, j)
			files = append(files, m{
				"SPDXID": file, "fileName": fmt.Sprintf("usr/lib/x86_64-linux-gnu/lib%d.so.%d", i, j), "fileTypes": []string{"BINARY"},
				"checksums":        []m{{"algorithm": "SHA1", "checksumValue": fmt.Sprintf("%040x", i)}, {"algorithm": "SHA256", "checksumValue": fmt.Sprintf("%064x", i)}},
				"licenseConcluded": "NOASSERTION", "copyrightText": "",
			})
			relationships = append(relationships, m{"spdxElementId": id, "relatedSpdxElement": file, "relationshipType": "CONTAINS"})
		}
	}
	src, err := json.Marshal(m{
		"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": "shop", "documentNamespace": "https://example.com/shop",
		"creationInfo": m{"created": "2025-02-03T04:05:06Z", "creators": []string{"Tool: none"}},
		"packages":     packages, "files": files, "relationships": relationships,
	})
	if err != nil {
		panic(err)
	}
	return src
}

func ours(src []byte) (int, error) {
	doc, err := spdx.JSON{}.Normalize(normalize.Input{Bytes: src})
	if err != nil {
		return 0, err
	}
	return len(doc.Components) + len(doc.Main), nil
}

func theirs(src []byte) (int, error) {
	doc, err := spdxjson.Read(bytes.NewReader(src))
	if err != nil {
		return 0, err
	}
	return len(doc.Packages), nil
}

// TestFaster holds that our decoder needs at most half the processor time of the library's,
// side by side, and memory that is reported.
func TestFaster(t *testing.T) {
	src := document()
	times := map[string][]time.Duration{}
	memory := map[string]uint64{}
	for range 7 {
		for name, read := range map[string]func([]byte) (int, error){"ours": ours, "tools-golang": theirs} {
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := processor(t)
			n, err := read(src)
			times[name] = append(times[name], processor(t)-start)
			runtime.ReadMemStats(&after)
			memory[name] = after.TotalAlloc - before.TotalAlloc
			if err != nil || n != 2400 {
				t.Fatalf("%s: %d packages, %v", name, n, err)
			}
		}
	}
	for name := range times {
		slices.Sort(times[name])
	}
	middle := func(name string) float64 { return times[name][len(times[name])/2].Seconds() }
	ratio, room := middle("tools-golang")/middle("ours"), float64(memory["tools-golang"])/float64(memory["ours"])
	t.Logf("%d bytes: tools-golang takes %.1f times the processor time and %.1f times the memory", len(src), ratio, room)
	if ratio < 2 {
		t.Errorf("tools-golang takes %.1f times the time, want at least 2", ratio)
	}
}

// processor is the time that the process has had of a processor: other work beside it does not count.
func processor(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
