package cyclonedx

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/encoding/protowire"

	"sluice/normalize"
	"sluice/normalize/lenient"
)

// wireWriter writes the JSON form of a protobuf document in one pass. A message is looked
// through once for where its fields are, and then written field by field: nothing is
// decoded into structs, and the memory that it takes beside the JSON is that of the
// fields of the messages that are open.
type wireWriter struct {
	out        []byte
	most       int // bytes of out
	limits     normalize.Limits
	warn       lenient.WarnFunc
	version    string
	components int
	entries    []wireEntry // of the messages that are open, innermost last
	path       []wireStep
}

// wireEntry is one occurrence of a field.
type wireEntry struct {
	field int
	value []byte // of a field that is delimited
	n     uint64 // of one that is not
	typ   protowire.Type
}

// wireStep is a part of the JSON Pointer to where the writer is.
type wireStep struct {
	field *protoField
	index int // -1: of no list
}

// maxForm is how many times as large as the document its JSON form may be: names of fields
// take a byte or two here, so that a document of nothing but empty messages would grow
// tenfold. Real ones grow by half.
const maxForm = 4

// jsonForm is the JSON form of a document of size bytes.
func jsonForm(wire []byte, size int, limits normalize.Limits, warn lenient.WarnFunc) ([]byte, error) {
	w := &wireWriter{limits: limits, warn: warn, most: min(maxForm*size+64<<10, int(min(limits.MaxBytes, math.MaxInt)))}
	w.out = make([]byte, 0, min(len(wire)+len(wire)/2+512, w.most+1024))
	bom := schema()
	entries, err := w.index(wire, bom)
	if err != nil {
		return nil, err
	}
	w.version = string(lastOf(entries, 0))
	if i := slices.Index(versions, w.version); i < slices.Index(versions, firstProtobuf) && w.version != "" {
		return nil, normalize.Park(normalize.ReasonUnsupported, "/specVersion",
			"CycloneDX %.40q is not a version that can be read as protobuf: write one of %s", w.version, strings.Join(versions[slices.Index(versions, firstProtobuf):], ", "))
	}
	w.out = append(w.out, `{"bomFormat":"CycloneDX"`...)
	if w.version != "" {
		w.out = append(w.out, `,"$schema":"http://cyclonedx.org/schema/bom-`+w.version+`.schema.json"`...)
	}
	if err := w.fields(bom, entries, true); err != nil {
		return nil, err
	}
	w.out = append(w.out, '}')
	return w.out, nil
}

// firstProtobuf is the first version that has a protobuf form.
const firstProtobuf = "1.3"

// index finds the fields of a message. The caller gives the entries back.
func (w *wireWriter) index(b []byte, m *protoMessage) ([]wireEntry, error) {
	first, sorted := len(w.entries), true
	for len(b) > 0 {
		number, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, w.broken(protowire.ParseError(n))
		}
		b = b[n:]
		e := wireEntry{field: m.field(int(number)), typ: typ}
		switch typ {
		case protowire.VarintType:
			e.n, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			e.n = uint64(v)
		case protowire.Fixed64Type:
			e.n, n = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			e.value, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(number, typ, b)
		}
		if n < 0 {
			return nil, w.broken(protowire.ParseError(n))
		}
		b = b[n:]
		if e.field < 0 || !m.fields[e.field].fits(typ) {
			w.unknown("the message %s has no field %d that is known here and of this type; it is not used", m.name, number)
			continue
		}
		sorted = sorted && (len(w.entries) == first || w.entries[len(w.entries)-1].field <= e.field)
		w.entries = append(w.entries, e)
	}
	entries := w.entries[first:]
	if !sorted {
		slices.SortStableFunc(entries, func(a, b wireEntry) int { return cmp.Compare(a.field, b.field) })
	}
	return entries, nil
}

// fits reports whether a field can be written in this way.
func (f *protoField) fits(typ protowire.Type) bool {
	switch f.kind {
	case kindBool, kindInt, kindEnum:
		return typ == protowire.VarintType || typ == protowire.BytesType && f.list // packed
	case kindFloat:
		return typ == protowire.Fixed32Type
	case kindDouble:
		return typ == protowire.Fixed64Type
	}
	return typ == protowire.BytesType
}

