package projections

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
)

// groups say which vulnerabilities an id means. Ids that are aliases of each other are one
// vulnerability, named by its CVE where it has one. Two CVEs never are: an advisory that
// aliases several is about each of them, and so one finding per CVE with the advisory as
// evidence. A verdict about one of them says nothing about the next.
type groups struct {
	edges  map[string][]string // by id, both directions
	owners map[string][]string // by id: the names of the groups that it is in, sorted; filled by finish
	member map[string][]string // by name: the ids of the group, the name first
	vague  map[string]bool     // ids that are several CVEs only by way of another id
}

// loadGroups follows the alias edges from the given ids as far as they go.
func loadGroups(ctx context.Context, tx pgx.Tx, tenant id.ID, ids []string) (*groups, error) {
	g := &groups{edges: map[string][]string{}}
	for _, v := range ids {
		g.edges[v] = nil
	}
	for frontier := ids; len(frontier) > 0; {
		rows, err := tx.Query(ctx, sqlAliases, tenant, frontier)
		if err != nil {
			return nil, fmt.Errorf("aliases of %d vulnerabilities: %w", len(frontier), err)
		}
		frontier = nil
		var a, b string
		_, err = pgx.ForEachRow(rows, []any{&a, &b}, func() error {
			if _, ok := g.edges[b]; !ok {
				frontier = append(frontier, b)
			}
			g.join(a, b)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("aliases: %w", err)
		}
	}
	g.finish()
	return g, nil
}

// join notes that two ids are aliases of each other.
func (g *groups) join(a, b string) {
	g.edges[a], g.edges[b] = append(g.edges[a], b), append(g.edges[b], a)
}

// finish works out the groups, from all edges at once: in which order they came makes no
// difference.
func (g *groups) finish() {
	g.owners, g.member, g.vague = map[string][]string{}, map[string][]string{}, map[string]bool{}
	seen := map[string]bool{}
	for v := range g.edges {
		if seen[v] {
			continue
		}
		seen[v] = true
		linked := []string{v}
		for i := 0; i < len(linked); i++ {
			for _, w := range g.edges[linked[i]] {
				if !seen[w] {
					seen[w] = true
					linked = append(linked, w)
				}
			}
		}
		slices.SortFunc(linked, compareNames)
		n := 0 // CVEs, which come first
		for n < len(linked) && isCVE(linked[n]) {
			n++
		}
		if n > 1 {
			g.split(linked[:n])
			continue
		}
		g.member[linked[0]] = linked
		for _, w := range linked {
			g.owners[w] = linked[:1]
		}
	}
	for _, members := range g.member {
		slices.SortFunc(members, compareNames)
	}
}

// split shares out what is linked to several CVEs: each id belongs to those that are nearest,
// by the number of aliases on the way. The GHSA id of one of them is that one's, whatever
// advisory joins it to the others; the advisory is all of theirs.
func (g *groups) split(cves []string) {
	distance := map[string]int{}
	for _, cve := range cves {
		g.owners[cve], g.member[cve] = []string{cve}, []string{cve}
		distance[cve] = 0
	}
	for at, layer := 1, cves; len(layer) > 0; at++ {
		var next []string
		for _, v := range layer {
			for _, w := range g.edges[v] {
				if d, reached := distance[w]; reached && d < at {
					continue
				} else if !reached {
					distance[w] = at
					next = append(next, w)
				}
				for _, cve := range g.owners[v] {
					if !slices.Contains(g.owners[w], cve) {
						g.owners[w] = append(g.owners[w], cve)
						g.member[cve] = append(g.member[cve], w)
					}
				}
			}
		}
		for _, w := range next {
			slices.Sort(g.owners[w])
			g.vague[w] = at > 1 && len(g.owners[w]) > 1
		}
		layer = next
	}
}

func isCVE(v string) bool { return strings.HasPrefix(v, "CVE-") }

// compareNames puts the id that names a group first: its CVE, then GHSA, then the rest.
func compareNames(a, b string) int {
	rank := func(v string) int {
		switch {
		case isCVE(v):
			return 0
		case strings.HasPrefix(v, "GHSA-"):
			return 1
		}
		return 2
	}
	if d := rank(a) - rank(b); d != 0 {
		return d
	}
	return strings.Compare(a, b)
}

// names are the names of the groups that v is in: of several where it is an advisory about
// several CVEs.
func (g *groups) names(v string) []string {
	if names, ok := g.owners[v]; ok {
		return names
	}
	return []string{v}
}

// about are the names of the groups that a verdict on v is about: all that v is in. But the
// id that an advisory gives beside several CVEs is probably one of them, and nobody knows which.
// What is said of it would hide the others, so it is about none.
func (g *groups) about(v string) []string {
	if g.vague[v] {
		return nil
	}
	return g.names(v)
}

// members are all ids of the group with that name, the name first.
func (g *groups) members(name string) []string {
	if members, ok := g.member[name]; ok {
		return members
	}
	return []string{name}
}

// ids are all ids that are linked to those that were asked for, sorted.
func (g *groups) ids() []string {
	out := make([]string, 0, len(g.edges))
	for v := range g.edges {
		out = append(out, v)
	}
	slices.Sort(out)
	return out
}
