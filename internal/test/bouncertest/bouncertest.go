// Package bouncertest puts a PgBouncer in front of a test's database: the Debian package's,
// fetched where it is missing, with its own defaults but for what has to be said.
package bouncertest

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/internal/test/debpkg"
)

// packages hold pgbouncer and the libraries that a machine without it lacks.
var packages = []string{"pgbouncer", "libevent-2.1-7", "libc-ares2"}

// Start runs a PgBouncer that leads to the server of database, a URL, and returns the URL by which the
// same database is reached through it. Settings are lines of its section [pgbouncer]. It ends
// with the test, which is skipped where there is no PgBouncer to be had.
func Start(t testing.TB, database string, settings ...string) string {
	t.Helper()
	return StartAs(t, database, nil, settings...)
}

// StartAs is Start with credentials of the pooler's own: who comes is user, who goes on to the server is
// that of the URL. nil: the same.
func StartAs(t testing.TB, database string, user *url.Userinfo, settings ...string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	program, libs := "pgbouncer", ""
	if _, err := exec.LookPath(program); err != nil {
		dir := debpkg.Dir(t, packages...)
		program = filepath.Join(dir, "usr", "sbin", "pgbouncer")
		found, _ := filepath.Glob(filepath.Join(dir, "usr", "lib", "*-linux-gnu*"))
		libs = strings.Join(found, ":")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()

	dir := t.TempDir()
	target := fmt.Sprintf("* = host=%s port=%s", u.Hostname(), u.Port())
	password, _ := u.User.Password()
	if user != nil {
		target += fmt.Sprintf(" user=%s password='%s'", u.User.Username(), password)
		u.User = user
		password, _ = user.Password()
	}
	users := filepath.Join(dir, "userlist.txt")
	lines := append([]string{
		"[databases]", target,
		"[pgbouncer]", "listen_addr = 127.0.0.1", fmt.Sprintf("listen_port = %d", port), "unix_socket_dir =",
		"auth_type = scram-sha-256", "auth_file = " + users,
	}, settings...)
	for path, text := range map[string]string{
		users:                               fmt.Sprintf("%q %q\n", u.User.Username(), password),
		filepath.Join(dir, "pgbouncer.ini"): strings.Join(lines, "\n") + "\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{filepath.Join(dir, "pgbouncer.ini")}
	if os.Getuid() == 0 {
		args = append([]string{"-u", "nobody"}, args...) // it refuses to be root
	}
	cmd := exec.Command(program, args...)
	if libs != "" {
		cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+libs)
	}
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatalf("pgbouncer: %v", err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("pgbouncer:\n%s", log.String())
		}
	})
	await(t, fmt.Sprintf("127.0.0.1:%d", port), ended)
	u.Host = fmt.Sprintf("127.0.0.1:%d", port)
	return u.String()
}

// await returns once somebody answers at the address.
func await(t testing.TB, address string, ended <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var d net.Dialer
	for {
		c, err := d.DialContext(ctx, "tcp", address)
		if err == nil {
			_ = c.Close()
			return
		}
		select {
		case <-ended:
			t.Fatal("pgbouncer ended")
		case <-ctx.Done():
			t.Fatalf("pgbouncer does not answer: %v", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
