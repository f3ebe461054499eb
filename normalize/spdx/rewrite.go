package spdx

import (
	"bytes"
)

// rewriter writes JSON anew, without what says nothing: null, empty texts and lists,
// NOASSERTION. The JSON was checked by whoever scanned the document; what is none sets ok
// to false and nothing more.
type rewriter struct {
	b, out []byte
	at     int
	depth  int
	ok     bool
	// special replaces the text of a member, or of an element of its list.
	special func(name, text []byte) []byte
	// prefix is left out of texts that begin with it, where it is not empty.
	prefix []byte
	// drop are members that are left out wherever they stand.
	drop map[string]bool
}

// maxRewrite is beyond what Scan lets a document have by default.
const maxRewrite = 5000

func (r *rewriter) space() {
	for r.at < len(r.b) {
		switch r.b[r.at] {
		case ' ', '\n', '\r', '\t':
			r.at++
		default:
			return
		}
	}
}

func (r *rewriter) peek() byte {
	if r.space(); r.ok && r.at < len(r.b) {
		return r.b[r.at]
	}
	return 0
}

func (r *rewriter) open(c byte) bool {
	if r.peek() != c {
		r.ok = false
		return false
	}
	r.at++
	return true
}

// str reads a text and returns what is between its quotes.
func (r *rewriter) str() []byte {
	if r.peek() != '"' {
		r.ok = false
		return nil
	}
	start := r.at + 1
	for i := start; ; {
		n := bytes.IndexByte(r.b[i:], '"')
		if n < 0 {
			r.ok = false
			return nil
		}
		i += n
		escapes := 0
		for j := i - 1; j >= start && r.b[j] == '\\'; j-- {
			escapes++
		}
		if escapes%2 == 0 {
			r.at = i + 1
			return r.b[start:i]
		}
		i++
	}
}

// peekText is the text that comes next, nil where something else does.
func (r *rewriter) peekText() []byte {
	if r.peek() != '"' {
		return nil
	}
	at := r.at
	text := r.str()
	r.at = at
	return trimmedText(text)
}

// members reads the members of the object that was just opened, up to its end. f reads
// their values.
func (r *rewriter) members(f func(name []byte)) {
	if r.depth++; r.depth > maxRewrite {
		r.ok = false
	}
	defer func() { r.depth-- }()
	if r.peek() == '}' {
		r.at++
		return
	}
	for r.ok {
		name := r.str()
		if !r.open(':') {
			return
		}
		r.space()
		f(name)
		switch r.peek() {
		case ',':
			r.at++
		case '}':
			r.at++
			return
		default:
			r.ok = false
		}
	}
}

// each calls f for each element of the array that comes next, and for a single value.
func (r *rewriter) each(f func()) {
	if r.peek() != '[' {
		if r.peek() == 'n' {
			r.skip()
			return
		}
		f()
		return
	}
	r.at++
	if r.depth++; r.depth > maxRewrite {
		r.ok = false
	}
	defer func() { r.depth-- }()
	if r.peek() == ']' {
		r.at++
		return
	}
	for r.ok {
		r.space()
		f()
		switch r.peek() {
		case ',':
			r.at++
		case ']':
			r.at++
			return
		default:
			r.ok = false
		}
	}
}

// name writes the name of a member, with a comma in front of it where there is one before.
func (r *rewriter) name(name []byte) {
	if n := len(r.out); n > 0 && r.out[n-1] != '{' {
		r.out = append(r.out, ',')
	}
	r.out = append(append(append(r.out, '"'), name...), '"', ':')
}

// member0 writes a member with the value that comes next, unless that says nothing.
func (r *rewriter) member0(name []byte) {
	if r.drop[string(name)] {
		r.skip()
		return
	}
	mark := len(r.out)
	r.name(name)
	if !r.value(name) {
		r.out = r.out[:mark]
	}
}

func (r *rewriter) skip() {
	mark := len(r.out)
	r.value(nil)
	r.out = r.out[:mark]
}

// value writes the value that comes next and reports whether it says anything.
func (r *rewriter) value(name []byte) bool {
	switch c := r.peek(); c {
	case '"':
		return r.text(name)
	case '{':
		r.at++
		mark := len(r.out)
		r.out = append(r.out, '{')
		r.members(r.member0)
		r.out = append(r.out, '}')
		return len(r.out) > mark+2
	case '[':
		mark := len(r.out)
		r.out = append(r.out, '[')
		r.each(func() {
			mark := len(r.out)
			if r.out[mark-1] != '[' {
				r.out = append(r.out, ',')
			}
			if !r.value(name) {
				r.out = r.out[:mark]
			}
		})
		r.out = append(r.out, ']')
		return len(r.out) > mark+2
	default:
		start := r.at
		for r.at < len(r.b) && bytes.IndexByte([]byte(",]} \t\r\n"), r.b[r.at]) < 0 {
			r.at++
		}
		literal := r.b[start:r.at]
		if len(literal) == 0 {
			r.ok = false
		}
		r.out = append(r.out, literal...)
		if string(name) == "filesAnalyzed" && string(literal) == "true" {
			return false
		}
		return string(literal) != "null"
	}
}

func (r *rewriter) text(name []byte) bool {
	text := trimmedText(r.str())
	if len(text) == 0 || string(text) == "NOASSERTION" {
		return false
	}
	if bytes.Contains(text, []byte(`\r\n`)) {
		text = bytes.ReplaceAll(text, []byte(`\r\n`), []byte(`\n`))
	}
	if len(r.prefix) > 0 && bytes.HasPrefix(text, r.prefix) {
		text = text[len(r.prefix):]
	}
	if r.special != nil {
		text = r.special(name, text)
	}
	r.out = append(append(append(r.out, '"'), text...), '"')
	return true
}

// trimmedText is a text in JSON without white space around it, written out or escaped.
func trimmedText(text []byte) []byte {
	for len(text) > 0 {
		switch {
		case text[0] == ' ':
			text = text[1:]
			continue
		case len(text) > 1 && text[0] == '\\' && (text[1] == 'n' || text[1] == 'r' || text[1] == 't'):
			text = text[2:]
			continue
		}
		break
	}
	for len(text) > 0 {
		n := len(text)
		if text[n-1] == ' ' {
			text = text[:n-1]
			continue
		}
		if n > 1 && text[n-2] == '\\' && (text[n-1] == 'n' || text[n-1] == 'r' || text[n-1] == 't') && !escaped(text[:n-2]) {
			text = text[:n-2]
			continue
		}
		break
	}
	return text
}

// escaped reports whether the character that follows is escaped.
func escaped(before []byte) bool {
	n := 0
	for i := len(before) - 1; i >= 0 && before[i] == '\\'; i-- {
		n++
	}
	return n%2 == 1
}
