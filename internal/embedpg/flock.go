//go:build linux || darwin

package embedpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lockPoll is how often a wanted lock is tried again. A blocking flock could
// not be given up when ctx ends.
const lockPoll = 10 * time.Millisecond

var errLocked = errors.New("locked by another process")

// openLock opens a lock file, creating it for owner if need be.
func openLock(path string, owner *identity) (*os.File, error) {
	return openOwned(path, os.O_RDWR|os.O_CREATE, owner)
}

// tryLock takes f shared or alone, or returns errLocked at once. The lock goes
// with the last descriptor of the open file, thus with the process however it
// ends. Go opens files close-on-exec, so no child keeps it.
func tryLock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return errLocked
		default:
			return fmt.Errorf("lock %s: %w", f.Name(), err)
		}
	}
}

func unlock(f *os.File) { _ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }

// lock waits for a lock on the file at path, and makes sure that the file is
// still there by that name: somebody may have removed the folder meanwhile.
func lock(ctx context.Context, path string, how int, owner *identity) (*os.File, error) {
	for {
		f, err := openLock(path, owner)
		if err != nil {
			return nil, err
		}
		for {
			err = tryLock(f, how)
			if !errors.Is(err, errLocked) {
				break
			}
			if err = sleep(ctx, lockPoll); err != nil {
				err = fmt.Errorf("wait for %s: %w", path, err)
				break
			}
		}
		if err != nil {
			f.Close()
			return nil, err
		}
		if stillThere(f) {
			return f, nil
		}
		f.Close()
	}
}

// stillThere reports whether the path of f still leads to f.
func stillThere(f *os.File) bool {
	held, err1 := f.Stat()
	named, err2 := os.Stat(f.Name())
	return err1 == nil && err2 == nil && os.SameFile(held, named)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
