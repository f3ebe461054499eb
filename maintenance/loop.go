package maintenance

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/lead"
	"sluice/internal/pg"
)

// LoopConfig tunes a Loop. Only Tasks is needed.
type LoopConfig struct {
	Tasks []Task
	// Who leads, where it does. Default lead.Somebody.
	Who lead.Holder
	// Lease is how long the lead lasts without being kept, and with Poll how long nobody leads
	// after a crash. Default lead.Lease.
	Lease time.Duration
	// Poll is how often a process that stands by asks for the lead. Default 2 s.
	Poll time.Duration
	// Parallel is how many tasks run at the same time: a long import of a feed does not keep
	// partitions waiting. Default 2.
	Parallel int
	// Retry is the pause after a first failure; it doubles with each further one, up to Every
	// of the task. Default 1 min.
	Retry time.Duration
	// OnOutage, if set, is called when the database cannot be reached.
	OnOutage   func(error)
	Registerer prometheus.Registerer
	Logger     *slog.Logger
}

// Loop runs tasks for as long as the program runs. Of all loops of a database one leads and
// the others stand by; the next one takes over when the leader's lease runs out.
type Loop struct {
	cfg     LoopConfig
	pool    *pgxpool.Pool
	metrics *metrics
	slots   chan struct{}
}

// NewLoop returns a loop that works through pool, which was made with PoolConfig and acts
// as pg.Maintainer.
func NewLoop(pool *pgxpool.Pool, cfg LoopConfig) *Loop {
	if cfg.Poll <= 0 {
		cfg.Poll = 2 * time.Second
	}
	if cfg.Who == (lead.Holder{}) {
		cfg.Who = lead.Somebody()
	}
	if cfg.Parallel <= 0 {
		cfg.Parallel = 2
	}
	if cfg.Retry <= 0 {
		cfg.Retry = time.Minute
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Loop{cfg: cfg, pool: pool, metrics: newMetrics(cfg.Registerer), slots: make(chan struct{}, cfg.Parallel)}
}

// Run runs tasks until ctx ends and returns its error; a task that is under way is told to
// stop, and rolls back the batch in hand. It survives outages of the database.
func (l *Loop) Run(ctx context.Context) error {
	for {
		err := lead.Hold(ctx, l.pool, lead.Maintenance, l.cfg.Who, l.cfg.Lease, l.cfg.Poll, l.publishNow(), l.lead)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		fault := pg.FaultOf(err)
		switch {
		case lead.Lost(err):
			l.cfg.Logger.Warn("another process runs maintenance now; this one stands by", "error", err)
		case fault != pg.FaultOutage && !fault.Bounded():
			return pg.Tell(pg.RoleOf(l.pool), err)
		default:
			l.cfg.Logger.Warn("the database fails: maintenance goes on when it is over", "fault", string(fault), "error", err)
			if fault == pg.FaultOutage && l.cfg.OnOutage != nil {
				l.cfg.OnOutage(err)
			}
		}
		if !pause(ctx, jitter(time.Second)) {
			return ctx.Err()
		}
	}
}

// lead runs each task on its own schedule for as long as the term lasts.
func (l *Loop) lead(ctx context.Context, term *lead.Term) error {
	l.metrics.leader.Set(1)
	defer l.metrics.leader.Set(0)
	l.cfg.Logger.Info("this process runs maintenance", "term", term.Token)
	// What the tasks write is refused once another process has the lead.
	ctx, stop := context.WithCancel(term.Within(ctx))
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	for _, t := range l.cfg.Tasks {
		running.Go(func() { l.keep(ctx, t) })
	}
	publish := l.publishNow()
	for pause(ctx, l.cfg.Poll) {
		if err := publish(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// publishNow returns a function that publishes the metrics, but not more often than every ten seconds.
func (l *Loop) publishNow() func(context.Context) error {
	var last time.Time
	return func(ctx context.Context) error {
		if time.Since(last) < min(10*time.Second, 5*l.cfg.Poll) {
			return nil
		}
		last = time.Now()
		return l.publish(ctx)
	}
}

func (l *Loop) publish(ctx context.Context) error {
	known, err := Statuses(ctx, l.pool)
	if err != nil {
		return err
	}
	l.metrics.publish(l.cfg.Tasks, known)
	return nil
}

// keep runs one task whenever it is due, until ctx ends.
func (l *Loop) keep(ctx context.Context, t Task) {
	fails := 0
	wait := time.Duration(0)
	if !t.AtStart {
		wait = l.untilDue(ctx, t)
	}
	for pause(ctx, wait) {
		select {
		case l.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		out, err := once(ctx, l.pool, t, l.cfg.Who, l.cfg.Lease)
		<-l.slots
		if ctx.Err() != nil {
			return
		}
		switch {
		case err != nil:
			// 2^10 retries are more than Every of any task.
			wait = jitter(min(l.cfg.Retry<<min(fails, 10), t.Every))
			fails++
			l.cfg.Logger.Error("maintenance failed; it is tried again", "task", t.Name, "failures", fails, "in", wait.Round(time.Second), "error", err)
			continue
		case out.Elsewhere:
			wait = jitter(min(time.Minute, t.Every))
			continue
		case out.What != "":
			l.cfg.Logger.Info("maintenance", "task", t.Name, "rows", out.Rows, "seconds", out.Seconds, "what", out.What)
		}
		fails = 0
		// Another process may have run it just now; who leads does not run it at once again.
		wait = l.untilDue(ctx, t)
	}
}

// untilDue is how long it is until the task is due, by its last success on any process. One that
// never ran is due within a minute: not all of them at the same moment.
func (l *Loop) untilDue(ctx context.Context, t Task) time.Duration {
	var since *time.Duration
	err := l.pool.QueryRow(ctx, sqlSinceSuccess, t.Name).Scan(&since)
	if err != nil || since == nil {
		return rand.N(min(time.Minute, t.Every) + 1)
	}
	spread := t.Every / 20
	return max(0, t.Every-*since) + rand.N(spread+1)
}

// jitter is d, give or take a quarter.
func jitter(d time.Duration) time.Duration { return d*3/4 + rand.N(d/2+1) }

// pause waits; it reports whether it was left to.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
