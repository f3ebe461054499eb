package serve

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/ask"
	"sluice/internal/pg"
	"sluice/normalize"
	"sluice/outbox"
	"sluice/partitions"
	"sluice/projections"
	"sluice/serve/figures"
)

// Metrics tunes what /metrics shows.
type Metrics struct {
	// Every is how often the database is asked for figures, 1 s to 1 h. Default 15 s.
	Every time.Duration
	// Tenants is how many tenants have a label of their own, 0 to 1000: those that were made
	// first. The others are "other". A tenant costs about ten series.
	Tenants int
	// SlowQuery is how long a statement may take before it counts as slow. Default 1 s.
	SlowQuery time.Duration
}

// Check returns an *ask.WrongError where a member makes no sense.
func (m Metrics) Check() error {
	if m.Every != 0 && (m.Every < time.Second || m.Every > time.Hour) {
		return ask.Wrong("metrics-every", "%s: it is 1s to 1h", m.Every)
	}
	if m.Tenants < 0 || m.Tenants > 1000 {
		return ask.Wrong("metrics-tenants", "%d: it is 0 to 1000", m.Tenants)
	}
	if m.SlowQuery < 0 {
		return ask.Wrong("slow-query", "%s: it is more than nothing", m.SlowQuery)
	}
	return nil
}

// figures adds what the database says of itself: where somebody listens for it.
func (s *Service) figures(ctx context.Context, cfg Metrics) error {
	pool, err := s.db.Pool(ctx, monitor, pg.Config{MaxConns: 1, StatementTimeout: figures.Timeout, AfterConnect: impatient})
	if err != nil {
		return err
	}
	f := figures.New(figures.Config{
		Pool: pool, Every: cfg.Every, Tenants: s.tenants, Kinds: projections.Kinds, Reasons: normalize.Reasons,
		Topics: []string{outbox.Receipts, outbox.Findings, outbox.Parked}, Partitions: partitionFigures, Registerer: s.registry, Logger: s.db.log,
	})
	s.add("figures", f.Run)
	return nil
}

// impatient has a session give way where a table is being changed.
func impatient(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, `set lock_timeout = '1s'`)
	return err
}

// partitionFigures says how the partitions stand.
func partitionFigures(ctx context.Context, conn *pgx.Conn) ([]figures.Partition, error) {
	list, err := partitions.Inspect(ctx, conn, time.Now())
	if err != nil {
		return nil, err
	}
	out := make([]figures.Partition, len(list))
	for i, st := range list {
		out[i] = figures.Partition{
			Table: st.Parent, Ahead: float64(st.Ahead), AheadSeconds: st.AheadSeconds, Behind: float64(st.Behind), Pending: float64(len(st.Pending)),
			Alarms: float64(len(st.Alarms)), Bytes: float64(st.Bytes), Rows: float64(st.Rows),
		}
		if st.LastSuccess != nil {
			out[i].LastSuccess = float64(st.LastSuccess.Unix())
		}
	}
	return out, nil
}
