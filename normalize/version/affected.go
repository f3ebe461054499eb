package version

import (
	"fmt"
	"slices"
	"strings"

	"sluice/normalize"
)

// Match says why a version is affected.
type Match struct {
	// Range is the interval that the version lies in, for people: ">=1.2.0 <1.4.5",
	// "<=2.3", "*" for every version, "=1.3.0" where the record lists it.
	Range string
	// FixedVersions are the versions to go to: first the one that ends the interval,
	// then other fixes of the record above the version. Empty where no fix is known.
	FixedVersions []string
	// By is ByRange or ByVersions.
	By string
	// Note says where the order was a guess; "" mostly.
	Note string
}

// Words for Match.By.
const (
	ByRange    = "range"    // the version lies in a range of the record
	ByVersions = "versions" // the record lists the version
)

// Affected evaluates the record's ranges and versions as the OSV specification says:
// a version is affected if it lies in any range or is listed. An empty ecosystem
// means the record's own. The error is ErrInvalid, for a version that the ecosystem
// cannot order and the record does not list.
func Affected(a *normalize.AffectedPackage, ecosystem, v string) (Match, bool, error) {
	c := compile(a, ecosystem)
	return c.Affected(v)
}

// Compiled is an AffectedPackage with its boundaries parsed and sorted. It is safe
// for concurrent use. The AffectedPackage must not change while it is in use.
type Compiled struct {
	of        *normalize.AffectedPackage
	ecosystem string
	order     *order
	ranges    []compiledRange
	// err is why a range could not be compiled; it is reported where nothing else matches.
	err error
}

// compiledRange holds the events of one range, sorted.
type compiledRange struct {
	order  *order
	events []event
	limits []event
}

// event is a boundary. An "introduced" of "0" comes before every version.
type event struct {
	kind   eventKind
	text   string
	lowest bool
	at     parsed
}

type eventKind uint8

const (
	introduced eventKind = iota
	fixed
	lastAffected
	limit
)

// Compile prepares a for many versions.
func Compile(a *normalize.AffectedPackage) *Compiled {
	c := compile(a, "")
	return &c
}

func compile(a *normalize.AffectedPackage, ecosystem string) Compiled {
	if ecosystem == "" {
		ecosystem = a.Ecosystem
	}
	c := Compiled{of: a, ecosystem: ecosystem, order: orderOf(ecosystem)}
	if len(a.Ranges) > 0 {
		c.ranges = make([]compiledRange, 0, len(a.Ranges))
	}
	for i := range a.Ranges {
		r, err := compileRange(&a.Ranges[i], c.order)
		if err != nil {
			c.err = fmt.Errorf("range %d of %s %s: %w", i, ecosystem, a.Name, err)
			continue
		}
		if r.order != nil {
			c.ranges = append(c.ranges, r)
		}
	}
	return c
}

// compileRange parses and sorts the events. The order of a SEMVER range is that of
// Semantic Versioning in whichever ecosystem.
func compileRange(r *normalize.Range, o *order) (compiledRange, error) {
	switch {
	case strings.EqualFold(r.Type, "SEMVER"):
		o = semver
	case strings.EqualFold(r.Type, "GIT"):
		return compiledRange{}, nil
	}
	out := compiledRange{order: o, events: make([]event, 0, len(r.Events))}
	for _, e := range r.Events {
		ev := event{}
		switch {
		case e.Introduced != "":
			ev.kind, ev.text = introduced, e.Introduced
			ev.lowest = e.Introduced == "0"
		case e.Fixed != "":
			ev.kind, ev.text = fixed, e.Fixed
		case e.LastAffected != "":
			ev.kind, ev.text = lastAffected, e.LastAffected
		case e.Limit != "":
			if e.Limit == "*" {
				continue // the same as no limit, unless there is another
			}
			ev.kind, ev.text = limit, e.Limit
		default:
			continue
		}
		if !ev.lowest {
			var err error
			if ev.at, err = o.parse(ev.text); err != nil {
				return out, err
			}
		}
		if ev.kind == limit {
			out.limits = append(out.limits, ev)
		} else {
			out.events = append(out.events, ev)
		}
	}
	if slices.ContainsFunc(r.Events, func(e normalize.Event) bool { return e.Limit == "*" }) {
		out.limits = nil
	}
	var failed error
	// Stable: where a fix and the next introduction are one version, the record's
	// order says what it means.
	slices.SortStableFunc(out.events, func(a, b event) int {
		c, err := a.compare(b)
		if err != nil {
			failed = err
		}
		return c
	})
	return out, failed
}

