package serve

import (
	"runtime/debug"
	"testing"
)

// TestHoldMemory: what a decompressor holds does not count against an import. Not parallel: the limit is the process's.
func TestHoldMemory(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "")
	before := debug.SetMemoryLimit(-1)
	defer func() {
		memory.limit, memory.held = 0, 0
		debug.SetMemoryLimit(before)
	}()
	holdMemory(5) // nobody has set a limit yet
	if got := debug.SetMemoryLimit(-1); got != before {
		t.Errorf("the limit is %d, was %d", got, before)
	}
	LimitMemory(ImportMemory, 0)
	holdMemory(100)
	if got, want := debug.SetMemoryLimit(-1), int64(ImportMemory+105); got != want {
		t.Errorf("with %d, want %d", got, want)
	}
	holdMemory(-105)
	if got, want := debug.SetMemoryLimit(-1), int64(ImportMemory); got != want {
		t.Errorf("after it %d, want %d", got, want)
	}
	t.Setenv("GOMEMLIMIT", "1GiB")
	holdMemory(7)
	if got, want := debug.SetMemoryLimit(-1), int64(ImportMemory); got != want {
		t.Errorf("GOMEMLIMIT is overridden: %d, want %d", got, want)
	}
}
