// Package openvex reads OpenVEX documents: version 0.2.0, the older 0.0.x with
// products as plain strings, and those that do not say.
//
// Each statement of the document becomes one normalize.Statement; a product with
// subcomponents becomes one Product for each of them. What cannot be read among them
// makes the statement be about nothing: it never becomes one about the rest.
package openvex

import (
	"strings"
	"time"

	"sluice/normalize"
	"sluice/normalize/lenient"
)

// Format reads OpenVEX.
type Format struct{}

// Name implements normalize.Format.
func (Format) Name() string { return "openvex" }

const namespace = "openvex.dev/ns"

// Detect implements normalize.Format. The context names OpenVEX; where it is
// missing or a list, the document's own members have to.
func (Format) Detect(h *normalize.Head) bool {
	if h.Syntax != normalize.JSON {
		return false
	}
	context := h.Members["/@context"]
	for _, c := range []string{context, h.Members["/@context/0"], h.Members["/@context/1"]} {
		if strings.Contains(c, namespace) {
			return true
		}
	}
	return (context == "" || context == "[") && h.Has("/statements") && h.Has("/author") &&
		strings.Contains(strings.ToLower(h.Members["/@id"]), "openvex")
}

// Normalize implements normalize.Format.
func (f Format) Normalize(in normalize.Input) (*normalize.Document, error) {
	doc := &normalize.Document{Kind: normalize.VEX, Format: f.Name()}
	r := &reader{Reader: lenient.New(in.Bytes, "", doc.Warn), doc: doc, maxProducts: in.Limits.OrDefault().MaxComponents}
	r.document()
	if err := r.Err(); err != nil {
		return nil, err
	}
	return doc, nil
}

type reader struct {
	*lenient.Reader
	doc         *normalize.Document
	maxProducts int // in all statements together
	products    int
	problems    map[string]string // of purls, see unreadable
	// unmatched counts the products and subcomponents that are named without a purl.
	unmatched      int
	firstUnmatched identity
}

func (r *reader) document() {
	if !r.IsObject() {
		r.Skip()
		r.Fail(normalize.Park(normalize.ReasonInvalid, "", "an OpenVEX document is a JSON object"))
		return
	}
	var issued, updated time.Time
	var version string
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "@context":
			r.doc.FormatVersion = r.version()
		case "@id":
			r.doc.ID = r.Text()
		case "author":
			r.doc.Issuer = r.Text()
		case "version":
			version = r.Scalar()
		case "timestamp":
			issued = r.Time()
		case "last_updated":
			updated = r.Time()
		case "statements":
			r.doc.Statements, r.products, r.unmatched = nil, 0, 0 // of duplicate members the last one counts
			for i, ok := 0, r.List(); ok && r.Element(); i++ {
				r.statement(i)
			}
		default:
			r.Skip()
		}
	}
	r.End()
	if r.Failed() {
		return
	}
	r.doc.Time = later(issued, updated)
	r.doc.SetVersion(r.doc.ID, version, "/version")
	r.doc.SettleAliases()
	// Section "Timestamps" of the specification: a statement without a time has the timestamp
	// of its document. Not the time of the last update: what an update does not touch stays as old.
	inherited := issued
	if inherited.IsZero() {
		inherited = updated
	}
	for i := range r.doc.Statements {
		if s := &r.doc.Statements[i]; s.Time.IsZero() {
			s.Time = inherited
		}
	}
	if r.unmatched > 0 {
		r.doc.Warn("no-purl", r.firstUnmatched.pointer, "%d products or subcomponents are named without a purl, and nothing is matched by anything else; the first is %.200q", r.unmatched, r.firstUnmatched.id)
	}
	if len(r.doc.Statements) == 0 {
		r.doc.Warn("no-statements", "/statements", "the document makes no statement that could be used")
	}
}

// version reads "https://openvex.dev/ns/v0.2.0", alone or in a list of contexts.
func (r *reader) version() (version string) {
	read := func() {
		if _, v, ok := strings.Cut(r.Text(), namespace+"/"); ok {
			version = strings.TrimSuffix(strings.TrimPrefix(v, "v"), "/")
		}
	}
	if !r.IsArray() {
		read()
		return version
	}
	for ok := r.Array(); ok && r.Element(); {
		read()
	}
	return version
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
