package version

import "strings"

// gemKey is the order of Gem::Version: numbers and words by turns, a word before any
// number, so that it makes a pre-release; what is missing is zero. A hyphen stands for
// ".pre.", except before a platform, which is no part of the version.
func gemKey(s string) (string, bool) {
	s = cutGemPlatform(s)
	if !printable(s) || !isDigit(s[0]) || !validGem(s) || longNumber(s) {
		return "", false
	}
	if strings.IndexByte(s, '-') >= 0 {
		s = strings.ReplaceAll(s, "-", ".pre.")
	}
	b := make([]byte, 0, len(s)+8)
	// Zeros are written when it is known what follows them: nothing drops them, a word
	// makes the whole come before what ends here, a number behind.
	zeros, word := 0, false
	for s != "" {
		c := s[0]
		n := 1
		switch {
		case isDigit(c):
			n = leadingDigits(s)
			if trimZeros(s[:n]) == "" {
				zeros++
				break
			}
			for ; zeros > 0; zeros-- {
				b = append(b, gemZeroNumber)
			}
			b = appendNumber(append(b, gemNumber), 0, s[:n])
		case isLetter(c):
			for n < len(s) && isLetter(s[n]) {
				n++
			}
			// Zeros in front of the first word are dropped: 1.0.a is 1.a.
			for ; zeros > 0; zeros-- {
				if word {
					b = append(b, gemZeroWord)
				}
			}
			word = true
			b = append(append(append(b, gemWord), s[:n]...), 0)
		}
		s = s[n:]
	}
	return string(append(b, gemEnd)), true
}

// The parts of a key, in their order.
const (
	gemWord       = 1
	gemZeroWord   = 2 // a zero with a word behind it
	gemEnd        = 3
	gemZeroNumber = 4 // a zero with a number behind it
	gemNumber     = 5
)

// validGem is Gem::Version's pattern but for the first digit:
// [0-9]+(\.[0-9a-zA-Z]+)*(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?
func validGem(s string) bool {
	release, pre, found := strings.Cut(s, "-")
	if !isDigits(release[:max(strings.IndexByte(release+".", '.'), 0)]) || !only(release, ".") {
		return false
	}
	for _, part := range [...]string{release, pre} {
		if strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".") || strings.Contains(part, "..") {
			return false
		}
	}
	return !found || pre != "" && only(pre, ".-")
}
