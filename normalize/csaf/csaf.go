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

	"sluice/normalize"
	"sluice/normalize/detect/lenient"
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
		Reader:      lenient.NewReader(in.Bytes, doc),
		doc:         doc,
		tree:        newTree(),
		maxProducts: in.Limits.MaxComponents,
	}
	if r.maxProducts <= 0 {
		r.maxProducts = normalize.DefaultLimits.MaxComponents
	}
	if err := r.document(); err != nil {
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
}

func (r *reader) document() error {
	if !r.IsObject() {
		if err := r.Skip(); err != nil {
			return err
		}
		return normalize.Park(normalize.ReasonInvalid, "", "a CSAF document is a JSON object")
	}
	err := r.Object(func(name string) error {
		switch name {
		case "document":
			return r.Object(r.meta)
		case "product_tree":
			r.tree.reset() // of duplicate members the last one counts
			return r.productTree()
		case "vulnerabilities":
			r.vulnerabilities, r.references = nil, 0
			return r.Array(r.vulnerability)
		}
		return r.Skip()
	})
	if err != nil {
		return err
	}
	if err := r.End(); err != nil {
		return err
	}
	switch v := r.doc.FormatVersion; v {
	case "2.0", "2.1":
	case "":
		r.doc.Warn("no-version", "/document/csaf_version", "the document does not say its CSAF version; it is read as 2.0")
	default:
		return normalize.Park(normalize.ReasonUnsupported, "/document/csaf_version", "CSAF %q is not supported; 2.0 and 2.1 are", clip(v))
	}
	if err := r.statements(); err != nil {
		return err
	}
	if len(r.doc.Statements) == 0 {
		r.doc.Warn("no-statements", "/vulnerabilities", "the document makes no statement about a vulnerability in a product")
	}
	return nil
}

// meta reads one member of /document.
func (r *reader) meta(name string) (err error) {
	switch name {
	case "csaf_version":
		r.doc.FormatVersion, err = r.Text()
	case "publisher":
		err = r.Object(func(name string) (err error) {
			if name != "name" {
				return r.Skip()
			}
			r.doc.Issuer, err = r.Text()
			return err
		})
	case "tracking":
		err = r.Object(func(name string) (err error) {
			switch name {
			case "id":
				r.doc.ID, err = r.Text()
			case "current_release_date":
				r.doc.Time, err = r.Time()
			default:
				err = r.Skip()
			}
			return err
		})
	default:
		err = r.Skip()
	}
	return err
}

func clip(s string) string {
	if len(s) > 60 {
		s = strings.ToValidUTF8(s[:60], "") + "..."
	}
	return s
}
