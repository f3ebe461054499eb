package spdx

import (
	"bytes"
	"strings"

	"sluice/normalize"
	"sluice/normalize/internal/xmlscan"
)

// RDF is SPDX 2 as RDF/XML.
type RDF struct{}

// Name implements [normalize.Format].
func (RDF) Name() string { return "spdx-rdf" }

// Meaning implements [normalize.Comparer].
func (RDF) Meaning() *normalize.Meaning { return meaning }

// Detect implements [normalize.Format].
func (RDF) Detect(h *normalize.Head) bool {
	if h.Syntax != normalize.XML || h.Root != "RDF" {
		return false
	}
	for pointer, value := range h.Members {
		if strings.HasPrefix(pointer, "/@xmlns:") && strings.Contains(value, "spdx.org/rdf/terms") {
			return true
		}
	}
	return false
}

// Normalize implements [normalize.Format]. Document.JSON is the JSON form.
func (f RDF) Normalize(in normalize.Input) (*normalize.Document, error) {
	return normalizeAs(f.Name(), in, func(doc *normalize.Document) ([]byte, error) {
		// The library of most tools writes an element out where it is first referred to: a
		// chain of dependencies is nested four levels for each of them.
		r, err := xmlscan.New(in.Bytes, 8*in.Limits.OrDefault().MaxDepth)
		if err != nil {
			return nil, err
		}
		// A property of an element takes a hundred bytes or so.
		g := &triples{r: r, ids: make(map[string]int32), props: make([]rdfProp, 0, len(in.Bytes)/128)}
		if err := g.read(); err != nil {
			return nil, err
		}
		w := &rdfWriter{g: g, doc: doc, most: 8*len(in.Bytes) + 64<<10}
		return w.form()
	})
}

// triples is what an RDF document says, as far as SPDX knows the predicates.
type triples struct {
	r     *xmlscan.Reader
	nodes []rdfNode
	props []rdfProp
	ids   map[string]int32 // index of nodes that have an id
}

// rdfNode is a resource. Its properties are a list in triples.props, in the document's order.
type rdfNode struct {
	id          string // IRI; "" of nodes without one
	typ         string // local name of its class
	first, last int32  // of its properties, -1 for none
}

// rdfProp says something of a node: a text, or another node.
type rdfProp struct {
	member string
	text   []byte
	node   int32 // -1 for a text
	next   int32
}

// rdfSpace is the namespace of RDF itself.
var rdfSpace = []byte("http://www.w3.org/1999/02/22-rdf-syntax-ns#")

func (g *triples) read() error {
	depth := 0
	for {
		kind, err := g.r.Next()
		if err != nil || kind == xmlscan.EOF {
			return err
		}
		switch kind {
		case xmlscan.Start:
			if depth == 0 && string(g.r.Name.Local) == "RDF" {
				depth++
				continue
			}
			if _, err := g.element(); err != nil {
				return err
			}
		case xmlscan.End:
			depth--
		}
	}
}

// add is the node with an id, a new one where there is none yet or where the id is empty.
// What the id begins with is "_:" of a node id, "#" of an ID, and else "".
func (g *triples) add(begin string, id []byte) int32 {
	if begin != "" && id != nil {
		id = append([]byte(begin), id...)
	}
	if len(id) > 0 {
		if i, ok := g.ids[string(id)]; ok {
			return i
		}
	}
	i := int32(len(g.nodes))
	n := rdfNode{id: string(id), first: -1, last: -1}
	g.nodes = append(g.nodes, n)
	if len(id) > 0 {
		g.ids[n.id] = i
	}
	return i
}

// say adds a property to a node.
func (g *triples) say(node int32, p rdfProp) {
	p.next = -1
	i := int32(len(g.props))
	g.props = append(g.props, p)
	n := &g.nodes[node]
	if n.last >= 0 {
		g.props[n.last].next = i
	} else {
		n.first = i
	}
	n.last = i
}

