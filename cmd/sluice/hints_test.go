package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"sluice/internal/test/brief"
)

// sourceHint is a command that a message in the source suggests.
type sourceHint struct {
	at, command string
	mention     bool // in a text of --help, which may name a command without what it takes
}

// sourceHints reads the commands in backquotes out of the texts of the program. What is put in at run
// time stands as X.
func sourceHints(t *testing.T) (list []sourceHint) {
	t.Helper()
	root := "../.."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == ".git" || d.Name() == "image") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		raw, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(raw, []byte("`sluice ")) {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, raw, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		var help ast.Expr
		ast.Inspect(file, func(n ast.Node) bool {
			if kv, ok := n.(*ast.KeyValueExpr); ok {
				if key, ok := kv.Key.(*ast.Ident); ok && (key.Name == "Long" || key.Name == "Short") {
					help = kv.Value
				}
			}
			e, ok := n.(ast.Expr)
			if !ok {
				return true
			}
			text, ok := literal(e)
			if !ok {
				return true
			}
			for _, m := range hinted.FindAllString(text, -1) {
				list = append(list, sourceHint{files.Position(n.Pos()).String(), strings.Trim(m, "`"), e == help})
			}
			return false
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

var verbs = regexp.MustCompile(`%(\[\d+\])?[-+#.0-9]*[a-z]`)

// literal is the text of a string, or of strings and others that are joined.
func literal(e ast.Expr) (text string, ok bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return verbs.ReplaceAllString(text, "X"), err == nil
	case *ast.BinaryExpr:
		if e.Op != token.ADD {
			return "", false
		}
		left, okLeft := literal(e.X)
		right, okRight := literal(e.Y)
		if !okLeft {
			left = "X"
		}
		if !okRight {
			right = "X"
		}
		return left + right, okLeft || okRight
	}
	return "", false
}

// TestHints: whatever command a message suggests can be typed as it stands there: there is such a
// command, with these flags and so many arguments.
func TestHints(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("short: builds the tree of commands for every hint")
	}
	list := sourceHints(t)
	if len(list) < 80 {
		t.Fatalf("only %d hints were found: the test is blind", len(list))
	}
	for _, h := range list {
		if strings.HasSuffix(h.command, "--help") {
			h.command = strings.TrimSuffix(h.command, " --help")
			if cmd, rest, err := newRoot(&app{}).Find(strings.Fields(h.command)[1:]); err != nil || len(rest) > 0 {
				t.Errorf("%s: `%s`: there is no such command, but %s", h.at, h.command, cmd.CommandPath())
			}
			continue
		}
		if err := readLine(strings.Fields(h.command)[1:]); err != nil && !(h.mention && errors.Is(err, errArguments)) {
			t.Errorf("%s: `%s`: %v", h.at, h.command, err)
		}
	}
}

// readLine reads a command line of sluice as the program does, and runs nothing.
func readLine(args []string) error {
	root := newRoot(&app{stdout: io.Discard, stderr: io.Discard})
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	cmd, rest, err := root.Find(args)
	if err != nil {
		return err
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return flagError(cmd, err)
	}
	if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
		return fmt.Errorf("%w: %w", errArguments, err)
	}
	if cmd.Annotations[onlyGroups] != "" && cmd.Flags().NArg() > 0 {
		return unknownCommand(cmd, cmd.Flags().Arg(0))
	}
	if cmd.Annotations[onlyGroups] != "" {
		return nil
	}
	if err := cmd.ValidateRequiredFlags(); err != nil {
		return fmt.Errorf("%w: %w", errArguments, err)
	}
	return nil
}

// errArguments: the command and its flags are right, and something has to be said besides.
var errArguments = errors.New("not complete")

