//go:build linux || darwin

package embedpg

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// sweepAbandoned removes servers that root placed outside of a temporary home
// (mktemp -d, a test's folder, the demo's in the cache folder) which has been
// removed since: nobody can find them any more. Homes anywhere else are left
// alone, however gone they look: their disk may only be unmounted.
func sweepAbandoned() {
	var pointers []string
	for _, pattern := range []string{filepath.Join(systemDir, "*", "home"), filepath.Join(spareDir, "sluice-*", "home")} {
		found, _ := filepath.Glob(pattern)
		pointers = append(pointers, found...)
	}
	for _, pointer := range pointers {
		text, err := os.ReadFile(pointer)
		if err != nil {
			continue
		}
		dir, home := filepath.Dir(pointer), strings.TrimSpace(string(text))
		if !temporary(home) || !gone(home) {
			continue
		}
		// Hold it against a supervisor that is just about to notice.
		held, err := openLock(filepath.Join(dir, "supervisor.lock"), nil)
		if err != nil {
			continue
		}
		if tryLock(held, syscall.LOCK_EX) == nil {
			os.RemoveAll(dir)
		}
		held.Close()
	}
}

// temporary reports whether a folder is under a temporary one that exists, or
// under the cache folder, which everybody may empty at any time.
func temporary(path string) bool {
	places := []string{os.TempDir(), "/tmp", "/var/tmp"}
	if cache, err := os.UserCacheDir(); err == nil {
		places = append(places, cache)
	}
	for _, dir := range places {
		real, err := filepath.EvalSymlinks(dir)
		if err == nil && filepath.IsAbs(path) && strings.HasPrefix(path, real+string(filepath.Separator)) {
			return true
		}
	}
	return false
}
