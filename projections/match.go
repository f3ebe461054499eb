package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/normalize"
	"sluice/normalize/version"
)

// matchChunk bounds how many packages are matched at once, and so the memory.
const matchChunk = 5000

// target is a package to be matched against facts.
type target struct {
	ID        id.ID
	Purl      string
	Ecosystem string
	Version   string
	Keys      []string
}

// covered says that a fact covers a package: a row of package_vuln but for the package.
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

// match brings package_vuln up to date for the packages that are new and for those
// whose facts changed.
func (b *batch) match(ctx context.Context) error {
	if len(b.keys) > 0 {
		rows, err := b.tx.Query(ctx, sqlPackagesByKey, b.tenant, sorted(b.keys))
		if err != nil {
			return err
		}
		var p id.ID
		if _, err := pgx.ForEachRow(rows, []any{&p}, func() error { b.packages[p] = true; return nil }); err != nil {
			return err
		}
	}
	for chunk := range slices.Chunk(sortedIDs(b.packages), matchChunk) {
		if err := b.matchChunk(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) matchChunk(ctx context.Context, packages []id.ID) error {
	rows, err := b.tx.Query(ctx, sqlLoadPackages, b.tenant, packages)
	if err != nil {
		return err
	}
	targets, err := pgx.CollectRows(rows, pgx.RowToStructByPos[target])
	if err != nil {
		return err
	}
	covers, err := findCover(ctx, b.tx, b.tenant, targets, b.w.compiled)
	if err != nil {
		return err
	}
	var out [][]any
	for i, t := range targets {
		for _, c := range covers[i] {
			out = append(out, []any{t.ID, c.VulnID, c.FactID, c.Advisory, c.Source, c.MatchedBy, c.Range, c.Fixed, c.Score, c.Severity})
		}
	}
	if err := b.exec(ctx, `truncate p_package_vuln`); err != nil {
		return err
	}
	if len(out) > 0 {
		_, err := b.tx.CopyFrom(ctx, pgx.Identifier{"p_package_vuln"},
			[]string{"package_id", "vuln_id", "fact_id", "advisory", "source", "matched_by", "match_range", "fixed_versions", "score", "severity"}, pgx.CopyFromRows(out))
		if err != nil {
			return fmt.Errorf("copy %d matches: %w", len(out), err)
		}
	}
	rows, err = b.tx.Query(ctx, sqlDiffPackageVulns, b.tenant, packages)
	if err != nil {
		return err
	}
	changed, err := pgx.CollectRows(rows, pgx.RowTo[id.ID])
	if err != nil || len(changed) == 0 {
		return err
	}
	return b.exec(ctx, sqlPairsOfPackages, b.tenant, changed)
}

// affectedRow is a row of load_affected.
type affectedRow struct {
	tenant, fact     id.ID
	ordinal          int32
	key              string
	ecosystem, name  string
	ranges           []byte
	versions, fixed  []string
	score            *int16
	severity         string
	advisory, source string
	names            []string
}

// findCover finds, for each target, the current facts that cover its version. The
// facts come from the database once per call, however many targets share them.
func findCover(ctx context.Context, tx pgx.Tx, tenant id.ID, targets []target, cache *compiledCache) ([][]coveredBy, error) {
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
	keys := make([]string, 0, len(byKey))
	for k := range byKey {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	rows, err := tx.Query(ctx, sqlLoadAffected, tenant, keys)
	if err != nil {
		return nil, fmt.Errorf("facts about %d names: %w", len(keys), err)
	}
	type done struct {
		target int
		fact   id.ID
		vuln   string
	}
	seen := map[done]bool{}
	var r affectedRow
	_, err = pgx.ForEachRow(rows, []any{&r.tenant, &r.fact, &r.ordinal, &r.key, &r.ecosystem, &r.name, &r.ranges, &r.versions, &r.fixed,
		&r.score, &r.severity, &r.advisory, &r.source, &r.names}, func() error {
		c, err := cache.get(&r)
		if err != nil {
			return err
		}
		for _, i := range byKey[r.key] {
			// An error means that the ecosystem cannot order the version: nothing is known, so
			// nothing is found. The package is an unknown for that reason already.
			m, ok, _ := c.Affected(targets[i].Version)
			if !ok {
				continue
			}
			for _, name := range r.names {
				d := done{i, r.fact, name}
				if seen[d] {
					continue // named twice in one record: the first entry counts
				}
				seen[d] = true
				fixed := m.FixedVersions
				if fixed == nil {
					fixed = []string{}
				}
				out[i] = append(out[i], coveredBy{
					VulnID: name, FactID: r.fact, Advisory: r.advisory, Source: r.source,
					MatchedBy: m.By, Range: m.Range, Fixed: fixed, Score: r.score, Severity: r.severity,
				})
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("facts about %d names: %w", len(keys), err)
	}
	return out, nil
}

// compiledCache keeps parsed version ranges: a popular package's facts are needed in
// every batch. Rows of vuln_affected never change but for is_current, so an entry is
// never stale. It is emptied when it is full.
type compiledCache struct {
	mu sync.Mutex
	m  map[compiledKey]*version.Compiled
}

type compiledKey struct {
	tenant, fact id.ID
	ordinal      int32
}

const compiledCacheSize = 50_000

func newCompiledCache() *compiledCache {
	return &compiledCache{m: map[compiledKey]*version.Compiled{}}
}

func (c *compiledCache) get(r *affectedRow) (*version.Compiled, error) {
	k := compiledKey{r.tenant, r.fact, r.ordinal}
	c.mu.Lock()
	defer c.mu.Unlock()
	if v := c.m[k]; v != nil {
		return v, nil
	}
	a := &normalize.AffectedPackage{Ecosystem: r.ecosystem, Name: r.name, Key: r.key, Versions: slices.Clone(r.versions), FixedVersions: slices.Clone(r.fixed)}
	if err := json.Unmarshal(r.ranges, &a.Ranges); err != nil {
		return nil, fmt.Errorf("ranges of %s: %w", r.advisory, err)
	}
	if len(c.m) >= compiledCacheSize {
		clear(c.m)
	}
	v := version.Compile(a)
	c.m[k] = v
	return v, nil
}
