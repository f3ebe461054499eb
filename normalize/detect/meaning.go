package detect

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/normalize"
)

// MeaningHash is the SHA-256 of the RFC 8785 canonical form of a JSON document
// without what does not count by m, such as a time stamp or a serial number: two
// documents with the same hash say the same. The elements of a set are written in an
// order that they have of themselves, whatever order they came in.
//
// One thing differs from RFC 8785: numbers of more than 15 significant digits stay as
// they are written, because its way through float64 makes 9007199254740993 and
// 9007199254740992 the same. Members of the same name are all kept, in their order.
// What Scan refuses may be refused here too.
func MeaningHash(json []byte, m *normalize.Meaning) ([32]byte, error) {
	c := pool.Get().(*canon)
	defer c.release()
	c.b, c.meaning = Strip(json), m
	if m.Form != nil {
		c.b = m.Form(c.b)
	}
	if len(c.b) > math.MaxUint32/2 { // canonical escapes may be longer
		return [32]byte{}, normalize.Park(normalize.ReasonTooLarge, "", "%d bytes; the meaning of at most 2 GiB can be compared", len(c.b))
	}
	c.out = slices.Grow(c.out[:0], len(c.b))
	c.members, c.elements = c.members[:0], c.elements[:0]
	end, err := c.value(skipSpace(c.b, 0), 0, trie(m.Volatile))
	if err != nil {
		return [32]byte{}, err
	}
	if end = skipSpace(c.b, end); end != len(c.b) {
		return [32]byte{}, c.bad(end)
	}
	return sha256.Sum256(c.out), nil
}

// node is a step on the way to volatile members.
type node struct {
	next map[string]*node
	drop bool
}

// trie arranges JSON Pointers so that they can be followed while reading.
func trie(pointers []string) *node {
	if len(pointers) == 0 {
		return nil
	}
	root := &node{}
	for _, p := range pointers {
		n := root
		if p == "" || p[0] != '/' {
			continue // the whole document cannot be volatile
		}
		for token := range strings.SplitSeq(p[1:], "/") {
			token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
			child := n.next[token]
			if child == nil {
				child = &node{}
				if n.next == nil {
					n.next = map[string]*node{}
				}
				n.next[token] = child
			}
			n = child
		}
		n.drop = true
	}
	return root
}

// canon writes the canonical form of b to out. Members are written where they
// appear and, at the end of an object that was not in order, moved; so are the
// elements of a set.
type canon struct {
	b, out   []byte
	meaning  *normalize.Meaning
	members  []member  // of all open objects, innermost last
	elements []element // of all open sets, innermost last
	scratch  []byte
}

// member is a span of out: the quoted name, the colon, the value.
type member struct{ start, nameEnd, end uint32 }

// Larger buffers are left to the garbage collector.
const maxPooled = 8 << 20

var pool = sync.Pool{New: func() any { return new(canon) }}

func (c *canon) release() {
	if cap(c.out) > maxPooled {
		c.out = nil
	}
	if cap(c.members) > maxPooled/12 {
		c.members = nil
	}
	if cap(c.elements) > maxPooled/16 {
		c.elements = nil
	}
	if cap(c.scratch) > maxPooled {
		c.scratch = nil
	}
	c.b, c.meaning = nil, nil
	pool.Put(c)
}

func (c *canon) bad(i int) error {
	return normalize.Park(normalize.ReasonSyntax, lineColumn(c.b, i), "not well-formed JSON")
}

func (c *canon) value(i, depth int, n *node) (int, error) {
	if i >= len(c.b) {
		return i, c.bad(i)
	}
	b := c.b
	start := i
	switch ch := b[i]; {
	case ch == '{':
		return c.object(i, depth+1, n)
	case ch == '[':
		return c.array(i, depth+1, n, nil)
	case ch == '"':
		return c.str(i)
	case ch == '-' || ch >= '0' && ch <= '9':
		var ok bool
		if i, ok = scanNumber(b, i); !ok {
			return i, c.bad(i)
		}
		c.out = appendNumber(c.out, b[start:i])
		return i, nil
	case bytes.HasPrefix(b[i:], []byte("true")), bytes.HasPrefix(b[i:], []byte("null")):
		i += 4
	case bytes.HasPrefix(b[i:], []byte("false")):
		i += 5
	default:
		return i, c.bad(i)
	}
	c.out = append(c.out, b[start:i]...)
	return i, nil
}

func (c *canon) str(i int) (int, error) {
	end := plain(c.b, i+1)
	if end < len(c.b) && c.b[end] == '"' { // nothing is escaped: it is canonical
		c.out = append(c.out, c.b[i:end+1]...)
		return end + 1, nil
	}
	end, f := scanString(c.b, i)
	if f != sound {
		return end, c.bad(end)
	}
	text, err := jsontext.AppendUnquote(c.scratch[:0], c.b[i:end])
	c.scratch = text
	if err == nil {
		c.out, err = jsontext.AppendQuote(c.out, text)
	}
	if err != nil {
		return end, c.bad(i)
	}
	return end, nil
}

