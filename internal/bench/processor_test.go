package bench

import (
	"os"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	t.Parallel()
	s, ok := parseStat("4242 (a) strange (name) S 17 4242 4242 0 -1 4194560 1 2 3 4 250 50 1200 34 20 0 1 0 99 1 2")
	if want := (stat{name: "a) strange (name", parent: 17, used: 3 * time.Second, children: 12340 * time.Millisecond}); !ok || s != want {
		t.Errorf("%+v, %v, want %+v", s, ok, want)
	}
	for _, bad := range []string{"", "1 (x", "1 (x) S 1"} {
		if _, ok := parseStat(bad); ok {
			t.Errorf("%q is taken for a stat", bad)
		}
	}
	if own, ok := readStat(os.Getpid()); ok && own.parent != os.Getppid() {
		t.Errorf("our parent is %d, not %d", own.parent, os.Getppid())
	}
}

func TestSpan(t *testing.T) {
	t.Parallel()
	rounds := []Round{{Ratio: 3}, {Ratio: 1}, {Ratio: 2}}
	if got := span(rounds, func(r Round) float64 { return r.Ratio }); got != (Span{1, 2, 3}) {
		t.Errorf("%+v", got)
	}
}
