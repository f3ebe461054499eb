// Package records reads arrays of vulnerability records: CVE's, OSV's.
//
// Begin with Array.
package records

import (
	"bytes"
	"errors"

	"sluice/normalize"
	"sluice/normalize/lenient"
)

// Reader reads one record, which stands at a JSON Pointer, and says in which version of its format it is.
type Reader func(r *lenient.Reader, at string, warn lenient.WarnFunc) (normalize.Vulnerability, string, error)

// Array reads the records of an array one by one into doc, up to limit; 0 is any number. A record that nobody
// could use does not cost the others; an array without a usable one is refused.
func Array(r *lenient.Reader, doc *normalize.Document, limit int, read Reader) error {
	var first error
	for ok := r.Array(); ok && r.Element(); {
		raw := r.Raw()
		if r.Failed() {
			break
		}
		at := r.Pointer()
		if limit > 0 && len(doc.Vulnerabilities) >= limit {
			return normalize.Park(normalize.ReasonTooMany, at, "more than %d records", limit)
		}
		v, format, err := read(lenient.New(raw, at, doc.Warn), at, doc.Warn)
		if err != nil {
			var park *normalize.ParkError
			if !errors.As(err, &park) {
				return err
			}
			if first == nil {
				first = park
			}
			doc.Warn("unusable-record", park.Pointer, "%v", park.Err)
			continue
		}
		if doc.FormatVersion == "" {
			doc.FormatVersion = format
		}
		v.JSON, v.Pointer = bytes.Clone(raw), at
		doc.Vulnerabilities = append(doc.Vulnerabilities, v)
	}
	r.End()
	switch {
	case r.Failed():
		return r.Err()
	case len(doc.Vulnerabilities) > 0:
		return nil
	case first != nil:
		return first
	}
	return normalize.Park(normalize.ReasonInvalid, "", "the array holds no record")
}
