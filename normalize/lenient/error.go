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
	case errors.Is(r.err, io.ErrUnexpectedEOF), errors.Is(r.err, io.EOF):
		return normalize.Park(normalize.ReasonSyntax, cut(pointer), "not well-formed JSON: the document is cut off: %w", r.err)
	default:
		return normalize.Park(normalize.ReasonSyntax, cut(pointer), "not well-formed JSON: %w", r.err)
	}
}

// cut keeps a pointer short enough to be shown, and valid as text.
func cut(pointer string) string {
	const most = 256
	if len(pointer) <= most {
		return strings.ToValidUTF8(pointer, "\uFFFD")
	}
	return strings.ToValidUTF8(pointer[:most], "") + "…"
}
