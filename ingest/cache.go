package ingest

import (
	"sync"

	"sluice/internal/id"
)

// packageCacheSize is how many package ids a generation holds: 200,000 are 10 MB.
const packageCacheSize = 200_000

// packageCache remembers packages that are committed, so that they are not sent
// again with every SBOM that lists them: real SBOMs share most of theirs. Two
// generations bound it; forgetting a package only costs sending it again. Package
// rows are never deleted while imports run.
type packageCache struct {
	mu       sync.RWMutex
	size     int
	now, old map[id.ID]struct{}
}

func newPackageCache(size int) *packageCache {
	return &packageCache{size: size, now: map[id.ID]struct{}{}}
}

func (c *packageCache) has(p id.ID) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if _, ok := c.now[p]; ok {
		return true
	}
	_, ok := c.old[p]
	return ok
}

func (c *packageCache) add(ids []id.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range ids {
		c.now[p] = struct{}{}
	}
	if len(c.now) >= c.size {
		c.now, c.old = map[id.ID]struct{}{}, c.now
	}
}
