package cyclonedx

import (
	"encoding/xml"
	"strings"
)

// once are the elements that may be there once inside of others, as bits. The library takes the last
// one without a word, and two of them have no place in JSON.
var once = func() map[string]map[string]uint64 {
	out := map[string]map[string]uint64{}
	for element, children := range map[string]string{
		"license": "id name text url licensing properties",
		"component": "supplier manufacturer authors author publisher group name version versionRange description scope hashes licenses copyright " +
			"patentAssertions cpe purl swid modified pedigree externalReferences properties components evidence releaseNotes " +
			"modelCard cryptoProperties tags",
		"service": "provider group name version description endpoints authenticated x-trust-boundary trustZone data licenses patentAssertions " +
			"externalReferences properties services releaseNotes tags",
		"vulnerability": "id source references ratings cwes description detail recommendation workaround proofOfConcept advisories created published " +
			"updated rejected credits tools analysis affects properties",
		"analysis":    "state justification responses detail firstIssued lastUpdated",
		"rating":      "source score severity method vector justification",
		"patch":       "diff resolves",
		"issue":       "id name description source references",
		"commit":      "uid url author committer message",
		"citation":    "pointers expressions timestamp attributedTo process signature note",
		"composition": "aggregate assemblies dependencies vulnerabilities",
		"annotation":  "subjects annotator timestamp text",
	} {
		bits := map[string]uint64{}
		for i, child := range strings.Fields(children) {
			bits[child] = 1 << i
		}
		out[element] = bits
	}
	return out
}()

// element looks at what would be lost without a word on the way to the JSON form, on whose members
// the same checks are made as on those of a document that is JSON.
func (g *guard) element(e xml.StartElement) {
	if len(g.path) < 2 || g.version == "1.0" { // which takes ids and names of licences by the dozen
		return
	}
	parent := len(g.path) - 2
	if bit := once[g.path[parent]][e.Name.Local]; bit != 0 {
		if g.members[parent]&bit != 0 {
			g.warn("duplicate-member", g.position(), "a second <%s> in <%s>; the last one counts", e.Name.Local, g.path[parent])
		}
		g.members[parent] |= bit
	}
	if e.Name.Local == "classification" && g.path[parent] == "data" && parent > 0 && g.path[parent-1] == "service" {
		g.flow(e)
	}
}

// flow looks at <classification flow="…">, which the library passes over.
func (g *guard) flow(e xml.StartElement) {
	for _, a := range e.Attr {
		if a.Name.Local != "flow" {
			continue
		}
		if !rules().flow.has([]byte(a.Value)) {
			g.warn(rules().flow.code, g.position(), "%.60q is no %s", a.Value, rules().flow.what)
		}
		return
	}
	g.warn(missingMember, g.position(), "<classification> without flow")
}

// leave looks at an element that ends. tidier gives a licence without a name one.
func (g *guard) leave(name string) {
	if name != "license" || g.version == "1.0" || len(g.path) < 2 || g.path[len(g.path)-2] != "licenses" {
		return
	}
	bits := once[name]
	switch seen := g.members[len(g.members)-1]; {
	case seen&(bits["id"]|bits["name"]) == 0:
		g.warn(missingMember, g.position(), "a licence without id and name")
	case seen&bits["id"] != 0 && seen&bits["name"] != 0:
		g.warn(conflictingMembers, g.position(), "a licence with id and name: the id counts")
	}
}
