// Package redistest runs a Redis for tests: the Debian package's, fetched where it is missing,
// one process per call, on a port of its own, without persistence. A test may kill it and start
// it again at the same address.
package redistest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/internal/test/debpkg"
)

// Server is a running Redis.
type Server struct {
	URL string // redis://127.0.0.1:PORT/0

	t    testing.TB
	port int
	dir  string // of the package; "" where redis-server is installed
	cmd  *exec.Cmd
}

// packages hold redis-server and the libraries that a machine without it lacks.
var packages = []string{"redis-server", "redis-tools", "libjemalloc2", "liblzf1", "libatomic1"}

// Need skips the test where there is no Redis to be had.
func Need(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		debpkg.Dir(t, packages...)
	}
}

// Start returns a running server, which ends with the test. It skips the test where there is
// no Redis to be had.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t}
	if _, err := exec.LookPath("redis-server"); err != nil {
		s.dir = debpkg.Dir(t, packages...)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	s.URL = fmt.Sprintf("redis://127.0.0.1:%d/0", s.port)
	s.Again()
	t.Cleanup(s.Kill)
	return s
}

// Again starts the server at its address once more, empty.
func (s *Server) Again() {
	s.t.Helper()
	args := []string{"--port", fmt.Sprint(s.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", s.t.TempDir()}
	s.cmd = exec.Command("redis-server", args...)
	if s.dir != "" {
		s.cmd = exec.Command(filepath.Join(s.dir, "usr", "bin", "redis-server"), args...)
		libs, _ := filepath.Glob(filepath.Join(s.dir, "*", "lib", "*-linux-gnu*"))
		more, _ := filepath.Glob(filepath.Join(s.dir, "lib", "*-linux-gnu*"))
		s.cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+strings.Join(append(libs, more...), ":"))
	}
	var log strings.Builder
	s.cmd.Stdout, s.cmd.Stderr = &log, &log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("redis-server: %v", err)
	}
	for end := time.Now().Add(10 * time.Second); ; {
		c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", s.port), time.Second)
		if err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(end) {
			s.Kill()
			s.t.Fatalf("redis-server does not answer: %v\n%s", err, log.String())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Kill ends the server as a crash does.
func (s *Server) Kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}
