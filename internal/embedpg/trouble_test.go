//go:build linux || darwin

package embedpg

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"sluice/internal/test/brief"
)

// What a user may run into; each must end in one line that says what to do.

func TestFixedPortTaken(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	home := warmHome(t)
	t.Setenv(envPort, strconv.Itoa(port))
	_, err = tryStart(t, Config{Home: home})
	wantError(t, err, strconv.Itoa(port), envPort, "--database-url")
}

func TestLastPortTaken(t *testing.T) {
	t.Parallel()
	home := warmHome(t)
	s := start(t, Config{Home: home})
	stop(t, s)
	l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port())))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if again := start(t, Config{Home: home}); again.Port() == s.Port() {
		t.Error("the same port")
	}
}

func TestFixedPort(t *testing.T) {
	t.Parallel()
	port, err := choosePort(0, layout{dir: t.TempDir()}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if s := start(t, Config{Home: warmHome(t), Port: port}); s.Port() != port {
		t.Errorf("port %d, want %d", s.Port(), port)
	}
}

// mountTmpfs gives a file system of its own, for what only one can have.
func mountTmpfs(t *testing.T, options string) string {
	t.Helper()
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("needs root on Linux, to mount a small file system")
	}
	dir := tempHome(t)
	if err := mount(dir, options); err != nil {
		t.Skipf("cannot mount a small file system here: %v", err)
	}
	t.Cleanup(func() { unmount(dir) })
	return dir
}

func TestReadOnlyFileSystem(t *testing.T) {
	t.Parallel()
	dir := mountTmpfs(t, "ro,size=1m")
	_, err := tryStart(t, Config{Home: dir})
	wantError(t, err, dir, envHome, "--database-url", "read-only")
	_, err = tryStart(t, Config{Home: filepath.Join(dir, "deeper")})
	wantError(t, err, dir, envHome, "read-only")
}

func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		dir := filepath.Join(tempHome(t), "closed")
		if err := os.Mkdir(dir, 0o555); err != nil {
			t.Fatal(err)
		}
		_, err := tryStart(t, Config{Home: dir})
		wantError(t, err, dir, envHome, "permission denied")
		return
	}
	// Root may write anywhere; ask as somebody else.
	dir := tempHome(t)
	r := launchClient(t, dir, defaultIdentity(), envCache+"="+dir).report(t)
	wantError(t, errorText(r.Error), dir, envHome, "permission denied")
}

type errorText string

func (e errorText) Error() string { return string(e) }

