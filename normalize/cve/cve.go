// Package cve reads CVE records of version 5 (5.0 to 5.2): what the numbering authority says
// (containers.cna) and what others add to it (containers.adp, such as CISA's Vulnrichment).
//
// An affected product becomes an affected package where the record says which package it is: by its
// package URL, by the collection that it is in and its name there, by the Red Hat release that its
// CPE names. Where it only has a CPE it becomes one under a key of CPEs, and where it has a vendor's
// name for it nothing can be matched.
package cve

import (
	"slices"
	"strings"
	"time"

	"sluice/normalize"
	"sluice/normalize/cpe"
	"sluice/normalize/internal/cvss"
	"sluice/normalize/internal/records"
	"sluice/normalize/lenient"
)

// Source is the database, in facts: the CVE list. Others keep records of CVEs too.
const Source = "cve.org"

// JSON reads a record, or an array of them.
type JSON struct{}

// Name implements normalize.Format.
func (JSON) Name() string { return "cve-json" }

// Detect implements normalize.Format.
func (JSON) Detect(h *normalize.Head) bool {
	return h.Syntax == normalize.JSON && (looksLike(h, "") || looksLike(h, "/0"))
}

func looksLike(h *normalize.Head, at string) bool {
	return h.Members[at+"/dataType"] == "CVE_RECORD" || h.Has(at+"/cveMetadata") && h.Has(at+"/containers")
}

// Normalize implements normalize.Format.
func (f JSON) Normalize(in normalize.Input) (*normalize.Document, error) {
	doc := &normalize.Document{Kind: normalize.Vuln, Format: f.Name()}
	r := lenient.New(in.Bytes, "", doc.Warn)
	switch {
	case r.IsArray():
		if err := records.Array(r, doc, in.Limits.OrDefault().MaxComponents, readRecord); err != nil {
			return nil, err
		}
	case r.IsObject():
		v, format, err := readRecord(r, "", doc.Warn)
		if err != nil {
			return nil, err
		}
		doc.Vulnerabilities = []normalize.Vulnerability{v}
		doc.ID, doc.FormatVersion = v.ID, format
	default:
		r.Skip()
		r.Fail(normalize.Park(normalize.ReasonInvalid, "", "a CVE record is an object; this is not"))
		return nil, r.Err()
	}
	for i := range doc.Vulnerabilities {
		if t := firstTime(doc.Vulnerabilities[i].Modified, doc.Vulnerabilities[i].Published); t.After(doc.Time) {
			doc.Time = t
		}
	}
	return doc, nil
}

// reader reads one record.
type reader struct {
	*lenient.Reader
	warn lenient.WarnFunc
	v    normalize.Vulnerability

	format     string // dataVersion
	rejected   bool
	rejectedAt time.Time
	title      string
	text       string   // the first description in English
	severities []string // of the CNA first, then of the others
	adp        []string
	packages   []normalize.AffectedPackage
	products   cpe.Products
}

func readRecord(in *lenient.Reader, at string, warn lenient.WarnFunc) (v normalize.Vulnerability, format string, err error) {
	r := &reader{Reader: in, warn: warn}
	if !r.IsObject() {
		r.Skip()
		r.Fail(normalize.Park(normalize.ReasonInvalid, at, "a record is an object; this is not"))
		return v, "", r.Err()
	}
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "dataVersion":
			r.format = r.Scalar()
		case "cveMetadata":
			r.metadata()
		case "containers":
			r.containers()
		default:
			r.Skip()
		}
	}
	r.End()
	switch {
	case r.Failed():
	case r.format != "" && r.format != "5" && !strings.HasPrefix(r.format, "5."):
		r.Fail(normalize.Park(normalize.ReasonUnsupported, at+"/dataVersion", "version %.40q of CVE records; those of version 5 are read", r.format))
	case r.v.ID == "":
		r.Fail(normalize.Park(normalize.ReasonInvalid, at+"/cveMetadata/cveId", "the record has no id; nothing can refer to it"))
	case len(r.v.ID) > normalize.MaxID:
		r.Fail(normalize.Park(normalize.ReasonInvalid, at+"/cveMetadata/cveId", "the id is %d bytes long; %d are allowed", len(r.v.ID), normalize.MaxID))
	}
	if err := r.Err(); err != nil {
		return v, "", err
	}
	r.finish(at)
	return r.v, r.format, nil
}

