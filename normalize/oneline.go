package normalize

import (
	"strings"
	"unicode/utf8"
)

// maxLine is how long a summary may be that is made of a description.
const maxLine = 240

// OneLine is the beginning of a description as a summary: its first line, cut between words.
func OneLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	s = strings.TrimSpace(s)
	if len(s) <= maxLine {
		return s
	}
	cut := maxLine
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	if space := strings.LastIndexByte(s[:cut], ' '); space > maxLine/2 {
		cut = space
	}
	return s[:cut] + "…"
}
