package version

import (
	"regexp"
	"strings"
)

// packagistKey is the order of composer/semver: a version is first brought into four
// numbers, a stability and its number, then compared by PHP's version_compare. What
// Composer takes for a branch ("dev-main", "feature-dev") has no order.
func packagistKey(s string) (string, bool) {
	if !printable(s) {
		return "", false
	}
	if name, commit, found := strings.Cut(s, "#"); found && commit != "" && strings.HasSuffix(lower(name), "-dev") {
		s = name // the commit of a branch: 1.0.x-dev#abcdef
	}
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		switch lower(s[i+1:]) {
		case "stable", "rc", "beta", "alpha", "dev":
			s = s[:i]
		}
	}
	if name, build, found := strings.Cut(s, "+"); found && name != "" && build != "" {
		s = name
	}
	if longNumber(s) {
		return "", false
	}
	v, ok := composerNumbers(s)
	if !ok {
		v, ok = composerDate(s)
	}
	if !ok {
		v, ok = composerBranch(s)
	}
	if !ok {
		return "", false
	}
	b := make([]byte, 0, len(s)+24)
	for _, n := range v.numbers {
		b = appendNumber(b, phpNumber, n)
	}
	if v.stability != "" {
		b = append(b, phpRank(v.stability))
		for part := range strings.FieldsFuncSeq(v.number, func(r rune) bool { return r == '.' || r == '-' }) {
			b = appendNumber(b, phpNumber, part)
		}
	}
	if v.dev {
		b = append(b, phpDev)
	}
	return string(append(b, phpEnd)), true
}

// composerVersion is what VersionParser::normalize makes of a version.
type composerVersion struct {
	numbers           []string
	stability, number string
	dev               bool
}

// The ranks of version_compare: "any string not found in this list < dev < alpha = a <
// beta = b < RC = rc < # < pl = p", where # is a number. A number is told from the end.
const (
	phpOther  = 1
	phpDev    = 2
	phpAlpha  = 3
	phpBeta   = 4
	phpRC     = 5
	phpEnd    = 6
	phpNumber = 7
	phpPatch  = 255
)

func phpRank(stability string) byte {
	switch stability {
	case "a", "alpha":
		return phpAlpha
	case "b", "beta":
		return phpBeta
	case "rc":
		return phpRC
	case "p", "pl", "patch":
		return phpPatch
	}
	return phpOther
}

// composerNumbers reads what Composer calls classical: one to four numbers, the first
// of at most five digits.
func composerNumbers(s string) (v composerVersion, ok bool) {
	if s != "" && (s[0] == 'v' || s[0] == 'V') {
		s = s[1:]
	}
	n := leadingDigits(s)
	if n == 0 || n > 5 {
		return v, false
	}
	v.numbers, s = append(make([]string, 0, 4), s[:n]), s[n:]
	for len(v.numbers) < 4 && len(s) > 1 && s[0] == '.' && isDigit(s[1]) {
		n := 1 + leadingDigits(s[1:])
		v.numbers, s = append(v.numbers, s[1:n]), s[n:]
	}
	for len(v.numbers) < 4 {
		v.numbers = append(v.numbers, "0")
	}
	return v, v.modifier(s)
}

// modifier reads VersionParser::$modifierRegex:
// [._-]?(?:(stable|beta|b|RC|alpha|a|patch|pl|p)((?:[.-]?\d+)*+)?)?([.-]?dev)?
func (v *composerVersion) modifier(s string) bool {
	t := lower(cutSeparator(s))
	for _, word := range [...]string{"stable", "beta", "b", "rc", "alpha", "a", "patch", "pl", "p"} {
		rest, found := strings.CutPrefix(t, word)
		if !found {
			continue
		}
		n := 0
		for {
			m := n
			if m < len(rest) && (rest[m] == '.' || rest[m] == '-') {
				m++
			}
			d := leadingDigits(rest[m:])
			if d == 0 {
				break
			}
			n = m + d
		}
		dev, ok := composerDev(rest[n:])
		if !ok {
			continue
		}
		if word == "stable" {
			// Composer drops all that follows it, if it is written in lower case.
			if strings.HasPrefix(cutSeparator(s), word) {
				return true
			}
		}
		v.stability, v.number, v.dev = word, rest[:n], dev
		return true
	}
	if dev, ok := composerDev(t); ok {
		v.dev = dev
		return true
	}
	// Without the separator in front, which may be the one of "dev": "1.0.dev".
	dev, ok := composerDev(lower(s))
	v.dev = dev
	return ok
}

func composerDev(s string) (dev, ok bool) {
	switch s {
	case "":
		return false, true
	case "dev", ".dev", "-dev":
		return true, true
	}
	return false, false
}

var composerDatePattern = regexp.MustCompile(`^(?i:v)?(\d{4}(?:[.:-]?\d{2}){1,6}(?:[.:-]?\d{1,3})?)((?:[._a-zA-Z-].*)?)$`)

// composerDate reads versions that are dates: 20100102, 2010-01-02.
func composerDate(s string) (v composerVersion, ok bool) {
	m := composerDatePattern.FindStringSubmatch(s)
	if m == nil {
		return v, false
	}
	v.numbers = strings.FieldsFunc(m[1], func(r rune) bool { return r < '0' || r > '9' })
	return v, v.modifier(m[2])
}

// composerBranch reads the numeric branches, which come behind all versions of theirs:
// 1.0.x-dev is 1.0.9999999.9999999-dev.
func composerBranch(s string) (v composerVersion, ok bool) {
	if len(s) < 4 || !strings.EqualFold(s[len(s)-3:], "dev") {
		return v, false
	}
	s = s[:len(s)-3]
	if last := s[len(s)-1]; last == '.' || last == '-' {
		s = s[:len(s)-1]
	}
	if s != "" && (s[0] == 'v' || s[0] == 'V') {
		s = s[1:]
	}
	v.dev = true
	for part := range strings.SplitSeq(s, ".") {
		switch {
		case isDigits(part):
		case len(v.numbers) > 0 && (part == "x" || part == "X" || part == "*"):
			part = composerHighest
		default:
			return v, false
		}
		v.numbers = append(v.numbers, part)
	}
	if len(v.numbers) > 4 {
		return v, false
	}
	for len(v.numbers) < 4 {
		v.numbers = append(v.numbers, composerHighest)
	}
	return v, true
}

// composerHighest stands for the x of a branch.
const composerHighest = "9999999"
