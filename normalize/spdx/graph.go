package spdx

import (
	"slices"
	"strings"

	"sluice/normalize"
	"sluice/normalize/lenient"
)

// graph is the state of one pass over an SPDX 3 document. What elements say of each other
// is kept until all are read, since they come in any order.
type graph struct {
	r   *lenient.Reader
	out *normalize.Document
	max int // components

	context  string // version that the context names
	version  string // version that a CreationInfo names
	document node   // the SpdxDocument, else the first software_Sbom or Bom
	created  map[string]creation
	agents   map[string]string // their names, by id
	ids      map[string]struct{}

	roots     []string            // rootElement of the document
	inside    map[string][]string // rootElement of collections inside of the document
	described map[string]struct{}
	relations []relation // describes
	refs      []string   // lists of elements that are being read, innermost last
	inlined   int        // elements without an id that were written out in place

	vex vexGraph
}

// node is what is kept of the document or of a collection.
type node struct {
	typ, id, name, creation string
}

// creation is a CreationInfo.
type creation struct {
	created, by string
	using       []string // tools
	pointer     string
}

func (g *graph) read() {
	r := g.r
	switch {
	case r.IsObject():
		g.element()
	case r.IsArray():
		for ok := r.Array(); ok && r.Element(); {
			g.element()
		}
	default:
		r.Fail(normalize.Park(normalize.ReasonInvalid, "", "an SPDX 3 document is a JSON object, this is not"))
		return
	}
	r.End()
	if r.Failed() {
		return
	}
	if g.setVersion(); r.Failed() {
		return
	}
	g.creation()
	g.subject()
	g.statements()
	if len(g.out.Components) == 0 && len(g.out.Main) == 0 && len(g.out.Statements) > 0 {
		g.out.Kind = normalize.VEX
	}
}

// setVersion decides which version the document is of, and refuses others than 3.0.
func (g *graph) setVersion() {
	version := g.version
	if version == "" {
		version = g.context
	}
	switch {
	case version == "":
		g.out.Warn("version", "", "the document does not say which version of SPDX it is; it is read as SPDX-3.0")
		version = "3.0"
	case version != "3.0" && !strings.HasPrefix(version, "3.0."):
		g.r.Fail(normalize.Park(normalize.ReasonUnsupported, "", "SPDX %.40q is not a version that can be read: write 3.0.1", version))
		return
	case g.version == "":
		g.out.Warn("version", "", "no CreationInfo has a specVersion; the version is that of the context")
	}
	g.out.FormatVersion = "SPDX-" + version
}

// creation takes time and issuer from the CreationInfo of the document, or else from the
// only one that there is.
func (g *graph) creation() {
	g.out.ID = g.document.id
	c, ok := g.created[g.document.creation]
	if !ok && len(g.created) == 1 {
		for _, only := range g.created {
			c, ok = only, true
		}
	}
	if !ok {
		return
	}
	t, err := lenient.Time(c.created)
	if err != nil {
		g.out.Warn("invalid-time", c.pointer+"/created", "%.60q is no time that a document can have", c.created)
	}
	g.out.Time = t
	g.out.Issuer = g.agents[c.by]
	for _, id := range c.using {
		if t := tool(g.agents[id]); t.Name != "" && len(g.out.Tools) < maxTools {
			g.out.Tools = append(g.out.Tools, t)
		}
	}
}

// subject finds the one package that the document describes: a root element, through
// collections where the root is one, or what a relationship says that it describes. Else
// it is the document itself.
func (g *graph) subject() {
	collections := map[string]bool{g.document.id: true}
	next := slices.Clone(g.roots)
	for len(next) > 0 {
		id := next[len(next)-1]
		next = next[:len(next)-1]
		more, isCollection := g.inside[id]
		if !isCollection {
			g.described[id] = struct{}{}
		} else if !collections[id] {
			collections[id] = true
			next = append(next, more...)
		}
	}
	for _, rel := range g.relations {
		if _, isCollection := g.inside[rel.from]; isCollection || rel.from == g.document.id || collections[rel.from] {
			g.described[rel.to] = struct{}{}
		}
	}
	describe(g.out, g.described, text(g.document.name))
}

// describe makes the one package among those described the subject, and else the document.
func describe(out *normalize.Document, described map[string]struct{}, name string) {
	subject := -1
	for i := range out.Components {
		c := &out.Components[i]
		if _, ok := described[c.Ref]; !ok || c.Ref == "" {
			continue
		}
		if subject >= 0 && out.Components[subject].Pointer == c.Pointer {
			continue // another purl of the same package
		}
		if subject >= 0 {
			subject = -1
			break
		}
		subject = i
	}
	if subject < 0 {
		if name != "" {
			out.Subject = normalize.Subject{Name: name, From: "document"}
		}
		return
	}
	main := out.Components[subject]
	out.Subject = normalize.Subject{Purl: main.Purl, Name: main.Name, Version: main.Version}
	if main.Purl != "" || main.Name != "" {
		out.Subject.From = "component"
	}
	end := subject + 1
	for end < len(out.Components) && out.Components[end].Pointer == main.Pointer {
		end++
	}
	out.Main = slices.Clone(out.Components[subject:end])
	out.Components = slices.Delete(out.Components, subject, end)
}
