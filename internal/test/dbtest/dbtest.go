// Package dbtest gives a test a database of its own that is ready for use: migrated,
// with the partitions of today, on the server that pgtest shares among all tests.
//
//	func TestMain(m *testing.M) { dbtest.Main(m) }
//
//	func TestIngest(t *testing.T) {
//		t.Parallel()
//		db := dbtest.New(t)
//		acme := db.Tenant(t, "acme")
//		pool := db.Pool(t, pg.Ingest)
//		…
//	}
//
// It is for tests only, and the one package under internal that imports migrations
// and partitions. Tests of those two import it from their _test packages.
package dbtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/pgtest"
	"sluice/migrations"
	"sluice/partitions"
)

// Main runs the tests of a package that uses New; call it as the only thing in TestMain.
func Main(m *testing.M) { pgtest.Main(m, key(), migrate) }

// key names the template database: it changes with the scripts, with the month (the
// template holds the partitions of its day), and by hand with the runner.
func key() string {
	h := sha256.New()
	fmt.Fprintln(h, "dbtest 1", time.Now().UTC().Format("2006-01"))
	for _, s := range migrations.Scripts() {
		fmt.Fprintln(h, s.Name, s.Hash)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func migrate(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := migrations.Up(ctx, conn); err != nil {
		return err
	}
	if err := migrations.AsOwner(ctx, conn); err != nil {
		return err
	}
	_, err = partitions.Ensure(ctx, conn, time.Now())
	return err
}

// DB is a migrated database.
type DB struct {
	URL      string // of user sluice, who owns the database and may become every role
	AdminURL string // of the superuser, for what a test has to arrange or look at
}

// New makes a database, which is dropped when the test ends.
func New(t testing.TB) *DB {
	t.Helper()
	url := pgtest.DB(t)
	db := &DB{URL: url, AdminURL: pgtest.AdminURL(t, url)}
	// Settings and grants of a database are not cloned with its content.
	conn := db.Conn(t, "")
	defer conn.Close(context.Background())
	if _, err := migrations.Up(t.Context(), conn); err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	if err := migrations.SetSearchPath(t.Context(), conn); err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	return db
}

// Conn opens one connection that acts as role, "" for user sluice as it is. It is
// closed when the test ends.
func (db *DB) Conn(t testing.TB, role pg.Role) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.URL)
	if err == nil && role != "" {
		err = pg.Become(t.Context(), conn, role)
	}
	if err != nil {
		t.Fatalf("dbtest: connect: %v", err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// Admin opens a connection of the superuser, whom row security does not bind.
func (db *DB) Admin(t testing.TB) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.AdminURL)
	if err != nil {
		t.Fatalf("dbtest: connect as superuser: %v", err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// Pool opens connections that act as role, as the program does. A Config tunes it.
func (db *DB) Pool(t testing.TB, role pg.Role, cfg ...pg.Config) *pgxpool.Pool {
	t.Helper()
	c := pg.Config{MaxConns: 8}
	if len(cfg) > 0 {
		c = cfg[0]
	}
	pool, err := pg.Open(t.Context(), db.URL, role, c)
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// Tenant makes a tenant, or finds it.
func (db *DB) Tenant(t testing.TB, name string) id.ID {
	t.Helper()
	conn := db.Conn(t, pg.Maintainer)
	defer conn.Close(context.Background())
	var tenant id.ID
	_, err := conn.Exec(t.Context(), `insert into authority.tenant (name) values ($1) on conflict (name) do nothing`, name)
	if err == nil {
		err = conn.QueryRow(t.Context(), `select tenant_id from authority.tenant where name = $1`, name).Scan(&tenant)
	}
	if err != nil {
		t.Fatalf("dbtest: tenant %s: %v", name, err)
	}
	return tenant
}
