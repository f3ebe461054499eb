package serve

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/pg"
	"sluice/internal/queue"
	"sluice/projections"
)

// jobFigures adds the metric by which jobs that were given up raise an alarm. They are counted
// twice a minute, not at each scrape: a scrape must not wait for the database.
func (s *Service) jobFigures(ctx context.Context) error {
	givenUp := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "sluice", Subsystem: "jobs", Name: "given_up", Help: "Projection jobs that failed too often; `sluice jobs list --all-tenants` names them.",
	}, []string{"kind"})
	s.registry.MustRegister(givenUp)
	pool, err := s.db.Pool(ctx, pg.Projector, pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	s.add("figures of jobs", func(ctx context.Context) error {
		for {
			counts, err := queue.GivenUpByKind(ctx, pool)
			if err == nil {
				for _, kind := range projections.Kinds {
					givenUp.WithLabelValues(kind).Set(float64(counts[kind]))
				}
			} else if ctx.Err() == nil {
				s.db.log.Info("the figures of jobs cannot be looked up", "error", err)
			}
			select {
			case <-time.After(30 * time.Second):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	return nil
}
