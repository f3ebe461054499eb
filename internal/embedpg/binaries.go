//go:build linux || darwin

package embedpg

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// archiveSums are the SHA-256 of the archives as they were on 2026-11-23. The
// library compares with a sum from the same site, and not at all when the site
// has none; this also covers an archive somebody put into the cache by hand. A
// platform that is not listed has the library's check only.
var archiveSums = map[string]string{
	"darwin-amd64":       "f4db5df0b13e3e72149c0547ccd1eee177cfe67accb8c296e8d0e46ef3601f01", // for both kinds of Mac
	"darwin-arm64v8":     "f4db5df0b13e3e72149c0547ccd1eee177cfe67accb8c296e8d0e46ef3601f01",
	"linux-amd64-alpine": "d9bba3fa653ad08f5e92303587451ed6d1ca4883afb377773630ae853d40121f",
	"linux-arm64v8":      "2eb24d67326da41a81064d116b0bce412dff543c835d6fcc1c099e4abcf18836",
	"linux-amd64":        "63999c2914366d62c68e51794e597588c336e75ed2958d53c558e8deca5e13fc",
}

// downloadTimeout ends a download that hangs; the library sets no limit itself.
const downloadTimeout = 10 * time.Minute

// platform is how the archives' names spell this machine, for example
// linux-arm64v8. It mirrors what the library does for 64-bit machines.
func platform() string {
	name := runtime.GOOS + "-" + runtime.GOARCH
	if runtime.GOARCH == "arm64" {
		name += "v8"
	}
	if _, err := os.Stat("/etc/alpine-release"); err == nil && runtime.GOOS == "linux" {
		name += "-alpine"
	}
	return name
}

func archiveName() string {
	return "embedded-postgres-binaries-" + platform() + "-" + Version + ".txz"
}

// binaries returns the folder with bin/, lib/ and share/ of the server,
// fetching and unpacking it first if need be. It is unpacked once for all
// homes: in the cache, or where the server's user can reach it.
func binaries(ctx context.Context, cfg Config, user *identity) (string, error) {
	place := cfg.CacheDir
	if err := os.MkdirAll(place, 0o755); err != nil {
		return "", cacheError(cfg, err)
	}
	if !user.canReach(place) {
		var err error
		if place, err = reachablePlace(user); err != nil {
			return "", err
		}
	}
	dir := filepath.Join(place, "postgresql-"+Version+"-"+platform())
	if unpacked(dir) {
		return dir, nil
	}

	// One process unpacks, the others wait and find it done.
	held, err := lock(ctx, filepath.Join(place, "unpack.lock"), syscall.LOCK_EX, nil)
	if err != nil {
		return "", cacheError(cfg, err)
	}
	defer held.Close()
	if unpacked(dir) {
		return dir, nil
	}
	leftovers, _ := filepath.Glob(filepath.Join(place, ".unpack-*"))
	for _, path := range leftovers {
		os.RemoveAll(path) // of a process that died here
	}
	return dir, unpack(ctx, cfg, place, dir)
}

// reachablePlace is for root, whose cache (/root/.cache) is closed to the
// server's user.
func reachablePlace(user *identity) (string, error) {
	for _, place := range []string{systemDir, filepath.Join(spareDir, fmt.Sprintf("sluice-%d", os.Geteuid()))} {
		if os.MkdirAll(place, 0o755) != nil || !user.canReach(place) {
			continue
		}
		// We are about to run programs from there: nobody else may put them.
		info, err := os.Lstat(place)
		if err != nil || !info.IsDir() || info.Mode().Perm()&0o022 != 0 {
			continue
		}
		if uid, _ := ownerOf(info); uid == os.Geteuid() {
			return place, nil
		}
	}
	return "", fmt.Errorf("no place for PostgreSQL's programs that user %s can reach: set %s to a folder that everybody may read, %s",
		user, envCache, ownServer)
}

// unpacked reports whether dir holds a whole server. It appears under this name
// by a rename, so it is whole unless somebody cleaned up in it.
func unpacked(dir string) bool {
	for _, name := range []string{"bin/postgres", "bin/initdb", "share/postgresql/postgres.bki"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			return false
		}
	}
	return true
}

