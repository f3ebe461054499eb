package version

import (
	"cmp"
	"strings"
)

// apkKey checks a version by the grammar of apk-tools: digit{.digit}{letter}{_suffix{number}}{~hash}{-r#}.
// The key is the version itself, less the zeros in front of the first number and of
// those behind a suffix or in the revision, which make no difference there; a zero in
// front of any other number does.
func apkKey(s string) (string, bool) {
	if !printable(s) || longNumber(s) {
		return "", false
	}
	b := make([]byte, 0, len(s))
	for at := (apkToken{}); ; {
		if at = at.next(s); at.kind == apkInvalid {
			return "", false
		}
		if at.kind == apkEnd {
			return string(b), true
		}
		text := s[:at.size]
		if at.kind == apkFirst || at.kind == apkSuffixNumber || at.kind == apkRevision {
			digits := len(text) - len(at.text)
			b = append(b, text[:digits]...)
			if text = trimZeros(at.text); text == "" {
				text = "0"
			}
		}
		b = append(b, text...)
		s = s[at.size:]
	}
}

// apkKind is a kind of token, in the order of the grammar.
type apkKind uint8

const (
	apkStart apkKind = iota
	apkFirst
	apkDigit
	apkLetter
	apkSuffix
	apkSuffixNumber
	apkHash
	apkRevision
	apkEnd
	apkInvalid
)

// apkToken is a token of a version, size bytes long, of which text says which it is.
type apkToken struct {
	kind apkKind
	size int
	text string
	rank int // of a suffix; those below zero come before the release
}

// apkSuffixes are the words of suffixes and their order.
var apkSuffixes = map[string]int{
	"alpha": -4, "beta": -3, "pre": -2, "rc": -1, "cvs": 1, "svn": 2, "git": 3, "hg": 4, "p": 5,
}

// next reads the token that follows t; s starts behind t.
func (t apkToken) next(s string) apkToken {
	invalid := apkToken{kind: apkInvalid}
	number := func(kind apkKind, skip int) apkToken {
		n := leadingDigits(s[skip:])
		if n == 0 {
			return invalid
		}
		return apkToken{kind: kind, size: skip + n, text: s[skip : skip+n]}
	}
	if t.kind == apkStart {
		return number(apkFirst, 0)
	}
	if s == "" {
		return apkToken{kind: apkEnd}
	}
	switch c := s[0]; {
	case c >= 'a' && c <= 'z' && t.kind <= apkDigit:
		return apkToken{kind: apkLetter, size: 1, text: s[:1]}
	case c == '.' && t.kind <= apkDigit:
		return number(apkDigit, 1)
	case isDigit(c) && t.kind == apkSuffix:
		return number(apkSuffixNumber, 0)
	case c == '_' && t.kind <= apkSuffixNumber:
		n := 1
		for n < len(s) && s[n] >= 'a' && s[n] <= 'z' {
			n++
		}
		if rank, ok := apkSuffixes[s[1:n]]; ok {
			return apkToken{kind: apkSuffix, size: n, text: s[1:n], rank: rank}
		}
	case c == '~' && t.kind < apkHash:
		n := 1
		for n < len(s) && (isDigit(s[n]) || s[n] >= 'a' && s[n] <= 'f') {
			n++
		}
		if n > 1 {
			return apkToken{kind: apkHash, size: n, text: s[1:n]}
		}
	case strings.HasPrefix(s, "-r") && t.kind < apkRevision:
		return number(apkRevision, 2)
	}
	return invalid
}

// compareApk is apk_version_compare of apk-tools, on keys.
func compareApk(a, b string) int {
	var s, t apkToken
	for {
		s, t = s.next(a), t.next(b)
		if s.kind != t.kind || s.kind >= apkEnd {
			break
		}
		a, b = a[s.size:], b[t.size:]
		c := 0
		switch s.kind {
		case apkFirst, apkSuffixNumber, apkRevision:
			c = compareDigits(s.text, t.text)
		case apkDigit:
			// A zero in front makes it a fraction: 1.05 comes before 1.1.
			if s.text[0] == '0' || t.text[0] == '0' {
				c = strings.Compare(s.text, t.text)
			} else {
				c = compareDigits(s.text, t.text)
			}
		case apkSuffix:
			c = cmp.Compare(s.rank, t.rank)
		default:
			c = strings.Compare(s.text, t.text)
		}
		if c != 0 {
			return c
		}
	}
	switch {
	case s.kind == t.kind:
		return 0
	case s.kind == apkSuffix && s.rank < 0:
		return -1
	case t.kind == apkSuffix && t.rank < 0:
		return +1
	}
	return cmp.Compare(t.kind, s.kind) // what goes on comes after what ends
}

// compareDigits compares numbers, however long.
func compareDigits(a, b string) int {
	a, b = trimZeros(a), trimZeros(b)
	if len(a) != len(b) {
		return cmp.Compare(len(a), len(b))
	}
	return strings.Compare(a, b)
}
