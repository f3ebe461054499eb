// Package osv reads vulnerability records in the OSV format, schema 1.0 to 1.7 and
// those that state no version: JSON, arrays of records in JSON, and the YAML that
// PyPA and others keep their advisories in.
//
// A record becomes one normalize.Vulnerability. What decides is the use in matching:
// every affected package gets the key that package purls get too (see package purl),
// GIT ranges are left out because no SBOM states a commit to compare, and a record
// that bundles vulnerabilities, as the advisories of distributions do, is named by
// them. The rest of the record stays in the original.
package osv

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/normalize"
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
	b := bytes.TrimPrefix(in.Bytes, []byte("\xef\xbb\xbf"))
	dec := jsontext.NewDecoder(bytes.NewBuffer(b), jsontext.AllowDuplicateNames(true))
	switch dec.PeekKind() {
	case jsontext.KindBeginObject:
		v, err := readRecord(b, doc)
		if err != nil {
			return nil, err
		}
		doc.Vulnerabilities = []normalize.Vulnerability{v}
		doc.ID = v.ID
	case jsontext.KindBeginArray:
		if err := readArray(dec, doc); err != nil {
			return nil, err
		}
	default:
		if _, err := dec.ReadValue(); err != nil {
			return nil, syntaxError(err)
		}
		return nil, normalize.Park(normalize.ReasonInvalid, "", "an OSV document is an object or an array of objects; this is neither")
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
		v, err := readRecord(b, doc)
		if err != nil {
			return nil, err
		}
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

// readArray reads the records of an array one by one. A record that nobody could use
// does not cost the others; an array without a usable one is refused.
func readArray(dec *jsontext.Decoder, doc *normalize.Document) error {
	if _, err := dec.ReadToken(); err != nil {
		return syntaxError(err)
	}
	var first error
	for i := 0; dec.PeekKind() != jsontext.KindEndArray; i++ {
		raw, err := dec.ReadValue()
		if err != nil {
			return syntaxError(err)
		}
		at := pointerTo(i)
		// Warnings point into the record; here they have to point into the document.
		own := newDocument(doc.Format)
		v, err := readRecord(raw, own)
		for _, w := range own.Warnings {
			doc.Warn(w.Code, at+w.Pointer, "%s", w.Message)
		}
		if err != nil {
			var park *normalize.ParkError
			if !errors.As(err, &park) {
				return err
			}
			park.Pointer = at + park.Pointer
			if first == nil {
				first = park
			}
			doc.Warn("unusable-record", park.Pointer, "%v", park.Err)
			continue
		}
		if doc.FormatVersion == "" {
			doc.FormatVersion = own.FormatVersion
		}
		v.JSON = bytes.Clone(raw)
		v.Pointer = at
		doc.Vulnerabilities = append(doc.Vulnerabilities, v)
	}
	if _, err := dec.ReadToken(); err != nil {
		return syntaxError(err)
	}
	switch _, err := dec.ReadToken(); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return syntaxError(err)
	default:
		return normalize.Park(normalize.ReasonSyntax, "", "a second JSON value follows the document")
	}
	if len(doc.Vulnerabilities) == 0 {
		if first != nil {
			return first
		}
		return normalize.Park(normalize.ReasonInvalid, "", "the array holds no record")
	}
	return nil
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

func syntaxError(err error) error {
	var pointer string
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		pointer = strings.ToValidUTF8(string(syntax.JSONPointer), "\ufffd")
	}
	return normalize.Park(normalize.ReasonSyntax, pointer, "not well-formed JSON: %w", err)
}
