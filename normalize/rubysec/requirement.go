package rubysec

import (
	"slices"
	"strconv"
	"strings"

	"sluice/normalize"
	"sluice/normalize/version"
)

// bound is an end of an interval. open says that the version itself is outside.
type bound struct {
	at   string // "": none
	open bool
}

// interval is what a requirement allows.
type interval struct{ low, high bound }

// parseRequirement reads the conditions of a requirement, all of which have to hold: ">= 2.2.0, < 3".
func parseRequirement(s string) (interval, bool) {
	var out interval
	for c := range strings.SplitSeq(s, ",") {
		c = strings.TrimSpace(c)
		v := strings.TrimLeft(c, "<>=~!")
		operator := c[:len(c)-len(v)]
		if v = strings.TrimSpace(v); !version.ValidBoundary(ecosystem, v) {
			return out, false
		}
		var one interval
		switch operator {
		case "", "=":
			one = interval{bound{v, false}, bound{v, false}}
		case ">=":
			one.low = bound{v, false}
		case ">":
			one.low = bound{v, true}
		case "<":
			one.high = bound{v, true}
		case "<=":
			one.high = bound{v, false}
		case "~>":
			next, ok := bump(v)
			if !ok {
				return out, false
			}
			one = interval{bound{v, false}, bound{next, true}}
		default: // "!=" leaves two
			return out, false
		}
		if one.low.at != "" && (out.low.at == "" || compareLow(one.low, out.low) > 0) {
			out.low = one.low
		}
		if one.high.at != "" && (out.high.at == "" || compareHigh(one.high, out.high) < 0) {
			out.high = one.high
		}
	}
	if out.low.at != "" && out.high.at != "" {
		switch n := compare(out.low.at, out.high.at); {
		case n > 0, n == 0 && (out.low.open || out.high.open):
			return out, false // it allows nothing
		}
	}
	return out, true
}

// bump is where "~> v" ends: before the prereleases of the version whose last number but one is the
// next. 2.1.3 may become 2.1.9 and not 2.2, nor 2.2.rc1.
func bump(v string) (string, bool) {
	var numbers []string
	for part := range strings.SplitSeq(strings.ReplaceAll(v, "-", ".pre."), ".") {
		if _, err := strconv.ParseUint(part, 10, 63); err != nil {
			break // a prerelease begins
		}
		numbers = append(numbers, part)
	}
	if len(numbers) == 0 {
		return "", false
	}
	if len(numbers) > 1 {
		numbers = numbers[:len(numbers)-1]
	}
	last := &numbers[len(numbers)-1]
	n, err := strconv.ParseUint(*last, 10, 63)
	if err != nil {
		return "", false
	}
	*last = strconv.FormatUint(n+1, 10)
	return strings.Join(numbers, ".") + ".a", true
}

// compare orders versions of gems; both are valid.
func compare(a, b string) int {
	n, _ := version.Compare(ecosystem, a, b)
	return n
}

// compareLow orders where intervals begin, compareHigh where they end. No bound is the outermost.
func compareLow(a, b bound) int {
	switch {
	case a.at == "" || b.at == "":
		return len(a.at) - len(b.at)
	case a.open != b.open && compare(a.at, b.at) == 0:
		if a.open {
			return +1
		}
		return -1
	}
	return compare(a.at, b.at)
}

func compareHigh(a, b bound) int {
	switch {
	case a.at == "" && b.at == "":
		return 0
	case a.at == "":
		return +1
	case b.at == "":
		return -1
	case a.open != b.open && compare(a.at, b.at) == 0:
		if a.open {
			return -1
		}
		return +1
	}
	return compare(a.at, b.at)
}

// rest is what no interval holds, as events of a range; none where they hold everything.
func rest(safe []interval) []normalize.Event {
	slices.SortFunc(safe, func(a, b interval) int { return compareLow(a.low, b.low) })
	var events []normalize.Event
	begin := normalize.Event{Introduced: "0"} // of what is affected next
	var reached bound                         // the end of the intervals so far
	for i, s := range safe {
		if i == 0 || beyond(s.low, reached) {
			if s.low.at != "" {
				events = append(events, begin, ending(s.low))
			}
		}
		if i == 0 || compareHigh(s.high, reached) > 0 {
			reached = s.high
		}
		if reached.at == "" {
			return events // nothing is left
		}
		begin = normalize.Event{Introduced: behind(reached)}
	}
	return append(events, begin)
}

// beyond reports whether something lies between the end of an interval and the beginning of the next.
func beyond(low, reached bound) bool {
	if low.at == "" {
		return false
	}
	n := compare(low.at, reached.at)
	return n > 0 || n == 0 && low.open && reached.open
}

// ending ends what is affected where an interval begins.
func ending(low bound) normalize.Event {
	if low.open {
		return normalize.Event{LastAffected: low.at}
	}
	return normalize.Event{Fixed: low.at}
}

// behind is where what is affected begins behind an interval. Of an end that belongs to the interval it
// is the next version that anybody could write: a range has no other way to begin behind one.
func behind(high bound) string {
	if high.open {
		return high.at
	}
	return high.at + ".0.0.0.1"
}
