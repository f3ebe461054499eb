package debpkg_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"sluice/internal/test/debpkg"
)

// TestGet: a small package is fetched, unpacked and found again in the cache, and runs.
func TestGet(t *testing.T) {
	dir := debpkg.Get(t, "hello")
	if again := debpkg.Get(t, "hello"); again != dir {
		t.Errorf("the second time it is in %s, not %s", again, dir)
	}
	if v := debpkg.Versions(dir); len(v) != 1 || !strings.HasPrefix(v[0], "hello_") {
		t.Errorf("versions are %q", v)
	}
	out, err := debpkg.Command(dir, "usr/bin/hello").Output()
	if err != nil || string(out) != "Hello, world!\n" {
		t.Errorf("hello says %q, %v", out, err)
	}
}

// TestMissing: a package that there is not is an error that says so, and leaves nothing behind.
func TestMissing(t *testing.T) {
	t.Setenv("PATH", "")
	if _, err := debpkg.Fetch(context.Background(), "hello"); !errors.Is(err, debpkg.ErrNone) {
		t.Errorf("without apt: %v", err)
	}
}
