// Package syft reads the JSON that Syft writes by default, of every version of its schema.
//
// An artifact is a package that a cataloger found. What it says of it is what Syft writes as
// CycloneDX too: the purl, the source package of a distribution's, the module of an rpm, and
// the distribution itself as an operating system among the components, so that both outputs
// of one scan have the same packages. Files that it lists are no packages and are passed over.
//
// Start with [Format]; artifact.go is an artifact, details.go what is read on demand.
package syft

import (
	"strings"

	"sluice/normalize"
	"sluice/normalize/lenient"
)

// meaning is what does not count when documents are compared: the time of the scan, and the
// order of what was found.
var meaning = &normalize.Meaning{
	Volatile: []string{"/descriptor/timestamp"},
	Sets: map[string]string{
		"artifacts": "", "artifactRelationships": "", "files": "", "locations": "", "licenses": "", "digests": "", "digest": "", "tags": "", "repoDigests": "",
		"idLike": "",
	},
}

// Format reads Syft JSON.
type Format struct{}

// Name implements [normalize.Format].
func (Format) Name() string { return "syft-json" }

// Meaning implements [normalize.Comparer].
func (Format) Meaning() *normalize.Meaning { return meaning }

// Detect implements [normalize.Format].
func (Format) Detect(h *normalize.Head) bool {
	if h.Syntax != normalize.JSON || !h.Has("/artifacts") {
		return false
	}
	return strings.EqualFold(h.Members["/descriptor/name"], "syft") || h.Has("/artifactRelationships") ||
		strings.Contains(h.Members["/schema/url"], "anchore/syft")
}

// Normalize implements [normalize.Format].
func (f Format) Normalize(in normalize.Input) (*normalize.Document, error) {
	return f.read(in, nil)
}

func (f Format) read(in normalize.Input, details *normalize.Details) (*normalize.Document, error) {
	doc := &normalize.Document{Kind: normalize.SBOM, Format: f.Name()}
	r := &reader{doc: doc, out: details, max: in.Limits.OrDefault().MaxComponents}
	warn := doc.Warn
	if details != nil {
		details.Document = doc
	}
	r.Reader = lenient.New(in.Bytes, "", warn)
	r.document()
	if err := r.Err(); err != nil {
		return nil, err
	}
	return doc, nil
}

type reader struct {
	*lenient.Reader
	doc    *normalize.Document
	out    *normalize.Details // nil while nobody asks for details
	max    int                // components
	taken  int                // details
	source source
	refs   map[string]bool
	// relationships may stand before what they are about.
	relationships []byte
}

// source is what was scanned.
type source struct {
	id, kind, name, version string
	userInput, digest, path string
}

func (r *reader) document() {
	if !r.IsObject() {
		r.Skip()
		r.Fail(normalize.Park(normalize.ReasonInvalid, "", "Syft JSON is an object, this is not"))
		return
	}
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "artifacts":
			r.artifacts()
		case "artifactRelationships":
			r.relationships = r.Raw()
		case "source":
			r.readSource()
		case "distro":
			r.distro()
		case "descriptor":
			r.descriptor()
		case "schema":
			r.schema()
		default:
			r.Skip()
		}
	}
	r.End()
	if r.Failed() {
		return
	}
	r.subject()
	if r.out != nil {
		r.details()
	}
}

// schema is {"version": "16.1.3", "url": …}. Members have kept their names through all of
// them; what became of a text may be an object, and either is read.
func (r *reader) schema() {
	for ok := r.Object(); ok && r.Member(); {
		if string(r.Name()) == "version" {
			r.doc.FormatVersion = r.Text()
		} else {
			r.Skip()
		}
	}
}

func (r *reader) descriptor() {
	var tool normalize.Tool
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "name":
			tool.Name = r.Text()
		case "version":
			tool.Version = r.Text()
		case "timestamp":
			r.doc.Time = r.Time()
		default:
			r.Skip()
		}
	}
	if tool.Name != "" {
		r.doc.Tools = []normalize.Tool{tool}
	}
}

func (r *reader) readSource() {
	s := &r.source
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "id":
			s.id = r.Text()
		case "type":
			s.kind = r.Text()
		case "name":
			s.name = r.Text()
		case "version":
			s.version = r.Text()
		case "metadata", "target": // the latter up to schema 7
			r.scanned()
		default:
			r.Skip()
		}
	}
}

// scanned reads what was scanned: an object, or the path of a folder as it is.
func (r *reader) scanned() {
	s := &r.source
	if !r.IsObject() {
		if raw := r.Raw(); len(raw) > 1 && raw[0] == '"' {
			s.path = lenient.New(raw, "", nil).Text()
		}
		return
	}
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "userInput":
			s.userInput = r.Text()
		case "manifestDigest":
			s.digest = r.Text()
		case "path":
			s.path = r.Text()
		default:
			r.Skip()
		}
	}
}

// subject names what was scanned, as Syft does in CycloneDX.
func (r *reader) subject() {
	s := r.source
	main := normalize.Component{Ref: s.id, Type: "file", Name: first(s.name, s.path), Version: s.version, Pointer: "/source"}
	if s.kind == "image" {
		main.Type, main.Name, main.Version = "container", first(s.name, s.userInput), first(s.version, s.digest)
	}
	if main.Name == "" {
		return
	}
	r.doc.Main = []normalize.Component{main}
	r.doc.Subject = normalize.Subject{Name: main.Name, Version: main.Version, From: "component"}
}

// distro is the distribution of an image, which purls of old versions do not say: an
// operating system among the components, as in Syft's CycloneDX.
func (r *reader) distro() {
	var id, name, versionID, version string
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "id":
			id = r.Text()
		case "name":
			name = r.Text()
		case "versionID":
			versionID = r.Text()
		case "version":
			version = r.Text()
		default:
			r.Skip()
		}
	}
	if name = first(id, name); name != "" {
		r.add(normalize.Component{Type: "operating-system", Name: name, Version: first(versionID, version), Pointer: "/distro"})
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

func first(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}
