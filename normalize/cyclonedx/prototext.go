package cyclonedx

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"sluice/normalize"
	"sluice/normalize/lenient"
)

// textReader turns the text form into the binary one, which is then read as that: the two
// cannot disagree. The language is that of
// https://protobuf.dev/reference/protobuf/textformat-spec/.
type textReader struct {
	src   []byte
	i     int
	out   []byte
	depth int
	limit normalize.Limits
	warn  lenient.WarnFunc
	err   error // a *normalize.ParkError
}

// binaryForm is the binary form of a document in text form.
func binaryForm(src []byte, limits normalize.Limits, warn lenient.WarnFunc) ([]byte, error) {
	r := &textReader{src: bytes.TrimPrefix(src, []byte("\xef\xbb\xbf")), limit: limits, warn: warn}
	r.out = make([]byte, 0, len(src)/2)
	r.fields(schema(), 0)
	if r.err != nil {
		return nil, r.err
	}
	return r.out, nil
}

func (r *textReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = normalize.Park(normalize.ReasonSyntax, r.position(), "not well-formed text protobuf: "+format, args...)
	}
}

func (r *textReader) position() string {
	read := r.src[:min(r.i, len(r.src))]
	return fmt.Sprintf("%d:%d", 1+bytes.Count(read, []byte{'\n'}), len(read)-bytes.LastIndexByte(read, '\n'))
}

// unknown warns that something does not get into the JSON form.
func (r *textReader) unknown(format string, args ...any) {
	r.warn("unknown-field", r.position(), format, args...)
}

// space passes over white space and comments and returns what comes next, 0 at the end.
func (r *textReader) space() byte {
	for r.i < len(r.src) {
		switch c := r.src[r.i]; c {
		case ' ', '\t', '\r', '\n', '\v', '\f':
			r.i++
		case '#':
			if n := bytes.IndexByte(r.src[r.i:], '\n'); n >= 0 {
				r.i += n
			} else {
				r.i = len(r.src)
			}
		default:
			return c
		}
	}
	return 0
}

// fields reads the fields of a message up to its end, which is 0 for the whole document.
// Fields of a message that is not known, m == nil, are passed over.
func (r *textReader) fields(m *protoMessage, end byte) {
	if r.depth++; r.depth > r.limit.MaxDepth && r.err == nil {
		r.err = normalize.Park(normalize.ReasonDepth, r.position(), "nested deeper than %d levels", r.limit.MaxDepth)
	}
	defer func() { r.depth-- }()
	for r.err == nil {
		c := r.space()
		if c == end {
			if end != 0 {
				r.i++
			} else if r.i < len(r.src) {
				r.fail("a NUL character")
			}
			return
		}
		if c == 0 {
			r.fail("the document ends inside of a message; it is cut off")
			return
		}
		r.field(m)
		if c := r.space(); c == ',' || c == ';' {
			r.i++
		}
	}
}

// field reads one field with its value or values.
func (r *textReader) field(m *protoMessage) {
	var f *protoField
	if r.src[r.i] == '[' { // an extension or an Any
		n := bytes.IndexByte(r.src[r.i:], ']')
		if n < 0 {
			r.fail("a [ without its ]")
			return
		}
		r.unknown("%.60q is not of CycloneDX; it is not used", r.src[r.i:r.i+n+1])
		r.i += n + 1
	} else {
		name := r.word()
		if len(name) == 0 {
			r.fail("%q where the name of a field should be", r.rune())
			return
		}
		switch index, ok := -1, false; {
		case m == nil:
		default:
			if index, ok = m.byName[string(name)]; ok {
				f = &m.fields[index]
			} else {
				r.unknown("the message %s has no field %.60q; it is not used", m.name, name)
			}
		}
	}
	c := r.space()
	if c == ':' {
		r.i++
		c = r.space()
	} else if c != '{' && c != '<' && c != '[' {
		r.fail("%q where a colon should be", r.rune())
		return
	}
	if c != '[' {
		r.value(f)
		return
	}
	r.i++
	if r.space() == ']' {
		r.i++
		return
	}
	for r.err == nil {
		r.value(f)
		switch r.space() {
		case ',':
			r.i++
			continue
		case ']':
			r.i++
			return
		}
		r.fail("%q where a comma or ] should be", r.rune())
	}
}

