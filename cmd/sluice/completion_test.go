package main

import (
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/internal/test/brief"
	"sluice/internal/test/dbtest"
)

// completed is what a shell is offered for a line that somebody has typed so far.
func completed(t *testing.T, words ...string) []string {
	t.Helper()
	var stdout, stderr strings.Builder
	if status := run(t.Context(), append([]string{cobra.ShellCompNoDescRequestCmd}, words...), strings.NewReader(""), &stdout, &stderr); status != 0 {
		t.Errorf("%q: status %d: %s", words, status, stderr.String())
	}
	list := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	return list[:len(list)-1] // the last line is :N, how to go on
}

// enumerates finds flags whose help lists words that they take.
var enumerates = regexp.MustCompile(`(^|[:(]\s?|only (these: |those that are )?|at least |sum by |for each |by |order: |length of a partition: )[a-z_.0-9-]+(,? or [a-z_]+$|(, ?[a-z0-9_.-]+){2,}|, [a-z_.-]+,? or [a-z]+)`)

// noWords are flags whose help has a list that is none of words to choose from.
var noWords = []string{"health --url", "ingest kafka --listen", "serve --listen", "auth token add --expires", "match --distro", "tenant set --retire-tags"}

// TestEveryListOfWordsIsCompleted: a flag whose help lists words offers them, all of them are taken, and
// another word is refused with the same list.
func TestEveryListOfWordsIsCompleted(t *testing.T) {
	t.Parallel()
	keys, offered := map[string]string{}, map[string]bool{}
	for at := range wordsOfFlags {
		keys[at] = at
	}
	seen := 0
	for _, c := range commands() {
		if strings.HasPrefix(c.CommandPath(), "sluice completion") || c.CommandPath() == "sluice help" {
			continue // cobra's own
		}
		c.InheritedFlags()
		c.Flags().VisitAll(func(f *pflag.Flag) {
			name := strings.TrimPrefix(c.CommandPath(), "sluice ") + " --" + f.Name
			words := pathOr(wordsOfFlags, c.CommandPath(), f.Name)
			if enumerates.MatchString(f.Usage) && words == nil && f.Name != "output" && !slices.Contains(noWords, name) && f.Value.Type() != "bool" {
				t.Errorf("sluice %s: nothing completes %q", name, f.Usage)
			}
			if words == nil {
				return
			}
			seen++
			if at := pathOr(keys, c.CommandPath(), f.Name); offered[at] {
				return // of every command, or of a group
			} else {
				offered[at] = true
			}
			line := append(strings.Fields(c.CommandPath())[1:], "--"+f.Name, "")
			if got := completed(t, line...); !slices.Equal(got, words) {
				t.Errorf("sluice %s offers %q, want %q", name, got, words)
			}
		})
	}
	if seen < 60 {
		t.Errorf("%d flags with words", seen)
	}
	for at := range wordsOfFlags {
		path, flag, _ := strings.Cut(at, "--")
		if path = strings.TrimSpace(path); path == "" {
			continue
		}
		cmd, _, err := newRoot(&app{}).Find(strings.Fields(path)[1:])
		if err != nil || cmd.CommandPath() != path || cmd.PersistentFlags().Lookup(flag) == nil && cmd.Flags().Lookup(flag) == nil && cmd.InheritedFlags().Lookup(flag) == nil {
			t.Errorf("there is no %s", at)
		}
	}
}

// TestWordsOfFlagsAreAll: another word than those that are offered is refused, with the same list.
func TestWordsOfFlagsAreAll(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("short: runs a command for each flag that takes words")
	}
	db := dbtest.New(t)
	// What a command needs besides, to get as far as looking at the flag.
	besides := map[string]string{
		"sluice vex decide": "--vuln CVE-1 --package pkg:npm/a@1 --rationale x", "sluice vex export": "--namespace https://x.example --out x/", "sluice partitions set": "ingest.scan_run_event",
		"sluice auth role add": "some", "sluice auth role set": "some", "sluice auth user add": "ana", "sluice auth token add": "--user ana", "sluice auth client add": "ci", "sluice auth client set": "ci",
		"sluice document export": "sha256:" + strings.Repeat("0", 64), "sluice ingest file": "completion_test.go", "sluice jobs retry": "--all", "sluice jobs drop": "--all",
		"sluice match": "completion_test.go", "sluice notify rule add": "chat --url https://chat.example/hook",
	}
	// Roles are a tenant's own; what a client may is looked at when there is the client, and its log-in needs a secret.
	stored := []string{"sluice auth user add --role", "sluice auth client set --scope", "sluice auth client token --scope", "sluice auth role set --permission", "sluice auth token add --scope"}
	for at, words := range wordsOfFlags {
		path, flag, _ := strings.Cut(at, "--")
		if path = strings.TrimSpace(path); path == "" || slices.Contains(stored, at) {
			continue
		}
		args := append(strings.Fields(path)[1:], strings.Fields(besides[path])...)
		if at == "sluice document list --by" {
			args = append(args, "--warnings")
		}
		if path == "sluice jobs" {
			args = append(args, "list")
		}
		var stdout, stderr strings.Builder
		status := run(t.Context(), append(args, "--"+flag, "no-such-word", "--database-url", db.URL, "--log-level", "error"), strings.NewReader(""), &stdout, &stderr)
		if status != 2 {
			t.Errorf("%s no-such-word: status %d: %s", at, status, stderr.String())
			continue
		}
		if i := slices.IndexFunc(words, func(word string) bool { return !strings.Contains(stderr.String(), word) }); i >= 0 {
			t.Errorf("%s no-such-word: it does not say %s: %s", at, words[i], stderr.String())
		}
	}
}

