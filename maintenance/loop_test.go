package maintenance

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"sluice/internal/pg"
)

func nothing(context.Context, *pgxpool.Pool, bool) (Result, error) { return Result{Rows: 7}, nil }

func failing(err error) func(context.Context, *pgxpool.Pool, bool) (Result, error) {
	return func(context.Context, *pgxpool.Pool, bool) (Result, error) { return Result{}, err }
}

// patience is for what takes a moment on an idle machine.
const patience = 30 * time.Second

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %s still not: %s", patience, what)
		}
	}
}

// start runs a loop with a pool of its own until the test ends or stop is called.
func (w *world) start(cfg LoopConfig) (stop func()) {
	w.Helper()
	cfg.Poll = 50 * time.Millisecond
	cfg.Retry = 20 * time.Millisecond
	loop := NewLoop(w.db.Pool(w.T, pg.Maintainer, PoolConfig()), cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- loop.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			w.Errorf("the loop ended with %v", err)
		}
	})
	w.Cleanup(stop)
	return stop
}

// TestLoop: each task at its interval; one that fails is tried again and does not stop the
// others; metrics tell of all.
func TestLoop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var good, bad, first, panics atomic.Int64
	count := func(n *atomic.Int64, err error) func(context.Context, *pgxpool.Pool, bool) (Result, error) {
		return func(context.Context, *pgxpool.Pool, bool) (Result, error) {
			n.Add(1)
			return Result{Rows: 7, What: "x"}, err
		}
	}
	reg := prometheus.NewRegistry()
	w.start(LoopConfig{Registerer: reg, Tasks: []Task{
		{Name: "good", Every: 100 * time.Millisecond, Run: count(&good, nil)},
		{Name: "bad", Every: 100 * time.Millisecond, Run: count(&bad, errors.New("no luck"))},
		{Name: "first", Every: time.Hour, AtStart: true, Run: count(&first, nil)},
		{Name: "panics", Every: 100 * time.Millisecond, Run: func(context.Context, *pgxpool.Pool, bool) (Result, error) {
			panics.Add(1)
			panic("odd")
		}},
	}})
	until(t, "all ran several times", func() bool { return good.Load() > 2 && bad.Load() > 2 && panics.Load() > 2 && first.Load() == 1 })
	value := func(name, task string) (v float64) {
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.Metric {
				if f.GetName() == "sluice_maintenance_"+name && (len(m.Label) == 0 && task == "" || len(m.Label) == 1 && m.Label[0].GetValue() == task) {
					v = m.Gauge.GetValue()
				}
			}
		}
		return v
	}
	until(t, "metrics tell of it", func() bool {
		return value("leader", "") == 1 && value("failures", "bad") > 2 && value("failed", "bad") == 1 && value("failures", "good") == 0 &&
			value("rows", "good") == 7 && time.Since(time.UnixMilli(int64(1000*value("last_success_timestamp_seconds", "good")))) < patience &&
			value("last_success_timestamp_seconds", "panics") == 0
	})
	if first.Load() != 1 {
		t.Errorf("the hourly task ran %d times", first.Load())
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v, %v", problems, err)
	}
}

// TestTwoLeaders: of two loops one works; when its lease runs out, and when it is stopped, the
// other one takes over. A task never runs twice at the same time.
func TestTwoLeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var now, most atomic.Int64
	var ran [2]atomic.Int64
	stops := make([]func(), 2)
	for i := range 2 {
		stops[i] = w.start(LoopConfig{Tasks: []Task{{
			Name: "task", Every: 20 * time.Millisecond,
			Run: func(ctx context.Context, _ *pgxpool.Pool, _ bool) (Result, error) {
				if n := now.Add(1); n > most.Load() {
					most.Store(n)
				}
				defer now.Add(-1)
				ran[i].Add(1)
				pause(ctx, 10*time.Millisecond)
				return Result{}, nil
			},
		}}})
		if i == 0 {
			until(t, "the first leads", func() bool { return ran[0].Load() > 2 })
		}
	}
	time.Sleep(300 * time.Millisecond)
	if ran[1].Load() > 0 {
		t.Errorf("both led")
	}
	// Nobody hears of the first for as long as its lease.
	until(t, "the second takes over", func() bool {
		w.exec(`update core.lead set lease_until = '-infinity' where job = 'maintenance' and token = 1`)
		return ran[1].Load() > 2
	})
	before := ran[0].Load()
	stops[1]()
	until(t, "the first leads again", func() bool { return ran[0].Load() > before+2 })
	if most.Load() != 1 {
		t.Errorf("the task ran %d times at once", most.Load())
	}
}

// TestLeaderKnowsOthers: what a one-shot run or another leader did a moment ago is not done again.
func TestLeaderKnowsOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var ran, ticks atomic.Int64
	task := Task{Name: "hourly", Every: time.Hour, Run: func(context.Context, *pgxpool.Pool, bool) (Result, error) { ran.Add(1); return Result{}, nil }}
	tick := Task{Name: "tick", Every: 20 * time.Millisecond, Run: func(context.Context, *pgxpool.Pool, bool) (Result, error) { ticks.Add(1); return Result{}, nil }}
	w.run(task, false)
	stop := w.start(LoopConfig{Tasks: []Task{task, tick}})
	until(t, "the loop runs", func() bool { return ticks.Load() > 5 })
	stop()
	if ran.Load() != 1 {
		t.Errorf("it ran %d times", ran.Load())
	}
	w.exec(`update core.maintenance set last_success = now() - interval '2 hours' where task = 'hourly'`)
	w.exec(`update core.maintenance set last_success = now() where task = 'tick'`)
	due := NewLoop(w.pool, LoopConfig{}).untilDue(t.Context(), task)
	if due > time.Hour/20 {
		t.Errorf("due in %s although it is overdue", due)
	}
}
