package spdx

import (
	"bytes"
	"strings"
)

// This file reads the values of JSON-LD, which may be written in several ways: a text or
// {"@value": text}, one value or a list of it, a reference or the element itself.

// bytes takes a text.
func (g *graph) bytes() (value []byte) {
	r := g.r
	switch {
	case r.IsArray():
		for ok := r.Array(); ok && r.Element(); {
			if v := g.bytes(); value == nil {
				value = v
			}
		}
	case r.IsObject():
		for ok := r.Object(); ok && r.Member(); {
			switch string(r.Name()) {
			case "@value", "@id":
				value = r.Bytes()
			default:
				r.Skip()
			}
		}
	default:
		value = r.Bytes()
	}
	return value
}

// word takes a text of which only what the specification calls it counts.
func (g *graph) word() []byte {
	word := bytes.TrimSpace(g.bytes())
	for i := len(word) - 1; i >= 0; i-- {
		if c := word[i]; c == '/' || c == '#' || c == ':' {
			return word[i+1:]
		}
	}
	return word
}

// reference takes a reference to an element, or the element.
func (g *graph) reference() string {
	list := g.list()
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// list takes references to elements, or the elements.
func (g *graph) list() []string {
	r := g.r
	start := len(g.refs)
	one := func() {
		id := ""
		if r.IsObject() {
			id = g.element()
		} else {
			id = string(bytes.TrimSpace(r.Bytes()))
		}
		if id != "" {
			g.refs = append(g.refs, id)
		}
	}
	if r.IsArray() {
		for ok := r.Array(); ok && r.Element(); {
			one()
		}
	} else {
		one()
	}
	var list []string
	if found := g.refs[start:]; len(found) > 0 {
		list = append(list, found...)
	}
	g.refs = g.refs[:start]
	return list
}

// elements reads elements where it does not matter which: references to them say nothing.
func (g *graph) elements() {
	r := g.r
	if !r.IsArray() {
		g.elementOrSkip()
		return
	}
	for ok := r.Array(); ok && r.Element(); {
		g.elementOrSkip()
	}
}

func (g *graph) elementOrSkip() {
	if g.r.IsObject() {
		g.element()
	} else {
		g.r.Skip()
	}
}

// identifiers takes external identifiers or references.
func (g *graph) identifiers(list []identifier) []identifier {
	r := g.r
	one := func() {
		if !r.IsObject() {
			r.Skip()
			return
		}
		var kind []byte
		var values [][]byte
		for ok := r.Object(); ok && r.Member(); {
			switch string(local(r.Name())) {
			case "externalIdentifierType", "externalRefType":
				kind = g.word()
			case "identifier":
				values = append(values, g.bytes())
			case "locator":
				if !r.IsArray() {
					values = append(values, g.bytes())
					continue
				}
				for ok := r.Array(); ok && r.Element(); {
					values = append(values, g.bytes())
				}
			default:
				r.Skip()
			}
		}
		for _, v := range values {
			list = append(list, identifier{kind, v})
		}
	}
	if !r.IsArray() {
		one()
		return list
	}
	for ok := r.Array(); ok && r.Element(); {
		one()
	}
	return list
}

// readContext finds the version in the contexts.
func (g *graph) readContext() {
	raw := string(g.r.Raw())
	_, rest, ok := strings.Cut(raw, "spdx.org/rdf/")
	if !ok {
		return
	}
	if version, _, ok := strings.Cut(rest, "/"); ok && g.context == "" && len(version) < 20 {
		g.context = version
	}
}
