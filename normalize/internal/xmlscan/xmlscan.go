// Package xmlscan reads XML element by element, in place.
//
// encoding/xml copies every name and text, which makes a document of RDF ten times as
// slow as the same document in JSON. A [Reader] hands out slices of the document. It knows
// what tools write: elements, attributes with namespaces, text, CDATA, comments. A
// document type is passed over, and no entity is expanded but the five that XML itself
// has: a bomb of entities is a syntax error at its first use.
package xmlscan

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"sluice/normalize"
	"sluice/normalize/internal/xmltext"
)

// Kind is what Next found.
type Kind uint8

// What there is in a document.
const (
	End   Kind = iota // of an element
	Start             // of an element
	Text
	EOF
)

// Name is a name with the namespace that its prefix stands for.
type Name struct{ Space, Local []byte }

// Attr is an attribute.
type Attr struct {
	Name  Name
	Value []byte
}

// Reader reads one document.
type Reader struct {
	// Name and Attrs are those of the element that begins; valid until the next call of Next.
	Name  Name
	Attrs []Attr
	// Text is the text that was met. It is a slice of the document where it has no reference
	// in it, and else valid until the next call.
	Text []byte

	shared   bool // Text is in room
	text     xmltext.Text
	src      []byte
	at       int
	maxDepth int
	open     [][]byte // names as they are written
	spaces   []binding
	room     []byte
	closing  bool // the element that just began is empty
	begun    bool // the root element has begun
	done     bool // the root element has ended
}

// binding is what a prefix stands for, from an element at depth on.
type binding struct {
	prefix, space []byte
	depth         int
}

// New returns a reader of a document. An error is a *normalize.ParkError.
func New(src []byte, maxDepth int) (*Reader, error) {
	text, err := xmltext.Decode(src)
	if err != nil {
		return nil, err
	}
	return &Reader{text: text, src: text.Body, maxDepth: maxDepth}, nil
}

// Kept is Text for longer than until the next call.
func (r *Reader) Kept() []byte {
	if r.shared {
		return bytes.Clone(r.Text)
	}
	return r.Text
}

// Where is the line:column that the reader has come to.
func (r *Reader) Where() string {
	line := 1 + bytes.Count(r.src[:r.at], []byte("\n"))
	column := r.at - (bytes.LastIndexByte(r.src[:r.at], '\n') + 1)
	return r.text.Position(line, column+1)
}

func (r *Reader) syntax(format string, args ...any) error {
	return normalize.Park(normalize.ReasonSyntax, r.Where(), "not well-formed XML: "+format, args...)
}

// Next goes to what comes next. An error is a *normalize.ParkError.
func (r *Reader) Next() (Kind, error) {
	if r.closing {
		r.closing = false
		r.pop()
		return End, nil
	}
	for {
		if r.at == len(r.src) {
			if len(r.open) > 0 {
				return EOF, r.syntax("the document ends inside of <%.60s>; it is cut off", r.open[len(r.open)-1])
			}
			if !r.begun {
				return EOF, r.syntax("it has no root element")
			}
			return EOF, nil
		}
		if r.src[r.at] != '<' {
			found, err := r.chars()
			if err != nil {
				return EOF, err
			}
			if found {
				return Text, nil
			}
			continue
		}
		rest := r.src[r.at:]
		switch {
		case len(rest) < 2:
			return EOF, r.syntax("the document ends with <; it is cut off")
		case rest[1] == '/':
			return r.end()
		case rest[1] == '?':
			if err := r.pass("<?", "?>", "a processing instruction"); err != nil {
				return EOF, err
			}
		case bytes.HasPrefix(rest, []byte("<!--")):
			if err := r.pass("<!--", "-->", "a comment"); err != nil {
				return EOF, err
			}
		case bytes.HasPrefix(rest, []byte("<![CDATA[")):
			if len(r.open) == 0 {
				return EOF, r.syntax("text outside of the root element")
			}
			start := r.at + len("<![CDATA[")
			if err := r.pass("<![CDATA[", "]]>", "a CDATA section"); err != nil {
				return EOF, err
			}
			r.Text, r.shared = r.src[start:r.at-len("]]>")], false
			if err := r.characters(r.Text); err != nil {
				return EOF, err
			}
			return Text, nil
		case rest[1] == '!':
			if err := r.doctype(); err != nil {
				return EOF, err
			}
		default:
			return r.start()
		}
	}
}

// Skip passes over the element that just began, with all that is inside of it.
func (r *Reader) Skip() error {
	depth := len(r.open)
	for {
		r.room = r.room[:0]
		kind, err := r.Next()
		if err != nil {
			return err
		}
		if kind == End && len(r.open) < depth {
			return nil
		}
	}
}

func (r *Reader) pass(open, closing, what string) error {
	i := bytes.Index(r.src[r.at+len(open):], []byte(closing))
	if i < 0 {
		return r.syntax("%s is not ended by %s", what, closing)
	}
	r.at += len(open) + i + len(closing)
	return nil
}

