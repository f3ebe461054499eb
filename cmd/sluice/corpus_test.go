package main

import (
	"crypto/sha256"
	"encoding/csv"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/internal/test/brief"
	"sluice/internal/test/dbtest"
	"sluice/internal/test/testdocs"
	"sluice/normalize"
)

// readable are the formats of the corpus's manifest that Sluice reads.
var readable = map[string]bool{
	"CycloneDX JSON": true, "CycloneDX XML": true, "SPDX JSON": true, "OpenVEX": true, "CSAF": true, "OSV JSON": true, "OSV YAML": true, "OSV (array)": true,
	"CycloneDX textproto": true, "SPDX 3 JSON-LD": true, "SPDX tag-value": true, "SPDX YAML": true, "SPDX XML": true, "SPDX RDF/XML": true,
	"CVE JSON": true, "NVD API": true, "Go vuln report YAML": true, "CISA KEV": true, "EPSS CSV": true,
}

// TestCorpus imports a folder of real documents, whose manifest says what each is: every
// file is accounted for, what its source calls valid is accepted, the second import is all
// duplicates, and what is exported is what was imported.
//
// They are found as testdocs.Corpora finds them.
func TestCorpus(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("short: imports 2,500 documents twice")
	}
	dir := filepath.Join(testdocs.Corpora(t), "documents")
	db := dbtest.New(t)
	env := []string{"SLUICE_DATABASE_URL=" + db.URL}
	path := filepath.Join(t.TempDir(), "receipts.jsonl")
	args := []string{"ingest", "file", dir, "--tenant", "acme", "--create-tenant", "--output", "json", "--receipts", path}
	p := launch(t, env, args...)
	if got := p.finish(t, 20*time.Minute); got != 3 {
		t.Fatalf("status %d: %s", got, tail(p.err.String()))
	}
	t.Log(strings.TrimSpace(p.out.String()))

	receipts := map[string][]ingest.Receipt{} // by file
	for _, r := range readReceipts(t, path) {
		file, _, _ := strings.Cut(strings.TrimPrefix(r.Origin, dir+string(filepath.Separator)), "!/")
		receipts[file] = append(receipts[file], r)
		if r.Outcome == ingest.Parked && (r.Reason == "" || r.Message == "") {
			t.Errorf("%s is parked without a reason or a message", r.Origin)
		}
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && len(receipts[strings.TrimPrefix(path, dir+string(filepath.Separator))]) == 0 {
			t.Errorf("%s has no receipt", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	refused := map[string]int{}
	for _, row := range manifest(t, dir) {
		if !readable[row["format"]] {
			continue
		}
		for _, r := range receipts[row["path"]] {
			if r.Outcome != ingest.Parked {
				continue
			}
			switch {
			case row["expected_validity"] == "valid":
				t.Errorf("%s is valid %s %s, and parked: %s at %s: %s", r.Origin, row["format"], row["spec_version"], r.Reason, r.Pointer, r.Message)
			case r.Reason == normalize.ReasonUnknownFormat:
				refused[row["format"]]++ // schemas of the format, and documents made wrong on purpose
			default:
				t.Logf("%s (%s, %s) is parked: %s at %s: %.200s", r.Origin, row["format"], row["expected_validity"], r.Reason, r.Pointer, r.Message)
			}
		}
	}
	t.Logf("files of these formats that are not documents of them: %v", refused)

	first := len(readReceipts(t, path))
	p = launch(t, env, args...)
	if got := p.finish(t, 20*time.Minute); got != 0 {
		t.Errorf("the second import ends with status %d: %s", got, tail(p.err.String()))
	}
	again := readReceipts(t, path)
	if len(again) != first {
		t.Errorf("%d receipts of the second import, %d of the first", len(again), first)
	}
	slices.SortFunc(again, func(a, b ingest.Receipt) int { return strings.Compare(a.ContentHash, b.ContentHash) })
	exported := 0
	for i, r := range again {
		if r.Outcome != ingest.Duplicate {
			t.Errorf("%s is %s the second time", r.Origin, r.Outcome)
		}
		if i%40 != 0 || strings.HasPrefix(r.Reason, "parked") {
			continue
		}
		p := launch(t, env, "document", "export", r.ContentHash, "--tenant", "acme")
		if got := p.finish(t, time.Minute); got != 0 && strings.Contains(p.err.String(), "there is no document") {
			continue // says the same as another one, whose bytes were kept
		} else if got != 0 {
			t.Errorf("export %s: %s", r.ContentHash, p.err.String())
		} else if sum := fmt.Sprintf("sha256:%x", sha256.Sum256(p.out.Bytes())); sum != r.ContentHash {
			t.Errorf("%s: the export's hash is %s, want %s", r.Origin, sum, r.ContentHash)
		}
		exported++
	}
	t.Logf("%d documents exported", exported)
}

func manifest(t *testing.T, dir string) []map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "MANIFEST.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.LazyQuotes, r.FieldsPerRecord = '\t', true, -1
	all, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, cells := range all[1:] {
		row := map[string]string{}
		for i, name := range all[0] {
			if i < len(cells) {
				row[name] = cells[i]
			}
		}
		rows = append(rows, row)
	}
	return rows
}
