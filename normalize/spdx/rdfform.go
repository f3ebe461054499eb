package spdx

import (
	"bytes"
	"net/url"
	"strings"

	"sluice/normalize"
)

// rdfWriter writes the JSON form of what RDF says.
type rdfWriter struct {
	g       *triples
	doc     *normalize.Document
	out     object
	objects []*object // one for each depth
	most    int       // bytes of all objects: resources that are shared are written out each time

	words    map[int32]string  // enumerations that were read, by node
	space    string            // the document's namespace, # included
	external map[string]string // DocumentRef by namespace of the other document
}

// elements are the classes whose resources are listed in the document.
var elements = map[string]string{
	"Package": "packages", "File": "files", "Snippet": "snippets", "ExtractedLicensingInfo": "hasExtractedLicensingInfos",
}

func (w *rdfWriter) form() ([]byte, error) {
	root := int32(-1)
	for i := range w.g.nodes {
		if w.g.nodes[i].typ == "SpdxDocument" {
			if root >= 0 {
				w.doc.Warn("several-documents", "", "a second SpdxDocument; what is said of the document is taken from the first one")
				break
			}
			root = int32(i)
		}
	}
	if root < 0 {
		return nil, normalize.Park(normalize.ReasonInvalid, "", "RDF without an SpdxDocument: an SPDX document has one")
	}
	id := w.g.nodes[root].id
	if i := strings.LastIndexByte(id, '#'); i >= 0 {
		w.space, id = id[:i+1], id[i+1:]
	} else {
		w.space, id = id+"#", usualID
	}
	w.externals(root)
	w.out.text("SPDXID", []byte(id))
	if space := strings.TrimSuffix(w.space, "#"); space != "" {
		w.out.text("documentNamespace", []byte(space))
	}
	if err := w.members(&w.out, root, "SpdxDocument", 0); err != nil {
		return nil, err
	}
	for i := range w.g.nodes {
		list, ok := elements[w.g.nodes[i].typ]
		if !ok {
			continue
		}
		o := w.objectAt(0)
		node := int32(i)
		if list == "hasExtractedLicensingInfos" {
			if w.property(node, "extractedText") == nil {
				continue // mentioned, and defined elsewhere
			}
			w.identify(o, node, "licenseId")
		} else if id := w.ref(node); id != "" {
			o.text("SPDXID", []byte(id))
		}
		if err := w.members(o, node, w.g.nodes[i].typ, 0); err != nil {
			return nil, err
		}
		w.out.element(list, o)
	}
	return w.out.appendTo(make([]byte, 0, w.out.size()+2)), nil
}

// externals finds the names that other documents have here.
func (w *rdfWriter) externals(root int32) {
	w.external = map[string]string{}
	for i := w.g.nodes[root].first; i >= 0; i = w.g.props[i].next {
		p := &w.g.props[i]
		if p.member != "externalDocumentRef" || p.node < 0 {
			continue
		}
		name, space := w.named(p.node, "externalDocumentId"), w.property(p.node, "spdxDocument")
		if name != "" && space != nil {
			w.external[strings.TrimSuffix(w.string(space), "#")+"#"] = name
		}
	}
}

// named is what a node is called: by a property, or by its IRI.
func (w *rdfWriter) named(node int32, member string) string {
	if p := w.property(node, member); p != nil {
		return w.string(p)
	}
	if id := w.g.nodes[node].id; strings.HasPrefix(id, w.space) {
		return id[len(w.space):]
	}
	return ""
}

// identify adds the member that names a node where only its IRI does.
func (w *rdfWriter) identify(o *object, node int32, member string) {
	if w.property(node, member) != nil {
		return
	}
	if name := w.named(node, member); name != "" {
		o.text(member, []byte(name))
	}
}

// property is the first property of a node by that name, nil where there is none.
func (w *rdfWriter) property(node int32, member string) *rdfProp {
	for i := w.g.nodes[node].first; i >= 0; i = w.g.props[i].next {
		if p := &w.g.props[i]; p.member == member {
			return p
		}
	}
	return nil
}

