package purl

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// qualifier is one key and value, decoded.
type qualifier struct{ key, value string }

// maxQualifiers is how many qualifiers are taken apart without an allocation; more are fine.
const maxQualifiers = 16

func sortQualifiers(qq []qualifier) {
	slices.SortStableFunc(qq, func(a, b qualifier) int { return strings.Compare(a.key, b.key) })
}

// clean takes off what copying and pasting adds.
func clean(raw string) string {
	s := strings.TrimSpace(raw)
	s = strings.TrimPrefix(s, "\ufeff")
	return strings.TrimSpace(s)
}

// split takes s apart into the fields of p and returns the qualifiers sorted. broken
// means that a part held bytes that are no text; ok is false where s is no purl.
func (p *Package) split(s string, qq []qualifier) (_ []qualifier, broken, ok bool) {
	rest, ok := cutScheme(s)
	if !ok {
		return nil, false, false
	}
	rest = strings.TrimLeft(rest, "/ ")
	var query, fragment string
	if i := strings.IndexByte(rest, '#'); i >= 0 {
		rest, fragment = rest[:i], rest[i+1:]
	}
	if i := strings.IndexByte(rest, '?'); i >= 0 {
		rest, query = rest[:i], rest[i+1:]
	}
	typ, rest, found := strings.Cut(rest, "/")
	typ = lower(strings.TrimSpace(typ))
	if !found || !validType(typ) {
		return nil, false, false
	}
	rest = strings.TrimLeft(rest, "/ ")

	d := decoder{}
	var ver string
	// An @ in front is the scope of an npm name that was not encoded.
	if i := strings.LastIndexByte(rest, '@'); i > 0 {
		rest, ver = rest[:i], d.text(rest[i+1:])
	} else if i == 0 && (typ != "npm" || !strings.Contains(rest, "/")) {
		return nil, false, false
	}
	rest = strings.TrimRight(rest, "/ ")
	namespace, name := "", rest
	if i := strings.LastIndexByte(rest, '/'); i >= 0 {
		namespace, name = d.segments(rest[:i], false), rest[i+1:]
	}
	if name = d.text(name); name == "" {
		return nil, false, false
	}
	namespace, name = slashInName(typ, namespace, name)
	p.Type, p.Namespace, p.Name, p.Version = typ, namespace, name, ver
	p.Subpath = d.segments(fragment, true)
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		key, value, _ := strings.Cut(pair, "=")
		key = lower(strings.TrimSpace(key))
		value = new(decoder).text(value)
		if !validQualifierKey(key) || value == "" {
			continue // an empty value is the same as none
		}
		qq = append(qq, qualifier{key, value})
	}
	// The first of two with one key wins.
	sortQualifiers(qq)
	qq = slices.CompactFunc(qq, func(a, b qualifier) bool { return a.key == b.key })
	for _, q := range qq {
		d.broken = d.broken || strings.Contains(q.value, "\ufffd")
	}
	p.adjust(qq)
	return qq, d.broken, true
}

// slashInName moves what stands before the last slash of a name to the namespace, for types
// whose names have none: some writers escape the whole path, pkg:golang/github.com%2Fx%2Fy.
func slashInName(typ, namespace, name string) (string, string) {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return namespace, name
	}
	switch typ {
	case "golang", "npm", "composer", "github", "githubactions", "bitbucket", "gitlab", "swift", "hex":
	default:
		return namespace, name
	}
	before, after := strings.Trim(name[:i], "/ "), strings.TrimSpace(name[i+1:])
	if before == "" || after == "" {
		return namespace, name
	}
	if namespace != "" {
		before = namespace + "/" + before
	}
	return before, after
}

// adjust applies what the specification says about the case of single types.
func (p *Package) adjust(qq []qualifier) {
	switch p.Type {
	case "alpm", "apk", "bitbucket", "brew", "composer", "deb", "git", "github", "golang", "qpkg":
		p.Namespace, p.Name = strings.ToLower(p.Namespace), strings.ToLower(p.Name)
	case "bitnami", "chrome-extension":
		p.Name = strings.ToLower(p.Name)
	case "rpm":
		p.Namespace = strings.ToLower(p.Namespace)
	case "pypi":
		p.Name = strings.ToLower(strings.ReplaceAll(p.Name, "_", "-"))
	case "huggingface":
		p.Version = strings.ToLower(p.Version)
	case "mlflow":
		// Databricks ignores case, Azure does not.
		for _, q := range qq {
			if q.key == "repository_url" && strings.Contains(q.value, "databricks") {
				p.Name = strings.ToLower(p.Name)
			}
		}
	}
}

