package cyclonedx

import (
	"bytes"
	"slices"

	"sluice/normalize"
)

// dependencies writes what is a tree here and a list in JSON: what something depends on is
// named, and where that says what it depends on itself, it is an entry of its own.
func (w *wireWriter) dependencies(m *protoMessage, entries []wireEntry) error {
	w.out = append(w.out, '[')
	more := false
	for _, e := range entries {
		w.path[len(w.path)-1].index++
		if err := w.dependency(m, e.value, 1, &more); err != nil {
			return err
		}
	}
	w.out = append(w.out, ']')
	return nil
}

func (w *wireWriter) dependency(m *protoMessage, b []byte, depth int, more *bool) error {
	if len(w.path)+depth > w.limits.MaxDepth {
		return normalize.Park(normalize.ReasonDepth, w.pointer(), "nested deeper than %d levels", w.limits.MaxDepth)
	}
	first := len(w.entries)
	entries, err := w.index(b, m)
	if err != nil {
		return err
	}
	defer func() { w.entries = w.entries[:first] }()
	if *more {
		w.out = append(w.out, ',')
	}
	*more = true
	w.out = append(w.out, '{')
	comma := false
	list := func(name string, field int, text func(wireEntry) ([]byte, error)) error {
		begun := false
		for _, e := range entries {
			if e.field != field {
				continue
			}
			if !begun {
				if comma {
					w.out = append(w.out, ',')
				}
				w.out = append(w.out, name...)
				w.out = append(w.out, '[')
				begun, comma = true, true
			} else {
				w.out = append(w.out, ',')
			}
			s, err := text(e)
			if err != nil {
				return err
			}
			if err := w.text(s); err != nil {
				return err
			}
		}
		if begun {
			w.out = append(w.out, ']')
		}
		return nil
	}
	for _, e := range entries {
		if e.field == 0 && !comma {
			w.out = append(w.out, `"ref":`...)
			comma = true
			if err := w.text(lastOf(entries, 0)); err != nil {
				return err
			}
		}
	}
	if err := list(`"dependsOn":`, 1, func(e wireEntry) ([]byte, error) { return w.refOf(m, e.value) }); err != nil {
		return err
	}
	if err := list(`"provides":`, 2, func(e wireEntry) ([]byte, error) { return e.value, nil }); err != nil {
		return err
	}
	w.out = append(w.out, '}')
	for i := range entries {
		if e := entries[i]; e.field == 1 && w.saysMore(m, e.value) {
			if err := w.dependency(m, e.value, depth+1, more); err != nil {
				return err
			}
		}
	}
	return nil
}

// refOf is the reference of a dependency.
func (w *wireWriter) refOf(m *protoMessage, b []byte) ([]byte, error) {
	first := len(w.entries)
	entries, err := w.index(b, m)
	if err != nil {
		return nil, err
	}
	ref := lastOf(entries, 0)
	w.entries = w.entries[:first]
	return ref, nil
}

// saysMore reports whether a dependency says more than what it is. It was indexed before.
func (w *wireWriter) saysMore(m *protoMessage, b []byte) bool {
	first := len(w.entries)
	entries, err := w.index(b, m)
	more := err == nil && slices.ContainsFunc(entries, func(e wireEntry) bool { return e.field != 0 })
	w.entries = w.entries[:first]
	return more
}

func lastOf(entries []wireEntry, field int) (value []byte) {
	for _, e := range entries {
		if e.field == field {
			value = e.value
		}
	}
	return value
}

// tools writes the tools: a list of them up to 1.4, later as a rule one entry with the
// components and services that are the tools.
func (w *wireWriter) tools(m *protoMessage, entries []wireEntry) error {
	components, services := m.byName["components"], m.byName["services"]
	first := len(w.entries)
	modern := false
	for _, e := range entries {
		fields, err := w.index(e.value, m)
		if err != nil {
			return err
		}
		modern = modern || slices.ContainsFunc(fields, func(f wireEntry) bool { return f.field == components || f.field == services })
		w.entries = w.entries[:first]
	}
	if modern {
		// JSON has one or the other. What else is said of a tool goes beside them, where
		// nobody looks for it and nothing is lost.
		return w.message(bytes.Join(values(entries), nil), m)
	}
	w.out = append(w.out, '[')
	for i, e := range entries {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		w.path[len(w.path)-1].index++
		if err := w.message(e.value, m); err != nil {
			return err
		}
	}
	w.out = append(w.out, ']')
	return nil
}
