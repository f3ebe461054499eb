package inventory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	nearby "sluice/internal/near"
	"sluice/normalize/purl"
	"sluice/projections"
)

// maxSuggested bounds how many unknowns are looked at: what helps one helps all of its kind.
const maxSuggested = 1000

// ecosystemOf is an ecosystem that an artifact has packages of.
type ecosystemOf struct {
	Artifact  string `db:"artifact"`
	Ecosystem string `db:"ecosystem"`
	Type      string `db:"type"`
	Packages  int64  `db:"packages"`
	Example   string `db:"example"`
}

// suggest says of unknowns what may help: the distribution that the packages beside it are of, a name that records
// have in an ecosystem that the artifact has packages of, a purl type that is spelled nearly so.
func suggest(ctx context.Context, tx pgx.Tx, tenant id.ID, list []Unknown) error {
	list = list[:min(len(list), maxSuggested)]
	artifacts := map[string]bool{}
	var ids []id.ID
	for _, u := range list {
		if !artifacts[u.Artifact] {
			artifacts[u.Artifact] = true
			ids = append(ids, id.Derive(tenant, "artifact", u.Artifact))
		}
	}
	rows, err := collect[ecosystemOf](ctx, tx, sqlEcosystemsOf, tenant, ids)
	if err != nil {
		return fmt.Errorf("ecosystems of %d artifacts: %w", len(ids), err)
	}
	beside := map[string][]ecosystemOf{}
	for _, r := range rows {
		beside[r.Artifact] = append(beside[r.Artifact], r)
	}
	keys := map[string]bool{}
	for _, u := range list {
		for _, k := range u.keys(beside[u.Artifact]) {
			keys[k] = true
		}
	}
	next, err := neighbours(ctx, tx, tenant, keys)
	if err != nil {
		return err
	}
	for i := range list {
		u := &list[i]
		u.Suggestions = u.suggestions(beside[u.Artifact], next)
	}
	return nil
}

// keys are those by which records might name the component.
func (u Unknown) keys(beside []ecosystemOf) (keys []string) {
	if u.Name == "" || u.Reason != "no-purl" && u.Reason != "invalid-purl" && u.Reason != "unknown-ecosystem" {
		return nil
	}
	for _, e := range beside {
		if k := purl.Key(e.Ecosystem, u.Name); !slices.Contains(keys, k) && len(keys) < 5 {
			keys = append(keys, k)
		}
	}
	return keys
}

// neighbours are the keys of records that stand beside each of these.
func neighbours(ctx context.Context, tx pgx.Tx, tenant id.ID, keys map[string]bool) (map[string][]string, error) {
	out := map[string][]string{}
	if len(keys) == 0 {
		return out, nil
	}
	wanted := make([]string, 0, len(keys))
	for k := range keys {
		wanted = append(wanted, k)
	}
	slices.Sort(wanted)
	rows, err := tx.Query(ctx, sqlNeighbours, tenant, wanted)
	if err != nil {
		return nil, err
	}
	var k, n string
	if _, err := pgx.ForEachRow(rows, []any{&k, &n}, func() error { out[k] = append(out[k], n); return nil }); err != nil {
		return nil, fmt.Errorf("names beside %d others: %w", len(wanted), err)
	}
	return out, nil
}

// suggestions are what may help, the likeliest first.
func (u Unknown) suggestions(beside []ecosystemOf, next map[string][]string) (out []string) {
	switch u.Reason {
	case "no-version":
		return []string{"have the tool write the version: without one nothing can be compared"}
	case "unknown-distro":
		return u.distro(beside)
	case projections.NoRecords:
		if p, err := purl.Parse(u.Purl); err == nil {
			return []string{"no records of " + p.Ecosystem + " are loaded: `sluice feeds add --help` names who publishes them"}
		}
	case "unknown-ecosystem":
		if kind, _, ok := strings.Cut(strings.TrimPrefix(u.Purl, "pkg:"), "/"); ok {
			for _, like := range nearby.Names(kind, purl.Types(), 2) {
				out = append(out, "the purl's type "+kind+" may be meant as "+like)
			}
		}
	}
	for _, k := range u.keys(beside) {
		ecosystem, name, _ := strings.Cut(k, "|")
		var names []string
		for _, n := range next[k] {
			if e, other, _ := strings.Cut(n, "|"); e == ecosystem {
				names = append(names, other)
			}
		}
		if slices.Contains(names, name) {
			out = append(out, "records of "+ecosystem+" speak of "+name+": give the component a purl")
			continue
		}
		if like := nearby.Names(name, names, 1); len(like) == 1 {
			out = append(out, "records of "+ecosystem+" speak of "+like[0])
		}
	}
	return out
}

// distro names the release that the packages beside it are of.
func (u Unknown) distro(beside []ecosystemOf) []string {
	p, err := purl.Parse(u.Purl)
	if err != nil {
		return nil
	}
	for _, e := range beside {
		if e.Type != p.Type {
			continue
		}
		if like, err := purl.Parse(e.Example); err == nil && like.Namespace == p.Namespace && like.Qualifiers["distro"] != "" {
			return []string{fmt.Sprintf("add distro=%s to the purl, as %d packages beside it have", like.Qualifiers["distro"], e.Packages)}
		}
	}
	return []string{"add the distro qualifier to the purl, such as distro=debian-12: the same version is safe in one release and not in another"}
}
