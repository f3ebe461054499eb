package spdx

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"sluice/normalize"
	"sluice/normalize/purl"
)

// item is an element of SPDX 3 while it is read. Its texts are those of the document, so
// that one which says nothing here, as files do, costs no memory.
type item struct {
	typ, id, name    []byte
	version, purl    []byte
	purpose          []byte
	sourceInfo       string
	identifiers      []identifier
	created          []byte
	specVersion      []byte
	relationshipType []byte
	creation         string // reference to its CreationInfo
	from             string
	assessed         string // assessedElement
	roots, to        []string
	by, using        []string
	vex              claims
}

// identifier is an ExternalIdentifier or ExternalRef.
type identifier struct{ kind, value []byte }

// element reads one element, with those that are written out inside of it, and returns
// its id.
func (g *graph) element() (id string) {
	r := g.r
	var e item
	for ok := r.Object(); ok && r.Member(); {
		name := r.Name()
		switch string(name) {
		case "@context":
			g.readContext()
			continue
		case "@graph":
			g.elements()
			continue
		case "@id":
			e.id = r.Bytes()
			continue
		case "@type":
			e.typ = g.word()
			continue
		}
		switch string(local(name)) {
		case "type":
			e.typ = g.word()
		case "spdxId":
			e.id = g.bytes()
		case "name":
			e.name = g.bytes()
		case "packageVersion":
			e.version = g.bytes()
		case "packageUrl":
			e.purl = g.bytes()
		case "primaryPurpose":
			e.purpose = g.word()
		case "sourceInfo":
			e.sourceInfo = string(g.bytes())
		case "externalIdentifier", "externalIdentifiers", "externalRef": // the second by mistake
			e.identifiers = g.identifiers(e.identifiers)
		case "created":
			e.created = g.bytes()
		case "specVersion":
			e.specVersion = g.bytes()
		case "createdBy":
			e.by = g.list()
		case "createdUsing":
			e.using = g.list()
		case "creationInfo":
			e.creation = g.reference()
		case "rootElement":
			e.roots = g.list()
		case "element":
			g.elements()
		case "relationshipType":
			e.relationshipType = g.word()
		case "from":
			e.from = g.reference()
		case "to":
			e.to = g.list()
		case "assessedElement":
			e.assessed = g.reference()
		default:
			if !g.vexMember(&e, local(name)) {
				r.Skip()
			}
		}
	}
	if r.Failed() {
		return ""
	}
	if len(e.id) == 0 && len(e.typ) > 0 {
		g.inlined++
		e.id = append([]byte("_:inline-"), strconv.Itoa(g.inlined)...)
	}
	return g.take(&e)
}

// take keeps what an element says, and returns its id.
func (g *graph) take(e *item) string {
	typ := local(e.typ)
	switch {
	case bytes.HasSuffix(typ, []byte("Package")): // software_, dataset_ and ai_AIPackage
		g.pkg(e)
	case bytes.HasSuffix(typ, []byte("VulnAssessmentRelationship")):
		return g.assessment(e, typ)
	case bytes.HasSuffix(typ, []byte("Relationship")):
		if string(local(e.relationshipType)) == "describes" {
			for _, to := range e.to {
				g.relations = append(g.relations, relation{e.from, to})
			}
		}
		return string(e.id)
	case string(typ) == "SpdxDocument", string(typ) == "Sbom", string(typ) == "Bom", string(typ) == "Bundle":
		g.collection(e, string(typ))
	case string(typ) == "CreationInfo":
		c := creation{created: string(bytes.TrimSpace(e.created)), using: e.using, pointer: g.r.Pointer()}
		if len(e.by) > 0 {
			c.by = e.by[0]
		}
		g.created[string(e.id)] = c
		if g.version == "" {
			g.version = string(bytes.TrimSpace(e.specVersion))
		}
	case string(typ) == "Organization", string(typ) == "Person", string(typ) == "SoftwareAgent", string(typ) == "Agent", string(typ) == "Tool":
		g.agents[string(e.id)] = text(string(e.name))
	case string(typ) == "Vulnerability":
		g.vulnerability(e)
	case len(typ) > 0:
		// Files, licences and the like: their ids are asked for only where they are written
		// out inside of another element.
		if g.r.Depth() <= 2 {
			return ""
		}
	}
	return string(e.id)
}