// attribute is the value of an attribute of RDF, "" where there is none. The rest of the
// names are those of properties.
func (g *triples) attribute(name string) []byte {
	for _, a := range g.r.Attrs {
		if string(a.Name.Local) == name && (bytes.Equal(a.Name.Space, rdfSpace) || len(a.Name.Space) == 0) {
			return a.Value
		}
	}
	return nil
}

// identity is the id that an element has or refers to, and what it begins with.
func (g *triples) identity(names ...string) (begin string, id []byte) {
	for _, name := range names {
		if v := g.attribute(name); v != nil {
			switch name {
			case "nodeID":
				return "_:", v
			case "ID":
				return "#", v
			}
			return "", v
		}
	}
	return "", nil
}

// element reads a resource whose element just began.
func (g *triples) element() (int32, error) {
	node := g.add(g.identity("about", "ID", "nodeID"))
	if typ := g.r.Name.Local; string(typ) != "Description" {
		g.nodes[node].typ = className(typ)
	}
	for _, a := range g.r.Attrs {
		if member, ok := rdfMembers[string(a.Name.Local)]; ok && !bytes.Equal(a.Name.Space, rdfSpace) && len(a.Name.Space) > 0 {
			g.say(node, rdfProp{member: member, text: bytes.Clone(a.Value), node: -1})
		}
	}
	return node, g.properties(node)
}

// properties reads the elements inside of a resource up to its end.
func (g *triples) properties(node int32) error {
	for {
		kind, err := g.r.Next()
		if err != nil {
			return err
		}
		switch kind {
		case xmlscan.Start:
			if err := g.property(node); err != nil {
				return err
			}
		case xmlscan.End:
			return nil
		}
	}
}

// property reads one property whose element just began.
func (g *triples) property(node int32) error {
	isType := string(g.r.Name.Local) == "type" && bytes.Equal(g.r.Name.Space, rdfSpace)
	member, known := rdfMembers[string(g.r.Name.Local)]
	if begin, ref := g.identity("resource", "nodeID"); len(ref) > 0 {
		if isType {
			g.nodes[node].typ = className(ref[bytes.LastIndexAny(ref, "#/")+1:])
		} else if known {
			g.say(node, rdfProp{member: member, node: g.add(begin, ref)})
		}
		return g.r.Skip()
	}
	if len(g.r.Attrs) > 0 && string(g.attribute("parseType")) == "Resource" {
		inner := g.add("", nil)
		if known {
			g.say(node, rdfProp{member: member, node: inner})
		}
		return g.properties(inner)
	}
	var text []byte
	has := false
	for {
		kind, err := g.r.Next()
		if err != nil {
			return err
		}
		switch kind {
		case xmlscan.Text:
			if !known || has {
				continue
			}
			if text == nil {
				text = g.r.Kept()
			} else {
				text = append(bytes.Clone(text), g.r.Text...)
			}
		case xmlscan.Start:
			has = true
			inner, err := g.element()
			if err != nil {
				return err
			}
			if known {
				g.say(node, rdfProp{member: member, node: inner})
			}
		case xmlscan.End:
			if known && !has {
				g.say(node, rdfProp{member: member, text: bytes.TrimSpace(text), node: -1})
			}
			return nil
		}
	}
}

// className is a class without a copy for each of those that are known.
func className(s []byte) string {
	if known, ok := rdfClassNames[string(s)]; ok {
		return known
	}
	return string(s)
}

var rdfClassNames = func() map[string]string {
	all := map[string]string{}
	for _, name := range [...]string{
		"SpdxDocument", "Package", "File", "Snippet", "Relationship", "Checksum", "ExternalRef", "ExtractedLicensingInfo", "Annotation", "ListedLicense",
		"ConjunctiveLicenseSet", "DisjunctiveLicenseSet", "OrLaterOperator", "WithExceptionOperator", "PackageVerificationCode",
	} {
		all[name] = name
	}
	return all
}()
