package normalize_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFormatsDocumented holds that docs/formats.md names every warning code and every
// reason for parking.
func TestFormatsDocumented(t *testing.T) {
	docs, err := os.ReadFile("../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	words := regexp.MustCompile(`(?:[wW]arn\(|Code: +)"([a-z-]+)"|Reason\w+ += "([a-z-]+)"`)
	found := 0
	err = filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		// Package purl has reasons of its own: why a package cannot be matched.
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "purl") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range words.FindAllStringSubmatch(string(source), -1) {
			found++
			if word := m[1] + m[2]; !strings.Contains(string(docs), "| `"+word+"` |") {
				t.Errorf("%s: %q has no line in a table of docs/formats.md", path, word)
			}
		}
		return err
	})
	if err != nil || found < 60 {
		t.Errorf("%d codes and reasons found: %v", found, err)
	}
}