func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := mountTmpfs(t, "mode=755,size=20m")
	_, err := tryStart(t, Config{Home: dir})
	wantError(t, err, "no space left", dir, envHome)
	left, _ := filepath.Glob(filepath.Join(dir, "postgres", "data*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDiskFullForPrograms(t *testing.T) {
	t.Parallel()
	dir := mountTmpfs(t, "mode=755,size=30m")
	cfg := Config{Home: tempHome(t), CacheDir: filepath.Join(dir, "cache")}
	seed(t, cfg.CacheDir)
	_, err := tryStart(t, cfg)
	wantError(t, err, "no space left", dir, envCache)
}

func TestOtherMajorVersion(t *testing.T) {
	t.Parallel()
	home := tempHome(t)
	l, err := locate(home)
	if err != nil {
		t.Fatal(err)
	}
	// A server of an older sluice has passwords and data.
	if _, err := loadPasswords(l); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(l.data(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(l.data(), "PG_VERSION"), []byte("17\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = tryStart(t, Config{Home: home})
	wantError(t, err, "PostgreSQL 17", "18", l.data(), envHome)
}

func TestForeignDataFolder(t *testing.T) {
	t.Parallel()
	home := tempHome(t)
	l, err := locate(home)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := loadPasswords(l); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(l.data(), "holiday"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = tryStart(t, Config{Home: home})
	wantError(t, err, l.data(), "move it away")
	if gone(filepath.Join(l.data(), "holiday")) {
		t.Error("the folder was touched")
	}
}

func TestPasswordsLost(t *testing.T) {
	t.Parallel()
	home := warmHome(t)
	s := start(t, Config{Home: home})
	stop(t, s)
	if err := os.WriteFile(s.files.passwords(), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := tryStart(t, Config{Home: home})
	wantError(t, err, s.files.passwords())
	if err := os.Remove(s.files.passwords()); err != nil {
		t.Fatal(err)
	}
	_, err = tryStart(t, Config{Home: home})
	wantError(t, err, s.files.passwords(), "missing")
}

func TestBadSetting(t *testing.T) {
	t.Parallel()
	_, err := tryStart(t, Config{Home: warmHome(t), Settings: map[string]string{"shared_buffers": "plenty"}})
	wantError(t, err, "shared_buffers", "postgres.log")
}

// seed puts the archive of the usual cache into another one.
func seed(t *testing.T, cache string) {
	t.Helper()
	usual := mustComplete(t, Config{Home: tempHome(t)})
	if _, err := binaries(t.Context(), usual, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	archive, err := os.ReadFile(filepath.Join(usual.CacheDir, archiveName()))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cache, archiveName()), archive, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestNoNetwork(t *testing.T) {
	t.Setenv(envRepository, "http://127.0.0.1:1/")
	cache := filepath.Join(tempHome(t), "cache")
	cfg := mustComplete(t, Config{Home: tempHome(t), CacheDir: cache})
	_, err := binaries(t.Context(), cfg, nil)
	wantError(t, err, cache, archiveName(), "--database-url", envRepository)

	if brief.Run(t) {
		return // unpacking takes seconds, under the race detector many
	}
	// An archive that somebody brought is enough, and four processes that find it
	// at once unpack it once.
	seed(t, cache)
	done := make(chan error)
	for range 4 {
		go func() {
			dir, err := binaries(t.Context(), cfg, nil)
			if err == nil && !unpacked(dir) {
				err = errorText(dir + " is not whole")
			}
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(cache, ".unpack-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDamagedArchive(t *testing.T) {
	if archiveSums[platform()] == "" {
		t.Skipf("no known sum for %s", platform())
	}
	t.Setenv(envRepository, "http://127.0.0.1:1/")
	cache := filepath.Join(tempHome(t), "cache")
	seed(t, cache)
	if err := os.Truncate(filepath.Join(cache, archiveName()), 1<<20); err != nil {
		t.Fatal(err)
	}
	_, err := binaries(t.Context(), mustComplete(t, Config{Home: tempHome(t), CacheDir: cache}), nil)
	wantError(t, err, "unable to connect", cache)
}

func TestConfig(t *testing.T) {
	for name, tc := range map[string]struct {
		env  map[string]string
		cfg  Config
		want string // in the error
	}{
		"port is a word":       {env: map[string]string{envPort: "http"}, want: `SLUICE_EMBEDDED_PORT="http"`},
		"port too large":       {cfg: Config{Port: 70000}, want: "1..65535"},
		"linger has no unit":   {env: map[string]string{envLinger: "3"}, want: "such as 3s"},
		"setting with newline": {cfg: Config{Settings: map[string]string{"a": "b\nc"}}, want: "setting a"},
		"setting is no name":   {cfg: Config{Settings: map[string]string{"a b": "c"}}, want: "not the name"},
		"port as setting":      {cfg: Config{Settings: map[string]string{"port": "1"}}, want: "Config.Port"},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range tc.env {
				t.Setenv(k, v)
			}
			_, err := tc.cfg.complete()
			wantError(t, err, tc.want)
		})
	}
	t.Run("linger", func(t *testing.T) {
		for text, want := range map[string]string{"": "3s", "0s": "0s", "250ms": "250ms"} {
			t.Setenv(envLinger, text)
			if got := mustComplete(t, Config{Home: "x"}).Linger.String(); got != want {
				t.Errorf("%q: %s, want %s", text, got, want)
			}
		}
	})
	t.Run("home", func(t *testing.T) {
		t.Setenv("HOME", "/h")
		for _, tc := range []struct{ sluice, xdg, want string }{
			{"/s", "/x", "/s"}, {"", "/x", "/x/sluice"}, {"", "relative", "/h/.local/share/sluice"}, {"", "", "/h/.local/share/sluice"},
		} {
			t.Setenv(envHome, tc.sluice)
			t.Setenv("XDG_DATA_HOME", tc.xdg)
			if got, err := DefaultHome(); err != nil || got != tc.want {
				t.Errorf("%+v: %s, %v", tc, got, err)
			}
		}
	})
}

func TestComplaints(t *testing.T) {
	log := `2026-11-23 12:00:00.000 UTC [1] LOG:  starting
2026-11-23 12:00:00.000 UTC [1] LOG:  could not bind IPv4 address "127.0.0.1": Address already in use
2026-11-23 12:00:00.000 UTC [1] HINT:  Is another postmaster already running on port 5432?
2026-11-23 12:00:00.000 UTC [1] FATAL:  could not create any TCP/IP sockets
2026-11-23 12:00:00.000 UTC [1] DETAIL:  Something more.
2026-11-23 12:00:00.000 UTC [1] LOG:  database system is shut down
`
	if got, want := complaints(log), "could not create any TCP/IP sockets; Something more"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := complaints("all is well\n"); got != "" {
		t.Errorf("%q", got)
	}
	if got, want := complaints("initdb: error: cannot be run as root\ninitdb: hint: Please\n"), "cannot be run as root"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestSettingsFile(t *testing.T) {
	text := settingsFile(settings("", map[string]string{"fsync": "off", "search_path": `a, 'b'`}))
	for _, line := range []string{"fsync = 'off'\n", "jit = 'off'\n", "search_path = 'a, ''b'''\n"} {
		if !strings.Contains(text, line) {
			t.Errorf("no line %q in\n%s", line, text)
		}
	}
	for memory, want := range map[int64]int{64 << 20: 16, 1 << 30: 128, 4 << 30: 512, 1 << 40: 512} {
		if got := sharedBuffersMB(memory); got != int64(want) {
			t.Errorf("shared buffers for %d bytes: %d MB, want %d", memory, got, want)
		}
	}
}

func TestLockFollowsThePath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.lock")
	f, err := lock(t.Context(), path, syscall.LOCK_EX, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	other, err := openLock(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := tryLock(other, syscall.LOCK_SH); err != errLocked {
		t.Errorf("a second lock: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if stillThere(f) {
		t.Error("the lock on a removed file counts")
	}
	again, err := lock(t.Context(), path, syscall.LOCK_EX, nil)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}
