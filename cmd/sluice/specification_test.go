package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"sluice/internal/test/brief"
	"sluice/internal/test/dbtest"
)

// specificationSections are the numbered sections that ask for something.
var specificationSections = []string{
	"1", "2.1", "2.2", "2.3", "3.1", "3.2", "3.3", "3.4", "3.5", "3.6", "4", "5", "6", "7", "8.1", "8.2", "8.3", "9", "10", "11",
	"12.1", "12.2", "13.1", "13.2", "14.1", "14.2", "15.1", "15.2", "16.1", "16.2", "16.3",
}

// requirement is a row of docs/specification.md.
type requirement struct {
	line             int
	section, what    string
	commands, holdBy []string
}

var (
	specificationHead = regexp.MustCompile(`^## ([0-9.]+) `)
	codeSpan          = regexp.MustCompile("`([^`]+)`")
	testName          = regexp.MustCompile(`^([a-z0-9_/]+)\.(Test[A-Za-z0-9_]+)(?:/([a-z_]+))?$`)
)

// requirements reads the rows, by section.
func requirements(t *testing.T) map[string][]requirement {
	t.Helper()
	b, err := os.ReadFile("../../docs/specification.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]requirement{}
	section := ""
	for i, line := range strings.Split(string(b), "\n") {
		if m := specificationHead.FindStringSubmatch(line); m != nil {
			section = m[1]
		}
		if !strings.HasPrefix(line, "| ") || line == "| requirement | command | test |" {
			continue
		}
		cells := strings.Split(strings.ReplaceAll(line, `\|`, "\x00"), "|")
		if len(cells) != 5 || section == "" {
			t.Errorf("specification.md:%d: not a row of three cells in a section", i+1)
			continue
		}
		spans := func(cell string) (out []string) {
			for _, m := range codeSpan.FindAllStringSubmatch(strings.ReplaceAll(cell, "\x00", "|"), -1) {
				out = append(out, m[1])
			}
			return out
		}
		out[section] = append(out[section], requirement{i + 1, section, strings.TrimSpace(cells[1]), spans(cells[2]), spans(cells[3])})
	}
	return out
}

// TestSpecificationRows: docs/specification.md has every section, every row of it names a
// command that there is and a test that there is.
func TestSpecificationRows(t *testing.T) {
	t.Parallel()
	rows := requirements(t)
	for _, s := range specificationSections {
		if len(rows[s]) == 0 {
			t.Errorf("docs/specification.md has no row for section %s", s)
		}
	}
	for s := range rows {
		if !slices.Contains(specificationSections, s) {
			t.Errorf("docs/specification.md has a section %s, the specification does not", s)
		}
	}
	tests := map[string]string{} // what the test files of a package say, together
	for _, section := range rows {
		for _, r := range section {
			if len(r.commands) == 0 || len(r.holdBy) == 0 {
				t.Errorf("specification.md:%d: %q has %d commands and %d tests", r.line, r.what, len(r.commands), len(r.holdBy))
			}
			for _, c := range r.commands {
				if err := knownCommand(c, tests); err != nil {
					t.Errorf("specification.md:%d: `%s`: %v", r.line, c, err)
				}
			}
			for _, name := range r.holdBy {
				if err := knownTest(name, tests); err != nil {
					t.Errorf("specification.md:%d: %v", r.line, err)
				}
			}
		}
	}
}

// knownTest reports what is wrong with the name of a test: package.TestName, by the folder of
// the package, with the name of a script behind it for TestScripts.
func knownTest(name string, tests map[string]string) error {
	m := testName.FindStringSubmatch(name)
	if m == nil {
		return fmt.Errorf("%s is no name of a test", name)
	}
	if _, ok := tests[m[1]]; !ok {
		files, err := filepath.Glob(filepath.Join("../..", m[1], "*_test.go"))
		if err != nil {
			return err
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				return err
			}
			tests[m[1]] += string(b)
		}
	}
	if !strings.Contains(tests[m[1]], "\nfunc "+m[2]+"(t *testing.T)") {
		return fmt.Errorf("there is no test %s in %s", m[2], m[1])
	}
	if m[3] != "" {
		if m[2] != "TestScripts" {
			return fmt.Errorf("%s: only scripts are named one by one", name)
		}
		_, err := os.Stat(filepath.Join("testdata/script", m[3]+".txtar"))
		return err
	}
	return nil
}

