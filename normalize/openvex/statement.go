package openvex

import (
	"strconv"
	"strings"
	"time"

	"sluice/normalize"
)

// statement reads one statement and adds it to the document.
func (r *reader) statement(i int) {
	s := normalize.Statement{Pointer: "/statements/" + strconv.Itoa(i)}
	var (
		issued, updated time.Time
		status          string
		products        []product
		subcomponents   []identity // of 0.0.x: the statement's, for every product
	)
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "vulnerability":
			s.VulnID, s.Aliases = r.vulnerability()
		case "products":
			products = nil
			for ok := r.List(); ok && r.Element(); {
				products = append(products, r.product())
			}
		case "subcomponents":
			subcomponents = r.identities()
		case "status":
			status = r.Text()
		case "justification":
			s.Justification = r.Text()
		case "impact_statement":
			s.Impact = r.Text()
		case "action_statement":
			s.Action = r.Text()
		case "timestamp":
			issued = r.Time()
		case "last_updated":
			updated = r.Time()
		default:
			r.Skip()
		}
	}
	if r.Failed() {
		return
	}
	if s.VulnID == "" {
		r.doc.Warn("no-vulnerability", s.Pointer, "the statement names no vulnerability; it is not used")
		return
	}
	s.Time = later(issued, updated)
	s.Status = r.status(status, s.Pointer)
	if s.Justification = word(s.Justification); s.Justification != "" && !normalize.IsJustification(s.Justification) {
		r.doc.Warn("unknown-justification", s.Pointer+"/justification", "%.60q is no OpenVEX justification; it is kept as it is", s.Justification)
	}
	r.expand(&s, products, subcomponents)
	if len(products) == 0 {
		r.doc.Warn("no-product", s.Pointer, "the statement names no product; it is about nothing")
		s.Products = []normalize.Product{{Unreadable: "the statement names no product"}}
	}
	before := len(r.doc.Statements)
	r.doc.AddStatement(s)
	r.count((len(r.doc.Statements)-before-1)*len(s.Products), s.Pointer) // one statement for each CVE
}

var underscores = strings.NewReplacer(" ", "_", "-", "_")

// word brings "Not Affected" and "not-affected" to the form of the specification.
func word(s string) string { return underscores.Replace(strings.ToLower(s)) }

func (r *reader) status(s, pointer string) string {
	switch w := word(s); w {
	case normalize.NotAffected, normalize.Affected, normalize.Fixed, normalize.UnderInvestigation:
		return w
	case "":
		r.doc.Warn("no-status", pointer, "the statement has no status; it counts as under_investigation")
	default:
		r.doc.Warn("unknown-status", pointer+"/status", "%.60q is no OpenVEX status; it counts as under_investigation", s)
	}
	return normalize.UnderInvestigation
}

// vulnerability reads a name, or the object that 0.2.0 has in its place.
func (r *reader) vulnerability() (id string, aliases []string) {
	if !r.IsObject() {
		return r.Text(), nil
	}
	var iri string
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "name":
			id = r.Text()
		case "@id":
			iri = r.Text()
		case "aliases":
			aliases = r.Texts()
		default:
			r.Skip()
		}
	}
	if id == "" && iri != "" {
		// https://nvd.nist.gov/vuln/detail/CVE-2023-12345
		id = iri[strings.LastIndexAny(strings.TrimRight(iri, "/"), "/#:")+1:]
		id = strings.TrimRight(id, "/")
	}
	return id, aliases
}
