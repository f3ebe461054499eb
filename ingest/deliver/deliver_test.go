package deliver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"sluice/internal/pg"
)

// desk is a database for tests: what Attempt answers is written down beforehand.
type desk struct {
	answers func(items []int) error
	lose    int // so many answers to COMMIT get lost
	refused []int
	stored  []int
	calls   []string
	last    []int // what the lost COMMIT carried
}

func (d *desk) work() Work[int] {
	return Work[int]{
		Attempt: func(_ context.Context, items []int) (bool, error) {
			d.calls = append(d.calls, fmt.Sprint(items))
			live := slices.DeleteFunc(slices.Clone(items), func(i int) bool { return slices.Contains(d.refused, i) })
			if err := d.answers(live); err != nil {
				return false, err
			}
			if d.lose > 0 {
				d.lose--
				d.last = items
				return true, &pgconn.PgError{Code: "08006"}
			}
			return false, nil
		},
		Settle: func(context.Context, []int) (bool, error) { return true, nil },
		Refuse: func(item *int, _ pg.Fault, cause error) error {
			if slices.Contains(d.refused, *item) {
				return fmt.Errorf("refused twice: %w", cause)
			}
			d.refused = append(d.refused, *item)
			return nil
		},
		Done: func(items []int) { d.stored = append(d.stored, items...) },
	}
}

func state(code string) error { return &pgconn.PgError{Code: code, ConstraintName: "x"} }

// TestCarry: what is refused is found wherever it stands, the order is kept, and each item is
// done once.
func TestCarry(t *testing.T) {
	for _, code := range []string{"22P05", "57014", "XX000"} {
		for bad := range 7 {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{answers: func(live []int) error {
					if slices.Contains(live, bad) {
						return state(code)
					}
					return nil
				}}
				cfg := Config{RetryFirst: time.Second, RetryMax: time.Minute, SlowTries: 3, Logger: slog.New(slog.DiscardHandler)}
				err := Carry(t.Context(), t.Context(), cfg, d.work(), []int{0, 1, 2, 3, 4, 5, 6})
				if err != nil || !slices.Equal(d.stored, []int{0, 1, 2, 3, 4, 5, 6}) || !slices.Equal(d.refused, []int{bad}) {
					t.Errorf("%s, %d is bad: stored %v, refused %v, %v", code, bad, d.stored, d.refused, err)
				}
			})
		}
	}
}

// TestSlowTries: three times all together, once on the way down, three times alone.
func TestSlowTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{answers: func(live []int) error {
			if slices.Contains(live, 3) {
				return state("57014")
			}
			return nil
		}}
		cfg := Config{RetryFirst: time.Second, RetryMax: 4 * time.Second, SlowTries: 3, Logger: slog.New(slog.DiscardHandler)}
		if err := Carry(t.Context(), t.Context(), cfg, d.work(), []int{1, 2, 3, 4}); err != nil {
			t.Fatal(err)
		}
		want := []string{"[1 2 3 4]", "[1 2 3 4]", "[1 2 3 4]", "[1 2]", "[3 4]", "[3]", "[3]", "[3]", "[3]", "[4]"}
		if !slices.Equal(d.calls, want) {
			t.Errorf("attempts %v, want %v", d.calls, want)
		}
	})
}

// TestLostAnswer: a COMMIT without an answer is asked about, and not made again.
func TestLostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{answers: func([]int) error { return nil }, lose: 1}
		told := 0
		cfg := Config{
			RetryFirst: time.Second, RetryMax: time.Second, SlowTries: 3, Logger: slog.New(slog.DiscardHandler),
			OnFault: func(f pg.Fault, _ error) {
				if f == pg.FaultOutage {
					told++
				}
			},
		}
		if err := Carry(t.Context(), t.Context(), cfg, d.work(), []int{1, 2}); err != nil || len(d.calls) != 1 || !slices.Equal(d.stored, []int{1, 2}) || told != 1 {
			t.Errorf("attempts %v, stored %v, %d outages told, %v", d.calls, d.stored, told, err)
		}
	})
}

// TestEnds: what ends a delivery, and that nothing is done for it.
func TestEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		answer   error
		attempts int
	}{
		"a defect":                    {state("42501"), 1},
		"fenced":                      {fmt.Errorf("move: %w", ErrFenced), 1},
		"nothing was tried yet":       {fmt.Errorf("%w: %w", ErrBegin, errors.New("odd")), 1},
		"what is refused even parked": {errors.New("no room for the position"), 2 + 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := &desk{answers: func([]int) error { return tc.answer }}
			cfg := Config{RetryFirst: time.Second, RetryMax: time.Second, SlowTries: 3, Logger: slog.New(slog.DiscardHandler)}
			err := Carry(t.Context(), t.Context(), cfg, d.work(), []int{1, 2})
			if !errors.Is(err, tc.answer) || len(d.stored) != 0 || len(d.calls) != tc.attempts {
				t.Errorf("%s: %v, attempts %v, stored %v", name, err, d.calls, d.stored)
			}
		})
	}
}

// TestStop: an outage is tried for ever, and not again once ctx has ended.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{answers: func([]int) error { return state("57P01") }}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		cfg := Config{RetryFirst: time.Second, RetryMax: 5 * time.Second, SlowTries: 3, Logger: slog.New(slog.DiscardHandler)}
		err := Carry(ctx, t.Context(), cfg, d.work(), []int{1})
		if pg.FaultOf(err) != pg.FaultOutage || len(d.calls) < 500 || len(d.stored) != 0 {
			t.Errorf("%v after %d attempts", err, len(d.calls))
		}
	})
}
