package plans

import (
	"strings"
	"testing"

	"sluice/internal/test/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// TestJudge: what a plan is failed for, and what it is not.
func TestJudge(t *testing.T) {
	t.Parallel()
	sizes := map[string]int64{"vex.package": 50_000}
	index := Node{Type: "Index Scan", Schema: "vex", Relation: "package", Index: "ix", Planned: 5, Actual: 4, Loops: 1}
	led, bare, wrong, whole := index, index, index, index
	led.Cond, bare.Cond, wrong.Cond = "(tenant_id = $1 AND id = ANY ($2))", "(id = ANY ($2))", led.Cond
	wrong.Cond, wrong.Actual = led.Cond, 501
	whole.Type, whole.Index = "Seq Scan", ""
	early := led
	early.Planned, early.Actual = 10_000, 1
	under := func(above string, n Node) Node {
		return Node{Type: above, Planned: 1, Actual: 1, Loops: 1, Plans: []Node{n}}
	}
	bitmap := Node{Type: "Bitmap Heap Scan", Schema: "vex", Relation: "package", Planned: 1, Actual: 1, Loops: 1, Plans: []Node{{Type: "Bitmap Index Scan", Index: "ix", Cond: "(name = 'x')", Planned: 1, Actual: 1, Loops: 1}}}
	small := whole
	small.Relation = "view_refresh"
	for name, tc := range map[string]struct {
		n       Node
		q       Query
		generic bool
		says    string
	}{
		"by the tenant's index":          {n: led},
		"by an index of all":             {n: bare, says: "without the tenant"},
		"by a bitmap of all":             {n: bitmap, says: "without the tenant"},
		"everything is read":             {n: under("Sort", whole), says: "reads all of vex.package"},
		"a small table":                  {n: small},
		"misestimated":                   {n: under("Nested Loop", wrong), says: "planned for 5 rows, found 501"},
		"misestimated, and it is known":  {n: under("Nested Loop", wrong), q: Query{Misestimate: "it decides nothing"}},
		"a limit stops":                  {n: under("Limit", early)},
		"no limit stops":                 {n: under("Sort", early), says: "planned for 10000 rows, found 1"},
		"all of it was asked for":        {n: whole, q: Query{Whole: true}},
		"for any value, some of all":     {n: whole, q: Query{Optional: true}, generic: true},
		"for the values, some of all":    {n: whole, q: Query{Optional: true}, says: "reads all"},
		"the queue's, of every tenant's": {n: bare, q: Query{AllTenants: true}},
	} {
		j := judge{q: tc.q, sizes: sizes, generic: tc.generic}
		j.look(tc.n, false)
		if got := strings.Join(j.problems, "; "); (got == "") != (tc.says == "") || !strings.Contains(got, tc.says) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
