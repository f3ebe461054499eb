package arch

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestShortIsNoted: what a test leaves out for -short is run in full by make rest, which finds the test
// by what brief.Run notes. deploy/image is a module of its own, which CI does not run.
func TestShortIsNoted(t *testing.T) {
	asks := []byte("testing." + "Short()")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		switch rel = filepath.ToSlash(rel); {
		case d.IsDir() && (rel == "deploy/image" || rel == "internal/test/brief" || strings.HasPrefix(d.Name(), ".git")):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(rel, ".go"):
			return nil
		}
		b, err := os.ReadFile(path)
		if err == nil && bytes.Contains(b, asks) {
			t.Errorf("%s asks testing by itself whether tests are short: brief.Run does, so that make rest runs the test in full", rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
