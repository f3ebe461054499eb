// Package detect looks at the bytes of a document before any format does.
//
// Scan makes one pass and answers three questions: which notation is it, can
// PostgreSQL hold it as jsonb, and what are the few members that tell formats
// apart. Detect asks each format whether it recognises those members, and says
// what the document seems to be when none does. MeaningHash says whether two
// documents mean the same although their bytes differ.
//
// What Scan accepts as JSON is well-formed, valid UTF-8, not nested deeper than
// the limit and storable: a format that reads it afterwards need not check again.
package detect

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"sluice/normalize"
)

var bom = []byte("\xef\xbb\xbf")

// Strip returns the bytes without a UTF-8 byte order mark: what goes into jsonb.
// The content hash is over the bytes with it.
func Strip(b []byte) []byte { return bytes.TrimPrefix(b, bom) }

// Scan looks at a whole document once. An error is a *normalize.ParkError.
//
// The notation is decided by content: '{' or '[' opens JSON, '<' opens XML, a
// first line "word:" opens a YAML mapping, the rest is text. Text and YAML have
// the scalar values of their "key: value" lines in Head.Members, so that SPDX
// tag-value documents can be recognised by "/SPDXVersion". Of arrays directly
// inside the top-level object the first few scalars are there too: "/@context/0".
func Scan(b []byte, lim normalize.Limits) (*normalize.Head, error) {
	lim = lim.OrDefault()
	if int64(len(b)) > lim.MaxBytes {
		return nil, normalize.Park(normalize.ReasonTooLarge, "", "%d bytes; the limit for one document is %d", len(b), lim.MaxBytes)
	}
	if name := wideEncoding(b); name != "" {
		return nil, normalize.Park(normalize.ReasonEncoding, "", "the document is in %s; convert it to UTF-8", name)
	}
	body := Strip(b)
	start := skipSpace(body, 0)
	if start == len(body) {
		return nil, normalize.Park(normalize.ReasonEmpty, "", "the document has no content (%d bytes)", len(b))
	}
	switch body[start] {
	case '{', '[':
		return scanJSON(body, start, min(lim.MaxDepth, maxDepth), lim.MaxString)
	case '<':
		return scanXML(body)
	}
	return scanText(body)
}

// maxDepth is what jsontext, which the formats read with, can follow.
const maxDepth = 10000

// wideEncoding names the encoding of a document in 16 or 32 bit units, by its byte
// order mark or, without one, by the zero byte beside an opening ASCII character.
func wideEncoding(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte{0xff, 0xfe, 0, 0}), bytes.HasPrefix(b, []byte{0, 0, 0xfe, 0xff}):
		return "UTF-32"
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}), bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		return "UTF-16"
	case len(b) < 4:
		return ""
	case opens(b[0]) && b[1] == 0 && b[2] != 0 && b[3] == 0, b[0] == 0 && opens(b[1]) && b[2] == 0 && b[3] != 0:
		return "UTF-16 without a byte order mark"
	}
	return ""
}

func opens(c byte) bool { return c == '{' || c == '[' || c == '<' }

// lineColumn says where offset is, both counted from one; columns are bytes.
func lineColumn(b []byte, offset int) string {
	offset = min(offset, len(b))
	line := 1 + bytes.Count(b[:offset], []byte{'\n'})
	column := offset - bytes.LastIndexByte(b[:offset], '\n')
	return fmt.Sprintf("%d:%d", line, column)
}

// invalidUTF8 returns the offset of the first byte that is not UTF-8, len(b) if there is none.
func invalidUTF8(b []byte) int {
	if utf8.Valid(b) {
		return len(b)
	}
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(b)
}

// checkUTF8 refuses NUL bytes and bytes that are not UTF-8 in XML and text.
func checkUTF8(b []byte) error {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return normalize.Park(normalize.ReasonNUL, lineColumn(b, i), "NUL byte at offset %d; PostgreSQL cannot hold it", i)
	}
	if i := invalidUTF8(b); i < len(b) {
		return normalize.Park(normalize.ReasonEncoding, lineColumn(b, i), "byte 0x%02x at offset %d is not UTF-8; convert the document to UTF-8", b[i], i)
	}
	return nil
}
