package version

import "strings"

// semanticVersion is a version that looks like semver.org has it, give or take
// missing numbers and a leading v. Its order is that of the library's, which the
// test TestFastSemverAgrees holds it to; what it cannot hold goes to the library.
type semanticVersion struct {
	numbers [3]uint64
	pre     string
}

// parseSemantic accepts [v]N[.N[.N]][-pre][+build].
func parseSemantic(s string) (v semanticVersion, ok bool) {
	s = strings.TrimPrefix(s, "v")
	i := 0
	for n := 0; n < 3; n++ {
		start := i
		var number uint64
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			number = number*10 + uint64(s[i]-'0')
			i++
		}
		if i == start || i-start > 18 {
			return v, false
		}
		v.numbers[n] = number
		if i == len(s) || s[i] != '.' {
			break
		}
		if n == 2 {
			return v, false // a fourth number
		}
		i++
	}
	if i == len(s) {
		return v, true
	}
	rest, _, _ := strings.Cut(s[i:], "+")
	if rest == "" {
		return v, true
	}
	if rest[0] != '-' {
		return v, false
	}
	v.pre = rest[1:]
	start := 0
	for j := 0; j <= len(v.pre); j++ {
		if j == len(v.pre) || v.pre[j] == '.' {
			// The library takes "-5" for a number.
			if j-start > 18 && isDigits(v.pre[start:j]) || j > start && v.pre[start] == '-' {
				return v, false
			}
			start = j + 1
			continue
		}
		if c := v.pre[j]; !(isAlnum(c) || c == '-') {
			return v, false
		}
	}
	return v, true
}

func (v semanticVersion) compare(w semanticVersion) int {
	for i, n := range v.numbers {
		if m := w.numbers[i]; n != m {
			if n < m {
				return -1
			}
			return +1
		}
	}
	switch {
	case v.pre == w.pre:
		return 0
	case v.pre == "":
		return +1
	case w.pre == "":
		return -1
	}
	return comparePre(v.pre, w.pre)
}

// comparePre is section 11.4 of Semantic Versioning 2.0.0.
func comparePre(a, b string) int {
	for {
		x, arest, amore := strings.Cut(a, ".")
		y, brest, bmore := strings.Cut(b, ".")
		if x != y {
			xn, yn := isDigits(x), isDigits(y)
			switch {
			case xn && yn:
				x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
				if len(x) != len(y) {
					if len(x) < len(y) {
						return -1
					}
					return +1
				}
				if c := strings.Compare(x, y); c != 0 {
					return c
				}
			case xn:
				return -1
			case yn:
				return +1
			default:
				return strings.Compare(x, y)
			}
		}
		switch {
		case !amore && !bmore:
			return 0
		case !amore:
			return -1
		case !bmore:
			return +1
		}
		a, b = arest, brest
	}
}

func isDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func isAlnum(c byte) bool { return c >= '0' && c <= '9' || isLetter(c) }

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
