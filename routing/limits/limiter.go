package limits

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/redisclient"
	"sluice/routing/change"
)

// Config tunes a Limiter. Pool is required.
type Config struct {
	// Pool is one of sluice_ingest: it reads limits, and counts where Redis does not.
	Pool *pgxpool.Pool
	// Redis, if there is one, counts.
	Redis *redisclient.Client
	// Every is how often the database is asked whether a limit changed. Default 500 ms.
	Every time.Duration
	// StoredEvery is how long a sum of what is stored is used at least; a sum that takes long is
	// used twenty times as long. What this process adds is counted meanwhile. Default 5 s.
	StoredEvery time.Duration
	// Now is the clock. Default time.Now.
	Now    func() time.Time
	Logger *slog.Logger
}

// Limiter decides. It may be used by several goroutines.
type Limiter struct {
	cfg   Config
	watch *change.Watch
	redis counter // nil: none
	table counter

	mu     sync.Mutex
	serial int64 // of the limits in sets
	sets   map[id.ID]*set
	given  map[givenKey]*given
	swept  time.Time // when given was cleared of what is over
	stored map[id.ID]*stored
}

type givenKey struct {
	tenant id.ID
	bucket string
	window int64
}

// given is what this process was given in an interval, and how much of that each counter knows.
type given struct {
	all, redis, table int64
	until             time.Time
}

// stored is what a tenant has stored, as far as this process knows.
type stored struct {
	bytes int64
	next  time.Time // when it is summed up again
}

