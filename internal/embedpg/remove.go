//go:build linux || darwin

package embedpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// ErrInUse says that a server cannot be removed because it has clients.
var ErrInUse = errors.New("the embedded server is in use")

// Remove stops the server of cfg.Home and removes it with all its data, so that
// the next Start makes an empty one. With clients it returns ErrInUse and does
// nothing. It is for tests and demos.
func Remove(ctx context.Context, cfg Config) error {
	cfg, err := cfg.complete()
	if err != nil {
		return err
	}
	if gone(cfg.Home) {
		return nil
	}
	l, err := locate(cfg.Home)
	if err != nil {
		return err
	}
	// Nobody starts it, nobody joins it. Who waits for these locks finds their
	// files removed and begins anew.
	starting, err := lock(ctx, l.startLock(), syscall.LOCK_EX, l.user)
	if err != nil {
		return fmt.Errorf("remove the embedded server: %w", err)
	}
	defer starting.Close()
	clients, err := openLock(l.clientsLock(), l.user)
	if err != nil {
		return fmt.Errorf("remove the embedded server: %w", err)
	}
	defer clients.Close()
	for end := 0; ; end++ {
		if err = tryLock(clients, syscall.LOCK_EX); err == nil {
			break
		}
		// A supervisor that just looks for clients holds it for an instant.
		if end == 10 {
			return fmt.Errorf("%w: %s", ErrInUse, l.dir)
		}
		if err := sleep(ctx, lockPoll); err != nil {
			return err
		}
	}
	for told := false; supervised(l); told = true {
		if st, err := readState(l.state()); err == nil && !told && st.Supervisor > 1 {
			_ = syscall.Kill(st.Supervisor, syscall.SIGTERM)
		}
		if err := sleep(ctx, lockPoll); err != nil {
			return fmt.Errorf("wait for the embedded server in %s to stop: %w", l.dir, err)
		}
	}
	for _, path := range []string{l.dir, l.passwords(), filepath.Join(l.home, "postgres.location")} {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("remove the embedded server: %w", err)
		}
	}
	return nil
}
