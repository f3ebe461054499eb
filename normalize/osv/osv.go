// Package osv reads vulnerability records in the OSV format, schema 1.0 to 1.7 and
// those that state no version: JSON, arrays of records in JSON, and the YAML that
// PyPA and others keep their advisories in.
//
// A record becomes one normalize.Vulnerability. What decides is the use in matching:
// every affected package gets the key that package purls get too (see package purl),
// GIT ranges are left out because no SBOM states a commit to compare, and a record
// that bundles vulnerabilities, as the advisories of distributions do, is named by
// them. The rest of the record stays in the original.
//
// "aliases" are passed on as they are, several CVEs included: RUSTSEC-2020-0070 has five, and
// 40 of 1,206 RustSec and 34 of 4,291 Go records have more than one. OSV defines them as ids of
// one vulnerability; but two CVEs are two by what a CVE is. Whoever groups ids takes such a
// record for an advisory about each of them (projections: groups). What the advisories of
// distributions list is known to be what they fix: their CVEs become Names, never Aliases
// (see nameRecord).
package osv

import (
	"bytes"
	"strings"

	"sluice/normalize"
	"sluice/normalize/internal/records"
	"sluice/normalize/lenient"
)

// JSON reads one OSV record, or an array of them.
type JSON struct{}

// YAML reads one OSV record in YAML, or several separated by "---".
type YAML struct{}

// Name implements normalize.Format.
func (JSON) Name() string { return "osv-json" }

// Name implements normalize.Format.
func (YAML) Name() string { return "osv-yaml" }

// Detect implements normalize.Format.
func (JSON) Detect(h *normalize.Head) bool {
	return h.Syntax == normalize.JSON && (looksLike(h, "") || looksLike(h, "/0"))
}

// Detect implements normalize.Format. The reports that the Go project keeps in YAML
// have members of their own ("modules") and are not OSV.
func (YAML) Detect(h *normalize.Head) bool {
	return h.Syntax == normalize.YAML && looksLike(h, "")
}

// foreign are members that documents with an id and a time of other kinds have.
var foreign = [...]string{
	"/dataType", "/data_type", "/bomFormat", "/spdxVersion", "/@context", "/@type", "/document", "/dataVersion",
	"/catalogVersion", "/modules", "/statements", "/predicateType", "/ghsa_id", "/vulnStatus", "/$schema",
}

func looksLike(h *normalize.Head, at string) bool {
	id, ok := h.Members[at+"/id"]
	if !ok || id == "{" || id == "[" {
		return false
	}
	for _, f := range foreign {
		if h.Has(at + f) {
			return false
		}
	}
	if h.Has(at + "/modified") {
		for _, m := range [...]string{"/affected", "/aliases", "/summary", "/details", "/schema_version", "/published", "/withdrawn"} {
			if h.Has(at + m) {
				return true
			}
		}
		return false
	}
	// The time is required, and forgotten all the same. Then the id has to look like one.
	affected, ok := h.Members[at+"/affected"]
	database, number, found := strings.Cut(id, "-")
	return ok && (affected == "[" || affected == "") && found && database != "" && number != ""
}

// Normalize implements normalize.Format.
func (f JSON) Normalize(in normalize.Input) (*normalize.Document, error) {
	doc := newDocument(f.Name())
	r := lenient.New(in.Bytes, "", doc.Warn)
	switch {
	case r.IsArray():
		if err := records.Array(r, doc, 0, readRecord); err != nil {
			return nil, err
		}
	case r.IsObject():
		v, schema, err := readRecord(r, "", doc.Warn)
		if err != nil {
			return nil, err
		}
		doc.Vulnerabilities = []normalize.Vulnerability{v}
		doc.ID, doc.FormatVersion = v.ID, schema
	default:
		r.Skip()
		r.Fail(normalize.Park(normalize.ReasonInvalid, "", "an OSV document is an object or an array of objects; this is neither"))
		return nil, r.Err()
	}
	finish(doc)
	return doc, nil
}

// Normalize implements normalize.Format.
func (f YAML) Normalize(in normalize.Input) (*normalize.Document, error) {
	doc := newDocument(f.Name())
	records, err := yamlToJSON(in.Bytes, in.Limits, doc)
	if err != nil {
		return nil, err
	}
	for i, b := range records {
		v, schema, err := readRecord(lenient.New(b, "", doc.Warn), "", doc.Warn)
		if err != nil {
			return nil, err
		}
		doc.FormatVersion = schema
		v.JSON = b
		if len(records) > 1 {
			v.Pointer = pointerTo(i)
		}
		doc.Vulnerabilities = append(doc.Vulnerabilities, v)
	}
	if len(records) == 1 {
		doc.JSON = records[0]
		doc.ID = doc.Vulnerabilities[0].ID
	} else {
		doc.JSON = append(append([]byte{'['}, bytes.Join(records, []byte{','})...), ']')
	}
	finish(doc)
	return doc, nil
}

func newDocument(format string) *normalize.Document {
	return &normalize.Document{Kind: normalize.Vuln, Format: format}
}

// finish sets what follows from the records.
func finish(doc *normalize.Document) {
	for i := range doc.Vulnerabilities {
		t := doc.Vulnerabilities[i].Modified
		if t.IsZero() {
			t = doc.Vulnerabilities[i].Published
		}
		if t.After(doc.Time) {
			doc.Time = t
		}
	}
	if v := doc.FormatVersion; v != "" && v != "1" && !strings.HasPrefix(v, "1.") {
		doc.Warn("unknown-schema-version", "/schema_version", "schema version %.40q; this reader knows 1.0 to 1.7 and took what it understood", v)
	}
}