// doctype passes over a document type with what it declares.
func (r *Reader) doctype() error {
	if !bytes.HasPrefix(r.src[r.at:], []byte("<!DOCTYPE")) || r.begun {
		return r.syntax("<! begins nothing here")
	}
	brackets, quote := 0, byte(0)
	for i := r.at; i < len(r.src); i++ {
		switch c := r.src[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '[':
			brackets++
		case c == ']':
			brackets--
		case c == '>' && brackets <= 0:
			r.at = i + 1
			return nil
		}
	}
	return r.syntax("the document type does not end")
}

// chars reads text up to the next tag; found is false where it is white space outside of
// the root element.
func (r *Reader) chars() (found bool, err error) {
	// Between elements stands what indents them.
	start := r.at
	for r.at < len(r.src) && (r.src[r.at] == ' ' || r.src[r.at] == '\n' || r.src[r.at] == '\t') {
		r.at++
	}
	if r.at < len(r.src) && r.src[r.at] == '<' {
		r.Text, r.shared = r.src[start:r.at], false
		return len(r.open) > 0, nil
	}
	r.at = start
	text := r.src[r.at:]
	if i := bytes.IndexByte(text, '<'); i >= 0 {
		text = text[:i]
	}
	if len(r.open) == 0 {
		if len(bytes.TrimSpace(text)) > 0 {
			return false, r.syntax("text outside of the root element")
		}
		r.at += len(text)
		return false, nil
	}
	r.room = r.room[:0]
	if r.Text, err = r.resolved(text); err != nil {
		return false, err
	}
	r.shared = len(r.room) > 0
	r.at += len(text)
	return true, nil
}

// characters refuses what may not be in XML.
func (r *Reader) characters(text []byte) error {
	for _, c := range text {
		if c < ' ' && c != '\n' && c != '\t' && c != '\r' {
			return r.syntax("the control character U+%04X", c)
		}
	}
	return nil
}

// plainByte are the bytes of a text that stand for themselves.
var plainByte = func() (is [256]bool) {
	for c := range is {
		is[c] = c >= ' ' && c != '&' || c == '\n' || c == '\t'
	}
	return is
}()

// resolved is text with its references replaced, and its line ends as \n.
func (r *Reader) resolved(text []byte) ([]byte, error) {
	plain := true
	for _, c := range text {
		if plainByte[c] {
			continue
		}
		if c == '&' || c == '\r' {
			plain = false
		} else {
			return nil, r.syntax("the control character U+%04X", c)
		}
	}
	if plain {
		return text, nil
	}
	start := len(r.room)
	for {
		i := bytes.IndexAny(text, "&\r")
		if i < 0 {
			break
		}
		r.room = append(r.room, text[:i]...)
		if text[i] == '\r' {
			if text = text[i+1:]; len(text) == 0 || text[0] != '\n' {
				r.room = append(r.room, '\n')
			}
			continue
		}
		text = text[i+1:]
		end := bytes.IndexByte(text, ';')
		if end < 0 || end > 20 {
			return nil, r.syntax("& without the ; of a reference; write &amp;")
		}
		c, ok := reference(text[:end])
		if !ok {
			return nil, r.syntax("the entity &%.20s; is not expanded; write the text", text[:end])
		}
		r.room = utf8.AppendRune(r.room, c)
		text = text[end+1:]
	}
	r.room = append(r.room, text...)
	return r.room[start:], nil
}

// reference is the character that &name; stands for.
func reference(name []byte) (rune, bool) {
	switch string(name) {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	if len(name) < 2 || name[0] != '#' {
		return 0, false
	}
	digits, base := name[1:], 10
	if digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	v, err := strconv.ParseUint(string(digits), base, 32)
	if err != nil || v > utf8.MaxRune {
		return 0, false
	}
	c := rune(v)
	return c, c == '\t' || c == '\n' || c == '\r' || c >= ' ' && c <= 0xd7ff || c >= 0xe000 && c <= 0xfffd || c >= 0x10000
}

func (r *Reader) end() (Kind, error) {
	if n := len(r.open); n > 0 {
		// As nearly all are written.
		name := r.open[n-1]
		if rest := r.src[r.at+2:]; len(rest) > len(name) && rest[len(name)] == '>' && string(rest[:len(name)]) == string(name) {
			r.at += 2 + len(name) + 1
			r.pop()
			return End, nil
		}
	}
	close := bytes.IndexByte(r.src[r.at:], '>')
	if close < 0 {
		return EOF, r.syntax("the document ends inside of a tag; it is cut off")
	}
	name := bytes.TrimRight(r.src[r.at+2:r.at+close], " \t\r\n")
	if len(r.open) == 0 {
		return EOF, r.syntax("</%.60s> ends nothing", name)
	}
	if !bytes.Equal(name, r.open[len(r.open)-1]) {
		return EOF, r.syntax("</%.60s> where </%.60s> should be", name, r.open[len(r.open)-1])
	}
	r.at += close + 1
	r.pop()
	return End, nil
}

func (r *Reader) pop() {
	for n := len(r.spaces); n > 0 && r.spaces[n-1].depth == len(r.open); n-- {
		r.spaces = r.spaces[:n-1]
	}
	r.open = r.open[:len(r.open)-1]
	r.done = len(r.open) == 0
}
