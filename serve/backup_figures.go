package serve

import (
	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/telemetry"
)

// backupFigures tell of the archive of WAL, on the instance that archives. Full backups and drills are in serve/figures: they
// come from the database, whoever made them.
type backupFigures struct{ behind, failing *prometheus.GaugeVec } // without labels: there once there is something to say

func newBackupFigures(r prometheus.Registerer) *backupFigures {
	vec := func(name, help string) *prometheus.GaugeVec {
		return telemetry.Register(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "sluice_backup_wal_" + name, Help: help}, nil))
	}
	return &backupFigures{
		behind:  vec("behind_bytes", "WAL that the server has written and the archive does not have, as of the last word of the server."),
		failing: vec("failing", "1 while WAL cannot be archived: it waits on the server."),
	}
}

// archived notes that the archive stands, so many bytes behind the server.
func (f *backupFigures) archived(bytes int64) {
	f.behind.WithLabelValues().Set(float64(bytes))
	f.failing.WithLabelValues().Set(0)
}

// archiveFailed notes that WAL waits on the server.
func (f *backupFigures) archiveFailed(error) { f.failing.WithLabelValues().Set(1) }
