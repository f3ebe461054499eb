package pg

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// TransactionPoolingError: between us and the server is a pooler that gives a session to whoever
// comes next when a transaction ends.
type TransactionPoolingError struct{}

func (*TransactionPoolingError) Error() string {
	return "the database is reached through a pooler that shares sessions out by transaction or statement, and Sluice keeps a role, temporary tables, locks and LISTEN per session, " +
		"which would be another's in the next transaction: in pgbouncer.ini set pool_mode = session for this database ([databases] NAME = … pool_mode=session), " +
		"or name PostgreSQL itself in --database-url (docs/pools.md)"
}

// CheckSession fails where sessions are not ours from connecting to closing. Without a pooler it
// costs a round trip; with one, again opens a second connection to compare with.
func CheckSession(ctx context.Context, conn *pgx.Conn, again func() (*pgx.Conn, error)) error {
	mine, err := backend(ctx, conn)
	if err != nil {
		return err
	}
	// A pooler has made up the key to cancel by, which holds the server's process otherwise.
	if mine == conn.PgConn().PID() {
		return nil
	}
	other, err := again()
	if err != nil {
		return err
	}
	defer other.Close(context.WithoutCancel(ctx))
	// In a session each sees one process, which is not the other's. Poolers hand out the process
	// that came back last, or in turn; a few rounds, since others are served between ours.
	theirs := uint32(0)
	for range 4 {
		for _, c := range []struct {
			conn *pgx.Conn
			was  *uint32
		}{{other, &theirs}, {other, &theirs}, {conn, &mine}, {conn, &mine}} {
			now, err := backend(ctx, c.conn)
			if err != nil {
				return err
			}
			if *c.was == 0 {
				*c.was = now
			}
			if now != *c.was || mine == theirs {
				return &TransactionPoolingError{}
			}
		}
	}
	return nil
}

// backend is the process of the server that answers now. The simple protocol: what is prepared
// belongs to a session, and it is not known yet whether there is one.
func backend(ctx context.Context, conn *pgx.Conn) (pid uint32, err error) {
	if err := conn.QueryRow(ctx, `select pg_backend_pid()`, pgx.QueryExecModeSimpleProtocol).Scan(&pid); err != nil {
		return 0, fmt.Errorf("ask for the server's process: %w", err)
	}
	return pid, nil
}

// refusals are the beginnings and parts of what PgBouncer says to those that it will never let in, or
// not as they come. Nearly all that it says has the state 08P01, what passes in a
// moment too, and its texts are in one language.
var refusals = []string{
	"unsupported startup parameter", "no such database", "no such user", "not allowed in statement pooling mode", "pooling mode",
	"authentication failed", "login rejected", "TLS connection required", "SSL required", "certificate required", "bouncer config error",
}

// refusedByPooler reports whether a pooler will say the same at every try.
func refusedByPooler(pe *pgconn.PgError) bool {
	if pe.Code != "08P01" {
		return false
	}
	for _, text := range refusals {
		if strings.Contains(pe.Message, text) {
			return true
		}
	}
	return false
}
