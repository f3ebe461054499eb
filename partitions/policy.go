package partitions

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// Expiry is what becomes of a partition that is older than its table's retention.
type Expiry string

// The choices of core.partition_policy.on_expiry.
const (
	Keep   Expiry = "keep"   // it stays where it is
	Detach Expiry = "detach" // it becomes a table of its own
	Drop   Expiry = "drop"   // it is detached and dropped
	Export Expiry = "export" // it is detached, written to a file and dropped
)

// Policy is a row of core.partition_policy. docs/tables.md says what each column means.
type Policy struct {
	Parent   string // schema.table
	Step     Step
	NextStep Step               // "" unless the step is to change
	NextFrom pgtype.Timestamptz // from when on

	Premake    int             // partitions ahead of the current one, at least
	PremakeFor pgtype.Interval // time ahead of the clock, at least
	Behind     int             // partitions before the current one

	MaxPast, MaxFuture pgtype.Interval // how far from the clock Cover makes partitions

	Retention pgtype.Interval // not valid: for ever
	OnExpiry  Expiry

	Storage    []string // storage parameters of new partitions, name=value
	Tablespace string   // of new partitions; "" is the database's

	ClosedUntil, AnalyzedAt, LastSuccess pgtype.Timestamptz
	LastError                            string
}

// policies reads the policies of all tables; where parent is not empty, of that one only.
func policies(ctx context.Context, conn querier, parent string) ([]Policy, error) {
	rows, err := conn.Query(ctx, text("policies"), parent)
	if err != nil {
		return nil, fmt.Errorf("partition policies: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Policy])
	if err != nil {
		return nil, fmt.Errorf("partition policies: %w", err)
	}
	if parent != "" && len(list) == 0 {
		return nil, fmt.Errorf("%s has no partition policy; see `sluice partitions status`, and `sluice partitions set %[1]s --step month` gives it one", parent)
	}
	return list, nil
}

// spanAt is the partition that the policy wants at t. A change of the step cuts one short.
func (p Policy) spanAt(t time.Time) Span {
	if p.NextStep == "" {
		from, to := p.Step.Bounds(t)
		return Span{from, to}
	}
	change := p.NextFrom.Time.UTC()
	if t.Before(change) {
		from, to := p.Step.Bounds(t)
		if to.After(change) {
			to = change
		}
		return Span{from, to}
	}
	from, to := p.NextStep.Bounds(t)
	if from.Before(change) {
		from = change
	}
	return Span{from, to}
}

// stepAt is the step of partitions that start at t.
func (p Policy) stepAt(t time.Time) Step {
	if p.NextStep != "" && !t.Before(p.NextFrom.Time) {
		return p.NextStep
	}
	return p.Step
}

// due are the spans that the policy wants partitions for at time now. What would be retired
// at once is not among them.
func (p Policy) due(now time.Time) []Span {
	s := p.spanAt(now)
	for range p.Behind {
		s = p.spanAt(s.From.Add(-time.Microsecond))
	}
	until := add(now, p.PremakeFor, 1)
	var out []Span
	for ahead := -p.Behind; ahead <= p.Premake || s.From.Before(until); ahead++ {
		if !p.expired(s, now) {
			out = append(out, s)
		}
		s = p.spanAt(s.To)
	}
	return out
}

// retires reports whether partitions of the table are ever retired.
func (p Policy) retires() bool { return p.Retention.Valid && p.OnExpiry != Keep }

// cutoff is the moment up to which partitions have expired; those that keep all have none.
func (p Policy) cutoff(now time.Time) (time.Time, bool) {
	if !p.Retention.Valid {
		return time.Time{}, false
	}
	return add(now, p.Retention, -1), true
}

// expired reports whether the policy retires a partition of these bounds at time now. The
// one that holds the present never is, whatever the retention says.
func (p Policy) expired(s Span, now time.Time) bool {
	cut, ok := p.cutoff(now)
	return ok && p.retires() && !s.To.After(cut) && !s.To.After(now)
}

// allows returns an OutOfBoundsError where the policy wants no partition at that moment.
func (p Policy) allows(at, now time.Time) error {
	e := p.extent(now)
	switch {
	case at.Before(e.Oldest):
		why := fmt.Sprintf("more than max_past (%s) before now", e.maxPast)
		if e.retention {
			why = "past its retention"
		}
		return &OutOfBoundsError{Parent: p.Parent, At: at, Extent: e, why: why}
	case !at.Before(e.Newest):
		return &OutOfBoundsError{Parent: p.Parent, At: at, Extent: e, why: fmt.Sprintf("more than max_future (%s) after now", e.maxFuture)}
	}
	return nil
}

// extent is what the table takes at time now, without what is covered.
func (p Policy) extent(now time.Time) Extent {
	e := Extent{
		Oldest: add(now, p.MaxPast, -1), Newest: add(now, p.MaxFuture, 1),
		maxPast: intervalText(p.MaxPast), maxFuture: intervalText(p.MaxFuture),
	}
	if cut, ok := p.cutoff(now); ok && p.retires() && cut.After(e.Oldest) {
		// The partition that the cut falls into is still there.
		e.Oldest, e.retention = p.spanAt(cut).From, true
	}
	return e
}

func intervalText(iv pgtype.Interval) string {
	var parts []string
	count := func(n int64, unit string) {
		switch n {
		case 0:
		case 1:
			parts = append(parts, "1 "+unit)
		default:
			parts = append(parts, fmt.Sprintf("%d %ss", n, unit))
		}
	}
	count(int64(iv.Months/12), "year")
	count(int64(iv.Months%12), "month")
	count(int64(iv.Days), "day")
	if iv.Microseconds != 0 {
		parts = append(parts, (time.Duration(iv.Microseconds) * time.Microsecond).String())
	}
	if parts == nil {
		return "0"
	}
	return strings.Join(parts, " ")
}

// storageParameter is what may stand in a policy's storage: it becomes part of a statement
// that runs as the owner, and who keeps policies is not the owner.
var storageParameter = regexp.MustCompile(`^[a-z_]+(\.[a-z_]+)?=[A-Za-z0-9_.]+$`)

// options are the clauses behind CREATE TABLE.
func (p Policy) options() (string, error) {
	var out string
	for _, s := range p.Storage {
		if !storageParameter.MatchString(s) {
			return "", fmt.Errorf("storage parameter %q in the policy: want name=value, such as autovacuum_vacuum_insert_scale_factor=0.05", s)
		}
	}
	if len(p.Storage) > 0 {
		out += " with (" + strings.Join(p.Storage, ", ") + ")"
	}
	if p.Tablespace != "" {
		out += " tablespace " + pgx.Identifier{p.Tablespace}.Sanitize()
	}
	return out, nil
}
