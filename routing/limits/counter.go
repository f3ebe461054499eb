package limits

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/redisclient"
)

// take is what is wanted of one limit in one interval.
type take struct {
	bucket string // documents/60: the key and the seconds of the interval
	window int64  // number of the interval since 1970
	limit  int64
	want   int64
	// alone: it is one document, and passes where nothing was used yet although it is more than
	// the limit. It would never pass otherwise.
	alone bool
	keep  time.Duration // how long the count is needed
	// What this process was given in the interval and the counter may not know of: where it has a
	// count, and where it has none.
	owed, owedAll int64
}

// fits reports whether it may be given, where so much was used.
func (t *take) fits(used int64) bool {
	return t.want == 0 || used+t.want <= t.limit || t.alone && used == 0 && t.limit > 0
}

// counter counts what was used. It gives all of a list of takes or nothing, in one step that nobody
// else gets in between, and returns what was used of each before. Both counters decide alike:
// TestContract.
type counter interface {
	take(ctx context.Context, tenant id.ID, list []take) (used []int64, ok bool, err error)
}

// expiry is how long a count is kept: its interval and one more, so that a clock that is behind
// finds it.
func expiry(interval time.Duration) time.Duration { return 2 * interval }

// redisCounter counts by INCR rl:{bucket}:{window}, a bucket per tenant.
type redisCounter struct{ client *redisclient.Client }

// takeScript: first what is owed, then whether all fits, then all of it. INCRBY is INCR n times.
var takeScript = redis.NewScript(`
local used, ok = {}, 1
for i = 1, #KEYS do
  local a = (i - 1) * 6
  local now = redis.call('GET', KEYS[i])
  local owed = ARGV[a + (now and 4 or 5)]
  if owed ~= '0' then
    now = redis.call('INCRBY', KEYS[i], owed)
    redis.call('EXPIRE', KEYS[i], ARGV[a + 6])
  end
  used[i] = tonumber(now or 0)
  local limit, want = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2])
  if not (want == 0 or used[i] + want <= limit or (ARGV[a + 3] == '1' and used[i] == 0 and limit > 0)) then ok = 0 end
end
if ok == 1 then
  for i = 1, #KEYS do
    local a = (i - 1) * 6
    local want, now = ARGV[a + 2], nil
    if want == '1' then
      now = redis.call('INCR', KEYS[i])
    elseif want ~= '0' then
      now = redis.call('INCRBY', KEYS[i], want)
    end
    if now and used[i] == 0 then redis.call('EXPIRE', KEYS[i], ARGV[a + 6]) end
  end
end
return {ok, unpack(used)}
`)

func redisKey(tenant id.ID, bucket string, window int64) string {
	return fmt.Sprintf("rl:%s:%s:%d", tenant, bucket, window)
}

func (c redisCounter) take(ctx context.Context, tenant id.ID, list []take) (used []int64, ok bool, err error) {
	keys, args := make([]string, len(list)), make([]any, 0, 6*len(list))
	for i, t := range list {
		keys[i] = redisKey(tenant, t.bucket, t.window)
		args = append(args, t.limit, t.want, t.alone, t.owed, t.owedAll, int64(t.keep.Seconds()))
	}
	var out []int64
	err = c.client.Do(ctx, func(ctx context.Context, r redis.Cmdable) (err error) {
		out, err = takeScript.Run(ctx, r, keys, args...).Int64Slice()
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return out[1:], out[0] == 1, nil
}

// tableCounter counts in routing.rate_limit_counter.
type tableCounter struct{ pool *pgxpool.Pool }

func (c tableCounter) take(ctx context.Context, tenant id.ID, list []take) (used []int64, ok bool, err error) {
	n := len(list)
	buckets, windows, owed, wants, keep := make([]string, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]time.Duration, n)
	for i, t := range list {
		// The table forgets nothing: what it does not know of is what others counted.
		buckets[i], windows[i], owed[i], wants[i], keep[i] = t.bucket, t.window, t.owed, t.want, t.keep
	}
	err = pg.Tenant(ctx, c.pool, tenant, func(tx pgx.Tx) error {
		// The rows are locked by this, in the order of the list, which is the same for everybody.
		rows, err := tx.Query(ctx, sqlUsed, tenant, buckets, windows, owed, keep)
		if err != nil {
			return err
		}
		at := map[string]int64{}
		fresh := false
		var bucket string
		var count int64
		var isNew bool
		if _, err := pgx.ForEachRow(rows, []any{&bucket, &count, &isNew}, func() error {
			at[bucket], fresh = count, fresh || isNew
			return nil
		}); err != nil {
			return err
		}
		used, ok = make([]int64, n), true
		for i := range list {
			used[i] = at[list[i].bucket]
			ok = ok && list[i].fits(used[i])
		}
		if fresh {
			if _, err := tx.Exec(ctx, sqlForget, tenant); err != nil {
				return err
			}
		}
		if !ok {
			return nil
		}
		_, err = tx.Exec(ctx, sqlUse, tenant, buckets, windows, wants)
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("count against limits: %w", err)
	}
	return used, ok, nil
}
