package cyclonedx

import "bytes"

// template is how the last object of a kind was written: what stands between its texts. Documents come
// from programs, which write the next one in the same way; then there is nothing to do but to compare.
type template struct {
	open    bool // so far it holds few members, and texts only
	from    int  // where the object begins
	n       int  // members
	members [most]int
	texts   [most][2]int     // where they begin and end
	parts   [most + 1][]byte // before, between and behind the texts, with their quotes
}

const (
	// most is how many members an object of a template has.
	most = 3
	// repeated is one more than the number of kinds that have templates.
	repeated = 4
)

// add notes a member, a text.
func (t *template) add(member, from, to int) {
	if t.n == most || from == to {
		t.open = false
		return
	}
	t.members[t.n], t.texts[t.n] = member, [2]int{from, to}
	t.n++
}

// end takes what stands between the texts of the object that ends.
func (t *template) end(src []byte, to int) {
	from := t.from
	for i, text := range t.texts[:t.n] {
		t.parts[i] = src[from:text[0]]
		from = text[1]
	}
	t.parts[t.n] = src[from:to]
}

// again passes over an object that is written as the last of its kind was, and in which nothing
// is odd. Otherwise it stays where it is.
func (w *walk) again(o *object) bool {
	t := &w.templates[o.repeats]
	if t.n == 0 {
		return false
	}
	var first, second []byte
	at := w.at
	for i := range t.n {
		part := t.parts[i]
		if !bytes.HasPrefix(w.src[at:], part) {
			return false
		}
		at += len(part)
		length := bytes.IndexByte(w.src[at:], '"')
		text := w.src[at : at+length]
		m := &o.members[t.members[i]]
		if length == 0 || text[length-1] == '\\' || m.checked && !m.fits(text) {
			return false
		}
		switch t.members[i] {
		case 0:
			first = w.src[at-1 : at+length+1]
		case 1:
			second = w.src[at-1 : at+length+1]
		}
		at += length
	}
	if !bytes.HasPrefix(w.src[at:], t.parts[t.n]) {
		return false
	}
	w.at = at + len(t.parts[t.n])
	if o.is == aProperty && w.properties != nil {
		w.properties.take(first, second)
	}
	return true
}
