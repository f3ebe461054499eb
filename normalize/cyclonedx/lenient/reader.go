// Package lenient reads a JSON document member by member and takes what is usable.
//
// Half of the tools that write SBOMs get a type wrong somewhere: a number where
// a string belongs, a string where a list belongs. A [Reader] warns about such
// a member and goes on. Only text that is no JSON at all stops it, and then for
// good: after an error every loop ends, so callers ask [Reader.Err] once.
//
// The reader works in place on the bytes of the document. Nothing is copied but
// the texts that the caller asks for, and a part that is skipped costs no memory.
//
//	for ok := r.Object(); ok && r.Member(); {
//		switch string(r.Name()) {
//		case "name":
//			name = r.Text()
//		default:
//			r.Skip()
//		}
//	}
package lenient

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/normalize"
)

// WarnFunc takes a warning; [normalize.Document.Warn] is one.
type WarnFunc func(code, pointer, format string, args ...any)

// Reader walks through one JSON value. Every call of Member or Element that
// returned true must be followed by exactly one call that takes the value:
// Text, Raw, Skip, Texts, Object or Array.
type Reader struct {
	dec  *jsontext.Decoder
	src  []byte
	base string // pointer of src inside the whole document
	warn WarnFunc
	name []byte
	err  error
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
func (r *Reader) Object() bool { return r.enter('{', "an object") }

// Array enters the array that comes next, as Object does with an object.
func (r *Reader) Array() bool { return r.enter('[', "an array") }

func (r *Reader) enter(kind jsontext.Kind, want string) bool {
	if r.err != nil {
		return false
	}
	switch r.dec.PeekKind() {
	case kind:
		_, r.err = r.dec.ReadToken()
		return r.err == nil
	case 'n':
		r.Skip()
		return false
	default:
		r.Skip()
		r.wrong(want)
		return false
	}
}

// Member goes to the next member of the object and reads its name. It returns
// false, having left the object, where there is none.
func (r *Reader) Member() bool {
	if !r.Element() {
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

// Element goes to the next element of the array. It returns false, having left
// the array, where there is none.
func (r *Reader) Element() bool {
	if r.err != nil {
		return false
	}
	switch r.dec.PeekKind() {
	case '}', ']', 0:
		_, r.err = r.dec.ReadToken()
		return false
	}
	return true
}

// Text takes a string. A number or a boolean is taken as written, with a warning;
// null is the empty string.
func (r *Reader) Text() string { return string(r.TextBytes()) }

// TextBytes is Text without the copy: the bytes belong to the document.
func (r *Reader) TextBytes() []byte {
	if r.err != nil {
		return nil
	}
	kind := r.dec.PeekKind()
	v, err := r.dec.ReadValue()
	if err != nil {
		r.err = err
		return nil
	}
	switch kind {
	case '"':
		return unquote(v)
	case 'n':
		return nil
	case '0', 't', 'f':
		r.wrong("a string")
		return v
	default:
		r.wrong("a string")
		return nil
	}
}

// Texts takes an array of strings; a lone string counts as an array of one.
func (r *Reader) Texts() []string {
	if r.err == nil && r.dec.PeekKind() == '"' {
		return []string{r.Text()}
	}
	var all []string
	for ok := r.Array(); ok && r.Element(); {
		if s := r.Text(); s != "" {
			all = append(all, s)
		}
	}
	return all
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

// IsNull reports whether null comes next.
func (r *Reader) IsNull() bool { return r.err == nil && r.dec.PeekKind() == 'n' }

// IsObject reports whether an object comes next.
func (r *Reader) IsObject() bool { return r.err == nil && r.dec.PeekKind() == '{' }

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

// Fail stops the reader with an error of the caller's; the first one stays.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// Failed reports whether the reader has stopped.
func (r *Reader) Failed() bool { return r.err != nil }

// Err is why the reader stopped, as a *normalize.ParkError, or nil.
func (r *Reader) Err() error {
	if r.err == nil || normalize.Permanent(r.err) {
		return r.err
	}
	pointer := r.base
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](r.err); ok {
		pointer += string(syntax.JSONPointer)
	}
	switch {
	case len(bytes.TrimSpace(r.src)) == 0:
		return normalize.Park(normalize.ReasonEmpty, "", "the document has no bytes")
	case strings.Count(pointer, "/") >= normalize.DefaultLimits.MaxDepth:
		// The pointer of such an error is as long as the document is deep.
		return normalize.Park(normalize.ReasonDepth, cut(pointer), "nested too deeply to be read")
	case !utf8.Valid(r.src):
		return normalize.Park(normalize.ReasonEncoding, cut(pointer), "not UTF-8: %w", r.err)
	default:
		return normalize.Park(normalize.ReasonSyntax, cut(pointer), "not well-formed JSON: %w", r.err)
	}
}

// wrong warns that the value just read is not what the specification asks for.
func (r *Reader) wrong(want string) {
	if r.err == nil && r.warn != nil {
		r.warn("wrong-type", r.Pointer(), "not %s, which the specification asks for; read as far as it makes sense", want)
	}
}

// unquote returns the text of a JSON string. Strings without escapes, nearly
// all, are returned in place.
func unquote(v jsontext.Value) []byte {
	if len(v) < 2 {
		return nil
	}
	if bytes.IndexByte(v, '\\') < 0 {
		return v[1 : len(v)-1]
	}
	b, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		return nil
	}
	return b
}

// cut keeps a pointer short enough to be shown.
func cut(pointer string) string {
	const most = 256
	if len(pointer) <= most {
		return pointer
	}
	return strings.ToValidUTF8(pointer[:most], "") + "…"
}
