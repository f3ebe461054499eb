package serve

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/pg"
	"sluice/partitions"
)

// partitionFigures keeps the metrics by which partitions raise their alarms. They are looked
// up once a minute, not at each scrape: a scrape must not wait for the database.
func (s *Service) partitionFigures(ctx context.Context) error {
	gauge := func(name, help string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "sluice", Subsystem: "partitions", Name: name, Help: help}, []string{"table"})
		s.registry.MustRegister(g)
		return g
	}
	ahead := gauge("ahead", "Partitions after the present one, without a gap.")
	seconds := gauge("ahead_seconds", "How long what is covered reaches from now.")
	behind := gauge("behind", "Partitions before the present one.")
	pending := gauge("pending_detach", "Partitions whose detach waits to be finished.")
	alarms := gauge("alarms", "Reasons for somebody to look; `sluice partitions status` names them.")
	success := gauge("last_success_timestamp_seconds", "When a pass last succeeded; 0: never.")
	bytes := gauge("bytes", "Size of the table with its indexes.")
	rows := gauge("rows", "Rows, as estimated by the statistics.")
	look := func() error {
		conn, err := s.db.Dial(ctx)
		if err != nil {
			return err
		}
		defer conn.Close(context.WithoutCancel(ctx))
		if err := pg.Become(ctx, conn, monitor); err != nil {
			return err
		}
		list, err := partitions.Inspect(ctx, conn, time.Now())
		if err != nil {
			return err
		}
		for _, st := range list {
			ahead.WithLabelValues(st.Parent).Set(float64(st.Ahead))
			seconds.WithLabelValues(st.Parent).Set(st.AheadSeconds)
			behind.WithLabelValues(st.Parent).Set(float64(st.Behind))
			alarms.WithLabelValues(st.Parent).Set(float64(len(st.Alarms)))
			bytes.WithLabelValues(st.Parent).Set(float64(st.Bytes))
			rows.WithLabelValues(st.Parent).Set(float64(st.Rows))
			pending.WithLabelValues(st.Parent).Set(float64(len(st.Pending)))
			if st.LastSuccess != nil {
				success.WithLabelValues(st.Parent).Set(float64(st.LastSuccess.Unix()))
			} else {
				success.WithLabelValues(st.Parent).Set(0)
			}
		}
		return nil
	}
	for {
		if err := look(); err != nil && ctx.Err() == nil {
			s.db.log.Info("the figures of partitions cannot be looked up", "error", err)
		}
		select {
		case <-time.After(time.Minute):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
