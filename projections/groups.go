package projections

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
)

// groups are sets of ids of the same vulnerability, joined by aliases.
type groups struct {
	parent map[string]string   // union-find
	member map[string][]string // by root, sorted; filled by finish
	name   map[string]string   // by root
}

// loadGroups follows the alias edges from the given ids as far as they go.
func loadGroups(ctx context.Context, tx pgx.Tx, tenant id.ID, ids []string) (*groups, error) {
	g := &groups{parent: map[string]string{}}
	for _, v := range ids {
		g.parent[v] = v
	}
	for frontier := ids; len(frontier) > 0; {
		rows, err := tx.Query(ctx, sqlAliases, tenant, frontier)
		if err != nil {
			return nil, fmt.Errorf("aliases of %d vulnerabilities: %w", len(frontier), err)
		}
		frontier = nil
		var a, b string
		_, err = pgx.ForEachRow(rows, []any{&a, &b}, func() error {
			if _, ok := g.parent[b]; !ok {
				g.parent[b] = b
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

func (g *groups) root(v string) string {
	for g.parent[v] != v {
		g.parent[v] = g.parent[g.parent[v]]
		v = g.parent[v]
	}
	return v
}

func (g *groups) join(a, b string) {
	if a, b = g.root(a), g.root(b); a != b {
		g.parent[a] = b
	}
}

func (g *groups) finish() {
	g.member, g.name = map[string][]string{}, map[string]string{}
	for v := range g.parent {
		r := g.root(v)
		g.member[r] = append(g.member[r], v)
	}
	for r, members := range g.member {
		slices.SortFunc(members, compareNames)
		g.name[r] = members[0]
	}
}

// compareNames puts the id that names a group first: its CVE, then GHSA, then the rest.
func compareNames(a, b string) int {
	rank := func(v string) int {
		switch {
		case strings.HasPrefix(v, "CVE-"):
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

// canonical is the name of the group that v is in.
func (g *groups) canonical(v string) string {
	if _, ok := g.parent[v]; !ok {
		return v
	}
	return g.name[g.root(v)]
}

// members are all ids of the group that v is in, the canonical one first.
func (g *groups) members(v string) []string {
	if _, ok := g.parent[v]; !ok {
		return []string{v}
	}
	return g.member[g.root(v)]
}

// ids are all ids of all groups, sorted.
func (g *groups) ids() []string {
	out := make([]string, 0, len(g.parent))
	for v := range g.parent {
		out = append(out, v)
	}
	slices.Sort(out)
	return out
}
