// Package lenient reads a JSON document member by member and takes what is usable.
//
// A third of the documents in the wild fail their own schema: a number where a
// string belongs, one object where a list does. A [Reader] warns about such a
// value with its JSON Pointer ("wrong-type") and goes on. Only text that is no
// JSON at all stops it, and then for good: after an error every loop ends and
// every value is empty, so callers ask [Reader.Err] once.
//
// The reader works in place on the bytes of the document. Nothing is copied but
// the texts that the caller asks for, and a part that is skipped costs no memory.
//
//	for ok := r.Object(); ok && r.Member(); {
//		switch string(r.Name()) {
//		case "name":
//			name = r.Text()
//		case "licenses":
//			for i, ok := 0, r.Array(); ok && r.Element(); i++ {
//				license(i, r.Text())
//			}
//		default:
//			r.Skip()
//		}
//	}
package lenient

import (
	"bytes"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/normalize"
)

// WarnFunc takes a warning; [normalize.Document.Warn] is one.
type WarnFunc func(code, pointer, format string, args ...any)

// Reader walks through one JSON value. Every call of Member or Element that
// returned true must be followed by exactly one call that takes the value: Text,
// Bytes, Texts, Time, Raw, Skip, Object, Array or List. A loop that was entered
// has to run to its end.
type Reader struct {
	dec     *jsontext.Decoder
	src     []byte
	base    string // pointer of src inside the whole document
	warn    WarnFunc
	name    []byte
	singles []single
	err     error
}

// single is a value that List took for the only element of a list.
type single struct {
	depth int // where it stands
	taken bool
}

// New returns a reader of src, whose pointer inside the document is base ("" for
// the whole document). A byte order mark is skipped.
func New(src []byte, base string, warn WarnFunc) *Reader {
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	return &Reader{
		// A bytes.Buffer is read in place, without a copy.
		dec:  jsontext.NewDecoder(bytes.NewBuffer(src), jsontext.AllowDuplicateNames(true)),
		src:  src,
		base: base,
		warn: warn,
	}
}

// Object enters the object that comes next. Anything else is skipped with a
// warning, null without one; it reports whether it entered.
func (r *Reader) Object() bool { return r.enter(jsontext.KindBeginObject, "an object") }

// Array enters the array that comes next, as Object does with an object.
func (r *Reader) Array() bool { return r.enter(jsontext.KindBeginArray, "an array") }

func (r *Reader) enter(kind jsontext.Kind, want string) bool {
	if r.err != nil {
		return false
	}
	switch r.dec.PeekKind() {
	case kind:
		_, r.err = r.dec.ReadToken()
		return r.err == nil
	case jsontext.KindNull:
		r.Skip()
		return false
	default:
		r.Skip()
		r.wrong("this should be " + want + "; it is not used")
		return false
	}
}

// List enters the array that comes next. A value that is no array is taken for
// its only element, with a warning; null is an empty list.
func (r *Reader) List() bool {
	if r.err != nil {
		return false
	}
	switch r.dec.PeekKind() {
	case jsontext.KindBeginArray, jsontext.KindNull:
		return r.Array()
	}
	r.singles = append(r.singles, single{depth: r.dec.StackDepth()})
	return true
}

// Member goes to the next member of the object and reads its name. It returns
// false, having left the object, where there is none.
func (r *Reader) Member() bool {
	if !r.more() {
		return false
	}
	v, err := r.dec.ReadValue()
	if err != nil {
		r.err = err
		return false
	}
	r.name = unquote(v)
	return true
}

// Name is the name of the member that Member went to.
func (r *Reader) Name() []byte { return r.name }

// Element goes to the next element of the array or list. It returns false, having
// left the array, where there is none.
func (r *Reader) Element() bool {
	if n := len(r.singles); n > 0 && r.err == nil && r.singles[n-1].depth == r.dec.StackDepth() {
		if s := &r.singles[n-1]; !s.taken {
			s.taken = true
			return true
		}
		r.singles = r.singles[:n-1]
		r.wrong("a single value where an array belongs")
		return false
	}
	return r.more()
}

