package detect

import (
	"errors"

	"sluice/normalize"
)

// ErrNoDetails is why Details has none: the document is no SBOM, or in a format that keeps
// nothing beyond what Normalize says.
var ErrNoDetails = errors.New("nothing is read from this format beyond its components and statements")

// Details reads what an SBOM says beyond what is matched. A notation that has a JSON form
// (XML, protobuf, tag-value) is read in that form, so its pointers lead into Document.JSON and
// Details.Document is what that says. Details.Document.Format is still the document's own.
func Details(in normalize.Input, formats []normalize.Format) (*normalize.Details, error) {
	if in.Head == nil {
		head, err := Scan(in.Bytes, in.Limits)
		if err != nil {
			return nil, err
		}
		in.Head = head
	}
	format, err := Detect(in.Head, formats)
	if err != nil {
		return nil, err
	}
	if d, ok := format.(normalize.Detailer); ok {
		return d.Details(in)
	}
	doc, err := format.Normalize(in)
	if err != nil {
		return nil, err
	}
	if doc.Kind == normalize.Vuln || doc.JSON == nil {
		return nil, ErrNoDetails
	}
	in.Bytes = doc.JSON
	if in.Head, err = Scan(in.Bytes, in.Limits); err != nil {
		return nil, err
	}
	if format, err = Detect(in.Head, formats); err != nil {
		return nil, err
	}
	d, ok := format.(normalize.Detailer)
	if !ok {
		return nil, ErrNoDetails
	}
	out, err := d.Details(in)
	if err != nil {
		return nil, err
	}
	out.Document.Format = doc.Format
	return out, nil
}
