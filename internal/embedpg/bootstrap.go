//go:build linux || darwin

package embedpg

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
)

const (
	roleName     = "sluice"
	databaseName = "sluice"
)

// wantedExtensions are created when the build has them. Only a superuser may,
// and the application never is one.
var wantedExtensions = []string{
	"pg_stat_statements", // slow queries, sluice explain
	"amcheck",            // sluice backup verifies indexes after a restore drill
	"pgstattuple",        // bloat
	"pg_buffercache",     // what fills the cache
}

func serverURL(port int, user, password, database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(user, password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// bootstrapVersion is written to the marker file; raise it when bootstrap learns
// something that existing folders need too.
const bootstrapVersion = "1\n"

func isBootstrapped(l layout) bool {
	text, err := os.ReadFile(l.bootstrapped())
	return err == nil && string(text) == bootstrapVersion
}

// bootstrap creates role, database and extensions as far as they are missing.
// The caller holds start.lock.
func bootstrap(ctx context.Context, l layout, pw passwords, port int) error {
	if err := bootstrapRole(ctx, pw, port); err != nil {
		return fmt.Errorf("prepare the embedded server: %w", err)
	}
	if err := writeFile(l.bootstrapped(), bootstrapVersion, 0o600, l.user); err != nil {
		return cannotWrite(l.dir, err)
	}
	return nil
}

func bootstrapRole(ctx context.Context, pw passwords, port int) error {
	conn, err := pgx.Connect(ctx, serverURL(port, "postgres", pw.Postgres, "postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))

	var role, database bool
	err = conn.QueryRow(ctx, `select exists (select from pg_roles where rolname = $1),
	                                 exists (select from pg_database where datname = $2)`,
		roleName, databaseName).Scan(&role, &database)
	if err != nil {
		return err
	}
	verb := "create"
	if role {
		verb = "alter"
	}
	// CREATEROLE, because migrations make roles for readers and workers. Nothing
	// that would step over row security. The password is letters and digits.
	if _, err := conn.Exec(ctx, verb+` role `+roleName+` login createrole
		nosuperuser nocreatedb nobypassrls noreplication password '`+pw.Sluice+`'`); err != nil {
		return fmt.Errorf("%s role %s: %w", verb, roleName, err)
	}
	if !database {
		if _, err := conn.Exec(ctx, `create database `+databaseName+` owner `+roleName); err != nil {
			return fmt.Errorf("create database %s: %w", databaseName, err)
		}
	}

	db, err := pgx.Connect(ctx, serverURL(port, "postgres", pw.Postgres, databaseName))
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	return createExtensions(ctx, db)
}

func createExtensions(ctx context.Context, db *pgx.Conn) error {
	rows, err := db.Query(ctx, `select name from pg_available_extensions where name = any($1)`, wantedExtensions)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := db.Exec(ctx, `create extension if not exists `+pgx.Identifier{name}.Sanitize()); err != nil {
			return fmt.Errorf("create extension %s: %w", name, err)
		}
	}
	return nil
}

// ping asks a server whether it would take a login, as pg_isready does: it sends
// the opening message and looks whether a password is asked for. Without the
// login itself, which costs both sides 4,096 rounds of SHA-256.
func ping(ctx context.Context, port int) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	f := pgproto3.NewFrontend(conn, conn)
	f.Send(&pgproto3.StartupMessage{
		ProtocolVersion: pgproto3.ProtocolVersion30,
		Parameters:      map[string]string{"user": roleName, "database": databaseName},
	})
	if err := f.Flush(); err != nil {
		return err
	}
	answer, err := f.Receive()
	switch answer := answer.(type) {
	case nil:
		return err
	case pgproto3.AuthenticationResponseMessage:
		return nil
	case *pgproto3.ErrorResponse:
		return errors.New(answer.Message)
	default:
		return fmt.Errorf("port %d is no PostgreSQL server", port)
	}
}
