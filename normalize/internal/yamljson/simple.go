package yamljson

import (
	"bytes"
)

// reader reads the simple subset. It stands at a character of a line, of which it knows
// the column; ok is false once it has met what it leaves to the library.
type reader struct {
	src      []byte
	o        Options
	out      []byte
	at       int // offset of what comes next
	indent   int // column of the content of the current line; -1 past the end
	depth    int
	begun    bool // the document has begun
	adjacent bool // nothing is between the line that was read last and the current one
	ok       bool
	text     []byte // room for texts that are no slice of src
}

// simple is the document as JSON, or false where it has more than the subset.
func simple(src []byte, o Options) ([]byte, bool) {
	if odd(src) {
		return nil, false
	}
	r := &reader{src: src, o: o, out: make([]byte, 0, len(src)+len(src)/8), ok: true}
	r.line()
	if r.indent == 0 && r.here("---") {
		r.at += 3
		if !r.blank() {
			return nil, false
		}
		r.line()
	}
	if r.indent < 0 {
		return nil, false
	}
	r.begun = true
	if r.indent == 0 && (r.here("---") || r.here("...")) {
		return nil, false
	}
	r.block(-1)
	if r.indent >= 0 {
		return nil, false
	}
	return r.out, r.ok
}

// plainByte are the bytes that are nothing but themselves.
var plainByte = func() (is [256]bool) {
	for c := range is {
		is[c] = c >= ' ' && c < 0x7f || c == '\n'
	}
	return is
}()

// odd reports whether there are characters that YAML takes for line breaks, refuses, or
// that libraries do not agree about.
func odd(src []byte) bool {
	for i, c := range src {
		if plainByte[c] {
			continue
		}
		switch {
		case c < ' ', c == 0x7f:
			return true
		case c == 0xc2 && src[i+1] < 0xa0, // U+0080 to U+009F
			c == 0xe2 && src[i+1] == 0x80 && src[i+2] >= 0xa8 && src[i+2] <= 0xa9, // U+2028, U+2029
			c == 0xef && src[i+1] == 0xbb && src[i+2] == 0xbf,                     // U+FEFF
			c == 0xef && src[i+1] == 0xbf && src[i+2] >= 0xbe:                     // U+FFFE, U+FFFF
			return true
		}
	}
	return false
}

