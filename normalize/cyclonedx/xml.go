package cyclonedx

import (
	"encoding/json"
	"encoding/xml"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"sluice/normalize"
	"sluice/normalize/internal/xmltext"
)

// XML is CycloneDX as XML.
type XML struct{}

// namespace is what the namespaces of all versions have in common; the version follows.
const namespace = "cyclonedx.org/schema/bom"

// Name implements [normalize.Format].
func (XML) Name() string { return "cyclonedx-xml" }

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
	form, err := wholeJSON(newGuard(text, limits, doc.Warn))
	if err != nil && !normalize.Permanent(err) {
		// Well-formed, yet the library refuses a value or a mixture of elements.
		// That must not cost the components and statements around it.
		doc.Warn("partial-json", "", "the JSON form of this document holds only its components, dependencies and vulnerabilities: %v", err)
		silent := func(string, string, string, ...any) {} // the first time said it all
		form, err = slimJSON(newGuard(text, limits, silent))
	}
	if err != nil {
		return err
	}
	if err := read(doc, form, limits); err != nil {
		return err
	}
	doc.JSON = form
	return nil
}

// wholeJSON is the JSON form of the whole document. An error that is not
// permanent is the library's, not the document's.
func wholeJSON(g *guard) ([]byte, error) {
	c := newConverter(g)
	err := g.run(c.document)
	return c.out.Bytes(), err
}

// slimJSON is the JSON form of the part of the document that matters.
func slimJSON(g *guard) ([]byte, error) {
	bom := slimBOM{Format: cdx.BOMFormat}
	if err := g.run(func() error { return xml.NewTokenDecoder(g).Decode(&bom) }); err != nil {
		if normalize.Permanent(err) {
			return nil, err
		}
		return nil, normalize.Park(normalize.ReasonInvalid, "", "cannot be read as CycloneDX: %w", err)
	}
	bom.SpecVersion = g.version
	return json.Marshal(&bom)
}

// versionOf is the version at the end of a namespace, "" where there is none.
func versionOf(space string) string {
	i := strings.Index(strings.ToLower(space), namespace)
	if i < 0 {
		return ""
	}
	return strings.Trim(space[i+len(namespace):], "/ ")
}
