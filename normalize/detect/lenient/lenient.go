// Package lenient reads JSON member by member and never minds a wrong type.
//
// A third of the documents in the wild fail their own schema: a number where a
// string belongs, one object where a list does. A Reader takes what it can, adds
// a "wrong-type" warning with the JSON Pointer to the document and goes on. Only
// what is not JSON at all is an error. Nothing is kept that was not asked for.
package lenient

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/normalize"
)

// Reader reads one document from its beginning to its end. Each method reads the
// next value. Errors are *normalize.ParkError.
type Reader struct {
	dec *jsontext.Decoder
	doc *normalize.Document
	// names holds member names seen so far, so that each is allocated once.
	names map[string]string
}

// NewReader reads b and warns in doc. It does not copy or change b.
func NewReader(b []byte, doc *normalize.Document) *Reader {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	return &Reader{
		doc:   doc,
		dec:   jsontext.NewDecoder(bytes.NewBuffer(b), jsontext.AllowDuplicateNames(true)),
		names: make(map[string]string, 32),
	}
}

// Object calls member for each member of the next value, an object. member must
// read the value, with one call of a method here. null is an object without members.
func (r *Reader) Object(member func(name string) error) error {
	switch r.dec.PeekKind() {
	case jsontext.KindBeginObject:
	case jsontext.KindNull:
		return r.Skip()
	default:
		return r.wrong("an object")
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return park(err)
	}
	for r.dec.PeekKind() != jsontext.KindEndObject {
		raw, err := r.dec.ReadValue()
		if err != nil {
			return park(err)
		}
		if err := member(r.name(raw)); err != nil {
			return err
		}
	}
	_, err := r.dec.ReadToken()
	return park(err)
}

// Array calls element for each element of the next value, an array. A value that
// is no array is taken for its only element; null is an empty array.
func (r *Reader) Array(element func(i int) error) error {
	switch r.dec.PeekKind() {
	case jsontext.KindBeginArray:
	case jsontext.KindNull:
		return r.Skip()
	default:
		err := element(0)
		if err == nil {
			r.warn("a single value where an array belongs")
		}
		return err
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return park(err)
	}
	for i := 0; r.dec.PeekKind() != jsontext.KindEndArray; i++ {
		if err := element(i); err != nil {
			return err
		}
	}
	_, err := r.dec.ReadToken()
	return park(err)
}

// Text reads a string without the white space around it. A number or a boolean is
// taken as it is written; null is "".
func (r *Reader) Text() (string, error) {
	switch r.dec.PeekKind() {
	case jsontext.KindString:
		t, err := r.dec.ReadToken()
		if err != nil {
			return "", park(err)
		}
		return strings.TrimSpace(t.String()), nil
	case jsontext.KindNumber, jsontext.KindTrue, jsontext.KindFalse:
		raw, err := r.dec.ReadValue()
		if err != nil {
			return "", park(err)
		}
		text := string(raw)
		r.warn("a number or boolean where a string belongs")
		return text, nil
	case jsontext.KindNull:
		return "", r.Skip()
	}
	return "", r.wrong("a string")
}

// Texts reads an array of strings; empty ones are left out.
func (r *Reader) Texts() ([]string, error) {
	var list []string
	err := r.Array(func(int) error {
		s, err := r.Text()
		if s != "" {
			list = append(list, s)
		}
		return err
	})
	return list, err
}

// Time reads a point in time. One that cannot be read or is before 1990 is zero.
func (r *Reader) Time() (time.Time, error) {
	s, err := r.Text()
	if err != nil || s == "" {
		return time.Time{}, err
	}
	for _, layout := range layouts {
		t, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		if t.Year() < 1990 {
			r.doc.Warn("bad-time", r.Pointer(), "the time %s is impossible; it is not used", clip(s))
			return time.Time{}, nil
		}
		return t.UTC(), nil
	}
	r.doc.Warn("bad-time", r.Pointer(), "%q is no time (2006-01-02T15:04:05Z); it is not used", clip(s))
	return time.Time{}, nil
}

var layouts = []string{
	time.RFC3339Nano, // takes no fraction too
	"2006-01-02T15:04:05.999999999",
	"2006-01-02T15:04:05.999999999Z0700",
	"2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999",
	time.DateOnly,
}

// IsObject reports whether the next value is an object.
func (r *Reader) IsObject() bool { return r.dec.PeekKind() == jsontext.KindBeginObject }

// IsArray reports whether the next value is an array.
func (r *Reader) IsArray() bool { return r.dec.PeekKind() == jsontext.KindBeginArray }

// Skip passes over the next value.
func (r *Reader) Skip() error { return park(r.dec.SkipValue()) }

// End checks that nothing follows.
func (r *Reader) End() error {
	switch _, err := r.dec.ReadToken(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return park(err)
	}
	return normalize.Park(normalize.ReasonSyntax, "", "a second JSON value follows the document")
}

// Pointer is the JSON Pointer of the value read last.
func (r *Reader) Pointer() string { return string(r.dec.StackPointer()) }

func (r *Reader) wrong(want string) error {
	if err := r.Skip(); err != nil {
		return err
	}
	r.warn("this should be " + want + "; it is not used")
	return nil
}

func (r *Reader) warn(message string) { r.doc.Warn("wrong-type", r.Pointer(), "%s", message) }

// name is a member name without its quotes.
func (r *Reader) name(raw jsontext.Value) string {
	const maxNames = 256 // a document may use file names or hashes as member names
	if s, ok := r.names[string(raw)]; ok {
		return s
	}
	var s string
	if bytes.IndexByte(raw, '\\') < 0 {
		s = string(raw[1 : len(raw)-1])
	} else {
		b, _ := jsontext.AppendUnquote(nil, raw)
		s = string(b)
	}
	if len(r.names) < maxNames {
		r.names[string(raw)] = s
	}
	return s
}

func clip(s string) string {
	if len(s) > 60 {
		s = strings.ToValidUTF8(s[:60], "") + "..."
	}
	return s
}

func park(err error) error {
	if err == nil {
		return nil
	}
	var pointer string
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		pointer = strings.ToValidUTF8(string(syntax.JSONPointer), "\uFFFD")
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("the document is cut off: %w", err)
	}
	return normalize.Park(normalize.ReasonSyntax, pointer, "not well-formed JSON: %w", err)
}
