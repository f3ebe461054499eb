package grid

import (
	"strings"
	"testing"
)

// TestTable: whole without a width, cut in the middle of long names with one, and nothing that a terminal obeys.
func TestTable(t *testing.T) {
	t.Parallel()
	table := func(width int) string {
		var b strings.Builder
		g := New(&b, []string{"vuln", "package"}, width, "package")
		for _, row := range [][]string{{"CVE-1", "pkg:npm/a@1"}, {"CVE-22", "pkg:npm/a-very-long-name\x1b[31m@4.17.20"}} {
			if err := g.Add(row...); err != nil {
				t.Fatal(err)
			}
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	if got, want := table(0), "VULN    PACKAGE\nCVE-1   pkg:npm/a@1\nCVE-22  pkg:npm/a-very-long-name\uFFFD[31m@4.17.20\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := table(28), "VULN    PACKAGE\nCVE-1   pkg:npm/a@1\nCVE-22  pkg:npm/a-…m@4.17.20\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	var b strings.Builder
	if err := New(&b, []string{"a"}, 0).Close(); err != nil || b.String() != "" {
		t.Errorf("%q, %v", b.String(), err)
	}
}

// TestMarkdown: what a name has is text, and no markup.
func TestMarkdown(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	m := NewMarkdown(&b, []string{"name"})
	if err := m.Add("a|b<script>*_\n"); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), "| name |\n|---|\n| a\\|b&lt;script&gt;\\*\\_  |\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
