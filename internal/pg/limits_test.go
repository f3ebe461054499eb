package pg_test

import (
	"errors"
	"testing"
	"time"

	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

func TestParseSetting(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		limit      pg.Limit
		text, want string
	}{
		{pg.LimitMax, "20", "20"},
		{pg.LimitMax, "20, reader=5,ingest=12", "20,ingest=12,reader=5"},
		{pg.LimitMin, "0", "0"},
		{pg.LimitStatement, "reader=90s", "reader=1m30s"},
		{pg.LimitStatement, "0", "0s"},
		{pg.LimitConnect, "2500ms", "2.5s"},
	} {
		s, err := tc.limit.ParseSetting(tc.text)
		if err != nil || tc.limit.String(s) != tc.want {
			t.Errorf("%s %q: %q, %v", tc.limit, tc.text, tc.limit.String(s), err)
			continue
		}
		if again, err := tc.limit.ParseSetting(tc.limit.String(s)); err != nil || tc.limit.String(again) != tc.want {
			t.Errorf("%s %q read again: %v, %v", tc.limit, tc.want, again, err)
		}
	}
	for limit, list := range map[pg.Limit][]string{
		pg.LimitMax:     {"", "0", "-1", "x", "1001", "auditor=5", "sluice_reader=5", "reader=", "5,6", "reader=5,reader=6"},
		pg.LimitMin:     {"-1", "5s"},
		pg.LimitConnect: {"0", "5", "-1s", "1ms", "200h"},
		pg.LimitLock:    {"1us", "-5s", "5", "reader"},
	} {
		for _, text := range list {
			if s, err := limit.ParseSetting(text); err == nil {
				t.Errorf("%s %q is %v", limit, text, s)
			}
		}
	}
}

// TestLimits: what the operator says beats the part, of its role and else of all; the server has it.
func TestLimits(t *testing.T) {
	t.Parallel()
	limits := pg.Limits{}
	for limit, text := range map[pg.Limit]string{
		pg.LimitMax: "9,relay=2", pg.LimitMin: "1", pg.LimitConnect: "7s", pg.LimitIdle: "1m", pg.LimitLifetime: "2m",
		pg.LimitStatement: "10s,relay=1s", pg.LimitLock: "3s", pg.LimitIdleInTransaction: "0", pg.LimitTransaction: "1h",
	} {
		s, err := limit.ParseSetting(text)
		if err != nil {
			t.Fatal(err)
		}
		limits[limit] = s
	}
	cfg, err := limits.Apply(pg.Reader, pg.Config{MaxConns: 4, StatementTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	pool := dbtest.New(t).Pool(t, pg.Reader, cfg)
	if c := pool.Config(); c.MaxConns != 9 || c.MinConns != 1 || c.MaxConnIdleTime != time.Minute || c.MaxConnLifetime != 2*time.Minute || c.ConnConfig.ConnectTimeout != 7*time.Second {
		t.Errorf("%+v", c)
	}
	want := map[string]string{"statement_timeout": "10s", "lock_timeout": "3s", "idle_in_transaction_session_timeout": "0"}
	if value(t, pool, `select count(*)::text from pg_settings where name = 'transaction_timeout'`) == "1" {
		want["transaction_timeout"] = "1h"
	}
	for name, v := range want {
		if got := value(t, pool, `select current_setting($1)`, name); got != v {
			t.Errorf("%s is %q, want %q", name, got, v)
		}
	}
	var few *pg.TooFewError
	if _, err := limits.Apply(pg.Relay, pg.Config{MaxConns: 4}); !errors.As(err, &few) || few.Need != 4 || few.May != 2 {
		t.Errorf("%v", err)
	}
	// A pool cannot keep more than it may have.
	if c := dbtest.New(t).Pool(t, pg.Reader, pg.Config{MaxConns: 2, MinConns: 5}).Config(); c.MinConns != 2 {
		t.Errorf("keeps %d of 2", c.MinConns)
	}
}

// TestTimeoutsOf: who waits for a lock is told so before the statement counts as slow.
func TestTimeoutsOf(t *testing.T) {
	t.Parallel()
	for _, role := range pg.PoolRoles {
		if statement, lock, idle, _ := pg.TimeoutsOf(role); lock <= 0 || lock >= statement || idle <= 0 {
			t.Errorf("%s: %v for a statement, %v for a lock, %v between statements", role, statement, lock, idle)
		}
	}
}
