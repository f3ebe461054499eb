package syft

import (
	"strconv"

	"sluice/normalize"
	"sluice/normalize/lenient"
	"sluice/normalize/purl"
)

func (r *reader) artifacts() {
	r.refs = make(map[string]bool)
	for i, ok := 0, r.Array(); ok && r.Element(); i++ {
		r.artifact("/artifacts/" + strconv.Itoa(i))
	}
}

// packageManager is what the database of a distribution's package manager says.
type packageManager struct {
	source, sourceVersion string // dpkg
	origin                string // apk
	sourceRPM, module     string // rpm
}

func (r *reader) artifact(pointer string) {
	if !r.IsObject() {
		r.Object() // warns
		return
	}
	c := normalize.Component{Type: "library", Pointer: pointer}
	d := normalize.ComponentDetails{Pointer: pointer}
	var kind string
	var raw []byte
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "id":
			c.Ref = r.Text()
		case "name":
			c.Name = r.Text()
		case "version":
			c.Version = r.Text()
		case "type":
			kind = r.Text()
		case "purl":
			c.Purl = r.Text()
		case "cpes":
			c.CPE = r.cpes(&d)
		case "licenses":
			r.licenses(&d)
		case "metadata":
			raw = r.Raw()
		default:
			r.Skip()
		}
	}
	if r.Failed() {
		return
	}
	switch kind {
	case "deb", "rpm", "apk", "dpkg":
		// Members of others may have the same names and mean something else: the source of a crate is its registry.
		m := readPackageManager(raw)
		c.Source, c.SourceVersion = first(m.source, m.origin), m.sourceVersion
		c.Source, c.Module = first(c.Source, m.sourceRPM), m.module
	case "binary":
		c.Type = "application"
	}
	if c.Name == "" {
		r.doc.Warn("missing-name", pointer, "an artifact without a name")
	}
	if c.Purl != "" {
		if problem := purl.Problem(c.Purl); problem != "" {
			r.doc.Warn("invalid-purl", pointer+"/purl", "%.200q %s", c.Purl, problem)
		}
	}
	if c.Ref != "" && r.refs[c.Ref] {
		r.doc.Warn("duplicate-ref", pointer+"/id", "%.200q is the id of another artifact too", c.Ref)
	}
	r.refs[c.Ref] = true
	if r.add(c) && r.out != nil {
		d.Ref = c.Ref
		r.out.Components = append(r.out.Components, d)
	}
}

// cpes are texts, or objects from schema 13 on. The first one counts.
func (r *reader) cpes(d *normalize.ComponentDetails) (one string) {
	take := func(cpe string) {
		switch {
		case cpe == "":
		case one == "":
			one = cpe
		case r.take():
			d.CPEs = append(d.CPEs, cpe)
		}
	}
	for ok := r.Array(); ok && r.Element(); {
		if !r.IsObject() {
			take(r.Text())
			continue
		}
		for ok := r.Object(); ok && r.Member(); {
			if string(r.Name()) == "cpe" {
				take(r.Text())
			} else {
				r.Skip()
			}
		}
	}
	return one
}

// licenses are texts, or objects from schema 8 on.
func (r *reader) licenses(d *normalize.ComponentDetails) {
	if r.out == nil {
		r.Skip()
		return
	}
	for ok := r.Array(); ok && r.Element(); {
		if !r.IsObject() {
			if name := r.Text(); name != "" && r.take() {
				d.Licenses = append(d.Licenses, normalize.License{Name: name})
			}
			continue
		}
		var l normalize.License
		var value string
		for ok := r.Object(); ok && r.Member(); {
			switch string(r.Name()) {
			case "value":
				value = r.Text()
			case "spdxExpression":
				l.Expression = r.Text()
			case "type":
				l.Concluded = r.Text() == "concluded"
			default:
				r.Skip()
			}
		}
		if l.Expression == "" {
			l.Name = value
		}
		if l.Name+l.Expression != "" && r.take() {
			d.Licenses = append(d.Licenses, l)
		}
	}
}

// readPackageManager reads the metadata of an artifact. Every cataloger has its own members,
// and what is no text here is of another: it is passed over without a warning.
func readPackageManager(raw []byte) (m packageManager) {
	if len(raw) == 0 || raw[0] != '{' {
		return m
	}
	r := lenient.New(raw, "", nil)
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "source":
			m.source = r.Text()
		case "sourceVersion":
			m.sourceVersion = r.Text()
		case "originPackage":
			m.origin = r.Text()
		case "sourceRpm":
			m.sourceRPM = r.Text()
		case "modularityLabel":
			m.module = r.Text()
		default:
			r.Skip()
		}
	}
	return m
}
