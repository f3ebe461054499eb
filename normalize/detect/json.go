package detect

import (
	"bytes"
	"hash/maphash"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/normalize"
)

const (
	maxValue      = 256  // bytes of a member's value that Head keeps
	maxMembers    = 1000 // of the top level; as many again of the objects inside it
	maxElements   = 4    // scalars of a top-level array member that Head keeps: "/@context/0"
	maxPointer    = 1024 // bytes of a JSON Pointer in an error
	maxDuplicates = 20   // warnings about duplicate members
)

// frame is an open object or array.
type frame struct {
	object bool
	index  int    // of the current element, in an array
	name   span   // of the current member with its quotes, in an object
	names  int    // where this object's names begin in jsonScan.names
	seen   uint64 // a small Bloom filter over the names
	large  map[uint64]struct{}
}

type span struct{ start, end int }

// jsonScan is an iterative scanner: a document nested ten million deep costs
// MaxDepth frames and an error, not a stack.
type jsonScan struct {
	b         []byte
	head      *normalize.Head
	maxDepth  int
	maxString int64
	invalid   int // offset of the first byte that is not UTF-8
	stack     []frame
	names     []span // member names of all open objects, innermost last
	top, sub  int    // members kept of the top level and below
	dups      int
	seed      maphash.Seed
}

func scanJSON(b []byte, start, maxDepth int, maxString int64) (*normalize.Head, error) {
	s := &jsonScan{
		b:         b,
		head:      &normalize.Head{Syntax: normalize.JSON, Members: make(map[string]string, 32)},
		maxDepth:  maxDepth,
		maxString: maxString,
		invalid:   invalidUTF8(b),
		stack:     make([]frame, 0, 16),
		names:     make([]span, 0, 64),
		seed:      maphash.MakeSeed(),
	}
	end, err := s.value(start)
	if err != nil {
		return nil, err
	}
	if err := s.trailing(end); err != nil {
		return nil, err
	}
	return s.head, nil
}

// What the scanner expects next.
const (
	wantValue = iota
	wantName
	wantNext // comma or end
)

// value checks the value at i, an object or array, and returns the offset after it.
//
// Long: the states of the grammar in one loop, since every byte of every document passes here.
func (s *jsonScan) value(i int) (int, error) {
	b := s.b
	state := wantValue
	for {
		i = skipSpace(b, i)
		if i >= len(b) {
			return i, s.syntax(i, "the document ends inside %s; it is cut off", s.inside())
		}
		c := b[i]
		switch state {
		case wantValue:
			end := i + 1
			switch {
			case c == '"':
				var err error
				if end, err = s.str(i); err != nil {
					return i, err
				}
			case c == '{' || c == '[':
				if len(s.stack) >= s.maxDepth {
					return i, s.park(normalize.ReasonDepth, i, "nested deeper than %d levels", s.maxDepth)
				}
				s.note(i, end)
				s.stack = append(s.stack, frame{object: c == '{', names: len(s.names)})
				i = skipSpace(b, end)
				switch {
				case i < len(b) && b[i] == c+2: // '}' is '{'+2, ']' is '['+2
					i = s.pop(i)
					if len(s.stack) == 0 {
						return i, nil
					}
					state = wantNext
				case c == '{':
					state = wantName
				}
				continue
			case c == '-' || c >= '0' && c <= '9':
				var ok bool
				if end, ok = scanNumber(b, i); !ok {
					return i, s.syntax(end, "malformed number")
				}
				if !storable(b[i:end]) {
					return i, s.park(normalize.ReasonNumber, i, "the number %s does not fit a 64-bit float or PostgreSQL's numeric", shorten(b[i:end]))
				}
			case c == 't' && bytes.HasPrefix(b[i:], []byte("true")), c == 'n' && bytes.HasPrefix(b[i:], []byte("null")):
				end = i + 4
			case c == 'f' && bytes.HasPrefix(b[i:], []byte("false")):
				end = i + 5
			default:
				return i, s.unexpected(i, "a value")
			}
			s.note(i, end)
			i, state = end, wantNext
		case wantName:
			if c != '"' {
				return i, s.unexpected(i, "a member name in double quotes")
			}
			f := &s.stack[len(s.stack)-1]
			f.name = span{}
			end, err := s.str(i)
			if err != nil {
				return i, err
			}
			f.name = span{i, end}
			s.distinct(f)
			if i = skipSpace(b, end); i >= len(b) || b[i] != ':' {
				return i, s.unexpected(i, "a colon after the member name")
			}
			i, state = i+1, wantValue
		case wantNext:
			f := &s.stack[len(s.stack)-1]
			switch {
			case c == ',' && f.object:
				i, state = i+1, wantName
			case c == ',':
				f.index++
				i, state = i+1, wantValue
			case c == '}' && f.object, c == ']' && !f.object:
				i = s.pop(i)
				if len(s.stack) == 0 {
					return i, nil
				}
			case f.object:
				return i, s.unexpected(i, "a comma or }")
			default:
				return i, s.unexpected(i, "a comma or ]")
			}
		}
	}
}

