package xmlscan

import (
	"bytes"

	"sluice/normalize"
)

// The namespaces that every document knows.
var xmlSpace = []byte("http://www.w3.org/XML/1998/namespace")

// start reads a start tag.
func (r *Reader) start() (Kind, error) {
	if r.done {
		return EOF, r.syntax("something follows the root element")
	}
	if len(r.open) >= r.maxDepth {
		return EOF, normalize.Park(normalize.ReasonDepth, r.Where(), "nested deeper than %d levels", r.maxDepth)
	}
	r.room = r.room[:0]
	r.at++
	written := r.name()
	if len(written) == 0 {
		return EOF, r.syntax("a < that begins no tag; write &lt;")
	}
	r.begun = true
	r.open = append(r.open, written)
	r.Attrs = r.Attrs[:0]
	for {
		spaced := r.space()
		if r.at == len(r.src) {
			return EOF, r.syntax("the document ends inside of a tag; it is cut off")
		}
		switch r.src[r.at] {
		case '>':
			r.at++
		case '/':
			if r.at+1 == len(r.src) || r.src[r.at+1] != '>' {
				return EOF, r.syntax("/ without > in a tag")
			}
			r.at += 2
			r.closing = true
		default:
			if !spaced {
				return EOF, r.syntax("no space in front of an attribute")
			}
			if err := r.attribute(); err != nil {
				return EOF, err
			}
			continue
		}
		break
	}
	r.bind(written)
	return Start, nil
}

// inName are the bytes that a name may have.
var inName = func() (is [256]bool) {
	for c := range is {
		lower := c | 0x20
		is[c] = lower >= 'a' && lower <= 'z' || c >= '0' && c <= '9' || c == '_' || c == ':' || c == '-' || c == '.' || c >= 0x80
	}
	return is
}()

// name reads a name as it is written.
func (r *Reader) name() []byte {
	start := r.at
	i := start
	for i < len(r.src) && inName[r.src[i]] {
		i++
	}
	if i > start {
		if c := r.src[start]; c >= '0' && c <= '9' || c == '-' || c == '.' {
			return nil
		}
	}
	r.at = i
	return r.src[start:i]
}

func (r *Reader) space() bool {
	start := r.at
	for r.at < len(r.src) && (r.src[r.at] == ' ' || r.src[r.at] == '\n' || r.src[r.at] == '\t' || r.src[r.at] == '\r') {
		r.at++
	}
	return r.at > start
}

// attribute reads one attribute. Its name is resolved when all are known.
func (r *Reader) attribute() error {
	name := r.name()
	if len(name) == 0 {
		return r.syntax("no name of an attribute")
	}
	r.space()
	if r.at == len(r.src) || r.src[r.at] != '=' {
		return r.syntax("the attribute %.60s without a value", name)
	}
	r.at++
	r.space()
	if r.at == len(r.src) || r.src[r.at] != '"' && r.src[r.at] != '\'' {
		return r.syntax("the value of the attribute %.60s has no quotes", name)
	}
	quote := r.src[r.at]
	r.at++
	end := bytes.IndexByte(r.src[r.at:], quote)
	if end < 0 {
		return r.syntax("the value of the attribute %.60s does not end", name)
	}
	raw := r.src[r.at : r.at+end]
	if bytes.IndexByte(raw, '<') >= 0 {
		return r.syntax("a < in the attribute %.60s; write &lt;", name)
	}
	value, err := r.resolved(raw)
	if err != nil {
		return err
	}
	r.at += end + 1
	depth := len(r.open)
	switch {
	case string(name) == "xmlns":
		r.spaces = append(r.spaces, binding{nil, bytes.Clone(value), depth})
	case bytes.HasPrefix(name, []byte("xmlns:")):
		r.spaces = append(r.spaces, binding{name[len("xmlns:"):], bytes.Clone(value), depth})
	default:
		r.Attrs = append(r.Attrs, Attr{Name{Local: name}, value})
	}
	const most = 1000 // an element of a thousand attributes is no document of anybody's
	if len(r.Attrs) > most || len(r.spaces) > most {
		return normalize.Park(normalize.ReasonTooLarge, r.Where(), "more than %d attributes or namespaces", most)
	}
	return nil
}

// bind resolves the names of an element and its attributes.
func (r *Reader) bind(written []byte) {
	if len(r.spaces) == 0 && len(r.Attrs) == 0 && bytes.IndexByte(written, ':') < 0 {
		r.Name = Name{nil, written}
		return
	}
	r.Name = r.resolve(written, true)
	for i := range r.Attrs {
		r.Attrs[i].Name = r.resolve(r.Attrs[i].Name.Local, false)
	}
}

// resolve replaces a prefix by its namespace. An unknown prefix is its own namespace, as
// encoding/xml has it. The default namespace is none of attributes.
func (r *Reader) resolve(written []byte, element bool) Name {
	prefix, local, found := bytes.Cut(written, []byte(":"))
	if !found {
		prefix, local = nil, written
		if !element {
			return Name{nil, local}
		}
	} else if len(prefix) == 0 || len(local) == 0 {
		return Name{nil, written}
	}
	for i := len(r.spaces) - 1; i >= 0; i-- {
		if bytes.Equal(r.spaces[i].prefix, prefix) {
			return Name{r.spaces[i].space, local}
		}
	}
	if string(prefix) == "xml" {
		return Name{xmlSpace, local}
	}
	return Name{prefix, local}
}
