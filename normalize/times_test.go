package normalize_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/normalize"
	"sluice/normalize/csaf"
	"sluice/normalize/cyclonedx"
	"sluice/normalize/openvex"
)

// TestTimesDocumented holds the table of times in docs/formats.md: a document has all of the
// times that a row names, and loses them one by one from the left.
func TestTimesDocumented(t *testing.T) {
	docs, err := os.ReadFile("../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(docs), "\n### Times\n")
	formats := map[string]struct {
		format normalize.Format
		// document holds %NAME% for each time, in the order of the row.
		document string
		names    []string
	}{
		"CycloneDX": {
			cyclonedx.JSON{},
			`{"bomFormat":"CycloneDX","metadata":{"x":0%2%},"vulnerabilities":[{"id":"CVE-2024-1","analysis":{"state":"resolved"%0%%1%},"affects":[{"ref":"pkg:npm/a"}]}]}`,
			[]string{"analysis.lastUpdated", "analysis.firstIssued", "metadata.timestamp"},
		},
		"OpenVEX": {
			openvex.Format{},
			`{"@context":"https://openvex.dev/ns/v0.2.0","statements":[{"vulnerability":"CVE-2024-1","status":"fixed","products":["pkg:npm/a"]%0%%1%}]%2%%3%}`,
			[]string{"last_updated", "timestamp", "timestamp", "last_updated"},
		},
		"CSAF": {
			csaf.Format{},
			`{"document":{"csaf_version":"2.0","tracking":{"id":"A"%0%,"revision_history":[{"number":"1"%1%}]%2%}},"vulnerabilities":[{"cve":"CVE-2024-1","product_status":{"fixed":["P"]}}]}`,
			[]string{"current_release_date", "date", "initial_release_date"},
		},
	}
	for name, f := range formats {
		row := regexp.MustCompile(`(?m)^\| ` + name + ` \| (.*) \|$`).FindStringSubmatch(section)
		if row == nil {
			t.Errorf("%s has no row", name)
			continue
		}
		var documented []string
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			if m[1] != "revision_history" {
				documented = append(documented, m[1])
			}
		}
		if !slices.Equal(documented, f.names) {
			t.Errorf("%s: documented %q, tested %q", name, documented, f.names)
			continue
		}
		for lost := range len(f.names) + 1 {
			src := f.document
			var want time.Time
			for i, member := range f.names {
				value := ""
				if i >= lost {
					// The later in the row the older, but for OpenVEX's document, whose last update is the newest.
					at := time.Date(2024, time.Month(10-i), 1, 0, 0, 0, 0, time.UTC)
					if name == "OpenVEX" && i == 3 {
						at = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
					}
					if want.IsZero() {
						want = at
					}
					value = fmt.Sprintf(",%q:%q", member[strings.LastIndexByte(member, '.')+1:], at.Format(time.RFC3339))
				}
				src = strings.Replace(src, fmt.Sprintf("%%%d%%", i), value, 1)
			}
			doc, err := f.format.Normalize(normalize.Input{Bytes: []byte(src)})
			if err != nil || len(doc.Statements) != 1 {
				t.Fatal(name, err, src)
			}
			got := doc.Statements[0].Time
			if got.IsZero() {
				got = doc.Time
			}
			if !got.Equal(want) {
				t.Errorf("%s without the first %d: %v, want %v\n%s", name, lost, got, want, src)
			}
		}
	}
}
