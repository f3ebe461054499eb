package purl

import "strings"

// Problem says what is wrong with the form of a purl, or "" where nothing is. It is
// for warnings about what a document holds, and cheaper than Parse: the form alone,
// not the rules of each type. Most of what it finds wrong Parse can read all the same.
func Problem(s string) string {
	rest, ok := cutScheme(s)
	if !ok {
		return "does not start with pkg:"
	}
	rest, _, _ = strings.Cut(rest, "#")
	rest, qualifiers, has := strings.Cut(rest, "?")
	typ, path, ok := strings.Cut(strings.TrimLeft(rest, "/"), "/")
	switch {
	case !ok || strings.Trim(path, "/") == "":
		return "has no name"
	case !typeForm(typ):
		return "has a type that is none"
	case path[0] == '@' && !strings.Contains(path, "/"):
		return "has no name" // pkg:npm/@1.0, unlike the unescaped scope of pkg:npm/@babel/core
	case strings.ContainsAny(s, " \t\r\n"):
		return "has white space in it"
	}
	for has && qualifiers != "" {
		var pair string
		pair, qualifiers, has = strings.Cut(qualifiers, "&")
		if key, _, ok := strings.Cut(pair, "="); !ok || key == "" {
			return "has a qualifier that is no key=value"
		}
	}
	return badEscape(s)
}

// Is reports whether s claims to be a purl.
func Is(s string) bool {
	_, ok := cutScheme(s)
	return ok
}

func cutScheme(s string) (rest string, ok bool) {
	if len(s) < 4 || !strings.EqualFold(s[:4], "pkg:") {
		return s, false
	}
	return s[4:], true
}

func typeForm(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20 // lower case
		switch {
		case 'a' <= c && c <= 'z':
		case i > 0 && ('0' <= s[i] && s[i] <= '9' || s[i] == '.' || s[i] == '-' || s[i] == '+'):
		default:
			return false
		}
	}
	return s != ""
}

func badEscape(s string) string {
	for i := strings.IndexByte(s, '%'); i >= 0; {
		if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
			return "has a % that starts no escape"
		}
		next := strings.IndexByte(s[i+3:], '%')
		if next < 0 {
			return ""
		}
		i += 3 + next
	}
	return ""
}
