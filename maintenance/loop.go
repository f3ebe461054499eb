package maintenance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/pg"
)

// LoopConfig tunes a Loop. Only Tasks is needed.
type LoopConfig struct {
	Tasks []Task
	// Poll is how often a process that stands by asks for the lead, and one that leads
	// whether it still does. It bounds how long nobody leads after a crash. Default 10 s.
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
// the others stand by; the next one takes over when the leader's session ends.
type Loop struct {
	cfg     LoopConfig
	pool    *pgxpool.Pool
	metrics *metrics
	slots   chan struct{}
}

// NewLoop returns a loop that works through pool, which was made with PoolConfig and acts
// as pg.Maintainer. While it leads it has one more connection.
func NewLoop(pool *pgxpool.Pool, cfg LoopConfig) *Loop {
	if cfg.Poll <= 0 {
		cfg.Poll = 10 * time.Second
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
		err := l.session(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		fault := pg.FaultOf(err)
		if fault != pg.FaultOutage && !fault.Bounded() && !errors.Is(err, errLeadLost) {
			return pg.Tell(pg.RoleOf(l.pool), err)
		}
		l.cfg.Logger.Warn("the database fails: maintenance goes on when it is over", "fault", string(fault), "error", err)
		if fault == pg.FaultOutage && l.cfg.OnOutage != nil {
			l.cfg.OnOutage(err)
		}
		if !pause(ctx, jitter(time.Second)) {
			return ctx.Err()
		}
	}
}

// errLeadLost: the session that held the lead is gone.
var errLeadLost = errors.New("the session of the leading process ended")

// session is one connection: it stands by, and leads, until something fails.
func (l *Loop) session(ctx context.Context) error {
	pooled, err := l.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect for maintenance: %w", err)
	}
	// Out of the pool: the lead belongs to the connection and must end with it.
	conn := pooled.Hijack()
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	for {
		var lead bool
		if err := conn.QueryRow(ctx, `select pg_try_advisory_lock(hashtextextended('sluice.maintain', 0))`).Scan(&lead); err != nil {
			return fmt.Errorf("lead of maintenance: %w", err)
		}
		if lead {
			return l.lead(ctx, conn)
		}
		if err := l.publish(ctx); err != nil {
			return err
		}
		if !pause(ctx, jitter(l.cfg.Poll)) {
			return ctx.Err()
		}
	}
}

// lead runs each task on its own schedule for as long as conn, which holds the lead, lives.
func (l *Loop) lead(ctx context.Context, conn *pgx.Conn) error {
	l.metrics.leader.Set(1)
	defer l.metrics.leader.Set(0)
	l.cfg.Logger.Info("this process runs maintenance")
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	for _, t := range l.cfg.Tasks {
		running.Go(func() { l.keep(ctx, t) })
	}
	for {
		if !pause(ctx, l.cfg.Poll) {
			return ctx.Err()
		}
		if err := l.alive(ctx, conn); err != nil {
			return fmt.Errorf("%w: %w", errLeadLost, err)
		}
		if err := l.publish(ctx); err != nil {
			return err
		}
	}
}

// alive asks whether the session is still there. An answer that does not come counts as no:
// somebody else may lead by then.
func (l *Loop) alive(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, max(l.cfg.Poll, 5*time.Second))
	defer cancel()
	return conn.Ping(ctx)
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
		out, err := Once(ctx, l.pool, t, false)
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