// knownCommand reports what is wrong with a command, without running it.
func knownCommand(line string, tests map[string]string) error {
	words, err := shellWords(line)
	if err != nil {
		return err
	}
	switch words[0] {
	case "sluice":
		return knownSluice(words[1:])
	case "psql":
		_, err := psqlStatements(words[1:])
		return err
	case "go": // go test ./PACKAGE -run NAME
		if len(words) < 5 || words[1] != "test" || words[3] != "-run" {
			return fmt.Errorf("it is to be go test ./PACKAGE -run NAME")
		}
		return knownTest(strings.TrimPrefix(words[2], "./")+"."+words[4], tests)
	}
	return fmt.Errorf("%s is none of sluice, psql and go test", words[0])
}

func knownSluice(args []string) error {
	root := newRoot(&app{})
	cmd, rest, err := root.Find(args)
	if _, does := needs[cmd.CommandPath()]; err == nil && !does {
		err = fmt.Errorf("it only groups others")
	}
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	if err == nil {
		err = cmd.ValidateArgs(cmd.Flags().Args())
	}
	if err == nil {
		err = cmd.ValidateRequiredFlags()
	}
	return err
}

// shellWords splits a command as a shell does where it holds words and double quotes.
func shellWords(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	quoted, inWord := false, false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\\' && quoted && i+1 < len(line) && strings.IndexByte("\"\\$`", line[i+1]) >= 0:
			i++
			word.WriteByte(line[i])
		case c == '"':
			quoted, inWord = !quoted, true
		case c == ' ' && !quoted:
			if inWord {
				words = append(words, word.String())
				word.Reset()
			}
			inWord = false
		case !quoted && strings.IndexByte("|&;<>$`'*?", c) >= 0:
			return nil, fmt.Errorf("a shell would not take %q as it is", c)
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	if quoted || len(words) == 0 {
		return nil, fmt.Errorf("it is no command")
	}
	return words, nil
}

// psqlStatements are the statements of psql's -c.
func psqlStatements(args []string) ([]string, error) {
	var out []string
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] != "-c" {
			break
		}
		out = append(out, args[i+1])
	}
	if len(out) == 0 || 2*len(out) != len(args) {
		return nil, fmt.Errorf("it is to be psql with one -c or several")
	}
	return out, nil
}

// elsewhere are commands of docs/specification.md that TestSpecificationCommands leaves to the tests of
// their rows, and why.
var elsewhere = []struct{ prefix, why string }{
	{"go test ", "it is a test itself"},
	{"sluice serve", "it does not end"},
	{"sluice topics ", "it takes a Kafka"},
}

// TestSpecificationCommands: whoever runs the commands of docs/specification.md from top to bottom, on a
// database with our sample documents, is answered: no error, and rows where it is a query
// that ends with one.
func TestSpecificationCommands(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("short: runs every command of the page")
	}
	db := dbtest.New(t)
	sluice := func(args ...string) {
		t.Helper()
		var stdout, stderr strings.Builder
		for i, a := range args {
			if strings.HasPrefix(a, "fixtures/") {
				args[i] = "../../" + a
			}
		}
		if status := run(t.Context(), append(args, "--database-url", db.URL), strings.NewReader(""), &stdout, &stderr); status != 0 && status != 3 {
			t.Errorf("sluice %s: status %d\n%s", strings.Join(args, " "), status, stderr.String())
		}
	}
	sluice("ingest", "file", "fixtures/feed", "--shared")
	sluice("ingest", "file", "fixtures/documents", "--wait")
	rows := requirements(t)
	ran := 0
	for _, s := range specificationSections {
		for _, r := range rows[s] {
			for _, c := range r.commands {
				if slices.ContainsFunc(elsewhere, func(e struct{ prefix, why string }) bool { return strings.HasPrefix(c, e.prefix) }) {
					continue
				}
				words, err := shellWords(c)
				if err != nil {
					continue // TestSpecificationRows says so
				}
				ran++
				switch words[0] {
				case "sluice":
					sluice(words[1:]...)
				case "psql":
					statements, _ := psqlStatements(words[1:])
					if err := answered(t, db, statements); err != nil {
						t.Errorf("specification.md:%d: `%s`: %v", r.line, c, err)
					}
				}
			}
		}
	}
	if ran < 40 {
		t.Errorf("only %d commands were run", ran)
	}
}

// answered runs statements one after the other on one connection, as psql does.
func answered(t *testing.T, db *dbtest.DB, statements []string) error {
	conn := db.Conn(t, "")
	defer conn.Close(context.Background())
	for i, sql := range statements {
		rows, err := conn.Query(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			return err
		}
		n := 0
		for rows.Next() {
			n++
		}
		if err := rows.Err(); err != nil {
			return err
		}
		if i == len(statements)-1 && n == 0 && strings.HasPrefix(sql, "select ") {
			return fmt.Errorf("it shows no row")
		}
	}
	return nil
}
