package version

import "strings"

// pep440 is a version of Python taken apart, in lower case.
type pep440 struct {
	epoch, release   string
	pre, preNumber   string // pre is a, b or rc
	post, dev, local string // post and dev are numbers
	hasPost, hasDev  bool
}

// parsePEP440 reads a version by the regular expression of PEP 440, appendix B.
func parsePEP440(s string) (v pep440, ok bool) {
	s = lower(s)
	if len(s) > 1 && s[0] == 'v' {
		s = s[1:]
	}
	if i := strings.IndexByte(s, '!'); i >= 0 {
		if v.epoch, s = s[:i], s[i+1:]; !isDigits(v.epoch) {
			return v, false
		}
	}
	n := leadingDigits(s)
	if n == 0 {
		return v, false
	}
	for n+1 < len(s) && s[n] == '.' && isDigit(s[n+1]) {
		n += 1 + leadingDigits(s[n+1:])
	}
	v.release, s = s[:n], s[n:]
	if word, number, rest, found := cutPart(s, "alpha", "a", "beta", "b", "preview", "pre", "rc", "c"); found {
		s = rest
		v.preNumber = number
		switch word[0] {
		case 'a', 'b':
			v.pre = word[:1]
		default:
			v.pre = "rc"
		}
	}
	if len(s) > 1 && s[0] == '-' && isDigit(s[1]) {
		d := leadingDigits(s[1:])
		v.hasPost, v.post, s = true, s[1:1+d], s[1+d:]
	} else if _, number, rest, found := cutPart(s, "post", "rev", "r"); found {
		v.hasPost, v.post, s = true, number, rest
	}
	if _, number, rest, found := cutPart(s, "dev"); found {
		v.hasDev, v.dev, s = true, number, rest
	}
	if s == "" {
		return v, true
	}
	if s[0] != '+' || len(s) == 1 {
		return v, false
	}
	v.local = s[1:]
	return v, only(v.local, ".-_") && isAlnum(v.local[0]) && isAlnum(v.local[len(v.local)-1]) && !doubled(v.local)
}

// cutPart reads one of words, with a separator before it, one behind it and a number,
// which may all be missing.
func cutPart(s string, words ...string) (word, number, rest string, found bool) {
	t := cutSeparator(s)
	for _, word := range words {
		if rest, found := strings.CutPrefix(t, word); found {
			rest = cutSeparator(rest)
			n := leadingDigits(rest)
			return word, rest[:n], rest[n:], true
		}
	}
	return "", "", s, false
}

func cutSeparator(s string) string {
	if s != "" && (s[0] == '-' || s[0] == '_' || s[0] == '.') {
		return s[1:]
	}
	return s
}

// doubled reports whether two separators stand side by side.
func doubled(s string) bool {
	for i := 1; i < len(s); i++ {
		if !isAlnum(s[i]) && !isAlnum(s[i-1]) {
			return true
		}
	}
	return false
}

// pypiKey is the order of PEP 440. Versions from before it ("2004d", "0.3-b-x") come
// before all others, as setuptools had them; a record's boundary cannot be one, see
// pypiBoundary.
func pypiKey(s string) (string, bool) {
	s = cutWheelTags(s)
	if !printable(s) || longNumber(s) {
		return "", false
	}
	v, ok := parsePEP440(s)
	if !ok {
		if !isAlnum(s[0]) || !only(s, ".-+_") {
			return "", false
		}
		return legacyKey(s), true
	}
	return v.key(), true
}

// pypiShort is the key without the local version. A specifier that names none leaves it
// out of account (PEP 440, "Version matching"): "<=2.0" holds for 2.0+cu118.
func pypiShort(s string) (string, bool) {
	v, ok := parsePEP440(cutWheelTags(s))
	if !ok || v.local == "" {
		return "", false
	}
	v.local = ""
	return v.key(), true
}

// pypiBoundary reports whether pip could compare with s.
func pypiBoundary(s string) bool {
	_, ok := parsePEP440(cutWheelTags(s))
	return ok
}

func (v pep440) key() string {
	b := append(make([]byte, 0, len(v.release)+len(v.local)+24), 1)
	b = appendNumber(b, 0, v.epoch)
	zeros := 0
	for part := range strings.SplitSeq(v.release, ".") {
		if trimZeros(part) == "" {
			zeros++
			continue
		}
		for ; zeros > 0; zeros-- {
			b = append(b, 2)
		}
		b = appendNumber(b, 2, part)
	}
	b = append(b, 1)
	switch {
	case v.pre != "":
		b = appendNumber(append(b, v.pre[0]), 0, v.preNumber)
	case v.hasDev && !v.hasPost:
		b = append(b, 1) // 1.0.dev1 comes before 1.0a1
	default:
		b = append(b, 'z')
	}
	if v.hasPost {
		b = appendNumber(append(b, 2), 0, v.post)
	} else {
		b = append(b, 1)
	}
	if v.hasDev {
		b = appendNumber(append(b, 1), 0, v.dev)
	} else {
		b = append(b, 2)
	}
	if v.local == "" {
		return string(b)
	}
	start := 0
	for i := 0; i <= len(v.local); i++ {
		if i < len(v.local) && isAlnum(v.local[i]) {
			continue
		}
		if part := v.local[start:i]; isDigits(part) {
			b = appendNumber(append(b, 3), 0, part)
		} else {
			b = append(append(append(b, 2), part...), 0)
		}
		start = i + 1
	}
	return string(append(b, 1))
}

// legacyKey is the order of setuptools before PEP 440 (parse_version of old).
func legacyKey(s string) string {
	s = lower(s)
	var parts []string
	add := func(part string) {
		switch part {
		case "pre", "preview", "rc":
			part = "c"
		case "-":
			part = "final-"
		case "dev":
			part = "@"
		}
		if isDigit(part[0]) {
			for len(part) < 8 {
				part = "0" + part
			}
			parts = append(parts, part)
			return
		}
		part = "*" + part
		if part < "*final" {
			for len(parts) > 0 && parts[len(parts)-1] == "*final-" {
				parts = parts[:len(parts)-1]
			}
		}
		for len(parts) > 0 && parts[len(parts)-1] == "00000000" {
			parts = parts[:len(parts)-1]
		}
		parts = append(parts, part)
	}
	for s != "" {
		n := 1
		switch c := s[0]; {
		case isDigit(c):
			n = leadingDigits(s)
			add(s[:n])
		case isLetter(c):
			for n < len(s) && isLetter(s[n]) {
				n++
			}
			add(s[:n])
		case c == '-':
			add("-")
		}
		s = s[n:]
	}
	add("final")
	var b strings.Builder
	b.WriteByte(0)
	for _, part := range parts {
		b.WriteString(part)
		b.WriteByte(0)
	}
	return b.String()
}
