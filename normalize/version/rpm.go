package version

import "strings"

// rpmKey is rpm's own order (rpmvercmp): epoch, version, release. Runs of digits are
// numbers, runs of letters text, a number comes after letters, "~" before the end and
// "^" right behind it; what stands between the runs makes no difference.
func rpmKey(s string) (string, bool) {
	e, v, r, hasRelease, ok := splitRPM(s)
	if !ok {
		return "", false
	}
	b := appendNumber(make([]byte, 0, len(s)+16), 0, e)
	b = appendRPM(b, v)
	if hasRelease {
		b = appendRPM(append(b, 1), r)
	}
	return string(b), true
}

// rpmShort is the key without the release. rpm compares so where a dependency names no
// release: "foo <= 1.2" holds for 1.2-5.
func rpmShort(s string) (string, bool) {
	e, v, _, hasRelease, ok := splitRPM(s)
	if !ok || !hasRelease {
		return "", false
	}
	return string(appendRPM(appendNumber(nil, 0, e), v)), true
}

func splitRPM(s string) (epoch, version, release string, hasRelease, ok bool) {
	epoch, s, ok = cutEpoch(s)
	if !ok || !printable(s) || !only(s, ".+-~^_:") || !hasAlnum(s) || longNumber(s) {
		return "", "", "", false, false
	}
	s = cutArch(s, '.')
	if i := strings.LastIndexByte(s, '-'); i >= 0 {
		return epoch, s[:i], s[i+1:], true, true
	}
	return epoch, s, "", false, true
}

// The parts of a key, in their order.
const (
	rpmTilde  = 2
	rpmEnd    = 3
	rpmCaret  = 4
	rpmLetter = 5
	rpmNumber = 6
)

func appendRPM(b []byte, s string) []byte {
	for s != "" {
		c := s[0]
		n := 1
		switch {
		case c == '~':
			b = append(b, rpmTilde)
		case c == '^':
			b = append(b, rpmCaret)
		case isDigit(c):
			n = leadingDigits(s)
			b = appendNumber(append(b, rpmNumber), 0, s[:n])
		case isLetter(c):
			for n < len(s) && isLetter(s[n]) {
				n++
			}
			b = append(append(append(b, rpmLetter), s[:n]...), 0)
		}
		s = s[n:]
	}
	return append(b, rpmEnd)
}

func hasAlnum(s string) bool {
	for i := 0; i < len(s); i++ {
		if isAlnum(s[i]) {
			return true
		}
	}
	return false
}

// longNumber reports whether a run of digits is longer than a key can hold.
func longNumber(s string) bool {
	run := 0
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			run = 0
		} else if run++; run > maxDigits {
			return true
		}
	}
	return false
}
