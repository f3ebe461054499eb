//go:build !linux && !darwin

package embedpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
)

// Main does nothing here.
func Main() {}

// Server cannot be had on this system; its methods are there so that programs
// compile.
type Server struct{}

// Start says that there is no embedded server for this system.
func Start(context.Context, Config) (*Server, error) {
	return nil, fmt.Errorf("there is no embedded PostgreSQL for %s: use one of your own with --database-url (SLUICE_DATABASE_URL)", runtime.GOOS)
}

// Recover says the same.
func Recover(ctx context.Context, cfg Config, _ Recovery) (Recovered, error) {
	_, err := Start(ctx, cfg)
	return Recovered{}, err
}

// ErrInUse is never returned.
var ErrInUse = errors.New("the embedded server is in use")

// Remove does nothing.
func Remove(context.Context, Config) error { return nil }

// PrivateDir makes the folder; there is nothing to protect in it.
func PrivateDir(path string) error { return os.MkdirAll(path, 0o700) }

// Ensure does nothing.
func (*Server) Ensure(context.Context) error { return nil }

// Close does nothing.
func (*Server) Close() error { return nil }

// WaitStopped does nothing.
func (*Server) WaitStopped(context.Context) error { return nil }

// URL is empty.
func (*Server) URL() string { return "" }

// AdminURL is empty.
func (*Server) AdminURL() string { return "" }

// Port is 0.
func (*Server) Port() int { return 0 }

// DataDir is empty.
func (*Server) DataDir() string { return "" }

// PID is 0.
func (*Server) PID() int { return 0 }
