package spdx_test

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/normalize"
	"sluice/normalize/detect"
	"sluice/normalize/spdx"
)

// corpora finds the folder of real documents, which is no part of the project.
func corpora(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("SLUICE_CORPORA"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		candidate := filepath.Join(dir, "..", "shared", "corpora")
		if _, err := os.Stat(candidate); err == nil {
			return candidate
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Skip("no real documents here: set SLUICE_CORPORA to their folder")
		}
		dir = parent
	}
}

// entry is a line of the corpora's manifest.
type entry struct{ path, format, version, validity string }

func manifest(t testing.TB, formats ...string) (entries []entry) {
	t.Helper()
	dir := filepath.Join(corpora(t), "documents")
	f, err := os.Open(filepath.Join(dir, "MANIFEST.tsv"))
	if err != nil {
		t.Skipf("no manifest of real documents: %v", err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		field := strings.Split(lines.Text(), "\t")
		if len(field) < 6 {
			continue
		}
		for _, format := range formats {
			if field[3] == format {
				entries = append(entries, entry{filepath.Join(dir, field[1]), format, field[4], field[5]})
			}
		}
	}
	return entries
}

// normalizeBytes goes the way of the pipeline: Scan, Detect, Normalize.
func normalizeBytes(src []byte) (*normalize.Document, error) {
	limits := normalize.DefaultLimits
	head, err := detect.Scan(src, limits)
	if err != nil {
		return nil, err
	}
	for _, f := range []normalize.Format{spdx.JSON{}} {
		if f.Detect(head) {
			return f.Normalize(normalize.Input{Bytes: src, Head: head, Limits: limits})
		}
	}
	return nil, normalize.Park(normalize.ReasonUnknownFormat, "", "not SPDX")
}

func TestCorpus(t *testing.T) {
	accepted, parked := map[string]int{}, map[string]int{}
	for _, e := range manifest(t, "SPDX JSON") {
		src, err := os.ReadFile(e.path)
		if err != nil {
			t.Errorf("%s: %v", e.path, err)
			continue
		}
		doc, err := normalizeBytes(src)
		if err == nil {
			accepted[e.format+" "+e.validity]++
			if doc.FormatVersion != e.version && e.validity == "valid" {
				t.Errorf("%s: version %q, want %q", e.path, doc.FormatVersion, e.version)
			}
			if e.validity == "valid" {
				for _, w := range doc.Warnings {
					if w.Code == "wrong-type" {
						t.Errorf("%s is valid, yet: %v", e.path, w)
					}
				}
			}
			continue
		}
		park, ok := errors.AsType[*normalize.ParkError](err)
		if !ok {
			t.Errorf("%s: %v is no ParkError", e.path, err)
			continue
		}
		parked[e.format+" "+e.validity+" "+park.Reason]++
		t.Logf("parked: %s (%s): %v", strings.TrimPrefix(e.path, corpora(t)), e.validity, err)
		if e.validity == "valid" {
			t.Errorf("%s is valid, yet parked: %v", e.path, err)
		}
	}
	t.Logf("accepted: %v", accepted)
	t.Logf("parked: %v", parked)
}
