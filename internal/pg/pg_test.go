package pg_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func value(t *testing.T, conn interface {
	QueryRow(context.Context, string, ...any) pgx.Row
}, sql string, args ...any,
) string {
	t.Helper()
	var s *string
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&s); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if s == nil {
		return "null"
	}
	return *s
}

func TestSettings(t *testing.T) {
	t.Parallel()
	pool := dbtest.New(t).Pool(t, pg.Ingest, pg.Config{MaxConns: 1, StatementTimeout: 90 * time.Second})
	for name, want := range map[string]string{
		"search_path": pg.SearchPath, "TimeZone": "UTC", "role": "sluice_ingest", "application_name": "sluice ingest",
		"statement_timeout": "90s", "idle_in_transaction_session_timeout": "5min", "plan_cache_mode": "force_custom_plan", "jit": "off",
	} {
		if got := value(t, pool, `select current_setting($1)`, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// TestPoolSizes: those of the specification's section 13, but for the connections in reserve.
func TestPoolSizes(t *testing.T) {
	t.Parallel()
	c := dbtest.New(t).Pool(t, pg.Reader, pg.Config{}).Config()
	if c.MaxConns != 20 || c.MinConns != 0 || c.MaxConnIdleTime != 10*time.Minute || c.MaxConnLifetime != 30*time.Minute || c.ConnConfig.ConnectTimeout != 5*time.Second {
		t.Errorf("a pool has at most %d connections, %d in reserve, idle for %v, for %v in all, connecting for %v",
			c.MaxConns, c.MinConns, c.MaxConnIdleTime, c.MaxConnLifetime, c.ConnConfig.ConnectTimeout)
	}
}

// TestTenantEndsWithTheTransaction: the connection goes back to the pool without it,
// whether the transaction was committed, rolled back or cut off.
func TestTenantEndsWithTheTransaction(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	acme := db.Tenant(t, "acme")
	pool := db.Pool(t, pg.Reader, pg.Config{MaxConns: 1})
	failure := errors.New("failure")
	for name, fn := range map[string]func(pgx.Tx) error{
		"committed":   func(pgx.Tx) error { return nil },
		"rolled back": func(pgx.Tx) error { return failure },
		"failed":      func(tx pgx.Tx) error { _, err := tx.Exec(t.Context(), `select 1 / 0`); return err },
	} {
		inside := ""
		err := pg.Tenant(t.Context(), pool, acme, func(tx pgx.Tx) error {
			inside = value(t, tx, `select core.current_tenant()::text`)
			return fn(tx)
		})
		if (err == nil) != (name == "committed") {
			t.Errorf("%s: %v", name, err)
		}
		if inside != acme.String() {
			t.Errorf("%s: the tenant inside is %s", name, inside)
		}
		if after := value(t, pool, `select core.current_tenant()::text`); after != "null" {
			t.Errorf("%s: the tenant afterwards is %s", name, after)
		}
		if role := value(t, pool, `select current_user::text`); role != "sluice_reader" {
			t.Errorf("%s: the role afterwards is %s", name, role)
		}
	}
}

// TestActorIsTheTransactions: section 2.3's settings come from the context, of every transaction
// anew, and end with it.
func TestActorIsTheTransactions(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	acme := db.Tenant(t, "acme")
	pool := db.Pool(t, pg.Reader, pg.Config{MaxConns: 1})
	ana := id.Derive(acme, "user", "ana")
	settings := func(conn interface {
		QueryRow(context.Context, string, ...any) pgx.Row
	},
	) string {
		return value(t, conn, `select concat_ws('|', current_setting('app.tenant_id', true), current_setting('app.user_id', true), current_setting('app.roles', true))`)
	}
	ctx := pg.WithActor(t.Context(), pg.Actor{User: ana, Name: "ana", Roles: []string{"analyst", "reader"}})
	for _, step := range []struct {
		ctx  context.Context
		want string
	}{
		{ctx, acme.String() + "|" + ana.String() + "|analyst,reader"},
		{t.Context(), acme.String() + "||"},
		{pg.WithActor(ctx, pg.Actor{Name: "a service without roles"}), acme.String() + "||"},
	} {
		err := pg.Tenant(step.ctx, pool, acme, func(tx pgx.Tx) error {
			if got := settings(tx); got != step.want {
				t.Errorf("inside it is %q, want %q", got, step.want)
			}
			// Work of somebody else in the same transaction.
			if err := pg.SetTenant(t.Context(), tx, acme); err != nil {
				return err
			}
			if got := settings(tx); got != acme.String()+"||" {
				t.Errorf("without an actor it is %q", got)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := settings(pool); strings.Trim(got, "|") != "" {
			t.Errorf("afterwards it is %q", got)
		}
	}
	if a, ok := pg.ActorOf(ctx); !ok || a.User != ana || a.Name != "ana" {
		t.Errorf("the actor is %+v, %v", a, ok)
	}
	if a, ok := pg.ActorOf(t.Context()); ok {
		t.Errorf("nobody is %+v", a)
	}
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	wrong, err := url.Parse(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	wrong.User = url.UserPassword(wrong.User.Username(), "wrong")
	nowhere := *wrong
	nowhere.Host = "127.0.0.1:1"
	for name, tc := range map[string]struct {
		url, says string
		outage    bool
	}{
		"wrong password": {wrong.String(), "password authentication failed", false},
		"nobody there":   {nowhere.String(), "connection refused", true},
		"no URL":         {"postgres://%zz", "database URL", false},
	} {
		_, err := pg.Open(t.Context(), tc.url, pg.Reader, pg.Config{})
		if err == nil || !strings.Contains(err.Error(), tc.says) || pg.Outage(err) != tc.outage {
			t.Errorf("%s: %v, outage %v", name, err, pg.Outage(err))
		}
		if err != nil && strings.Contains(err.Error(), "wrong@") {
			t.Errorf("%s: the error shows the password: %v", name, err)
		}
	}
}

// TestBecomeOnlyWhatOneMay: a login that is a member of one role does not get another.
func TestBecomeOnlyWhatOneMay(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	admin := db.Admin(t)
	name := "sluice_pg_test_" + strings.ReplaceAll(strings.ToLower(t.Name()), "/", "_")
	for _, sql := range []string{`drop role if exists ` + name, `create role ` + name + ` login password 'x'`, `grant sluice_reader to ` + name} {
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _, _ = admin.Exec(context.Background(), `drop role `+name) })
	u, err := url.Parse(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(name, "x")
	for role, may := range map[pg.Role]bool{pg.Reader: true, pg.Ingest: false, pg.Projector: false, pg.Owner: false, "sluice_views": false} {
		pool, err := pg.Open(t.Context(), u.String(), role, pg.Config{MaxConns: 1})
		if err == nil {
			pool.Close()
		}
		if (err == nil) != may || err != nil && !strings.Contains(err.Error(), string(role)) {
			t.Errorf("%s: %v", role, err)
		}
	}
}

// TestOutageOfACutConnection: what a caller sees of a server that goes away.
func TestOutageOfACutConnection(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	pool := db.Pool(t, pg.Reader, pg.Config{MaxConns: 1})
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		if _, err := db.Admin(t).Exec(t.Context(), `select pg_terminate_backend($1)`, tx.Conn().PgConn().PID()); err != nil {
			t.Fatal(err)
		}
		_, err := tx.Exec(t.Context(), `select 1`)
		return err
	})
	if !pg.Outage(err) {
		t.Errorf("%v is no outage", err)
	}
	if _, err := pool.Exec(t.Context(), `select 1`); err != nil {
		t.Errorf("the pool does not connect again: %v", err)
	}
	// A row without a partition is the tables' fault, not the row's.
	_, err = db.Admin(t).Exec(t.Context(), `insert into ingest.scan_run_event (tenant_id, scan_run_id, occurred_at, event_type, payload) values (gen_random_uuid(), 1, '1999-01-01', '', '{}')`)
	if !pg.Outage(err) {
		t.Errorf("%v is no outage", err)
	}
	_, err = db.Admin(t).Exec(t.Context(), `insert into vex.vex_decision (tenant_id, package_id, vuln_id, status) values (gen_random_uuid(), gen_random_uuid(), '', 'no')`)
	if err == nil || pg.Outage(err) {
		t.Errorf("%v is an outage", err)
	}
}

// TestNotifier: many signals make few notifications, and none is left when Flush returns.
func TestNotifier(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	listener := db.Conn(t, pg.Projector)
	if _, err := listener.Exec(t.Context(), `listen test`); err != nil {
		t.Fatal(err)
	}
	n := pg.NewNotifier(db.Pool(t, pg.Ingest), "test")
	n.Flush() // nothing is due
	for range 1000 {
		n.Signal()
	}
	n.Flush()
	if _, err := listener.WaitForNotification(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	more := 0
	for {
		if _, err := listener.WaitForNotification(ctx); err != nil {
			break
		}
		more++
	}
	if more > 100 {
		t.Errorf("%d notifications of 1000 signals", more+1)
	}
}

// TestTimeoutsOfTransactions: the session of who hangs in a transaction ends, and that is too slow.
func TestTimeoutsOfTransactions(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	for name, cfg := range map[string]pg.Config{
		"idle":     {IdleInTransaction: 50 * time.Millisecond},
		"too long": {TransactionTimeout: 50 * time.Millisecond},
	} {
		pool, err := pg.Open(t.Context(), db.URL, pg.Ingest, cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		var version int
		if err := pool.QueryRow(t.Context(), `select current_setting('server_version_num')::int`).Scan(&version); err != nil {
			t.Fatal(err)
		}
		if name == "too long" && version < 170000 {
			t.Logf("PostgreSQL %d has no transaction_timeout", version)
			continue
		}
		tx, err := pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(500 * time.Millisecond)
		if _, err := tx.Exec(t.Context(), `select 1`); pg.FaultOf(err) != pg.FaultTooSlow {
			t.Errorf("%s: %v is %q", name, err, pg.FaultOf(err))
		}
		_ = tx.Rollback(t.Context())
	}
}
