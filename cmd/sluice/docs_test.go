package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// shellBlock finds the shell text of a page; of transcripts only what stands behind a prompt.
var shellBlock = regexp.MustCompile("(?ms)^ *```(sh|bash|console)\n(.*?)^ *```")

// TestCommandsOfPages: whatever command of ours a page shows, there is one, with these flags and so many
// arguments.
func TestCommandsOfPages(t *testing.T) {
	t.Parallel()
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
