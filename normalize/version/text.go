package version

import "strings"

// maxLength is far above any real version.
const maxLength = 256

// trim drops white space around a version.
func trim(v string) string {
	if v != "" && v[0] > ' ' && v[len(v)-1] > ' ' {
		return v
	}
	return strings.TrimSpace(v)
}

// printable reports whether s is ASCII without white space and controls, of a sane
// length, with a digit in it, and neither a commit nor a digest.
func printable(s string) bool {
	if s == "" || len(s) > maxLength {
		return false
	}
	digit, hex := false, true
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c <= ' ' || c >= 0x7f {
			return false
		}
		if isDigit(c) {
			digit = true
		} else if !(c >= 'a' && c <= 'f') {
			hex = false
		}
	}
	return digit && !(hex && (len(s) == 40 || len(s) == 64))
}

// only reports whether s holds letters, digits and the characters in more.
func only(s, more string) bool {
	for i := 0; i < len(s); i++ {
		if !isAlnum(s[i]) && strings.IndexByte(more, s[i]) < 0 {
			return false
		}
	}
	return true
}

func onlyNumbers(s, more string) bool {
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) && strings.IndexByte(more, s[i]) < 0 {
			return false
		}
	}
	return true
}
