// Package debpkg gives tests the programs of Debian packages, unpacked into the user's cache
// folder: nothing is installed, and no root is needed. Start at Dir.
//
// What is fetched is what the machine's own package lists name, checked by apt against the
// archive's signature. Where there is no apt the test is skipped and says so.
package debpkg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ErrNoApt: this machine cannot unpack Debian packages.
var ErrNoApt = errors.New("it takes Debian's apt-get and dpkg")

// Dir returns the folder with the files of the packages, as from /: usr/bin/redis-server. They
// share a folder of their own, so that a library lies beside the program that wants it; what
// else they depend on has to be on the machine, or named too. The versions are logged.
//
// The test is skipped where the machine cannot, or where the packages cannot be had within
// two minutes.
func Dir(t testing.TB, packages ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	dir, err := fetch(ctx, packages)
	if err != nil {
		t.Skipf("no %s here: %v", strings.Join(packages, ", "), err)
	}
	versions, _ := os.ReadFile(filepath.Join(dir, versionFile))
	t.Logf("Debian packages: %s", strings.Join(strings.Fields(string(versions)), ", "))
	return dir
}

// versionFile names the packages that a folder holds, with their versions, a line each.
const versionFile = "VERSIONS"

// fetch returns the folder, filling it where it is not there.
func fetch(ctx context.Context, packages []string) (string, error) {
	cache := os.Getenv("SLUICE_CACHE")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("cache folder: %w; set SLUICE_CACHE", err)
		}
		cache = filepath.Join(dir, "sluice")
	}
	dir := filepath.Join(cache, "deb-"+strings.Join(packages, "+"))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	for _, name := range []string{"apt-get", "dpkg"} {
		if _, err := exec.LookPath(name); err != nil {
			return "", fmt.Errorf("%w: %w", ErrNoApt, err)
		}
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("cache folder: %w", err)
	}
	// Into place by a rename: several tests may be at it, and each may be killed.
	temp, err := os.MkdirTemp(cache, "deb-*.part")
	if err != nil {
		return "", fmt.Errorf("cache folder: %w", err)
	}
	defer os.RemoveAll(temp)
	files, err := download(ctx, temp, packages)
	if err != nil {
		return "", err
	}
	root := filepath.Join(temp, "root")
	var versions strings.Builder
	for _, file := range files {
		if err := run(ctx, temp, "dpkg", "-x", file, root); err != nil {
			return "", err
		}
		// NAME_VERSION_ARCHITECTURE.deb
		fmt.Fprintln(&versions, strings.Replace(strings.TrimSuffix(filepath.Base(file), ".deb"), "_", "=", 1))
	}
	if err := os.WriteFile(filepath.Join(root, versionFile), []byte(versions.String()), 0o644); err != nil {
		return "", err
	}
	// The server of a package may refuse to run as root, and its user must come in.
	if err := os.Chmod(root, 0o755); err != nil {
		return "", err
	}
	if err := os.Rename(root, dir); err != nil {
		if _, there := os.Stat(dir); there != nil {
			return "", err
		}
	}
	return dir, nil
}

// download puts the packages into dir and returns their files. A machine whose lists are
// missing or too old gets fresh ones, in dir: its own are root's.
func download(ctx context.Context, dir string, packages []string) ([]string, error) {
	args := append([]string{"-q", "-o", "APT::Sandbox::User=root", "download"}, packages...)
	if first := run(ctx, dir, "apt-get", args...); first != nil {
		for _, folder := range []string{"state/lists/partial", "cache/archives/partial"} {
			if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
				return nil, err
			}
		}
		own := []string{"-o", "Dir::State=" + filepath.Join(dir, "state"), "-o", "Dir::State::status=/var/lib/dpkg/status", "-o", "Dir::Cache=" + filepath.Join(dir, "cache")}
		if err := run(ctx, dir, "apt-get", append(own, "-q", "-o", "APT::Sandbox::User=root", "update")...); err != nil {
			return nil, errors.Join(first, err)
		}
		if err := run(ctx, dir, "apt-get", append(own, args...)...); err != nil {
			return nil, err
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err == nil && len(files) != len(packages) {
		err = fmt.Errorf("apt-get brought %d files for %d packages", len(files), len(packages))
	}
	return files, err
}

func run(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}
