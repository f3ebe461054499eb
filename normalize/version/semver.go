package version

import "strings"

// semanticVersion is a version as semver.org has it, give or take missing numbers and
// a leading v, in a form that costs no memory: the most frequent kind by far. What it
// cannot hold (a fourth number, more than 18 digits) has a key instead.
type semanticVersion struct {
	numbers [3]uint64
	pre     string
}

// parseSemantic accepts [v]N[.N[.N]][-pre][+build].
func parseSemantic(s string) (v semanticVersion, ok bool) {
	s = cutV(s)
	i := 0
	for n := 0; n < 3; n++ {
		start := i
		var number uint64
		for i < len(s) && isDigit(s[i]) {
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
	rest, build, _ := strings.Cut(s[i:], "+")
	if !only(build, ".-_~+") {
		return v, false
	}
	if rest == "" {
		return v, true
	}
	if rest[0] != '-' || rest == "-" {
		return v, false
	}
	v.pre = rest[1:]
	return v, only(v.pre, ".-")
}

// cutV drops what npm lets stand in front of a version, and everybody else writes too:
// "v1.2.3", "=1.2.3", "= v1.2.3".
func cutV(s string) string {
	for i := 0; i < len(s) && i < 4; i++ {
		switch c := s[i]; {
		case isDigit(c):
			return s[i:]
		case c != 'v' && c != 'V' && c != '=' && c != ' ':
			return s
		}
	}
	return s
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
				x, y = trimZeros(x), trimZeros(y)
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

// semverForm says in what the orders that look like Semantic Versioning differ.
type semverForm struct {
	numbers int  // at most; 0 for any
	dotted  bool // letters may follow a dot: 1.2.3.Final
	build   bool // build metadata counts
	nuget   bool // pre-releases are compared as NuGet does
}

// key reads a version: numbers with dots, then "-" and a pre-release, then "+" and
// build metadata. Like npm in its lenient mode it takes letters without a hyphen for
// a pre-release: 1.2.3beta.
func (f semverForm) key(s string) (string, bool) {
	s = cutV(s)
	if !printable(s) || !isDigit(s[0]) {
		return "", false
	}
	b := make([]byte, 0, len(s)+8)
	zeros, n := 0, 0
	for {
		d := leadingDigits(s)
		if n++; d > maxDigits || f.numbers > 0 && n > f.numbers {
			return "", false
		}
		// Zeros at the end make no difference: 1.0 is 1.0.0.
		if trimZeros(s[:d]) == "" {
			zeros++
		} else {
			for ; zeros > 0; zeros-- {
				b = append(b, 3)
			}
			b = appendNumber(b, 3, s[:d])
		}
		s = s[d:]
		if len(s) < 2 || s[0] != '.' || !isDigit(s[1]) {
			break
		}
		s = s[1:]
	}
	pre, build, hasBuild := strings.Cut(s, "+")
	switch {
	case pre == "":
		b = append(b, 2)
	case !only(pre, ".-_~"):
		return "", false
	default:
		switch c := pre[0]; {
		case c == '-' || c == '_' || c == '~':
			pre = pre[1:]
		case c == '.':
			pre = pre[1:]
			// 1.x is a range, 1. is cut off.
			if !f.dotted || pre == "" || startsWithX(pre) {
				return "", false
			}
		case startsWithX(pre):
			return "", false
		}
		if pre == "" {
			return "", false
		}
		b = append(b, 1)
		if f.nuget {
			b = appendNuGet(b, pre)
		} else {
			b = appendIdentifiers(b, pre)
		}
	}
	if !only(build, ".-_~+") {
		return "", false
	}
	if f.build {
		b = append(b, 1)
		if hasBuild && build != "" {
			b = appendIdentifiers(append(b, 2), build)
		}
	}
	return string(b), true
}

// startsWithX reports whether s starts with an x that stands for any number.
func startsWithX(s string) bool {
	return (s[0] == 'x' || s[0] == 'X') && (len(s) == 1 || s[1] == '.')
}

// appendIdentifiers writes identifiers with dots between them so that numbers come
// before words, and fewer before more.
func appendIdentifiers(b []byte, s string) []byte {
	for id := range strings.SplitSeq(s, ".") {
		if isDigits(id) && len(id) <= maxDigits {
			b = appendNumber(append(b, 2), 0, id)
		} else {
			b = append(append(append(b, 3), id...), 0)
		}
	}
	return append(b, 1)
}

// key is what semverForm.key makes of the same version.
func (v semanticVersion) key() string {
	b := make([]byte, 0, 32+len(v.pre))
	last := 2
	for last >= 0 && v.numbers[last] == 0 {
		last--
	}
	for i := 0; i <= last; i++ {
		var digits [20]byte
		at := len(digits)
		for n := v.numbers[i]; n > 0; n /= 10 {
			at--
			digits[at] = '0' + byte(n%10)
		}
		b = append(append(b, 3+byte(len(digits)-at)), digits[at:]...)
	}
	if v.pre == "" {
		return string(append(b, 2))
	}
	return string(appendIdentifiers(append(b, 1), v.pre))
}

var (
	strictForm = semverForm{}
	looseForm  = semverForm{dotted: true}
	nugetForm  = semverForm{numbers: 4, nuget: true}
	pubForm    = semverForm{build: true}
)

// goKey also reads the versions of the Go tool-chain: "go1.21rc2" is 1.21.0-rc.2 in
// the records about the standard library.
func goKey(s string) (string, bool) { return strictForm.key(goRelease(s)) }

// goRelease brings a release of Go into the form of a module's version.
func goRelease(s string) string {
	if len(s) > 2 && s[:2] == "go" && isDigit(s[2]) {
		s = s[2:]
	}
	for _, word := range [...]string{"rc", "beta", "alpha"} {
		numbers, number, found := strings.Cut(s, word)
		if found && onlyNumbers(numbers, ".") && isDigits(number) && numbers != "" && numbers[len(numbers)-1] != '.' {
			if strings.Count(numbers, ".") == 1 {
				numbers += ".0"
			}
			return numbers + "-" + word + "." + number
		}
	}
	return s
}
