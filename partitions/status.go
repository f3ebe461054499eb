package partitions

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Status is how one table stands: for people, for alarms and for metrics.
type Status struct {
	Parent     string `json:"parent"`
	Step       Step   `json:"step"`
	NextStep   Step   `json:"next_step,omitempty"`
	Partitions int    `json:"partitions"`
	// Ahead counts the partitions after the one that holds the present, up to the first gap;
	// AheadSeconds is how long from now until that gap: 0 when the present has no partition.
	Ahead        int     `json:"ahead"`
	AheadSeconds float64 `json:"ahead_seconds"`
	Behind       int     `json:"behind"` // partitions that have ended
	Gaps         []Span  `json:"gaps"`   // between the oldest and the newest
	// Oldest and Newest are the outer bounds; nil without partitions or where there is no bound.
	Oldest *time.Time `json:"oldest"`
	Newest *time.Time `json:"newest"`

	Bytes int64 `json:"bytes"`          // with indexes and TOAST
	Rows  int64 `json:"rows_estimated"` // by the planner's statistics

	Default     string   `json:"default_partition,omitempty"`
	Pending     []string `json:"pending_detach"`
	Unprotected []string `json:"unprotected"` // and why
	Expired     int      `json:"expired"`     // past the retention, and still attached
	Unfinished  int      `json:"unfinished"`  // retired, and not yet dropped or exported as the policy says
	Held        int      `json:"held"`        // attached again for a while

	LastSuccess *time.Time `json:"last_success"`
	LastError   string     `json:"last_error,omitempty"`
	// Alarms say what somebody has to look at; none is well.
	Alarms []string `json:"alarms"`
}

// staleAfter: a pass is to be made at least daily.
const staleAfter = 48 * time.Hour

// Inspect says how every table stands at time now. It changes nothing; any role will do
// that may read core.partition_policy and core.retired_partition.
func Inspect(ctx context.Context, conn *pgx.Conn, now time.Time) ([]Status, error) {
	list, err := policies(ctx, conn, "")
	if err != nil {
		return nil, err
	}
	out := []Status{}
	for _, p := range list {
		var s Status
		err := pinned(ctx, conn, func(tx pgx.Tx) error {
			t, err := readTable(ctx, tx, p, now)
			if err == nil {
				s = t.status(now)
			}
			return err
		})
		if err != nil {
			if ctx.Err() != nil || conn.IsClosed() {
				return nil, fmt.Errorf("partitions of %s: %w", p.Parent, err)
			}
			s = Status{Parent: p.Parent, Step: p.Step, Alarms: []string{err.Error()}, Pending: []string{}, Unprotected: []string{}, Gaps: []Span{}}
		}
		out = append(out, s)
	}
	return out, nil
}

// status is what Inspect says; it asks nobody.
func (t *table) status(now time.Time) Status {
	s := Status{
		Parent: t.Parent, Step: t.Step, NextStep: t.NextStep, LastError: t.LastError,
		Gaps: []Span{}, Pending: []string{}, Unprotected: []string{}, Alarms: []string{},
	}
	if t.LastSuccess.Valid {
		at := t.LastSuccess.Time.UTC()
		s.LastSuccess = &at
	}
	until := now // covered without a gap from now on
	var last time.Time
	for i, p := range t.parts {
		s.Partitions++
		s.Bytes += p.Bytes
		s.Rows += p.Rows
		if p.Unprotected != "" {
			s.Unprotected = append(s.Unprotected, p.name()+": "+p.Unprotected)
		}
		if p.Default {
			s.Default = p.name()
			continue
		}
		span := p.span()
		if i > 0 && span.From.After(last) {
			s.Gaps = append(s.Gaps, Span{last, span.From})
		}
		last = span.To
		s.outer(span)
		if p.Held {
			s.Held++
		}
		if p.Pending {
			s.Pending = append(s.Pending, p.name())
			continue // it takes no rows
		}
		if !span.To.After(now) {
			s.Behind++
		}
		if t.expired(span, now) && !p.Held {
			s.Expired++
		}
		if !span.From.After(until) && span.To.After(until) {
			if span.From.After(now) {
				s.Ahead++
			}
			until = span.To
		}
	}
	s.AheadSeconds = until.Sub(now).Seconds()
	s.Unfinished = len(t.unfinished)
	s.alarm(now)
	return s
}

func (s *Status) outer(span Span) {
	if s.Oldest == nil && !span.From.IsZero() {
		s.Oldest = &span.From
	}
	s.Newest = &span.To
	if span.To.Equal(endOfTime) {
		s.Newest = nil
	}
}

func (s *Status) alarm(now time.Time) {
	alarm := func(format string, args ...any) { s.Alarms = append(s.Alarms, fmt.Sprintf(format, args...)) }
	switch {
	case s.AheadSeconds <= 0:
		alarm("there is no partition for the present: nothing can be written")
	case s.Ahead < 1 && s.Newest != nil:
		alarm("there is no partition ahead: from %s on nothing can be written", now.Add(time.Duration(s.AheadSeconds*float64(time.Second))).UTC().Format(time.RFC3339))
	}
	if len(s.Pending) > 0 {
		alarm("a detach is pending: %s", strings.Join(s.Pending, ", "))
	}
	if s.Default != "" {
		alarm("%s is a default partition", s.Default)
	}
	if len(s.Unprotected) > 0 {
		alarm("not protected as their parent: %s", strings.Join(s.Unprotected, "; "))
	}
	if s.LastError != "" {
		alarm("the last pass failed: %s", s.LastError)
	}
	if s.LastSuccess != nil && now.Sub(*s.LastSuccess) > staleAfter {
		alarm("no pass has succeeded since %s", s.LastSuccess.Format(time.RFC3339))
	}
}
