package serve

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"

	"github.com/jackc/pgx/v5/pgxpool"
)

// lookAtLogin warns of what is not as safe as it could be in how we reach the database. What is
// unsafe (a password as MD5 or in the open) has been refused by now.
func lookAtLogin(ctx context.Context, pool *pgxpool.Pool, log *slog.Logger) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	wire := conn.Conn().PgConn().Conn()
	if _, encrypted := wire.(*tls.Conn); !encrypted && leaves(wire.RemoteAddr()) {
		log.Warn("the connection to the database is not encrypted: write sslmode=verify-full, or require, in --database-url", "server", wire.RemoteAddr().String())
	}
	var kept string
	if err := conn.QueryRow(ctx, `select current_setting('password_encryption')`).Scan(&kept); err != nil {
		return err
	}
	if kept != "scram-sha-256" {
		log.Warn("the server keeps new passwords as hashes that one can log in with: set password_encryption = 'scram-sha-256' there, and the passwords again", "password_encryption", kept)
	}
	return nil
}

// leaves reports whether what is sent to an address leaves this machine.
func leaves(to net.Addr) bool {
	a, ok := to.(*net.TCPAddr)
	return ok && !a.IP.IsLoopback()
}
