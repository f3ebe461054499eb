package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../../.."

// section returns the text of a document below a heading, up to the next of its level.
func section(t *testing.T, doc, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(doc, "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("docs/architecture.md has no section %q", heading)
	}
	text, _, _ := strings.Cut(rest, "\n## ")
	return text
}

func architecture(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestRoomsDocumented holds that docs/architecture.md shows the packages that there are.
func TestRoomsDocumented(t *testing.T) {
	shown := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z/]+)` \\| ").FindAllStringSubmatch(section(t, architecture(t), "Rooms"), -1) {
		if shown[row[1]] {
			t.Errorf("docs/architecture.md shows %s twice", row[1])
		}
		shown[row[1]] = true
	}
	for _, p := range packages(t) {
		room := strings.TrimPrefix(p.ImportPath, module+"/")
		if !shown[room] {
			t.Errorf("docs/architecture.md, section Rooms, does not show %s: add a row that says what it is for", room)
		}
		delete(shown, room)
	}
	for room := range shown {
		t.Errorf("docs/architecture.md, section Rooms, shows %s, which is no package", room)
	}
}

// step is a file of a walk.
var step = regexp.MustCompile("(?m)^\\d+\\. `([a-z0-9_/.]+\\.(?:go|sql))`")

// TestWalks: the two walks lead from the bytes to the rows and from the rows to the finding,
// through files that exist, and back to none that they have left.
func TestWalks(t *testing.T) {
	doc := architecture(t)
	for heading, ends := range map[string][2]string{
		"The walk of a document's bytes": {"ingest/files/files.go", "ingest/doubt.go"},
		"The walk of a purl":             {"normalize/purl/purl.go", "inventory/findings.go"},
	} {
		var files []string
		seen := map[string]bool{}
		for _, m := range step.FindAllStringSubmatch(section(t, doc, heading), -1) {
			if seen[m[1]] {
				t.Errorf("%s: it comes back to %s", heading, m[1])
			}
			seen[m[1]] = true
			files = append(files, m[1])
		}
		if len(files) < 8 || files[0] != ends[0] || files[len(files)-1] != ends[1] {
			t.Errorf("%s: it leads from %s to %s, but has %v", heading, ends[0], ends[1], files)
		}
	}
}

// file is a mention of a file of ours: it has a folder, and the name of source code.
var file = regexp.MustCompile("`([a-z][a-z0-9_]*(?:/[a-z0-9_]+)+\\.(?:go|sql|md|yml|txtar))`")

// imagined are files that the documentation speaks of and that are not ours to have.
var imagined = []string{"normalize/snapshot/", "doc/pg_partman.md"} // the format that adding-a-format.md adds; another project's manual

// TestFilesOfDocs: every file of ours that the documentation names exists. Design notes
// tell of their day and may name what is gone.
func TestFilesOfDocs(t *testing.T) {
	docs, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(docs) < 10 {
		t.Fatalf("%v, %v", docs, err)
	}
	for _, doc := range append(docs, filepath.Join(root, "README.md")) {
		b, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range file.FindAllStringSubmatch(string(b), -1) {
			if slices.ContainsFunc(imagined, func(prefix string) bool { return strings.HasPrefix(m[1], prefix) }) {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(m[1]))); err != nil {
				t.Errorf("%s names %s, which is not there", filepath.Base(doc), m[1])
			}
		}
	}
}
