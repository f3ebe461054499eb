package audit

import (
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// pgTime takes a time of the log; nil where it is null or no time of ours, as somebody who edits may
// have made it.
type pgTime struct{ at *time.Time }

// ScanTimestamptz implements pgtype.TimestamptzScanner.
func (t *pgTime) ScanTimestamptz(v pgtype.Timestamptz) error {
	t.at = nil
	if v.Valid && v.InfinityModifier == pgtype.Finite {
		at := v.Time.UTC()
		t.at = &at
	}
	return nil
}
