package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/creack/pty"

	"sluice/internal/test/brief"
	"sluice/internal/test/dbtest"
)

// screenOf is what a program shows on a terminal of so many columns and 24 lines, and what goes elsewhere: shown is one of
// its streams, the other is kept apart.
func screenOf(t *testing.T, cmd *exec.Cmd, columns uint16, shown *io.Writer, other *io.Writer) (screen, apart string) {
	t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: columns}); err != nil {
		t.Fatal(err)
	}
	var rest bytes.Buffer
	*shown, *other = tty, &rest
	read := make(chan string)
	go func() {
		b, _ := io.ReadAll(master) // ends with EIO, when nobody has the other side any more
		read <- string(b)
	}()
	err = cmd.Run()
	tty.Close()
	screen = strings.ReplaceAll(<-read, "\r\n", "\n")
	if err != nil {
		t.Fatalf("%v: %v\n%s\n%s", cmd.Args, err, screen, rest.String())
	}
	return screen, rest.String()
}

// TestTerminal: on a terminal lists fit it, in width and in height, and say how much more there is and how to see it; in
// a pipe nothing is cut. The bar goes on through projection.
func TestTerminal(t *testing.T) {
	if brief.Run(t) {
		t.Skip("short: a process for every list, twice")
	}
	t.Parallel()
	db := dbtest.New(t)
	dir := t.TempDir()
	path := sluiceIn(t, dir)
	program := func(args ...string) *exec.Cmd {
		cmd := exec.Command(path, args...)
		cmd.Env = append(os.Environ(), "SLUICE_DATABASE_URL="+db.URL)
		cmd.Dir = dir
		return cmd
	}
	// 40 artifacts with a long name, each with a component that is vulnerable and one that nobody knows; VEX; documents to park.
	const many = 40
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	long := strings.Repeat("a-name-that-is-long-", 4)
	var names []string
	for i := range many {
		names = append(names, fmt.Sprintf("%02d.json", i), fmt.Sprintf("%02d.vex.json", i), fmt.Sprintf("%02d.bad", i))
		write(fmt.Sprintf("%02d.json", i), fmt.Sprintf(`{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"timestamp": "2026-01-01T00:00:00Z", "component": {"type": "application", "bom-ref": "a", "name": "a", "purl": "pkg:oci/%[2]s%[1]d@1"}},
			"components": [{"type": "library", "name": "left", "version": "1", "purl": "pkg:npm/%[2]sleft@1"}, {"type": "library", "name": "%[2]s", "version": "1"}]}`, i, long))
		write(fmt.Sprintf("%02d.vex.json", i), fmt.Sprintf(`{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "urn:%[1]d", "author": "Example Works Product Security and others", "timestamp": "2026-01-03T00:00:00Z", "version": 1,
			"statements": [{"vulnerability": {"name": "CVE-2026-%[1]d"}, "products": [{"@id": "pkg:npm/%[2]s@1"}], "status": "under_investigation"}]}`, i, long))
		write(fmt.Sprintf("%02d.bad", i), fmt.Sprintf(`{"bomFormat": "CycloneDX", "specVersion": "1.6", "x": %d`, i))
	}
	write("left.osv.json", fmt.Sprintf(`{"id": "GHSA-1111-2222-3333", "aliases": ["CVE-2026-9"], "modified": "2026-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "npm", "name": "%sleft"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}]}]}`, long))

	cmd := program("ingest", "file", "left.osv.json", "00.json", "--wait", "--artifact", "pkg:oci/first@1")
	screen, summary := screenOf(t, cmd, 100, &cmd.Stderr, &cmd.Stdout)
	if !strings.Contains(screen, "projecting") || !regexp.MustCompile(`jobs/(s|min)|\d+/\d+`).MatchString(screen) {
		t.Errorf("no bar of the projection:\n%q", screen)
	}
	if !regexp.MustCompile(`(?m)^scan run \d+: 2 documents, .* in [0-9.]+ s \(`).MatchString(summary) || !regexp.MustCompile(`(?m)^projection: \d+ jobs? in [0-9.]+ s \(\d+ jobs/s\)$`).MatchString(summary) {
		t.Errorf("the summary does not tell import and projection apart:\n%s", summary)
	}
	if err := program(append([]string{"ingest", "file", "--wait"}, names...)...).Run(); err == nil {
		t.Fatal("nothing was parked")
	}
	for range many {
		if err := asAdmin(db, `insert into ingest.scan_run (tenant_id, source, arguments, state, started_by) select id, 'file', array[repeat('a-long-argument ', 20)], 'done', 'somebody@example.com' from (select tenant_id as id from ingest.scan_run limit 1) as t`); err != nil {
			t.Fatal(err)
		}
	}
	for args, more := range map[string]string{
		"findings":      "20 of 40 findings: .*; the next: --after .*; --limit 0 lists all",
		"vex list":      "20 more statements and decisions; --limit 0 lists all",
		"parked list":   "20 more parked documents; --limit 0 lists all",
		"runs list":     "22 more scan runs; --limit 0 lists all",
		"unknowns":      "20 more unknowns; --limit 0 lists all",
		"artifact list": "20 more artifacts: --after 'pkg:oci/.*' shows the next ones, --limit 0 all",
	} {
		for _, columns := range []int{80, 200} {
			cmd := program(strings.Fields(args)...)
			screen, said := screenOf(t, cmd, uint16(columns), &cmd.Stdout, &cmd.Stderr)
			lines := strings.Split(strings.TrimSpace(screen), "\n")
			if len(lines) != 21 {
				t.Errorf("%s: %d lines on a terminal of 24:\n%s", args, len(lines), screen)
			}
			for _, line := range lines {
				if n := utf8.RuneCountInString(line); n > columns {
					t.Errorf("%s: %d characters on a terminal of %d: %s", args, n, columns, line)
				}
			}
			if !regexp.MustCompile(more).MatchString(said) {
				t.Errorf("%s, on a terminal of %d, says %q, not %s", args, columns, said, more)
			}
			if columns == 80 && !strings.Contains(screen, "…") {
				t.Errorf("%s: nothing is cut, the test tells nothing:\n%s", args, screen)
			}
			if columns == 200 && strings.Contains(said, "too narrow") {
				t.Errorf("%s: columns are left out of a wide terminal: %s", args, said)
			}
		}
		cmd := program(strings.Fields(args)...)
		var piped, said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &piped, &said
		if err := cmd.Run(); err != nil {
			t.Fatal(args, err, said.String())
		}
		if n := strings.Count(piped.String(), "\n"); n < many+1 || strings.Contains(said.String(), "limit 0") {
			t.Errorf("%s: %d lines in a pipe, and it says %q", args, n, said.String())
		}
		if args != "runs list" && (strings.Contains(piped.String(), "…") || !strings.Contains(piped.String(), long) && args != "parked list") {
			t.Errorf("%s: something is cut in a pipe:\n%.400s", args, piped.String())
		}
		cmd = program(append(strings.Fields(args), "--limit", "0")...)
		if screen, _ := screenOf(t, cmd, 80, &cmd.Stdout, &cmd.Stderr); strings.Count(screen, "\n") < many+1 {
			t.Errorf("%s --limit 0 on a terminal:\n%s", args, screen)
		}
	}
}
