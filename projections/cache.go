package projections

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"

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

func (c *compiledCache) get(r *affectedRow) (*version.Compiled, error) {
	k := compiledKey{r.tenant, r.fact, r.ordinal}
	c.mu.Lock()
	v := c.m[k]
	c.mu.Unlock()
	if v != nil {
		return v, nil
	}
	a := &normalize.AffectedPackage{Ecosystem: r.ecosystem, Name: r.name, Key: r.key, Versions: slices.Clone(r.versions), FixedVersions: slices.Clone(r.fixed)}
	if err := json.Unmarshal(r.ranges, &a.Ranges); err != nil {
		return nil, fmt.Errorf("ranges of %s: %w", r.advisory, err)
	}
	v = version.Compile(a)
	size := 512 + 4*len(r.ranges)
	for _, list := range [...][]string{a.Versions, a.FixedVersions} {
		for _, s := range list {
			size += 16 + len(s)
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
	return v, nil
}
