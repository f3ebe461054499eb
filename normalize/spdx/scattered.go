package spdx

import (
	"bytes"

	"sluice/normalize"
	"sluice/normalize/internal/xmlscan"
)

// scattered does what xmlReader does for documents whose lists stand in several places: it
// collects each of them, at the price of a copy for each level.
type scattered struct {
	r      *xmlscan.Reader
	doc    *normalize.Document
	levels []scatteredLevel
}

type scatteredLevel struct {
	object
	text  []byte
	names []string // members that there are already
}

func (x *scattered) read() ([]byte, error) {
	for {
		kind, err := x.r.Next()
		if err != nil {
			return nil, err
		}
		if kind == xmlscan.Start {
			break
		}
	}
	form, err := x.element(make([]byte, 0, 64), 0, rootName)
	if err != nil {
		return nil, err
	}
	if kind, err := x.r.Next(); err != nil || kind != xmlscan.EOF {
		return nil, err
	}
	return form, nil
}

func (x *scattered) element(b []byte, depth int, name *xmlName) ([]byte, error) {
	l := &x.levels[depth]
	l.reset()
	l.text, l.names = l.text[:0], l.names[:0]
	has := name.object
	for {
		kind, err := x.r.Next()
		if err != nil {
			return nil, err
		}
		switch kind {
		case xmlscan.Text:
			if !has {
				l.text = append(l.text, x.r.Text...)
			}
		case xmlscan.Start:
			has = true
			if err := x.child(l, depth); err != nil {
				return nil, err
			}
		case xmlscan.End:
			if has {
				return l.appendTo(b), nil
			}
			return name.appendScalar(b, bytes.TrimSpace(l.text)), nil
		}
	}
}

func (x *scattered) child(l *scatteredLevel, depth int) error {
	name := nameOf(x.r.Name.Local)
	if name.list {
		elements := l.list(name.name)
		out, err := x.element(*elements, depth+1, name)
		if err != nil {
			return err
		}
		*elements = out
		return nil
	}
	for _, have := range l.names {
		if have == name.name {
			x.doc.Warn("duplicate-member", x.r.Where(), "<%.60s> is there twice; the first one counts", have)
			return x.r.Skip()
		}
	}
	const most = 200
	if len(l.names) == most {
		return normalize.Park(normalize.ReasonTooMany, x.r.Where(), "more than %d different elements inside of one", most)
	}
	l.names = append(l.names, name.name)
	if len(l.members) > 0 {
		l.members = append(l.members, ',')
	}
	l.members = append(appendText(l.members, []byte(name.name)), ':')
	out, err := x.element(l.members, depth+1, name)
	if err != nil {
		return err
	}
	l.members = out
	return nil
}