// TestCompletionFromTheDatabase: names are those of the tenant that is asked for, as whoever asks may see
// them; and nothing is said where there is no database.
func TestCompletionFromTheDatabase(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	at := func(url string, words ...string) []string {
		t.Helper()
		return completed(t, append([]string{"--database-url", url}, words...)...)
	}
	must := func(line ...string) {
		t.Helper()
		var out strings.Builder
		if status := run(t.Context(), append(line, "--database-url", db.URL, "--log-level", "error"), strings.NewReader(""), &out, &out); status != 0 && status != 3 {
			t.Fatalf("%q: %d: %s", line, status, out.String())
		}
	}
	must("ingest", "file", "../../fixtures/feed", "--shared")
	must("ingest", "file", "../../fixtures/documents", "--tenant", "example", "--create-tenant", "--wait")
	must("tenant", "create", "exam-board")
	must("artifact", "tag", "production", "pkg:golang/example.com/works/router@v1.4.0", "--tenant", "example")
	for _, c := range []struct {
		words []string
		want  []string
	}{
		{[]string{"findings", "--tenant", "exam"}, []string{"exam-board", "example"}},
		{[]string{"tenant", "set", "example"}, []string{"example"}},
		{[]string{"findings", "--tenant", "example", "--artifact", "pkg:golang/example.com/works/r"}, []string{"pkg:golang/example.com/works/router@v1.4.0"}},
		{[]string{"artifact", "show", "--tenant", "example", "pkg:golang/example.com/works/r"}, []string{"pkg:golang/example.com/works/router@v1.4.0"}},
		{[]string{"findings", "--tenant", "exam-board", "--artifact", "pkg:golang/example.com/works/r"}, nil},
		{[]string{"findings", "--tenant", "nobody", "--artifact", "pkg:"}, nil},
		{[]string{"findings", "--tenant", "example", "--tag", ""}, []string{"production"}},
		{[]string{"findings", "--tenant", "example", "--vuln", "CVE-2099-100"}, []string{"CVE-2099-1001", "CVE-2099-1002", "CVE-2099-1003"}},
		{[]string{"match", "--tenant", "example", "pkg:npm/lodash@4.17.20"}, []string{"pkg:npm/lodash@4.17.20"}},
		{[]string{"runs", "show", "--tenant", "example", ""}, []string{"2"}},
		{[]string{"parked", "show", "--tenant", "example", ""}, []string{"2", "1"}},
		{[]string{"findings", "--fields", "vulnerability,sc"}, []string{"vulnerability,score"}},
		{[]string{"flag", "set", "rece"}, []string{"receipts"}},
		{[]string{"flag", "set", "receipts", "o"}, []string{"on", "off"}},
		{[]string{"flag", "set", "receipts", "on", ""}, nil},
		{[]string{"feeds", "add", "osv", "Alp"}, []string{"Alpine"}},
		{[]string{"config", "ingest", "k"}, []string{"kafka"}},
		{[]string{"findings", "--output", "s"}, []string{"sarif"}},
		{[]string{"runs", "list", "--output", "s"}, nil},
		{[]string{"findings", "--fix-available="}, []string{"true", "false"}},
	} {
		if got := at(db.URL, c.words...); !slices.Equal(got, c.want) {
			t.Errorf("%q offers %q, want %q", c.words, got, c.want)
		}
	}
	u, err := url.Parse(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = "127.0.0.1:1"
	if got := at(u.String(), "findings", "--tenant", ""); len(got) > 0 {
		t.Errorf("without a database: %q", got)
	}
}

// TestCompletionStartsNoServer: nobody's key fetches a server where there was none.
func TestCompletionStartsNoServer(t *testing.T) {
	t.Setenv("SLUICE_DATABASE_URL", "")
	home := t.TempDir()
	if got := completed(t, "findings", "--home", home, "--tenant", ""); len(got) > 0 {
		t.Errorf("%q", got)
	}
	if files, err := os.ReadDir(home); err != nil || len(files) > 0 {
		t.Errorf("%v, %v", files, err)
	}
}

// TestHeadsOfCSV: whoever reads CSV by its first line meets no blank in it.
func TestHeadsOfCSV(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	heads := regexp.MustCompile(`head[:=]+\s*\[\]string\{([^}]*)\}`)
	writers, seen := 0, 0
	for _, f := range files {
		if strings.HasSuffix(f.Name(), "_test.go") || !strings.HasSuffix(f.Name(), ".go") {
			continue
		}
		raw, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		writers += strings.Count(string(raw), "csv.NewWriter")
		for _, m := range heads.FindAllStringSubmatch(string(raw), -1) {
			for _, quoted := range regexp.MustCompile(`"([^"]*)"`).FindAllStringSubmatch(m[1], -1) {
				seen++
				if name := csvHead(quoted[1]); !regexp.MustCompile(`^[a-z][a-z0-9_]*$`).MatchString(name) {
					t.Errorf("%s: %q is the head %q", f.Name(), quoted[1], name)
				}
			}
		}
	}
	for _, name := range fieldNames() {
		if csvHead(name) != name {
			t.Errorf("field %q", name)
		}
	}
	if writers != 3 || seen < 150 {
		t.Errorf("%d writers of CSV, in output.go, findings_output.go and runs_tail.go, and %d heads: the test is blind", writers, seen)
	}
}
