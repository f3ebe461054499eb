// Package spdx reads SPDX 2.1 to 2.3 in all of their notations, and SPDX 3.
//
// An SPDX document lists packages, files, snippets and the relationships among
// all of them. Only the packages and what the document describes matter here:
// files, which can be a hundred times as many, are passed over without memory.
//
// [JSON] is the notation that everything else of SPDX 2 is turned into, and the only one that
// is read element by element; see normalizeAs. SPDX 3 is another format altogether, a graph
// in JSON-LD: see [JSONLD].
package spdx

import (
	"strings"

	"sluice/normalize"
	"sluice/normalize/lenient"
)

// JSON is SPDX 2 as JSON.
type JSON struct{}

// Name implements [normalize.Format].
func (JSON) Name() string { return "spdx-json" }

// Meaning implements [normalize.Comparer].
func (JSON) Meaning() *normalize.Meaning { return meaning }

// Detect implements [normalize.Format].
func (JSON) Detect(h *normalize.Head) bool {
	return h.Syntax == normalize.JSON &&
		(isSPDX2(h.Members["/spdxVersion"]) || isSPDX2(h.Members[wrapper+"/spdxVersion"]))
}

func isSPDX2(version string) bool {
	const prefix = "SPDX-2"
	return len(version) >= len(prefix) && strings.EqualFold(version[:len(prefix)], prefix)
}

// wrapper is the member in which GitHub's dependency graph export holds the document.
const wrapper = "/sbom"

// Normalize implements [normalize.Format].
func (f JSON) Normalize(in normalize.Input) (*normalize.Document, error) {
	out := &normalize.Document{Format: f.Name(), Kind: normalize.SBOM}
	if err := read(out, in.Bytes, in.Limits); err != nil {
		return nil, err
	}
	return out, nil
}

// read fills out from the JSON form of a document.
func read(out *normalize.Document, src []byte, limits normalize.Limits) error {
	d := &document{
		out:       out,
		max:       limits.OrDefault().MaxComponents,
		ids:       make(map[string]int32),
		described: make(map[string]struct{}),
	}
	d.r = lenient.New(src, "", out.Warn)
	d.read()
	return d.r.Err()
}

// normalizeAs reads a document of another notation: it is turned into the JSON form,
// which the database stores, and that is read as any other. So the notations cannot
// disagree about what a document says.
func normalizeAs(name string, in normalize.Input, toJSON func(*normalize.Document) ([]byte, error)) (*normalize.Document, error) {
	out := &normalize.Document{Format: name, Kind: normalize.SBOM}
	form, err := toJSON(out)
	if err != nil {
		return nil, err
	}
	if err := read(out, form, in.Limits); err != nil {
		return nil, err
	}
	out.JSON = form
	return out, nil
}

// versionOf maps what a document calls its version to one that is read: "" if
// there is none. exact is false where it is not the specification's spelling.
func versionOf(s string) (version string, exact bool) {
	switch s {
	case "SPDX-2.1", "SPDX-2.2", "SPDX-2.3":
		return s, true
	}
	number, ok := strings.CutPrefix(strings.ToUpper(s), "SPDX-")
	if !ok {
		return "", false
	}
	for _, minor := range [...]string{"2.1", "2.2", "2.3"} {
		if number == minor || strings.HasPrefix(number, minor+".") {
			return "SPDX-" + minor, false
		}
	}
	return "", false
}
