package migrations_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sluice/internal/test/brief"
	"sluice/internal/test/dbtest"
	"sluice/internal/test/pgtest"
	"sluice/migrations"
	"sluice/partitions"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// cluster is a server with room for databases: the shared one or one of the test's own.
type cluster struct {
	admin string // URL of the superuser, database postgres
	app   *url.Userinfo
}

// sharedCluster is the server that all tests share: the sluice_* roles exist there.
func sharedCluster(t *testing.T) cluster {
	t.Helper()
	u, err := url.Parse(dbtest.New(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	return cluster{admin: pgtest.AdminURL(t, "postgres"), app: u.User}
}

// virginCluster is a server where no sluice_* role exists yet.
func virginCluster(t *testing.T) cluster {
	t.Helper()
	if brief.Run(t) {
		t.Skip("short: starts a server of its own")
	}
	server := pgtest.Private(t)
	u, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	return cluster{admin: server.AdminURL(), app: u.User}
}

func (c cluster) url(t *testing.T, database string, user *url.Userinfo) string {
	t.Helper()
	u, err := url.Parse(c.admin)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + database
	if user != nil {
		u.User = user
	}
	return u.String()
}

// database makes an empty database that belongs to user, and returns its name.
func (c cluster) database(t *testing.T, user *url.Userinfo) string {
	t.Helper()
	// Named like pgtest's clones, whose sweep drops what a killed run leaves.
	name := "sluice_t_" + strconv.FormatInt(time.Now().Unix(), 36) + "_" + strings.ToLower(rand.Text()[:10])
	admin := connect(t, c.admin)
	exec(t, admin, `create database `+name+` template template0 encoding 'UTF8' owner `+user.Username())
	t.Cleanup(func() {
		if _, err := admin.Exec(context.Background(), `drop database `+name+` with (force)`); err != nil {
			t.Error(err)
		}
	})
	return name
}

// plainUser makes a user who may log in and nothing else, but for the attributes given.
func (c cluster) plainUser(t *testing.T, attributes string) *url.Userinfo {
	t.Helper()
	name := "sluice_plain_" + strings.ToLower(rand.Text()[:10])
	admin := connect(t, c.admin)
	exec(t, admin, `create role `+name+` login nosuperuser nocreatedb nobypassrls `+attributes+` password 'plain'`)
	t.Cleanup(func() {
		if _, err := admin.Exec(context.Background(), `drop role `+name); err != nil {
			t.Error(err)
		}
	})
	return url.UserPassword(name, "plain")
}

// connect opens a connection that is closed when the test ends, after the cleanups
// that were registered later.
func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

type queryer interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

func exec(t testing.TB, conn queryer, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// one returns the one value that a statement yields.
func one[T any](t testing.TB, conn queryer, sql string, args ...any) T {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// list returns the first column.
func list[T any](t testing.TB, conn queryer, sql string, args ...any) []T {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	v, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// attempt runs fn in a savepoint that is rolled back, so that tx goes on after an error.
func attempt(t testing.TB, tx pgx.Tx, fn func(pgx.Tx) error) error {
	t.Helper()
	sub, err := tx.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := sub.Rollback(context.Background()); err != nil {
			t.Fatal(err)
		}
	}()
	return fn(sub)
}

// inTx runs fn in a transaction that is rolled back.
func inTx(t testing.TB, conn *pgx.Conn, fn func(pgx.Tx)) {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	fn(tx)
}

// migrate brings an empty database up to date, with its partitions.
func migrate(t testing.TB, url string) {
	t.Helper()
	if err := migrateUp(t.Context(), url); err != nil {
		t.Fatal(err)
	}
}

func migrateUp(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := migrations.Up(ctx, conn); err != nil {
		return fmt.Errorf("up: %w", err)
	}
	if err := migrations.AsOwner(ctx, conn); err != nil {
		return err
	}
	_, err = partitions.Ensure(ctx, conn, time.Now())
	return err
}
