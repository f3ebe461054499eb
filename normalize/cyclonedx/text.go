package cyclonedx

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"sluice/normalize"
)

// text is an XML document in UTF-8, without its declaration.
type text struct {
	body []byte
	// line and column are what the declaration took, for positions.
	line, column int
}

// decodeText brings a document into UTF-8. The declaration is read here and not
// by encoding/xml, which refuses XML 1.1 and any encoding but UTF-8.
func decodeText(src []byte) (text, error) {
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(src, []byte("\xff\xfe")) || bytes.HasPrefix(src, []byte("\xfe\xff")) {
		return text{}, unreadableEncoding("UTF-16")
	}
	if len(bytes.TrimSpace(src)) == 0 {
		return text{}, normalize.Park(normalize.ReasonEmpty, "", "the document has no bytes")
	}
	declaration, body := cutDeclaration(src)
	t := text{body: body, line: bytes.Count(declaration, []byte("\n"))}
	t.column = len(declaration) - (bytes.LastIndexByte(declaration, '\n') + 1)
	switch encoding := declaredEncoding(declaration); encoding {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		if !utf8.Valid(body) {
			return text{}, normalize.Park(normalize.ReasonEncoding, t.invalidPosition(), "not UTF-8: declare the encoding that it has")
		}
	case "iso-8859-1", "iso_8859-1", "latin1", "latin-1":
		t.body = fromLatin1(body)
	default:
		return text{}, unreadableEncoding(encoding)
	}
	return t, nil
}

func unreadableEncoding(encoding string) error {
	return normalize.Park(normalize.ReasonEncoding, "1:1", "the encoding %.40q is not read: write UTF-8", encoding)
}

// cutDeclaration cuts <?xml version="1.0" encoding="UTF-8"?> off the front.
func cutDeclaration(src []byte) (declaration, body []byte) {
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

// declaredEncoding is the encoding of a declaration in lower case, "" if it has none.
func declaredEncoding(declaration []byte) string {
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

func fromLatin1(src []byte) []byte {
	out := make([]byte, 0, len(src)+len(src)/16)
	for _, c := range src {
		out = utf8.AppendRune(out, rune(c))
	}
	return out
}

// invalidPosition is where the body stops being UTF-8, as line:column.
func (t text) invalidPosition() string {
	valid := 0
	for valid < len(t.body) {
		r, size := utf8.DecodeRune(t.body[valid:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		valid += size
	}
	line := bytes.Count(t.body[:valid], []byte("\n"))
	column := valid - (bytes.LastIndexByte(t.body[:valid], '\n') + 1)
	if line == 0 {
		column += t.column
	}
	return strconv.Itoa(1+t.line+line) + ":" + strconv.Itoa(column+1)
}
