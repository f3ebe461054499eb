// Package nvd reads the CVEs of the National Vulnerability Database as its API and its feeds of
// version 2.0 have them: a page with "vulnerabilities", an entry of it, or the CVE alone.
//
// NVD names products by CPE. Those become affected packages under keys of their own (cpe:…),
// beside and never in place of what names packages. It knows no aliases.
package nvd

import (
	"bytes"
	"errors"
	"strings"
	"time"

	"sluice/normalize"
	"sluice/normalize/cpe"
	"sluice/normalize/internal/cvss"
	"sluice/normalize/lenient"
)

// Source is the database, in facts.
const Source = "nvd"

// JSON reads answers of the API, feeds and single CVEs.
type JSON struct{}

// Name implements normalize.Format.
func (JSON) Name() string { return "nvd-json" }

// Detect implements normalize.Format.
func (JSON) Detect(h *normalize.Head) bool {
	if h.Syntax != normalize.JSON {
		return false
	}
	return h.Members["/format"] == "NVD_CVE" || isCVE(h, "") || isCVE(h, "/cve") ||
		h.Members["/vulnerabilities"] == "[" && h.Has("/resultsPerPage") && h.Has("/totalResults")
}

func isCVE(h *normalize.Head, at string) bool {
	return strings.HasPrefix(h.Members[at+"/id"], "CVE-") && (h.Has(at+"/vulnStatus") || h.Has(at+"/sourceIdentifier"))
}

// Normalize implements normalize.Format. An entry that nobody could use costs only itself.
func (f JSON) Normalize(in normalize.Input) (*normalize.Document, error) {
	p := &page{doc: &normalize.Document{Kind: normalize.Vuln, Format: f.Name(), Issuer: "NVD"}, limit: in.Limits.OrDefault().MaxComponents}
	r := lenient.New(in.Bytes, "", p.doc.Warn)
	if !r.IsObject() {
		r.Skip()
		r.Fail(normalize.Park(normalize.ReasonInvalid, "", "an answer of NVD is an object; this is not"))
		return nil, r.Err()
	}
	var single bool // the document is one CVE
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "version":
			p.doc.FormatVersion = r.Text()
		case "timestamp":
			p.doc.Time = r.Time()
		case "vulnerabilities":
			for ok := r.List(); ok && r.Element(); {
				p.entry(r)
			}
		case "cve":
			p.add(r)
		case "id":
			single = strings.HasPrefix(r.Text(), "CVE-")
		default:
			r.Skip()
		}
	}
	r.End()
	if single && !r.Failed() {
		r = lenient.New(in.Bytes, "", p.doc.Warn)
		p.add(r)
	}
	if r.Failed() {
		return nil, r.Err()
	}
	return p.finish(in)
}

// page collects the CVEs of a document.
type page struct {
	doc   *normalize.Document
	limit int
	first error // why an entry could not be used
}

// entry reads an element of "vulnerabilities".
func (p *page) entry(r *lenient.Reader) {
	for ok := r.Object(); ok && r.Member(); {
		if string(r.Name()) == "cve" {
			p.add(r)
		} else {
			r.Skip()
		}
	}
}

// add reads a CVE that stands next in r.
func (p *page) add(r *lenient.Reader) {
	raw := r.Raw()
	if r.Failed() {
		return
	}
	at := r.Pointer()
	if len(p.doc.Vulnerabilities) >= p.limit {
		r.Fail(normalize.Park(normalize.ReasonTooMany, at, "more than %d vulnerabilities", p.limit))
		return
	}
	v, err := readCVE(lenient.New(raw, at, p.doc.Warn), at, p.doc.Warn)
	if err != nil {
		var park *normalize.ParkError
		if errors.As(err, &park) {
			p.doc.Warn("unusable-record", park.Pointer, "%v", park.Err)
		}
		if p.first == nil {
			p.first = err
		}
		return
	}
	v.JSON, v.Pointer = bytes.Clone(raw), at
	p.doc.Vulnerabilities = append(p.doc.Vulnerabilities, v)
}

