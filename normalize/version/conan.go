package version

import (
	"cmp"
	"strings"
)

// conanKey is the order of Conan 2: parts with dots between, compared as numbers where both
// are, else as text, so that OpenSSL's 1.1.1k comes after 1.1.1. Zeros at the end make no
// difference; a pre-release comes before its version, a build after it. The key is the
// version in one spelling; numbers and text do not sort as bytes, so compareConan walks it.
func conanKey(s string) (string, bool) {
	if !printable(s) || !only(s, ".-_+~") || longNumber(s) || emptyPart(s) {
		return "", false
	}
	var build string
	if i := strings.LastIndexByte(s, '+'); i >= 0 {
		s, build = s[:i], "+"+conanParts(s[i+1:])
	}
	s, pre, isPre := strings.Cut(s, "-")
	if isPre {
		pre = "-" + conanParts(pre)
	}
	return conanParts(s) + "|" + pre + "|" + build, true
}

// emptyPart reports whether nothing stands before or behind a dot, or behind a hyphen or
// plus that opens a pre-release or build: "1..0", "1.0-".
func emptyPart(s string) bool {
	if i := strings.LastIndexByte(s, '+'); i >= 0 {
		if emptyPart("0-" + s[i+1:]) {
			return true
		}
		s = s[:i]
	}
	s, pre, isPre := strings.Cut(s, "-")
	for _, list := range [...]string{s, pre} {
		if list == "" && (isPre || s == "") || strings.HasPrefix(list, ".") || strings.HasSuffix(list, ".") || strings.Contains(list, "..") {
			return true
		}
	}
	return false
}

// conanParts brings numbers into one spelling and drops zeros at the end.
func conanParts(s string) string {
	parts := strings.Split(s, ".")
	for i, part := range parts {
		parts[i] = conanNumber(part)
	}
	for len(parts) > 0 && parts[len(parts)-1] == "0" {
		parts = parts[:len(parts)-1]
	}
	return strings.Join(parts, ".")
}

// conanNumber is what Python's int makes of a number: 01 is 1, and so are 1_0 and 10.
func conanNumber(part string) string {
	digits, negative := strings.CutPrefix(part, "-")
	if strings.IndexByte(digits, '_') > 0 && !doubled(digits) && digits[len(digits)-1] != '_' {
		digits = strings.ReplaceAll(digits, "_", "")
	}
	if !isDigits(digits) {
		return part
	}
	if digits = trimZeros(digits); digits == "" {
		return "0"
	}
	if negative {
		return "-" + digits
	}
	return digits
}

func compareConan(a, b string) int {
	a, apre, abuild := cutConan(a)
	b, bpre, bbuild := cutConan(b)
	if c := compareConanParts(a, b); c != 0 {
		return c
	}
	switch {
	case apre == bpre:
	case apre == "":
		return +1
	case bpre == "":
		return -1
	default:
		if c := compareConanParts(apre[1:], bpre[1:]); c != 0 {
			return c
		}
	}
	if abuild == "" || bbuild == "" {
		return cmp.Compare(len(abuild), len(bbuild))
	}
	return compareConanParts(abuild[1:], bbuild[1:])
}

func cutConan(key string) (parts, pre, build string) {
	parts, rest, _ := strings.Cut(key, "|")
	pre, build, _ = strings.Cut(rest, "|")
	return parts, pre, build
}

func compareConanParts(a, b string) int {
	for a != b {
		if a == "" || b == "" {
			return cmp.Compare(len(a), len(b))
		}
		x, arest, amore := strings.Cut(a, ".")
		y, brest, bmore := strings.Cut(b, ".")
		if c := compareConanPart(x, y); c != 0 {
			return c
		}
		if !amore || !bmore {
			return cmp.Compare(len(a), len(b))
		}
		a, b = arest, brest
	}
	return 0
}

func compareConanPart(a, b string) int {
	x, anegative := strings.CutPrefix(a, "-")
	y, bnegative := strings.CutPrefix(b, "-")
	switch {
	case !isDigits(x) || !isDigits(y):
		return strings.Compare(a, b)
	case anegative && bnegative:
		return compareDigits(y, x)
	case anegative:
		return -1
	case bnegative:
		return +1
	}
	return compareDigits(x, y)
}
