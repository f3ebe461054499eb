package plans

import (
	"fmt"
	"strings"
)

// Node is one of a plan, as EXPLAIN (FORMAT JSON) prints it.
type Node struct {
	Type     string  `json:"Node Type"`
	Schema   string  `json:"Schema"`
	Relation string  `json:"Relation Name"`
	Index    string  `json:"Index Name"`
	Cond     string  `json:"Index Cond"`
	Filter   string  `json:"Filter"`
	Planned  float64 `json:"Plan Rows"`
	Actual   float64 `json:"Actual Rows"` // per loop
	Loops    float64 `json:"Actual Loops"`
	Removed  float64 `json:"Rows Removed by Filter"`
	Hit      int64   `json:"Shared Hit Blocks"`
	Read     int64   `json:"Shared Read Blocks"`
	Plans    []Node  `json:"Plans"`
}

func (n Node) walk(fn func(Node)) {
	fn(n)
	for _, p := range n.Plans {
		p.walk(fn)
	}
}

// String is the plan for people, a line per node and per condition.
func (n Node) String() string {
	var b strings.Builder
	n.write(&b, "")
	return b.String()
}

func (n Node) write(b *strings.Builder, indent string) {
	fmt.Fprintf(b, "%s%s", indent, n.Type)
	if n.Index != "" {
		fmt.Fprintf(b, " using %s", n.Index)
	}
	if n.Relation != "" {
		fmt.Fprintf(b, " on %s.%s", n.Schema, n.Relation)
	}
	fmt.Fprintf(b, "  rows: planned %.0f", n.Planned)
	if n.Loops > 0 {
		fmt.Fprintf(b, ", found %.4g × %.0f; pages %d + %d read", n.Actual, n.Loops, n.Hit, n.Read)
	}
	b.WriteByte('\n')
	for _, c := range []struct{ what, cond string }{{"by", n.Cond}, {"only", n.Filter}} {
		if c.cond != "" {
			fmt.Fprintf(b, "%s    %s %s\n", indent, c.what, shorten(c.cond))
		}
	}
	for _, p := range n.Plans {
		p.write(b, indent+"  ")
	}
}

// shorten cuts the lists of values in a condition.
func shorten(cond string) string {
	if r := []rune(cond); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return cond
}
