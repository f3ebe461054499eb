// Package testdocs is what the tests of the document formats share: it finds the
// real documents and their manifest, compares with golden files, and fuzzes.
//
// A format's tests are a few lines with it:
//
//	var read = testdocs.Reader(detect.Scan, mine.Format{})
//
//	func TestGolden(t *testing.T)         { testdocs.Golden(t, read) }
//	func TestRealDocuments(t *testing.T)  { testdocs.Real(t, read, nil, "My Format") }
//	func FuzzFormat(f *testing.F)         { testdocs.Fuzz(f, mine.Format{}, normalize.Limits{}, "testdata/*/doc.json", nil) }
//
// It imports no format and neither detect nor unwrap, whose own tests use it.
package testdocs

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Corpora is the folder of real documents, which is no part of the project:
// SLUICE_CORPORA, or shared/corpora beside the module. Without it the test is skipped.
func Corpora(tb testing.TB) string {
	tb.Helper()
	if dir := os.Getenv("SLUICE_CORPORA"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
			continue
		}
		found := filepath.Join(dir, "..", "shared", "corpora")
		if _, err := os.Stat(found); err == nil {
			return found
		}
	}
	tb.Skip("no real documents: set SLUICE_CORPORA to the folder that holds documents/MANIFEST.tsv")
	return ""
}

// Entry is a line of the manifest.
type Entry struct {
	Path     string // inside the documents folder
	File     string // where the document is
	Format   string // in the manifest's words: "CycloneDX JSON"
	Version  string // of the format, as the manifest has it
	Validity string // as the document's source states it: "valid", "invalid", "unknown"
}

// Manifest lists the real documents of the formats, all of them where none is named.
func Manifest(tb testing.TB, formats ...string) []Entry {
	tb.Helper()
	root := filepath.Join(Corpora(tb), "documents")
	f, err := os.Open(filepath.Join(root, "MANIFEST.tsv"))
	if err != nil {
		tb.Skipf("no manifest of real documents: %v", err)
	}
	defer f.Close()
	var entries []Entry
	lines := bufio.NewScanner(f)
	lines.Scan() // the names of the columns
	for lines.Scan() {
		column := strings.Split(lines.Text(), "\t")
		if len(column) < 6 || len(formats) > 0 && !slices.Contains(formats, column[3]) {
			continue
		}
		entries = append(entries, Entry{
			Path: column[1], File: filepath.Join(root, column[1]), Format: column[3], Version: column[4], Validity: column[5],
		})
	}
	if err := lines.Err(); err != nil {
		tb.Fatal(err)
	}
	if len(entries) == 0 {
		tb.Fatalf("the manifest lists no document of %q", formats)
	}
	return entries
}

// Read returns the bytes of the document.
func (e Entry) Read(tb testing.TB) []byte { return readFile(tb, e.File) }

func readFile(tb testing.TB, path string) []byte {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// SpecCase is a case of the test suites of the purl and VERS specifications.
type SpecCase struct {
	File        string          `json:"-"` // without its folder
	Description string          `json:"description"`
	Type        string          `json:"test_type"`
	Input       json.RawMessage `json:"input"`
	Output      json.RawMessage `json:"expected_output"`
	Failure     bool            `json:"expected_failure"`
}

// SpecCases reads the suites whose files match pattern, inside the documents folder.
func SpecCases(tb testing.TB, pattern string) []SpecCase {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(Corpora(tb), "documents", filepath.FromSlash(pattern)))
	if err != nil {
		tb.Fatal(err)
	}
	if len(files) == 0 {
		tb.Skipf("no test suites %s among the real documents", pattern)
	}
	var all []SpecCase
	for _, file := range files {
		var suite struct {
			Tests []SpecCase `json:"tests"`
		}
		if err := json.Unmarshal(readFile(tb, file), &suite); err != nil {
			tb.Fatalf("%s: %v", file, err)
		}
		for _, c := range suite.Tests {
			c.File = filepath.Base(file)
			all = append(all, c)
		}
	}
	return all
}
