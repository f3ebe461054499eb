package cyclonedx

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// converter writes the JSON form of an XML document entry by entry: the
// library's structs are forty times as large as an empty element, so the whole
// document in them would cost gigabytes where somebody wants it to.
type converter struct {
	g    *guard
	dec  *xml.Decoder // of g
	out  *bytes.Buffer
	enc  *json.Encoder // of out
	most int           // bytes of out
	// section writes one child of the root element.
	section func(xml.StartElement) error
	tidy    tidier
	seen    map[string]bool // sections that were written
	// parts are the lists of the slim form, of which a document may have several.
	parts map[string]*bytes.Buffer
}

// newConverter returns a converter that writes into buffer where that has the room.
func newConverter(g *guard, buffer []byte) *converter {
	c := &converter{g: g, dec: xml.NewTokenDecoder(g), seen: make(map[string]bool), parts: make(map[string]*bytes.Buffer)}
	c.section = c.whole
	// JSON is shorter than XML: the largest real documents keep 0.6 to 0.8 of their size.
	// Only a great many empty elements, which say nothing, become longer.
	c.most = len(g.text.Body) + len(g.text.Body)/4 + 64<<10
	room := len(g.text.Body)
	if room > 1<<20 {
		// Growing later would take twice the room, and the entry that goes past the
		// limit is written before it is noticed.
		room = c.most + 256<<10
	}
	if cap(buffer) < room {
		buffer = make([]byte, 0, room)
	}
	c.writeTo(bytes.NewBuffer(buffer[:0]))
	return c
}

func (c *converter) writeTo(out *bytes.Buffer) {
	c.out = out
	c.enc = json.NewEncoder(out)
	c.enc.SetEscapeHTML(false) // & and < are frequent in purls and licences
}

// run converts the document. An error that is not permanent is the library's or the
// converter's, not the document's; what was written until then comes with it.
func (c *converter) run() ([]byte, error) {
	if err := c.g.run(c.document); err != nil {
		return c.out.Bytes(), err
	}
	if form := c.out.Bytes(); len(form) > cap(form)/2 {
		return form, nil
	}
	return bytes.Clone(c.out.Bytes()), nil // without what was too much
}

// document writes the document.
func (c *converter) document() error {
	root, err := c.root()
	if err != nil {
		return err
	}
	version := c.g.version
	c.tidy.singleIdentity = version == "1.5"
	c.out.WriteByte('{')
	if version != "1.0" && version != "1.1" { // which have no JSON Schema
		c.text("$schema", "http://cyclonedx.org/schema/bom-"+version+".schema.json")
	}
	c.text("bomFormat", cdx.BOMFormat)
	c.text("specVersion", version)
	for _, a := range root.Attr {
		switch a.Name.Local {
		case "serialNumber":
			c.text("serialNumber", a.Value)
		case "version":
			n, err := strconv.Atoi(strings.TrimSpace(a.Value))
			if err != nil {
				c.g.warn("wrong-type", c.g.position(), "the version of the document is %.60q, not a number; left out", a.Value)
				continue
			}
			c.name("version")
			c.out.WriteString(strconv.Itoa(n))
		}
	}
	if err := c.children(c.section); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(c.parts)) {
		c.name(name)
		c.out.WriteByte('[')
		c.out.Write(c.parts[name].Bytes())
		c.out.WriteByte(']')
	}
	c.out.WriteByte('}')
	return nil
}

// root goes to the root element.
func (c *converter) root() (xml.StartElement, error) {
	for {
		tok, err := c.dec.Token()
		if err != nil {
			return xml.StartElement{}, err
		}
		if root, ok := tok.(xml.StartElement); ok {
			return root, nil
		}
	}
}

// children calls f for each child of the element that was just opened. f must
// read up to the end of the child.
func (c *converter) children(f func(xml.StartElement) error) error {
	for {
		tok, err := c.dec.Token()
		if err != nil {
			return err
		}
		switch tok := tok.(type) {
		case xml.EndElement:
			return nil
		case xml.StartElement:
			if err := f(tok); err != nil {
				return err
			}
		}
	}
}

func (c *converter) whole(e xml.StartElement) error {
	switch e.Name.Local {
	case "metadata":
		return one(c, e, c.tidy.metadata)
	case "components":
		return list(c, e, "component", c.tidy.component)
	case "services":
		return list(c, e, "service", c.tidy.service)
	case "externalReferences":
		return list[cdx.ExternalReference](c, e, "reference", nil)
	case "dependencies":
		return list[cdx.Dependency](c, e, "dependency", nil)
	case "compositions":
		return list[cdx.Composition](c, e, "composition", nil)
	case "properties":
		return list[cdx.Property](c, e, "property", nil)
	case "vulnerabilities":
		return list(c, e, "vulnerability", c.tidy.vulnerability)
	case "annotations":
		return list[cdx.Annotation](c, e, "annotation", nil)
	case "formulation":
		return list[cdx.Formula](c, e, "formula", nil)
	case "declarations":
		return one[cdx.Declarations](c, e, nil)
	case "definitions":
		return one[cdx.Definitions](c, e, nil)
	case "citations":
		return list[cdx.Citation](c, e, "citation", nil)
	default:
		return c.dec.Skip()
	}
}

// begin writes the name of a section. The JSON could not hold it twice.
func (c *converter) begin(section string) error {
	if c.seen[section] {
		return fmt.Errorf("a second <%s>", section)
	}
	c.seen[section] = true
	c.name(section)
	return nil
}

// one writes a section that is one value.
func one[T any](c *converter, e xml.StartElement, mend func(*T)) error {
	if err := c.begin(e.Name.Local); err != nil {
		return err
	}
	return convert(c, e, mend)
}

// list writes a section that is a list of elements of one name.
func list[T any](c *converter, e xml.StartElement, name string, mend func(*T)) error {
	if err := c.begin(e.Name.Local); err != nil {
		return err
	}
	c.out.WriteByte('[')
	err := items(c, name, true, mend)
	c.out.WriteByte(']')
	return err
}

// items writes the elements of one name in the element that was just opened; first
// says that none is written yet.
func items[T any](c *converter, name string, first bool, mend func(*T)) error {
	return c.children(func(item xml.StartElement) error {
		if item.Name.Local != name {
			return c.dec.Skip()
		}
		if !first {
			c.out.WriteByte(',')
		}
		first = false
		return convert(c, item, mend)
	})
}

// convert reads one value as XML and writes it as JSON.
func convert[T any](c *converter, e xml.StartElement, mend func(*T)) error {
	var v T
	c.g.budget = maxEntry
	err := c.dec.DecodeElement(&v, &e)
	c.g.budget = -1
	if err != nil {
		return err
	}
	if mend != nil {
		mend(&v)
	}
	if err = c.enc.Encode(&v); err != nil {
		if inner := errors.Unwrap(err); inner != nil {
			err = inner // not the names of the library's types
		}
		return fmt.Errorf("<%s>: %w", e.Name.Local, err)
	}
	c.out.Truncate(c.out.Len() - 1) // the encoder's newline
	if c.out.Len() > c.most {
		return fmt.Errorf("it would be larger than the document, with its %d bytes", len(c.g.text.Body))
	}
	return nil
}

func (c *converter) text(name, value string) {
	c.name(name)
	// A string can always be written.
	_ = c.enc.Encode(value)
	c.out.Truncate(c.out.Len() - 1)
}

func (c *converter) name(name string) {
	if c.out.Len() > 1 {
		c.out.WriteByte(',')
	}
	c.out.WriteString(`"` + name + `":`)
}
