package embedpg

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// selfPath is our own program, even after a new build has replaced its file.
func selfPath() (string, error) { return "/proc/self/exe", nil }

// dieWithParent has the kernel send the child a fast-shutdown signal when the
// thread that started it ends, so that killing the supervisor ends the server
// too. The caller must have locked its thread.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGINT }

// serverProcesses are PostgreSQL's processes of a data folder, whoever their
// parent is now. They are told by their working folder, which PostgreSQL sets
// once and for all; a process id in a file may have been given to another
// program since.
func serverProcesses(data string) []int {
	if real, err := filepath.EvalSymlinks(data); err == nil {
		data = real
	}
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	var pids []int
	for _, link := range links {
		cwd, err := os.Readlink(link)
		if err != nil || cwd != data {
			continue
		}
		exe, err := os.Readlink(filepath.Join(filepath.Dir(link), "exe"))
		if err != nil || !strings.HasPrefix(filepath.Base(exe), "postgres") {
			continue // somebody's shell
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link))); err == nil && !zombie(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// zombie reports whether a process has ended but was not waited for.
func zombie(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return true
	}
	// The name may hold anything, the state follows its closing bracket.
	_, rest, ok := strings.Cut(string(stat[max(0, strings.LastIndexByte(string(stat), ')')):]), ") ")
	return ok && strings.HasPrefix(rest, "Z")
}

// knowsAllProcesses: serverProcesses misses nobody here, so that a lock file
// without processes is stale for certain.
const knowsAllProcesses = true
