package lenient

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Text takes a string without the white space around it. A number or a boolean is
// taken as it is written, with a warning; null is the empty string.
func (r *Reader) Text() string { return string(bytes.TrimSpace(r.Bytes())) }

// Bytes takes a string as it stands, white space included, without a copy: the
// bytes belong to the document. It minds other types as Text does.
func (r *Reader) Bytes() []byte {
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
	case jsontext.KindString:
		return unquote(v)
	case jsontext.KindNull:
		return nil
	case jsontext.KindNumber, jsontext.KindTrue, jsontext.KindFalse:
		r.wrong("a number or boolean where a string belongs")
		return v
	default:
		r.wrong("this should be a string; it is not used")
		return nil
	}
}

// Scalar takes a string, number or boolean as it is written, where writers do not agree
// on which it is: a version is 3 to one and "3" to another.
func (r *Reader) Scalar() string {
	if r.err != nil {
		return ""
	}
	switch kind := r.dec.PeekKind(); kind {
	case jsontext.KindNumber, jsontext.KindTrue, jsontext.KindFalse:
		return string(r.Raw())
	}
	return r.Text()
}

// Texts takes a list of strings as Text does; empty ones are left out.
func (r *Reader) Texts() []string {
	var list []string
	for ok := r.List(); ok && r.Element(); {
		if s := r.Text(); s != "" {
			list = append(list, s)
		}
	}
	return list
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
