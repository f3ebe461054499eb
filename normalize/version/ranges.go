package version

import (
	"fmt"
	"slices"
	"strings"

	"sluice/normalize"
)

// compiledRange holds the events of one range, sorted.
type compiledRange struct {
	order  *order
	events []event
	limits []event
	// unreadable names the boundaries that the ecosystem cannot order, for people; ""
	// mostly. Nobody knows where they are, so they hide nothing: without a readable end
	// an interval stays open, without a readable start it begins at the beginning.
	unreadable string
}

// event is a boundary. A "0" comes before every version.
type event struct {
	kind   eventKind
	lowest bool
	bare   bool // see order.bare
	text   string
	at     parsed
}

type eventKind uint8

const (
	introduced eventKind = iota
	fixed
	lastAffected
	limit
)

func (k eventKind) String() string {
	return [...]string{"introduced", "fixed", "last_affected", "limit"}[k]
}

// closes reports whether the event ends an interval.
func (e *event) closes() bool { return e.kind == fixed || e.kind == lastAffected }

// appendRanges parses and sorts the events of a range. Almost always that is one
// compiledRange; each start that cannot be read makes another where the range has more
// than one interval.
func appendRanges(list []compiledRange, r *normalize.Range, o *order) []compiledRange {
	if strings.EqualFold(r.Type, "GIT") {
		return list
	}
	// Ecosystems order versions by their own rules, and all that have some contain
	// Semantic Versioning. A record's word for it counts where nobody knows the rules.
	if o == generic && strings.EqualFold(r.Type, "SEMVER") {
		o = loose
	}
	out := compiledRange{order: o, events: make([]event, 0, len(r.Events))}
	var (
		starts, lost int // events of kind introduced, and those of them that cannot be read
		unreadable   []string
		noLimit      bool
	)
	for _, e := range r.Events {
		ev, readable, ok := o.event(e)
		if !ok {
			continue
		}
		if ev.kind == introduced {
			starts++
		}
		if !readable {
			unreadable = append(unreadable, fmt.Sprintf("%s %.60q unreadable", ev.kind, ev.text))
		}
		switch {
		case ev.kind == limit:
			if ev.text == "*" || !readable {
				noLimit = true // as far as anybody knows
			} else {
				out.limits = append(out.limits, ev)
			}
		case readable:
			out.events = append(out.events, ev)
		case ev.kind == introduced:
			lost++
			ev.lowest = true
			out.events = append(out.events, ev)
		}
	}
	if noLimit {
		out.limits = nil
	}
	if starts == 0 && len(out.events)+len(unreadable) > 0 {
		// Ends without a start: the record means what lies before them.
		unreadable = append(unreadable, "introduced missing")
		out.events = append(out.events, event{kind: introduced, lowest: true, text: "0"})
	}
	if len(unreadable) > 0 {
		out.unreadable = " (" + strings.Join(unreadable, ", ") + ")"
	}
	if lost > 0 && starts > 1 {
		list = append(list, out.fromTheBeginning()...)
		out.events = slices.DeleteFunc(out.events, func(e event) bool { return e.kind == introduced && e.lowest && e.text != "0" })
	}
	out.sort()
	return append(list, out)
}

// event reads a boundary; ok is false for an event that says nothing.
func (o *order) event(e normalize.Event) (ev event, readable, ok bool) {
	switch {
	case e.Introduced != "":
		ev.kind, ev.text = introduced, e.Introduced
	case e.Fixed != "":
		ev.kind, ev.text = fixed, e.Fixed
	case e.LastAffected != "":
		ev.kind, ev.text = lastAffected, e.LastAffected
	case e.Limit != "":
		ev.kind, ev.text = limit, e.Limit
	default:
		return ev, false, false
	}
	switch {
	case ev.text == "0" && (ev.kind == introduced || ev.kind == fixed):
		// Distributions say by a fix in "0" that they were never affected.
		ev.lowest = true
		return ev, true, true
	case ev.text == "*" && ev.kind == limit:
		return ev, true, true
	}
	text := trim(ev.text)
	if ev.at, readable = o.parse(text); readable && o.boundary != nil {
		readable = o.boundary(text)
	}
	ev.bare = o.bare(text)
	return ev, readable, true
}

// fromTheBeginning makes an interval of its own of each start that cannot be read: from
// the beginning to the next end in the record. Sorted among the others, the end of an
// earlier interval would close it.
func (r *compiledRange) fromTheBeginning() []compiledRange {
	var out []compiledRange
	for i, e := range r.events {
		if e.kind != introduced || !e.lowest || e.text == "0" {
			continue
		}
		events := []event{e}
		if end := slices.IndexFunc(r.events[i+1:], func(e event) bool { return e.closes() }); end >= 0 {
			events = append(events, r.events[i+1+end])
		}
		out = append(out, compiledRange{order: r.order, events: events, limits: r.limits, unreadable: r.unreadable})
	}
	return out
}

// sort is stable: where a fix and the next introduction are one version, the record's
// order says what it means.
func (r *compiledRange) sort() {
	slices.SortStableFunc(r.events, func(a, b event) int {
		switch {
		case a.lowest && b.lowest:
			return 0
		case a.lowest:
			return -1
		case b.lowest:
			return +1
		}
		return a.at.compare(b.at)
	})
}

// contains evaluates one range: text is the interval that holds v, fix the version
// that ends it, "" where it ends otherwise or not at all.
func (r *compiledRange) contains(v candidate) (text, fix string, in bool) {
	if len(r.limits) > 0 && !slices.ContainsFunc(r.limits, func(l event) bool { return v.against(l.at, l.bare) < 0 }) {
		return "", "", false
	}
	from, to := -1, -1
	for i := range r.events {
		e := &r.events[i]
		c := +1
		if !e.lowest {
			c = v.against(e.at, e.bare)
		}
		switch {
		case e.kind == introduced && c >= 0:
			if !in {
				from = i
			}
			in = true
		case e.kind == fixed && c >= 0, e.kind == lastAffected && c > 0:
			in = false
		case e.kind != introduced && in && to < 0:
			to = i
		}
	}
	if !in {
		return "", "", false
	}
	var low, high string
	if !r.events[from].lowest {
		low = ">=" + r.events[from].text
		if text, behind := strings.CutSuffix(r.events[from].text, Behind); behind && r.order == cpe {
			low = ">" + text
		}
	}
	switch {
	case to < 0:
		if len(r.limits) == 1 {
			high = "<" + r.limits[0].text
		}
	case r.events[to].kind == fixed:
		fix = r.events[to].text
		high = "<" + fix
	default:
		high = "<=" + r.events[to].text
	}
	switch {
	case low == "" && high == "":
		text = "*"
	case low == "" || high == "":
		text = low + high
	default:
		text = low + " " + high
	}
	return text + r.unreadable, fix, true
}