// members adds what is said of a node to an object.
func (w *rdfWriter) members(o *object, node int32, class string, depth int) error {
	known := rdfClasses[class]
	var room [32]string
	seen := room[:0]
	for i := w.g.nodes[node].first; i >= 0; i = w.g.props[i].next {
		p := &w.g.props[i]
		m, ok := known[p.member]
		if !ok || m.kind == rdfSkipped {
			continue
		}
		if m.kind == rdfRelation {
			if err := w.relationship(node, p); err != nil {
				return err
			}
			continue
		}
		if !m.list {
			again := false
			for _, s := range seen {
				again = again || s == m.member
			}
			if again {
				w.doc.Warn("duplicate-member", "", "%.200q has %s twice; the first one counts", w.g.nodes[node].id, p.member)
				continue
			}
			seen = append(seen, m.member)
		}
		var err error
		var before, after int
		if m.list {
			l := o.list(m.member)
			before = len(*l)
			*l, err = w.value(*l, p, m, depth)
			after = len(*l)
		} else {
			o.name(m.member)
			before = len(o.members)
			o.members, err = w.value(o.members, p, m, depth)
			after = len(o.members)
		}
		if err != nil {
			return err
		}
		if w.most -= after - before; w.most < 0 {
			return normalize.Park(normalize.ReasonTooLarge, "", "resources that are referred to again and again would make a document many times as large")
		}
	}
	return nil
}

// relationship adds a relationship of a node to the document's.
func (w *rdfWriter) relationship(node int32, p *rdfProp) error {
	if p.node < 0 {
		return nil
	}
	o := w.objectAt(1)
	o.text("spdxElementId", []byte(w.ref(node)))
	if err := w.members(o, p.node, "Relationship", 1); err != nil {
		return err
	}
	w.out.element("relationships", o)
	return nil
}

// objectAt is an empty object for something at a depth, of which one is written at a time.
func (w *rdfWriter) objectAt(depth int) *object {
	for len(w.objects) <= depth {
		w.objects = append(w.objects, &object{})
	}
	o := w.objects[depth]
	o.reset()
	return o
}

// maxRDFDepth bounds objects inside of objects, and licences inside of licences, where
// resources refer to each other in a circle.
const maxRDFDepth = 40

// value writes the value of a property.
func (w *rdfWriter) value(b []byte, p *rdfProp, m rdfMember, depth int) ([]byte, error) {
	if depth > maxRDFDepth {
		return nil, normalize.Park(normalize.ReasonDepth, "", "resources refer to each other more than %d levels deep", maxRDFDepth)
	}
	switch m.kind {
	case rdfBool:
		if v, ok := boolean(p.text); ok {
			return append(b, v...), nil
		}
	case rdfNumber:
		if isNumber(p.text) {
			return append(b, p.text...), nil
		}
	case rdfWord:
		return appendText(b, w.word(p)), nil
	case rdfLicense:
		expression, err := w.license(nil, p, depth)
		if err != nil {
			return nil, err
		}
		return appendText(b, expression), nil
	case rdfObject:
		if p.node < 0 {
			break
		}
		o := w.objectAt(depth + 1)
		if m.class == "ExternalDocumentRef" {
			w.identify(o, p.node, "externalDocumentId")
		}
		if err := w.members(o, p.node, m.class, depth+1); err != nil {
			return nil, err
		}
		return o.appendTo(b), nil
	case rdfRef:
		if p.node >= 0 {
			return appendText(b, []byte(w.ref(p.node))), nil
		}
	}
	if p.node < 0 {
		return appendText(b, p.text), nil
	}
	return appendText(b, []byte(w.string(p))), nil
}

// word is the value of an enumeration. There are few of them, and many that have one.
func (w *rdfWriter) word(p *rdfProp) []byte {
	if p.node < 0 {
		return []byte(rdfEnum(string(p.text)))
	}
	known, ok := w.words[p.node]
	if !ok {
		if w.words == nil {
			w.words = make(map[int32]string)
		}
		known = rdfEnum(w.string(p))
		w.words[p.node] = known
	}
	return []byte(known)
}

// said are the resources that stand for words.
var said = map[string]string{
	"http://spdx.org/rdf/terms#noassertion": "NOASSERTION", "http://spdx.org/rdf/terms#none": "NONE",
	"https://spdx.org/rdf/terms#noassertion": "NOASSERTION", "https://spdx.org/rdf/terms#none": "NONE",
}

// string is a property as a text.
func (w *rdfWriter) string(p *rdfProp) string {
	if p.node < 0 {
		return string(p.text)
	}
	id := w.g.nodes[p.node].id
	if word, ok := said[id]; ok {
		return word
	}
	// The types of references that the specification lists go by their names.
	if name, ok := strings.CutPrefix(id, "http://spdx.org/rdf/references/"); ok {
		return name
	}
	return id
}