func (p *page) finish(in normalize.Input) (*normalize.Document, error) {
	doc := p.doc
	switch {
	case len(doc.Vulnerabilities) == 0 && p.first != nil:
		return nil, p.first
	case len(doc.Vulnerabilities) == 0:
		// The last page of a question, or one about what changed since: there is nothing to say.
		doc.Warn("no-records", "", "the answer has no vulnerability")
	case len(doc.Vulnerabilities) == 1:
		doc.ID = doc.Vulnerabilities[0].ID
		if doc.Vulnerabilities[0].Pointer == "" {
			doc.Vulnerabilities[0].JSON = nil // the document is the record
		}
	}
	if doc.Time.IsZero() {
		for i := range doc.Vulnerabilities {
			if t := doc.Vulnerabilities[i].Modified; t.After(doc.Time) {
				doc.Time = t
			}
		}
	}
	return doc, nil
}

// reader reads one CVE.
type reader struct {
	*lenient.Reader
	warn     lenient.WarnFunc
	v        normalize.Vulnerability
	products cpe.Products
	primary  []string // severities of NVD itself
	others   []string // of those that sent the CVE in
	rejected bool
}

func readCVE(in *lenient.Reader, at string, warn lenient.WarnFunc) (normalize.Vulnerability, error) {
	r := &reader{Reader: in, warn: warn}
	r.v.Source, r.v.Score = Source, -1
	for ok := r.Object(); ok && r.Member(); {
		r.member()
	}
	switch v := &r.v; {
	case r.Failed():
	case v.ID == "":
		r.Fail(normalize.Park(normalize.ReasonInvalid, at+"/id", "the record has no id; nothing can refer to it"))
	case len(v.ID) > normalize.MaxID:
		r.Fail(normalize.Park(normalize.ReasonInvalid, at+"/id", "the id is %d bytes long; %d are allowed", len(v.ID), normalize.MaxID))
	}
	if err := r.Err(); err != nil {
		return r.v, err
	}
	v := &r.v
	v.Names = []string{v.ID}
	v.Affected = r.products.List()
	severities := r.primary
	if len(severities) == 0 {
		severities = r.others
	}
	b := cvss.Best(severities, "", func(s string) { warn("bad-cvss", at+"/metrics", "%.100q cannot be scored", s) })
	v.Score, v.Severity, v.Vector = b.Score, b.Level, b.Vector
	if r.rejected {
		v.Affected = nil
		v.Withdrawn = firstTime(v.Modified, v.Published, rejectedBefore)
	}
	return r.v, nil
}

// rejectedBefore stands in for the time of a rejection that says none.
var rejectedBefore = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)

func firstTime(list ...time.Time) time.Time {
	for _, t := range list {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

func (r *reader) member() {
	v := &r.v
	switch string(r.Name()) {
	case "id":
		v.ID = normalize.VulnID(r.Text())
	case "published":
		v.Published = r.Time()
	case "lastModified":
		v.Modified = r.Time()
	case "vulnStatus":
		r.rejected = strings.EqualFold(r.Text(), "rejected")
	case "descriptions":
		for ok := r.List(); ok && r.Element(); {
			lang, value := "", ""
			for ok := r.Object(); ok && r.Member(); {
				switch string(r.Name()) {
				case "lang":
					lang = r.Text()
				case "value":
					value = r.Text()
				default:
					r.Skip()
				}
			}
			if v.Summary == "" && strings.HasPrefix(lang, "en") {
				v.Summary = normalize.OneLine(value)
			}
		}
	case "metrics":
		for ok := r.Object(); ok && r.Member(); {
			r.metrics()
		}
	case "configurations":
		r.products.Read(r.Reader, r.warn)
	default:
		r.Skip()
	}
}

// metrics reads the ratings of one CVSS version.
func (r *reader) metrics() {
	if !r.IsArray() {
		r.Skip()
		return
	}
	for ok := r.Array(); ok && r.Element(); {
		primary := false
		vector, score := "", ""
		for ok := r.Object(); ok && r.Member(); {
			switch string(r.Name()) {
			case "type":
				primary = strings.EqualFold(r.Text(), "primary")
			case "cvssData":
				for ok := r.Object(); ok && r.Member(); {
					switch string(r.Name()) {
					case "vectorString":
						vector = r.Text()
					case "baseScore":
						score = r.Scalar()
					default:
						r.Skip()
					}
				}
			default:
				r.Skip()
			}
		}
		if vector == "" {
			vector = score
		}
		switch {
		case vector == "":
		case primary:
			r.primary = append(r.primary, vector)
		default:
			r.others = append(r.others, vector)
		}
	}
}
