package embedpg

import (
	"golang.org/x/sys/unix"
)

func memoryBytes() int64 {
	memory, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return 1 << 30
	}
	return int64(memory)
}

// smallSharedMemory is a question of containers, which macOS has not.
func smallSharedMemory() bool { return false }

// syncFilesystem makes everything written so far durable.
func syncFilesystem(string) error { return unix.Sync() }
