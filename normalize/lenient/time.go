package lenient

import (
	"errors"
	"strings"
	"time"
)

// Errors of Time.
var (
	// ErrNoTime says that a text is no time in any of the ways that tools write one.
	ErrNoTime = errors.New("no time")
	// ErrImpossibleTime says that a time cannot be meant: the year 1 of some feeds,
	// the epoch of reproducible builds, a year of five digits.
	ErrImpossibleTime = errors.New("an impossible time")
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
	time.DateOnly,
}

// The years that a document's time may be in. The last is what time.Time can be
// written as JSON up to.
const firstYear, lastYear = 1990, 9999

// Time reads a time as RFC 3339 and the variants of it that tools write, in UTC.
// The error is ErrNoTime or ErrImpossibleTime; no text at all is the zero time.
func Time(s string) (time.Time, error) {
	s = strings.ToUpper(strings.TrimSpace(s)) // lower-case t and z are allowed
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range layouts {
		t, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		if t = t.UTC(); t.Year() < firstYear || t.Year() > lastYear {
			return time.Time{}, ErrImpossibleTime
		}
		return t, nil
	}
	return time.Time{}, ErrNoTime
}

// Time takes a time. One that cannot be read or be meant is zero, with a warning.
func (r *Reader) Time() time.Time {
	s := r.Text()
	t, err := Time(s)
	switch {
	case err == nil || r.warn == nil:
	case errors.Is(err, ErrImpossibleTime):
		r.warn("bad-time", r.Pointer(), "the time %.60s is impossible; it is not used", s)
	default:
		r.warn("bad-time", r.Pointer(), "%.60q is no time (2006-01-02T15:04:05Z); it is not used", s)
	}
	return t
}
