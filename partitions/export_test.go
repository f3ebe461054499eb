package partitions

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// WithFault lets a test look on, or crash, at each named point.
func (c Config) WithFault(f func(point string)) Config { c.fault = f; return c }

// CoverAt is Cover at a time of the test's choice.
func CoverAt(ctx context.Context, conn *pgx.Conn, parent string, at, now time.Time) (bool, error) {
	return cover(ctx, conn, parent, at, now)
}

// Add is the arithmetic of intervals.
var Add = add

// Due are the spans that a policy wants.
func (p Policy) Due(now time.Time) []Span { return p.due(now) }

// SpanAt is the span of one moment.
func (p Policy) SpanAt(t time.Time) Span { return p.spanAt(t) }
