package limits

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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
	for role, list := range map[pg.Role][]string{
		pg.Maintainer: {sqlLimits, sqlLimit, sqlPut, sqlDelete},
		pg.Ingest:     {sqlLimits, sqlUsed, sqlUse, sqlForget, sqlStored, sqlCount},
	} {
		conn := db.Conn(t, role)
		for _, sql := range list {
			if _, err := conn.Prepare(t.Context(), "", sql); err != nil {
				t.Errorf("%s: %v: %s", role, err, sql)
			}
		}
	}
}

// clock is a time that a test moves.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clock) add(d time.Duration)     { c.at.Add(int64(d)) }
func newClock(at time.Time) (c *clock)   { c = &clock{}; c.at.Store(at.UnixNano()); return c }
func items(n int, bytes, c int64) []Item { return repeat(Item{bytes, c}, n) }

func repeat(i Item, n int) (list []Item) {
	for range n {
		list = append(list, i)
	}
	return list
}

func put(t testing.TB, db *dbtest.DB, tenant id.ID, key string, amount int64, per time.Duration) {
	t.Helper()
	pool, err := pg.Open(t.Context(), db.URL, pg.Maintainer, pg.Config{MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := Put(t.Context(), pool, tenant, Limit{Key: key, Amount: amount, Interval: per}); err != nil {
		t.Fatal(err)
	}
}

func client(t testing.TB, url string) *redisclient.Client {
	t.Helper()
	c, err := redisclient.New(redisclient.Config{URL: url, Pause: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestContract is what limits mean, by Redis and by PostgreSQL, and that both decide alike in any order.
func TestContract(t *testing.T) {
	db := dbtest.New(t)
	names := map[string]*redisclient.Client{"postgresql": nil}
	t.Run("Redis", func(sub *testing.T) {
		redistest.Need(sub)
		names["redis"] = client(t, redistest.Start(t).URL)
	})
	transcripts := map[string]string{}
	for name, redis := range names {
		acme, beta, free := db.Tenant(t, name+"-acme"), db.Tenant(t, name+"-beta"), db.Tenant(t, name+"-free")
		at := newClock(time.Unix(1_900_000_000-1_900_000_000%3600, 0))
		l := New(Config{Pool: db.Pool(t, pg.Ingest, pg.Config{MaxConns: 4}), Redis: redis, Every: time.Nanosecond, Now: at.now})
		allow := func(step string, tenant id.ID, list []Item, want int, key string) {
			t.Helper()
			n, refusal, err := l.Allow(t.Context(), tenant, list)
			got := ""
			if refusal != nil {
				got = refusal.Limit.Key
			}
			if err != nil || n != want || got != key {
				t.Errorf("%s, %s: %d by %q, %v; want %d by %q", name, step, n, got, err, want, key)
			}
		}
		allow("nothing is limited", acme, items(1000, 1<<20, 1000), 1000, "")
		put(t, db, acme, Documents, 10, time.Minute)
		allow("within", acme, items(4, 1, 1), 4, "")
		allow("up to it", acme, items(8, 1, 1), 6, Documents)
		allow("nothing left", acme, items(1, 1, 1), 0, Documents)
		allow("another tenant", beta, items(20, 1, 1), 20, "")
		at.add(59 * time.Second)
		allow("the same minute", acme, items(1, 1, 1), 0, Documents)
		at.add(time.Second)
		allow("the next", acme, items(12, 1, 1), 10, Documents)

		put(t, db, acme, Bytes, 1000, time.Hour)
		put(t, db, acme, Components, 50, time.Minute)
		at.add(time.Minute)
		allow("bytes", acme, items(3, 400, 1), 2, Bytes)
		at.add(time.Minute)
		allow("an hour is not over", acme, items(1, 400, 1), 0, Bytes)
		allow("a small one fits", acme, items(1, 100, 1), 1, "")
		at.add(time.Hour)
		allow("components", acme, items(3, 1, 20), 2, Components)
		at.add(time.Hour)
		allow("larger than a limit, with others", acme, []Item{{5000, 1}, {1, 1}}, 1, Bytes)
		at.add(time.Hour)
		allow("larger than two limits", acme, []Item{{5000, 5000}}, 1, "")
		put(t, db, acme, Documents, 0, time.Minute)
		at.add(time.Hour)
		allow("nothing is allowed", acme, items(1, 1, 1), 0, Documents)

		// For all, and one who is exempt.
		put(t, db, id.Shared, Documents, 3, time.Minute)
		put(t, db, free, Documents, Unlimited, time.Minute)
		allow("for all", beta, items(5, 1, 1), 3, Documents)
		allow("exempt", free, items(5, 1, 1), 5, "")
		if u, err := l.Usage(t.Context(), beta); err != nil || len(u) != 1 || u[0].Used != 3 || u[0].From != "all" || u[0].Resets == nil {
			t.Errorf("%s: usage %+v, %v", name, u, err)
		}

		// Any sequence: the same decisions by both.
		random := rand.New(rand.NewPCG(1, 2))
		free = db.Tenant(t, name+"-random")
		put(t, db, free, Documents, 20, 10*time.Second)
		put(t, db, free, Bytes, 3000, 30*time.Second)
		put(t, db, free, Components, 100, 10*time.Second)
		var told strings.Builder
		for range 150 {
			at.add(time.Duration(random.IntN(4000)) * time.Millisecond)
			var list []Item
			for range random.IntN(8) {
				list = append(list, Item{random.Int64N(700), random.Int64N(60)})
			}
			n, refusal, err := l.Allow(t.Context(), free, list)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&told, "%d of %d", n, len(list))
			if refusal != nil {
				fmt.Fprintf(&told, " %s %d %v", refusal.Limit.Key, refusal.Used, refusal.Again)
			}
			told.WriteString("\n")
		}
		transcripts[name] = told.String()
		if redis != nil {
			key := redisKey(acme, "documents/60", at.now().Unix()/60)
			t.Logf("keys are like %s", key)
		}
		if err := Delete(t.Context(), db.Pool(t, pg.Maintainer, pg.Config{MaxConns: 1}), id.Shared, Documents); err != nil {
			t.Fatal(err)
		}
	}
	if r, ok := transcripts["redis"]; ok && r != transcripts["postgresql"] {
		t.Errorf("Redis decided\n%s\nPostgreSQL\n%s", r, transcripts["postgresql"])
	}
}

func ping(ctx context.Context, r redis.Cmdable) error { return r.Ping(ctx).Err() }

// TestTogether: many who ask at once are given the limit and not one more, by either counter.
func TestTogether(t *testing.T) {
	db := dbtest.New(t)
	server := redistest.Start(t)
	for name, redis := range map[string]*redisclient.Client{"postgresql": nil, "redis": client(t, server.URL)} {
		acme := db.Tenant(t, name)
		put(t, db, acme, Documents, 50, time.Hour)
		at := newClock(time.Now())
		var given atomic.Int64
		var wg sync.WaitGroup
		for range 2 { // processes
			l := New(Config{Pool: db.Pool(t, pg.Ingest, pg.Config{MaxConns: 4}), Redis: redis, Now: at.now})
			for range 4 {
				wg.Go(func() {
					for range 10 {
						n, _, err := l.Allow(t.Context(), acme, items(1+rand.IntN(3), 1, 0))
						if err != nil {
							t.Error(err)
							return
						}
						given.Add(int64(n))
					}
				})
			}
		}
		wg.Wait()
		if given.Load() != 50 {
			t.Errorf("%s: 50 are allowed, and %d were given", name, given.Load())
		}
	}
}

// TestRedisKilled: in the middle of an interval PostgreSQL goes on where Redis was, and Redis, empty,
// where PostgreSQL was: nothing is given twice.
func TestRedisKilled(t *testing.T) {
	server := redistest.Start(t)
	db := dbtest.New(t)
	acme := db.Tenant(t, "acme")
	put(t, db, acme, Documents, 30, time.Hour)
	at := newClock(time.Now())
	c := client(t, server.URL)
	l := New(Config{Pool: db.Pool(t, pg.Ingest, pg.Config{MaxConns: 2}), Redis: c, Now: at.now})
	allow := func(step string, ask, want int) {
		t.Helper()
		if n, _, err := l.Allow(t.Context(), acme, items(ask, 1, 0)); err != nil || n != want {
			t.Errorf("%s: %d of %d, %v; want %d", step, n, ask, err, want)
		}
	}
	allow("by Redis", 10, 10)
	server.Kill()
	allow("killed", 10, 10)
	allow("killed", 1, 1)
	server.Again()
	for end := time.Now().Add(10 * time.Second); c.Do(t.Context(), ping) != nil && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	allow("back, and empty", 20, 9)
	opt, _ := redis.ParseURL(server.URL)
	raw := redis.NewClient(opt)
	defer raw.Close()
	key := redisKey(acme, "documents/3600", at.now().Unix()/3600)
	if n, err := raw.Get(t.Context(), key).Int(); err != nil || n != 30 || !strings.HasPrefix(key, "rl:"+acme.String()+":documents/3600:") {
		t.Errorf("%s is %d, %v", key, n, err)
	}
	if ttl := raw.TTL(t.Context(), key).Val(); ttl <= 0 || ttl > 2*time.Hour {
		t.Errorf("%s lives for %v", key, ttl)
	}
	server.Kill()
	allow("killed again", 5, 0)
}

// TestQuota: what is stored counts, and what this process is about to add.
func TestQuota(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	acme := db.Tenant(t, "acme")
	put(t, db, acme, StoredBytes, 1000, 0)
	if _, err := db.Admin(t).Exec(t.Context(), `insert into ingest.original (tenant_id, content_hash, document_id, kind, format, format_version, size, encoding, bytes, origin, scan_run_id)
		values ($1, sha256(''), gen_random_uuid(), 'sbom', 'f', '', 600, 'identity', '', '', 1)`, acme); err != nil {
		t.Fatal(err)
	}
	at := newClock(time.Now())
	l := New(Config{Pool: db.Pool(t, pg.Ingest, pg.Config{MaxConns: 2}), Now: at.now})
	for _, want := range []int{2, 0} {
		if n, r, err := l.Allow(t.Context(), acme, items(3, 200, 0)); err != nil || n != want || r == nil || r.Limit.Key != StoredBytes {
			t.Errorf("%d, %v, %v; want %d", n, r, err, want)
		}
	}
	at.add(time.Hour) // nothing of it was stored after all: it is summed up again
	if n, _, err := l.Allow(t.Context(), acme, items(1, 400, 0)); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
}

// TestRate: 10,000 decisions a second of one process with Redis.
func TestRate(t *testing.T) {
	server := redistest.Start(t)
	db := dbtest.New(t)
	acme := db.Tenant(t, "acme")
	put(t, db, acme, Documents, 1_000_000_000, time.Hour)
	l := New(Config{Pool: db.Pool(t, pg.Ingest, pg.Config{MaxConns: 2}), Redis: client(t, server.URL)})
	const each, workers = 1000, 8
	began := time.Now()
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				if refusal, err := l.Decide(t.Context(), acme, Item{1, 1}); err != nil || refusal != nil {
					t.Error(refusal, err)
					return
				}
			}
		})
	}
	wg.Wait()
	rate := each * workers / time.Since(began).Seconds()
	t.Logf("%.0f decisions/s", rate)
	if rate < 2000 { // a machine that others use too; docs/limits.md has what it is when it is alone
		t.Errorf("%.0f decisions/s", rate)
	}
}

