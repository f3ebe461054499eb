package instances

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/id"
	"sluice/internal/lead"
	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// TestQueriesPrepare plans every statement of sql/ as the role that runs it.
func TestQueriesPrepare(t *testing.T) {
	t.Parallel()
	dbtest.Plan(t, sqlFiles, dbtest.New(t).Conn(t, pg.Maintainer), nil)
}

func register(t *testing.T, pool *pgxpool.Pool, cfg Config) *Self {
	t.Helper()
	s, err := Register(t.Context(), pool, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// listed are the instances by name.
func listed(t *testing.T, pool *pgxpool.Pool) map[string]Instance {
	t.Helper()
	list, err := List(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]Instance{}
	for _, i := range list {
		out[i.Key] = i
	}
	return out
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after a minute still not: %s", what)
		}
	}
}

// TestRegister is the life of an entry: active, draining, offline; what it leads; one that is silent.
func TestRegister(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	pool := db.Pool(t, pg.Maintainer)
	a := register(t, pool, Config{Key: "a", Domain: "a.example:8080", Program: "sluice 1", Parts: []string{"relay"}, beat: 50 * time.Millisecond, silence: time.Hour})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); a.Run(ctx) }()
	first := listed(t, pool)["a"]
	if first.Status != Active || first.Domain != "a.example:8080" || first.Program != "sluice 1" || len(first.Parts) != 1 || len(first.Leads) != 0 || first.ID != a.Holder().ID {
		t.Errorf("%+v", first)
	}
	until(t, "it beats", func() bool { return listed(t, pool)["a"].LastBeat.After(first.LastBeat) })
	term, err := lead.Take(t.Context(), pool, lead.Relay, a.Holder(), time.Hour)
	if err != nil || term == nil {
		t.Fatal(err)
	}
	if leads := listed(t, pool)["a"].Leads; len(leads) != 1 || leads[0].Job != "relay" || leads[0].Token != 1 || leads[0].Since.IsZero() {
		t.Errorf("%+v", leads)
	}
	if err := term.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	if leads := listed(t, pool)["a"].Leads; len(leads) != 0 {
		t.Errorf("%+v", leads)
	}
	a.Drain()
	a.Drain()
	until(t, "it drains", func() bool { return listed(t, pool)["a"].Status == Draining })
	stop()
	<-ended
	if i := listed(t, pool)["a"]; i.Status != Offline {
		t.Errorf("%+v", i)
	}

	// One that is silent is marked by whoever beats; it is back when it beats again.
	b := register(t, pool, Config{Key: "b", beat: time.Hour, silence: 200 * time.Millisecond})
	c := register(t, pool, Config{Key: "c", beat: time.Hour, silence: 200 * time.Millisecond})
	stored := func(key string) (s string) {
		admin := db.Admin(t)
		if err := admin.QueryRow(t.Context(), `select status from routing.instance where instance_key = $1 and tenant_id = $2`, key, id.Operator).Scan(&s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	until(t, "c is offline", func() bool {
		if err := b.once(t.Context()); err != nil {
			t.Fatal(err)
		}
		return stored("c") == "offline" && stored("b") == "active"
	})
	if err := c.once(t.Context()); err != nil || stored("c") != "active" {
		t.Errorf("%s, %v", stored("c"), err)
	}
}

// TestNames: a name or a domain that a process had which is gone goes to the next one; one that lives
// keeps it.
func TestNames(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	pool := db.Pool(t, pg.Maintainer)
	old := register(t, pool, Config{Key: "web", Domain: "web:8080", beat: time.Hour, silence: time.Hour})
	second := register(t, pool, Config{Key: "web", Domain: "web:8080", beat: time.Hour, silence: time.Hour})
	if name := second.Holder().Name; name == "web" || len(listed(t, pool)) != 2 || listed(t, pool)[name].Domain != name || listed(t, pool)["web"].ID != old.id {
		t.Errorf("%s, %+v", name, listed(t, pool))
	}
	old.leave(t.Context())
	third := register(t, pool, Config{Key: "web", Domain: "web:8080", beat: time.Hour, silence: time.Hour})
	if i := listed(t, pool)["web"]; i.ID != third.id || i.Status != Active || i.Domain != "web:8080" {
		t.Errorf("%+v", i)
	}
	// The old one wakes: it does not write into the entry of the new one.
	if err := old.once(t.Context()); err != nil {
		t.Fatal(err)
	}
	if i := listed(t, pool)["web"]; i.ID != third.id || len(listed(t, pool)) != 3 {
		t.Errorf("%+v", listed(t, pool))
	}
	// The domain alone moves on too.
	third.leave(t.Context())
	fourth := register(t, pool, Config{Key: "web-2", Domain: "web:8080", beat: time.Hour, silence: time.Hour})
	if i := listed(t, pool)["web-2"]; i.ID != fourth.id || i.Domain != "web:8080" || listed(t, pool)["web"].Domain != "web" {
		t.Errorf("%+v", listed(t, pool))
	}
	// A tenant sees nothing of it.
	reader := db.Conn(t, pg.Reader)
	var n int
	if _, err := reader.Exec(t.Context(), `select set_config('app.tenant_id', $1, false)`, db.Tenant(t, "acme").String()); err != nil {
		t.Fatal(err)
	}
	if err := reader.QueryRow(t.Context(), `select count(*) from routing.instance`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d rows, %v", n, err)
	}
}