func (r *textReader) rune() rune {
	c, _ := utf8.DecodeRune(r.src[min(r.i, len(r.src)):])
	return c
}

// value reads one value of a field, nil for one that is not known.
func (r *textReader) value(f *protoField) {
	if r.err != nil {
		return
	}
	switch c := r.space(); {
	case c == '{' || c == '<':
		r.i++
		end := byte('}')
		if c == '<' {
			end = '>'
		}
		r.messageValue(f, end)
	case c == '"' || c == '\'':
		s, ok := r.text()
		switch {
		case !ok || f == nil:
		case f.kind == kindString:
			r.out = protowire.AppendBytes(protowire.AppendTag(r.out, protowire.Number(f.number), protowire.BytesType), s)
		default:
			r.unknown("a text for the field %s, which is of another type; it is not used", f.name)
		}
	default:
		start := r.i
		for r.i < len(r.src) && isScalar(r.src[r.i]) {
			r.i++
			if r.i == start+1 && r.src[start] == '-' {
				r.space() // may follow the sign
			}
		}
		word := string(bytes.TrimSpace(r.src[start:r.i]))
		if word == "" {
			r.fail("%q where a value should be", r.rune())
			return
		}
		if f != nil {
			r.scalar(f, strings.ReplaceAll(word, " ", ""))
		}
	}
}

func isScalar(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '+' || c == '.'
}

// messageValue reads a message after its opening bracket.
func (r *textReader) messageValue(f *protoField, end byte) {
	switch {
	case f == nil:
		r.fields(nil, end)
		return
	case f.kind == kindTime || f.kind == kindDate:
		r.nested(f, timestampMessage, end)
		return
	case f.message == nil:
		r.unknown("a message for the field %s, which is none; it is not used", f.name)
		r.fields(nil, end)
		return
	}
	r.nested(f, f.message, end)
}

// timestampMessage is google.protobuf.Timestamp.
var timestampMessage = &protoMessage{
	name: "Timestamp", byName: map[string]int{"seconds": 0, "nanos": 1},
	fields: []protoField{{number: 1, name: "seconds", kind: kindInt}, {number: 2, name: "nanos", kind: kindInt}},
}

// lengthSize is the room for the length of a message, which is known only at its end. It is
// written with as many bytes as the largest takes: no reader minds, and nothing has to move.
const lengthSize = 5

// nested writes a message with its length.
func (r *textReader) nested(f *protoField, m *protoMessage, end byte) {
	r.out = protowire.AppendTag(r.out, protowire.Number(f.number), protowire.BytesType)
	start := len(r.out)
	r.out = append(r.out, make([]byte, lengthSize)...)
	r.fields(m, end)
	length := len(r.out) - start - lengthSize
	for i := range lengthSize {
		r.out[start+i] = byte(length>>(7*i)) & 0x7f
		if i < lengthSize-1 {
			r.out[start+i] |= 0x80
		}
	}
}

// scalar writes a number or a word.
func (r *textReader) scalar(f *protoField, word string) {
	tag := func(typ protowire.Type) {
		r.out = protowire.AppendTag(r.out, protowire.Number(f.number), typ)
	}
	bad := func() {
		r.unknown("%.60q for the field %s, which is of another type; it is not used", word, f.name)
	}
	switch f.kind {
	case kindBool:
		on := slices.Contains([]string{"true", "True", "t", "1"}, word)
		if !on && !slices.Contains([]string{"false", "False", "f", "0"}, word) {
			bad()
			return
		}
		tag(protowire.VarintType)
		r.out = protowire.AppendVarint(r.out, protowire.EncodeBool(on))
	case kindInt:
		n, err := strconv.ParseInt(word, 0, 64)
		if err != nil {
			bad()
			return
		}
		tag(protowire.VarintType)
		r.out = protowire.AppendVarint(r.out, uint64(n))
	case kindEnum:
		n, ok := f.enum.byName[word]
		if !ok {
			number, err := strconv.ParseInt(word, 0, 32)
			if err != nil {
				r.unknown("%s has no value %.60q; it is not used", f.name, word)
				return
			}
			n = int(number)
		}
		tag(protowire.VarintType)
		r.out = protowire.AppendVarint(r.out, uint64(n))
	case kindFloat, kindDouble:
		v, err := strconv.ParseFloat(strings.TrimRight(strings.ToLower(word), "f"), 64)
		if err != nil && strings.HasSuffix(strings.ToLower(word), "inf") {
			v, err = strconv.ParseFloat(word, 64)
		}
		switch {
		case err != nil:
			bad()
		case f.kind == kindFloat:
			tag(protowire.Fixed32Type)
			r.out = protowire.AppendFixed32(r.out, math.Float32bits(float32(v)))
		default:
			tag(protowire.Fixed64Type)
			r.out = protowire.AppendFixed64(r.out, math.Float64bits(v))
		}
	default:
		bad()
	}
}

