package normalize

import (
	"slices"
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

// Distinct sorts a list and takes out doubles and empty texts; an empty one is nil.
func Distinct(list []string) []string {
	slices.Sort(list)
	list = slices.Compact(list)
	if len(list) > 0 && list[0] == "" {
		list = list[1:]
	}
	if len(list) == 0 {
		return nil
	}
	return list
}
