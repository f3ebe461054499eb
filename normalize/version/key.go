package version

import "strings"

// A key is what a version is compared by: bytes that sort as the versions do, and that
// are the same for two versions exactly where the ecosystem takes them for equal
// ("1.0" and "1.0.0" of PyPI). Maven's order has cycles, which no sorting of bytes can
// follow, so a function walks its keys, as one walks apk's, which are the versions
// themselves; equal keys mean equal versions there too. TestTools holds all of them to
// what the ecosystems' own tools answered.

// appendNumber adds a number that is at least base: fewer digits come before more. It
// takes base+0 for zero up to base+200 for a number of 200 digits; parsers refuse longer
// ones by maxDigits.
func appendNumber(b []byte, base byte, digits string) []byte {
	digits = trimZeros(digits)
	b = append(b, base+byte(len(digits)))
	return append(b, digits...)
}

// maxDigits keeps the length of a number within a byte of a key.
const maxDigits = 200

// trimZeros drops zeros in front; zero is "".
func trimZeros(digits string) string {
	for digits != "" && digits[0] == '0' {
		digits = digits[1:]
	}
	return digits
}

// leadingDigits is how many digits s starts with.
func leadingDigits(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isDigits(s string) bool { return s != "" && leadingDigits(s) == len(s) }

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func isAlnum(c byte) bool { return isDigit(c) || isLetter(c) }

// lower is strings.ToLower without a copy where nothing changes.
func lower(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= 'A' && s[i] <= 'Z' {
			return strings.ToLower(s)
		}
	}
	return s
}

// cutEpoch takes "2:1.0" apart; without an epoch it is "". A colon behind something
// else than a number makes it no version.
func cutEpoch(s string) (epoch, rest string, ok bool) {
	e, rest, found := strings.Cut(s, ":")
	if !found {
		return "", s, true
	}
	if e != "" && !isDigits(e) || len(trimZeros(e)) > 9 {
		return "", s, false
	}
	return e, rest, true
}
