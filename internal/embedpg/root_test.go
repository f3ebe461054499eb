//go:build linux || darwin

package embedpg

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// publicCache is where the unpacked programs are, which everybody can read.
func publicCache(t *testing.T) string {
	t.Helper()
	bin, err := binaries(t.Context(), mustComplete(t, Config{Home: tempHome(t)}), defaultIdentity())
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(bin)
}

// A plain user: as root we become one.
func TestPlainUser(t *testing.T) {
	needRoot(t)
	t.Parallel()
	user := defaultIdentity()
	home, cache := tempHome(t), publicCache(t)
	if err := user.chown(home); err != nil {
		t.Fatal(err)
	}
	c := launchClient(t, home, user, envCache+"="+cache)
	r := c.report(t)
	if r.Error != "" {
		t.Fatal(r.Error)
	}
	if r.UID != user.uid {
		t.Fatalf("the client ran as %d", r.UID)
	}
	connect(t, r.URL)
	for _, path := range []string{"postgres", "postgres/data", "postgres-passwords.json"} {
		info, err := os.Stat(filepath.Join(home, path))
		if err != nil {
			t.Fatal(err)
		}
		if uid, _ := ownerOf(info); uid != user.uid {
			t.Errorf("%s belongs to %d", path, uid)
		}
	}

	// sudo sluice, on the same home: root joins, changes nothing, and when it
	// starts the server itself it starts it as that user.
	s := start(t, Config{Home: home, CacheDir: cache})
	if s.PID() != r.Postmaster {
		t.Error("root started a server of its own")
	}
	connect(t, s.URL())
	c.leave()
	stop(t, s)
	s = start(t, Config{Home: home, CacheDir: cache})
	info, err := os.Stat(filepath.Join("/proc", "self"))
	if err == nil && info.IsDir() {
		info, err = os.Stat(filepath.Join("/proc", query[string](t, connect(t, s.AdminURL()), `select pg_backend_pid()::text`)))
		if err != nil {
			t.Fatal(err)
		}
		if uid, _ := ownerOf(info); uid != user.uid {
			t.Errorf("the server runs as %d", uid)
		}
	}
	stop(t, s)
	// And the user can go on afterwards.
	r = launchClient(t, home, user, envCache+"="+cache).report(t)
	if r.Error != "" {
		t.Fatal(r.Error)
	}
}

// A home inside a closed folder, as root's own is.
func TestClosedHome(t *testing.T) {
	needRoot(t)
	cache := publicCache(t)
	saved := systemDir
	systemDir = filepath.Join(tempHome(t), "lib")
	defer func() { systemDir = saved }()

	closed := filepath.Join(tempHome(t), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(closed, "home")
	s := start(t, Config{Home: home, CacheDir: cache})
	if !strings.HasPrefix(s.DataDir(), systemDir+"/") {
		t.Errorf("the data are in %s", s.DataDir())
	}
	if info, err := os.Stat(closed); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the closed folder was opened: %v, %v", info.Mode(), err)
	}
	text, err := os.ReadFile(filepath.Join(home, "postgres.location"))
	if err != nil || strings.TrimSpace(string(text)) != s.files.dir {
		t.Errorf("postgres.location: %q, %v", text, err)
	}
	exec1(t, connect(t, s.URL()), `create table kept as select 1`)
	stop(t, s)

	t.Run("other places are not looked for again", func(t *testing.T) {
		systemDir = filepath.Join(tempHome(t), "lib")
		s := start(t, Config{Home: home, CacheDir: cache})
		query[int](t, connect(t, s.URL()), `select count(*) from kept`)
		stop(t, s)
	})
	systemDir = filepath.Dir(s.files.dir)

	t.Run("removed with its temporary home", func(t *testing.T) {
		sweepAbandoned()
		if gone(s.DataDir()) {
			t.Fatal("removed beside its home")
		}
		if err := os.RemoveAll(closed); err != nil {
			t.Fatal(err)
		}
		sweepAbandoned()
		if !gone(s.files.dir) {
			t.Error("still there")
		}
	})
}

func TestSweepSparesUnmountedHomes(t *testing.T) {
	needRoot(t)
	saved := systemDir
	systemDir = filepath.Join(tempHome(t), "lib")
	defer func() { systemDir = saved }()
	dir := filepath.Join(systemDir, "abc")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "home"), []byte("/mnt/not-mounted-now/sluice\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sweepAbandoned()
	if gone(dir) {
		t.Error("a home that may only be unmounted lost its data")
	}
}

func TestNoPlace(t *testing.T) {
	needRoot(t)
	savedSystem, savedSpare := systemDir, spareDir
	defer func() { systemDir, spareDir = savedSystem, savedSpare }()
	closed := filepath.Join(tempHome(t), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	systemDir, spareDir = filepath.Join(closed, "lib"), filepath.Join(closed, "tmp")
	_, err := tryStart(t, Config{Home: filepath.Join(closed, "home")})
	wantError(t, err, "must not run as root", envHome, "--database-url")
}

// Clients that come and go leave no process behind; the whole point of locks.
func TestNothingStays(t *testing.T) {
	if testing.Short() {
		t.Skip("short: waits")
	}
	t.Parallel()
	home := tempHome(t)
	var r report
	for range 3 {
		c := launchClient(t, home, nil)
		if r = c.report(t); r.Error != "" {
			t.Fatal(r.Error)
		}
		c.kill()
	}
	l, err := locate(home)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "supervisor and server have gone", func() bool {
		return !supervised(l) && len(serverProcesses(l.data())) == 0
	})
}