// message writes a message as an object, or as the value that stands for it.
func (w *wireWriter) message(b []byte, m *protoMessage) error {
	if len(w.path) >= w.limits.MaxDepth {
		return normalize.Park(normalize.ReasonDepth, w.pointer(), "nested deeper than %d levels", w.limits.MaxDepth)
	}
	first := len(w.entries)
	entries, err := w.index(b, m)
	if err != nil {
		return err
	}
	defer func() { w.entries = w.entries[:first] }()
	if n := len(entries); n > 0 && m.fields[entries[n-1].field].whole {
		last := entries[n-1].field
		return w.values(&m.fields[last], entries[slices.IndexFunc(entries, func(e wireEntry) bool { return e.field == last }):])
	}
	w.out = append(w.out, '{')
	if err := w.fields(m, entries, false); err != nil {
		return err
	}
	w.out = append(w.out, '}')
	if len(w.out) > w.most {
		return normalize.Park(normalize.ReasonTooLarge, w.pointer(), "its JSON form would have more than %d bytes", w.most)
	}
	return nil
}

// fields writes the members of an object, more of them where it has some already.
func (w *wireWriter) fields(m *protoMessage, entries []wireEntry, more bool) error {
	absent := m.always
	for i := 0; i < len(entries); {
		f, start := &m.fields[entries[i].field], i
		absent &^= 1 << entries[i].field
		for i < len(entries) && entries[i].field == entries[start].field {
			i++
		}
		mark := len(w.out)
		if more {
			w.out = append(w.out, ',')
		}
		w.out = append(w.out, f.json...)
		before := len(w.out)
		w.path = append(w.path, wireStep{f, -1})
		err := w.values(f, entries[start:i])
		w.path = w.path[:len(w.path)-1]
		if err != nil {
			return err
		}
		if len(w.out) == before { // nothing that could be written
			w.out = w.out[:mark]
			continue
		}
		more = true
	}
	for i := range m.fields {
		if absent&(1<<i) == 0 {
			continue
		}
		if more {
			w.out = append(w.out, ',')
		}
		more = true
		f := &m.fields[i]
		w.out = append(w.out, f.json...)
		switch f.kind {
		case kindEnum:
			w.out = strconv.AppendQuote(w.out, f.enum.words[0])
		case kindString:
			w.out = append(w.out, `""`...)
		default:
			w.out = append(w.out, '0')
		}
	}
	return nil
}

// values writes all occurrences of a field as its value.
func (w *wireWriter) values(f *protoField, entries []wireEntry) error {
	switch {
	case f.kind == kindDependencies:
		return w.dependencies(f.message, entries)
	case f.kind == kindTools:
		return w.tools(f.message, entries)
	case !f.list:
		e := entries[len(entries)-1]
		if f.kind == kindMessage && len(entries) > 1 {
			// To write a message twice is to merge the two, and that is to read one after the other.
			e.value = bytes.Join(values(entries), nil)
		}
		return w.value(f, e)
	case f.kind == kindMessage && f.message.name == "EvidenceIdentity" && w.version == "1.5" && len(entries) == 1:
		return w.value(f, entries[0]) // in 1.5 this is an object, not a list of them
	}
	w.out = append(w.out, '[')
	more, step := false, len(w.path)-1
	item := func(e wireEntry) error {
		mark := len(w.out)
		if more {
			w.out = append(w.out, ',')
		}
		before := len(w.out)
		w.path[step].index++
		if err := w.value(f, e); err != nil {
			return err
		}
		if len(w.out) == before {
			w.out = w.out[:mark]
			return nil
		}
		more = true
		return nil
	}
	for _, e := range entries {
		if e.typ != protowire.BytesType || f.kind != kindInt && f.kind != kindEnum && f.kind != kindBool {
			if err := item(e); err != nil {
				return err
			}
			continue
		}
		for b := e.value; len(b) > 0; { // packed
			v, n := protowire.ConsumeVarint(b)
			if n < 0 {
				return w.broken(protowire.ParseError(n))
			}
			b = b[n:]
			if err := item(wireEntry{n: v, typ: protowire.VarintType}); err != nil {
				return err
			}
			if len(w.out) > w.most {
				return normalize.Park(normalize.ReasonTooLarge, w.pointer(), "its JSON form would have more than %d bytes", w.most)
			}
		}
	}
	w.out = append(w.out, ']')
	return nil
}

func values(entries []wireEntry) [][]byte {
	list := make([][]byte, len(entries))
	for i, e := range entries {
		list[i] = e.value
	}
	return list
}

