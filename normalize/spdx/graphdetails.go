package spdx

import (
	"slices"
	"strings"

	"sluice/normalize"
	"sluice/normalize/lenient"
)

// Details implements [normalize.Detailer].
func (f JSONLD) Details(in normalize.Input) (*normalize.Details, error) {
	doc, err := f.Normalize(in)
	if err != nil {
		return nil, err
	}
	d := &graphDetails{
		out:    &normalize.Details{Document: doc, Tools: doc.Tools},
		agents: map[string]string{}, licenses: map[string]normalize.License{}, byRef: map[string]int{},
	}
	// What is said of a package stands in other elements, in any order: their names first.
	for _, pass := range []func(graphElement){d.name, d.pkg, d.relate} {
		r := lenient.New(in.Bytes, "", nil)
		d.r = r
		d.walk(pass)
		if err := r.Err(); err != nil {
			return nil, err
		}
	}
	d.finish()
	return d.out, nil
}

// graphElement is an element as a tree, of which only the texts and lists that somebody asks for
// are kept.
type graphElement struct {
	pointer string
	typ, id string
	texts   map[string][]string // by the local names of members; references too
	objects map[string][]map[string]string
}

func (e graphElement) text(name string) string {
	if t := e.texts[name]; len(t) > 0 {
		return text(t[0])
	}
	return ""
}

type graphDetails struct {
	r        *lenient.Reader
	out      *normalize.Details
	agents   map[string]string
	licenses map[string]normalize.License
	byRef    map[string]int
	taken    int
}

// kept are the members that are read of an element; most others are of no interest, and
// those of the elements below them belong to those.
var kept = map[string]bool{
	"name": true, "description": true, "summary": true, "copyrightText": true, "suppliedBy": true, "originatedBy": true, "downloadLocation": true,
	"homePage": true, "packageUrl": true, "from": true, "to": true, "relationshipType": true, "licenseExpression": true, "licenseId": true,
	"dataLicense": true, "createdBy": true, "externalIdentifier": true, "externalIdentifiers": true, "externalRef": true, "verifiedUsing": true,
}

// walk calls f for every element, inner ones before those that they are written out in.
func (d *graphDetails) walk(f func(graphElement)) {
	r := d.r
	if r.IsObject() {
		d.element(f)
	} else {
		for ok := r.Array(); ok && r.Element(); {
			d.element(f)
		}
	}
	r.End()
}

func (d *graphDetails) element(f func(graphElement)) (id string) {
	r := d.r
	e := graphElement{texts: map[string][]string{}, objects: map[string][]map[string]string{}}
	for ok := r.Object(); ok && r.Member(); {
		name := string(r.Name())
		switch name {
		case "@context":
			r.Skip()
			continue
		case "@id", "@type":
			name = name[1:]
		default:
			name = string(local(r.Name()))
		}
		switch {
		case name == "spdxId" || name == "id":
			e.id = strings.TrimSpace(string(r.Bytes()))
		case name == "type":
			e.typ = string(local(r.Bytes()))
		case name == "@graph" || name == "graph" || name == "element" || name == "rootElement" || name == "creationInfo":
			d.values(&e, "", f)
		case kept[name]:
			d.values(&e, name, f)
		default:
			r.Skip()
		}
	}
	e.pointer = r.Pointer()
	if !r.Failed() && e.typ != "" {
		f(e)
	}
	return e.id
}

// values takes what a member holds: texts, references, elements, plain objects.
func (d *graphDetails) values(e *graphElement, name string, f func(graphElement)) {
	r := d.r
	one := func() {
		switch {
		case !r.IsObject():
			if s := r.Text(); name != "" && d.take() {
				e.texts[name] = append(e.texts[name], s)
			}
		case name == "externalIdentifier" || name == "externalIdentifiers" || name == "externalRef" || name == "verifiedUsing":
			o := map[string]string{}
			for ok := r.Object(); ok && r.Member(); {
				key := string(local(r.Name()))
				if r.IsObject() {
					r.Skip()
				} else if texts := r.Texts(); len(texts) > 0 {
					o[key] = texts[0]
				}
			}
			if d.take() {
				e.objects[name] = append(e.objects[name], o)
			}
		default:
			if id := d.element(f); id != "" && name != "" && d.take() {
				e.texts[name] = append(e.texts[name], id)
			}
		}
	}
	if !r.IsArray() {
		one()
		return
	}
	for ok := r.Array(); ok && r.Element(); {
		one()
	}
}

// take counts one more thing that is kept.
func (d *graphDetails) take() bool {
	if d.taken++; d.taken > 3*normalize.MaxDetails { // three passes
		d.r.Fail(normalize.Park(normalize.ReasonTooMany, "", "more than %d licences, checksums, references and relationships", normalize.MaxDetails))
		return false
	}
	return true
}