func (s *jsonScan) pop(i int) int {
	s.names = s.names[:s.stack[len(s.stack)-1].names]
	s.stack = s.stack[:len(s.stack)-1]
	return i + 1
}

// str checks the string at i and returns the offset after it.
func (s *jsonScan) str(i int) (int, error) {
	end, f := scanString(s.b, i)
	if s.invalid < end {
		return i, s.park(normalize.ReasonEncoding, s.invalid, "byte 0x%02x at offset %d is not UTF-8; convert the document to UTF-8", s.b[s.invalid], s.invalid)
	}
	switch f {
	case sound:
		if int64(end-i-2) > s.maxString {
			return i, s.park(normalize.ReasonTooLarge, i, "a string of %d bytes; the limit is %d (--limit-string-bytes)", end-i-2, s.maxString)
		}
		return end, nil
	case unterminated:
		return i, s.syntax(end, "the document ends inside a string; it is cut off")
	case controlCharacter:
		return i, s.syntax(end, "control character U+%04X in a string; it must be escaped", s.b[end])
	case nulEscape:
		return i, s.park(normalize.ReasonNUL, end, `\u0000 in a string; PostgreSQL cannot hold it`)
	case loneSurrogate:
		return i, s.park(normalize.ReasonSurrogate, end, `%s is half of a surrogate pair without the other half; PostgreSQL cannot hold it`, s.b[end:end+6])
	default:
		return i, s.syntax(end, "invalid escape sequence in a string")
	}
}

// distinct records the current member name and warns if the object has it already.
// Names are compared as written: "a" and "\u0061" are not noticed to be the same.
func (s *jsonScan) distinct(f *frame) {
	const (
		few  = 32      // names up to which looking at all of them is cheaper than a map
		many = 1 << 16 // names that are remembered; an object with millions is no reason to fill the memory
	)
	name := s.b[f.name.start+1 : f.name.end-1]
	n := len(s.names) - f.names
	if n >= few {
		if f.large == nil {
			f.large = make(map[uint64]struct{}, 2*few)
			for _, o := range s.names[f.names:] {
				f.large[maphash.Bytes(s.seed, s.b[o.start+1:o.end-1])] = struct{}{}
			}
		}
		h := maphash.Bytes(s.seed, name)
		if _, again := f.large[h]; again {
			s.duplicate()
		}
		if len(f.large) < many {
			f.large[h] = struct{}{}
		}
		return
	}
	bit := uint64(1)
	if len(name) > 0 {
		bit = 1 << ((uint(name[0]) + 7*uint(name[len(name)-1]) + 31*uint(name[len(name)/2]) + 13*uint(len(name))) & 63)
	}
	if f.seen&bit != 0 {
		for _, o := range s.names[f.names:] {
			if bytes.Equal(s.b[o.start+1:o.end-1], name) {
				s.duplicate()
				break
			}
		}
	}
	f.seen |= bit
	s.names = append(s.names, f.name)
}

func (s *jsonScan) duplicate() {
	if s.dups++; s.dups > maxDuplicates {
		return
	}
	s.head.Warnings = append(s.head.Warnings, normalize.Warning{
		Code:    "duplicate-member",
		Pointer: s.pointer(),
		Message: "the object has this member more than once; the last one counts",
	})
}