func unpack(ctx context.Context, cfg Config, place, dir string) error {
	archive := filepath.Join(cfg.CacheDir, archiveName())
	if err := verify(archive); err == nil {
		cfg.Logger.Debug("unpacking PostgreSQL", "archive", archive, "into", dir)
	} else if errors.Is(err, fs.ErrNotExist) {
		cfg.Logger.Info("downloading PostgreSQL, this once", "version", Version, "into", cfg.CacheDir)
	} else {
		cfg.Logger.Warn("fetching PostgreSQL again", "reason", err)
		if err := os.Remove(archive); err != nil {
			return cacheError(cfg, err)
		}
	}

	staging, err := os.MkdirTemp(place, ".unpack-*")
	if err != nil {
		return cacheError(cfg, err)
	}
	defer os.RemoveAll(staging)
	fresh := filepath.Join(staging, "server")
	fetchErr := fetch(ctx, cfg, fresh)

	// The download may be what failed, or what brought the wrong bytes.
	if err := verify(archive); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !unpacked(fresh) {
		return explainFetch(cfg, fetchErr)
	}
	if err := os.Chmod(archive, 0o644); err != nil {
		cfg.Logger.Debug("archive stays private", "err", err) // somebody else's cache
	}
	if err := openToAll(fresh); err != nil {
		return cacheError(cfg, err)
	}
	if err := syncFilesystem(fresh); err != nil {
		return cacheError(cfg, err)
	}
	if err := os.RemoveAll(dir); err != nil { // not whole, see unpacked
		return cacheError(cfg, err)
	}
	if err := os.Rename(fresh, dir); err != nil {
		return cacheError(cfg, err)
	}
	return nil
}

// fetch has the library download the archive into the cache, unless it is
// there, compare its sum, and unpack it into dir.
//
// The library offers no way to do only that: Start goes on to run initdb and
// pg_ctl as the current user, which fails for root, and which leaves no choice
// of locale provider, authentication or parent process. So Start is given a
// runtime folder below a file that unpacking creates. Making that folder is its
// next step, fails always, and nothing was run. Whether fetch succeeded shows in
// dir; the error is of use only if it did not.
func fetch(ctx context.Context, cfg Config, dir string) error {
	impossible := filepath.Join(dir, "bin", "postgres", "none")
	library := embeddedpostgres.DefaultConfig().
		Version(Version).
		CachePath(cfg.CacheDir).
		BinariesPath(dir).
		RuntimePath(impossible).
		DataPath(impossible).
		Port(0). // it checks that it could listen there
		Logger(io.Discard)
	if cfg.repository != "" {
		library = library.BinaryRepositoryURL(strings.TrimRight(cfg.repository, "/"))
	}

	// The library takes no context. When ctx ends first, its goroutine is left to
	// write into a folder that the next unpack removes.
	done := make(chan error, 1)
	go func() { done <- embeddedpostgres.NewDatabase(library).Start() }()
	timeout := time.NewTimer(downloadTimeout)
	defer timeout.Stop()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timeout.C:
		return fmt.Errorf("no end after %s", downloadTimeout)
	}
}

func explainFetch(cfg Config, err error) error {
	if err == nil {
		err = errors.New("the archive holds no server")
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("fetch PostgreSQL %s: %w", Version, err)
	}
	if strings.Contains(err.Error(), syscall.ENOSPC.Error()) {
		return cacheError(cfg, syscall.ENOSPC)
	}
	if _, statErr := os.Stat(filepath.Join(cfg.CacheDir, archiveName())); statErr == nil {
		return fmt.Errorf("unpack %s in %s: %w; remove the file to fetch it again", archiveName(), cfg.CacheDir, err)
	}
	return fmt.Errorf("fetch PostgreSQL %s: %w; with a network try again, without one put %s into %s (or set %s to a mirror of Maven Central), %s",
		Version, err, archiveName(), cfg.CacheDir, envRepository, ownServer)
}

func cacheError(cfg Config, err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("no space left in %s for PostgreSQL's programs (75 MB): free some, or set %s to a folder on another disk, %s",
			cfg.CacheDir, envCache, ownServer)
	}
	return fmt.Errorf("keep PostgreSQL's programs in %s: %w; set %s to a folder of yours, %s", cfg.CacheDir, err, envCache, ownServer)
}

// verify compares an archive in the cache with the sum we know.
func verify(archive string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	want, got := archiveSums[platform()], hex.EncodeToString(h.Sum(nil))
	if want != "" && got != want {
		return fmt.Errorf("%s is not the PostgreSQL that sluice knows (SHA-256 %s, want %s): remove it", archive, got, want)
	}
	return nil
}

// openToAll lets the server's user read and run what the archive or our own
// umask may have closed, and nobody else change it.
func openToAll(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm()&^0o022 | 0o444
		if entry.IsDir() || mode&0o100 != 0 {
			mode |= 0o111
		}
		return os.Chmod(path, mode)
	})
}
