// Package debpkg fetches programs for tests out of Debian packages, without root and without
// installing anything: apt-get download and dpkg -x into the user's cache folder.
//
//	dir := debpkg.Get(t, "redis-server", "redis-tools", "libjemalloc2")
//	cmd := debpkg.Command(dir, "usr/bin/redis-server")
//
// The packages come from the archives that this machine trusts, with apt's own checks of
// signatures. Where there is no apt, or no network the first time, the test is skipped and says
// why. Name every package whose files are needed: dependencies are not followed, for most of
// them are here already.
package debpkg

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// ErrNone: this machine cannot fetch Debian packages.
var ErrNone = errors.New("no Debian packages here")

// patience is how long fetching may take.
const patience = 3 * time.Minute

// Get returns the folder that the packages are unpacked in, and prints their versions. It skips
// the test where they cannot be had, and fails it where SLUICE_NEED_PACKAGES is set: a skip
// there would pass for a green run.
func Get(t testing.TB, packages ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	dir, err := Fetch(ctx, packages...)
	if err != nil {
		if os.Getenv("SLUICE_NEED_PACKAGES") != "" {
			t.Fatal(err)
		}
		t.Skipf("skipped: %v", err)
	}
	t.Logf("%s", strings.Join(Versions(dir), ", "))
	return dir
}

// Fetch returns the folder that the packages are unpacked in, fetching them if need be. An
// error is ErrNone or says what apt or dpkg said.
func Fetch(ctx context.Context, packages ...string) (string, error) {
	for _, program := range []string{"apt-get", "dpkg"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("%w: %w", ErrNone, err)
		}
	}
	cache, err := cacheFolder()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "debian-"+name(packages))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("cache folder: %w", err)
	}
	// Into place by a rename: several processes may be at it, and each may be killed.
	temp, err := os.MkdirTemp(cache, "debian-*.part")
	if err != nil {
		return "", fmt.Errorf("cache folder: %w", err)
	}
	defer os.RemoveAll(temp)
	if err := unpack(ctx, temp, packages); err != nil {
		return "", err
	}
	if err := os.Rename(filepath.Join(temp, "root"), dir); err != nil {
		if _, there := os.Stat(dir); there != nil {
			return "", err
		}
	}
	return dir, nil
}

func cacheFolder() (string, error) {
	if cache := os.Getenv("SLUICE_CACHE"); cache != "" {
		return cache, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("cache folder: %w; set SLUICE_CACHE", err)
	}
	return filepath.Join(dir, "sluice"), nil
}

// name is that of the folder: readable, and another one for another release, machine or set.
func name(packages []string) string {
	release, _ := os.ReadFile("/etc/debian_version")
	all := slices.Sorted(slices.Values(packages))
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %s", release, runtime.GOARCH, strings.Join(all, " ")))
	return fmt.Sprintf("%s-%x", packages[0], sum[:4])
}

// unpack downloads the packages into temp and unpacks them under temp/root.
func unpack(ctx context.Context, temp string, packages []string) error {
	root := filepath.Join(temp, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		return err
	}
	download := append([]string{"download"}, packages...)
	if out, err := apt(ctx, temp, nil, download...); err != nil {
		// The lists may be missing, as in most images, or old: get our own, which takes no root.
		lists, err2 := ownLists(ctx, temp)
		if err2 != nil {
			return fmt.Errorf("%w: apt-get download: %w: %s", ErrNone, err, out)
		}
		if out, err := apt(ctx, temp, lists, download...); err != nil {
			return fmt.Errorf("%w: apt-get download: %w: %s", ErrNone, err, out)
		}
	}
	files, err := filepath.Glob(filepath.Join(temp, "*.deb"))
	if err != nil || len(files) < len(packages) {
		return fmt.Errorf("%w: apt-get downloaded %d of %d packages", ErrNone, len(files), len(packages))
	}
	var versions []string
	for _, f := range files {
		if out, err := exec.CommandContext(ctx, "dpkg", "-x", f, root).CombinedOutput(); err != nil {
			return fmt.Errorf("dpkg -x %s: %w: %s", filepath.Base(f), err, out)
		}
		versions = append(versions, strings.ReplaceAll(strings.TrimSuffix(filepath.Base(f), ".deb"), "%3a", ":"))
	}
	return os.WriteFile(filepath.Join(root, versionsFile), []byte(strings.Join(versions, "\n")), 0o644)
}

const versionsFile = "VERSIONS"

// Versions are the names, versions and architectures of what is unpacked in dir.
func Versions(dir string) []string {
	b, _ := os.ReadFile(filepath.Join(dir, versionsFile))
	return strings.Split(string(b), "\n")
}

// ownLists fetches the lists of packages into a folder of temp and returns the options that
// have apt use them.
func ownLists(ctx context.Context, temp string) ([]string, error) {
	for _, d := range []string{"lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(temp, d), 0o755); err != nil {
			return nil, err
		}
	}
	options := []string{
		"-o", "Dir::State::lists=" + filepath.Join(temp, "lists"), "-o", "Dir::Cache=" + filepath.Join(temp, "cache"), "-o", "Debug::NoLocking=1",
	}
	if out, err := apt(ctx, temp, options, "update"); err != nil {
		return nil, fmt.Errorf("apt-get update: %w: %s", err, out)
	}
	return options, nil
}

func apt(ctx context.Context, dir string, options []string, args ...string) (string, error) {
	all := slices.Concat([]string{"-q", "-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=20"}, options, args)
	if os.Geteuid() == 0 {
		all = append([]string{"-o", "APT::Sandbox::User=root"}, all...) // who else could write to our folder?
	}
	cmd := exec.CommandContext(ctx, "apt-get", all...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// Command is a program of dir that finds the libraries unpacked there.
func Command(dir, program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(dir, program), args...)
	var libs []string
	for _, pattern := range []string{"usr/lib/*-linux-gnu*", "lib/*-linux-gnu*", "usr/lib"} {
		found, _ := filepath.Glob(filepath.Join(dir, pattern))
		libs = append(libs, found...)
	}
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+strings.Join(libs, ":"))
	return cmd
}