// write sets p.Purl to the canonical form. Where that is what p.Purl is already,
// which is the common case, nothing is allocated.
func (p *Package) write(qq []qualifier) {
	var space [256]byte
	b := append(space[:0], "pkg:"...)
	b = append(b, p.Type...)
	b = append(b, '/')
	if p.Namespace != "" {
		b = appendEncoded(b, p.Namespace, true)
		b = append(b, '/')
	}
	b = appendEncoded(b, p.Name, false)
	if p.Version != "" {
		b = append(b, '@')
		b = appendEncoded(b, p.Version, false)
	}
	for i, q := range qq {
		if i == 0 {
			b = append(b, '?')
		} else {
			b = append(b, '&')
		}
		b = append(b, q.key...)
		b = append(b, '=')
		b = appendEncoded(b, q.value, false)
	}
	if p.Subpath != "" {
		b = append(b, '#')
		b = appendEncoded(b, p.Subpath, true)
	}
	if string(b) != p.Purl {
		p.Purl = string(b)
	}
}

// appendEncoded percent-encodes everything but what ECMA-427 lets stand.
func appendEncoded(b []byte, s string, slashes bool) []byte {
	const hex = "0123456789ABCDEF"
	for i := 0; i < len(s); i++ {
		if c := s[i]; safe[c] || c == '/' && slashes {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return b
}

// safe holds the bytes that stand for themselves in every part of a purl.
var safe = func() (t [256]bool) {
	for c := range t {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_', c == '~', c == ':':
			t[c] = true
		}
	}
	return
}()

// decoder undoes percent-encoding. It leaves a percent sign that starts no escape
// as it is, and notes bytes that no database column can hold.
type decoder struct{ broken bool }

func (d *decoder) text(s string) string {
	plain := true
	for i := 0; i < len(s); i++ {
		if !safe[s[i]] {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	return strings.TrimSpace(d.unescape(s))
}

func (d *decoder) unescape(s string) string {
	if strings.IndexByte(s, '%') >= 0 {
		b := make([]byte, 0, len(s))
		for i := 0; i < len(s); i++ {
			if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
				b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
				i += 2
			} else {
				b = append(b, s[i])
			}
		}
		s = string(b)
	}
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "\ufffd")
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\ufffd")
	}
	if strings.Contains(s, "\ufffd") {
		d.broken = true
	}
	return s
}

// segments decodes a path segment by segment, without empty ones and, where that
// is asked for, without dots.
func (d *decoder) segments(s string, undot bool) string {
	if s == "" {
		return ""
	}
	plain := s[0] != '/' && s[len(s)-1] != '/' && !strings.Contains(s, "//")
	for i := 0; plain && i < len(s); i++ {
		plain = safe[s[i]] && s[i] != '.' || s[i] == '/' || s[i] == '.' && i > 0 && s[i-1] != '/' && s[i-1] != '.'
	}
	if plain {
		return s
	}
	var out []string
	for part := range strings.SplitSeq(s, "/") {
		// An escaped slash becomes a separator, so that the result reads back as it was written.
		for sub := range strings.SplitSeq(d.text(part), "/") {
			if sub = strings.TrimSpace(sub); sub != "" && !(undot && (sub == "." || sub == "..")) {
				out = append(out, sub)
			}
		}
	}
	return strings.Join(out, "/")
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}

// validType is the rule of ECMA-427 without its ban on a digit in front.
func validType(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '+') {
			return false
		}
	}
	return s != ""
}

func validQualifierKey(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' && i > 0 || c == '.' || c == '-' || c == '_') {
			return false
		}
	}
	return s != ""
}

// lower is strings.ToLower for what is nearly always lower case and ASCII.
func lower(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf {
			return strings.ToLower(s)
		}
	}
	return s
}