// more reports whether something else comes in the object or array; if not, it leaves that.
func (r *Reader) more() bool {
	if r.err != nil {
		return false
	}
	switch r.dec.PeekKind() {
	case jsontext.KindEndObject, jsontext.KindEndArray, jsontext.KindInvalid:
		_, r.err = r.dec.ReadToken()
		return false
	}
	return true
}

// Raw takes any value as it stands in the document, without a copy.
func (r *Reader) Raw() []byte {
	if r.err != nil {
		return nil
	}
	var v jsontext.Value
	// ReadValue rather than SkipValue: on bytes that are in memory it is
	// several times faster, because it does not keep a stack of names.
	v, r.err = r.dec.ReadValue()
	return v
}

// Skip passes over any value.
func (r *Reader) Skip() { r.Raw() }

// Shape is what a value that is not read should be.
type Shape byte

// The shapes of values.
const (
	Any Shape = iota
	ShapeText
	ShapeObject
	ShapeArray   // of anything
	ShapeTexts   // an array of strings
	ShapeObjects // an array of objects
	ShapeBool
)

// Pass passes over a value that is not read, and warns where it, or the first element of it, is
// of the wrong type. It returns the value as it stands.
func (r *Reader) Pass(want Shape) []byte {
	if r.err != nil {
		return nil
	}
	kind := r.dec.PeekKind()
	raw := r.Raw()
	if r.err != nil || kind == jsontext.KindNull {
		return raw
	}
	message := ""
	switch want {
	case ShapeText:
		if kind != jsontext.KindString {
			message = "this should be a string"
		}
	case ShapeObject:
		if kind != jsontext.KindBeginObject {
			message = "this should be an object"
		}
	case ShapeBool:
		if kind != jsontext.KindTrue && kind != jsontext.KindFalse {
			message = "this should be true or false"
		}
	case ShapeArray, ShapeTexts, ShapeObjects:
		first := byte(']')
		if kind == jsontext.KindBeginArray {
			first = bytes.TrimLeft(raw[1:], " \t\r\n")[0]
		}
		switch {
		case kind != jsontext.KindBeginArray:
			message = "this should be an array"
		case first == ']', want == ShapeArray:
		case want == ShapeTexts && first != '"':
			message = "this should be an array of strings"
		case want == ShapeObjects && first != '{':
			message = "this should be an array of objects"
		}
	}
	if message != "" {
		r.wrong(message + "; it is kept in the original only")
	}
	return raw
}

// IsNull reports whether null comes next.
func (r *Reader) IsNull() bool { return r.next(jsontext.KindNull) }

// IsObject reports whether an object comes next.
func (r *Reader) IsObject() bool { return r.next(jsontext.KindBeginObject) }

// IsArray reports whether an array comes next.
func (r *Reader) IsArray() bool { return r.next(jsontext.KindBeginArray) }

func (r *Reader) next(kind jsontext.Kind) bool { return r.err == nil && r.dec.PeekKind() == kind }

// Depth is the number of objects and arrays that the reader is inside of.
func (r *Reader) Depth() int { return r.dec.StackDepth() }

// Pointer is the JSON Pointer of what was read last.
func (r *Reader) Pointer() string { return r.base + string(r.dec.StackPointer()) }

// End reports by Err that something follows the document.
func (r *Reader) End() {
	if r.err != nil {
		return
	}
	offset := r.dec.InputOffset()
	switch _, err := r.dec.ReadToken(); {
	case err == io.EOF:
	case err != nil:
		r.err = err
	default:
		r.err = normalize.Park(normalize.ReasonSyntax, "",
			"something follows the document at byte %d: send one document at a time", offset)
	}
}

// wrong warns that the value just read is not what the specification asks for.
func (r *Reader) wrong(message string) {
	if r.err == nil && r.warn != nil {
		r.warn("wrong-type", r.Pointer(), "%s", message)
	}
}