// TestHintsCarryFlags: a hint has what its caller said about where and for whom, and nothing else.
func TestHintsCarryFlags(t *testing.T) {
	t.Setenv("SLUICE_HOME", "/from/the/environment")
	for _, c := range []struct{ args, hint, want string }{
		{"findings --tenant acme --severity high", "see `sluice parked list`", "see `sluice parked list --tenant acme`"},
		{"findings", "see `sluice parked list`", "see `sluice parked list`"},
		{"findings --tenant acme", "`sluice runs list --tenant other`", "`sluice runs list --tenant other`"},
		{"findings --tenant acme", "`sluice tenant list`", "`sluice tenant list`"},
		{"findings --tenant acme", "see `sluice findings --help` and `serve`", "see `sluice findings --help` and `serve`"},
		{"findings --tenant acme -o json --log-level debug", "`sluice vex list --conflicts`", "`sluice vex list --conflicts --tenant acme`"},
		{"parked list --operator", "`sluice parked replay --all`", "`sluice parked replay --all --operator`"},
		{"parked list --operator --tenant acme", "`sluice parked replay --operator --all`", "`sluice parked replay --operator --all`"},
		{"ingest file x --shared", "`sluice parked list` or `sluice findings`", "`sluice parked list --shared` or `sluice findings`"},
		{"ingest file x --shared=false --tenant t", "`sluice parked list`", "`sluice parked list --tenant t`"},
		{"limit list --tenant acme", "`sluice limit set documents 5`", "`sluice limit set documents 5 --tenant acme`"},
		{"migrate status --database-url postgres://u@h/d?sslmode=require", "`sluice migrate up`", "`sluice migrate up --database-url 'postgres://u@h/d?sslmode=require'`"},
		{"migrate status --database-url postgres://u:secret@h/d", "`sluice migrate up`", "`sluice migrate up --database-url 'postgres://u:***@h/d'`"},
		{"topics verify --brokers a:9092,b:9092 --topic-prefix x", "`sluice topics create`, `sluice runs list`", "`sluice topics create --brokers a:9092,b:9092 --topic-prefix x`, `sluice runs list`"},
		{"findings --tenant it's", "`sluice runs show 7`", `"` + "`sluice runs show 7 --tenant 'it'\\''s'`" + `"`},
	} {
		a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard}
		defer a.close()
		var got string
		root := newRoot(a)
		cmd, _, err := root.Find(strings.Fields(c.args))
		if err != nil {
			t.Fatal(err)
		}
		cmd.PreRunE = nil
		cmd.RunE = func(*cobra.Command, []string) error { got = a.hint(c.hint); return nil }
		root.SetArgs(strings.Fields(c.args))
		if err := root.ExecuteContext(t.Context()); err != nil {
			t.Errorf("%s: %v", c.args, err)
		}
		if want := strings.Trim(c.want, `"`); got != want {
			t.Errorf("sluice %s:\n got %s\nwant %s", c.args, got, want)
		}
	}
}

// TestHintsOfEveryFlag: what is carried is a flag of some command, and no secret.
func TestHintsOfEveryFlag(t *testing.T) {
	t.Parallel()
	for _, name := range append(append([]string{}, carried...), scopes...) {
		found := false
		for _, c := range commands() {
			c.InheritedFlags()
			found = found || c.Flags().Lookup(name) != nil
		}
		if !found {
			t.Errorf("no command has a flag --%s", name)
		}
	}
	for _, path := range ofTenants {
		if _, ok := needs[path]; !ok {
			t.Errorf("there is no command `%s`", path)
		}
	}
}

// TestArguments: the argument that a message names is the one that is missing.
func TestArguments(t *testing.T) {
	t.Parallel()
	for _, c := range commands() {
		if strings.HasPrefix(c.CommandPath(), "sluice completion") || c.CommandPath() == "sluice help" {
			continue // cobra's own
		}
		list := argumentsOf(c.Use)
		for n := range 5 {
			args := strings.Fields("a b c d e")[:n]
			wrong := checkArguments(c, args)
			if got := c.ValidateArgs(args); (got == nil) != (wrong == nil) {
				t.Errorf("`%s` with %d arguments: it says %v, its Use (%s) %v", c.CommandPath(), n, got, c.Use, wrong)
			}
		}
		if len(list) > 0 && !list[0].optional && exampleOf(c) == "" {
			t.Errorf("`%s` takes %s and shows no example", c.CommandPath(), list[0].name)
		}
	}
}

// TestExamples: what --help shows can be typed.
func TestExamples(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("short: builds the tree of commands for every line")
	}
	seen := 0
	for _, c := range commands() {
		for _, words := range shellScript(c.Example) {
			if words[0] != "sluice" {
				continue
			}
			seen++
			if err := readLine(words[1:]); err != nil {
				t.Errorf("`%s --help`: %s: %v", c.CommandPath(), strings.Join(words, " "), err)
			}
		}
	}
	if seen < 80 {
		t.Errorf("only %d examples were found", seen)
	}
}