// ref is the SPDXID of an element, with the name of the document that it is in where that
// is another one.
func (w *rdfWriter) ref(node int32) string {
	id := w.g.nodes[node].id
	if word, ok := said[id]; ok {
		return word
	}
	i := strings.LastIndexByte(id, '#')
	if i < 0 {
		return strings.TrimPrefix(id, "_:")
	}
	space, name := id[:i+1], id[i+1:]
	if strings.IndexByte(name, '%') >= 0 {
		if plain, err := url.PathUnescape(name); err == nil && strings.ToValidUTF8(plain, "") == plain && strings.IndexByte(plain, 0) < 0 {
			name = plain
		}
	}
	if space == w.space || space == "#" {
		return name
	}
	if document, ok := w.external[space]; ok {
		return document + ":" + name
	}
	return name
}

// license writes a licence as an expression.
func (w *rdfWriter) license(b []byte, p *rdfProp, depth int) ([]byte, error) {
	if depth > maxRDFDepth {
		return nil, normalize.Park(normalize.ReasonDepth, "", "licences refer to each other more than %d levels deep", maxRDFDepth)
	}
	if w.most--; w.most < 0 || len(b) > w.most {
		return nil, normalize.Park(normalize.ReasonTooLarge, "", "licences that are referred to again and again would make a document many times as large")
	}
	if p.node < 0 {
		return append(b, p.text...), nil
	}
	n := &w.g.nodes[p.node]
	var err error
	switch n.typ {
	case "ConjunctiveLicenseSet", "DisjunctiveLicenseSet":
		word := " AND "
		if n.typ == "DisjunctiveLicenseSet" {
			word = " OR "
		}
		b = append(b, '(')
		first := true
		for i := n.first; i >= 0; i = w.g.props[i].next {
			if w.g.props[i].member != "member" {
				continue
			}
			if !first {
				b = append(b, word...)
			}
			first = false
			if b, err = w.license(b, &w.g.props[i], depth+1); err != nil {
				return nil, err
			}
		}
		return append(b, ')'), nil
	case "OrLaterOperator", "WithExceptionOperator":
		if member := w.property(p.node, "member"); member != nil {
			if b, err = w.license(b, member, depth+1); err != nil {
				return nil, err
			}
		}
		if n.typ == "OrLaterOperator" {
			return append(b, '+'), nil
		}
		b = append(b, " WITH "...)
		exception := w.property(p.node, "licenseException")
		switch {
		case exception == nil:
			return append(b, "NOASSERTION"...), nil
		case exception.node >= 0 && w.property(exception.node, "licenseExceptionId") != nil:
			return append(b, w.property(exception.node, "licenseExceptionId").text...), nil
		}
		id := w.string(exception)
		return append(b, id[strings.LastIndexAny(id, "/#")+1:]...), nil
	}
	if word, ok := said[n.id]; ok {
		return append(b, word...), nil
	}
	for _, list := range [...]string{"http://spdx.org/licenses/", "https://spdx.org/licenses/"} {
		if id, ok := strings.CutPrefix(n.id, list); ok {
			return append(b, id...), nil
		}
	}
	if strings.Contains(n.id, "#") {
		return append(b, w.ref(p.node)...), nil
	}
	if id := w.property(p.node, "licenseId"); id != nil && id.node < 0 {
		return append(b, id.text...), nil
	}
	return append(b, n.id...), nil
}

// rdfEnum is the word of an enumeration as JSON has it: http://spdx.org/rdf/terms#fileType_source
// is SOURCE, relationshipType_dynamicLink DYNAMIC_LINK.
func rdfEnum(iri string) string {
	i := strings.LastIndexByte(iri, '#')
	if i < 0 {
		return iri // written as a text
	}
	kind, word, ok := strings.Cut(iri[i+1:], "_")
	if !ok {
		return iri[i+1:]
	}
	switch kind {
	case "checksumAlgorithm":
		return algorithmWord(word)
	case "referenceCategory", "purpose", "primaryPackagePurpose":
		return upperWords(word, '-')
	}
	return upperWords(word, '_')
}

// upperWords writes dynamicLink as DYNAMIC_LINK.
func upperWords(word string, between byte) string {
	var b bytes.Buffer
	for i := range len(word) {
		c := word[i]
		if c >= 'A' && c <= 'Z' && i > 0 && word[i-1] >= 'a' && word[i-1] <= 'z' {
			b.WriteByte(between)
		}
		if c == '_' {
			c = between
		}
		b.WriteByte(c)
	}
	return strings.ToUpper(b.String())
}

// algorithmWord is a checksum's algorithm as JSON has it.
func algorithmWord(word string) string {
	upper := strings.ToUpper(word)
	switch {
	case strings.HasPrefix(upper, "SHA3"):
		return "SHA3-" + strings.TrimLeft(upper[len("SHA3"):], "_-")
	case strings.HasPrefix(upper, "BLAKE2B"):
		return "BLAKE2b-" + strings.TrimLeft(upper[len("BLAKE2B"):], "_-")
	}
	return upper
}
