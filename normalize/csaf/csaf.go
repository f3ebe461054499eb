// Package csaf reads CSAF 2.0 and 2.1 documents of any profile: VEX, security
// advisory, and those without vulnerabilities.
//
// The product tree is flattened to a list of products; products and groups are
// then known by their number, so that the long id lists of large advisories cost
// four bytes an entry. Each vulnerability gives one normalize.Statement for each
// status and justification that its products have.
package csaf

import (
	"strings"
	"time"

	"sluice/normalize"
	"sluice/normalize/lenient"
)

// Format reads CSAF.
type Format struct{}

// Name implements normalize.Format.
func (Format) Name() string { return "csaf" }

// Detect implements normalize.Format.
func (Format) Detect(h *normalize.Head) bool {
	if h.Syntax != normalize.JSON || !h.Has("/document") {
		return false
	}
	if h.Has("/document/csaf_version") {
		return true
	}
	return (h.Has("/product_tree") || h.Has("/vulnerabilities")) && strings.HasPrefix(h.Members["/document/category"], "csaf_")
}

// Normalize implements normalize.Format.
func (f Format) Normalize(in normalize.Input) (*normalize.Document, error) {
	doc := &normalize.Document{Kind: normalize.VEX, Format: f.Name()}
	r := &reader{
		Reader:      lenient.New(in.Bytes, "", doc.Warn),
		doc:         doc,
		tree:        newTree(),
		maxProducts: in.Limits.OrDefault().MaxComponents,
	}
	r.document()
	if err := r.Err(); err != nil {
		return nil, err
	}
	return doc, nil
}

type reader struct {
	*lenient.Reader
	doc  *normalize.Document
	tree *tree
	// vulnerabilities wait for the product tree, which may come after them.
	vulnerabilities []vulnerability
	maxProducts     int // in the tree, and in all statements together
	references      int // products in the vulnerabilities' lists
	steps           int // see maxSteps
	// unmatched are the products without a purl that statements are about.
	unmatched      int
	firstUnmatched struct{ pointer, why string }
}

func (r *reader) document() {
	if !r.IsObject() {
		r.Skip()
		r.Fail(normalize.Park(normalize.ReasonInvalid, "", "a CSAF document is a JSON object"))
		return
	}
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "document":
			r.meta()
		case "product_tree":
			r.tree.reset() // of duplicate members the last one counts
			r.productTree()
		case "vulnerabilities":
			r.vulnerabilities, r.references = nil, 0
			for i, ok := 0, r.List(); ok && r.Element(); i++ {
				r.vulnerability(i)
			}
		default:
			r.Skip()
		}
	}
	r.End()
	if r.Failed() {
		return
	}
	switch v := r.doc.FormatVersion; v {
	case "2.0", "2.1":
	case "":
		r.doc.Warn("no-version", "/document/csaf_version", "the document does not say its CSAF version; it is read as 2.0")
	default:
		r.Fail(normalize.Park(normalize.ReasonUnsupported, "/document/csaf_version", "CSAF %.60q is not supported; 2.0 and 2.1 are", v))
		return
	}
	r.statements()
	if len(r.doc.Statements) == 0 {
		r.doc.Warn("no-statements", "/vulnerabilities", "the document makes no statement about a vulnerability in a product")
	}
}

// meta reads /document.
func (r *reader) meta() {
	var namespace, version, status string
	var current, revised, initial time.Time
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "csaf_version":
			r.doc.FormatVersion = r.Text()
		case "publisher":
			for ok := r.Object(); ok && r.Member(); {
				switch string(r.Name()) {
				case "name":
					r.doc.Issuer = r.Text()
				case "namespace":
					namespace = r.Text()
				default:
					r.Skip()
				}
			}
		case "tracking":
			for ok := r.Object(); ok && r.Member(); {
				switch string(r.Name()) {
				case "id":
					r.doc.ID = r.Text()
				case "version":
					version = r.Scalar()
				case "status":
					status = r.Text()
				case "current_release_date":
					current = r.Time()
				case "initial_release_date":
					initial = r.Time()
				case "revision_history":
					revised = r.lastRevision()
				default:
					r.Skip()
				}
			}
		default:
			r.Skip()
		}
	}
	if r.Failed() {
		return
	}
	for _, t := range []time.Time{current, revised, initial} {
		if r.doc.Time.IsZero() {
			r.doc.Time = t
		}
	}
	r.doc.SetVersion(series(namespace, r.doc.Issuer, r.doc.ID), version, "/document/tracking/version")
	switch s := strings.ToLower(status); s {
	case "draft", "interim", "final", "":
		r.doc.Status = s
	default:
		r.doc.Warn("unknown-status", "/document/tracking/status", "%.60q is none of draft, interim, final", status)
	}
}

// lastRevision is the newest date of the revision history.
func (r *reader) lastRevision() (last time.Time) {
	for ok := r.List(); ok && r.Element(); {
		for ok := r.Object(); ok && r.Member(); {
			if string(r.Name()) != "date" {
				r.Skip()
			} else if t := r.Time(); t.After(last) {
				last = t
			}
		}
	}
	return last
}

// series is what the versions of a document share: section 3.2.1.12.4 makes the id unique
// within its publisher's namespace. A publisher without one is known by the name.
func series(namespace, name, id string) string {
	publisher := strings.ToLower(strings.TrimRight(namespace, "/"))
	if publisher == "" {
		publisher = name
	}
	if publisher == "" || id == "" {
		return ""
	}
	return publisher + " " + id
}
