package xmltext

import (
	"bytes"
	"fmt"

	"sluice/normalize"
)

// Bounds of one start tag. encoding/xml holds all attributes of a tag at once, each in
// ten times the room of its text, before anybody can stop it.
const (
	maxTag        = 1 << 20 // bytes
	maxAttributes = 1000
)

// CheckTags refuses a document with a start tag that is past both bounds. The error is
// a *normalize.ParkError; src is the whole document, for the position.
func CheckTags(src []byte) error {
	start := bytes.IndexByte(src, '<')
	for start >= 0 {
		// A start tag has no other < in it, not even in the value of an attribute.
		size := len(src) - start
		next := bytes.IndexByte(src[start+1:], '<')
		if next >= 0 {
			size = 1 + next
		}
		if size > maxTag {
			if tag := startTag(src[start : start+size]); len(tag) > maxTag && bytes.Count(tag, []byte("=")) > maxAttributes {
				line := 1 + bytes.Count(src[:start], []byte("\n"))
				column := start - bytes.LastIndexByte(src[:start], '\n')
				return normalize.Park(normalize.ReasonTooLarge, fmt.Sprintf("%d:%d", line, column),
					"a tag of %d bytes with more than %d attributes", len(tag), maxAttributes)
			}
		}
		if next < 0 {
			break
		}
		start += 1 + next
	}
	return nil
}

// startTag is the start tag at the beginning of b, nil where something else begins there.
func startTag(b []byte) []byte {
	if len(b) < 2 || bytes.IndexByte([]byte("!?/ \t\r\n"), b[1]) >= 0 {
		return nil
	}
	quote := byte(0)
	for i, c := range b {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return b[:i+1]
		}
	}
	return b
}
