package cyclonedx

import (
	"errors"
	"strings"

	"sluice/normalize"
	"sluice/normalize/internal/xmltext"
)

// XML is CycloneDX as XML.
type XML struct{}

// namespace is what the namespaces of all versions have in common; the version follows.
const namespace = "cyclonedx.org/schema/bom"

// Name implements [normalize.Format].
func (XML) Name() string { return "cyclonedx-xml" }

// Meaning implements [normalize.Comparer].
func (XML) Meaning() *normalize.Meaning { return meaning }

// Detect implements [normalize.Format].
func (XML) Detect(h *normalize.Head) bool {
	return h.Syntax == normalize.XML && h.Root == "bom" && strings.Contains(strings.ToLower(h.Namespace), namespace)
}

// Normalize implements [normalize.Format]. Document.JSON is the JSON form.
func (f XML) Normalize(in normalize.Input) (*normalize.Document, error) {
	doc := &normalize.Document{Format: f.Name()}
	if err := readXML(doc, in.Bytes, in.Limits.OrDefault()); err != nil {
		return nil, err
	}
	return doc, nil
}

func readXML(doc *normalize.Document, src []byte, limits normalize.Limits) error {
	text, err := xmltext.Decode(src)
	if err != nil {
		return err
	}
	g := newGuard(text, limits, wholeCosts, doc.Warn)
	form, err := newConverter(g, nil).run()
	if err != nil && !normalize.Permanent(err) {
		// Well-formed, yet the library refuses a value or a mixture of elements.
		// That must not cost the components and statements around it.
		doc.Warn("partial-json", "", "the JSON form of this document holds only its components, dependencies and vulnerabilities: %v", err)
		silent := func(string, string, string, ...any) {} // the first time said it all
		g = newGuard(text, limits, slimCosts, silent)
		form, err = slimJSON(g, form)
	}
	if err != nil {
		return err
	}
	doc.Components = make([]normalize.Component, 0, g.components) // growing would take twice the room
	if err := read(doc, form, limits); err != nil {
		return err
	}
	if len(doc.Components) == 0 {
		doc.Components = nil
	}
	doc.JSON = form
	return nil
}

// slimJSON is the JSON form of the part of the document that matters. It is written
// into buffer, which is not used any more.
func slimJSON(g *guard, buffer []byte) ([]byte, error) {
	c := newConverter(g, buffer)
	c.section = c.slim
	form, err := c.run()
	switch {
	case err == nil || normalize.Permanent(err):
		return form, err
	case errors.Is(err, errEntry):
		return nil, normalize.Park(normalize.ReasonTooMany, g.position(), "%w: split the document", err)
	}
	return nil, normalize.Park(normalize.ReasonInvalid, g.position(), "cannot be read as CycloneDX: %w", err)
}

// versionOf is the version at the end of a namespace, "" where there is none.
func versionOf(space string) string {
	i := strings.Index(strings.ToLower(space), namespace)
	if i < 0 {
		return ""
	}
	return strings.Trim(space[i+len(namespace):], "/ ")
}
