package version

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Range brings a range of versions, as documents write one, into the notation of VERS.
// Scheme is the VERS type, mostly a purl type, of a range that names none. It reads
//
//	vers:npm/>=1.0|<2.0                     VERS itself
//	>=1.0|<2.0   >=1.0, <2.0   <V3.0.29     the constraints alone (vls, "vers-like" in CSAF)
//	prior to 4.2   2.0 and earlier          what people write in their place
//	all versions < V4.5   1.0 - 1.9
//
// Everything else is ErrVers: half of a range that is not understood would be a wider one.
func Range(scheme, text string) (string, error) {
	s := strings.TrimSpace(text)
	if len(s) >= len("vers:") && strings.EqualFold(s[:len("vers:")], "vers:") {
		own, list, _ := strings.Cut(s[len("vers:"):], "/")
		if !strings.EqualFold(strings.TrimSpace(own), "all") || strings.TrimSpace(list) == "*" {
			if _, err := ParseVers(s); err != nil {
				return "", err
			}
			return s, nil
		}
		// vers:all/<V3.1.4: there is no such type, and what is meant is plain.
		s = list
	}
	if len(s) > maxRange {
		return "", fmt.Errorf("%w: %.100q… is too long", ErrVers, s)
	}
	constraints, ok := constraintsOf(s)
	if !ok {
		return "", fmt.Errorf("%w: %.100q", ErrVers, text)
	}
	if scheme == "" {
		scheme = "generic"
	}
	out := "vers:" + strings.ToLower(scheme) + "/" + strings.Join(constraints, "|")
	if _, err := ParseVers(out); err != nil {
		return "", err
	}
	return out, nil
}

// Exactly is the VERS range that holds one version.
func Exactly(scheme, version string) string {
	if scheme == "" {
		scheme = "generic"
	}
	return "vers:" + strings.ToLower(scheme) + "/" + escape(version)
}

// maxRange is in bytes; real ranges have a few dozen.
const maxRange = 2000

// escape percent-encodes everything that could be an operator or a separator.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// phrases are the words around a version, each with the operator that stands for it. Those
// before a version come first, the longer ones before what they begin with.
var (
	before = phrases(
		"up to and including", "<=", "up to (including)", "<=", "up to (excluding)", "<", "through", "<=", "to", "<=",
		"before", "<", "prior to", "<", "earlier than", "<", "lower than", "<", "less than", "<",
		"older than", "<", "below", "<", "later than", ">", "newer than", ">", "greater than", ">", "higher than", ">", "after", ">",
		"starting with", ">=", "starting from", ">=", "from", ">=", "since", ">=",
	)
	after = phrases(
		"and all prior versions", "<=", "and prior versions", "<=", "and earlier versions", "<=", "and older versions", "<=", "and below", "<=",
		"and earlier", "<=", "and prior", "<=", "and older", "<=", "and lower", "<=", "or earlier", "<=", "or older", "<=", "or lower", "<=", "or below", "<=", "or prior", "<=",
		"and later versions", ">=", "and newer versions", ">=", "and later", ">=", "and newer", ">=", "and above", ">=", "and higher", ">=", "and up", ">=",
		"or later", ">=", "or newer", ">=", "or above", ">=", "or higher", ">=",
	)
	// operators may be written next to the version.
	operators = phrases("<=", "<=", "=<", "<=", "≤", "<=", ">=", ">=", "=>", ">=", "≥", ">=", "!=", "!=", "<", "<", ">", ">", "==", "", "=", "")
)

type phrase struct{ words, operator string }

func phrases(pairs ...string) (list []phrase) {
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, phrase{pairs[i], pairs[i+1]})
	}
	return list
}

var (
	everything = regexp.MustCompile(`^(?i:\*|all|any|(all|any|every) versions?)$`)
	allOf      = regexp.MustCompile(`^(?i:(all )?versions? +)`)
	separators = regexp.MustCompile(`^(\s*(\|\||\||&&|,|;)\s*|\s+(?i:and|or)\s+|\s+)`)
	dash       = regexp.MustCompile(`^\s+[-–]\s+`)
	// versionText is a version: a digit, perhaps behind a v or an epoch, and what follows.
	versionText = regexp.MustCompile(`^(?:(?i:versions?|ver\.?|release|rel\.?)\s+)?(?:[vV]\.?\s?)?([0-9][0-9A-Za-z.+_~:!^%-]*)`)
)

// constraintsOf reads one constraint after the other; false where a part is not understood.
func constraintsOf(s string) (list []string, ok bool) {
	if everything.MatchString(s) {
		return []string{"*"}, true
	}
	s = allOf.ReplaceAllString(s, "")
	for s != "" {
		operator, rest := take(s, before)
		if operator == "" {
			operator, rest = take(s, operators)
		}
		m := versionText.FindStringSubmatch(rest)
		if m == nil {
			return nil, false
		}
		version := strings.TrimRight(m[1], ".:")
		if rest = rest[len(m[0]):]; wildcard(version) {
			return nil, false
		}
		if high := dash.FindString(rest); high != "" && operator == "" {
			// 1.0 - 1.9
			list = append(list, ">="+escape(version))
			s = "<=" + rest[len(high):]
			continue
		}
		if trailing, left := take(strings.TrimLeft(rest, " "), after); trailing != "" {
			if operator != "" {
				return nil, false
			}
			operator, rest = trailing, left
		}
		if operator == "" && upTo(rest) {
			operator = ">=" // 1.0 to 1.9
		}
		list = append(list, operator+escape(version))
		if rest = strings.TrimSpace(rest); rest == "" {
			return list, true
		}
		separator := separators.FindString(" " + rest)
		s = strings.TrimSpace((" " + rest)[len(separator):])
		if separator == " " && versionText.MatchString(s) {
			return nil, false // 4.2.0 7 is no list
		}
		if separator == "" {
			return nil, false
		}
	}
	return list, len(list) > 0
}

// take takes one of the phrases off the beginning of s, with the space behind it.
func take(s string, list []phrase) (operator, rest string) {
	for _, p := range list {
		if len(s) < len(p.words) || !strings.EqualFold(s[:len(p.words)], p.words) {
			continue
		}
		rest = s[len(p.words):]
		if last := p.words[len(p.words)-1]; isLetter(last) && rest != "" && isAlnum(rest[0]) {
			continue // "tomorrow" does not begin with "to"
		}
		if p.operator == "" {
			return "", strings.TrimLeft(rest, " ") // = says nothing that the version alone would not
		}
		return p.operator, strings.TrimLeft(rest, " ")
	}
	return "", s
}

// upTo reports whether an upper bound in words follows: 1.0 to 1.9, 1.0 through 1.9.
func upTo(rest string) bool {
	operator, left := take(strings.TrimLeft(rest, " "), before)
	return operator == "<=" && left != rest
}

// wildcard reports whether a version stands for several: 4.x, 4.*.
func wildcard(version string) bool {
	for part := range strings.SplitSeq(version, ".") {
		if part == "x" || part == "X" {
			return true
		}
	}
	return false
}
