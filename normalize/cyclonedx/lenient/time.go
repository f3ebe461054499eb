package lenient

import (
	"strings"
	"time"
)

// layouts are the ways in which tools write a time, most frequent first.
// A fraction of a second is read after any of them.
var layouts = []string{
	time.RFC3339,
	"2006-01-02T15:04:05",      // no zone: UTC
	"2006-01-02T15:04:05Z0700", // the zone without its colon
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05Z0700",
	"2006-01-02 15:04:05 Z0700",
	"2006-01-02 15:04:05 UTC",
	"2006-01-02 15:04:05",
	"2006-01-02T15:04Z07:00",
	"2006-01-02T15:04",
	"2006-01-02",
}

// earliest is the first time that a document may claim. The year 1 of some
// feeds and the epoch of reproducible builds are not the time of anything.
var earliest = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)

// Time reads a time as RFC 3339 and the variants of it that tools write. It
// reports false for anything else, and for a time that cannot be meant. No time is fine.
func Time(s string) (time.Time, bool) {
	s = strings.ToUpper(strings.TrimSpace(s)) // lower-case t and z are allowed
	if s == "" {
		return time.Time{}, true
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			if t.Before(earliest) {
				return time.Time{}, false
			}
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
