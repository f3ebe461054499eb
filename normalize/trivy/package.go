package trivy

import (
	"net/url"
	"strconv"
	"strings"

	"sluice/normalize"
	"sluice/normalize/purl"
)

// result is what was found in one place: the packages of the distribution, or those that a
// lock file or a jar names.
func (r *reader) result(pointer string) {
	first := len(r.doc.Components)
	ids := make(map[string]string) // of the packages of this result, their references
	var edges []normalize.Edge     // by ids
	listed, vulnerable := false, false
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "Packages":
			listed = r.IsArray() || listed
			for i, ok := 0, r.Array(); ok && r.Element(); i++ {
				r.pkg(pointer+"/Packages/"+strconv.Itoa(i), ids, &edges)
			}
		case "Vulnerabilities":
			raw := r.Raw()
			vulnerable = len(raw) > 2 && raw[0] == '['
		default:
			r.Skip()
		}
	}
	r.listed = r.listed || listed && len(r.doc.Components) > first
	if vulnerable && !listed && r.unlisted == "" {
		r.unlisted = pointer
	}
	if r.out == nil {
		return
	}
	for _, e := range edges {
		if to, ok := ids[e.To]; ok {
			r.out.Edges = append(r.out.Edges, normalize.Edge{From: e.From, To: to, Kind: normalize.DependsOn})
		}
	}
}

// evr is a version of rpm and dpkg, in the parts that Trivy has it in.
type evr struct{ epoch, version, release string }

func (v evr) String() string {
	s := v.version
	if s != "" && v.release != "" {
		s += "-" + v.release
	}
	if s != "" && v.epoch != "" && v.epoch != "0" && !strings.Contains(v.version, ":") {
		s = v.epoch + ":" + s
	}
	return s
}

// found is what a package is known by, and what it depends on, in the ids of its result.
type found struct {
	id, uid string
	needs   []string
}

func (r *reader) pkg(pointer string, ids map[string]string, edges *[]normalize.Edge) {
	if !r.IsObject() {
		r.Object() // warns
		return
	}
	c := normalize.Component{Type: "library", Pointer: pointer}
	d := normalize.ComponentDetails{Pointer: pointer}
	var found found
	var own, source evr
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "ID":
			found.id = r.Text()
		case "Name":
			c.Name = r.Text()
		case "Identifier":
			c.Purl, found.uid = r.identifier()
		case "Version":
			own.version = r.Text()
		case "Release":
			own.release = r.Text()
		case "Epoch":
			own.epoch = r.Scalar()
		case "SrcName":
			c.Source = r.Text()
		case "SrcVersion":
			source.version = r.Text()
		case "SrcRelease":
			source.release = r.Text()
		case "SrcEpoch":
			source.epoch = r.Scalar()
		case "Modularitylabel":
			c.Module = r.Text()
		case "Licenses":
			r.licenses(&d)
		case "DependsOn":
			if r.out == nil {
				r.Skip()
				continue
			}
			found.needs, d.Related = r.Texts(), true
		default:
			r.Skip()
		}
	}
	if r.Failed() {
		return
	}
	c.Version = own.String()
	if c.Source != "" {
		c.SourceVersion = source.String()
	}
	if c.Ref = found.uid; c.Ref == "" {
		c.Ref = found.id
	}
	r.judge(c, found.uid)
	if !r.add(c) || r.out == nil {
		return
	}
	d.Ref = c.Ref
	r.out.Components = append(r.out.Components, d)
	if found.id != "" {
		ids[found.id] = c.Ref
	}
	for _, n := range found.needs {
		if r.take() {
			*edges = append(*edges, normalize.Edge{From: c.Ref, To: n})
		}
	}
}

// judge warns of what is odd about a package.
func (r *reader) judge(c normalize.Component, uid string) {
	switch {
	case c.Name == "":
		r.doc.Warn("missing-name", c.Pointer, "a package without a name")
	case c.Purl == "":
		r.doc.Warn("missing-purl", c.Pointer+"/Identifier", "%.200q has no purl; Trivy writes them from 0.48 on", c.Name)
	default:
		if problem := purl.Problem(c.Purl); problem != "" {
			r.doc.Warn("invalid-purl", c.Pointer+"/Identifier/PURL", "%.200q %s", c.Purl, problem)
		}
	}
	if uid != "" && r.refs[uid] {
		r.doc.Warn("duplicate-ref", c.Pointer+"/Identifier/UID", "%.200q is the id of another package too", uid)
	}
	r.refs[c.Ref] = true
}

func (r *reader) identifier() (text, uid string) {
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "PURL":
			text = r.Text()
		case "UID":
			uid = r.Text()
		default:
			r.Skip()
		}
	}
	return text, uid
}

func (r *reader) licenses(d *normalize.ComponentDetails) {
	if r.out == nil {
		r.Skip()
		return
	}
	for _, name := range r.Texts() {
		if name != "" && r.take() {
			d.Licenses = append(d.Licenses, normalize.License{Name: name})
		}
	}
}

// add adds a component, within the limit.
func (r *reader) add(c normalize.Component) bool {
	if len(r.doc.Components) >= r.max {
		r.Fail(normalize.Park(normalize.ReasonTooMany, c.Pointer, "more than %d components: split the document or raise the limit", r.max))
		return false
	}
	r.doc.Components = append(r.doc.Components, c)
	return true
}

// escape percent-encodes a part of a purl.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
