package figures

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
)

// backupDescs say when backups were made, whichever process made them. What was never set up
// has no value.
type backupDescs struct{ success, failure *prometheus.Desc }

func (b *backupDescs) declare(s *set) {
	b.success = s.gauge("sluice_backup_last_success_timestamp_seconds", "When a backup succeeded last, as Unix time; 0: never. kind: base, wal (by archive_command), drill.", "kind")
	b.failure = s.gauge("sluice_backup_last_failure_timestamp_seconds", "When a backup failed last, as Unix time; 0: not since it succeeded.", "kind")
}

func (f *Figures) lookAtBackups(ctx context.Context, conn *pgx.Conn) (look, error) {
	rows, err := conn.Query(ctx, sqlBackups)
	if err != nil {
		return nil, err
	}
	var l look
	var kind string
	var success, failure float64
	_, err = pgx.ForEachRow(rows, []any{&kind, &success, &failure}, func() error {
		l.gauge(f.backup.success, success, kind)
		l.gauge(f.backup.failure, failure, kind)
		return nil
	})
	return l, err
}
