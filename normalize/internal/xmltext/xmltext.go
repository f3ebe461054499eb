// Package xmltext reads what stands before an XML document: byte order mark,
// declaration and encoding.
//
// They are read here and not by encoding/xml, which refuses XML 1.1 and any
// encoding but UTF-8.
package xmltext

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"sluice/normalize"
)

// Text is an XML document in UTF-8, without its declaration.
type Text struct {
	Body []byte
	// line and column are what the declaration took, for positions.
	line, column int
}

// Decode brings a document into UTF-8, from which or ISO 8859-1 it may come. An error
// is a *normalize.ParkError.
func Decode(src []byte) (Text, error) {
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(src, []byte("\xff\xfe")) || bytes.HasPrefix(src, []byte("\xfe\xff")) {
		return Text{}, unreadable("UTF-16")
	}
	if len(bytes.TrimSpace(src)) == 0 {
		return Text{}, normalize.Park(normalize.ReasonEmpty, "", "the document has no bytes")
	}
	if err := CheckTags(src); err != nil {
		return Text{}, err
	}
	declaration, body := Cut(src)
	t := Text{Body: body, line: bytes.Count(declaration, []byte("\n"))}
	t.column = len(declaration) - (bytes.LastIndexByte(declaration, '\n') + 1)
	switch encoding := Encoding(declaration); {
	case IsUTF8(encoding):
		if !utf8.Valid(body) {
			return Text{}, normalize.Park(normalize.ReasonEncoding, t.invalidPosition(), "not UTF-8: declare the encoding that it has")
		}
	case slices.Contains([]string{"iso-8859-1", "iso_8859-1", "latin1", "latin-1"}, encoding):
		t.Body = fromLatin1(body)
	default:
		return Text{}, unreadable(encoding)
	}
	return t, nil
}

func unreadable(encoding string) error {
	return normalize.Park(normalize.ReasonEncoding, "1:1", "the encoding %.40q is not read: write UTF-8", encoding)
}

// Cut cuts <?xml version="1.0" encoding="UTF-8"?> off the front.
func Cut(src []byte) (declaration, body []byte) {
	start := len(src) - len(bytes.TrimLeft(src, " \t\r\n"))
	if !bytes.HasPrefix(src[start:], []byte("<?xml")) {
		return nil, src
	}
	end := bytes.Index(src, []byte("?>"))
	// <?xml-stylesheet ...?> is no declaration.
	if end < start+6 || !strings.ContainsRune(" \t\r\n", rune(src[start+5])) {
		return nil, src
	}
	return src[:end+2], src[end+2:]
}

// Encoding is the encoding of a declaration in lower case, "" if it has none.
func Encoding(declaration []byte) string {
	_, rest, ok := strings.Cut(string(declaration), "encoding")
	if !ok {
		return ""
	}
	rest = strings.TrimLeft(rest, " \t\r\n=")
	if rest == "" || rest[0] != '"' && rest[0] != '\'' {
		return ""
	}
	name, _, _ := strings.Cut(rest[1:], rest[:1])
	return strings.ToLower(strings.TrimSpace(name))
}

// IsUTF8 reports whether a text in this encoding is one in UTF-8.
func IsUTF8(encoding string) bool {
	return slices.Contains([]string{"", "utf-8", "utf8", "us-ascii", "ascii"}, encoding)
}

func fromLatin1(src []byte) []byte {
	out := make([]byte, 0, len(src)+len(src)/16)
	for _, c := range src {
		out = utf8.AppendRune(out, rune(c))
	}
	return out
}

// Position is where a line and column of Body, counted from one, are in the original.
func (t Text) Position(line, column int) string {
	if line == 1 {
		column += t.column
	}
	return strconv.Itoa(line+t.line) + ":" + strconv.Itoa(column)
}

// invalidPosition is where the body stops being UTF-8.
func (t Text) invalidPosition() string {
	valid := 0
	for valid < len(t.Body) {
		r, size := utf8.DecodeRune(t.Body[valid:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		valid += size
	}
	column := valid - (bytes.LastIndexByte(t.Body[:valid], '\n') + 1)
	return t.Position(1+bytes.Count(t.Body[:valid], []byte("\n")), column+1)
}
