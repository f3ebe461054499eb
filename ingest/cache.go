package ingest

import (
	"sync"
	"time"

	"sluice/internal/id"
)

// packageCacheSize is how many package ids a generation holds: 200,000 are 10 MB.
const packageCacheSize = 200_000

// packageCache remembers packages that are committed, so that they are not sent
// again with every SBOM that lists them: real SBOMs share most of theirs. Two
// generations bound it; forgetting a package only costs sending it again. Package
// rows are never deleted while imports run.
//
// What it remembers holds for one server. After a fail-over, or a restore, commits may be
// gone; so it is emptied after every outage, and whenever a transaction finds itself on a
// server that was started at another time: a pool replaces idle connections without a word.
type packageCache struct {
	mu       sync.RWMutex
	size     int
	now, old map[id.ID]struct{}
	epoch    int       // counts how often it was emptied
	server   time.Time // when the server was started that it is about; zero: not known yet
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

// at returns the epoch, for a transaction that is about to ask has.
func (c *packageCache) at() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.epoch
}

// add remembers what was committed by a transaction of an epoch, unless that is over: the
// commit may be among those that are lost.
func (c *packageCache) add(epoch int, ids []id.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.epoch {
		return
	}
	for _, p := range ids {
		c.now[p] = struct{}{}
	}
	if len(c.now) >= c.size {
		c.now, c.old = map[id.ID]struct{}{}, c.now
	}
}

// empty forgets everything.
func (c *packageCache) empty() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.old = map[id.ID]struct{}{}, nil
	c.epoch++
}

// on says on which server a transaction of an epoch is about to commit. False: what it left
// out may not be there, because the cache was emptied since or is about another server. Then
// it has to begin anew.
func (c *packageCache) on(epoch int, server time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.epoch {
		return false
	}
	if c.server.Equal(server) {
		return true
	}
	first := c.server.IsZero()
	c.server = server
	if first {
		return true // nothing was left out yet
	}
	c.now, c.old = map[id.ID]struct{}{}, nil
	c.epoch++
	return false
}
