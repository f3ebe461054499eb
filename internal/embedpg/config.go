package embedpg

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// Version is the PostgreSQL that is fetched and run.
const Version = "18.6.0"

const envHome = "SLUICE_HOME"

// Config says which server. The zero value is usable.
type Config struct {
	// Home is the folder whose server is meant. Defaults to SLUICE_HOME, then to
	// sluice in the user's data folder; see DefaultHome.
	Home string

	// CacheDir keeps the downloaded archive (15 MB) and, where the server's user
	// can reach it, the unpacked server (60 MB), shared by all homes. Defaults to
	// SLUICE_CACHE, then to sluice in the user's cache folder.
	CacheDir string

	// Port, when not 0, is the only port the server may use; Start fails when
	// something else has it. Defaults to SLUICE_EMBEDDED_PORT, then to the port
	// used last or, if that is taken, to a free one. A server that already runs
	// is joined whatever its port.
	Port int

	// Linger is how long the server outlives its last client. Defaults to
	// SLUICE_EMBEDDED_LINGER, then to 3 s; negative means not at all. It is fixed
	// by the client that starts the server.
	Linger time.Duration

	// Logger hears of downloads and starts. Defaults to none.
	Logger *slog.Logger

	// Settings are server settings on top of ours (see settings.go), for example
	// {"fsync": "off"} in tests. They come from the client that starts the server.
	Settings map[string]string

	// Programs is a folder with bin/postgres to run instead of the one that is fetched, for data of
	// another major version. Only data that Recover has made is run with it.
	Programs string

	repository string // base URL of a Maven repository, SLUICE_EMBEDDED_REPOSITORY
}

// DefaultHome is where sluice keeps its files: SLUICE_HOME, else
// XDG_DATA_HOME/sluice, else ~/.local/share/sluice.
func DefaultHome() (string, error) {
	if home := os.Getenv(envHome); home != "" {
		return home, nil
	}
	if data := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(data) {
		return filepath.Join(data, "sluice"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no folder for sluice's files: %w; set %s to one", err, envHome)
	}
	return filepath.Join(home, ".local", "share", "sluice"), nil
}
