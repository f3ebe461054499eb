//go:build linux || darwin

package backup

import (
	"fmt"
	"os"
	"syscall"
)

// lockedFolder makes an empty folder that is ours until unlock. What a killed process has left under
// that name is removed: its lock went with it.
func lockedFolder(path string) (dir string, unlock func(), err error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return "", nil, fmt.Errorf("another process restores into %s", path)
	}
	entries, err := os.ReadDir(path)
	for _, e := range entries {
		if err == nil {
			err = os.RemoveAll(path + "/" + e.Name())
		}
	}
	if err != nil {
		f.Close()
		return "", nil, err
	}
	return path, func() { f.Close() }, nil
}