// New returns a limiter.
func New(cfg Config) *Limiter {
	if cfg.Every <= 0 {
		cfg.Every = 500 * time.Millisecond
	}
	if cfg.StoredEvery <= 0 {
		cfg.StoredEvery = 5 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	l := &Limiter{
		cfg: cfg, watch: &change.Watch{Pool: cfg.Pool, What: "limit", Every: cfg.Every, Stale: 2 * time.Second},
		table: tableCounter{cfg.Pool}, sets: map[id.ID]*set{}, given: map[givenKey]*given{}, stored: map[id.ID]*stored{},
	}
	if cfg.Redis != nil {
		l.redis = redisCounter{cfg.Redis}
	}
	return l
}

// of returns the limits that bind a tenant.
func (l *Limiter) of(ctx context.Context, tenant id.ID) (*set, error) {
	serial, err := l.watch.Serial(ctx)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	if serial != l.serial || len(l.sets) > 20_000 {
		clear(l.sets)
		l.serial = serial
	}
	s := l.sets[tenant]
	l.mu.Unlock()
	if s != nil {
		return s, nil
	}
	list, err := List(ctx, l.cfg.Pool, tenant)
	if err != nil {
		return nil, err
	}
	s = newSet(list)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.serial == serial {
		l.sets[tenant] = s
	}
	return s, nil
}

// Refusal says which limit stands in the way, and for how long.
type Refusal struct {
	Limit Limit         `json:"limit"`
	Used  int64         `json:"used"`
	Again time.Duration `json:"-"` // until it is worth asking again
}

func (r *Refusal) String() string {
	return fmt.Sprintf("the limit of %s (%s) is reached: %d are used", r.Limit.Key, r.Limit, r.Used)
}

// Allow says how many of the tenant's documents, from the first, may be stored now, and counts those.
// refusal says why it is not all of them. An error is an outage of the database.
func (l *Limiter) Allow(ctx context.Context, tenant id.ID, items []Item) (n int, refusal *Refusal, err error) {
	n = len(items)
	s, err := l.of(ctx, tenant)
	if err != nil || s.none() || n == 0 {
		return n, nil, err
	}
	if s.quota != nil {
		used, err := l.storedBytes(ctx, tenant)
		if err != nil {
			return 0, nil, err
		}
		if n = prefix(items, StoredBytes, s.quota.Amount-used); n < len(items) {
			refusal = &Refusal{*s.quota, used, l.cfg.StoredEvery}
		}
	}
	// What was used is known after the first try; others may take some of the rest before the next.
	for n > 0 && len(s.rates) > 0 {
		now := l.cfg.Now()
		used, ok, err := l.take(ctx, tenant, s.takes(now, items[:n]))
		if err != nil {
			return 0, nil, err
		}
		if ok {
			break
		}
		n, refusal = s.fitting(now, items[:n], used)
	}
	if s.quota != nil {
		l.mu.Lock()
		l.stored[tenant].bytes += sum(items[:n], StoredBytes)
		l.mu.Unlock()
	}
	return n, refusal, nil
}

// takes is what items want of each limit.
func (s *set) takes(now time.Time, items []Item) []take {
	list := make([]take, len(s.rates))
	for i, r := range s.rates {
		list[i] = take{
			bucket: r.bucket(), window: r.window(now), limit: r.Amount, want: sum(items, r.Key), alone: len(items) == 1, keep: expiry(r.Interval),
		}
	}
	return list
}

func (l Limit) bucket() string { return fmt.Sprintf("%s/%d", l.Key, int64(l.Interval/time.Second)) }

func (l Limit) window(now time.Time) int64 { return now.Unix() / int64(l.Interval/time.Second) }

// rest is how long the interval lasts.
func (l Limit) rest(now time.Time) time.Duration {
	return time.Unix((l.window(now)+1)*int64(l.Interval/time.Second), 0).Sub(now)
}

// fitting is how many of the items, which did not fit together, may fit where so much was used; and
// which limit keeps the next one longest.
func (s *set) fitting(now time.Time, items []Item, used []int64) (int, *Refusal) {
	n := len(items) - 1
	for i, r := range s.rates {
		m := prefix(items, r.Key, r.Amount-used[i])
		if m == 0 && used[i] == 0 && r.Amount > 0 {
			m = 1 // one that is larger than the limit, alone
		}
		n = min(n, m)
	}
	var refusal *Refusal
	for i, r := range s.rates {
		t := take{limit: r.Amount, want: sum(items[:n+1], r.Key), alone: n == 0}
		if again := r.rest(now); !t.fits(used[i]) && (refusal == nil || again > refusal.Again) {
			refusal = &Refusal{r, used[i], again}
		}
	}
	if refusal == nil { // two limits that a single large document meets one after the other
		refusal = &Refusal{s.rates[0], used[0], s.rates[0].rest(now)}
	}
	return n, refusal
}

// take asks Redis, or the table where Redis does not answer. Each is told what this process was given
// by the other one.
func (l *Limiter) take(ctx context.Context, tenant id.ID, list []take) (used []int64, ok bool, err error) {
	byRedis := func(g *given) *int64 { return &g.redis }
	byTable := func(g *given) *int64 { return &g.table }
	if l.redis == nil {
		return l.table.take(ctx, tenant, list) // it knows everything
	}
	l.tell(tenant, list, byRedis)
	if used, ok, err = l.redis.take(ctx, tenant, list); err == nil {
		l.note(tenant, list, ok, byRedis)
		return used, ok, nil
	}
	l.untell(tenant, list, byRedis)
	if ctx.Err() != nil {
		return nil, false, ctx.Err()
	}
	l.tell(tenant, list, byTable)
	if used, ok, err = l.table.take(ctx, tenant, list); err != nil {
		l.untell(tenant, list, byTable)
		return nil, false, err
	}
	l.note(tenant, list, ok, byTable)
	return used, ok, nil
}

// tell fills in what a counter does not know of, and notes that it knows: of two that ask at once one tells.
func (l *Limiter) tell(tenant id.ID, list []take, of func(*given) *int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range list {
		t := &list[i]
		t.owed, t.owedAll = 0, 0
		if g := l.given[givenKey{tenant, t.bucket, t.window}]; g != nil {
			t.owed, t.owedAll = g.all-*of(g), g.all
			*of(g) = g.all
		}
	}
}

// untell takes back what a counter that did not answer was told.
func (l *Limiter) untell(tenant id.ID, list []take, of func(*given) *int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range list {
		if g := l.given[givenKey{tenant, list[i].bucket, list[i].window}]; g != nil {
			*of(g) -= list[i].owed
		}
	}
}

// note remembers what was given.
func (l *Limiter) note(tenant id.ID, list []take, ok bool, of func(*given) *int64) {
	if !ok {
		return
	}
	now := l.cfg.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range list {
		t := &list[i]
		k := givenKey{tenant, t.bucket, t.window}
		if l.given[k] == nil {
			l.given[k] = &given{until: now.Add(t.keep)}
		}
		l.given[k].all += t.want
		*of(l.given[k]) += t.want
	}
	if now.Sub(l.swept) > time.Minute {
		l.swept = now
		for k, g := range l.given {
			if now.After(g.until) {
				delete(l.given, k)
			}
		}
	}
}

// storedBytes is what a tenant has stored: summed up now and then, and what this process added since.
func (l *Limiter) storedBytes(ctx context.Context, tenant id.ID) (int64, error) {
	now := l.cfg.Now()
	l.mu.Lock()
	if s := l.stored[tenant]; s != nil && now.Before(s.next) {
		defer l.mu.Unlock()
		return s.bytes, nil
	}
	l.mu.Unlock()
	began := time.Now()
	bytes, err := Stored(ctx, l.cfg.Pool, tenant)
	if err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stored[tenant] = &stored{bytes, now.Add(max(l.cfg.StoredEvery, 20*time.Since(began)))}
	return bytes, nil
}

// Stored sums up the bytes of the documents that a tenant has stored.
func Stored(ctx context.Context, pool *pgxpool.Pool, tenant id.ID) (bytes int64, err error) {
	err = pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error { return tx.QueryRow(ctx, sqlStored, tenant).Scan(&bytes) })
	if err != nil {
		return 0, fmt.Errorf("stored bytes: %w", err)
	}
	return bytes, nil
}