// note keeps the value that begins at i if Head.Members is to have it.
func (s *jsonScan) note(i, end int) {
	switch len(s.stack) {
	case 1:
		if f := &s.stack[0]; (f.object || f.index == 0) && s.top < maxMembers {
			s.top++
			s.head.Members[s.pointer()] = s.text(i, end)
		}
	case 2:
		f, in := &s.stack[0], &s.stack[1]
		wanted := in.object && (f.object || f.index == 0)
		// "@context" of JSON-LD is a list as often as not: "/@context/0".
		wanted = wanted || f.object && !in.object && in.index < maxElements && s.b[i] != '{' && s.b[i] != '['
		if wanted && s.sub < maxMembers {
			s.sub++
			s.head.Members[s.pointer()] = s.text(i, end)
		}
	}
}

// text is a scalar as Head.Members holds it.
func (s *jsonScan) text(i, end int) string {
	v := s.b[i:end]
	if v[0] == '"' {
		return unquote(v, maxValue)
	}
	return string(v[:min(len(v), maxValue)])
}

// unquote returns at most limit bytes of a checked JSON string, cut between characters.
func unquote(quoted []byte, limit int) string {
	raw := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(raw, '\\') >= 0 {
		if len(raw) > 8*limit { // an escape is six bytes at most for one of text
			cut := 8 * limit
			for cut > 0 && (raw[cut-1] == '\\' || !utf8.RuneStart(raw[cut])) {
				cut--
			}
			raw = raw[:cut]
		}
		// A cut inside \uXXXX leaves an invalid tail, which AppendUnquote replaces; it is past the limit.
		text, _ := jsontext.AppendUnquote(nil, append(append([]byte{'"'}, raw...), '"'))
		raw = text
	}
	if len(raw) <= limit {
		return string(raw)
	}
	for limit > 0 && !utf8.RuneStart(raw[limit]) {
		limit--
	}
	return string(raw[:limit])
}

// pointer is the JSON Pointer of the current value.
func (s *jsonScan) pointer() string {
	var p strings.Builder
	for i := range s.stack {
		f := &s.stack[i]
		var token string
		switch {
		case !f.object:
			token = strconv.Itoa(f.index)
		case f.name.end == 0:
			continue
		default:
			token = escapeToken(unquote(s.b[f.name.start:f.name.end], maxPointer))
		}
		// A pointer is for people: past a kilobyte the beginning has to do.
		if p.Len()+1+len(token) > maxPointer {
			break
		}
		p.WriteByte('/')
		p.WriteString(token)
	}
	return p.String()
}

func escapeToken(t string) string {
	if !strings.ContainsAny(t, "~/") {
		return t
	}
	return strings.ReplaceAll(strings.ReplaceAll(t, "~", "~0"), "/", "~1")
}

func (s *jsonScan) park(reason string, offset int, format string, args ...any) error {
	e := normalize.Park(reason, s.pointer(), format+" (line:column %s)", append(args, lineColumn(s.b, offset))...)
	return e
}

func (s *jsonScan) syntax(offset int, format string, args ...any) error {
	return s.park(normalize.ReasonSyntax, offset, "not well-formed JSON: "+format, args...)
}

func (s *jsonScan) unexpected(i int, want string) error {
	switch {
	case i >= len(s.b):
		return s.syntax(i, "the document ends where %s should be; it is cut off", want)
	case i == s.invalid:
		return s.park(normalize.ReasonEncoding, i, "byte 0x%02x at offset %d is not UTF-8; convert the document to UTF-8", s.b[i], i)
	}
	r, _ := utf8.DecodeRune(s.b[i:])
	return s.syntax(i, "%q where %s should be", r, want)
}

func (s *jsonScan) inside() string {
	if len(s.stack) > 0 && !s.stack[len(s.stack)-1].object {
		return "an array"
	}
	return "an object"
}

// trailing refuses anything but white space after the value.
func (s *jsonScan) trailing(i int) error {
	end := i
	i = skipSpace(s.b, i)
	if i == len(s.b) {
		return nil
	}
	if c := s.b[i]; c == '{' || c == '[' {
		how := "several JSON values one after the other"
		if bytes.IndexByte(s.b[end:i], '\n') >= 0 {
			how = "JSON Lines"
		}
		return s.syntax(i, "a second value begins here: this looks like %s; split it into one document per value", how)
	}
	return s.syntax(i, "%d bytes follow the end of the document; remove them", len(s.b)-i)
}

func shorten(b []byte) string {
	if len(b) <= 40 {
		return string(b)
	}
	return string(b[:40]) + "..."
}
