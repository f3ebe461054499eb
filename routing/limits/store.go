package limits

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"sluice/internal/ask"
	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/pg"
)

// Put sets a limit of a tenant, id.Shared for each that has none of its own, and notes it in the
// audit log. pool is a maintainer's.
func Put(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, l Limit) (Limit, error) {
	if err := l.check(); err != nil {
		return l, err
	}
	count, unit, err := l.units()
	if err != nil {
		return l, err
	}
	var after Limit
	err = pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		before, err := limitOf(ctx, tx, tenant, l.Key)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, sqlPut, tenant, l.Key, count, unit, int32(l.Interval/time.Second))
		if err != nil {
			return err
		}
		if after, err = pgx.CollectExactlyOneRow(rows, scanLimit); err != nil {
			return err
		}
		return audit.Note(ctx, tx, tenant, audit.Entry{Action: "limit.set", Entity: "rate_limit_config", Of: &after.id, Diff: audit.Change(before, &after)})
	})
	if err != nil {
		return after, fmt.Errorf("limit %s: %w", l.Key, err)
	}
	return after, nil
}

// Delete takes a limit of a tenant away: what is set for all holds again.
func Delete(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, key string) error {
	err := pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		before, err := limitOf(ctx, tx, tenant, key)
		if err != nil {
			return err
		}
		if before == nil {
			return ask.NotFound("it is not set here; see `sluice limit list`")
		}
		if _, err := tx.Exec(ctx, sqlDelete, tenant, key); err != nil {
			return err
		}
		return audit.Note(ctx, tx, tenant, audit.Entry{Action: "limit.delete", Entity: "rate_limit_config", Of: &before.id, Diff: audit.Change(before, nil)})
	})
	if err != nil {
		return fmt.Errorf("limit %s: %w", key, err)
	}
	return nil
}

// limitOf is the stored limit, locked; nil where there is none.
func limitOf(ctx context.Context, tx pgx.Tx, tenant id.ID, key string) (*Limit, error) {
	rows, err := tx.Query(ctx, sqlLimit, tenant, key)
	if err != nil {
		return nil, err
	}
	l, err := pgx.CollectExactlyOneRow(rows, scanLimit)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return &l, err
}

func scanLimit(row pgx.CollectableRow) (l Limit, err error) {
	var unit int64
	err = row.Scan(&l.id, &l.Tenant, &l.Key, &l.Amount, &unit, &l.Seconds, &l.Updated)
	if l.Amount > 0 {
		l.Amount *= unit
	}
	l.Interval, l.Updated = time.Duration(l.Seconds)*time.Second, l.Updated.UTC()
	return l, err
}

// List returns the stored limits of a tenant and those for all, by key, the tenant's own first. pool
// is not a reader's, who does not see those for all.
func List(ctx context.Context, pool *pgxpool.Pool, tenant id.ID) ([]Limit, error) {
	var list []Limit
	err := pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sqlLimits, tenant)
		if err != nil {
			return err
		}
		list, err = pgx.AppendRows([]Limit{}, rows, scanLimit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("limits: %w", err)
	}
	return list, nil
}

// Use is how much of a limit that binds a tenant is used.
type Use struct {
	Limit
	From string `json:"from"` // tenant or all
	Used int64  `json:"used"`
	// Resets is when the interval ends; null for what is stored.
	Resets *time.Time `json:"resets_at"`
}

// Usage returns the limits that bind a tenant, with what is used of each.
func (l *Limiter) Usage(ctx context.Context, tenant id.ID) ([]Use, error) {
	s, err := l.of(ctx, tenant)
	if err != nil {
		return nil, err
	}
	out := []Use{}
	use := func(of Limit) Use {
		u := Use{Limit: of, From: "tenant"}
		if of.Tenant == id.Shared {
			u.From = "all"
		}
		return u
	}
	now := l.cfg.Now()
	for _, r := range s.rates {
		u := use(r)
		if u.Used, err = l.used(ctx, tenant, r, now); err != nil {
			return nil, err
		}
		at := now.Add(r.rest(now)).UTC()
		u.Resets = &at
		out = append(out, u)
	}
	if s.quota != nil {
		u := use(*s.quota)
		if u.Used, err = Stored(ctx, l.cfg.Pool, tenant); err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	return out, nil
}

// used is what is counted of a limit now.
func (l *Limiter) used(ctx context.Context, tenant id.ID, r Limit, now time.Time) (n int64, err error) {
	err = l.cfg.Redis.Do(ctx, func(ctx context.Context, c redis.Cmdable) error {
		text, err := c.Get(ctx, redisKey(tenant, r.bucket(), r.window(now))).Result()
		if err == nil {
			n, err = strconv.ParseInt(text, 10, 64)
		}
		return err
	})
	if err == nil || errors.Is(err, redis.Nil) {
		return n, nil
	}
	err = pg.Tenant(ctx, l.cfg.Pool, tenant, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, sqlCount, tenant, r.bucket(), r.window(now)).Scan(&n)
	})
	if err != nil {
		return 0, fmt.Errorf("what is used of %s: %w", r.Key, err)
	}
	return n, nil
}
