package cyclonedx

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// walk holds the raw value of a member that is not read, or read elsewhere, against rules.txt.
// The value is well-formed: whoever passed over it has seen that. So nothing is
// decoded here but what turns out to be odd, and a document in order pays next to nothing.
type walk struct {
	b    *bom
	src  []byte
	at   int
	base string // pointer of src
	path []step
	odd  bool // something was
	// properties take those of a component.
	properties *origins
	// single and expressions count the entries of the innermost list of licences.
	single, expressions int
	templates           [repeated]template
}

// step is one of a pointer: a name, or without one an index.
type step struct {
	name  []byte
	index int
}

// checkMember holds what stands in a member of an object against the rules, and reports whether
// nothing was odd. The pointer is the object's.
func (b *bom) checkMember(m *member, raw []byte, pointer string) bool {
	if len(raw) == 0 {
		return true
	}
	w := &b.walk
	w.b, w.src, w.at, w.base, w.odd = b, raw, 0, pointer, false
	w.path = append(w.path[:0], step{name: m.name})
	w.value(&m.value)
	return !w.odd
}

// checkTop does so with a member of the document.
func (b *bom) checkTop(name string, raw []byte) {
	b.checkMember(b.rules.bom.member(name), raw, "")
}

// warn says that something is odd where the walk is, or once more somewhere inside of it. What another
// pass over the same section has said is not said again.
func (w *walk) warn(code, inside, format string, args ...any) {
	w.odd = true
	pointer := w.pointer() + inside
	for _, said := range w.b.doc.Warnings {
		if said.Pointer == pointer || code == wrongType && said.Code == code && strings.HasPrefix(said.Pointer, pointer+"/") {
			return
		}
	}
	w.b.doc.Warn(code, pointer, format, args...)
}

func (w *walk) pointer() string {
	var p strings.Builder
	p.WriteString(w.base)
	for _, s := range w.path {
		p.WriteByte('/')
		if s.name == nil {
			p.WriteString(strconv.Itoa(s.index))
			continue
		}
		p.Write(bytes.ReplaceAll(bytes.ReplaceAll(s.name, []byte("~"), []byte("~0")), []byte("/"), []byte("~1")))
	}
	return p.String()
}

// space goes to what comes next, which is returned.
func (w *walk) space() byte {
	w.at = next(w.src, w.at)
	return w.src[w.at]
}

// next is where something comes that is no white space, comma or colon.
func next(src []byte, at int) int {
	for {
		switch c := src[at]; {
		case c > ':':
			return at
		case c == ' ' || c == ',' || c == ':' || c == '\n' || c == '\r' || c == '\t':
			// Indentation comes by the dozen.
			for at++; at+8 <= len(src); at += 8 {
				if other := binary.LittleEndian.Uint64(src[at:]) ^ 0x2020202020202020; other != 0 {
					at += bits.TrailingZeros64(other) / 8
					break
				}
			}
		default:
			return at
		}
	}
}

// text reads a string, and returns what is between its quotes.
func (w *walk) text() []byte {
	start := w.at + 1
	end := start + bytes.IndexByte(w.src[start:], '"')
	for w.src[end-1] == '\\' && !ends(w.src[start:end]) {
		end += 1 + bytes.IndexByte(w.src[end+1:], '"')
	}
	w.at = end + 1
	return w.src[start:end]
}

// ends reports whether a quote behind this text ends it: the backslashes before it are in pairs.
func ends(text []byte) bool {
	n := 0
	for n < len(text) && text[len(text)-1-n] == '\\' {
		n++
	}
	return n%2 == 0
}

// plain is a text without its escapes.
func plain(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	quoted := append(append(make([]byte, 0, len(raw)+2), '"'), raw...)
	if out, err := jsontext.AppendUnquote(nil, append(quoted, '"')); err == nil {
		return out
	}
	return raw
}

// pass goes behind the value that comes next.
func (w *walk) pass() {
	for depth := 0; ; {
		switch w.src[w.at] {
		case '"':
			w.text()
		case '{', '[':
			depth++
			w.at++
			continue
		case '}', ']':
			depth--
			w.at++
		case ' ', '\t', '\n', '\r', ',', ':':
			w.at++
			continue
		default:
			w.scalar()
		}
		if depth == 0 {
			return
		}
	}
}

// scalar reads a number or a word.
func (w *walk) scalar() []byte {
	start := w.at
	for w.at < len(w.src) {
		switch w.src[w.at] {
		case ',', '}', ']', ' ', '\t', '\n', '\r':
			return w.src[start:w.at]
		}
		w.at++
	}
	return w.src[start:]
}

func (w *walk) value(v *value) {
	kind := w.space()
	switch {
	case v.any, kind == 'n':
		w.pass()
	case kind == '"' && v.text:
		if text := w.text(); v.checked {
			w.meaning(v, text)
		}
	case kind == '{' && v.object != nil:
		w.object(v.object)
	case kind == '[' && v.item != nil:
		w.list(v.item)
	case (kind == 't' || kind == 'f') && v.truth:
		w.pass()
	case (kind == '-' || kind >= '0' && kind <= '9') && v.number:
		w.number(v)
	default:
		w.pass()
		w.warn(wrongType, "", "this should be %s; it is kept in the original only", v.kind())
	}
}

// kindOf is the kind of a value that begins with c.
func kindOf(c byte) jsontext.Kind {
	if c == '-' || c >= '0' && c <= '9' {
		return jsontext.KindNumber
	}
	return jsontext.Kind(c)
}

