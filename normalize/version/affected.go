package version

import (
	"fmt"
	"slices"

	"sluice/normalize"
)

// Match says why a version is affected.
type Match struct {
	// Range is the interval that the version lies in, for people: ">=1.2.0 <1.4.5",
	// "<=2.3", "*" for every version, "=1.3.0" where the record lists it. Boundaries that
	// could not be read stand behind it: `>=1.2.0 (fixed "soon" unreadable)`.
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
	ByVersions = "versions" // the record lists the version, or one that is equal to it
)

// Affected evaluates the record's ranges and versions as the OSV specification says:
// a version is affected if it lies in any range or is listed. An empty ecosystem
// means the record's own. The error is ErrInvalid, for a version that the ecosystem
// cannot order and the record does not list.
func Affected(a *normalize.AffectedPackage, ecosystem, v string) (Match, bool, error) {
	return compile(a, ecosystem).Affected(v)
}

// Compiled is an AffectedPackage with its boundaries parsed and sorted. It is safe
// for concurrent use. The AffectedPackage must not change while it is in use.
type Compiled struct {
	of        *normalize.AffectedPackage
	ecosystem string
	order     *order
	ranges    []compiledRange
	listed    listing
}

// Compile prepares a for many versions.
func Compile(a *normalize.AffectedPackage) *Compiled { return compile(a, "") }

func compile(a *normalize.AffectedPackage, ecosystem string) *Compiled {
	if ecosystem == "" {
		ecosystem = a.Ecosystem
	}
	c := &Compiled{of: a, ecosystem: ecosystem, order: orderOf(ecosystem)}
	if len(a.Ranges) > 0 {
		c.ranges = make([]compiledRange, 0, len(a.Ranges))
	}
	for i := range a.Ranges {
		c.ranges = appendRanges(c.ranges, &a.Ranges[i], c.order)
	}
	return c
}

// Affected is the function of that name for a compiled package.
func (c *Compiled) Affected(v string) (Match, bool, error) {
	v = trim(v)
	at, ok := c.order.candidate(v)
	if !ok {
		// No order, but the text itself may be listed: "dev-master", "Finchley.RELEASE".
		if slices.ContainsFunc(c.of.Versions, func(w string) bool { return trim(w) == v }) {
			return Match{Range: "=" + v, By: ByVersions, FixedVersions: c.of.FixedVersions}, true, nil
		}
		return Match{}, false, invalid(c.ecosystem, v)
	}
	for i := range c.ranges {
		r := &c.ranges[i]
		x := at
		if r.order != c.order {
			if x, ok = r.order.candidate(v); !ok {
				continue
			}
		}
		if text, fix, in := r.contains(x); in {
			return Match{Range: text, By: ByRange, FixedVersions: c.fixes(at, fix), Note: c.note(r.order)}, true, nil
		}
	}
	if c.listed.has(c, v, at) {
		return Match{Range: "=" + v, By: ByVersions, FixedVersions: c.fixes(at, "")}, true, nil
	}
	return Match{}, false, nil
}

// candidate is a version that is held against a record.
type candidate struct {
	parsed
	short    string // see order.short
	hasShort bool
}

func (o *order) candidate(v string) (c candidate, ok bool) {
	if c.parsed, ok = o.parse(v); ok && o.short != nil {
		c.short, c.hasShort = o.short(v)
	}
	return c, ok
}

// against compares the candidate with a boundary. bare says that the boundary has none
// of what order.short leaves out.
func (c *candidate) against(p parsed, bare bool) int {
	if c.hasShort && bare {
		return parsed{order: c.order, text: c.short}.compare(p)
	}
	return c.compare(p)
}

// bare reports whether v has nothing that order.short would leave out.
func (o *order) bare(v string) bool {
	if o.short == nil {
		return false
	}
	_, has := o.short(v)
	return !has
}

// fixes are first and the fixed versions of the record that are above v.
func (c *Compiled) fixes(v candidate, first string) []string {
	var out []string
	if first != "" {
		out = append(out, first)
	}
	for _, f := range c.of.FixedVersions {
		if slices.Contains(out, f) {
			continue
		}
		if at, ok := c.order.parse(f); ok && v.compare(at) < 0 {
			out = append(out, f)
		}
	}
	return out
}

func (c *Compiled) note(o *order) string {
	if c.order == generic {
		return fmt.Sprintf("the order of versions of %s is not known; they were compared like %s versions", c.ecosystem, orderName(o))
	}
	return ""
}

func orderName(o *order) string {
	if o == generic {
		return "rpm"
	}
	return "semantic"
}
