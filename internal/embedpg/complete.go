//go:build linux || darwin

package embedpg

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// majorVersion is what PG_VERSION in a data folder must say.
const majorVersion = "18"

// The environment variables that complete a Config, beside SLUICE_HOME. Fields
// win over them.
const (
	envCache      = "SLUICE_CACHE"
	envPort       = "SLUICE_EMBEDDED_PORT"
	envLinger     = "SLUICE_EMBEDDED_LINGER"
	envRepository = "SLUICE_EMBEDDED_REPOSITORY"
)

// defaultLinger keeps the server, and what it has cached, across the commands of
// a script. A start of an existing folder takes 70 ms, joining takes 2.
const defaultLinger = 3 * time.Second

// complete fills in defaults and refuses what cannot work.
func (c Config) complete() (Config, error) {
	if c.Home == "" {
		home, err := DefaultHome()
		if err != nil {
			return c, err
		}
		c.Home = home
	}
	home, err := filepath.Abs(c.Home)
	if err != nil {
		return c, fmt.Errorf("home of the embedded server: %w", err)
	}
	c.Home = home

	if c.CacheDir == "" {
		c.CacheDir = os.Getenv(envCache)
	}
	if c.CacheDir == "" {
		// Without a home (some containers, daemons) the cache goes with the data.
		c.CacheDir = filepath.Join(c.Home, "cache")
		if dir, err := os.UserCacheDir(); err == nil {
			c.CacheDir = filepath.Join(dir, "sluice")
		}
	}
	if c.CacheDir, err = filepath.Abs(c.CacheDir); err != nil {
		return c, fmt.Errorf("cache of the embedded server: %w", err)
	}

	if text := os.Getenv(envPort); c.Port == 0 && text != "" {
		if c.Port, err = strconv.Atoi(text); err != nil {
			return c, fmt.Errorf("%s=%q is not a port number", envPort, text)
		}
	}
	if c.Port < 0 || c.Port > 65535 {
		return c, fmt.Errorf("port %d of the embedded server is not in 1..65535 (%s)", c.Port, envPort)
	}

	if text := os.Getenv(envLinger); c.Linger == 0 && text != "" {
		linger, err := time.ParseDuration(text)
		if err != nil || linger < 0 {
			return c, fmt.Errorf("%s=%q is not a duration such as 3s", envLinger, text)
		}
		c.Linger = linger
		if linger == 0 {
			c.Linger = -1
		}
	}
	if c.Linger == 0 {
		c.Linger = defaultLinger
	}
	c.Linger = max(c.Linger, 0)

	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	for name, value := range c.Settings {
		if err := checkSetting(name, value); err != nil {
			return c, err
		}
	}
	c.repository = os.Getenv(envRepository)
	return c, nil
}

// errNoMain guards against a fork bomb: without Main the supervisor would be a
// second run of the caller's whole program.
var errNoMain = errors.New("embedpg.Start without embedpg.Main: call Main first thing in main or TestMain")

// ownServer ends messages about things that only another server can avoid.
const ownServer = "or use a PostgreSQL of your own with --database-url (SLUICE_DATABASE_URL)"
