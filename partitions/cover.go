package partitions

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrOutOfBounds: the policy wants no partition for that moment. Trying again cannot help.
var ErrOutOfBounds = errors.New("out of the bounds of its table")

// OutOfBoundsError says which moment, and what the bounds are; it is an ErrOutOfBounds.
type OutOfBoundsError struct {
	Parent string
	At     time.Time
	Extent Extent
	why    string
}

func (e *OutOfBoundsError) Error() string {
	return fmt.Sprintf("%s at %s is %s: %s takes what lies between %s and %s (core.partition_policy)",
		e.Parent, e.At.UTC().Format(time.RFC3339), e.why, e.Parent, e.Extent.Oldest.Format(time.RFC3339), e.Extent.Newest.Format(time.RFC3339))
}

// Is makes errors.Is find ErrOutOfBounds.
func (e *OutOfBoundsError) Is(target error) bool { return target == ErrOutOfBounds }

// Extent is the stretch of time that a table takes.
type Extent struct {
	Oldest  time.Time // inside: from here on Cover makes a partition
	Newest  time.Time // outside
	Covered []Span    // what has a partition already, in order

	maxPast, maxFuture string
	retention          bool // Oldest is the retention's and not max_past's
}

// Covers reports whether a row of that moment has a place now.
func (e Extent) Covers(at time.Time) bool {
	for _, s := range e.Covered {
		if s.Contains(at) {
			return true
		}
	}
	return false
}

// Allows reports whether Cover would make a place for a row of that moment.
func (e Extent) Allows(at time.Time) bool { return !at.Before(e.Oldest) && at.Before(e.Newest) }

// Bounds says what is covered of a table, and how far from the clock Cover goes: by
// max_past and max_future of its policy, and never before what its retention would
// retire again. Any role that may read core.partition_policy may ask.
func Bounds(ctx context.Context, conn *pgx.Conn, parent string) (Extent, error) {
	var e Extent
	err := pinned(ctx, conn, func(tx pgx.Tx) error {
		list, err := policies(ctx, tx, parent)
		if err != nil {
			return err
		}
		e = list[0].extent(time.Now())
		e.Covered, err = list[0].covered(ctx, tx)
		return err
	})
	if err != nil {
		return Extent{}, fmt.Errorf("bounds of %s: %w", parent, err)
	}
	return e, nil
}

// Cover makes the partition for a moment that has none: an event that comes late, or early.
// made is false where there was one. It fails with ErrOutOfBounds, and makes none, further
// from the clock than the policy's max_past (10 years by default) and max_future
// (400 days), and for what the retention would retire again.
func Cover(ctx context.Context, conn *pgx.Conn, parent string, at time.Time) (made bool, err error) {
	return cover(ctx, conn, parent, at, time.Now())
}

func cover(ctx context.Context, conn *pgx.Conn, parent string, at, now time.Time) (made bool, err error) {
	list, err := policies(ctx, conn, parent)
	if err != nil {
		return false, err
	}
	p, at := list[0], at.UTC().Truncate(time.Microsecond)
	var covered []Span
	var pending []Span
	err = pinned(ctx, conn, func(tx pgx.Tx) error {
		if covered, err = p.covered(ctx, tx); err != nil {
			return err
		}
		pending, err = p.pending(ctx, tx)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("partitions of %s: %w", parent, err)
	}
	// What is being retired takes no rows any more, but keeps its place until that is done.
	retiring := (Extent{Covered: pending}).Covers(at)
	if !retiring && (Extent{Covered: covered}).Covers(at) {
		return false, nil
	}
	if err := p.allows(at, now); err != nil {
		return false, err
	}
	if retiring {
		return false, fmt.Errorf("partition of %s for %s: a detach that was interrupted holds its place; run `sluice partitions maintain`", parent, at.Format(time.RFC3339))
	}
	names, err := p.fill(ctx, conn, p.spanAt(at), Config{}.defaults())
	if err != nil {
		return false, fmt.Errorf("partition of %s for %s: %w", parent, at.Format(time.RFC3339), err)
	}
	return len(names) > 0, nil
}
