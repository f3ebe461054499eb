package secret

import "regexp"

// What looks like a secret inside of text: the password of a URL, which ends at the last @
// before the host, and those of a connection string of PostgreSQL or of a query of a URL. A
// password with an unescaped / makes the URL a broken one, which errors quote nevertheless:
// what stands between the colon and the / is no port then.
var (
	inURL    = regexp.MustCompile(`(?i)\b([a-z][a-z0-9+.-]*://[^\s:/?#@]*:)([^\s/?#]+)@`)
	inBroken = regexp.MustCompile(`(?i)\b([a-z][a-z0-9+.-]*://[^\s:/?#@]*:)([^\s/?#@]*[^\s/?#@0-9][^\s/?#@]*[/?#]\S*)@`)
	asParam  = regexp.MustCompile(`(?i)\b((?:ssl)?pass(?:word|wd)?|secret|token)(\s*=\s*)('(?:[^'\\]|\\.|'')*'|[^\s&'"]+)`)
)

// Redact hides what looks like a password inside of text: in URLs, and after password=.
func Redact(text string) string {
	text = inURL.ReplaceAllString(text, "${1}"+Hidden+"@")
	text = inBroken.ReplaceAllString(text, "${1}"+Hidden+"@")
	return asParam.ReplaceAllString(text, "${1}${2}"+Hidden)
}

// Inside reports whether text has something that Redact would hide.
func Inside(text string) bool { return Redact(text) != text }
