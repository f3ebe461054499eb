// Package spdx reads SPDX 2.2 and 2.3 as JSON.
//
// An SPDX document lists packages, files, snippets and the relationships among
// all of them. Only the packages and what the document describes matter here:
// files, which can be a hundred times as many, are passed over without memory.
//
// SPDX 3 is another format altogether (JSON-LD, a graph) and not read here.
package spdx

import (
	"strings"

	"sluice/normalize"
	"sluice/normalize/lenient"
)

// Volatile lists the members that change with every run of a generator although
// the document means the same. They do not count for the meaning hash.
var Volatile = []string{
	"/documentNamespace", "/creationInfo/created",
	wrapper + "/documentNamespace", wrapper + "/creationInfo/created",
}

// JSON is SPDX 2 as JSON.
type JSON struct{}

// Name implements [normalize.Format].
func (JSON) Name() string { return "spdx-json" }

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
	d := &document{
		out:       &normalize.Document{Format: f.Name(), Kind: normalize.SBOM},
		max:       in.Limits.OrDefault().MaxComponents,
		ids:       make(map[string]int32),
		described: make(map[string]struct{}),
	}
	d.r = lenient.New(in.Bytes, "", d.out.Warn)
	d.read()
	if err := d.r.Err(); err != nil {
		return nil, err
	}
	return d.out, nil
}

// versionOf maps what a document calls its version to one that is read: "" if
// there is none. exact is false where it is not the specification's spelling.
func versionOf(s string) (version string, exact bool) {
	switch s {
	case "SPDX-2.2", "SPDX-2.3":
		return s, true
	}
	number, ok := strings.CutPrefix(strings.ToUpper(s), "SPDX-")
	if !ok {
		return "", false
	}
	for _, v := range [...]struct{ minor, read string }{
		{"2.1", "SPDX-2.2"}, // 2.1 had no JSON; what calls itself so is written as 2.2 is
		{"2.2", "SPDX-2.2"},
		{"2.3", "SPDX-2.3"},
	} {
		if number == v.minor || strings.HasPrefix(number, v.minor+".") {
			return v.read, false
		}
	}
	return "", false
}
