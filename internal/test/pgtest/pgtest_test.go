package pgtest

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/test/brief"
)

func TestMain(m *testing.M) {
	Main(m, "pgtest's own, 1", func(ctx context.Context, url string) error {
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		// Left open on purpose: a migration's forgotten pool must not spoil the
		// template.
		_, err = conn.Exec(ctx, `create table note (text text); insert into note values ('migrated')`)
		return err
	})
}

func open(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func query[T any](t *testing.T, conn *pgx.Conn, sql string, args ...any) T {
	t.Helper()
	var v T
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func TestEveryTestHasItsOwn(t *testing.T) {
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := open(t, DB(t))
			if got := query[int](t, conn, `select count(*) from note where text = 'migrated'`); got != 1 {
				t.Errorf("the migration's row is there %d times", got)
			}
			if _, err := conn.Exec(t.Context(), `insert into note values ($1)`, name); err != nil {
				t.Fatal(err)
			}
			if got := query[int](t, conn, `select count(*) from note`); got != 2 {
				t.Errorf("%d rows, want 2: databases are shared", got)
			}
		})
	}
}

func TestRoles(t *testing.T) {
	url := DB(t)
	app := open(t, url)
	if query[bool](t, app, `select rolsuper or rolcreatedb or rolbypassrls from pg_roles where rolname = current_user`) {
		t.Error("the application's role may do too much")
	}
	if !query[bool](t, app, `select pg_has_role(datdba, 'usage') from pg_database where datname = current_database()`) {
		t.Error("the application's role does not own the database")
	}
	admin := open(t, AdminURL(t, url))
	if !query[bool](t, admin, `select rolsuper from pg_roles where rolname = current_user`) {
		t.Error("AdminURL is no superuser's")
	}
	if a, b := query[string](t, app, `select current_database()`), query[string](t, admin, `select current_database()`); a != b {
		t.Errorf("AdminURL leads to %s, DB to %s", b, a)
	}
	if got := query[string](t, open(t, AdminURL(t, "postgres")), `select current_database()`); got != "postgres" {
		t.Errorf("AdminURL by name leads to %s", got)
	}
}

func TestDropped(t *testing.T) {
	var name string
	t.Run("inner", func(t *testing.T) {
		name = query[string](t, open(t, DB(t)), `select current_database()`)
		open(t, DB(t)) // still connected when it is dropped
	})
	admin := open(t, AdminURL(t, "postgres"))
	if query[bool](t, admin, `select exists (select from pg_database where datname = $1)`, name) {
		t.Errorf("database %s is still there", name)
	}
}

func TestPrivateIsDurable(t *testing.T) {
	if brief.Run(t) {
		t.Skip("short: starts a server of its own")
	}
	conn := open(t, Private(t).URL())
	for _, setting := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		if got := query[string](t, conn, `select current_setting($1)`, setting); got != "on" {
			t.Errorf("%s = %s", setting, got)
		}
	}
}

func TestOld(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for _, tc := range []struct {
		name, used string
		want       bool
	}{
		{clonePrefix + strconv.FormatInt(now.Unix(), 36) + "_x", "", false},                           // now
		{clonePrefix + strconv.FormatInt(now.Add(-cloneAge-time.Second).Unix(), 36) + "_x", "", true}, // two hours and a bit before
		{"sluice_t_no!_x", "", false},          // not one of ours
		{"sluice_test_1", "1699999999", false}, // a second ago
		{"sluice_test_1", "1600000000", true},  // years ago
		{"sluice_test_1", "", true},            // never whole
	} {
		if got := old(tc.name, tc.used, now); got != tc.want {
			t.Errorf("old(%q, %q) = %v", tc.name, tc.used, got)
		}
	}
}
