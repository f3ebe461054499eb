package yamljson

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// scalar reads a scalar that begins here, whose further lines, if any, are indented more
// than column, and goes to the next line.
func (r *reader) scalar(column int, kind Kind) {
	switch c := r.src[r.at]; c {
	case '"':
		r.double(column)
	case '\'':
		r.single(column)
	case '|':
		r.literal(column)
	case '[', '{':
		r.flow(kind)
	case '>', '&', '*', '!', '%', '@', '`', ',', ']', '}', '#', '\t', '\r':
		r.stop()
	case '-', '?', ':':
		if r.at+1 == len(r.src) || isSpace(r.src[r.at+1]) {
			r.stop()
			return
		}
		r.plain(column, kind)
	default:
		r.plain(column, kind)
	}
}

// plain reads a scalar without quotes.
func (r *reader) plain(column int, kind Kind) {
	text, whole := r.plainLine()
	if !r.ok {
		return
	}
	r.next()
	if !whole || r.indent <= column {
		r.out = appendPlain(r.out, text, kind)
		return
	}
	// It goes on in the next lines: a line break is a space.
	r.text = append(r.text[:0], text...)
	for r.ok && r.indent > column {
		if !r.adjacent { // an empty line or a comment in between
			r.stop()
			return
		}
		more, whole := r.plainLine()
		if !r.ok {
			return
		}
		r.text = append(append(r.text, ' '), more...)
		if r.next(); !whole && r.indent > column {
			r.stop()
			return
		}
	}
	r.out = appendPlain(r.out, r.text, kind)
}

// plainLine is what of the current line belongs to a plain scalar; whole is false where a
// comment follows, which ends the scalar.
func (r *reader) plainLine() (text []byte, whole bool) {
	line := r.rest()
	whole = true
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case ':':
			if i+1 == len(line) || line[i+1] == ' ' || line[i+1] == '\t' {
				r.stop() // a mapping where none may be
				return nil, false
			}
		case '#':
			if i > 0 && (line[i-1] == ' ' || line[i-1] == '\t') {
				line, whole = line[:i], false
			}
		case '\t', '\r':
			r.stop()
			return nil, false
		}
	}
	return bytes.TrimRight(line, " "), whole
}

// next goes from somewhere in a line to the content of the next.
func (r *reader) next() {
	r.skipLine()
	from := r.at
	r.line()
	r.adjacent = r.at-r.indent == from
}

// end wants nothing but a comment after a scalar that has an end of its own.
func (r *reader) end() {
	if !r.blank() {
		r.stop()
		return
	}
	r.line()
}

// single reads a text in single quotes.
func (r *reader) single(column int) {
	start := r.at + 1
	end := start
	for {
		i := bytes.IndexByte(r.src[end:], '\'')
		if i < 0 {
			r.stop()
			return
		}
		end += i
		if end+1 == len(r.src) || r.src[end+1] != '\'' {
			break
		}
		end += 2
	}
	text := r.src[start:end]
	r.at = end + 1
	if bytes.IndexByte(text, '\n') >= 0 {
		if text = r.fold(text, column); !r.ok {
			return
		}
	}
	if bytes.IndexByte(text, '\'') >= 0 {
		text = bytes.ReplaceAll(text, []byte("''"), []byte("'"))
	}
	r.out = appendText(r.out, text)
	r.end()
}

// fold joins the lines of a quoted text: one line break is a space, of several all but
// the first stay.
func (r *reader) fold(text []byte, column int) []byte {
	r.text = r.text[:0]
	breaks := 0
	for i := 0; ; i++ {
		line, rest, more := bytes.Cut(text, []byte("\n"))
		if bytes.IndexByte(line, '\t') >= 0 || bytes.IndexByte(line, '\r') >= 0 {
			r.stop()
			return nil
		}
		if i > 0 {
			trimmed := bytes.TrimLeft(line, " ")
			if len(trimmed) > 0 && len(line)-len(trimmed) <= column || len(line) >= 3 && (string(line[:3]) == "---" || string(line[:3]) == "...") {
				r.stop()
				return nil
			}
			line = trimmed
		}
		if more {
			line = bytes.TrimRight(line, " ")
		}
		if i > 0 {
			breaks++
			if len(line) > 0 || !more {
				if breaks == 1 {
					r.text = append(r.text, ' ')
				}
				for range breaks - 1 {
					r.text = append(r.text, '\n')
				}
				breaks = 0
			}
		}
		r.text = append(r.text, line...)
		if !more {
			return r.text
		}
		text = rest
	}
}

// double reads a text in double quotes.
func (r *reader) double(column int) {
	start := r.at + 1
	end := start
	for {
		i := bytes.IndexByte(r.src[end:], '"')
		if i < 0 {
			r.stop()
			return
		}
		// A quote behind an odd number of backslashes is escaped.
		slashes := 0
		for j := end + i - 1; j >= start && r.src[j] == '\\'; j-- {
			slashes++
		}
		if end += i; slashes%2 == 0 {
			break
		}
		end++
	}
	escapes := bytes.IndexByte(r.src[start:end], '\\') >= 0
	text := r.src[start:end]
	r.at = end + 1
	switch {
	case escapes:
		text = r.unescape(text, column)
	case bytes.IndexByte(text, '\n') >= 0:
		text = r.fold(text, column)
	}
	if !r.ok {
		return
	}
	r.out = appendText(r.out, text)
	r.end()
}