// meaning looks at what a text says.
func (w *walk) meaning(v *value, raw []byte) {
	if v.fits(raw) {
		return
	}
	text := plain(raw)
	if w.b.xml {
		if text = bytes.TrimSpace(text); len(text) == 0 {
			return // an element or attribute that is not there: where one has to be, that is said
		}
	}
	if v.fits(text) {
		return
	}
	switch {
	case v.enum != nil:
		w.warn(v.enum.code, "", "%.60q is no %s", text, v.enum.what)
	case v.form != nil:
		w.warn(v.form.code, "", "%.60q should be %s", text, v.form.what)
	default:
		w.warn(invalidValue, "", "this must not be empty")
	}
}

func (w *walk) number(v *value) {
	raw := w.scalar()
	if !v.whole && v.low < -1e300 && v.high > 1e300 {
		return
	}
	n, err := strconv.ParseFloat(string(raw), 64)
	switch {
	case err != nil:
	case v.whole && n != float64(int64(n)):
		w.warn(wrongType, "", "this should be a whole number; it is kept in the original only")
	case n < v.low || n > v.high:
		w.warn(invalidValue, "", "%.40s is out of its bounds", raw)
	}
}

func (w *walk) list(item *value) {
	w.at++
	depth := len(w.path)
	w.path = append(w.path, step{})
	single, expressions := w.single, w.expressions
	w.single, w.expressions = 0, 0
	said := false
	for i := 0; ; i++ {
		c := w.space()
		if c == ']' {
			w.at++
			break
		}
		if !item.any && c != 'n' && !item.takes(kindOf(c)) {
			w.pass()
			if !said {
				said = true
				w.path = w.path[:depth]
				w.warn(wrongType, "", "this should be %s; it is kept in the original only", (&value{item: item}).kind())
				w.path = append(w.path, step{})
			}
			continue
		}
		if item.object != nil && w.again(item.object) {
			continue
		}
		w.path[depth].index = i
		w.value(item)
	}
	w.path = w.path[:depth]
	if w.expressions > 0 && w.expressions+w.single > 1 && w.b.strictLicenses() {
		w.warn(conflictingMembers, "", "up to CycloneDX 1.6 there is one expression, or there are licences")
	}
	w.single, w.expressions = single, expressions
}

func (w *walk) object(o *object) {
	w.at++
	var seen uint64
	var first, second []byte // values of the first members, which are in the order of the alphabet
	depth := len(w.path)
	w.path = append(w.path, step{})
	src := w.src
	odd := w.odd
	w.odd = false
	t := template{from: w.at - 1, open: o.repeats > 0}
	for i := -1; ; {
		at := next(src, w.at)
		if src[at] == '}' {
			w.at = at + 1
			break
		}
		w.at = at
		i = w.member(o, i)
		at = next(src, w.at)
		w.at = at
		c := src[at]
		if i < 0 {
			t.open = false
			w.pass()
			if !o.open && !w.b.doc.Enough(unknownMember) {
				w.warn(unknownMember, "", "CycloneDX has no such member here; it is kept in the original only")
			}
			continue
		}
		m := &o.members[i]
		if c == '"' && m.text {
			if text := w.text(); m.checked {
				w.meaning(&m.value, text)
			}
		} else {
			t.open = false
			w.value(&m.value)
		}
		if t.open {
			t.add(i, at+1, w.at-1)
		}
		if c != 'n' && !(w.b.xml && w.at-at == 2 && c == '"') {
			seen |= 1 << i
		}
		switch i {
		case 0:
			first = src[at:w.at]
		case 1:
			second = src[at:w.at]
		}
	}
	w.path = w.path[:depth]
	if o.required&^seen != 0 || o.choices != nil {
		w.missing(o, seen)
	}
	if t.open && !w.odd {
		t.end(src, w.at)
		w.templates[o.repeats] = t
	}
	w.odd = w.odd || odd
	w.settled(o, seen, first, second)
}

// settled hands on what somebody wants to know of an object.
func (w *walk) settled(o *object, seen uint64, first, second []byte) {
	switch {
	case o.is == aProperty && w.properties != nil:
		w.properties.take(first, second)
	case o.is != aLicense:
	case seen&(1<<o.find([]byte("expression"))) != 0:
		w.expressions++
	default:
		w.single++
	}
}

// member reads the name of a member, the one after before as a rule, and returns its index, -1 for one
// that is not known.
func (w *walk) member(o *object, before int) int {
	here := &w.path[len(w.path)-1]
	if i := o.guess(w.src[w.at+1:], before); i >= 0 {
		here.name = o.members[i].name
		w.at += len(here.name) + 2
		return i
	}
	here.name = plain(w.text())
	return o.find(here.name)
}

// missing says which members are not there that have to be, and which are too many.
func (w *walk) missing(o *object, seen uint64) {
	for lack := o.required &^ seen; lack != 0; lack &= lack - 1 {
		w.warn(missingMember, "/"+string(o.members[bits.TrailingZeros64(lack)].name), "this has to be there, and is not")
	}
	for i := range o.choices {
		c := &o.choices[i]
		switch n := bits.OnesCount64(seen & c.members); {
		case n < c.least:
			w.warn(missingMember, "", "one of these has to be there: %s", strings.Join(c.names, ", "))
		case n > c.most:
			w.warn(conflictingMembers, "", "only one of these may be there: %s", strings.Join(c.names, ", "))
		}
	}
}
