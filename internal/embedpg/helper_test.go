//go:build linux || darwin

package embedpg

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// envClient makes the test binary a client of the home that it names: it starts
// the server, says so, and holds it until its standard input ends.
const envClient = "EMBEDPG_TEST_CLIENT"

func TestMain(m *testing.M) {
	Main()
	if home := os.Getenv(envClient); home != "" {
		os.Exit(clientMain(home))
	}
	code := m.Run()
	os.RemoveAll(warm.home)
	os.Exit(code)
}

// report is what a client process says on its standard output.
type report struct {
	Error      string
	URL        string
	Port       int
	Postmaster int
	UID        int
}

func clientMain(home string) int {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r := report{UID: os.Geteuid()}
	s, err := Start(ctx, Config{Home: home, Settings: fast})
	if err != nil {
		r.Error = err.Error()
	} else {
		r.URL, r.Port, r.Postmaster = s.URL(), s.Port(), s.PID()
	}
	if json.NewEncoder(os.Stdout).Encode(r) != nil || err != nil {
		return 1
	}
	io.Copy(io.Discard, os.Stdin)
	if s.Close() != nil {
		return 1
	}
	return 0
}

// fast are settings for tests that do not cut the power.
var fast = map[string]string{"fsync": "off", "shared_buffers": "16MB"}

// client is another process that holds a server.
type client struct {
	cmd   *exec.Cmd
	stdin io.Closer
	out   *bufio.Reader
}

// launchClient starts one without waiting for what it reports.
func launchClient(t *testing.T, home string, user *identity, env ...string) *client {
	t.Helper()
	self, err := selfPath()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(append(os.Environ(), envClient+"="+home, envLinger+"=200ms"), env...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user.credential()}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &client{cmd: cmd, stdin: stdin, out: bufio.NewReader(stdout)}
	t.Cleanup(c.kill)
	return c
}

func (c *client) report(t *testing.T) report {
	t.Helper()
	line, err := c.out.ReadString('\n')
	if err != nil {
		t.Fatalf("the client said nothing: %v", err)
	}
	var r report
	if err := json.Unmarshal([]byte(line), &r); err != nil {
		t.Fatalf("the client said %q", line)
	}
	return r
}

func (c *client) kill()  { c.cmd.Process.Kill(); c.cmd.Wait() }
func (c *client) leave() { c.stdin.Close(); c.cmd.Wait() }

// tempHome is a folder that the server's user can reach, unlike t.TempDir's,
// and which is removed only after its server has stopped.
func tempHome(t *testing.T) string {
	t.Helper()
	home, err := os.MkdirTemp("", "sluice-embedpg-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	if err := os.Chmod(home, 0o755); err != nil {
		t.Fatal(err)
	}
	return home
}

// warm is a home whose server was started once and stopped; copies of it save
// every test its initdb.
var warm struct {
	once sync.Once
	home string
}

// warmHome is tempHome with an empty, stopped server in it.
func warmHome(t *testing.T) string {
	t.Helper()
	warm.once.Do(func() {
		home, err := os.MkdirTemp("", "sluice-embedpg-warm-*")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(home, 0o755); err != nil {
			t.Fatal(err)
		}
		warm.home = home // TestMain removes it
		s, err := Start(t.Context(), Config{Home: home, Linger: -1, Settings: fast})
		if err != nil {
			t.Fatal(err)
		}
		stop(t, s)
	})
	home := tempHome(t)
	if out, err := exec.Command("cp", "-pR", warm.home+"/.", home).CombinedOutput(); err != nil {
		t.Fatalf("copy %s: %v: %s", warm.home, err, out)
	}
	return home
}

// start holds the server of a home until the test ends.
func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	s, err := tryStart(t, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tryStart(t *testing.T, cfg Config) (*Server, error) {
	t.Helper()
	if cfg.Linger == 0 {
		cfg.Linger = -1
	}
	if cfg.Settings == nil {
		cfg.Settings = fast
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := Start(ctx, cfg)
	if err == nil {
		t.Cleanup(func() { stop(t, s) })
	}
	return s, err
}

// stop lets go and waits until the server has ended.
func stop(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := s.WaitStopped(ctx); err != nil {
		t.Error(err)
	}
}

func ensure(t *testing.T, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Ensure(ctx); err != nil {
		t.Fatal(err)
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func exec1(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func query[T any](t *testing.T, conn *pgx.Conn, sql string, args ...any) T {
	t.Helper()
	var v T
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// eventually waits for something that other processes do.
func eventually(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}

// alive reports whether a process is there and no zombie.
func alive(pid int) bool {
	if err := syscall.Kill(pid, 0); err == syscall.ESRCH {
		return false
	}
	text, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(pid), "stat"))
	return err != nil || !strings.Contains(string(text), ") Z ")
}

func sigkill(t *testing.T, pid int) {
	t.Helper()
	if pid <= 1 {
		t.Fatalf("no process to kill: %d", pid)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatalf("kill %d: %v", pid, err)
	}
}

// wantError checks that an error is one line and says what it must.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	t.Log(err)
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has several lines: %q", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, err)
		}
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}
