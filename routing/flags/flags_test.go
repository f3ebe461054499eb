package flags

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/redisclient"
	"sluice/internal/test/dbtest"
	"sluice/internal/test/redistest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// TestQueriesPrepare plans every statement of sql/ as those who run them.
func TestQueriesPrepare(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	dbtest.Plan(t, sqlFiles, db.Conn(t, pg.Maintainer), nil)
	for _, role := range []pg.Role{pg.Ingest, pg.Projector, pg.Reader} {
		conn := db.Conn(t, role)
		for _, sql := range []string{sqlVersions, sqlRules, sqlList, sqlHistory} {
			if _, err := conn.Prepare(t.Context(), "", sql); err != nil {
				t.Errorf("%s: %v", role, err)
			}
		}
	}
}

// backEnd is where rules come from beside PostgreSQL.
type backEnd struct {
	name  string
	redis *redisclient.Client
	raw   *redis.Client
}

func backEnds(t *testing.T) []backEnd {
	t.Helper()
	out := []backEnd{{name: "PostgreSQL"}}
	t.Run("Redis", func(sub *testing.T) {
		// The server lives as long as t; where there is none only this line is skipped.
		redistest.Need(sub)
		server := redistest.Start(t)
		c, err := redisclient.New(redisclient.Config{URL: server.URL, Pause: 50 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		opt, _ := redis.ParseURL(server.URL)
		raw := redis.NewClient(opt)
		t.Cleanup(func() { _ = c.Close(); _ = raw.Close() })
		out = append(out, backEnd{"Redis", c, raw})
	})
	return out
}

func put(t *testing.T, db *dbtest.DB, tenant id.ID, key, rules string) Flag {
	t.Helper()
	pool, err := pg.Open(t.Context(), db.URL, pg.Maintainer, pg.Config{MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	f, err := Put(t.Context(), pool, tenant, Change{Key: key, Rules: []byte(rules)})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestContract is the same for every back end: what holds for whom, and a change within 2 s.
func TestContract(t *testing.T) {
	ends := backEnds(t)
	db := dbtest.New(t)
	acme, beta := db.Tenant(t, "acme"), db.Tenant(t, "beta")
	maintainer := db.Pool(t, pg.Maintainer, pg.Config{MaxConns: 2})
	readers := map[string]*Flags{}
	for _, e := range ends {
		readers[e.name] = New(Config{Pool: db.Pool(t, pg.Ingest, pg.Config{MaxConns: 2}), Redis: e.redis})
	}
	// expect waits until every reader says so, 2 s at most, and then that it stays so.
	expect := func(step string, tenant id.ID, key string, a Attributes, want Decision) {
		t.Helper()
		for name, f := range readers {
			for end := time.Now().Add(2 * time.Second); ; time.Sleep(5 * time.Millisecond) {
				set, err := f.Of(t.Context(), tenant)
				if err != nil {
					t.Fatal(err)
				}
				got := set.Eval(key, a)
				if got == want {
					break
				}
				if time.Now().After(end) {
					t.Fatalf("%s, by %s: %+v, want %+v", step, name, got, want)
				}
			}
		}
	}
	expect("nothing is set", acme, Receipts, nil, Decision{On: true, From: FromProgram, Rule: -1})
	expect("nothing is set", acme, CPE, nil, Decision{From: FromProgram, Rule: -1})
	expect("nobody knows it", acme, "custom", nil, Decision{From: FromProgram, Rule: -1})

	put(t, db, id.Shared, Receipts, `{"rules": [{"if": [{"tenant": "`+beta.String()+`"}], "then": true}], "else": false}`)
	expect("set for all", acme, Receipts, nil, Decision{From: FromAll, Version: 1, Rule: -1})
	expect("set for all", beta, Receipts, nil, Decision{On: true, From: FromAll, Version: 1, Rule: 0})

	put(t, db, acme, Receipts, `{}`)
	expect("the tenant's own", acme, Receipts, nil, Decision{On: true, From: FromTenant, Version: 1, Rule: -1})
	expect("another tenant's", beta, Receipts, nil, Decision{On: true, From: FromAll, Version: 1, Rule: 0})

	put(t, db, acme, Issuer, `{"rules": [{"if": [{"attribute": "issuer", "in": ["x", "y"]}], "then": false}], "else": true}`)
	expect("attributes", acme, Issuer, Attributes{"issuer": "y"}, Decision{From: FromTenant, Version: 1, Rule: 0})
	expect("attributes", acme, Issuer, Attributes{"issuer": "z"}, Decision{On: true, From: FromTenant, Version: 1, Rule: -1})

	off := false
	if _, err := Put(t.Context(), maintainer, acme, Change{Key: Issuer, Enabled: &off}); err != nil {
		t.Fatal(err)
	}
	expect("disabled", acme, Issuer, Attributes{"issuer": "z"}, Decision{From: FromTenant, Version: 2, Rule: -1})
	if again, err := Put(t.Context(), maintainer, acme, Change{Key: Issuer, Enabled: &off}); err != nil || again.Version != 2 {
		t.Errorf("set as it is: version %d, %v", again.Version, err)
	}
	if err := Delete(t.Context(), maintainer, acme, Issuer); err != nil {
		t.Fatal(err)
	}
	expect("deleted", acme, Issuer, Attributes{"issuer": "x"}, Decision{On: true, From: FromProgram, Rule: -1})
	// A key that is made anew goes on counting: what a cache holds of version 1 is something else.
	if f := put(t, db, acme, Issuer, `{"else": false}`); f.Version != 4 {
		t.Errorf("made anew it has version %d", f.Version)
	}
	expect("made anew", acme, Issuer, Attributes{"issuer": "z"}, Decision{From: FromTenant, Version: 4, Rule: -1})

	for _, e := range ends {
		if e.raw == nil {
			continue
		}
		// Exactly the specification's key, and rules that expire.
		key := fmt.Sprintf("flag:%s:%s:4", acme, Issuer)
		if v, err := e.raw.Get(t.Context(), key).Result(); err != nil || v != `{"else": false}` {
			t.Errorf("GET %s: %q, %v", key, v, err)
		}
		if ttl, err := e.raw.TTL(t.Context(), key).Result(); err != nil || ttl <= 0 || ttl > time.Hour {
			t.Errorf("TTL %s: %v, %v", key, ttl, err)
		}
		// What somebody else wrote there is not believed.
		if err := e.raw.Set(t.Context(), key, `{"else": true}`, time.Hour).Err(); err != nil {
			t.Fatal(err)
		}
		fresh := New(Config{Pool: db.Pool(t, pg.Maintainer, pg.Config{MaxConns: 1}), Redis: e.redis})
		set, err := fresh.Of(t.Context(), acme)
		if err != nil || set.On(Issuer, nil) {
			t.Errorf("it believes what somebody wrote into Redis: %v", err)
		}
	}
	// The same in a transaction of the projector.
	err := pg.Tenant(t.Context(), db.Pool(t, pg.Projector, pg.Config{MaxConns: 1}), beta, func(tx pgx.Tx) error {
		set, err := Load(t.Context(), tx, beta, Receipts, Issuer)
		if err == nil && (set.Eval(Receipts, nil) != Decision{On: true, From: FromAll, Version: 1, Rule: 0} || !set.On(Issuer, nil)) {
			t.Errorf("loaded: %+v", set)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestOnRecord: who changed what, by history and audit log, and a job where findings depend on it.
func TestOnRecord(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	acme, beta := db.Tenant(t, "acme"), db.Tenant(t, "beta")
	pool := db.Pool(t, pg.Maintainer, pg.Config{MaxConns: 1})
	who := id.Derive(acme, "user", "alice")
	ctx := pg.WithActor(t.Context(), pg.Actor{User: who, Name: "alice"})
	for _, rules := range []string{`{}`, `{"else": false}`, `{"else": false}`} {
		if _, err := Put(ctx, pool, acme, Change{Key: Issuer, Rules: []byte(rules)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := Delete(ctx, pool, acme, Issuer); err != nil {
		t.Fatal(err)
	}
	reader := db.Pool(t, pg.Reader, pg.Config{MaxConns: 1})
	list, err := History(t.Context(), reader, acme, Issuer, 100)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range list {
		if v.By == nil || *v.By != who || v.Login == "" {
			t.Errorf("version %d is by %v as %q", v.Version, v.By, v.Login)
		}
		got = append(got, fmt.Sprintf("%d %s %v", v.Version, v.Rules, v.Deleted))
	}
	if want := `3 {"else": false} true, 2 {"else": false} false, 1 {} false`; strings.Join(got, ", ") != want {
		t.Errorf("history: %s; want %s", strings.Join(got, ", "), want)
	}
	if list, err := History(t.Context(), reader, beta, "", 100); err != nil || len(list) != 0 {
		t.Errorf("another tenant sees %d versions, %v", len(list), err)
	}
	admin := db.Admin(t)
	var actions string
	err = admin.QueryRow(t.Context(), `select string_agg(action || ' ' || coalesce(diff -> 'before' ->> 'version', '-') || '>' || coalesce(diff -> 'after' ->> 'version', '-'), ', ' order by diff -> 'before' ->> 'version' nulls first)
		from authority.audit_log where tenant_id = $1 and actor_id = $2 and entity_type = 'feature_flag' and entity_id is not null`, acme, who).Scan(&actions)
	if want := "flag.set ->1, flag.set 1>2, flag.delete 2>-"; err != nil || actions != want {
		t.Errorf("audit log: %s, %v; want %s", actions, err, want)
	}
	var jobs int
	if err := admin.QueryRow(t.Context(), `select count(*) from core.job_queue where tenant_id = $1 and kind = 'flag' and payload = '{"key": "vex.issuer"}'`, acme).Scan(&jobs); err != nil || jobs != 3 {
		t.Errorf("%d jobs, %v", jobs, err)
	}
	// History is nobody's to change.
	for _, sql := range []string{`update routing.feature_flag_history set version = 9`, `delete from routing.feature_flag_history`} {
		var pe interface{ SQLState() string }
		if _, err := pool.Exec(t.Context(), sql); !errors.As(err, &pe) || pe.SQLState() != "42501" {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestWrongChanges(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	acme := db.Tenant(t, "acme")
	pool := db.Pool(t, pg.Maintainer, pg.Config{MaxConns: 1})
	var bad *ask.WrongError
	for says, c := range map[string]Change{
		"a key is up to":         {Key: "A Key"},
		"rules: \"7\" is no obj": {Key: "custom", Rules: []byte("7")},
		`vex.issuer is asked about has an attribute "vendor"; it has issuer, source`: {
			Key: Issuer, Rules: []byte(`{"rules": [{"if": [{"attribute": "vendor", "equals": "x"}], "then": true}], "else": true}`),
		},
		`format.openvex is asked about has an attribute "x"; it has none beside the tenant`: {
			Key: Format + "openvex", Rules: []byte(`{"rules": [{"if": [{"percentage": 5, "of": "x"}], "then": true}], "else": true}`),
		},
	} {
		if _, err := Put(t.Context(), pool, acme, c); !errors.As(err, &bad) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v; want %s", err, says)
		}
	}
	var missing *ask.NotFoundError
	if err := Delete(t.Context(), pool, acme, Receipts); !errors.As(err, &missing) {
		t.Error(err)
	}
}

// TestRedisKilled: answers go on, the same ones, while Redis is gone, and it is filled when it is back.
func TestRedisKilled(t *testing.T) {
	server := redistest.Start(t)
	db := dbtest.New(t)
	acme := db.Tenant(t, "acme")
	c, err := redisclient.New(redisclient.Config{URL: server.URL, Pause: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	maintainer := db.Pool(t, pg.Maintainer, pg.Config{MaxConns: 1})
	f := New(Config{Pool: db.Pool(t, pg.Ingest, pg.Config{MaxConns: 2}), Redis: c, Every: time.Millisecond})
	is := func(step string, version int) {
		t.Helper()
		time.Sleep(2 * time.Millisecond) // longer than Every
		set, err := f.Of(t.Context(), acme)
		if err != nil || set.Eval("custom", nil).Version != version {
			t.Errorf("%s: %+v, %v", step, set.Eval("custom", nil), err)
		}
	}
	put(t, db, acme, "custom", `{}`)
	is("with Redis", 1)
	server.Kill()
	put(t, db, acme, "custom", `{"else": false}`)
	is("killed", 2)
	server.Again()
	opt, _ := redis.ParseURL(server.URL)
	raw := redis.NewClient(opt)
	defer raw.Close()
	for version := 3; ; version++ {
		rules := fmt.Sprintf(`{"rules": [{"if": [{"attribute": "n", "equals": "%d"}], "then": true}], "else": false}`, version)
		if _, err := Put(t.Context(), maintainer, acme, Change{Key: "custom", Rules: []byte(rules)}); err != nil {
			t.Fatal(err)
		}
		is("back", version)
		if raw.Exists(t.Context(), fmt.Sprintf("flag:%s:custom:%d", acme, version)).Val() == 1 {
			break
		}
		if version > 200 {
			t.Fatal("Redis is back and holds no flag")
		}
	}
}

// TestRate: 10,000 answers a second from one process, while flags change, with Redis and without.
func TestRate(t *testing.T) {
	ends := backEnds(t)
	db := dbtest.New(t)
	acme := db.Tenant(t, "acme")
	put(t, db, acme, Issuer, `{"rules": [{"if": [{"attribute": "issuer", "in": ["a", "b", "c"]}, {"percentage": 50, "of": "issuer"}], "then": true}], "else": false}`)
	for _, e := range ends {
		f := New(Config{Pool: db.Pool(t, pg.Ingest, pg.Config{MaxConns: 4}), Redis: e.redis})
		const each, workers = 10_000, 4
		began := time.Now()
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for i := range each {
					set, err := f.Of(t.Context(), acme)
					if err != nil {
						t.Error(err)
						return
					}
					set.On(Issuer, Attributes{"issuer": "abcd"[i%4 : i%4+1]})
				}
			})
		}
		wg.Wait()
		rate := float64(each*workers) / time.Since(began).Seconds()
		t.Logf("%s: %.0f evaluations/s", e.name, rate)
		if rate < 10_000 {
			t.Errorf("%s: %.0f evaluations/s", e.name, rate)
		}
	}
}

func BenchmarkEval(b *testing.B) {
	r := parse(b, `{"rules": [{"if": [{"attribute": "issuer", "in": ["a", "b", "c"]}, {"percentage": 50, "of": "issuer"}], "then": true}], "else": false}`)
	set := &Set{tenant: acme, flags: map[string]entry{Issuer: {enabled: true, rules: r}}}
	a := Attributes{"issuer": "b"}
	for b.Loop() {
		set.On(Issuer, a)
	}
}

// BenchmarkOf is what a piece of work pays to learn what holds for its tenant.
func BenchmarkOf(b *testing.B) {
	db := dbtest.New(b)
	tenant := db.Tenant(b, "acme")
	f := New(Config{Pool: db.Pool(b, pg.Ingest)})
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := f.Of(b.Context(), tenant); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
