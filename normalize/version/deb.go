package version

import "strings"

// debKey is dpkg's order, deb-version(7): epoch, upstream version, revision, each cut
// into text and numbers by turns. In text "~" comes before the end, letters before
// everything else. A missing number is zero, so a missing revision is "0". dpkg only
// warns of an upstream version that starts with a letter, and old packages have it.
func debKey(s string) (string, bool) {
	e, s, ok := cutEpoch(s)
	if !ok || e == "" && strings.HasPrefix(s, ":") {
		return "", false
	}
	s = cutArch(s, '_')
	if !printable(s) || !isAlnum(s[0]) || !only(s, ".+-~:_") || longNumber(s) {
		return "", false
	}
	var revision string
	if i := strings.LastIndexByte(s, '-'); i >= 0 {
		s, revision = s[:i], s[i+1:]
	}
	b := appendNumber(make([]byte, 0, len(s)+len(revision)+16), 0, e)
	return string(appendDeb(appendDeb(b, s), revision)), true
}

// The characters of text in a key, in their order. The end of text is also where a
// number stands.
const (
	debTilde  = 1
	debEnd    = 2
	debLetter = 3  // 'A' is 3
	debOther  = 90 // behind 'z'
)

func appendDeb(b []byte, s string) []byte {
	for first := true; s != ""; first = false {
		n := 0
		for ; n < len(s) && !isDigit(s[n]); n++ {
			switch c := s[n]; {
			case c == '~':
				b = append(b, debTilde)
			case isLetter(c):
				b = append(b, debLetter+c-'A')
			default:
				b = append(b, debOther+c)
			}
		}
		d := leadingDigits(s[n:])
		if first && n == 0 && d == len(s) && trimZeros(s) == "" {
			break // "0" is the same as nothing
		}
		b = appendNumber(append(b, debEnd), 0, s[n:n+d])
		s = s[n+d:]
	}
	// What is missing is no text and the number 0, as often as the other side has more.
	return append(b, debEnd, 0, debEnd, 0)
}