func TestTooMany(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	TooMany(w, &Refusal{Limit{Key: Documents, Amount: 10, Interval: time.Minute}, 10, 1500 * time.Millisecond})
	var body struct {
		Limit string `json:"limit"`
		Used  int64  `json:"used"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != 429 || w.Header().Get("Retry-After") != "2" || body.Limit != Documents || body.Used != 10 {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

func TestWrongLimits(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	acme := db.Tenant(t, "acme")
	pool := db.Pool(t, pg.Maintainer, pg.Config{MaxConns: 1})
	var bad *ask.WrongError
	for says, l := range map[string]Limit{
		`limit "findings": it is`:    {Key: "findings", Amount: 1, Interval: time.Minute},
		"an amount is 0 or more":     {Key: Documents, Amount: -2, Interval: time.Minute},
		"what is stored has no":      {Key: StoredBytes, Amount: 1, Interval: time.Minute},
		"an interval is whole":       {Key: Bytes, Amount: 1, Interval: 1500 * time.Millisecond},
		"is a multiple of 1000 or 1": {Key: Bytes, Amount: 1<<40 + 1, Interval: time.Minute},
	} {
		if _, err := Put(t.Context(), pool, acme, l); !errors.As(err, &bad) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v; want %s", err, says)
		}
	}
	if l, err := Put(t.Context(), pool, acme, Limit{Key: StoredBytes, Amount: 5 << 40}); err != nil || l.Amount != 5<<40 {
		t.Errorf("%+v, %v", l, err)
	}
	for text, want := range map[string]int64{"500": 500, "10GB": 10_000_000_000, "64MiB": 64 << 20, "3k": 3000, "2TiB": 2 << 40, "unlimited": Unlimited} {
		if got, err := ParseAmount(text); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-1", "ten", "1.5GB", "999999999999999999T"} {
		if _, err := ParseAmount(text); !errors.As(err, &bad) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func BenchmarkUnlimited(b *testing.B) {
	db := dbtest.New(b)
	tenant := db.Tenant(b, "acme")
	l := New(Config{Pool: db.Pool(b, pg.Ingest)})
	list := items(1000, 1, 1)
	for b.Loop() {
		if _, _, err := l.Allow(b.Context(), tenant, list); err != nil {
			b.Fatal(err)
		}
	}
}