// name keeps what agents and licences are called.
func (d *graphDetails) name(e graphElement) {
	switch e.typ {
	case "Organization", "Person", "SoftwareAgent", "Agent":
		d.agents[e.id] = e.text("name")
	case "LicenseExpression", "simplelicensing_LicenseExpression":
		d.licenses[e.id] = license(e.text("licenseExpression"), false)
	case "ListedLicense", "CustomLicense", "License", "SimpleLicensingText":
		l := normalize.License{ID: e.text("licenseId")}
		if l.ID == "" {
			l.Name = e.text("name")
		}
		if l.ID == "" && l.Name == "" {
			l.Name = lastPart(e.id)
		}
		d.licenses[e.id] = l
	}
}

// pkg keeps a package.
func (d *graphDetails) pkg(e graphElement) {
	switch {
	case e.typ == "CreationInfo":
		for _, by := range e.texts["createdBy"] {
			if name := d.agents[by]; name != "" && !slices.Contains(d.out.Authors, name) {
				d.out.Authors = append(d.out.Authors, name)
			}
		}
		return
	case e.typ == "SpdxDocument":
		if l := lastPart(e.text("dataLicense")); l != "" {
			d.out.Licenses = []normalize.License{{ID: l}}
		}
		return
	case !strings.HasSuffix(e.typ, "Package"):
		return
	}
	c := normalize.ComponentDetails{
		Ref: e.id, Pointer: e.pointer, Description: e.text("description"), Copyright: e.text("copyrightText"),
		Supplier: d.agent(e.text("suppliedBy")), Author: d.agent(e.text("originatedBy")),
	}
	if c.Description == "" {
		c.Description = e.text("summary")
	}
	for _, o := range e.objects["verifiedUsing"] {
		if v := o["hashValue"]; v != "" && o["algorithm"] != "" {
			c.Hashes = append(c.Hashes, normalize.Hash{Algorithm: algorithm(strings.ToUpper(lastPart(o["algorithm"]))), Value: v})
		}
	}
	if url := e.text("homePage"); url != "" {
		c.References = append(c.References, normalize.Reference{Type: "website", URL: url})
	}
	if url := e.text("downloadLocation"); url != "" {
		c.References = append(c.References, normalize.Reference{Type: "distribution", URL: url})
	}
	for _, o := range e.objects["externalRef"] {
		if url := o["locator"]; url != "" {
			c.References = append(c.References, normalize.Reference{Type: lastPart(o["externalRefType"]), URL: url, Comment: o["comment"]})
		}
	}
	d.byRef[c.Ref] = len(d.out.Components)
	d.out.Components = append(d.out.Components, c)
}

// agent is the name of an agent by its id.
func (d *graphDetails) agent(id string) string {
	if name, ok := d.agents[id]; ok {
		return name
	}
	return id
}

// graphRelations are the relationships that are edges, and whether they change places.
var graphRelations = map[string]string{
	"dependsOn": normalize.DependsOn, "hasPrerequisite": normalize.DependsOn, "hasDynamicLink": normalize.DependsOn, "hasStaticLink": normalize.DependsOn,
	"hasOptionalDependency": normalize.DependsOn, "hasProvidedDependency": normalize.DependsOn, "contains": normalize.Contains,
}

// relate keeps licences of packages, and edges between them.
func (d *graphDetails) relate(e graphElement) {
	if !strings.HasSuffix(e.typ, "Relationship") {
		return
	}
	from, ok := d.byRef[first(e.texts["from"])]
	if !ok {
		return
	}
	c := &d.out.Components[from]
	kind := lastPart(e.text("relationshipType"))
	for _, to := range e.texts["to"] {
		switch {
		case kind == "hasDeclaredLicense" || kind == "hasConcludedLicense":
			l, ok := d.licenses[to]
			if !ok || l == (normalize.License{}) {
				name := lastPart(to)
				switch strings.ToLower(name) {
				case "", "noassertion", "none", "noassertionlicense", "nonelicense":
					continue
				}
				l = normalize.License{ID: name} // of the list, which the document does not repeat
			}
			l.Concluded = kind == "hasConcludedLicense"
			same := l
			same.Concluded = false
			if !slices.Contains(c.Licenses, same) {
				c.Licenses = append(c.Licenses, l)
			}
		case graphRelations[kind] != "":
			if lastPart(to) == "NoneElement" {
				c.Related = true
			}
			if i, ok := d.byRef[to]; ok {
				c.Related = true
				d.out.Edges = append(d.out.Edges, normalize.Edge{From: c.Ref, To: d.out.Components[i].Ref, Kind: graphRelations[kind]})
			}
		}
	}
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// finish puts the main component first.
func (d *graphDetails) finish() {
	main := d.out.Document.Main
	if len(main) == 0 {
		return
	}
	for i := range d.out.Components {
		if c := d.out.Components[i]; c.Pointer == main[0].Pointer {
			copy(d.out.Components[1:i+1], d.out.Components[:i])
			d.out.Components[0] = c
			d.out.Supplier = c.Supplier
			d.out.Roots = []string{c.Ref}
			return
		}
	}
}
