package detect

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// set is an array in no order. With a key only elements that differ in that member are.
type set struct{ key string }

var wholeSet = &set{}

// element is a span of out, and what it is sorted by.
type element struct {
	start, end uint32
	hash       uint64
}

// setOf is what the array of a member, whose quoted name this is, is as a set; nil where it is none.
func (c *canon) setOf(name []byte) *set {
	key, ok := c.meaning.Sets[string(name[1:len(name)-1])]
	switch {
	case !ok:
		return nil
	case key == "":
		return wholeSet
	}
	return &set{key}
}

// arrange puts the elements of a set, which begin at base, in an order of their own. It
// is that of their hashes: comparing numbers costs a tenth of comparing what a hundred
// thousand components have in common, and any order will do that is always the same.
func (c *canon) arrange(base int, elements []element, key string) {
	if len(elements) < 2 {
		return
	}
	for i := range elements {
		e := &elements[i]
		v := c.out[e.start:e.end]
		if key != "" && v[0] == '{' {
			v = memberOf(v, key)
		}
		e.hash = xxhash.Sum64(v)
	}
	order := func(a, b element) int {
		if n := cmp.Compare(a.hash, b.hash); n != 0 || key != "" {
			return n
		}
		return bytes.Compare(c.out[a.start:a.end], c.out[b.start:b.end])
	}
	if slices.IsSortedFunc(elements, order) {
		return
	}
	if key != "" {
		slices.SortStableFunc(elements, order)
	} else {
		slices.SortFunc(elements, order)
	}
	c.scratch = append(c.scratch[:0], c.out[base:]...)
	at := base
	for k, e := range elements {
		if k > 0 {
			c.out[at] = ','
			at++
		}
		at += copy(c.out[at:], c.scratch[int(e.start)-base:int(e.end)-base])
	}
}

// memberOf is the value of a member of an object in canonical form, nil where it has none.
func memberOf(v []byte, name string) []byte {
	for i := 1; i < len(v) && v[i] == '"'; i++ { // i++ passes over the comma
		end, _ := scanString(v, i)
		found := string(v[i+1:end-1]) == name
		start := end + 1 // after the colon
		i = passOver(v, start)
		if found {
			return v[start:i]
		}
	}
	return nil
}

// passOver returns the offset after the canonical value at i.
func passOver(v []byte, i int) int {
	for depth := 0; i < len(v); {
		switch v[i] {
		case '"':
			i, _ = scanString(v, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
			i++
		case ',':
			if depth == 0 {
				return i
			}
			i++
		default:
			i++
		}
	}
	return i
}
