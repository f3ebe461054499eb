// Package snapshot reads the dependency snapshots that build tools submit to GitHub:
// what each manifest of a repository resolves to, as purls.
//
// A dependency is known by the name of its member, within its manifest; the same one in two
// manifests is listed twice. What a snapshot is about is the repository, which it does not
// name: the first manifest stands for it, unless the artifact is given with the document.
package snapshot

import (
	"sluice/normalize"
	"sluice/normalize/lenient"
	"sluice/normalize/purl"
)

// meaning is what does not count when snapshots are compared: when and by which job it was
// made. The manifests are members, which have no order, and so are their dependencies.
var meaning = &normalize.Meaning{
	Volatile: []string{"/scanned", "/job"},
	Sets:     map[string]string{"dependencies": ""},
}

// Format reads dependency snapshots.
type Format struct{}

// Name implements [normalize.Format].
func (Format) Name() string { return "github-snapshot" }

// Meaning implements [normalize.Comparer].
func (Format) Meaning() *normalize.Meaning { return meaning }

// Detect implements [normalize.Format].
func (Format) Detect(h *normalize.Head) bool {
	return h.Syntax == normalize.JSON && h.Has("/detector/name") && h.Has("/manifests")
}

// Normalize implements [normalize.Format].
func (f Format) Normalize(in normalize.Input) (*normalize.Document, error) {
	return f.read(in, nil)
}

func (f Format) read(in normalize.Input, details *normalize.Details) (*normalize.Document, error) {
	doc := &normalize.Document{Kind: normalize.SBOM, Format: f.Name()}
	r := &reader{doc: doc, out: details, max: in.Limits.OrDefault().MaxComponents}
	if details != nil {
		details.Document = doc
	}
	r.Reader = lenient.New(in.Bytes, "", doc.Warn)
	r.document()
	if err := r.Err(); err != nil {
		return nil, err
	}
	return doc, nil
}

type reader struct {
	*lenient.Reader
	doc   *normalize.Document
	out   *normalize.Details // nil while nobody asks for details
	max   int                // components
	taken int                // details
}

func (r *reader) document() {
	if !r.IsObject() {
		r.Skip()
		r.Fail(normalize.Park(normalize.ReasonInvalid, "", "a dependency snapshot is a JSON object, this is not"))
		return
	}
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "version":
			if s := r.Scalar(); s != "0" {
				r.Fail(normalize.Park(normalize.ReasonUnsupported, "/version", "version %.20s of dependency snapshots is not read: write 0", s))
			}
			r.doc.FormatVersion = "0"
		case "sha":
			r.doc.ID = r.Text()
		case "scanned":
			r.doc.Time = r.Time()
		case "detector":
			r.detector()
		case "manifests":
			for ok := r.Object(); ok && r.Member(); {
				r.manifest()
			}
		default:
			r.Skip()
		}
	}
	r.End()
}

func (r *reader) detector() {
	var tool normalize.Tool
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "name":
			tool.Name = r.Text()
		case "version":
			tool.Version = r.Text()
		default:
			r.Skip()
		}
	}
	if tool.Name != "" {
		r.doc.Tools = []normalize.Tool{tool}
	}
}

func (r *reader) manifest() {
	name := string(r.Name())
	known := make(map[string]string) // names and purls of its dependencies, their references
	first := 0
	if r.out != nil {
		first = len(r.out.Edges)
	}
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "name":
			if name := r.Text(); r.doc.Subject.Name == "" && name != "" {
				r.doc.Subject = normalize.Subject{Name: name, From: "document"}
			}
		case "resolved":
			for ok := r.Object(); ok && r.Member(); {
				r.dependency(name, string(r.Name()), known)
			}
		default:
			r.Skip()
		}
	}
	if r.out != nil {
		r.settle(first, known)
	}
}

var scopes = map[string]string{"runtime": "required", "development": "excluded"}

// dependency reads one that a manifest resolves to.
func (r *reader) dependency(manifest, name string, known map[string]string) {
	if !r.IsObject() {
		r.Object() // warns
		return
	}
	c := normalize.Component{Ref: manifest + "#" + name, Type: "library", Name: name}
	var needs []string
	related := false
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "package_url":
			c.Purl = r.Text()
		case "scope":
			word := r.Text()
			if c.Scope = scopes[word]; c.Scope == "" && word != "" {
				r.doc.Warn("unknown-scope", r.Pointer(), "%.60q is no scope", word)
			}
		case "dependencies":
			if r.out == nil {
				r.Skip()
				continue
			}
			needs, related = r.Texts(), true
		default:
			r.Skip()
		}
	}
	c.Pointer = r.Pointer()
	if r.Failed() {
		return
	}
	if len(r.doc.Components) >= r.max {
		r.Fail(normalize.Park(normalize.ReasonTooMany, c.Pointer, "more than %d components: split the document or raise the limit", r.max))
		return
	}
	if c.Purl == "" {
		r.doc.Warn("missing-purl", c.Pointer, "a dependency without a package_url")
	} else if p, err := purl.Parse(c.Purl); err == nil {
		// The name of the member is often the purl again; people want the package's.
		c.Name, c.Version = p.Name, p.Version
		if p.Namespace != "" {
			c.Group = p.Namespace
		}
	} else {
		r.doc.Warn("invalid-purl", c.Pointer+"/package_url", "%.200q: %v", c.Purl, err)
	}
	r.doc.Components = append(r.doc.Components, c)
	if r.out == nil {
		return
	}
	r.out.Components = append(r.out.Components, normalize.ComponentDetails{Ref: c.Ref, Pointer: c.Pointer, Related: related})
	known[name] = c.Ref
	if c.Purl != "" {
		known[c.Purl] = c.Ref
	}
	for _, to := range needs {
		if r.take() {
			r.out.Edges = append(r.out.Edges, normalize.Edge{From: c.Ref, To: to, Kind: normalize.DependsOn})
		}
	}
}