// array writes an array, which is a set where s is not nil.
func (c *canon) array(i, depth int, n *node, s *set) (int, error) {
	if depth > maxDepth {
		return i, normalize.Park(normalize.ReasonDepth, lineColumn(c.b, i), "nested deeper than %d levels", maxDepth)
	}
	c.out = append(c.out, '[')
	first, base := len(c.elements), len(c.out)
	if i = skipSpace(c.b, i+1); i < len(c.b) && c.b[i] == ']' {
		c.out = append(c.out, ']')
		return i + 1, nil
	}
	written := 0
	for index := 0; ; index++ {
		var child *node
		if n != nil {
			child = n.next[strconv.Itoa(index)]
		}
		mark := len(c.out)
		if written > 0 {
			c.out = append(c.out, ',')
		}
		var err error
		if i, err = c.value(i, depth, child); err != nil {
			return i, err
		}
		written++
		switch {
		case child != nil && child.drop:
			c.out = c.out[:mark]
			written--
		case s != nil:
			from := mark
			if written > 1 {
				from++ // the comma
			}
			c.elements = append(c.elements, element{start: uint32(from), end: uint32(len(c.out))})
		}
		i = skipSpace(c.b, i)
		switch {
		case i < len(c.b) && c.b[i] == ',':
			i = skipSpace(c.b, i+1)
		case i < len(c.b) && c.b[i] == ']':
			if s != nil {
				c.arrange(base, c.elements[first:], s.key)
				c.elements = c.elements[:first]
			}
			c.out = append(c.out, ']')
			return i + 1, nil
		default:
			return i, c.bad(i)
		}
	}
}

func (c *canon) object(i, depth int, n *node) (int, error) {
	if depth > maxDepth {
		return i, normalize.Park(normalize.ReasonDepth, lineColumn(c.b, i), "nested deeper than %d levels", maxDepth)
	}
	c.out = append(c.out, '{')
	first, base, ordered := len(c.members), len(c.out), true
	i = skipSpace(c.b, i+1)
	if i < len(c.b) && c.b[i] == '}' {
		c.out = append(c.out, '}')
		return i + 1, nil
	}
	for {
		if i >= len(c.b) || c.b[i] != '"' {
			return i, c.bad(i)
		}
		mark := len(c.out)
		if len(c.members) > first {
			c.out = append(c.out, ',')
		}
		m := member{start: uint32(len(c.out))}
		var err error
		if i, err = c.str(i); err != nil {
			return i, err
		}
		m.nameEnd = uint32(len(c.out))
		if i = skipSpace(c.b, i); i >= len(c.b) || c.b[i] != ':' {
			return i, c.bad(i)
		}
		c.out = append(c.out, ':')
		var child *node
		if n != nil {
			child = n.next[unquote(c.out[m.start:m.nameEnd], len(c.b))]
		}
		drop := child != nil && child.drop
		i = skipSpace(c.b, i+1)
		switch {
		case i < len(c.b) && c.b[i] == '[':
			start := len(c.out)
			i, err = c.array(i, depth+1, child, c.setOf(c.out[m.start:m.nameEnd]))
			drop = drop || c.meaning.NoEmpty && len(c.out) == start+len("[]")
		case c.isTime(c.out[m.start:m.nameEnd], i):
			i, err = c.time(i)
		default:
			i, err = c.value(i, depth, child)
		}
		if err != nil {
			return i, err
		}
		if drop {
			c.out = c.out[:mark]
		} else {
			m.end = uint32(len(c.out))
			if len(c.members) > first && ordered {
				last := c.members[len(c.members)-1]
				ordered = compareNames(c.out[last.start:last.nameEnd], c.out[m.start:m.nameEnd]) <= 0
			}
			c.members = append(c.members, m)
		}
		i = skipSpace(c.b, i)
		switch {
		case i < len(c.b) && c.b[i] == ',':
			i = skipSpace(c.b, i+1)
		case i < len(c.b) && c.b[i] == '}':
			if !ordered {
				c.sort(base, c.members[first:])
			}
			c.members = c.members[:first]
			c.out = append(c.out, '}')
			return i + 1, nil
		default:
			return i, c.bad(i)
		}
	}
}

// sort puts the members of one object, which begin at base, in order.
func (c *canon) sort(base int, members []member) {
	slices.SortStableFunc(members, func(a, b member) int {
		return compareNames(c.out[a.start:a.nameEnd], c.out[b.start:b.nameEnd])
	})
	c.scratch = append(c.scratch[:0], c.out[base:]...)
	at := base
	for k, m := range members {
		if k > 0 {
			c.out[at] = ','
			at++
		}
		at += copy(c.out[at:], c.scratch[int(m.start)-base:int(m.end)-base])
	}
}

// compareNames compares quoted names as RFC 8785 section 3.2.3 does, by UTF-16 code units.
func compareNames(a, b []byte) int {
	a, b = a[1:len(a)-1], b[1:len(b)-1]
	if bytes.IndexByte(a, '\\') >= 0 || bytes.IndexByte(b, '\\') >= 0 {
		a, b = unescaped(a), unescaped(b)
	}
	for i := range min(len(a), len(b)) {
		if a[i] == b[i] {
			continue
		}
		if a[i] < utf8.RuneSelf || b[i] < utf8.RuneSelf {
			return cmp.Compare(a[i], b[i])
		}
		for !utf8.RuneStart(a[i]) && i > 0 {
			i--
		}
		x, _ := utf8.DecodeRune(a[i:])
		y, _ := utf8.DecodeRune(b[i:])
		return cmp.Compare(utf16Order(x), utf16Order(y))
	}
	return cmp.Compare(len(a), len(b))
}

// utf16Order moves what UTF-16 writes with surrogates before U+E000, where they sort.
func utf16Order(r rune) rune {
	if r >= 0xe000 && r <= 0xffff {
		return r + 0x110000
	}
	return r
}

func unescaped(name []byte) []byte {
	if bytes.IndexByte(name, '\\') < 0 {
		return name
	}
	return []byte(unquote(append(append([]byte{'"'}, name...), '"'), 6*len(name)))
}
