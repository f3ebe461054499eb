//go:build linux || darwin

package embedpg

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/internal/test/brief"
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

// A name in /tmp that can be guessed may be somebody's link to what is not ours.
func TestSpareFolderIsLink(t *testing.T) {
	needRoot(t)
	savedSystem, savedSpare := systemDir, spareDir
	defer func() { systemDir, spareDir = savedSystem, savedSpare }()
	systemDir, spareDir = filepath.Join(tempHome(t), "file", "lib"), tempHome(t)
	if err := os.WriteFile(filepath.Dir(systemDir), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	closed := filepath.Join(tempHome(t), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(closed, "home")
	l, err := locate(home)
	if err != nil || filepath.Dir(l.dir) != spareDir {
		t.Fatalf("%s, %v: want a folder in %s", l.dir, err, spareDir)
	}
	theirs := tempHome(t)
	if err := errors.Join(os.RemoveAll(l.dir), l.user.chown(theirs), os.Symlink(theirs, l.dir)); err != nil {
		t.Fatal(err)
	}
	_, err = locate(home)
	wantError(t, err, l.dir, "is a link")
	if info, err := os.Stat(theirs); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("what the link leads to was changed: %v, %v", info.Mode(), err)
	}
}

func TestPrivateDir(t *testing.T) {
	t.Parallel()
	dir := tempHome(t)
	in := func(name string) string { return filepath.Join(dir, name) }
	must := func(errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // made, found
		must(PrivateDir(in("new/deep")))
	}
	if info, err := os.Stat(in("new/deep")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}

	must(os.Mkdir(in("open"), 0o700), os.Chmod(in("open"), 0o720))
	wantError(t, PrivateDir(in("open")), "others may write to", in("open"))
	must(os.Symlink("new", in("link")))
	wantError(t, PrivateDir(in("link")), "is a link")
	must(os.WriteFile(in("file"), nil, 0o600))
	wantError(t, PrivateDir(in("file")), "make a private folder", in("file"))

	must(os.Mkdir(in("parent"), 0o700), os.Chmod(in("parent"), 0o777))
	wantError(t, PrivateDir(in("parent/x")), "others may put", in("parent"))
	must(os.Chmod(in("parent"), 0o777|os.ModeSticky))
	must(PrivateDir(in("parent/x")))

	if os.Geteuid() == 0 {
		must(os.Mkdir(in("theirs"), 0o700), os.Chown(in("theirs"), 12345, 12345))
		wantError(t, PrivateDir(in("theirs")), "belongs to user 12345")
		wantError(t, PrivateDir(in("theirs/x")), "others may put", in("theirs"))
	}
}

// Clients that come and go leave no process behind; the whole point of locks.
func TestNothingStays(t *testing.T) {
	if brief.Run(t) {
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
