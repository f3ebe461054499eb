package version

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// ErrVers is the error for a text that is no VERS range.
var ErrVers = errors.New("not a version range (vers:TYPE/CONSTRAINTS)")

// Vers is a range in the notation of the VERS specification: vers:npm/>=1.0|<2.0.
// It is immutable.
type Vers struct {
	scheme      string
	order       *order
	all, never  bool
	constraints []constraint
}

type constraint struct {
	comparator string // one of = != < <= > >=
	at         parsed
	bare       bool // see order.bare
}

// schemes maps VERS types, which are purl types mostly, to ecosystems.
var schemes = map[string]string{
	"npm": "npm", "pypi": "PyPI", "golang": "Go", "go": "Go", "maven": "Maven", "cargo": "crates.io", "nuget": "NuGet",
	"gem": "RubyGems", "composer": "Packagist", "hex": "Hex", "pub": "Pub", "swift": "SwiftURL", "github": "GitHub Actions",
	"githubactions": "GitHub Actions", "hackage": "Hackage", "cran": "CRAN", "conan": "ConanCenter", "bitnami": "Bitnami",
	"deb": "Debian", "debian": "Debian", "ubuntu": "Ubuntu", "rpm": "Red Hat", "apk": "Alpine", "alpine": "Alpine",
	"semver": "npm", "opam": "opam", "julia": "Julia", "nginx": "npm", "intdot": "Hackage",
}

// InVers reports whether a version lies in a VERS range.
func InVers(rangeText, version string) (bool, error) {
	v, err := ParseVers(rangeText)
	if err != nil {
		return false, err
	}
	return v.Contains(version)
}

// ParseVers reads a VERS range. It forgives what the canonical form forbids: white
// space, pipes too many, constraints in any order. Types that it does not know are
// ordered like rpm versions.
func ParseVers(s string) (Vers, error) {
	text := strings.Join(strings.Fields(s), "")
	prefix, rest, found := strings.Cut(text, ":")
	if !found || !strings.EqualFold(prefix, "vers") {
		return Vers{}, fmt.Errorf("%w: %.100q", ErrVers, s)
	}
	scheme, list, found := strings.Cut(rest, "/")
	if !found || scheme == "" {
		return Vers{}, fmt.Errorf("%w: %.100q has no type", ErrVers, s)
	}
	v := Vers{scheme: strings.ToLower(scheme)}
	switch v.scheme {
	case "all", "none":
		// They have no versions to compare. Some write vers:all/<V3.1.4, which is no range
		// of VERS and not all versions either; see Range.
		if strings.Trim(list, "|") != "*" {
			return Vers{}, fmt.Errorf("%w: %.100q: after %s/ there can only be *", ErrVers, s, v.scheme)
		}
		v.all, v.never = v.scheme == "all", v.scheme == "none"
		return v, nil
	case "lexicographic", "datetime":
		v.order = lexical
	default:
		v.order = orderOf(schemes[v.scheme])
	}
	for part := range strings.SplitSeq(list, "|") {
		if part == "" {
			continue
		}
		if part == "*" {
			v.all = true
			continue
		}
		c := constraint{comparator: "="}
		for _, op := range [...]string{">=", "<=", "!=", ">", "<", "="} {
			if after, found := strings.CutPrefix(part, op); found {
				c.comparator, part = op, after
				break
			}
		}
		decoded, err := url.PathUnescape(part)
		if err != nil {
			decoded = part
		}
		if decoded == "*" {
			v.all = true
			continue
		}
		var ok bool
		if c.at, ok = v.order.parse(decoded); !ok {
			return Vers{}, fmt.Errorf("%w: %.100q: %w", ErrVers, s, invalid(v.scheme, decoded))
		}
		c.bare = v.order.bare(decoded)
		v.constraints = append(v.constraints, c)
	}
	if v.all && len(v.constraints) > 0 {
		return Vers{}, fmt.Errorf("%w: %.100q: * stands alone", ErrVers, s)
	}
	if !v.all && len(v.constraints) == 0 {
		return Vers{}, fmt.Errorf("%w: %.100q has no constraint", ErrVers, s)
	}
	slices.SortStableFunc(v.constraints, func(a, b constraint) int { return a.at.compare(b.at) })
	return v, nil
}

// Contains reports whether version lies in the range; the error is ErrInvalid.
func (v Vers) Contains(version string) (bool, error) {
	if v.all || v.never {
		return v.all, nil
	}
	version = trim(version)
	if v.order == nil {
		return false, ErrVers
	}
	at, ok := v.order.candidate(version)
	if !ok {
		return false, invalid(v.scheme, version)
	}
	var bounds []bound
	exclusions := 0
	for _, c := range v.constraints {
		d := at.against(c.at, c.bare)
		if d == 0 {
			switch c.comparator {
			case "=", "<=", ">=":
				return true, nil
			case "!=":
				return false, nil
			}
		}
		switch c.comparator {
		case "=":
		case "!=":
			exclusions++
		default:
			bounds = append(bounds, bound{lower: c.comparator[0] == '>', side: d})
		}
	}
	if len(bounds) == 0 {
		// Nothing but exclusions means everything else.
		return exclusions == len(v.constraints), nil
	}
	return between(bounds), nil
}

// bound is a < or > constraint and on which side of it the version lies.
type bound struct {
	lower bool
	side  int
}

// between walks the bounds in version order: an upper bound in front is open below, a
// lower bound at the end is open above, a lower and the next upper one make an interval.
func between(bounds []bound) bool {
	if first := bounds[0]; !first.lower && first.side < 0 {
		return true
	}
	if last := bounds[len(bounds)-1]; last.lower && last.side > 0 {
		return true
	}
	for i := 1; i < len(bounds); i++ {
		if bounds[i-1].lower && !bounds[i].lower && bounds[i-1].side > 0 && bounds[i].side < 0 {
			return true
		}
	}
	return false
}
