package version

import "strings"

// Behind is what stands behind a version that a range of CPEs begins behind: versionStartExcluding 1.0 is
// introduced in "1.0^", which comes after 1.0 and before all that follow it.
const Behind = "^"

// cpeKey orders what CPEs name, whose versions nobody says the order of. Runs of digits are numbers and runs of
// letters text, as with rpm, but without a release: what stands between the runs makes no
// difference, so 7.2-p2, 7.2p2 and version 7.2 with the update p2 are one. Words for what comes before a release
// come before it. An epoch is the distribution's, a v the repository's.
func cpeKey(s string) (string, bool) {
	if !printable(s) || !hasAlnum(s) || longNumber(s) {
		return "", false
	}
	if n := leadingDigits(s); n > 0 && n < len(s) && s[n] == ':' {
		s = s[n+1:]
	}
	if len(s) > 1 && (s[0] == 'v' || s[0] == 'V') && isDigit(s[1]) {
		s = s[1:]
	}
	b := make([]byte, 0, len(s)+16)
	zeros := 0 // that are written only if another number follows: 2, 2.0 and 2.0.0 are one
	for s != "" {
		n := 1
		switch c := s[0]; {
		case c == '^':
			b = append(b, rpmCaret)
		case c == '~':
			b = append(b, rpmTilde)
		case isDigit(c):
			n = leadingDigits(s)
			if strings.Trim(s[:n], "0") == "" {
				zeros++
				break
			}
			for ; zeros > 0; zeros-- {
				b = appendNumber(append(b, rpmNumber), 0, "0")
			}
			b = appendNumber(append(b, rpmNumber), 0, s[:n])
		case isLetter(c):
			for n < len(s) && isLetter(s[n]) {
				n++
			}
			zeros = 0
			word := strings.ToLower(s[:n])
			if early(word) {
				b = append(b, rpmTilde)
			}
			b = append(append(append(b, rpmLetter), word...), 0)
		}
		s = s[n:]
	}
	return string(append(b, rpmEnd)), true
}

// early reports whether a word stands for what comes before a release.
func early(word string) bool {
	switch word {
	case "alpha", "beta", "rc", "cr", "pre", "preview", "prerelease", "dev", "snapshot", "milestone", "candidate":
		return true
	}
	return false
}
