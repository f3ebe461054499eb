package cve

import (
	"slices"
	"strconv"
	"strings"

	"sluice/normalize"
	"sluice/normalize/version"
)

// entry is an element of "versions": a version, or those from it to an end.
type entry struct {
	version   string
	kind      string // versionType
	lessThan  string
	atMost    string // lessThanOrEqual
	status    string
	changes   []change
	unbounded bool // from the beginning
}

// change is a version from which on the status is another.
type change struct{ at, status string }

func (r *reader) entry() (e entry, ok bool) {
	entered := r.IsObject()
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "version":
			e.version = r.Text()
		case "versionType":
			e.kind = strings.ToLower(r.Text())
		case "lessThan":
			e.lessThan = r.Text()
		case "lessThanOrEqual":
			e.atMost = r.Text()
		case "status":
			e.status = strings.ToLower(r.Text())
		case "changes":
			for ok := r.List(); ok && r.Element(); {
				var c change
				for ok := r.Object(); ok && r.Member(); {
					switch string(r.Name()) {
					case "at":
						c.at = r.Text()
					case "status":
						c.status = strings.ToLower(r.Text())
					default:
						r.Skip()
					}
				}
				if c.at != "" {
					e.changes = append(e.changes, c)
				}
			}
		default:
			r.Skip()
		}
	}
	return e, entered && !r.Failed()
}

// isRange reports whether the entry has an end, be it an open one.
func (e entry) isRange() bool { return e.lessThan != "" || e.atMost != "" || e.unbounded }

// isCommits reports whether the entry speaks of commits, which no package has for a version.
func (e entry) isCommits() bool { return e.kind == "git" || e.kind == "original_commit_for_fix" }

// constraints are the ranges that some authorities, GitHub first, write into the version itself:
// ">= 1.7.0, < 1.18.4". An entry without any is itself.
func (e entry) constraints() []entry {
	if e.isRange() || len(e.changes) > 0 || !strings.ContainsAny(e.version, "<>=") {
		return []entry{e}
	}
	var list []entry
	for part := range strings.SplitSeq(e.version, "||") {
		one := entry{kind: e.kind, status: e.status, version: "0", unbounded: true}
		for c := range strings.SplitSeq(part, ",") {
			c = strings.TrimSpace(c)
			operator := c[:len(c)-len(strings.TrimLeft(c, "<>=~^! "))]
			bound := strings.TrimSpace(c[len(operator):])
			if bound == "" || strings.ContainsAny(bound, " <>=") {
				return []entry{e} // prose
			}
			switch strings.TrimSpace(operator) {
			case ">=", ">": // behind a version nothing begins: it is in it too
				one.version = bound
			case "<":
				one.lessThan = bound
			case "<=":
				one.atMost = bound
			case "=", "==", "":
				one = entry{kind: e.kind, status: e.status, version: bound}
			default:
				return []entry{e}
			}
		}
		list = append(list, one)
	}
	return list
}

// isPlaceholder reports whether a text stands where nobody wrote a version.
func isPlaceholder(s string) bool {
	switch strings.ToLower(s) {
	case "", "*", "-", "n/a", "na", "unspecified", "unknown", "none", "all", "any", "all versions", "0", "0.0", "0.0.0":
		return true
	}
	return false
}

// isAll reports whether a single version means every one.
func isAll(s string) bool {
	switch strings.ToLower(s) {
	case "*", "all", "all versions", "any":
		return true
	}
	return false
}

// convert makes ranges of OSV of the entries of a product: what is affected where the default
// is something else, and where the default is affected what is left by those that are not. commits is
// how many entries speak of commits. exact is false where one version alone is not affected: a range
// cannot leave it out.
func convert(entries []entry, defaultStatus, ecosystem string) (ranges []normalize.Range, versions []string, commits int, exact bool) {
	exact = true
	var safe []entry
	for _, e := range entries {
		switch {
		case e.isCommits():
			commits++
		case defaultStatus == "affected" && e.status == "unaffected":
			safe = append(safe, e)
		case e.status == "affected" && (e.isRange() || len(e.changes) > 0):
			ranges = append(ranges, e.affected())
		case e.status == "affected" && isAll(e.version):
			ranges = append(ranges, normalize.Range{Type: "ECOSYSTEM", Events: []normalize.Event{{Introduced: "0"}}})
		case e.status == "affected" && !isPlaceholder(e.version) && !slices.Contains(versions, e.version):
			versions = append(versions, e.version)
		}
	}
	if defaultStatus != "affected" || commits > 0 && commits == len(entries) {
		return ranges, versions, commits, exact
	}
	rest, exact := without(safe, ecosystem)
	if len(rest.Events) == 0 {
		return nil, nil, commits, exact
	}
	// Everything but what is not affected: that holds those that are named as affected.
	return []normalize.Range{rest}, nil, commits, exact
}

func kindOf(e entry) string {
	if e.kind == "semver" {
		return "SEMVER"
	}
	return "ECOSYSTEM"
}

