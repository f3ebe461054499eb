package version

// dottedKey is for versions that are numbers alone, CRAN's and Hackage's: 1.0 comes
// before 1.0.0. separators are what may stand between the numbers.
func dottedKey(s, separators string) (string, bool) {
	if !printable(s) || !onlyNumbers(s, separators) {
		return "", false
	}
	b := make([]byte, 0, len(s)+2)
	for {
		n := leadingDigits(s)
		if n == 0 || n > maxDigits {
			return "", false
		}
		b = appendNumber(b, 2, s[:n])
		if n == len(s) {
			return string(append(b, 1)), true
		}
		s = s[n+1:]
	}
}

func cranKey(s string) (string, bool)    { return dottedKey(s, ".-") }
func hackageKey(s string) (string, bool) { return dottedKey(s, ".") }
