package backup

import (
	"fmt"
	"strconv"
	"time"
)

// Target is the moment that is restored. The zero value is the newest there is.
type Target struct {
	// At is a time: all is restored that was committed up to it.
	At time.Time
	// LSN is a place in the WAL instead.
	LSN LSN
	// Timeline is the history to follow; 0 is the newest. An older one leads to what was before an earlier restore.
	Timeline uint32
}

func (t Target) String() string {
	switch {
	case !t.At.IsZero():
		return t.At.UTC().Format(time.RFC3339Nano)
	case t.LSN != 0:
		return t.LSN.String()
	}
	return "the newest moment"
}

// ParseTarget reads "latest", a time (RFC 3339) or an LSN.
func ParseTarget(s string) (Target, error) {
	if s == "" || s == "latest" {
		return Target{}, nil
	}
	if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return Target{At: at}, nil
	}
	if lsn, err := ParseLSN(s); err == nil && lsn != 0 {
		return Target{LSN: lsn}, nil
	}
	return Target{}, fmt.Errorf("%q is neither latest, nor a time such as 2026-11-30T02:00:00Z, nor a place in the WAL such as 16/B374D848", s)
}

// settings are PostgreSQL's, for a recovery that finds all WAL in pg_wal.
func (t Target) settings() map[string]string {
	m := map[string]string{
		// There is nothing to fetch any more, but PostgreSQL insists on a command.
		"restore_command":          "false",
		"recovery_target_action":   "promote",
		"recovery_target_timeline": "latest",
	}
	if t.Timeline != 0 {
		m["recovery_target_timeline"] = strconv.FormatUint(uint64(t.Timeline), 10)
	}
	switch {
	case !t.At.IsZero():
		m["recovery_target_time"] = t.At.UTC().Format("2006-01-02 15:04:05.999999+00")
	case t.LSN != 0:
		m["recovery_target_lsn"] = t.LSN.String()
	}
	return m
}