func (r *reader) here(s string) bool {
	return bytes.HasPrefix(r.src[r.at:], []byte(s)) && (r.at+len(s) == len(r.src) || isSpace(r.src[r.at+len(s)]))
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' }

// stop leaves the document to the library.
func (r *reader) stop() {
	r.ok = false
	r.indent, r.at = -1, len(r.src)
}

// line goes to the content of the next line that has any. r.at is at the beginning of a line.
func (r *reader) line() {
	for r.at < len(r.src) {
		start := r.at
		for r.at < len(r.src) && r.src[r.at] == ' ' {
			r.at++
		}
		if r.at == len(r.src) {
			break
		}
		switch r.src[r.at] {
		case '\n':
			r.at++
			continue
		case '#':
			r.skipLine()
			continue
		case '\t', '\r', '%':
			r.stop()
			return
		}
		if r.indent = r.at - start; r.indent == 0 && r.begun {
			r.mark()
		}
		return
	}
	r.indent = -1
}

// mark minds the marks between documents.
func (r *reader) mark() {
	switch {
	case r.here("---"):
		r.stop() // several documents
	case r.here("..."):
		if r.at += 3; !r.blank() || len(bytes.TrimSpace(r.src[r.at:])) > 0 {
			r.stop()
		}
		r.indent = -1
	}
}

func (r *reader) skipLine() {
	if end := bytes.IndexByte(r.src[r.at:], '\n'); end >= 0 {
		r.at += end + 1
	} else {
		r.at = len(r.src)
	}
}

// rest is the line from here to its end.
func (r *reader) rest() []byte {
	if end := bytes.IndexByte(r.src[r.at:], '\n'); end >= 0 {
		return r.src[r.at : r.at+end]
	}
	return r.src[r.at:]
}

// blank reports whether nothing but a comment follows in the line, and if so goes to the next.
func (r *reader) blank() bool {
	if r.at == len(r.src) {
		return true
	}
	start := r.at
	for r.at < len(r.src) && r.src[r.at] == ' ' {
		r.at++
	}
	if r.at == len(r.src) {
		return true
	}
	switch c := r.src[r.at]; {
	case c == '\n', c == '#' && r.at > start:
		r.skipLine()
		return true
	}
	return false
}

// block reads a mapping, a list or a scalar that begins at the content of the current
// line, inside of something at column parent.
func (r *reader) block(parent int) {
	if r.depth++; r.depth > r.o.MaxDepth {
		r.stop() // the library finds the place
		return
	}
	switch {
	case r.dash():
		r.list(r.indent)
	case r.key() > 0:
		r.mapping(r.indent)
	default:
		r.scalar(parent, Text)
	}
	r.depth--
}

// dash reports whether an entry of a list begins here.
func (r *reader) dash() bool {
	return r.src[r.at] == '-' && (r.at+1 == len(r.src) || r.src[r.at+1] == ' ' || r.src[r.at+1] == '\n')
}

// key is the length of the key that begins here, 0 where there is none.
func (r *reader) key() int {
	line := r.rest()
	switch c := line[0]; c {
	case '"', '\'':
		end := bytes.IndexByte(line[1:], c)
		if end < 0 || bytes.IndexByte(line[1:1+end], '\\') >= 0 {
			return 0
		}
		end += 2
		if end < len(line) && line[end] == ':' && (end+1 == len(line) || line[end+1] == ' ') {
			return end
		}
		return 0
	case '[', '{', '&', '*', '!', '|', '>', '%', '@', '`', ',', ']', '}', '#', '?', '-', ':', '<', '=', '.', '~':
		return 0
	}
	for i, c := range line {
		switch {
		case c == ':' && (i+1 == len(line) || line[i+1] == ' '):
			return i
		case c == ' ' || c == '#' || c == '"' || c == '\'' || c == '\t' || c == '\r' || c == ',' || c == '[' || c == '{' || c == '}' || c == ']':
			return 0 // no key that a tool writes
		}
	}
	return 0
}

func (r *reader) mapping(column int) {
	r.out = append(r.out, '{')
	first := true
	for r.indent == column {
		n := r.key()
		if n == 0 {
			r.stop()
			return
		}
		name := r.src[r.at : r.at+n]
		if name[0] == '"' || name[0] == '\'' {
			name = name[1 : len(name)-1]
		} else if isNull(name) {
			r.stop()
			return
		}
		if !first {
			r.out = append(r.out, ',')
		}
		first = false
		r.out = append(appendText(r.out, name), ':')
		kind := Text
		if r.o.Kind != nil {
			kind = r.o.Kind(name)
		}
		r.at += n + 1
		r.value(column, kind)
	}
	if r.indent > column {
		r.stop()
	}
	r.out = append(r.out, '}')
}

// value reads what belongs to a key at column.
func (r *reader) value(column int, kind Kind) {
	if !r.blank() {
		r.scalar(column, kind)
		return
	}
	r.line()
	switch {
	case r.indent > column:
		if r.dash() || r.key() > 0 {
			r.block(column)
		} else {
			r.scalar(column, kind)
		}
	case r.indent == column && r.dash():
		r.block(column - 1)
	default:
		r.out = append(r.out, "null"...)
	}
}

func (r *reader) list(column int) {
	r.out = append(r.out, '[')
	first := true
	for r.indent == column && r.dash() {
		if !first {
			r.out = append(r.out, ',')
		}
		first = false
		r.at++
		start := r.at
		if r.blank() {
			r.line()
			if r.indent > column {
				r.block(column)
			} else {
				r.out = append(r.out, "null"...)
			}
			continue
		}
		if c := r.src[r.at]; c == '\t' || c == '\r' {
			r.stop()
			return
		}
		r.indent = column + 1 + r.at - start
		r.block(column)
	}
	if r.indent > column {
		r.stop()
	}
	r.out = append(r.out, ']')
}