func (e event) compare(f event) (int, error) {
	switch {
	case e.lowest && f.lowest:
		return 0, nil
	case e.lowest:
		return -1, nil
	case f.lowest:
		return +1, nil
	}
	return e.at.compare(f.at)
}

// Affected is the function of that name for a compiled package.
func (c *Compiled) Affected(v string) (Match, bool, error) {
	v = trim(v)
	if !c.order.valid(v) {
		if c.lists(v) {
			return Match{Range: "=" + v, By: ByVersions, FixedVersions: c.of.FixedVersions}, true, nil
		}
		return Match{}, false, invalid(c.ecosystem, v)
	}
	at, err := c.order.parse(v)
	if err != nil {
		return Match{}, false, err
	}
	failed := c.err
	for i := range c.ranges {
		r := &c.ranges[i]
		x := at
		if r.order != c.order {
			if x, err = r.order.parse(v); err != nil {
				failed = err
				continue
			}
		}
		text, fix, in, err := r.contains(x)
		if err != nil {
			failed = err
			continue
		}
		if in {
			return Match{Range: text, By: ByRange, FixedVersions: c.fixes(at, fix), Note: c.note(r.order)}, true, nil
		}
	}
	if c.lists(v) {
		return Match{Range: "=" + v, By: ByVersions, FixedVersions: c.fixes(at, "")}, true, nil
	}
	return Match{}, false, failed
}

// contains evaluates one range: text is the interval that holds v, fix the version
// that ends it, "" where it ends otherwise or not at all.
func (r *compiledRange) contains(v parsed) (text, fix string, in bool, err error) {
	if len(r.limits) > 0 {
		before := false
		for _, l := range r.limits {
			c, err := v.compare(l.at)
			if err != nil {
				return "", "", false, err
			}
			before = before || c < 0
		}
		if !before {
			return "", "", false, nil
		}
	}
	from, to := -1, -1
	for i := range r.events {
		e := &r.events[i]
		c := +1
		if !e.lowest {
			if c, err = v.compare(e.at); err != nil {
				return "", "", false, err
			}
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
		return "", "", false, nil
	}
	var low, high string
	if !r.events[from].lowest {
		low = ">=" + r.events[from].text
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
	return text, fix, true, nil
}

// lists reports whether the record lists v.
func (c *Compiled) lists(v string) bool {
	if len(c.of.Versions) == 0 {
		return false
	}
	same := c.order.same(v)
	for _, w := range c.of.Versions {
		if w == v || c.order.same(trim(w)) == same {
			return true
		}
	}
	return false
}

// fixes are first and the fixed versions of the record that are above v.
func (c *Compiled) fixes(v parsed, first string) []string {
	var out []string
	if first != "" {
		out = append(out, first)
	}
	for _, f := range c.of.FixedVersions {
		if slices.Contains(out, f) {
			continue
		}
		at, err := c.order.parse(f)
		if err != nil {
			continue
		}
		if d, err := v.compare(at); err == nil && d < 0 {
			out = append(out, f)
		}
	}
	return out
}

func (c *Compiled) note(o *order) string {
	if o == generic {
		return fmt.Sprintf("the order of versions of %s is not known; they were compared like rpm versions", c.ecosystem)
	}
	return ""
}
