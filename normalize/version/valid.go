package version

import "strings"

// maxLength is far above any real version. It bounds what the library's big
// integers and regular expressions have to chew.
const maxLength = 256

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
		if c >= '0' && c <= '9' {
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

func digitFirst(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

func validSemver(s string) bool {
	s = strings.TrimPrefix(s, "v")
	return digitFirst(s) && printable(s) && only(s, ".-+_~")
}

// validPyPI lets the versions from before PEP 440 pass ("2004d", "0.3-b"), which
// the library orders too.
func validPyPI(s string) bool {
	// An epoch: 1!2.0
	if e, rest, found := strings.Cut(s, "!"); found && isDigits(e) {
		s = rest
	}
	return printable(s) && isAlnum(s[0]) && only(s, ".-+_*")
}

// validMaven lets everything pass that can be the name of a folder in a repository:
// "Finchley.SR2", "r09". Ranges and properties that were not resolved do not.
func validMaven(s string) bool {
	return printable(s) && isAlnum(s[0]) && only(s, ".-_+~")
}

func validGem(s string) bool {
	return digitFirst(s) && printable(s) && only(s, ".-")
}

// validPackagist leaves out branches ("dev-main"), which have no order.
func validPackagist(s string) bool {
	if s != "" && (s[0] == 'v' || s[0] == 'V') {
		s = s[1:]
	}
	return digitFirst(s) && printable(s) && only(s, ".-+_@#")
}

func validCRAN(s string) bool {
	return digitFirst(s) && printable(s) && onlyNumbers(s, ".-")
}

func validHackage(s string) bool {
	return digitFirst(s) && printable(s) && onlyNumbers(s, ".")
}

func onlyNumbers(s, more string) bool {
	for i := 0; i < len(s); i++ {
		if (s[i] < '0' || s[i] > '9') && strings.IndexByte(more, s[i]) < 0 {
			return false
		}
	}
	return true
}

// validDebian is deb-version(7), except that the upstream version may start with
// a letter: dpkg only warns about that, and old packages have it.
func validDebian(s string) bool {
	if e, rest, found := strings.Cut(s, ":"); found {
		if !isDigits(e) || len(e) > 9 {
			return false
		}
		s = rest
	}
	return printable(s) && isAlnum(s[0]) && only(s, ".+-~:_")
}

func validRPM(s string) bool {
	if e, rest, found := strings.Cut(s, ":"); found {
		if !isDigits(e) || len(e) > 9 {
			return false
		}
		s = rest
	}
	return printable(s) && only(s, ".+-~^_:") && strings.TrimLeft(s, ".+-~^_:") != ""
}

func validAlpine(s string) bool {
	return digitFirst(s) && printable(s) && only(s, "._-~+")
}

func validGeneric(s string) bool {
	return printable(s) && (isAlnum(s[0]) || s[0] == '.')
}

func validText(s string) bool { return s != "" && len(s) <= maxLength }

func asIs(s string) string { return s }

// sameSemver drops what Semantic Versioning says has no say in precedence.
func sameSemver(s string) string {
	s = strings.TrimPrefix(s, "v")
	s, _, _ = strings.Cut(s, "+")
	return s
}

func sameNuGet(s string) string {
	return sameDotted(strings.ToLower(sameSemver(s)))
}

// samePyPI drops what PEP 440 says makes no difference: case, a leading v, zeros at
// the end of the release.
func samePyPI(s string) string {
	return sameDotted(strings.ToLower(strings.TrimPrefix(s, "v")))
}

func samePackagist(s string) string {
	return strings.ToLower(strings.TrimPrefix(s, "v"))
}

func sameRPM(s string) string    { return strings.TrimPrefix(s, "0:") }
func sameDebian(s string) string { return strings.TrimPrefix(s, "0:") }

// sameDotted drops zeros at the end of a version that is numbers and dots only:
// 1.0 is 1.0.0 in these ecosystems.
func sameDotted(s string) string {
	if !onlyNumbers(s, ".") {
		return s
	}
	for strings.HasSuffix(s, ".0") {
		s = s[:len(s)-2]
	}
	return s
}
