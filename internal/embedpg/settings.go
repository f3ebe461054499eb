//go:build linux || darwin

package embedpg

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// settings are the server's settings, each with its reason. They stand in
// data/sluice.conf, which postgresql.conf includes, so that ALTER SYSTEM and
// hence an operator's word still wins. Everything not named here is
// PostgreSQL's own default. Bin is the folder of the programs.
func settings(bin string, extra map[string]string) map[string]string {
	m := map[string]string{
		// Durability is what a database is for; a slow disk is no reason. These
		// are the defaults, written down so that nobody has to wonder.
		"fsync":              "on",
		"synchronous_commit": "on",
		"full_page_writes":   "on",
		"autovacuum":         "on",

		// Only programs of this machine, with a password; no socket file whose
		// path could grow too long (107 bytes) or stay behind.
		"listen_addresses":        "127.0.0.1",
		"unix_socket_directories": "",
		"max_connections":         "100",
		"password_encryption":     "scram-sha-256",

		// An eighth of the memory, at most 512 MB: a guest on a developer's
		// machine leaves the rest to the system's page cache.
		"shared_buffers": fmt.Sprintf("%dMB", sharedBuffersMB(memoryBytes())),

		// A backfill writes gigabytes of WAL. With the defaults (1 GB, 5 min) it
		// checkpoints all the time, and each checkpoint costs a full image of
		// every page touched after it. Price: up to 4 GB of disk, and a longer
		// crash recovery (measured in seconds, not minutes, at our rates).
		"max_wal_size":       "4GB",
		"checkpoint_timeout": "15min",
		// WAL that a backup's slot keeps for an archive which nobody feeds any more. PostgreSQL
		// sets no limit: one `backup run` on a laptop would fill its disk in the end.
		"max_slot_wal_keep_size": "4GB",
		// Full-page images are most of that WAL and compress to a third. pglz
		// because this build has neither lz4 nor zstd.
		"wal_compression": "pglz",

		// Our queries are short; compiling them costs more than it gains, and
		// this build may lack LLVM anyway.
		"jit": "off",

		// Partitions are cut at UTC months; a session that does not set a zone
		// must not read or print something else.
		"timezone":     "UTC",
		"log_timezone": "UTC",

		// The supervisor gives the server a file as standard error and rotates
		// it, which saves a process and keeps even the first words of a failing
		// start in one place.
		"logging_collector": "off",
		"log_line_prefix":   "%m [%p] %q%u@%d ",
		"log_lock_waits":    "on",
	}
	if found, _ := filepath.Glob(filepath.Join(bin, "lib", "postgresql", "pg_stat_statements.*")); len(found) > 0 {
		// Can only be loaded at the start, so it always is: `sluice explain` and
		// the metrics of slow queries read it.
		m["shared_preload_libraries"] = "pg_stat_statements"
	}
	if smallSharedMemory() {
		// A container's usual 64 MB of /dev/shm cannot hold a parallel hash
		// join: "could not resize shared memory segment". Files can.
		m["dynamic_shared_memory_type"] = "mmap"
	}
	maps.Copy(m, extra)
	return m
}

func sharedBuffersMB(memory int64) int64 {
	const mb = 1 << 20
	return min(max(memory/8/mb, 16), 512)
}

// settingsFile is the text of data/sluice.conf.
func settingsFile(m map[string]string) string {
	var b strings.Builder
	b.WriteString("# Written by sluice at every start; changes here are lost.\n" +
		"# Use ALTER SYSTEM, which wins over this file.\n")
	for _, name := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, "%s = '%s'\n", name, strings.ReplaceAll(m[name], "'", "''"))
	}
	return b.String()
}

var settingName = regexp.MustCompile(`^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$`)

func checkSetting(name, value string) error {
	switch {
	case !settingName.MatchString(name):
		return fmt.Errorf("%q is not the name of a PostgreSQL setting", name)
	case strings.ContainsAny(value, "\n\r\x00\\"):
		return fmt.Errorf("setting %s: the value %q has a character that postgresql.conf cannot hold", name, value)
	case name == "port":
		return fmt.Errorf("set the port by Config.Port or %s, not as a setting", envPort)
	case name == "data_directory" || name == "logging_collector" || name == "external_pid_file":
		return fmt.Errorf("setting %s is the supervisor's own", name)
	}
	return nil
}

// serverEnv is the whole environment of PostgreSQL's programs. The caller's own
// is not passed on: PGDATA, PGPORT, PGOPTIONS, PGTZ or LC_ALL in it would
// change what the server does.
func serverEnv(home string) []string {
	path := os.Getenv("PATH")
	if path == "" {
		path = "/usr/local/bin:/usr/bin:/bin"
	}
	return []string{"PATH=" + path, "HOME=" + home, "LC_ALL=C", "TZ=UTC"}
}