// collection keeps the document, or a collection of elements that may be its root.
func (g *graph) collection(e *item, typ string) {
	n := node{typ: typ, id: string(e.id), name: string(e.name), creation: e.creation}
	if typ == "SpdxDocument" {
		if g.document.typ == typ {
			g.out.Warn("several-documents", g.r.Pointer(), "a second SpdxDocument; what is said of the document is taken from the first one")
		} else {
			if g.document.typ != "" && n.name == "" {
				n.name = g.document.name
			}
			g.document, g.roots = n, e.roots
		}
		return
	}
	g.inside[n.id] = e.roots
	switch {
	case g.document.typ == "":
		g.document, g.roots = n, e.roots
	case g.document.name == "":
		g.document.name = n.name
	}
}

// pkg adds a package: one component for each purl that it has, as of SPDX 2.
func (g *graph) pkg(e *item) {
	pointer := g.r.Pointer()
	if len(g.out.Components) >= g.max {
		g.r.Fail(normalize.Park(normalize.ReasonTooMany, pointer, "more than %d packages: split the document or raise the limit", g.max))
		return
	}
	c := normalize.Component{
		Ref: string(e.id), Name: text(string(e.name)), Version: text(string(e.version)),
		Type: g.purpose(e.purpose, pointer), Pointer: pointer,
	}
	c.Source, c.SourceVersion = builtFrom(e.sourceInfo)
	var purls []string
	add := func(value []byte, where string) {
		found := text(string(value))
		if found == "" || slices.Contains(purls, found) {
			return
		}
		if problem := purl.Problem(found); problem != "" {
			g.out.Warn("invalid-purl", pointer+where, "%.200q %s", found, problem)
		}
		purls = append(purls, found)
	}
	add(e.purl, "/software_packageUrl")
	for _, i := range e.identifiers {
		switch kind := strings.ToLower(string(local(i.kind))); {
		case kind == "packageurl", kind == "purl", purl.Is(string(bytes.TrimSpace(i.value))):
			add(i.value, "/externalIdentifier")
		case c.CPE == "" && (kind == "cpe23" || kind == "cpe22" || kind == "cpe23type" || kind == "cpe22type"):
			c.CPE = text(string(i.value))
		}
	}
	if c.Name == "" {
		g.out.Warn("missing-name", pointer, "a package without a name")
	}
	if _, taken := g.ids[c.Ref]; taken {
		g.out.Warn("duplicate-ref", pointer+"/spdxId", "%.200q is the spdxId of another package too", c.Ref)
	}
	g.ids[c.Ref] = struct{}{}
	if len(purls) == 0 {
		purls = []string{""}
	}
	for _, c.Purl = range purls {
		g.out.Components = append(g.out.Components, c)
	}
}

// graphPurposes are those of SPDX 3 whose words are not those that are stored.
var graphPurposes = map[string]string{
	"operatingSystem": "operating-system", "deviceDriver": "device-driver", "diskImage": "disk-image", "filesystemImage": "filesystem-image",
}

// plainPurposes are the others.
var plainPurposes = []string{
	"application", "archive", "bom", "configuration", "container", "data", "device", "documentation", "evidence", "executable", "file", "firmware",
	"framework", "install", "library", "manifest", "model", "module", "other", "patch", "platform", "requirement", "source", "specification", "test",
}

func (g *graph) purpose(word []byte, pointer string) string {
	if known, ok := graphPurposes[string(word)]; ok {
		return known
	}
	written := text(string(word))
	if written != "" && !slices.Contains(plainPurposes, written) {
		g.out.Warn("unknown-type", pointer+"/software_primaryPurpose", "%.60q is no purpose of a package", word)
		written = strings.ToLower(written)
	}
	return written
}
