package projections

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
)

// matchChunk bounds how many packages are matched at once, and so the memory.
const matchChunk = 2000

// target is a package to be matched against facts.
type target struct {
	ID        id.ID
	Purl      string
	Ecosystem string
	Version   string
	Keys      []string
}

// coveredBy says that a fact covers a package: a row of package_vuln but for the package.
type coveredBy struct {
	VulnID    string
	FactID    id.ID
	Advisory  string
	Source    string
	MatchedBy string
	Range     string
	Fixed     []string
	Score     *int16
	Severity  string
	Document  string // content hash of the document that the fact is in; of stored matches only
}

// match brings package_vuln up to date: for the packages that are new against all facts,
// for the others against the records that changed. Packages that no artifact lists are
// left alone; they are new when one does.
func (b *batch) match(ctx context.Context) error {
	for chunk := range slices.Chunk(sortedIDs(b.packages), matchChunk) {
		if err := b.matchChunk(ctx, chunk, nil); err != nil {
			return err
		}
	}
	if len(b.records) == 0 {
		return nil
	}
	records := sorted(b.records)
	facts, keys := map[id.ID]bool{}, map[string]bool{}
	if err := b.ids(ctx, facts, sqlFactsOfRecords, b.tenant, records); err != nil {
		return err
	}
	rows, err := b.tx.Query(ctx, sqlFactKeys, b.tenant, records)
	if err != nil {
		return err
	}
	var record, key string
	if _, err := pgx.ForEachRow(rows, []any{&record, &key}, func() error { keys[key] = true; return nil }); err != nil {
		return err
	}
	if err := b.leaveKeys(ctx, keys); err != nil {
		return err
	}
	packages := map[id.ID]bool{}
	if err := b.ids(ctx, packages, sqlPackagesByKey, b.tenant, sorted(keys)); err != nil {
		return err
	}
	maps.DeleteFunc(packages, func(p id.ID, _ bool) bool { return b.packages[p] })
	of := sortedIDs(facts)
	for chunk := range slices.Chunk(sortedIDs(packages), matchChunk) {
		if err := b.matchChunk(ctx, chunk, of); err != nil {
			return err
		}
	}
	return nil
}

// matchChunk matches packages against the given facts, or against all where facts is nil.
func (b *batch) matchChunk(ctx context.Context, packages, facts []id.ID) error {
	rows, err := b.tx.Query(ctx, sqlLoadPackages, b.tenant, packages)
	if err != nil {
		return err
	}
	targets, err := pgx.CollectRows(rows, pgx.RowToStructByPos[target])
	if err != nil {
		return err
	}
	if err := b.leaveCPEs(ctx, targets); err != nil {
		return err
	}
	covers, err := findCover(ctx, b.tx, b.tenant, targets, facts, b.w.compiled)
	if err != nil {
		return err
	}
	have, err := b.storedCovers(ctx, packages, facts)
	if err != nil {
		return err
	}
	changed, touched := map[id.ID]bool{}, map[string]bool{}
	var put [][]any
	for i, t := range targets {
		for _, c := range covers[i] {
			k := coverKey{t.ID, c.VulnID, c.FactID}
			old, stored := have[k]
			delete(have, k)
			if stored && c.same(old) {
				continue
			}
			put = append(put, []any{t.ID, c.VulnID, c.FactID, c.Advisory, c.Source, c.MatchedBy, c.Range, c.Fixed, c.Score, c.Severity})
			changed[t.ID], touched[c.VulnID] = true, true
		}
	}
	var gone struct {
		packages []id.ID
		vulns    []string
		facts    []id.ID
	}
	for k := range have {
		gone.packages, gone.vulns, gone.facts = append(gone.packages, k.pkg), append(gone.vulns, k.vuln), append(gone.facts, k.fact)
		changed[k.pkg], touched[k.vuln] = true, true
	}
	if len(gone.packages) > 0 {
		if err := b.exec(ctx, sqlDeletePackageVulns, b.tenant, gone.packages, gone.vulns, gone.facts); err != nil {
			return fmt.Errorf("delete %d matches: %w", len(gone.packages), err)
		}
	}
	if len(put) > 0 {
		if err := b.copy(ctx, "p_package_vuln", coverColumns, put); err != nil {
			return err
		}
		if err := b.exec(ctx, sqlPutPackageVulns, b.tenant); err != nil {
			return fmt.Errorf("put %d matches: %w", len(put), err)
		}
	}
	if facts == nil {
		// All pairs of a new package are looked at anyway, at all their vulnerabilities.
		maps.DeleteFunc(changed, func(p id.ID, _ bool) bool { return !b.derived[p] })
	}
	if len(changed) == 0 {
		return nil
	}
	for v := range touched {
		b.vulns[v] = true
	}
	return b.exec(ctx, sqlPairsOfPackages, b.tenant, sortedIDs(changed))
}

var coverColumns = []string{"package_id", "vuln_id", "fact_id", "advisory", "source", "matched_by", "match_range", "fixed_versions", "score", "severity"}

// coverKey is the key of package_vuln.
type coverKey struct {
	pkg  id.ID
	vuln string
	fact id.ID
}

