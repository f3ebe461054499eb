//go:build linux || darwin

package embedpg

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// postmasterFile is PostgreSQL's lock file: process id, data folder, start time,
// port, socket folder, address, shared memory, status; a line each.
func postmasterFile(data string) []string {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return nil
	}
	return strings.Split(string(text), "\n")
}

func postmasterOf(data string) int {
	lines := postmasterFile(data)
	if len(lines) == 0 {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || pid < 0 { // negative: initdb's and other single-user runs
		return 0
	}
	return pid
}

// postmasterReady reports whether the postmaster pid has opened for clients.
func postmasterReady(data string, pid int) bool {
	const statusLine = 7
	lines := postmasterFile(data)
	return len(lines) > statusLine && lines[0] == strconv.Itoa(pid) && strings.TrimSpace(lines[statusLine]) == "ready"
}

// clearOrphans ends the processes that a killed supervisor or postmaster left
// behind in data, and then its stale lock file. The caller holds
// supervisor.lock, so nobody else may be running this server.
//
// First the gentle way: a postmaster told to stop rolls back, writes a
// checkpoint and takes its backends along; a backend without a postmaster
// notices and ends by itself when it next waits. Then less and less gently. Even
// SIGKILL is safe for the data: it is a crash, and recovery is what WAL is for.
// What would not be safe is a second postmaster beside living backends.
func clearOrphans(ctx context.Context, data string) error {
	for _, step := range []struct {
		master   bool           // for the postmaster, or for those without one
		signal   syscall.Signal // 0: none, just wait
		patience time.Duration
	}{
		// Its children are a living postmaster's own business: to it, a signal
		// from elsewhere would look like a crash.
		{true, syscall.SIGINT, 20 * time.Second}, // fast shutdown
		{true, syscall.SIGQUIT, 5 * time.Second}, // at once
		{false, 0, 300 * time.Millisecond},
		// No SIGINT or SIGTERM here: a checkpointer takes them as the order to
		// write the last checkpoint.
		{false, syscall.SIGQUIT, 5 * time.Second},
		{false, syscall.SIGKILL, 5 * time.Second},
	} {
		pids := serverProcesses(data)
		if len(pids) == 0 {
			break
		}
		if master := postmasterOf(data); step.master {
			if !slices.Contains(pids, master) {
				continue
			}
			pids = []int{master}
		}
		if step.signal != 0 {
			for _, pid := range pids {
				_ = syscall.Kill(pid, step.signal)
			}
		}
		if err := waitForNone(ctx, data, step.patience); err != nil {
			return err
		}
	}
	if pids := serverProcesses(data); len(pids) > 0 {
		return fmt.Errorf("processes %v of an earlier server in %s do not end: stop them", pids, data)
	}
	// PostgreSQL copes with a stale lock file, and compares the shared memory named
	// in it. But after a reboot the process id in it may be some other program's of
	// the same user, and then it would refuse to start for ever.
	if pid := postmasterOf(data); knowsAllProcesses && pid > 0 && syscall.Kill(pid, 0) == nil {
		if err := os.Remove(filepath.Join(data, "postmaster.pid")); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("remove the stale lock file of the embedded server: %w", err)
		}
	}
	return nil
}

func waitForNone(ctx context.Context, data string, patience time.Duration) error {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if len(serverProcesses(data)) == 0 {
			return nil
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}
