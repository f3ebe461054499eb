package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/test/brief"
	"sluice/internal/test/dbtest"
)

// TestTranscript does what the pages with console blocks say, line by line, on a database of its own, and holds what
// comes out to what the page shows. -update writes it into the page.
//
// A line that begins with "$ " is a command for sh, and what follows up to the next is what it prints, on standard output
// and standard error as a terminal shows them. `export NAME=VALUE` holds for all that follows.
func TestTranscript(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("short: a process for every line")
	}
	for page, least := range map[string]int{"docs/analyst.md": 10, "README.md": 6} {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join("../..", page)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			desk := newDesk(t)
			shown := 0
			out := consoles.ReplaceAllStringFunc(string(text), func(block string) string {
				var b strings.Builder
				b.WriteString("```console\n")
				for _, line := range linesOf(block) {
					shown++
					got := desk.run(t, line.command)
					if diff := cmp.Diff(columns(line.output), columns(got)); diff != "" && flag.Lookup("update").Value.String() != "true" {
						t.Errorf("%s: %s\nshown in the page (-), printed (+); go test ./cmd/sluice -run TestTranscript -update writes the page\n%s", path, line.command, diff)
					}
					fmt.Fprintf(&b, "$ %s\n%s", line.command, got)
				}
				return b.String() + "```\n"
			})
			if shown < least {
				t.Fatalf("%s has %d commands: is it still a transcript?", path, shown)
			}
			if flag.Lookup("update").Value.String() != "true" {
				return
			}
			if err := os.WriteFile(path, []byte(out), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

var consoles = regexp.MustCompile("(?ms)^```console\n.*?^```\n")

// shown is a command of a transcript, and what it prints.
type shown struct{ command, output string }

// linesOf takes a block apart. A command goes on where its line ends with a backslash.
func linesOf(block string) (list []shown) {
	lines := strings.SplitAfter(block, "\n")
	lines = lines[1 : len(lines)-2] // without the fences, and what is behind the last newline
	for i := 0; i < len(lines); i++ {
		command, ok := strings.CutPrefix(lines[i], "$ ")
		if !ok {
			list[len(list)-1].output += lines[i]
			continue
		}
		for strings.HasSuffix(command, "\\\n") && i+1 < len(lines) {
			i++
			command += lines[i]
		}
		list = append(list, shown{command: strings.TrimSuffix(command, "\n")})
	}
	return list
}

// desk is where a transcript is typed: a folder with fixtures/ in it, and variables.
type desk struct {
	dir string
	env []string
}

func newDesk(t *testing.T) *desk {
	bin, dir := t.TempDir(), t.TempDir()
	sluiceIn(t, bin)
	fixtures, err := filepath.Abs("../../fixtures")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(fixtures, filepath.Join(dir, "fixtures")); err != nil {
		t.Fatal(err)
	}
	return &desk{dir, []string{"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + dir, "SLUICE_DATABASE_URL=" + dbtest.New(t).URL}}
}

// run does what a line says, and returns what it prints, whatever day it is and whoever runs it.
func (x *desk) run(t *testing.T, command string) string {
	t.Helper()
	if name, ok := strings.CutPrefix(command, "export "); ok {
		x.env = append(x.env, name)
		return ""
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	var out bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = x.dir, x.env, &out, &out
	// A status is no failure of the transcript: a page that is about one shows it by echo.
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", command, err)
	}
	return settled(out.String(), time.Now().UTC())
}

// The day of the page.
const (
	pageDay  = "2026-11-30"
	pageTime = pageDay + "T09:00:00Z"
)

var (
	instants  = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	minutes   = regexp.MustCompile(`(\d{4}-\d\d-\d\d) \d\d:\d\d UTC`)
	speeds    = regexp.MustCompile(`in \S+ s \(\d+ documents/s, \S+ MB/s\)`)
	jobSpeeds = regexp.MustCompile(`projection: \d+ jobs? in \S+ s( \(\d+ jobs/s\))?`) // how many jobs depends on what came together
	cursors   = regexp.MustCompile(`--after [\w-]+`)
	chainHash = regexp.MustCompile(`([^:\w])[0-9a-f]{64}\b`)
	lineEnds  = regexp.MustCompile(` +\n`)
	randomID  = regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b`)
)

// settled puts in the place of what is another one each time what the page has: the day, the hour, who runs it, how fast
// it was, and what is drawn by lot. All else has to be as shown.
func settled(out string, now time.Time) string {
	out = instants.ReplaceAllStringFunc(out, func(s string) string {
		if at, err := time.Parse(time.RFC3339, s); err == nil && at.After(now.Add(-time.Hour)) && at.Before(now.Add(time.Minute)) {
			return pageTime
		}
		return s
	})
	day, _ := time.Parse(time.DateOnly, pageDay)
	for _, ago := range []int{0, -1} { // and what began before midnight
		out = strings.ReplaceAll(out, now.AddDate(0, 0, ago).Format(time.DateOnly), day.AddDate(0, 0, ago).Format(time.DateOnly))
	}
	out = minutes.ReplaceAllString(out, "$1 09:00 UTC")
	out = speeds.ReplaceAllString(out, "in 0.2 s (60 documents/s, 0.1 MB/s)")
	out = jobSpeeds.ReplaceAllString(out, "projection: 20 jobs in 0.2 s (100 jobs/s)")
	out = cursors.ReplaceAllString(out, "--after bYz…")
	out = chainHash.ReplaceAllString(out, "${1}76c179a0999b…")
	out = randomID.ReplaceAllString(out, "16627595-724a-438d-…")
	out = lineEnds.ReplaceAllString(out, "\n")
	login, _ := osUser()
	return regexp.MustCompile(`\bos:`+regexp.QuoteMeta(login)+`\b`).ReplaceAllString(out, "os:anna")
}

var gaps = regexp.MustCompile(`(?m) {2,}| +$`)

// columns is text without how wide the columns of tables are: the longest name decides that, be it the user's.
func columns(s string) string { return gaps.ReplaceAllString(s, "  ") }