// affected is an entry that is affected as a range.
func (e entry) affected() normalize.Range {
	out := normalize.Range{Type: kindOf(e), Events: []normalize.Event{{Introduced: start(e.version)}}}
	open := true
	for _, c := range e.changes {
		switch {
		case open && c.status != "affected":
			out.Events = append(out.Events, normalize.Event{Fixed: c.at})
			open = false
		case !open && c.status == "affected":
			out.Events = append(out.Events, normalize.Event{Introduced: start(c.at)})
			open = true
		}
	}
	if !open {
		return out
	}
	if end := e.end(); end != (normalize.Event{}) {
		out.Events = append(out.Events, end)
	}
	return out
}

// start is where a range begins.
func start(v string) string {
	if isPlaceholder(v) {
		return "0"
	}
	return v
}

// end is what ends the range of the entry; no event where nothing does. What cannot be read as a
// version stays: the range is open there, and says so.
func (e entry) end() normalize.Event {
	switch {
	case e.lessThan != "" && !isOpen(e.lessThan):
		return normalize.Event{Fixed: strings.TrimSuffix(e.lessThan, ".*")}
	case e.lessThan != "" || e.atMost == "" || isOpen(e.atMost):
		return normalize.Event{}
	}
	if next, ok := after(e.atMost); ok {
		return normalize.Event{Limit: next} // nobody says that there is such a version
	}
	return normalize.Event{LastAffected: e.atMost}
}

// isOpen reports whether an end is none.
func isOpen(s string) bool {
	switch strings.ToLower(s) {
	case "*", "unspecified", "n/a", "infinity", "unknown", "-":
		return true
	}
	return false
}

// after is the first version behind a whole series: 6.2 behind 6.1.*.
func after(s string) (string, bool) {
	series, ok := strings.CutSuffix(s, ".*")
	if !ok {
		return "", false
	}
	dot := strings.LastIndexByte(series, '.')
	n, err := strconv.ParseUint(series[dot+1:], 10, 32)
	if err != nil {
		return "", false
	}
	return series[:dot+1] + strconv.FormatUint(n+1, 10), true
}

// span is what is not affected: from a version up to another.
type span struct {
	from, to string // "0": the beginning; "": without end
	closed   bool   // to itself is not affected either
}

// without is everything but the entries, as one range.
func without(safe []entry, ecosystem string) (out normalize.Range, exact bool) {
	out, exact = normalize.Range{Type: "ECOSYSTEM"}, true
	var spans []span
	for _, e := range safe {
		if e.kind == "semver" {
			out.Type = "SEMVER"
		}
		s := span{from: start(e.version)}
		switch {
		case !e.isRange() && isPlaceholder(e.version) && e.version != "0":
			continue // nobody said which
		case !e.isRange():
			s.to, s.closed = e.version, true
		case e.lessThan != "" && !isOpen(e.lessThan):
			s.to = e.lessThan
		case e.lessThan == "" && e.atMost != "" && !isOpen(e.atMost):
			var whole bool
			if s.to, whole = after(e.atMost); !whole {
				s.to, s.closed = e.atMost, true
			}
		}
		spans = append(spans, s)
	}
	spans = union(spans, ecosystem)
	open := false // the last event began something
	if len(spans) == 0 || spans[0].from != "0" {
		out.Events = append(out.Events, normalize.Event{Introduced: "0"})
		open = true
	}
	for _, s := range spans {
		if s.closed && s.from == s.to {
			exact = false // one version alone
			continue
		}
		if open {
			out.Events = append(out.Events, normalize.Event{Fixed: s.from})
			open = false
		}
		if s.to == "" {
			break
		}
		if s.closed {
			exact = false
		}
		out.Events = append(out.Events, normalize.Event{Introduced: s.to})
		open = true
	}
	return out, exact
}

// union sorts spans and joins those that meet. Where the ecosystem cannot order one, they stay as
// they are written.
func union(spans []span, ecosystem string) []span {
	compare := func(a, b string) (int, bool) {
		switch {
		case a == b:
			return 0, true
		case a == "0":
			return -1, true
		case b == "0":
			return +1, true
		}
		n, err := version.Compare(ecosystem, a, b)
		return n, err == nil
	}
	known := true
	sorted := slices.Clone(spans)
	slices.SortStableFunc(sorted, func(a, b span) int {
		n, ok := compare(a.from, b.from)
		known = known && ok
		return n
	})
	for _, s := range sorted {
		if s.to != "" {
			_, ok := compare(s.from, s.to)
			known = known && ok
		}
	}
	if !known || len(sorted) == 0 {
		return spans
	}
	out := sorted[:1]
	for _, s := range sorted[1:] {
		last := &out[len(out)-1]
		if last.to == "" {
			break
		}
		if n, _ := compare(s.from, last.to); n > 0 {
			out = append(out, s)
			continue
		}
		if n, _ := compare(s.to, last.to); s.to == "" || n > 0 || n == 0 && s.closed {
			last.to, last.closed = s.to, s.closed
		}
	}
	return out
}
