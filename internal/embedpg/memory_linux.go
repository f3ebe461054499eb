package embedpg

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// memoryBytes is what this process may use: the machine's memory, or less if a
// control group says so.
func memoryBytes() int64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 1 << 30
	}
	memory := int64(info.Totalram) * int64(info.Unit)
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && limit > 0 {
			memory = min(memory, limit)
		}
	}
	return memory
}

// smallSharedMemory reports whether /dev/shm is missing or too small for
// parallel queries.
func smallSharedMemory() bool {
	var fs unix.Statfs_t
	if unix.Statfs("/dev/shm", &fs) != nil {
		return true
	}
	return int64(fs.Blocks)*fs.Bsize < 256<<20
}

// syncFilesystem makes everything written to the file system of path durable.
func syncFilesystem(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}
