package normalize

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestReasons: Reasons are all of the constants; metrics begin with them.
func TestReasons(t *testing.T) {
	t.Parallel()
	f, err := parser.ParseFile(token.NewFileSet(), "normalize.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(f, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Reason") || len(spec.Values) != 1 {
			return true
		}
		lit, ok := spec.Values[0].(*ast.BasicLit)
		if !ok {
			return true
		}
		n++
		if s, err := strconv.Unquote(lit.Value); err != nil || !slices.Contains(Reasons, s) {
			t.Errorf("%s is not among Reasons: %v", spec.Names[0].Name, err)
		}
		return true
	})
	if n < 20 || n != len(Reasons) {
		t.Errorf("%d constants, %d reasons", n, len(Reasons))
	}
}
