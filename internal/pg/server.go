package pg

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Oldest is the oldest major version of PostgreSQL that Sluice works with.
const Oldest = 16

// TooOldError: the server lacks what every part relies on.
type TooOldError struct{ Version string }

func (e *TooOldError) Error() string {
	return fmt.Sprintf("PostgreSQL %s is too old: Sluice needs %d or newer; upgrade the server, or name another one in --database-url", e.Version, Oldest)
}

// CheckVersion refuses a server that is too old. It asks nobody: a server names its version when it is
// connected to.
func CheckVersion(c *pgconn.PgConn) error {
	version := c.ParameterStatus("server_version")
	digits := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if digits < 0 {
		digits = len(version)
	}
	if major, err := strconv.Atoi(version[:digits]); err == nil && major < Oldest {
		return &TooOldError{version}
	}
	return nil
}
