package pg_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

// TestMetrics: statements, transactions and connections of a pool are counted, by its role.
func TestMetrics(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	reg := prometheus.NewRegistry()
	m := pg.NewMetrics(reg, 50*time.Millisecond)
	pool := db.Pool(t, pg.Reader, pg.Config{MaxConns: 3, Metrics: m})
	ctx := t.Context()
	value := func(name string, labels map[string]string) float64 {
		t.Helper()
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() != name {
				continue
			}
			for _, series := range f.Metric {
				fits := true
				for _, l := range series.Label {
					if want, ok := labels[l.GetName()]; ok && want != l.GetValue() {
						fits = false
					}
				}
				if !fits {
					continue
				}
				switch f.GetType() {
				case dto.MetricType_HISTOGRAM:
					return float64(series.GetHistogram().GetSampleCount())
				case dto.MetricType_COUNTER:
					return series.GetCounter().GetValue()
				}
				return series.GetGauge().GetValue()
			}
		}
		return -1
	}
	reader := map[string]string{"role": "reader"}
	if n := value("postgres_slow_queries_total", reader); n != 0 {
		t.Errorf("%v slow statements before any", n)
	}
	conn, err := pool.Acquire(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if n := value("postgres_connections_active", reader); n != 1 {
		t.Errorf("%v connections are in use, one is", n)
	}
	conn.Release()
	if a, i, most := value("postgres_connections_active", reader), value("postgres_connections_idle", reader), value("postgres_connections_limit", reader); a != 0 || i != 1 || most != 3 {
		t.Errorf("%v connections in use, %v idle, %v at most", a, i, most)
	}
	before := value("postgres_query_duration_seconds", map[string]string{"role": "reader", "kind": "query"})
	if _, err := pool.Exec(ctx, `select pg_sleep(0.06)`); err != nil {
		t.Fatal(err)
	}
	if n := value("postgres_query_duration_seconds", map[string]string{"role": "reader", "kind": "query"}); n != before+1 {
		t.Errorf("%v statements, %v before", n, before)
	}
	if n := value("postgres_slow_queries_total", reader); n != 1 {
		t.Errorf("%v slow statements", n)
	}
	// One commits, one is rolled back, one is rolled back by the server at its COMMIT.
	if err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		batch.Queue("select 1")
		batch.Queue("select 2")
		return tx.SendBatch(ctx, batch).Close()
	}); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"select 1", "select 1/0"} {
		tx, err := pool.Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(ctx, sql); err != nil {
			_ = tx.Commit(ctx)
		} else {
			_ = tx.Rollback(context.WithoutCancel(ctx))
		}
	}
	if c, r := value("postgres_transaction_duration_seconds", map[string]string{"role": "reader", "end": "commit"}), value("postgres_transaction_duration_seconds", map[string]string{"role": "reader", "end": "rollback"}); c != 1 || r != 2 {
		t.Errorf("%v commits, %v rollbacks", c, r)
	}
	if n := value("postgres_query_duration_seconds", map[string]string{"role": "reader", "kind": "batch"}); n != 1 {
		t.Errorf("%v batches", n)
	}
	m.Forget(pool)
	if n := value("postgres_connections_idle", reader); n != -1 {
		t.Errorf("a pool that is closed has %v connections", n)
	}
}
