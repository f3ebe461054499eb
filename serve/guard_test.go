package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// TestGuard: a defect pauses a part until it is mended; another error ends it at once.
func TestGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		paused := newPaused(prometheus.NewRegistry()).WithLabelValues("projections")
		g := newGuard("projections", paused, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		var broken atomic.Bool
		var runs atomic.Int32
		broken.Store(true)
		done := make(chan error)
		go func() {
			done <- g.run(ctx, func(ctx context.Context) error {
				runs.Add(1)
				if broken.Load() {
					return fmt.Errorf("claim: %w", &pgconn.PgError{Code: "42501", Message: "permission denied for table job_queue"})
				}
				<-ctx.Done()
				return ctx.Err()
			})
		}()
		time.Sleep(500 * time.Millisecond)
		if err := g.ready(ctx); err == nil || !strings.Contains(err.Error(), "permission denied for table job_queue") || testutil.ToFloat64(paused) != 1 || runs.Load() != 1 {
			t.Errorf("while it is broken: %v, metric %v, %d runs", err, testutil.ToFloat64(paused), runs.Load())
		}
		time.Sleep(3 * time.Minute)
		if err := g.ready(ctx); err == nil || runs.Load() < 6 || runs.Load() > 10 {
			t.Errorf("after three minutes: %v, %d runs", err, runs.Load())
		}
		broken.Store(false)
		time.Sleep(longPause + wellAfter)
		if err := g.ready(ctx); err != nil || testutil.ToFloat64(paused) != 0 {
			t.Errorf("after the repair: %v, metric %v", err, testutil.ToFloat64(paused))
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
		for _, err := range []error{errors.New("a bug"), nil, &pgconn.PgError{Code: "22P02"}} {
			if got := g.run(t.Context(), func(context.Context) error { return err }); !errors.Is(got, err) {
				t.Errorf("%v ended with %v", err, got)
			}
		}
	})
}
