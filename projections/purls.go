package projections

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/normalize/purl"
)

// Hit is one vulnerability of one purl, or the reason why it cannot be matched.
type Hit struct {
	Purl          string // as given
	Unmatched     string // why it cannot be matched; everything below is empty then
	OtherReleases bool   // with NoRecords: there are records of other releases of the distribution
	Vulnerability string
	Aliases       []string
	Advisories    []string
	Source        string // of the facts, joined by commas
	Severity      string
	Score         *int16
	Fixed         []string
	Range         string
}

// matchBatch bounds how many purls are matched at once, and so the memory.
const matchBatch = 10_000

// Match finds the known vulnerabilities of purls, as the projection does for the
// components of an SBOM. It only reads; tx acts for tenant. Hits come in the order of
// the purls, the worst first within one.
func Match(ctx context.Context, tx pgx.Tx, tenant id.ID, purls []string) ([]Hit, error) {
	cache := newCompiledCache()
	var out []Hit
	for chunk := range slices.Chunk(purls, matchBatch) {
		hits, err := matchPurls(ctx, tx, tenant, chunk, cache)
		if err != nil {
			return nil, err
		}
		out = append(out, hits...)
	}
	return out, nil
}

func matchPurls(ctx context.Context, tx pgx.Tx, tenant id.ID, purls []string, cache *compiledCache) ([]Hit, error) {
	targets, unmatched := make([]target, len(purls)), make([]string, len(purls))
	invalid := make([]bool, len(purls)) // versions without an order: a record may list them by their text
	for i, raw := range purls {
		p, err := purl.Parse(raw)
		switch {
		case err != nil:
			unmatched[i] = purl.ReasonInvalidPurl
		case p.Reason != "" && p.Reason != purl.ReasonInvalidVersion:
			unmatched[i] = p.Reason
		default:
			invalid[i] = p.Reason != ""
			targets[i] = target{Purl: raw, Ecosystem: p.Ecosystem, Version: p.MatchVersion, Keys: p.Keys()}
		}
	}
	recorded, err := LoadRecorded(ctx, tx, tenant, ecosystemsOf(targets)...)
	if err != nil {
		return nil, err
	}
	covers, err := findCover(ctx, tx, tenant, targets, nil, cache)
	if err != nil {
		return nil, err
	}
	if err := dropWithoutEffect(ctx, tx, tenant, covers); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, cs := range covers {
		for _, c := range cs {
			names[c.VulnID] = true
		}
	}
	g, err := loadGroups(ctx, tx, tenant, sorted(names))
	if err != nil {
		return nil, err
	}
	scores, err := loadScores(ctx, tx, tenant, g.ids())
	if err != nil {
		return nil, err
	}
	var out []Hit
	for i, raw := range purls {
		switch {
		case unmatched[i] != "" || len(covers[i]) > 0:
		case invalid[i]:
			unmatched[i] = purl.ReasonInvalidVersion
		case !recorded.Judges(targets[i].Ecosystem):
			unmatched[i] = NoRecords
		}
		if unmatched[i] != "" {
			out = append(out, Hit{Purl: raw, Unmatched: unmatched[i], OtherReleases: unmatched[i] == NoRecords && recorded.OtherReleases(targets[i].Ecosystem)})
			continue
		}
		byGroup := map[string][]coveredBy{}
		for _, c := range covers[i] {
			for _, name := range g.names(c.VulnID) {
				byGroup[name] = append(byGroup[name], c)
			}
		}
		var hits []Hit
		for name, cs := range byGroup {
			f := finding{Aliases: []string{}, Advisories: []string{}, Fixed: []string{}}
			f.summarize(name, g.members(name), cs, scores)
			hits = append(hits, Hit{
				Purl: raw, Vulnerability: name, Aliases: f.Aliases, Advisories: f.Advisories, Severity: f.Severity, Score: f.Score, Fixed: f.Fixed,
				Source: joined(cs, func(c coveredBy) string { return c.Source }), Range: joined(cs, func(c coveredBy) string { return c.Range }),
			})
		}
		slices.SortFunc(hits, func(a, b Hit) int {
			if d := scoreOf(b.Score) - scoreOf(a.Score); d != 0 {
				return d
			}
			return strings.Compare(a.Vulnerability, b.Vulnerability)
		})
		out = append(out, hits...)
	}
	return out, nil
}

// ecosystemsOf are the ecosystems of packages, each once.
func ecosystemsOf(targets []target) (list []string) {
	for _, t := range targets {
		if t.Ecosystem != "" && !slices.Contains(list, t.Ecosystem) {
			list = append(list, t.Ecosystem)
		}
	}
	return list
}

func scoreOf(s *int16) int {
	if s == nil {
		return -1
	}
	return int(*s)
}

// joined are the distinct values of several facts.
func joined(cs []coveredBy, value func(coveredBy) string) string {
	var out []string
	for _, c := range cs {
		if v := value(c); v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// dropWithoutEffect takes out what facts say that were withdrawn, or have a newer version, since the last
// projection.
func dropWithoutEffect(ctx context.Context, tx pgx.Tx, tenant id.ID, covers [][]coveredBy) error {
	facts := map[id.ID]bool{}
	for _, cs := range covers {
		for _, c := range cs {
			facts[c.FactID] = true
		}
	}
	if len(facts) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, sqlFactsWithoutEffect, tenant, sortedIDs(facts))
	if err != nil {
		return fmt.Errorf("which facts count: %w", err)
	}
	gone, err := pgx.CollectRows(rows, pgx.RowTo[id.ID])
	if err != nil {
		return fmt.Errorf("which facts count: %w", err)
	}
	for _, fact := range gone {
		delete(facts, fact)
	}
	for i := range covers {
		covers[i] = slices.DeleteFunc(covers[i], func(c coveredBy) bool { return !facts[c.FactID] })
	}
	return nil
}
