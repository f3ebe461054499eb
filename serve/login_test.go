package serve

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"testing"

	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

// TestLookAtLogin: a server that would keep passwords as MD5 is told of, and a connection that
// leaves the machine in the open.
func TestLookAtLogin(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	said := func() string {
		var log bytes.Buffer
		if err := lookAtLogin(t.Context(), db.Pool(t, pg.Reader, pg.Config{MaxConns: 1}), slog.New(slog.NewTextHandler(&log, nil))); err != nil {
			t.Fatal(err)
		}
		return log.String()
	}
	if got := said(); got != "" {
		t.Errorf("of a server as it should be: %s", got)
	}
	admin := db.Admin(t)
	if _, err := admin.Exec(t.Context(), `do $$ begin execute format('alter database %I set password_encryption = md5', current_database()); end $$`); err != nil {
		t.Fatal(err)
	}
	if got := said(); !strings.Contains(got, "set password_encryption = 'scram-sha-256' there") || !strings.Contains(got, "password_encryption=md5") {
		t.Errorf("of one that keeps MD5: %q", got)
	}
	for address, want := range map[string]bool{"127.0.0.1": false, "127.8.8.8": false, "::1": false, "10.0.0.1": true, "fd00::1": true} {
		if got := leaves(&net.TCPAddr{IP: net.ParseIP(address)}); got != want {
			t.Errorf("%s: leaves is %v", address, got)
		}
	}
	if leaves(&net.UnixAddr{Name: "/run/postgresql/.s.PGSQL.5432"}) {
		t.Error("a socket leaves the machine")
	}
}
