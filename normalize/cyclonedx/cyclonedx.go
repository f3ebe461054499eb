// Package cyclonedx reads CycloneDX, versions 1.0 to 1.7, as JSON and as XML.
//
// A CycloneDX document can be an SBOM, a VEX, or both: components say what is
// inside of something, and vulnerabilities that carry an analysis say what that
// means for it. Both come out of one pass over the JSON, member by member, with
// nothing kept but what [normalize.Document] holds. XML is first turned into the
// JSON form of the same document, which is what the database stores, and then
// read by the same code: the two notations cannot disagree.
//
// What is not read is looked at all the same: rules.txt has the schema of the newest version, and what is not
// as that asks gets a warning (check.go).
//
// Start with [JSON] and [XML]; bom.go is the pass, statement.go the VEX rules.
package cyclonedx

import (
	"slices"
	"strings"

	"sluice/normalize"
	"sluice/normalize/lenient"
)

// versions are the versions of the specification that are read.
var versions = []string{"1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7"}

func supported(version string) bool { return slices.Contains(versions, version) }

func unsupported(version, pointer string) *normalize.ParkError {
	if strings.HasPrefix(version, "2.") {
		return normalize.Park(normalize.ReasonUnsupported, pointer,
			"CycloneDX %.40s is not read: its schema is a public draft that still changes; let the tool write %s, or replay the document with a version of Sluice that reads it", version, versions[len(versions)-1])
	}
	return normalize.Park(normalize.ReasonUnsupported, pointer,
		"CycloneDX %.40q is not a version that can be read: write one of %s", version, strings.Join(versions, ", "))
}

// JSON is CycloneDX as JSON. 1.0 and 1.1 never were JSON, but some tools write them so.
type JSON struct{}

// Name implements [normalize.Format].
func (JSON) Name() string { return "cyclonedx-json" }

// Meaning implements [normalize.Comparer].
func (JSON) Meaning() *normalize.Meaning { return meaning }

// Detect implements [normalize.Format].
func (JSON) Detect(h *normalize.Head) bool {
	if h.Syntax != normalize.JSON {
		return false
	}
	for _, name := range []string{"/bomFormat", "/specFormat"} { // the latter from 2.0 on
		if format, ok := h.Members[name]; ok {
			return strings.EqualFold(format, "CycloneDX")
		}
	}
	return h.Has("/specVersion") &&
		(h.Has("/components") || h.Has("/metadata") || strings.Contains(strings.ToLower(h.Members["/$schema"]), "cyclonedx"))
}

// Normalize implements [normalize.Format].
func (f JSON) Normalize(in normalize.Input) (*normalize.Document, error) {
	doc := &normalize.Document{Format: f.Name()}
	if err := read(doc, in.Bytes, in.Limits); err != nil {
		return nil, err
	}
	return doc, nil
}

// read fills doc from the JSON form of a BOM.
func read(doc *normalize.Document, src []byte, limits normalize.Limits) error {
	b := &bom{
		doc:    doc,
		limits: limits.OrDefault(),
		refs:   make(map[string]int),
		rules:  rules(),
		xml:    doc.Format == XML{}.Name(),
	}
	b.r = lenient.New(src, "", doc.Warn)
	b.read()
	return b.r.Err()
}
