package serve

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/pg"
	"sluice/internal/telemetry"
	"sluice/maintenance"
)

// Kinds of backups, as the alerts know them, and the tasks that make the first two.
const (
	kindBase  = "base"
	kindDrill = "drill"
	kindWAL   = "wal"
)

// backupFigures are what the alerts about backups rest on.
type backupFigures struct {
	success, failure *prometheus.GaugeVec
	behind           *prometheus.GaugeVec // without labels: there where this process has archived
}

func newBackupFigures(r prometheus.Registerer) *backupFigures {
	vec := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return telemetry.Register(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "sluice_backup_" + name, Help: help}, labels))
	}
	return &backupFigures{
		success: vec("last_success_timestamp_seconds", "When a full backup (base), a drill, or archiving WAL (wal, on the instance that does it) succeeded last, as Unix time.", "kind"),
		failure: vec("last_failure_timestamp_seconds", "When the last one that failed began, as Unix time; 0 where the last one succeeded.", "kind"),
		behind:  vec("wal_behind_bytes", "WAL that the server has written and the archive does not have, as of the last word of the server."),
	}
}

// archived notes that the archive stands, so many bytes behind the server.
func (f *backupFigures) archived(bytes int64) {
	f.behind.WithLabelValues().Set(float64(bytes))
	f.success.WithLabelValues(kindWAL).SetToCurrentTime()
}

// archiveFailed notes that WAL waits on the server.
func (f *backupFigures) archiveFailed(error) { f.failure.WithLabelValues(kindWAL).SetToCurrentTime() }

// keep publishes what core.maintenance says of backups and drills, whoever made them.
func (f *backupFigures) keep(ctx context.Context, pool *pgxpool.Pool, every time.Duration) error {
	if every <= 0 {
		every = 15 * time.Second
	}
	for {
		known, err := maintenance.Statuses(ctx, pool)
		if err != nil && ctx.Err() == nil && !errors.Is(err, context.Canceled) && pg.FaultOf(err) == pg.FaultDefect {
			return err
		}
		for task, kind := range map[string]string{"backup": kindBase, "drill": kindDrill} {
			s, ok := known[task]
			if !ok {
				continue // there is nothing to say yet
			}
			at, failed := 0.0, 0.0
			if s.LastSuccess != nil {
				at = float64(s.LastSuccess.UnixMilli()) / 1000
			}
			if s.LastError != "" && s.LastStarted != nil {
				failed = float64(s.LastStarted.UnixMilli()) / 1000
			}
			f.success.WithLabelValues(kind).Set(at)
			f.failure.WithLabelValues(kind).Set(failed)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(every):
		}
	}
}
