package flags

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/redisclient"
	"sluice/routing/change"
)

// Config tunes Flags. Pool is required.
type Config struct {
	// Pool may read the flags, those for all too: of sluice_ingest, sluice_projector or sluice_maintainer.
	Pool *pgxpool.Pool
	// Redis, if there is one, holds rules for all processes.
	Redis *redisclient.Client
	// TTL is how long Redis keeps rules. Default 1 h.
	TTL time.Duration
	// Every is how often the database is asked whether something changed. Default 500 ms. What is
	// asked less often is asked then.
	Every time.Duration
	// Stale is how long after the last answer of the database flags may still be used. Default 2 s.
	Stale  time.Duration
	Logger *slog.Logger
}

// Flags are the flags of all tenants, as a process knows them. It has no goroutine: whoever asks
// finds out whether there is something new. It may be used by several goroutines.
type Flags struct {
	cfg Config

	watch *change.Watch
	mu    sync.Mutex
	sets  map[id.ID]loaded
	rules map[string]*Rules // by their hash
}

type loaded struct {
	set    *Set
	serial int64 // of routing.change, at the latest, when it was read
}

// The most that is remembered. Beyond it all is forgotten and read again: a set is some hundred bytes.
const (
	maxSets  = 20_000
	maxKnown = 5000
)

// New returns flags that are read when they are asked for.
func New(cfg Config) *Flags {
	if cfg.TTL <= 0 {
		cfg.TTL = time.Hour
	}
	if cfg.Every <= 0 {
		cfg.Every = 500 * time.Millisecond
	}
	if cfg.Stale <= 0 {
		cfg.Stale = 2 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Flags{cfg: cfg, watch: &change.Watch{Pool: cfg.Pool, What: "flag", Every: cfg.Every, Stale: cfg.Stale}, sets: map[id.ID]loaded{}, rules: map[string]*Rules{}}
}

// Of returns what holds for a tenant. An error is that of the database, which has not answered
// for longer than flags may be used.
func (f *Flags) Of(ctx context.Context, tenant id.ID) (*Set, error) {
	serial, err := f.watch.Serial(ctx)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	have := f.sets[tenant]
	f.mu.Unlock()
	if have.set != nil && have.serial == serial {
		return have.set, nil
	}
	set, err := f.read(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("feature flags: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.sets) >= maxSets {
		clear(f.sets)
	}
	// The serial was asked before the flags: they may be newer, never older.
	f.sets[tenant] = loaded{set, serial}
	return set, nil
}

// versioned is a row of sql/versions.sql.
type versioned struct {
	Tenant  id.ID
	Key     string
	Version int
	Enabled bool
	Hash    string
}

// redisKey is the specification's flag:{key}:{version}, with a key per tenant.
func (v versioned) redisKey() string {
	return fmt.Sprintf("flag:%s:%s:%d", v.Tenant, v.Key, v.Version)
}

// read makes the set of a tenant: versions from PostgreSQL, rules from memory, Redis or PostgreSQL.
func (f *Flags) read(ctx context.Context, tenant id.ID) (*Set, error) {
	set := &Set{tenant: tenant, flags: map[string]entry{}}
	var missing []versioned
	err := pg.Tenant(ctx, f.cfg.Pool, tenant, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sqlVersions, tenant)
		if err != nil {
			return err
		}
		list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[versioned])
		if err != nil {
			return err
		}
		for _, v := range list {
			if r := f.known(v.Hash); r != nil {
				set.add(v.Tenant, v.Key, entry{version: v.Version, enabled: v.Enabled, rules: r})
			} else {
				missing = append(missing, v)
			}
		}
		missing = f.fromRedis(ctx, set, missing)
		if len(missing) == 0 {
			return nil
		}
		return f.fromDatabase(ctx, tx, set, tenant, missing)
	})
	return set, err
}

// fromRedis takes what Redis has into the set, and returns what it has not. What does not hash to
// what the database says is not believed.
func (f *Flags) fromRedis(ctx context.Context, set *Set, list []versioned) (missing []versioned) {
	if len(list) == 0 {
		return nil
	}
	keys := make([]string, len(list))
	for i, v := range list {
		keys[i] = v.redisKey()
	}
	var values []any
	err := f.cfg.Redis.Do(ctx, func(ctx context.Context, r redis.Cmdable) (err error) {
		values, err = r.MGet(ctx, keys...).Result()
		return err
	})
	if err != nil {
		return list
	}
	for i, v := range list {
		text, ok := values[i].(string)
		if !ok || hash(text) != v.Hash || f.take(set, v, text) != nil {
			missing = append(missing, v)
		}
	}
	return missing
}

// fromDatabase takes rules from PostgreSQL into the set, and tells Redis.
func (f *Flags) fromDatabase(ctx context.Context, tx pgx.Tx, set *Set, tenant id.ID, list []versioned) error {
	keys := make([]string, len(list))
	for i, v := range list {
		keys[i] = v.Key
	}
	rows, err := tx.Query(ctx, sqlRules, tenant, keys)
	if err != nil {
		return err
	}
	var v versioned
	var text string
	found := map[versioned]string{}
	_, err = pgx.ForEachRow(rows, []any{&v.Tenant, &v.Key, &v.Version, &v.Enabled, &text}, func() error {
		v.Hash = hash(text)
		found[v] = text
		return f.take(set, v, text)
	})
	if err != nil {
		return err
	}
	_ = f.cfg.Redis.Do(ctx, func(ctx context.Context, r redis.Cmdable) error {
		_, err := r.Pipelined(ctx, func(p redis.Pipeliner) error {
			for v, text := range found {
				p.SetEx(ctx, v.redisKey(), text, f.cfg.TTL)
			}
			return nil
		})
		return err
	})
	return nil
}

// take puts a flag with these rules into the set.
func (f *Flags) take(set *Set, v versioned, text string) error {
	r, err := ParseRules([]byte(text))
	if err != nil {
		// Written past this program, or by a newer one. Nobody knows what it says: it says off.
		f.cfg.Logger.Error("a feature flag is not understood; it counts as off", "flag", v.Key, "version", v.Version, "tenant", v.Tenant, "error", err)
		r = &Rules{}
	}
	f.mu.Lock()
	if len(f.rules) >= maxKnown {
		clear(f.rules)
	}
	f.rules[v.Hash] = r
	f.mu.Unlock()
	set.add(v.Tenant, v.Key, entry{version: v.Version, enabled: v.Enabled, rules: r})
	return nil
}

func (f *Flags) known(hash string) *Rules {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rules[hash]
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Load reads what holds for a tenant in a transaction of the caller's: what is written in it and
// follows from a flag is then never older than the flag.
func Load(ctx context.Context, tx pgx.Tx, tenant id.ID, keys ...string) (*Set, error) {
	rows, err := tx.Query(ctx, sqlRules, tenant, keys)
	if err != nil {
		return nil, fmt.Errorf("feature flags: %w", err)
	}
	set := &Set{tenant: tenant, flags: map[string]entry{}}
	var v versioned
	var text string
	_, err = pgx.ForEachRow(rows, []any{&v.Tenant, &v.Key, &v.Version, &v.Enabled, &text}, func() error {
		r, err := ParseRules([]byte(text))
		var bad *RuleError
		if errors.As(err, &bad) {
			r = &Rules{} // off, as in Flags.take
		}
		set.add(v.Tenant, v.Key, entry{version: v.Version, enabled: v.Enabled, rules: r})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("feature flags: %w", err)
	}
	return set, nil
}
