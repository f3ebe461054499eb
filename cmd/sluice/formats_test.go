package main

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/normalize"
	"sluice/normalize/detect"
)

// formatRow is what happened with the fixtures of one format.
type formatRow struct {
	documents int
	versions  map[string]bool
	kinds     map[string]bool
	refused   map[string]bool // "2.9: unsupported-version"
	stored    map[string]bool // what becomes rows
	asked     map[string]bool // what is read when somebody asks
}

// columns of the table, in its order.
var formatColumns = []string{
	"main component", "components", "purls", "CPEs", "statements", "facts", "scores", "exploited", "tools", "suppliers", "licences", "hashes", "references", "dependencies", "services",
}

// TestFormatsTable holds that the table in docs/formats.md is what happens with our fixtures: every
// normalize/PACKAGE/testdata/CASE/doc.* and those in normalize/detect/testdata/refused. A new format
// needs nothing but its fixtures; go test ./cmd/sluice -run TestFormatsTable -update writes the table.
func TestFormatsTable(t *testing.T) {
	rows := map[string]*formatRow{}
	row := func(name string) *formatRow {
		if rows[name] == nil {
			rows[name] = &formatRow{versions: map[string]bool{}, kinds: map[string]bool{}, refused: map[string]bool{}, stored: map[string]bool{}, asked: map[string]bool{}}
		}
		return rows[name]
	}
	for _, f := range formats() {
		row(f.Name())
	}
	var refused []string
	files, err := filepath.Glob("../../normalize/*/testdata/*/*")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d fixtures: %v", len(files), err)
	}
	for _, file := range files {
		isRefused := filepath.Base(filepath.Dir(file)) == "refused"
		if !strings.HasPrefix(filepath.Base(file), "doc.") && !isRefused {
			continue
		}
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		park, name := readFixture(src, row)
		switch {
		case park == nil && isRefused:
			t.Errorf("%s is read, as %s: it belongs into a folder of its own", file, name)
		case park != nil && isRefused:
			format := name
			if format == "" {
				format = "-"
			} else {
				rows[name].refused[filepath.Base(file)] = true
			}
			message, _, _ := strings.Cut(park.Err.Error(), "; supported are")
			refused = append(refused, fmt.Sprintf("| `%s` | %s | `%s` | %s |", filepath.Base(file), format, park.Reason, strings.ReplaceAll(message, "|", "\\|")))
		case park != nil && park.Reason == normalize.ReasonUnknownFormat:
			// What other tests than those of formats keep there.
		case park != nil:
			t.Errorf("%s: %v; what is refused goes to normalize/detect/testdata/refused", file, park)
		}
	}
	table := formatsTable(t, rows, refused)
	const file, begin, end = "../../docs/formats.md", "<!-- fixtures: go test ./cmd/sluice -run TestFormatsTable -update -->\n", "<!-- fixtures end -->"
	docs, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(docs), begin)
	old, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the table: %s … %s", file, begin, end)
	}
	if old == table {
		return
	}
	if flag.Lookup("update").Value.String() != "true" {
		t.Fatalf("%s does not say what happens with the fixtures; go test ./cmd/sluice -run TestFormatsTable -update writes:\n%s", file, table)
	}
	if err := os.WriteFile(file, []byte(before+begin+table+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// readFixture reads a document as an import does and notes what it gave.
func readFixture(src []byte, row func(string) *formatRow) (park *normalize.ParkError, format string) {
	head, err := detect.Scan(src, normalize.Limits{})
	if err == nil {
		var f normalize.Format
		if f, err = detect.Detect(head, formats()); err == nil {
			format = f.Name()
			var doc *normalize.Document
			if doc, err = f.Normalize(normalize.Input{Bytes: src, Head: head}); err == nil {
				note(row(format), doc)
				if d, err := detect.Details(normalize.Input{Bytes: src, Head: head}, formats()); err == nil {
					noteDetails(row(format), d)
				}
			}
		}
	}
	errors.As(err, &park)
	return park, format
}

func note(r *formatRow, d *normalize.Document) {
	r.documents++
	version := d.FormatVersion
	if version == "" {
		version = "unstated"
	}
	r.versions[version], r.kinds[string(d.Kind)] = true, true
	mark := func(what string, there bool) { r.stored[what] = r.stored[what] || there }
	mark("main component", len(d.Main) > 0)
	mark("components", len(d.Components) > 0)
	for _, c := range slices.Concat(d.Main, d.Components) {
		mark("purls", c.Purl != "")
		mark("CPEs", c.CPE != "")
	}
	mark("statements", len(d.Statements) > 0)
	mark("facts", len(d.Vulnerabilities) > 0)
	for _, v := range d.Vulnerabilities {
		mark("scores", v.Score >= 0)
	}
	if d.Feed != nil {
		mark("scores", len(d.Feed.Scores) > 0)
		mark("exploited", len(d.Feed.Exploited) > 0)
	}
	mark("tools", len(d.Tools) > 0)
	mark("suppliers", d.Stated.Suppliers > 0)
}

func noteDetails(r *formatRow, d *normalize.Details) {
	mark := func(what string, there bool) { r.asked[what] = r.asked[what] || there }
	for _, c := range d.Components {
		mark("suppliers", c.Supplier != "")
		mark("licences", len(c.Licenses) > 0)
		mark("hashes", len(c.Hashes) > 0)
		mark("references", len(c.References) > 0)
	}
	mark("dependencies", len(d.Edges) > 0)
	mark("services", len(d.Services) > 0)
}

func formatsTable(t *testing.T, rows map[string]*formatRow, refused []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n| format | fixtures | versions among them | kind | %s |\n|---|---|---|---|%s\n", strings.Join(formatColumns, " | "), strings.Repeat("---|", len(formatColumns)))
	list := func(m map[string]bool) string { return strings.Join(slices.Sorted(maps.Keys(m)), ", ") }
	for _, f := range formats() {
		r := rows[f.Name()]
		if r.documents == 0 {
			t.Errorf("%s has no fixture normalize/*/testdata/*/doc.* that is read", f.Name())
		}
		fmt.Fprintf(&b, "| `%s` | %d | %s | %s |", f.Name(), r.documents, list(r.versions), list(r.kinds))
		for _, c := range formatColumns {
			cell := ""
			switch {
			case c == "suppliers" && r.stored[c] && r.asked[c]:
				cell = "○" // counted in passing, kept nowhere
			case r.stored[c]:
				cell = "●"
			case r.asked[c]:
				cell = "○"
			}
			fmt.Fprintf(&b, " %s |", cell)
		}
		b.WriteString("\n")
	}
	b.WriteString("\n● becomes rows. ○ stays in the original and is read from it when somebody asks. Empty: none of the fixtures has it, or it is not read.\n")
	b.WriteString("\n| refused | format | reason | message |\n|---|---|---|---|\n")
	slices.Sort(refused)
	for _, line := range refused {
		b.WriteString(line + "\n")
	}
	b.WriteString("\n")
	return b.String()
}
