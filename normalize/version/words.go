package version

import (
	"fmt"
	"slices"
	"strings"
)

// Words says how a version compares with a record, for people: one sentence for each interval that the
// record has, the one that holds the version first. A version that is listed, or that the ecosystem cannot
// order, is one sentence.
func (c *Compiled) Words(v string) []string {
	v = trim(v)
	at, ok := c.order.candidate(v)
	if !ok {
		if slices.ContainsFunc(c.of.Versions, func(w string) bool { return trim(w) == v }) {
			return []string{fmt.Sprintf("the record lists %s by its text", v)}
		}
		return []string{fmt.Sprintf("%q has no place in the order of %s versions, and the record does not list it", v, c.ecosystem)}
	}
	var in, out []string
	for i := range c.ranges {
		r := &c.ranges[i]
		x := at
		if r.order != c.order {
			if x, ok = r.order.candidate(v); !ok {
				continue
			}
		}
		_, _, holds := r.contains(x)
		for _, s := range r.words(v, x) {
			if s.holds && holds {
				in = append(in, s.text)
			} else {
				out = append(out, s.text)
			}
		}
	}
	if c.listed.has(c, v, at) {
		in = append(in, fmt.Sprintf("the record lists %s, or a version that is equal to it", v))
	} else if len(c.of.Versions) > 0 && len(in) == 0 {
		out = append(out, fmt.Sprintf("%s is none of the %d versions that the record lists", v, len(c.of.Versions)))
	}
	if in = append(in, out...); len(in) == 0 {
		return []string{"the record names no versions"}
	}
	return in
}

type sentence struct {
	text  string
	holds bool
}

// words are the intervals of a range, one after the other.
func (r *compiledRange) words(v string, x candidate) (list []sentence) {
	for i := 0; i < len(r.events); i++ {
		from := &r.events[i]
		if from.kind != introduced {
			continue
		}
		var parts []string
		s := sentence{holds: true}
		if from.lowest {
			parts = append(parts, "introduced 0: affected from the first version on")
		} else {
			c := x.against(from.at, from.bare)
			parts = append(parts, fmt.Sprintf("%s is %s %s, which introduced it", v, compared(c), from.text))
			s.holds = c >= 0
		}
		to := slices.IndexFunc(r.events[i+1:], func(e event) bool { return e.closes() })
		if to < 0 {
			parts = append(parts, "no later version is said to be without it")
		} else {
			e := &r.events[i+1+to]
			c := x.against(e.at, e.bare)
			what := "which fixes it"
			if s.holds = s.holds && c < 0; e.kind == lastAffected {
				what = "the last one that is affected"
				s.holds = s.holds || c == 0 && (from.lowest || x.against(from.at, from.bare) >= 0)
			}
			parts = append(parts, fmt.Sprintf("%s is %s %s, %s", v, compared(c), e.text, what))
			i += to // what is introduced before that end is in the same interval
		}
		for _, l := range r.limits {
			parts = append(parts, fmt.Sprintf("%s is %s %s, where the record's knowledge ends", v, compared(x.against(l.at, l.bare)), l.text))
		}
		s.text = strings.Join(parts, "; ") + r.unreadable
		list = append(list, s)
	}
	return list
}

func compared(c int) string {
	switch {
	case c < 0:
		return "below"
	case c > 0:
		return "above"
	}
	return "equal to"
}
