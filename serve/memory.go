package serve

import (
	"os"
	"runtime/debug"
	"sync"

	"sluice/internal/ask"
	"sluice/normalize"
)

// What LimitMemory is told: an import alone, or one with a projection in the same process, which holds the
// components and matches of a batch of jobs.
const (
	ImportMemory = 160 << 20
	ServeMemory  = 320 << 20
)

// memory is what the garbage collector was told last.
var memory struct {
	sync.Mutex
	limit, held int64
}

// LimitMemory makes the garbage collector work harder before an import needs much more
// than its documents in flight. GOMEMLIMIT in the environment overrides it.
func LimitMemory(limit, maxDocument int64) {
	memory.Lock()
	defer memory.Unlock()
	memory.limit = limit + 4*max(0, maxDocument-normalize.DefaultLimits.MaxBytes)
	tellCollector()
}

// holdMemory raises the limit by what a decompressor holds, or lowers it again: it cannot be
// collected, and without it the collector would work all the time to no avail.
func holdMemory(bytes int64) {
	memory.Lock()
	defer memory.Unlock()
	memory.held += bytes
	tellCollector()
}

func tellCollector() {
	if memory.limit > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memory.limit + memory.held)
	}
}

// checkMaxDocument bounds the largest document.
func checkMaxDocument(bytes int64) error {
	if bytes < 1 || bytes > 1<<30 {
		return ask.Wrong("max-document-bytes", "%d: it is 1 to %d; PostgreSQL holds no larger value", bytes, 1<<30)
	}
	return nil
}
