// Package yamljson turns a YAML document into JSON.
//
// Documents of megabytes are what tools write, and those use little of YAML: mappings,
// lists, scalars. Convert reads that subset in place, an order of magnitude faster than
// a library builds its tree, and gives up at the first thing it is not sure about: an
// anchor, a tag, a tab, a key over several lines. The library then reads the whole
// document, and what it says counts; a fuzz test holds that the two agree.
package yamljson

import (
	"bytes"
	"unicode/utf8"

	"sluice/normalize"
)

// Kind is how a plain scalar is written in JSON: YAML alone cannot tell the version 1.10
// from the number 1.1.
type Kind uint8

// The kinds of scalars.
const (
	Text   Kind = iota // as a string, but for null
	Bool               // true and false as such, anything else as text
	Number             // a number that JSON has so as such, anything else as text
)

// Options say how a document is to be read.
type Options struct {
	// Kind says what the plain scalars of a member are, by its name.
	Kind func(member []byte) Kind
	// MaxDepth bounds the nesting.
	MaxDepth int
}

// Bounds of what the library reads: it takes about fifty times the document in memory.
const (
	maxTree  = 16 << 20 // bytes
	maxNodes = 1 << 21  // with aliases expanded
)

// Convert returns the document as JSON. An error is a *normalize.ParkError.
func Convert(src []byte, o Options) ([]byte, error) {
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
	if bytes.IndexByte(src, '\r') >= 0 {
		src = bytes.ReplaceAll(src, []byte("\r\n"), []byte("\n"))
	}
	if out, ok := simple(src, o); ok {
		return out, nil
	}
	return tree(src, o)
}
