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

// compiledCache keeps parsed version ranges: a popular package's facts are needed in
// every batch. Rows of vuln_affected never change but for is_current, so an entry is
// never stale. It is emptied when it is full.
type compiledCache struct {
	mu   sync.Mutex
	m    map[compiledKey]*version.Compiled
	size int // about, in bytes
}

type compiledKey struct {
	tenant, fact id.ID
	ordinal      int32
}

// compiledCacheSize bounds the cache in bytes: some records list thousands of versions.
const compiledCacheSize = 64 << 20

func newCompiledCache() *compiledCache {
	return &compiledCache{m: map[compiledKey]*version.Compiled{}}
}

// load returns the ranges of entries, nil for one that is not there any more. Those that
// nobody has asked for yet come from the database, in one query.
func (c *compiledCache) load(ctx context.Context, tx pgx.Tx, entries []affectedRow) ([]*version.Compiled, error) {
	out := make([]*version.Compiled, len(entries))
	missing := map[compiledKey][]int{}
	c.mu.Lock()
	for i, e := range entries {
		if out[i] = c.m[e.compiledKey]; out[i] == nil {
			missing[e.compiledKey] = append(missing[e.compiledKey], i)
		}
	}
	c.mu.Unlock()
	if len(missing) == 0 {
		return out, nil
	}
	var tenants, facts []id.ID
	var ordinals []int32
	for k := range missing {
		tenants, facts, ordinals = append(tenants, k.tenant), append(facts, k.fact), append(ordinals, k.ordinal)
	}
	rows, err := tx.Query(ctx, sqlLoadRanges, tenants, facts, ordinals)
	if err != nil {
		return nil, err
	}
	var k compiledKey
	var a normalize.AffectedPackage
	var ranges []byte
	_, err = pgx.ForEachRow(rows, []any{&k.tenant, &k.fact, &k.ordinal, &a.Key, &a.Ecosystem, &a.Name, &ranges, &a.Versions, &a.FixedVersions}, func() error {
		entry := a
		entry.Versions, entry.FixedVersions, entry.Ranges = slices.Clone(a.Versions), slices.Clone(a.FixedVersions), nil
		if err := json.Unmarshal(ranges, &entry.Ranges); err != nil {
			return fmt.Errorf("ranges of fact %s, entry %d: %w", k.fact, k.ordinal, err)
		}
		v := version.Compile(&entry)
		c.put(k, v, &entry, len(ranges))
		for _, i := range missing[k] {
			out[i] = v
		}
		return nil
	})
	return out, err
}

// put keeps the parsed ranges of an entry.
func (c *compiledCache) put(k compiledKey, v *version.Compiled, a *normalize.AffectedPackage, text int) {
	size := 512 + 4*text
	for _, list := range [...][]string{a.Versions, a.FixedVersions} {
		for _, s := range list {
			size += 24 + len(s) // a listed version is found by eight bytes of an index
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size+size > compiledCacheSize {
		clear(c.m)
		c.size = 0
	}
	c.m[k] = v
	c.size += size
}
