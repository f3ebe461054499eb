package serve

import (
	"os"
	"runtime/debug"

	"sluice/internal/ask"
	"sluice/normalize"
)

// LimitMemory makes the garbage collector work harder before an import needs much more
// than its documents in flight. GOMEMLIMIT in the environment overrides it.
func LimitMemory(maxDocument int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(320<<20 + 4*max(0, maxDocument-normalize.DefaultLimits.MaxBytes))
	}
}

// checkMaxDocument bounds the largest document.
func checkMaxDocument(bytes int64) error {
	if bytes < 1 || bytes > 1<<30 {
		return ask.Wrong("max-document-bytes", "%d: it is 1 to %d; PostgreSQL holds no larger value", bytes, 1<<30)
	}
	return nil
}
