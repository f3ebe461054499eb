package inventory

import (
	"strconv"
	"strings"
	"time"

	"sluice/internal/ask"
)

// ParseUntil reads when a decision ends: a time; a day, which still counts, in UTC; or how long
// from now, like 90d or 12h. nil: "".
func ParseUntil(text string, now time.Time) (*time.Time, error) {
	if text == "" {
		return nil, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		at = at.UTC()
		return &at, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		end := day.AddDate(0, 0, 1)
		return &end, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n < 100_000 {
			at := now.UTC().Truncate(time.Second).AddDate(0, 0, n)
			return &at, nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		at := now.UTC().Add(d).Truncate(time.Microsecond)
		return &at, nil
	}
	return nil, ask.Wrong("until", "%q: it is a day that still counts like 2026-06-30, a time like 2026-06-30T12:00:00Z, or how long from now, like 90d or 12h", text)
}
