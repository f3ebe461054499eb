package spdx

import (
	"strings"

	"sluice/normalize"
	"sluice/normalize/lenient"
)

// document is the state of one pass over a document.
type document struct {
	r   *lenient.Reader
	out *normalize.Document
	max int // components

	name       string
	id         string // the document's own SPDXID
	hasVersion bool

	ids       map[string]struct{} // SPDXIDs of packages
	described map[string]struct{} // what the document describes, packages or not
	// relations hold who describes whom until the document's own id is known.
	relations []relation
}

// relation says that from describes to.
type relation struct{ from, to string }

// usualID is the SPDXID that every document should have.
const usualID = "SPDXRef-DOCUMENT"

func (d *document) read() {
	if !d.r.Object() {
		d.r.Fail(normalize.Park(normalize.ReasonInvalid, "", "an SPDX document is a JSON object, this is not"))
		return
	}
	d.members("")
	d.r.End()
	if d.r.Failed() {
		return
	}
	if !d.hasVersion {
		d.r.Fail(normalize.Park(normalize.ReasonUnsupported, "/spdxVersion",
			"the document does not say which version of SPDX it is: write SPDX-2.3"))
		return
	}
	d.finish()
}

// members reads the members of the document. prefix is where it is inside the
// original: "" or [wrapper].
func (d *document) members(prefix string) {
	r := d.r
	for r.Member() {
		switch string(r.Name()) {
		case "spdxVersion":
			d.version(string(r.Bytes()), prefix+"/spdxVersion")
		case "SPDXID":
			d.id = string(r.Bytes())
		case "name":
			d.name = text(r.Text())
		case "documentNamespace":
			d.out.ID = r.Text()
		case "creationInfo":
			d.creationInfo(prefix + "/creationInfo")
		case "documentDescribes":
			for ok := r.List(); ok && r.Element(); {
				d.described[string(r.Bytes())] = struct{}{}
			}
		case "packages":
			d.packages(prefix + "/packages")
		case "relationships":
			d.relationships()
		case wrapper[1:]:
			if prefix == "" && r.IsObject() {
				r.Object()
				d.members(wrapper)
			} else {
				r.Skip()
			}
		default:
			r.Skip()
		}
	}
}

func (d *document) version(s, pointer string) {
	d.hasVersion = true
	version, exact := versionOf(strings.TrimSpace(s))
	if version == "" {
		d.r.Fail(normalize.Park(normalize.ReasonUnsupported, pointer,
			"%.40q is not a version that can be read: write SPDX-2.2 or SPDX-2.3", s))
		return
	}
	if !exact {
		d.out.Warn("version", pointer, "%.40q is read as %s", s, version)
	}
	d.out.FormatVersion = version
}

func (d *document) creationInfo(pointer string) {
	r := d.r
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "created":
			s := r.Text()
			t, err := lenient.Time(s)
			if err != nil {
				d.out.Warn("invalid-time", pointer+"/created", "%.60q is no time that a document can have", s)
			}
			d.out.Time = t
		case "creators":
			for ok := r.List(); ok && r.Element(); {
				d.creator(r.Text())
			}
		default:
			r.Skip()
		}
	}
}

// maxTools is how many tools of a document are kept.
const maxTools = 20

// creator takes one of those who made the document: the first speaks for it.
func (d *document) creator(s string) {
	if s != "" && d.out.Issuer == "" {
		d.out.Issuer = s
	}
	if kind, name, found := strings.Cut(s, ":"); found && strings.EqualFold(strings.TrimSpace(kind), "Tool") && len(d.out.Tools) < maxTools {
		if t := tool(name); t.Name != "" {
			d.out.Tools = append(d.out.Tools, t)
		}
	}
}

// relationships keeps who describes whom and passes over the rest.
func (d *document) relationships() {
	r := d.r
	for ok := r.Array(); ok && r.Element(); {
		var from, to, kind []byte
		for ok := r.Object(); ok && r.Member(); {
			switch string(r.Name()) {
			case "spdxElementId":
				from = r.Bytes()
			case "relatedSpdxElement":
				to = r.Bytes()
			case "relationshipType":
				kind = r.Bytes()
			default:
				r.Skip()
			}
		}
		switch {
		case strings.EqualFold(string(kind), "DESCRIBES"):
			d.relations = append(d.relations, relation{string(from), string(to)})
		case strings.EqualFold(string(kind), "DESCRIBED_BY"):
			d.relations = append(d.relations, relation{string(to), string(from)})
		}
	}
}

// finish finds the subject: the one package that the document describes, or
// else the document itself.
func (d *document) finish() {
	for _, rel := range d.relations {
		if rel.from == usualID || rel.from == d.id && d.id != "" {
			d.described[rel.to] = struct{}{}
		}
	}
	describe(d.out, d.described, d.name)
}
