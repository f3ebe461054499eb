package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/internal/test/brief"
)

// shellBlock finds the shell text of a page; of transcripts only what stands behind a prompt.
var shellBlock = regexp.MustCompile("(?ms)^ *```(sh|bash|console)\n(.*?)^ *```")

// TestCommandsOfPages: whatever command of ours a page shows, there is one, with these flags and so many
// arguments.
func TestCommandsOfPages(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("short: builds the tree of commands for every line")
	}
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	notes, err := filepath.Glob("../../fixtures/*.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, page := range slices.Concat(pages, notes, []string{"../../README.md"}) {
		raw, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range shellBlock.FindAllStringSubmatch(string(raw), -1) {
			text := block[2]
			if block[1] == "console" {
				text = prompted(text)
			}
			for _, words := range shellScript(text) {
				if words[0] != "sluice" {
					continue
				}
				seen++
				if err := readLine(withoutDots(words[1:])); err != nil {
					t.Errorf("%s: %s: %v", page, strings.Join(words, " "), err)
				}
			}
		}
	}
	if seen < 150 {
		t.Errorf("only %d commands: the test is blind", seen)
	}
}

// prompted is what was typed in a transcript: what follows a $, and the lines that go on with it.
func prompted(text string) string {
	var out strings.Builder
	more := false
	for line := range strings.Lines(text) {
		typed, ok := strings.CutPrefix(strings.TrimLeft(line, " "), "$ ")
		if !ok && !more {
			continue
		}
		if !ok {
			typed = line
		}
		out.WriteString(typed)
		more = strings.HasSuffix(strings.TrimSpace(typed), `\`)
	}
	return out.String()
}

// withoutDots leaves out what a page writes for "and so on", and "…" at the end of a value.
func withoutDots(words []string) []string {
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "…" || w == "..." || w == "[flags]" })
	return words
}

// TestVariablesOfPages: every variable of ours that a page names is one that the program reads.
func TestVariablesOfPages(t *testing.T) {
	t.Parallel()
	known := knownVariables()
	var source strings.Builder // those that are no flag's are read by name
	err := filepath.WalkDir("../..", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") && d.Name() != "Makefile" && !strings.HasSuffix(path, ".sh") {
			return err
		}
		raw, err := os.ReadFile(path)
		source.Write(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	pages, _ := filepath.Glob("../../docs/*.md")
	name := regexp.MustCompile(`\bSLUICE_[A-Z_]*[A-Z]\b`)
	for _, page := range append(pages, "../../README.md", "../../docker-compose.yml") {
		raw, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range name.FindAllString(string(raw), -1) {
			if !known[v] && !strings.Contains(source.String(), v) && !strings.HasSuffix(v, "_PASSWORD") && !strings.HasSuffix(v, "_SECRET") && v != "SLUICE_TOKEN" {
				t.Errorf("%s: nothing reads %s", page, v)
			}
		}
	}
}

// TestEveryCommandHasAPlace: every command and every flag of one is on the page of the command line, or on one that it leads to,
// and the table at its beginning has a row for each.
func TestEveryCommandHasAPlace(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		raw, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(raw)
	}
	line, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(line), "\n## ")
	var look func(*cobra.Command)
	look = func(cmd *cobra.Command) {
		if !cmd.IsAvailableCommand() && cmd.HasParent() || cmd.Name() == "help" {
			return
		}
		if top := cmd.HasParent() && !cmd.Parent().HasParent(); top && !regexp.MustCompile("(?m)^\\|.*[`/ ]"+cmd.Name()+"[` ,]").MatchString(head) {
			t.Errorf("the table of docs/cli.md has no row for `%s`", cmd.CommandPath())
		}
		if !strings.HasPrefix(cmd.CommandPath(), "sluice completion") {
			cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
				if f.Name != "help" && f.Name != "version" && !f.Hidden && !regexp.MustCompile(`--`+f.Name+`\b`).MatchString(all.String()) {
					t.Errorf("no page has --%s of `%s`", f.Name, cmd.CommandPath())
				}
			})
		}
		for _, c := range cmd.Commands() {
			look(c)
		}
	}
	look(newRoot(&app{}))
}

// TestHeadingsOfTheChangelog: a release has each heading once, so that nobody reads one of two and misses the other.
func TestHeadingsOfTheChangelog(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	seen, release := map[string]bool{}, ""
	for line := range strings.Lines(string(raw)) {
		switch {
		case strings.HasPrefix(line, "## "):
			release = line
		case strings.HasPrefix(line, "### "):
			if seen[release+line] {
				t.Errorf("%s has twice: %s", strings.TrimSpace(release), line)
			}
			seen[release+line] = true
		}
	}
	if len(seen) == 0 {
		t.Error("no headings: the test is blind")
	}
}
