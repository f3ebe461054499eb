package plans

import (
	"fmt"
	"strings"
)

// judge holds a plan to section 8 of the specification.
type judge struct {
	q        Query
	sizes    map[string]int64 // of large tables with a tenant
	generic  bool
	worst    float64
	problems []string
}

// free are the indexes that may be used without a tenant: keys that the specification writes so.
var free = map[string]bool{"sbom_document_pkey": true, "vuln_fact_pkey": true}

// look judges a node and those below it. Where reading stops early, a Limit or a semi-join, rows that were
// expected and not read say nothing.
func (j *judge) look(n Node, stops bool) {
	large := j.sizes[n.Schema+"."+n.Relation] > 0
	byValues := !(j.generic && j.q.Optional) && !j.q.Whole // else no index can be asked for
	switch {
	case j.q.AllTenants || !byValues:
	case n.Type == "Seq Scan" && large:
		j.problem("reads all of %s.%s", n.Schema, n.Relation)
	case n.Index != "" && large && !free[n.Index] && !strings.Contains(n.Cond, "tenant_id"):
		j.problem("%s by %s without the tenant: %s", n.Type, n.Index, shorten(n.Cond))
	}
	if n.Loops > 0 && byValues {
		// Of one row too many or too few nothing follows.
		times := max(n.Planned, n.Actual, 1) / max(min(n.Planned, n.Actual), 1)
		if stops && n.Planned > n.Actual {
			times = 1
		}
		j.worst = max(j.worst, times)
		if times > mostError && j.q.Misestimate == "" {
			j.problem("%s on %s: planned for %.0f rows, found %.0f", n.Type, n.Relation, n.Planned, n.Actual)
		}
	}
	stops = stops || n.Type == "Limit" || strings.Contains(n.Type, "Join") || n.Type == "Nested Loop"
	for _, p := range n.Plans {
		if strings.HasPrefix(n.Type, "Bitmap") { // the nodes below name the index only
			p.Schema, p.Relation = or(p.Schema, n.Schema), or(p.Relation, n.Relation)
		}
		j.look(p, stops)
	}
}

func (j *judge) problem(format string, args ...any) {
	j.problems = append(j.problems, fmt.Sprintf(format, args...))
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
