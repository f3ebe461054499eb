package spdx

import (
	"strings"

	"sluice/normalize"
	"sluice/normalize/lenient"
)

// JSONLD is SPDX 3.0 as JSON-LD: a graph of elements that refer to each other, each listed
// once in @graph or written out where it is first referred to.
type JSONLD struct{}

// Name implements [normalize.Format].
func (JSONLD) Name() string { return "spdx3-json" }

// terms is where the words of all versions of SPDX 3 are defined; the version follows.
const terms = "spdx.org/rdf/3"

// Meaning implements [normalize.Comparer].
func (JSONLD) Meaning() *normalize.Meaning { return graphMeaning }

// Detect implements [normalize.Format]. The context is the document's own mark; without
// it, as after an expansion, the type of the first element is.
func (JSONLD) Detect(h *normalize.Head) bool {
	if h.Syntax != normalize.JSON {
		return false
	}
	for _, pointer := range [...]string{"/@context", "/@context/0", "/@context/1", "/@context/2", "/@context/3", "/@context/@vocab", "/@type", "/0/@type", "/@type/0"} {
		if strings.Contains(h.Members[pointer], terms) {
			return true
		}
	}
	return false
}

// Normalize implements [normalize.Format].
func (f JSONLD) Normalize(in normalize.Input) (*normalize.Document, error) {
	g := &graph{
		out:       &normalize.Document{Format: f.Name(), Kind: normalize.SBOM},
		max:       in.Limits.OrDefault().MaxComponents,
		created:   make(map[string]creation),
		agents:    make(map[string]string),
		ids:       make(map[string]struct{}),
		described: make(map[string]struct{}),
		inside:    make(map[string][]string),
	}
	g.r = lenient.New(in.Bytes, "", g.out.Warn)
	g.read()
	if err := g.r.Err(); err != nil {
		return nil, err
	}
	return g.out, nil
}

// local is what a name is called in the specification, without what contexts put in front:
// "software_packageVersion", "spdx:Software/packageVersion" and the whole IRI are all
// packageVersion.
func local(name []byte) []byte {
	for i := len(name) - 1; i >= 0; i-- {
		switch name[i] {
		case '/', '#', ':', '_':
			return name[i+1:]
		}
	}
	return name
}
