package debpkg

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDir fetches a package of a few kilobytes: its files are there, twice without the network.
func TestDir(t *testing.T) {
	t.Setenv("SLUICE_CACHE", t.TempDir())
	dir := Dir(t, "hostname")
	path := filepath.Join(dir, "bin", "hostname")
	if _, err := os.Stat(path); err != nil {
		if path = filepath.Join(dir, "usr", "bin", "hostname"); !exists(path) {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(path).Output(); err != nil || len(out) == 0 {
		t.Errorf("%q, %v", out, err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, versionFile)); err != nil || !strings.HasPrefix(string(b), "hostname=") {
		t.Errorf("%q, %v", b, err)
	}
	t.Setenv("PATH", "")
	if again, err := fetch(t.Context(), []string{"hostname"}); again != dir || err != nil {
		t.Errorf("%s, %v", again, err)
	}
	if _, err := fetch(t.Context(), []string{"bsdutils"}); !errors.Is(err, ErrNoApt) {
		t.Errorf("without apt: %v", err)
	}
	left, _ := filepath.Glob(filepath.Join(os.Getenv("SLUICE_CACHE"), "*.part"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