// storedCovers loads what package_vuln says of the packages: of the given facts, or all of it.
func (b *batch) storedCovers(ctx context.Context, packages, facts []id.ID) (map[coverKey]coveredBy, error) {
	rows, err := b.tx.Query(ctx, sqlStoredPackageVulns, b.tenant, packages, facts)
	if err != nil {
		return nil, err
	}
	out := map[coverKey]coveredBy{}
	err = eachCover(rows, func(p id.ID, c coveredBy) { out[coverKey{p, c.VulnID, c.FactID}] = c })
	if err != nil {
		return nil, fmt.Errorf("stored matches: %w", err)
	}
	return out, nil
}

// byCPE is matched_by of what was found by a CPE, whether in a range or in a list: less certain than what
// was found by the name of the package.
const byCPE = "cpe"

// isCPE reports whether a key is one that packages and facts meet by where CPEs count.
func isCPE(key string) bool { return strings.HasPrefix(key, "cpe:") }

// leaveKeys takes the CPEs out of the keys of records, where packages are not looked up by them.
func (b *batch) leaveKeys(ctx context.Context, keys map[string]bool) error {
	for key := range keys {
		if !isCPE(key) {
			continue
		}
		force, err := b.inForce(ctx)
		if err == nil && !force.ByCPE() {
			maps.DeleteFunc(keys, func(key string, _ bool) bool { return isCPE(key) })
		}
		return err
	}
	return nil
}

// leaveCPEs takes the CPEs out of what packages are looked up by, where that is switched off.
func (b *batch) leaveCPEs(ctx context.Context, targets []target) error {
	for i := range targets {
		if !slices.ContainsFunc(targets[i].Keys, isCPE) {
			continue
		}
		force, err := b.inForce(ctx)
		if err != nil {
			return err
		}
		if !force.ByCPE() {
			targets[i].Keys = slices.DeleteFunc(targets[i].Keys, isCPE)
		}
	}
	return nil
}

// eachCover reads rows of package_vuln with the document of the fact.
func eachCover(rows pgx.Rows, fn func(id.ID, coveredBy)) error {
	defer rows.Close()
	for rows.Next() {
		var p id.ID
		var c coveredBy
		if err := rows.Scan(&p, &c.VulnID, &c.FactID, &c.Advisory, &c.Source, &c.MatchedBy, &c.Range, &c.Fixed, &c.Score, &c.Severity, &c.Document); err != nil {
			return err
		}
		fn(p, c)
	}
	return rows.Err()
}

func (c *coveredBy) same(o coveredBy) bool {
	return c.Advisory == o.Advisory && c.Source == o.Source && c.MatchedBy == o.MatchedBy && c.Range == o.Range &&
		slices.Equal(c.Fixed, o.Fixed) && equalPtr(c.Score, o.Score) && c.Severity == o.Severity
}

// affectedRow is a row of load_affected.
type affectedRow struct {
	compiledKey
	key              string
	score            *int16
	severity         string
	advisory, source string
	names            []string
}

// findCover finds, for each target, the current facts that cover its version, among the
// given ones or among all. The facts come from the database once per call, however
// many targets share them.
func findCover(ctx context.Context, tx pgx.Tx, tenant id.ID, targets []target, facts []id.ID, cache *compiledCache) ([][]coveredBy, error) {
	out := make([][]coveredBy, len(targets))
	byKey := map[string][]int{}
	for i, t := range targets {
		for _, k := range t.Keys {
			byKey[k] = append(byKey[k], i)
		}
	}
	if len(byKey) == 0 {
		return out, nil
	}
	keys := slices.Sorted(maps.Keys(byKey))
	var rows pgx.Rows
	var err error
	if facts == nil {
		rows, err = tx.Query(ctx, sqlLoadAffected, tenant, keys)
	} else {
		rows, err = tx.Query(ctx, sqlLoadAffectedOf, tenant, keys, facts)
	}
	if err != nil {
		return nil, fmt.Errorf("facts about %d names: %w", len(keys), err)
	}
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r affectedRow, err error) {
		err = row.Scan(&r.tenant, &r.fact, &r.ordinal, &r.key, &r.score, &r.severity, &r.advisory, &r.source, &r.names)
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("facts about %d names: %w", len(keys), err)
	}
	compiled, err := cache.load(ctx, tx, entries)
	if err != nil {
		return nil, fmt.Errorf("ranges of %d facts: %w", len(entries), err)
	}
	type done struct {
		target int
		fact   id.ID
		vuln   string
	}
	seen := map[done]bool{}
	for n, r := range entries {
		if compiled[n] == nil {
			continue // deleted between the two queries
		}
		for _, i := range byKey[r.key] {
			// An error means that the ecosystem cannot order the version: nothing is known, so
			// nothing is found. The package is an unknown for that reason already.
			m, ok, _ := compiled[n].Affected(targets[i].Version)
			if !ok {
				continue
			}
			if isCPE(r.key) {
				m.By = byCPE
			}
			fixed := m.FixedVersions
			if fixed == nil {
				fixed = []string{}
			}
			for _, name := range r.names {
				d := done{i, r.fact, name}
				if seen[d] {
					continue // named twice in one record: the first entry counts
				}
				seen[d] = true
				out[i] = append(out[i], coveredBy{
					VulnID: name, FactID: r.fact, Advisory: r.advisory, Source: r.source,
					MatchedBy: m.By, Range: m.Range, Fixed: fixed, Score: r.score, Severity: r.severity,
				})
			}
		}
	}
	return out, nil
}