// word reads a name.
func (r *textReader) word() []byte {
	start := r.i
	for r.i < len(r.src) && isScalar(r.src[r.i]) && r.src[r.i] != '-' && r.src[r.i] != '+' {
		r.i++
	}
	return r.src[start:r.i]
}

// text reads a string in quotes; several one after the other are one.
//
// One without an escape, which nearly all are, stays where it is.
func (r *textReader) text() (s []byte, ok bool) {
	for c := r.space(); c == '"' || c == '\''; c = r.space() {
		r.i++
		for {
			n := plainText(r.src[r.i:], c)
			if r.i+n == len(r.src) {
				r.i = len(r.src)
				r.fail("the document ends inside of a text; it is cut off")
				return nil, false
			}
			if s == nil {
				s = r.src[r.i : r.i+n : r.i+n]
			} else {
				s = append(s, r.src[r.i:r.i+n]...)
			}
			r.i += n
			if r.src[r.i] == c {
				r.i++
				break
			}
			if r.src[r.i] == '\n' {
				r.fail("a line ends inside of a text; write \\n")
				return nil, false
			}
			if s, ok = r.escape(s); !ok {
				return nil, false
			}
		}
	}
	return s, true
}

// plainText is how many bytes of a text come before its end, an escape or the end of the line.
func plainText(b []byte, quote byte) int {
	for i, c := range b {
		if c == quote || c == '\\' || c == '\n' {
			return i
		}
	}
	return len(b)
}

var escapes = map[byte]byte{'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v', '\\': '\\', '\'': '\'', '"': '"', '?': '?'}

// escape reads what follows a backslash.
func (r *textReader) escape(s []byte) ([]byte, bool) {
	digits := func(most, base, bits int) (uint64, bool) {
		end := r.i
		for end < len(r.src) && end-r.i < most && strings.IndexByte("0123456789abcdef"[:base], r.src[end]|0x20) >= 0 {
			end++
		}
		n, err := strconv.ParseUint(string(r.src[r.i:end]), base, bits)
		r.i = end
		return n, err == nil
	}
	if r.i++; r.i == len(r.src) {
		r.fail("the document ends inside of a text; it is cut off")
		return nil, false
	}
	c := r.src[r.i]
	if plain, ok := escapes[c]; ok {
		r.i++
		return append(s, plain), true
	}
	var n uint64
	var ok bool
	switch {
	case c >= '0' && c <= '7':
		if n, ok = digits(3, 8, 8); ok {
			return append(s, byte(n)), true
		}
	case c == 'x' || c == 'X':
		r.i++
		if n, ok = digits(2, 16, 8); ok {
			return append(s, byte(n)), true
		}
	case c == 'u' || c == 'U':
		r.i++
		start, most := r.i, 4
		if c == 'U' {
			most = 8
		}
		if n, ok = digits(most, 16, 32); !ok || r.i != start+most {
			break
		}
		if n >= 0xd800 && n < 0xdc00 && bytes.HasPrefix(r.src[r.i:], []byte(`\u`)) { // half of a pair
			r.i += 2
			low, ok := digits(4, 16, 32)
			if !ok || low < 0xdc00 || low > 0xdfff {
				break
			}
			n = (n-0xd800)<<10 + low - 0xdc00 + 0x10000
		}
		if n <= utf8.MaxRune && utf8.ValidRune(rune(n)) {
			return utf8.AppendRune(s, rune(n)), true
		}
	}
	r.fail("an invalid escape sequence in a text")
	return nil, false
}
