package pg_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/pg"
	"sluice/internal/test/bouncertest"
	"sluice/internal/test/dbtest"
)

// session connects and looks whether the session is ours.
func session(t *testing.T, url string) error {
	t.Helper()
	open := func() (*pgx.Conn, error) { return pg.Connect(t.Context(), url, nil) }
	conn, err := open()
	if err != nil {
		return err
	}
	defer conn.Close(t.Context())
	return pg.CheckSession(t.Context(), conn, open)
}

// TestPoolerModes: through a PgBouncer as its defaults have it, connections are what they are without one;
// where it shares sessions out they are refused, and what it refuses is no outage.
func TestPoolerModes(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	if err := session(t, db.URL); err != nil {
		t.Errorf("without a pooler: %v", err)
	}
	through := bouncertest.Start(t, db.URL)
	if err := session(t, through); err != nil {
		t.Errorf("by session: %v", err)
	}
	pool, err := pg.Open(t.Context(), through, pg.Ingest, pg.Config{MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for name, want := range map[string]string{
		"search_path": pg.SearchPath, "TimeZone": "UTC", "role": "sluice_ingest", "application_name": "sluice ingest", "statement_timeout": "15min", "jit": "off",
	} {
		if got := value(t, pool, `select current_setting($1)`, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}

	var shared *pg.TransactionPoolingError
	for _, mode := range [][]string{
		{"pool_mode = transaction"}, {"pool_mode = transaction", "server_round_robin = 1"}, {"pool_mode = transaction", "default_pool_size = 1"}, {"pool_mode = statement"},
	} {
		url := bouncertest.Start(t, db.URL, mode...)
		for range 3 {
			if err := session(t, url); !errors.As(err, &shared) || pg.FaultOf(err) != pg.FaultDefect || !strings.Contains(err.Error(), "pool_mode = session") {
				t.Errorf("%v: %v", mode, err)
			}
		}
	}

	u, err := url.Parse(through)
	if err != nil {
		t.Fatal(err)
	}
	nobody, nowhere, parameter := *u, *u, *u
	nobody.User = url.UserPassword("nobody", "x")
	nowhere.User = url.UserPassword(u.User.Username(), "wrong")
	parameter.RawQuery = "geqo=off"
	for name, u := range map[string]url.URL{"unknown user": nobody, "wrong password": nowhere, "a parameter": parameter} {
		err := session(t, u.String())
		if pg.FaultOf(err) != pg.FaultDefect || !strings.Contains(pg.Tell("", err).Error(), "--database-url") {
			t.Errorf("%s: %v, %q", name, pg.Tell("", err), pg.FaultOf(err))
		}
	}
}

// TestPooler: through a pooler in session mode, with credentials of its own, a connection has its
// role, its tenant and its settings, and leaves none of them to the next one.
func TestPooler(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	acme := db.Tenant(t, "acme")
	through := bouncertest.StartAs(t, db.URL, url.UserPassword("pooled", "of-the-pooler"))
	for range 2 { // the second one is given the first one's connection to the server
		pool, err := pg.Open(t.Context(), through, pg.Ingest, pg.Config{MaxConns: 1, StatementTimeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{
			"search_path": pg.SearchPath, "role": "sluice_ingest", "jit": "off", "plan_cache_mode": "force_custom_plan", "random_page_cost": "1.1",
			"statement_timeout": "1min", "idle_in_transaction_session_timeout": "5min", "TimeZone": "UTC",
		} {
			if got := value(t, pool, `select current_setting($1)`, name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		err = pg.Tenant(t.Context(), pool, acme, func(tx pgx.Tx) error {
			if got := value(t, tx, `select core.current_tenant()::text`); got != acme.String() {
				t.Errorf("the tenant is %s", got)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		pool.Close()
	}
	conn, err := pg.Connect(t.Context(), through, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if got := value(t, conn, `select current_user || ' ' || coalesce(current_setting('app.tenant_id', true), '')`); strings.TrimSpace(got) != value(t, db.Conn(t, ""), `select current_user::text`) {
		t.Errorf("the one before has left %q", got)
	}
	u, err := url.Parse(through)
	if err != nil {
		t.Fatal(err)
	}
	own, _ := url.Parse(db.URL)
	u.User = own.User
	if _, err := pg.Connect(t.Context(), u.String(), nil); pg.FaultOf(err) != pg.FaultDefect {
		t.Errorf("the server's credentials at the pooler: %v is %q", err, pg.FaultOf(err))
	}
}