// value writes one value, or nothing where JSON has no word for it.
func (w *wireWriter) value(f *protoField, e wireEntry) error {
	switch f.kind {
	case kindString:
		return w.text(e.value)
	case kindBool:
		w.out = strconv.AppendBool(w.out, e.n != 0)
	case kindInt:
		w.out = strconv.AppendInt(w.out, int64(e.n), 10)
	case kindFloat:
		w.number(float64(math.Float32frombits(uint32(e.n))), 32)
	case kindDouble:
		w.number(math.Float64frombits(e.n), 64)
	case kindTime, kindDate:
		return w.time(f, e.value)
	case kindEnum:
		switch n := int32(e.n); {
		case n >= 0 && int(n) < len(f.enum.words) && f.enum.words[n] != "":
			w.out = append(append(append(w.out, '"'), f.enum.words[n]...), '"')
		case n != 0:
			w.unknown("the value %d of %s is not known; it is not used", n, f.name)
		}
	case kindMessage:
		if f.isEntity {
			if w.components++; w.components > w.limits.MaxComponents {
				return normalize.Park(normalize.ReasonTooMany, w.pointer(), "more than %d components: split the document or raise the limit", w.limits.MaxComponents)
			}
		}
		return w.message(e.value, f.message)
	}
	return nil
}

func (w *wireWriter) text(s []byte) error {
	if i := bytes.IndexByte(s, 0); i >= 0 {
		return normalize.Park(normalize.ReasonNUL, w.pointer(), "NUL character in a string; PostgreSQL cannot hold it")
	}
	if !utf8.Valid(s) {
		return normalize.Park(normalize.ReasonEncoding, w.pointer(), "a string that is not UTF-8")
	}
	var err error
	if w.out, err = jsontext.AppendQuote(w.out, s); err != nil {
		return normalize.Park(normalize.ReasonEncoding, w.pointer(), "%w", err)
	}
	if len(w.out) > w.most {
		return normalize.Park(normalize.ReasonTooLarge, w.pointer(), "its JSON form would have more than %d bytes", w.most)
	}
	return nil
}

func (w *wireWriter) number(v float64, bits int) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		w.unknown("%v is no number that JSON can hold; it is not used", v)
		return
	}
	// As JSON has it everywhere: digits, but for the very large and the very small.
	format := byte('f')
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	w.out = strconv.AppendFloat(w.out, v, format, -1, bits)
}

// time writes a google.protobuf.Timestamp: seconds and nanoseconds since 1970.
func (w *wireWriter) time(f *protoField, b []byte) error {
	var seconds, nanos int64
	for len(b) > 0 {
		number, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return w.broken(protowire.ParseError(n))
		}
		b = b[n:]
		if typ == protowire.VarintType && (number == 1 || number == 2) {
			v, n := protowire.ConsumeVarint(b)
			if n < 0 {
				return w.broken(protowire.ParseError(n))
			}
			if b = b[n:]; number == 1 {
				seconds = int64(v)
			} else {
				nanos = int64(int32(v))
			}
			continue
		}
		if n = protowire.ConsumeFieldValue(number, typ, b); n < 0 {
			return w.broken(protowire.ParseError(n))
		}
		b = b[n:]
		w.unknown("field %d of a timestamp is not known; it is not used", number)
	}
	const last = 253402300799 // 9999-12-31T23:59:59Z, the last that a timestamp may be
	t := time.Unix(seconds, nanos).UTC()
	if seconds > last || seconds < -62135596800 || t.Year() < 1 || t.Year() > 9999 {
		w.unknown("%d seconds after 1970 are no time that a document can have; they are not used", seconds)
		return nil
	}
	layout := time.RFC3339Nano
	if f.kind == kindDate {
		layout = time.DateOnly
	}
	w.out = append(t.AppendFormat(append(w.out, '"'), layout), '"')
	return nil
}

// unknown warns that something does not get into the JSON form.
func (w *wireWriter) unknown(format string, args ...any) {
	w.warn("unknown-field", w.pointer(), format, args...)
}

func (w *wireWriter) broken(err error) error {
	return normalize.Park(normalize.ReasonSyntax, w.pointer(), "not well-formed protobuf: %w; it is cut off or damaged", err)
}

// pointer is where the writer is, in the JSON form.
func (w *wireWriter) pointer() string {
	var p strings.Builder
	for _, s := range w.path {
		if s.field.whole {
			continue
		}
		p.WriteByte('/')
		p.WriteString(s.field.json[1 : len(s.field.json)-2])
		if s.index >= 0 {
			p.WriteByte('/')
			p.WriteString(strconv.Itoa(s.index))
		}
	}
	return p.String()
}
