package projections

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"sluice/internal/id"
)

// steps is how many aliases away each id is that v is linked to.
func (o *oracle) steps(tenant id.ID, v string) map[string]int {
	away := map[string]int{v: 0}
	for at := 0; ; at++ {
		grown := false
		for _, e := range slices.Concat(o.edges[tenant], o.edges[id.Shared]) {
			for _, e := range [][2]string{e, {e[1], e[0]}} {
				_, done := away[e[1]]
				if from, ok := away[e[0]]; ok && from == at && !done {
					away[e[1]], grown = at+1, true
				}
			}
		}
		if !grown {
			return away
		}
	}
}

func rankOf(s string) int {
	prefix, _, _ := strings.Cut(s, "-")
	return slices.Index([]string{"GHSA", "CVE"}, prefix)
}

// names are the vulnerabilities that v is: the CVEs that are nearest, else the one of its
// ids that comes first. about are those that a verdict on v is about: none where it is
// several only by way of another id.
func (o *oracle) names(tenant id.ID, v string) (names, about []string) {
	away := o.steps(tenant, v)
	nearest, cves := -1, 0
	for w, n := range away {
		if rankOf(w) == 1 {
			cves++
			if nearest < 0 || n < nearest {
				nearest = n
			}
		}
	}
	for w, n := range away {
		if cves > 0 && rankOf(w) == 1 && n == nearest {
			names = append(names, w)
		}
	}
	if cves == 0 {
		all := slices.Collect(maps.Keys(away))
		names = []string{slices.MinFunc(all, func(a, b string) int { return cmp.Or(rankOf(b)-rankOf(a), strings.Compare(a, b)) })}
	}
	if len(names) > 1 && nearest > 1 {
		return names, nil
	}
	return names, names
}

// members are the ids of the vulnerability of that name.
func (o *oracle) members(tenant id.ID, name string) (out []string) {
	for v := range o.steps(tenant, name) {
		if names, _ := o.names(tenant, v); slices.Contains(names, name) {
			out = append(out, v)
		}
	}
	return out
}

func (o *oracle) about(tenant id.ID, v, name string) bool {
	_, about := o.names(tenant, v)
	return slices.Contains(about, name)
}
