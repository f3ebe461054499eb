package partitions

import (
	"fmt"
	"testing"
	"time"
)

func ExampleStep_Bounds() {
	from, to := Month.Bounds(time.Date(2026, 2, 28, 23, 59, 59, 0, time.UTC))
	fmt.Println(from.Format(time.DateOnly), to.Format(time.DateOnly))
	// Output: 2026-02-01 2026-03-01
}

func TestBoundsTile(t *testing.T) {
	zone := time.FixedZone("far east", 14*3600)
	for _, step := range []Step{Day, Week, Month} {
		at := time.Date(2023, 12, 30, 23, 30, 0, 0, zone)
		_, next := step.Bounds(at)
		for range 900 {
			from, to := step.Bounds(next)
			if !from.Equal(next) || !to.After(from) {
				t.Fatalf("%s: the partition at %s starts at %s and ends at %s", step, next, from, to)
			}
			if last, _ := step.Bounds(to.Add(-time.Nanosecond)); !last.Equal(from) {
				t.Fatalf("%s: the last moment before %s is in the partition of %s", step, to, last)
			}
			next = to
		}
	}
}

func TestWeeksStartOnMonday(t *testing.T) {
	for d := 1; d <= 14; d++ {
		from, to := Week.Bounds(time.Date(2026, 11, d, 12, 0, 0, 0, time.UTC))
		if from.Weekday() != time.Monday || to.Sub(from) != 7*24*time.Hour {
			t.Errorf("2026-11-%02d: week from %s to %s", d, from, to)
		}
	}
}
