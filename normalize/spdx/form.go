package spdx

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/normalize"
)

// form collects the JSON form of a document: the members of the document itself, and
// the lists beside them as their elements are met, in whatever order that is.
type form struct {
	document object
	creation object // creationInfo
}

// json is the whole form.
func (f *form) json() []byte {
	if !f.creation.empty() {
		f.document.raw("creationInfo", f.creation.appendTo(nil))
	}
	return f.document.appendTo(make([]byte, 0, f.document.size()+2))
}

// object is one JSON object that is being written: members in the order in which they
// came, lists as they grew.
type object struct {
	members []byte // with a comma in front of all but the first
	lists   []list
}

// list is a member that is an array.
type list struct {
	name     string
	elements []byte
}

func (o *object) empty() bool { return len(o.members) == 0 && o.size() == 0 }

// size is about what appendTo adds.
func (o *object) size() int {
	n := len(o.members)
	for i := range o.lists {
		if e := len(o.lists[i].elements); e > 0 {
			n += e + len(o.lists[i].name) + 6
		}
	}
	return n
}

// reset empties the object and keeps its room.
func (o *object) reset() {
	o.members = o.members[:0]
	for i := range o.lists {
		o.lists[i].elements = o.lists[i].elements[:0]
	}
}

func (o *object) name(name string) {
	if len(o.members) > 0 {
		o.members = append(o.members, ',')
	}
	o.members = append(append(append(o.members, '"'), name...), '"', ':')
}

// text adds a member that is a string.
func (o *object) text(name string, value []byte) {
	o.name(name)
	o.members = appendText(o.members, value)
}

// raw adds a member whose value is JSON already.
func (o *object) raw(name string, value []byte) {
	o.name(name)
	o.members = append(o.members, value...)
}

// largeList is how many bytes of elements are worth to be given twice their room at once.
const largeList = 64 << 10

// list is the elements of the member, for another one to be appended to: a comma is
// there where one is needed.
func (o *object) list(name string) *[]byte {
	for i := range o.lists {
		if l := &o.lists[i]; l.name == name {
			if n := len(l.elements); n > 0 {
				if n > largeList && cap(l.elements)-n < n/8 {
					l.elements = slices.Grow(l.elements, n) // append would copy five times as often
				}
				l.elements = append(l.elements, ',')
			}
			return &l.elements
		}
	}
	o.lists = append(o.lists, list{name: name})
	return &o.lists[len(o.lists)-1].elements
}

// item adds a string to a list.
func (o *object) item(name string, value []byte) {
	l := o.list(name)
	*l = appendText(*l, value)
}

// element adds an object to a list.
func (o *object) element(name string, e *object) {
	l := o.list(name)
	*l = e.appendTo(*l)
}

// appendTo writes the object.
func (o *object) appendTo(b []byte) []byte {
	b = append(b, '{')
	b = append(b, o.members...)
	comma := len(o.members) > 0
	for i := range o.lists {
		l := &o.lists[i]
		if len(l.elements) == 0 {
			continue
		}
		if comma {
			b = append(b, ',')
		}
		comma = true
		b = append(append(append(b, '"'), l.name...), '"', ':', '[')
		b = append(append(b, l.elements...), ']')
	}
	return append(b, '}')
}

// plainByte are the bytes that stand for themselves in a JSON string.
var plainByte = func() (is [256]bool) {
	for c := range is {
		is[c] = c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf
	}
	return is
}()

// appendText writes a string. What is no UTF-8 was refused before; nearly all texts
// need no escape.
func appendText(b, text []byte) []byte {
	for i, c := range text {
		if !plainByte[c] {
			return appendEscaped(b, text, i)
		}
	}
	b = append(b, '"')
	b = append(b, text...)
	return append(b, '"')
}

// appendEscaped is appendText from the first byte on that may need an escape.
func appendEscaped(b, text []byte, from int) []byte {
	mark := len(b)
	b = append(append(b, '"'), text[:from]...)
	start := from
	for i := from; i < len(text); i++ {
		c := text[i]
		if c >= utf8.RuneSelf {
			_, size := utf8.DecodeRune(text[i:])
			if size == 1 { // not UTF-8: the library replaces it
				b, _ = jsontext.AppendQuote(b[:mark], text)
				return b
			}
			i += size - 1
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, text[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			const hex = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	b = append(b, text[start:]...)
	return append(b, '"')
}

// checkText refuses what PostgreSQL cannot hold, and an empty document.
func checkText(src []byte) ([]byte, error) {
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	switch {
	case len(bytes.TrimSpace(src)) == 0:
		return nil, normalize.Park(normalize.ReasonEmpty, "", "the document has no bytes")
	case !utf8.Valid(src):
		return nil, normalize.Park(normalize.ReasonEncoding, "", "the document is not UTF-8; convert it")
	}
	if i := bytes.IndexByte(src, 0); i >= 0 {
		return nil, normalize.Park(normalize.ReasonNUL, "", "NUL byte at offset %d; PostgreSQL cannot hold it", i)
	}
	return src, nil
}
