// Package deliver carries batches into the database: each in one transaction, tried again
// through outages, cut in halves until what the database refuses is alone, and never twice
// where the answer to a COMMIT was lost. What an item is and how it is written is the
// caller's business; documents and events have this in common and nothing else.
package deliver

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"sluice/internal/pg"
)

// Config says how patient delivery is.
type Config struct {
	// RetryFirst and RetryMax are the pauses between attempts: doubling, with jitter.
	RetryFirst, RetryMax time.Duration
	// SlowTries is how often the same work may be too slow for the server before it is cut,
	// or set aside where it is alone; SlowTries, the constant, where nobody says otherwise.
	SlowTries int
	// OnFault, if set, is called when an attempt fails and is made again, before the pause.
	OnFault func(pg.Fault, error)
	Logger  *slog.Logger
}

// SlowTries is the default of Config.SlowTries.
const SlowTries = 3

// internalTries is how often in a row the server may fail with the same work by an error
// that it did not expect itself: then it is the work's doing.
const internalTries = 5

// Work is how items are written.
type Work[T any] struct {
	// Attempt writes items in one transaction. open says that the answer to its COMMIT was
	// lost: it may have happened or not.
	Attempt func(ctx context.Context, items []T) (open bool, err error)
	// Settle finds out whether the attempt that is open was committed.
	Settle func(ctx context.Context, items []T) (committed bool, err error)
	// Refuse marks the item, alone at last, as one to be set aside; the next attempt does that.
	// An error ends the delivery: what is refused has nothing of the item in it.
	Refuse func(item *T, fault pg.Fault, cause error) error
	// Done is told of items that are durable.
	Done func(items []T)
}

// Carry carries items until they are durable or something is wrong that is not theirs. Two
// clocks: after ctx nothing is tried again, after hard nothing goes on.
func Carry[T any](ctx, hard context.Context, cfg Config, w Work[T], items []T) error {
	return carry(ctx, hard, cfg, w, items, cfg.SlowTries)
}

func carry[T any](ctx, hard context.Context, cfg Config, w Work[T], items []T, slowTries int) error {
	fault, refused, err := deliver(ctx, hard, cfg, w, items, slowTries)
	switch {
	case err != nil:
		return err
	case refused == nil:
		w.Done(items)
		return nil
	case len(items) == 1:
		if err := w.Refuse(&items[0], fault, refused); err != nil {
			return err
		}
		return carry(ctx, hard, cfg, w, items, cfg.SlowTries)
	}
	// What was too slow together is tried once on the way down: there may be ten cuts, and each
	// try lasts as long as the time-out.
	tries := cfg.SlowTries
	if fault == pg.FaultTooSlow {
		tries = 1
	}
	for half := len(items) / 2; len(items) > 0; items, half = items[half:], len(items)-half {
		n := tries
		if half == 1 {
			n = cfg.SlowTries
		}
		if err := carry(ctx, hard, cfg, w, items[:half:half], n); err != nil {
			return err
		}
	}
	return nil
}

// deliver writes items, waiting out outages. refused is what the database has against them.
func deliver[T any](ctx, hard context.Context, cfg Config, w Work[T], items []T, slowTries int) (fault pg.Fault, refused, err error) {
	slow, internal := 0, 0
	open := false
	err = Insist(ctx, cfg, func() error {
		if open {
			committed, err := w.Settle(hard, items)
			if err != nil || committed {
				return err
			}
		}
		var err error
		open, err = w.Attempt(hard, items)
		switch fault = FaultOf(err); fault {
		case pg.FaultInput:
			refused = err
		case pg.FaultTooSlow:
			if slow++; slow >= slowTries {
				refused = err
			}
		case pg.FaultInternal:
			if internal++; internal >= internalTries {
				refused = err
			}
		}
		if refused != nil {
			return nil
		}
		return err
	})
	return fault, refused, err
}

// Insist calls fn until it succeeds or fails with something that does not pass by itself:
// through outages for ever, through what is too slow or internal to the server so often.
// Once ctx has ended it makes no new attempt after a failed one.
func Insist(ctx context.Context, cfg Config, fn func() error) error {
	pause := cfg.RetryFirst
	slow, internal := 0, 0
	for attempt := 1; ; attempt++ {
		err := fn()
		fault := FaultOf(err)
		again := fault == pg.FaultOutage
		switch fault {
		case pg.FaultTooSlow:
			slow++
			again = slow < cfg.SlowTries
		case pg.FaultInternal:
			internal++
			again = internal < internalTries
		}
		if !again || ctx.Err() != nil {
			return err
		}
		cfg.Logger.WarnContext(ctx, "the database fails: the batch is kept and tried again", "fault", string(fault), "attempt", attempt, "pause", pause, "error", err)
		if cfg.OnFault != nil {
			cfg.OnFault(fault, err)
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done():
			return err
		}
		pause = min(2*pause, cfg.RetryMax)
	}
}
