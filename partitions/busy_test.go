package partitions_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/pg"
	"sluice/internal/test/brief"
	"sluice/internal/test/dbtest"
	"sluice/partitions"
)

// TestBusyTable: 50 partitions are made, attached, detached and dropped under 200
// transactions a second that write, with readers that keep transactions open, some for longer than
// lock_timeout. No writer waits for a lock for longer than lock_timeout, nothing deadlocks,
// and no write fails.
func TestBusyTable(t *testing.T) {
	t.Parallel()
	many := 50
	if brief.Run(t) {
		many = 8
	}
	const lockTimeout = 500 * time.Millisecond
	db := dbtest.New(t)
	owner, admin := days(t, db, 5000), db.Admin(t)
	tenant := db.Tenant(t, "acme")
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	t.Cleanup(func() { stop(); wg.Wait() })

	// Writers: 200 transactions a second of ten events each, as an importer does.
	var mu sync.Mutex
	var latencies []time.Duration
	pool := db.Pool(t, pg.Ingest)
	for range 8 {
		wg.Go(func() {
			tick := time.NewTicker(40 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				start := time.Now()
				err := pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
					_, err := tx.Exec(ctx, `insert into ingest.scan_run_event (tenant_id, scan_run_id, occurred_at, event_type, payload)
						select $1, 1, $2::timestamptz + i * interval '1 second', 'accepted', '{}' from generate_series(1, 10) i`, tenant, may2031)
					return err
				})
				if err != nil && ctx.Err() == nil {
					t.Errorf("a writer: %v", err)
					return
				}
				mu.Lock()
				latencies = append(latencies, time.Since(start))
				mu.Unlock()
			}
		})
	}
	// Readers: transactions that stay open after they have read all partitions; some in one snapshot.
	for i, hold := range []time.Duration{60 * time.Millisecond, 120 * time.Millisecond, 3 * lockTimeout} {
		conn := db.Admin(t)
		begin := []string{`begin`, `begin isolation level repeatable read`, `begin`}[i]
		wg.Go(func() {
			for ctx.Err() == nil {
				for _, sql := range []string{begin, `select count(*) from ingest.scan_run_event`, `select max(occurred_at) from ingest.scan_run_event`} {
					if _, err := conn.Exec(ctx, sql); err != nil && ctx.Err() == nil {
						t.Errorf("a reader: %s: %v", sql, err)
						return
					}
				}
				_ = wait(ctx, hold)
				_, _ = conn.Exec(ctx, `rollback`)
				if hold > lockTimeout {
					_ = wait(ctx, 4*time.Second) // the long one comes now and then
				} else {
					_ = wait(ctx, rand.N(30*time.Millisecond))
				}
			}
		})
	}
	// The longest that anybody but the manager waits for a lock of the table or a partition.
	watcher, longest, samples := db.Admin(t), time.Duration(0), 0
	managerPID := owner.PgConn().PID()
	wg.Go(func() {
		for ctx.Err() == nil {
			var us int64
			err := watcher.QueryRow(ctx, `
				select coalesce(max(extract(epoch from clock_timestamp() - l.waitstart) * 1e6), 0)::bigint
				from pg_locks l where not l.granted and l.locktype = 'relation' and l.pid <> $1
				  and l.database = (select oid from pg_database where datname = current_database())`, managerPID).Scan(&us)
			if err != nil && ctx.Err() == nil {
				t.Errorf("look at locks: %v", err)
				return
			}
			longest = max(longest, time.Duration(us)*time.Microsecond)
			samples++
			_ = wait(ctx, 3*time.Millisecond)
		}
	})

	_ = wait(ctx, 2*time.Second) // undisturbed, for comparison
	mu.Lock()
	undisturbed := latencies
	latencies = nil
	mu.Unlock()

	cfg := partitions.Config{LockTimeout: lockTimeout, MaxRetire: many}
	start := time.Now()
	exec(t, owner, `update core.partition_policy set behind = 10 + $1::int`, many)
	made := kinds(maintain(t, owner, may2031, cfg), partitions.Creates)
	creating := time.Since(start)
	exec(t, admin, `insert into ingest.scan_run_event (tenant_id, scan_run_id, occurred_at, event_type, payload)
		select $1, 2, timestamptz '2031-05-07Z' - i * interval '10 minutes', 'old', '{}' from generate_series(1, $2::int * 144) i`, tenant, many)
	start = time.Now()
	exec(t, owner, `update core.partition_policy set behind = 10, retention = '10 days', on_expiry = 'drop'`)
	gone := kinds(maintain(t, owner, may2031, cfg), partitions.Detaches, partitions.Drops)
	retiringTook := time.Since(start)
	stop()
	wg.Wait()

	if len(made) != many || len(gone) != 2*many {
		t.Errorf("made %d, detached and dropped %d", len(made), len(gone))
	}
	if n := one[int](t, admin, `select deadlocks from pg_stat_database where datname = current_database()`); n != 0 {
		t.Errorf("%d deadlocks", n)
	}
	if longest > lockTimeout {
		t.Errorf("somebody waited for a lock for %s; lock_timeout is %s", longest, lockTimeout)
	}
	if worst := slices.Max(latencies); worst > lockTimeout+5*time.Second {
		t.Errorf("a write took %s", worst) // far more than a lock: whatever else the machine does
	}
	t.Logf("undisturbed: %s", percentiles(undisturbed))
	t.Logf("with the manager: %s", percentiles(latencies))
	t.Logf("%d partitions: made and attached in %s, detached and dropped in %s; longest wait for a lock %s in %d samples of pg_locks",
		many, creating.Round(time.Millisecond), retiringTook.Round(time.Millisecond), longest, samples)
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return errors.New("stopped")
	}
}

func percentiles(l []time.Duration) string {
	l = slices.Sorted(slices.Values(l))
	at := func(p float64) string {
		return l[min(int(p*float64(len(l))), len(l)-1)].Round(10 * time.Microsecond).String()
	}
	return fmt.Sprintf("%d writes, median %s, 99 %% %s, 99.9 %% %s, worst %s", len(l), at(0.5), at(0.99), at(0.999), at(1))
}
