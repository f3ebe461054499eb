package serve

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/pg"
)

// How long a part waits after a defect, and how long it has to run before it counts as well
// again. A defect shows within a moment: what met it is still there to be done.
const (
	firstPause = time.Second
	longPause  = time.Minute
	wellAfter  = 5 * time.Second
)

// guard runs one part of the process. A missing right or table, or work that stays too slow
// for the server, pauses the part: it is not ready, its metric says so, and it is tried again
// until somebody has mended the database. Nothing is used up by that. Any other error ends it.
type guard struct {
	name   string
	paused prometheus.Gauge
	log    *slog.Logger
	first  time.Duration // 0: firstPause; tests have less patience
	always bool          // whatever it ends with, it is paused and the others go on
	well   time.Duration

	mu    sync.Mutex
	cause error // why it is not ready
}

// newGuard returns the guard of a part; paused is its metric.
func newGuard(name string, paused prometheus.Gauge, log *slog.Logger) *guard {
	return &guard{name: name, paused: paused, log: log, first: firstPause, well: wellAfter}
}

// newPaused makes the metric of parts that are paused.
func newPaused(r prometheus.Registerer) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "sluice", Name: "paused", Help: "1 where a part of the process waits for somebody to mend the database.",
	}, []string{"part"})
	r.MustRegister(g)
	return g
}

// run runs fn until ctx ends or fn ends with something that does not mend.
func (g *guard) run(ctx context.Context, fn func(context.Context) error) error {
	g.set(nil)
	for pause := g.first; ; {
		began := time.Now()
		well := time.AfterFunc(g.well, func() { g.set(nil) })
		err := fn(ctx)
		well.Stop()
		fault := pg.FaultOf(err)
		if ctx.Err() != nil || !g.always && fault != pg.FaultDefect && !fault.Bounded() {
			return err
		}
		g.set(err)
		if time.Since(began) > longPause {
			pause = g.first
		}
		g.log.Error("a part of the process is paused; the others go on, and it is tried again", "part", g.name, "pause", pause, "error", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
		pause = min(2*pause, longPause)
	}
}

// ready returns why the part is paused.
func (g *guard) ready(context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cause == nil {
		return nil
	}
	return fmt.Errorf("paused: %s", strings.ReplaceAll(g.cause.Error(), "\n", "; "))
}

func (g *guard) set(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cause = err
	if err == nil {
		g.paused.Set(0)
	} else {
		g.paused.Set(1)
	}
}
