package partitions

import (
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// Step is the length of one partition.
type Step string

// The steps that a policy may have.
const (
	Day   Step = "day"
	Week  Step = "week"
	Month Step = "month"
)

// Bounds returns the partition that t falls into: from is inside, to is not. Both are UTC.
func (s Step) Bounds(t time.Time) (from, to time.Time) {
	y, m, d := t.UTC().Date()
	switch s {
	case Day:
		from = time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
		return from, from.AddDate(0, 0, 1)
	case Week:
		from = time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
		from = from.AddDate(0, 0, -(int(from.Weekday())+6)%7)
		return from, from.AddDate(0, 0, 7)
	default:
		from = time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
		return from, from.AddDate(0, 1, 0)
	}
}

// Name returns the name of the partition of parent that starts at from.
func (s Step) Name(parent string, from time.Time) string {
	switch s {
	case Month:
		return parent + "_" + from.Format("2006_01")
	default:
		return parent + "_" + from.Format("2006_01_02")
	}
}

// Span is a stretch of time: From is inside, To is not. Both are UTC. Partitions from
// MINVALUE and to MAXVALUE have the years 1 and 300000 there.
type Span struct{ From, To time.Time }

// endOfTime stands for MAXVALUE and infinity; year 1, the zero time, for MINVALUE.
var endOfTime = time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC)

// MarshalJSON writes null for a bound that is not there.
func (s Span) MarshalJSON() ([]byte, error) {
	var out struct {
		From *time.Time `json:"from"`
		To   *time.Time `json:"to"`
	}
	if !s.From.IsZero() {
		out.From = &s.From
	}
	if !s.To.Equal(endOfTime) {
		out.To = &s.To
	}
	return json.Marshal(out)
}

// Contains reports whether t lies in s.
func (s Span) Contains(t time.Time) bool { return !t.Before(s.From) && t.Before(s.To) }

// gaps are the parts of s that no span of covered, which is sorted, holds.
func (s Span) gaps(covered []Span) []Span {
	var out []Span
	for _, c := range covered {
		if !c.To.After(s.From) {
			continue
		}
		if !c.From.Before(s.To) {
			break
		}
		if c.From.After(s.From) {
			out = append(out, Span{s.From, c.From})
		}
		s.From = c.To
		if !s.From.Before(s.To) {
			return out
		}
	}
	return append(out, s)
}

// finite turns what the server calls infinite into moments that compare as they should.
func finite(low, high pgtype.Timestamptz) Span {
	s := Span{low.Time.UTC(), high.Time.UTC()}
	if low.InfinityModifier != pgtype.Finite {
		s.From = time.Time{}
	}
	if high.InfinityModifier != pgtype.Finite {
		s.To = endOfTime
	}
	return s
}

// add is t plus n times iv, in UTC. As in PostgreSQL a month later than the 31st is the
// month's last day; Go's AddDate would spill over into the next one.
func add(t time.Time, iv pgtype.Interval, n int) time.Time {
	t = t.UTC()
	y, m, d := t.Date()
	first := time.Date(y, m+time.Month(n*int(iv.Months)), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	day := first.AddDate(0, 0, min(d, last)-1+n*int(iv.Days))
	return day.Add(t.Sub(time.Date(y, m, d, 0, 0, 0, 0, time.UTC)) + time.Duration(n)*time.Duration(iv.Microseconds)*time.Microsecond)
}
