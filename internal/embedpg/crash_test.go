//go:build linux || darwin

package embedpg

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestClientKilled(t *testing.T) {
	t.Parallel()
	c := launchClient(t, warmHome(t), nil)
	r := c.report(t)
	if r.Error != "" {
		t.Fatal(r.Error)
	}
	c.kill()
	eventually(t, 10*time.Second, "the server stops after its only client was killed", func() bool { return !alive(r.Postmaster) })
}

// busy keeps a backend computing, so that it does not notice at once that its
// postmaster has died.
func busy(t *testing.T, url string) {
	t.Helper()
	conn := connect(t, url)
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(done)
		_, _ = conn.Exec(ctx, `select count(*) from generate_series(1, 1000000000) a`)
	}()
	t.Cleanup(func() { cancel(); <-done })
	admin := connect(t, url)
	eventually(t, 5*time.Second, "the query runs", func() bool {
		return query[int](t, admin, `select count(*) from pg_stat_activity where state = 'active' and query like 'select count(*) from generate%'`) > 0
	})
}

func TestPostmasterKilled(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"idle", "busy"} {
		t.Run(name, func(t *testing.T) {
			s := start(t, Config{Home: warmHome(t), Settings: map[string]string{}})
			conn := connect(t, s.URL())
			exec1(t, conn, `create table kept (n int)`)
			exec1(t, conn, `insert into kept select generate_series(1, 1000)`)
			if name == "busy" {
				busy(t, s.URL())
			}
			port, pid := s.Port(), s.PID()

			began := time.Now()
			sigkill(t, pid)
			eventually(t, 30*time.Second, "a new server", func() bool {
				st := s.latest()
				return st.Phase == phaseReady && st.Postmaster != pid
			})
			took := time.Since(began)
			t.Logf("back after %s", took)
			// Half a second by itself; recovery first syncs every file, which takes
			// as long as other writers to the disk let it.
			if took > 10*time.Second {
				t.Errorf("back after %s", took)
			}
			ensure(t, s)
			if s.Port() != port {
				t.Errorf("port %d became %d", port, s.Port())
			}
			if got := query[int](t, connect(t, s.URL()), `select count(*) from kept`); got != 1000 {
				t.Errorf("%d rows, want 1000", got)
			}
		})
	}
}

// Ensure right after the kill must not believe the state file.
func TestEnsureAtOnceAfterKill(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Home: warmHome(t)})
	for range 5 {
		sigkill(t, s.PID())
		ensure(t, s)
		if got := query[int](t, connect(t, s.URL()), `select 1`); got != 1 {
			t.Error(got)
		}
	}
}

func TestSupervisorKilled(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Home: warmHome(t), Settings: map[string]string{}})
	conn := connect(t, s.URL())
	exec1(t, conn, `create table kept as select 1`)
	old := s.latest()
	sigkill(t, old.Supervisor)
	if runtime.GOOS == "linux" {
		eventually(t, 5*time.Second, "the server ends with its supervisor", func() bool { return !alive(old.Postmaster) })
	}
	ensure(t, s)
	now := s.latest()
	if now.Supervisor == old.Supervisor || now.Postmaster == old.Postmaster {
		t.Errorf("before %+v, after %+v", old, now)
	}
	query[int](t, connect(t, s.URL()), `select count(*) from kept`)
}

func TestBothKilled(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Home: warmHome(t), Settings: map[string]string{}})
	exec1(t, connect(t, s.URL()), `create table kept as select 1`)
	busy(t, s.URL())
	old := s.latest()
	sigkill(t, old.Supervisor)
	sigkill(t, old.Postmaster)
	ensure(t, s)
	query[int](t, connect(t, s.URL()), `select count(*) from kept`)
}

func TestSupervisorTerminated(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Home: warmHome(t)})
	old := s.latest()
	if err := syscall.Kill(old.Supervisor, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "supervisor and server end", func() bool { return !alive(old.Supervisor) && !alive(old.Postmaster) })
	ensure(t, s)
}

// A crash in a process of the server makes the postmaster start all of them
// again; that is its business, not ours, but Ensure must wait for it.
func TestBackendKilled(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Home: warmHome(t)})
	conn := connect(t, s.URL())
	pid := s.PID()
	sigkill(t, query[int](t, conn, `select pg_backend_pid()`))
	eventually(t, 5*time.Second, "the connection breaks", func() bool {
		_, err := conn.Exec(t.Context(), `select 1`)
		return err != nil
	})
	ensure(t, s)
	var again *pgx.Conn
	eventually(t, 10*time.Second, "the server takes logins", func() bool {
		var err error
		again, err = pgx.Connect(t.Context(), s.URL())
		return err == nil
	})
	again.Close(t.Context())
	if s.PID() != pid {
		t.Error("the postmaster was replaced")
	}
}

func TestStaleLockFile(t *testing.T) {
	t.Parallel()
	for name, pid := range map[string]func(t *testing.T, l layout) int{
		"of nobody": func(t *testing.T, _ layout) int {
			cmd := exec.Command("true")
			if err := cmd.Run(); err != nil {
				t.Fatal(err)
			}
			return cmd.Process.Pid
		},
		// After a reboot the number may belong to any program of the same user.
		"of another program of the same user": func(t *testing.T, l layout) int {
			cmd := exec.Command("sleep", "60")
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: l.user.credential()}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
			return cmd.Process.Pid
		},
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS != "linux" && name != "of nobody" {
				t.Skip("only Linux tells which program a process runs")
			}
			home := warmHome(t)
			s := start(t, Config{Home: home})
			stop(t, s)
			text := strconv.Itoa(pid(t, s.files)) + "\n" + s.DataDir() + "\n1700000000\n" + fmt.Sprint(s.Port()) + "\n\n127.0.0.1\n 1 1\nready   \n"
			file := filepath.Join(s.DataDir(), "postmaster.pid")
			if err := writeFile(file, text, 0o600, s.files.user); err != nil {
				t.Fatal(err)
			}
			start(t, Config{Home: home})
		})
	}
}

func TestFolderVanishes(t *testing.T) {
	t.Parallel()
	home := warmHome(t)
	s := start(t, Config{Home: home})
	old := s.latest()
	// The server may write a file while we remove.
	eventually(t, 5*time.Second, "the folder is removed", func() bool { return os.RemoveAll(home) == nil })
	eventually(t, 10*time.Second, "supervisor and server end", func() bool { return !alive(old.Supervisor) && !alive(old.Postmaster) })

	// And a client that goes on gets an empty server.
	ensure(t, s)
	if query[bool](t, connect(t, s.URL()), `select exists (select from pg_tables where tablename = 'kept')`) {
		t.Error("not a new server")
	}
}
