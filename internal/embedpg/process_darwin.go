package embedpg

import (
	"os"
	"syscall"
)

func selfPath() (string, error) { return os.Executable() }

// dieWithParent has no counterpart on macOS. A server whose supervisor was
// killed stays until the next Start stops it.
func dieWithParent(*syscall.SysProcAttr) {}

// serverProcesses knows only the postmaster named in the lock file. Orphaned
// backends are found by PostgreSQL itself, which then refuses to start until
// they have gone.
func serverProcesses(data string) []int {
	pid := postmasterOf(data)
	if pid <= 0 || syscall.Kill(pid, 0) != nil {
		return nil
	}
	return []int{pid}
}

const knowsAllProcesses = false