// unescape reads a text with escapes, which may go over several lines.
func (r *reader) unescape(text []byte, column int) []byte {
	r.text = r.text[:0]
	for {
		i := bytes.IndexAny(text, "\\\n")
		if i < 0 {
			return append(r.text, text...)
		}
		if text[i] == '\n' {
			before := bytes.TrimRight(text[:i], " ")
			if n := len(r.text); len(before) == 0 && (n == 0 || r.text[n-1] <= ' ') {
				r.stop() // spaces that may have been escaped
				return nil
			}
			r.text = append(r.text, before...)
			if text = r.further(text[i+1:], column); !r.ok {
				return nil
			}
			r.text = append(r.text, ' ')
			continue
		}
		r.text = append(r.text, text[:i]...)
		if i+1 == len(text) {
			r.stop()
			return nil
		}
		c := text[i+1]
		text = text[i+2:]
		switch c {
		case '\n':
			if text = r.further(text, column); !r.ok {
				return nil
			}
		case '"', '\\', '/', ' ':
			r.text = append(r.text, c)
		case 'n':
			r.text = append(r.text, '\n')
		case 't':
			r.text = append(r.text, '\t')
		case 'r':
			r.text = append(r.text, '\r')
		case 'x', 'u', 'U':
			n := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
			if len(text) < n {
				r.stop()
				return nil
			}
			v, err := strconv.ParseUint(string(text[:n]), 16, 32)
			if err != nil || v == 0 || !utf8.ValidRune(rune(v)) {
				r.stop() // the library says what is wrong
				return nil
			}
			r.text = utf8.AppendRune(r.text, rune(v))
			text = text[n:]
		default:
			r.stop()
			return nil
		}
	}
}

// further goes to the content of the next line of a quoted text.
func (r *reader) further(text []byte, column int) []byte {
	line := bytes.TrimLeft(text, " ")
	spaces := len(text) - len(line)
	if spaces <= column || len(line) == 0 || line[0] == '\n' || spaces == 0 && len(line) >= 3 && (string(line[:3]) == "---" || string(line[:3]) == "...") {
		r.stop()
		return nil
	}
	return line
}

// literal reads a text of lines as they stand.
func (r *reader) literal(column int) {
	chomp := byte(0)
	r.at++
	if r.at < len(r.src) && (r.src[r.at] == '-' || r.src[r.at] == '+') {
		chomp = r.src[r.at]
		r.at++
	}
	if r.at == len(r.src) || r.src[r.at] != '\n' {
		r.stop() // with an indentation, a comment, or nothing at all
		return
	}
	r.at++
	r.text = r.text[:0]
	indent, breaks, any := -1, 0, false
	for r.at < len(r.src) {
		line := r.rest()
		content := bytes.TrimLeft(line, " ")
		spaces := len(line) - len(content)
		switch {
		case len(content) == 0 && (indent < 0 || spaces <= indent):
			if indent < 0 && spaces > column+1 {
				r.stop() // an empty line that may be indented too much
				return
			}
			breaks++
			r.skipLine()
			continue
		case len(content) > 0 && (content[0] == '\t' || bytes.IndexByte(content, '\r') >= 0):
			r.stop()
			return
		case indent < 0 && spaces > column && len(content) > 0:
			indent = spaces
		}
		if indent < 0 || spaces < indent {
			break
		}
		for range breaks {
			r.text = append(r.text, '\n')
		}
		r.text = append(r.text, line[indent:]...)
		breaks, any = 1, true
		if r.at+len(line) == len(r.src) {
			r.stop() // no line break at the end of the document: libraries differ
			return
		}
		r.skipLine()
	}
	switch {
	case !any:
		r.stop()
		return
	case chomp == '+':
		for range breaks {
			r.text = append(r.text, '\n')
		}
	case chomp == 0:
		r.text = append(r.text, '\n')
	}
	r.out = appendText(r.out, r.text)
	r.line()
}

// flow reads [a, "b"] and {} on one line.
func (r *reader) flow(kind Kind) {
	open := r.src[r.at]
	r.at++
	r.spaces()
	if r.at == len(r.src) {
		r.stop()
		return
	}
	if open == '{' {
		if r.src[r.at] != '}' {
			r.stop()
			return
		}
		r.at++
		r.out = append(r.out, '{', '}')
		r.end()
		return
	}
	r.out = append(r.out, '[')
	for first := true; ; first = false {
		r.spaces()
		line := r.rest()
		if len(line) == 0 {
			r.stop()
			return
		}
		if line[0] == ']' && first {
			r.at++
			break
		}
		if !first {
			r.out = append(r.out, ',')
		}
		var n int
		switch c := line[0]; {
		case c == '"' || c == '\'':
			n = bytes.IndexByte(line[1:], c)
			if n < 0 || bytes.IndexByte(line[1:1+n], '\\') >= 0 {
				r.stop()
				return
			}
			n += 2
			if n < len(line) && line[n] == c {
				r.stop()
				return
			}
			r.out = appendText(r.out, line[1:n-1])
		case c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9':
			n = bytes.IndexAny(line, ",]")
			if n < 0 || bytes.ContainsAny(line[:n], ":#[{}\t\r") {
				r.stop()
				return
			}
			r.out = appendPlain(r.out, bytes.TrimRight(line[:n], " "), kind)
		default:
			r.stop()
			return
		}
		r.at += n
		r.spaces()
		if r.at < len(r.src) && r.src[r.at] == ',' {
			r.at++
			continue
		}
		if r.at < len(r.src) && r.src[r.at] == ']' {
			r.at++
			break
		}
		r.stop()
		return
	}
	r.out = append(r.out, ']')
	r.end()
}

func (r *reader) spaces() {
	for r.at < len(r.src) && r.src[r.at] == ' ' {
		r.at++
	}
}