func (r *reader) finish(at string) {
	v := &r.v
	v.Source, v.Names = Source, []string{v.ID}
	if v.Summary = normalize.OneLine(r.title); v.Summary == "" {
		v.Summary = normalize.OneLine(r.text)
	}
	slices.Sort(v.Related)
	v.Related = slices.Compact(v.Related)
	b := cvss.Best(slices.Concat(r.severities, r.adp), "", func(s string) { r.warn("bad-cvss", at+"/containers", "%.100q cannot be scored", s) })
	v.Score, v.Severity, v.Vector = b.Score, b.Level, b.Vector
	if r.rejected {
		v.Withdrawn = firstTime(r.rejectedAt, v.Modified, v.Published, rejectedBefore)
		return
	}
	// What names packages stands first: of two entries of a record that hit one package it counts.
	v.Affected = append(r.packages, r.products.List()...)
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

func (r *reader) metadata() {
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "cveId":
			r.v.ID = normalize.VulnID(r.Text())
		case "state":
			r.rejected = strings.EqualFold(r.Text(), "rejected")
		case "datePublished":
			r.v.Published = r.Time()
		case "dateUpdated":
			r.v.Modified = r.Time()
		case "dateRejected":
			r.rejectedAt = r.Time()
		default:
			r.Skip()
		}
	}
}

func (r *reader) containers() {
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "cna":
			r.container(&r.severities, true)
		case "adp":
			for ok := r.List(); ok && r.Element(); {
				r.container(&r.adp, false)
			}
		default:
			r.Skip()
		}
	}
}

// container reads what one organisation says.
func (r *reader) container(severities *[]string, cna bool) {
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "title":
			if title := r.Text(); cna {
				r.title = title
			}
		case "descriptions":
			r.descriptions()
		case "affected":
			for ok := r.List(); ok && r.Element(); {
				r.affected()
			}
		case "cpeApplicability":
			r.products.Read(r.Reader, r.warn)
		case "metrics":
			for ok := r.List(); ok && r.Element(); {
				*severities = append(*severities, r.metric()...)
			}
		case "source":
			r.source()
		default:
			r.Skip()
		}
	}
}

func (r *reader) descriptions() {
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
		if r.text == "" && strings.HasPrefix(strings.ToLower(lang), "en") {
			r.text = value
		}
	}
}

// metric reads the CVSS ratings of an element of "metrics". What else stands there (SSVC, a
// vendor's own scale) is no CVSS.
func (r *reader) metric() []string {
	var list []string
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "cvssV4_0", "cvssV3_1", "cvssV3_0", "cvssV2_0":
			vector, score := "", ""
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
			if vector == "" {
				vector = score
			}
			if vector != "" {
				list = append(list, vector)
			}
		default:
			r.Skip()
		}
	}
	return list
}

// source reads where the CNA keeps its advisory: GitHub writes its id there. It may be about
// several CVEs, so it is related and no alias; GitHub's own record says which it is.
func (r *reader) source() {
	if !r.IsObject() {
		r.Skip()
		return
	}
	for ok := r.Object(); ok && r.Member(); {
		if string(r.Name()) != "advisory" || r.IsObject() || r.IsArray() {
			r.Skip()
			continue
		}
		if id := normalize.VulnID(r.Text()); strings.HasPrefix(id, "GHSA-") && len(id) <= normalize.MaxID {
			r.v.Related = append(r.v.Related, id)
		}
	}
}
