package main

import (
	"context"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"sluice/internal/embedpg"
	"sluice/normalize"
)

// limitMemory makes the garbage collector work harder before an import needs much more
// than its documents in flight. GOMEMLIMIT in the environment overrides it.
func limitMemory(maxDocument int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(320<<20 + 4*max(0, maxDocument-normalize.DefaultLimits.MaxBytes))
	}
}

// resetPeak starts the measurement of peak memory anew, where the system can (Linux).
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o200) }

// peakRSS is the largest resident memory since resetPeak, in bytes; 0 where it is not known.
func peakRSS() int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kb << 10
		}
	}
	return 0
}

// removeHome ends the embedded server of a temporary home and deletes it.
func (a *app) removeHome(dir string) {
	a.close()
	a.server, a.pools = nil, nil
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := embedpg.Remove(ctx, embedpg.Config{Home: dir}); err != nil {
		a.log.Warn("the server of the measurement is left behind", "folder", dir, "error", err)
	}
	_ = os.RemoveAll(dir)
}
