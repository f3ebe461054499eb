package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sources calls fn with every Go file of ours that is in a program.
func sources(t *testing.T, fn func(path string, set *token.FileSet, f *ast.File)) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); path != root && (strings.HasPrefix(name, ".") || name == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		n++
		fn(filepath.ToSlash(rel), set, f)
		return nil
	})
	if err != nil || n < 100 {
		t.Fatalf("%d files: %v", n, err)
	}
}

// tables is what reads or writes a table of ours.
var tables = regexp.MustCompile(`(?i)\b(from|into|update|join)\s+(ingest|vex|core|authority|artifact|unknowns|routing)\.[a-z_]+(\s|$)`)

// sqlInGo are the folders and files that may have it all the same.
var sqlInGo = []struct{ path, why string }{
	{"ingest/sourcetest/", "a test for sources, in no program"},
	{"internal/test/", "tests arrange and look at what they need"},
	{"migrations/", "the runner asks about tables that may not be there yet; its scripts are its files"},
	{"partitions/action.go", "a plan prints statements as they run, so they have no parameters"},
	{"partitions/retire.go", "what is noted of a partition is put together from the steps that it has gone"},
}

// TestSQLInFiles: a statement that reads or writes a table of ours is a file, which opens with
// why it has this shape and which a test plans. Calls of functions, settings and questions
// to the catalogue may stand in Go.
func TestSQLInFiles(t *testing.T) {
	used := map[string]bool{}
	sources(t, func(path string, set *token.FileSet, f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(lit.Value)
			if err != nil || !tables.MatchString(text) {
				return true
			}
			i := slices.IndexFunc(sqlInGo, func(a struct{ path, why string }) bool { return strings.HasPrefix(path, a.path) })
			if i < 0 {
				t.Errorf("%s:%d has SQL about a table: put it into a file of sql/, see internal/sqltext", path, set.Position(lit.Pos()).Line)
				return true
			}
			used[sqlInGo[i].path] = true
			return true
		})
	})
	for _, a := range sqlInGo {
		if !used[a.path] {
			t.Errorf("%s has no SQL about tables any more: strike it off the list", a.path)
		}
	}
}

// TestStatementsSayWhy: every file with a statement opens with a comment.
func TestStatementsSayWhy(t *testing.T) {
	n := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".sql") || filepath.Base(filepath.Dir(path)) != "sql" {
			return err
		}
		n++
		b, err := os.ReadFile(path)
		if err == nil && !strings.HasPrefix(string(b), "-- ") {
			t.Errorf("%s does not open with why it has this shape", path)
		}
		return err
	})
	if err != nil || n < 100 {
		t.Fatalf("%d statements: %v", n, err)
	}
}

// TestShortFunctions: a function is at most 80 lines, or says beside it why it is longer.
func TestShortFunctions(t *testing.T) {
	const most = 80
	sources(t, func(path string, set *token.FileSet, f *ast.File) {
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			lines := set.Position(fn.End()).Line - set.Position(fn.Pos()).Line + 1
			long := fn.Doc != nil && regexp.MustCompile(`(?m)^Long: .`).MatchString(fn.Doc.Text())
			switch {
			case lines > most && !long:
				t.Errorf("%s: %s has %d lines: cut it, or say why not in its comment, as `Long: it is one table.`", path, fn.Name.Name, lines)
			case lines <= most && long:
				t.Errorf("%s: %s has %d lines: it need not say why it is long", path, fn.Name.Name, lines)
			}
		}
	})
}
