package spdx

import (
	"sluice/normalize"
	"sluice/normalize/internal/yamljson"
)

// YAML is SPDX 2 as YAML, which has the members of the JSON.
type YAML struct{}

// Name implements [normalize.Format].
func (YAML) Name() string { return "spdx-yaml" }

// Meaning implements [normalize.Comparer].
func (YAML) Meaning() *normalize.Meaning { return meaning }

// Detect implements [normalize.Format].
func (YAML) Detect(h *normalize.Head) bool {
	return h.Syntax == normalize.YAML && isSPDX2(h.Members["/spdxVersion"])
}

// Normalize implements [normalize.Format]. Document.JSON is the JSON form.
func (f YAML) Normalize(in normalize.Input) (*normalize.Document, error) {
	return normalizeAs(f.Name(), in, func(*normalize.Document) ([]byte, error) {
		depth := min(in.Limits.OrDefault().MaxDepth, maxYAMLDepth)
		return yamljson.Convert(in.Bytes, yamljson.Options{MaxDepth: depth, Kind: kindOf})
	})
}

// maxYAMLDepth is far beyond what an SPDX document has, which is seven.
const maxYAMLDepth = 100

// kindOf says which members are no strings: everything else is, a version 1.10 too.
func kindOf(member []byte) yamljson.Kind {
	switch string(member) {
	case "filesAnalyzed", "isLive", "isMatch", "isValid", "isWayBackLink":
		return yamljson.Bool
	case "offset", "lineNumber", "order":
		return yamljson.Number
	}
	return yamljson.Text
}
