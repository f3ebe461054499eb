package openvex

import (
	"strconv"
	"strings"
	"time"

	"sluice/normalize"
)

// The words of the specification's "Status Justifications".
var justifications = map[string]bool{
	"component_not_present":                             true,
	"vulnerable_code_not_present":                       true,
	"vulnerable_code_not_in_execute_path":               true,
	"vulnerable_code_cannot_be_controlled_by_adversary": true,
	"inline_mitigations_already_exist":                  true,
}

// statement reads one statement and adds it to the document.
func (r *reader) statement(i int) error {
	s := normalize.Statement{Pointer: "/statements/" + strconv.Itoa(i)}
	var (
		issued, updated time.Time
		status          string
		products        []product
		subcomponents   []identity // of 0.0.x: the statement's, for every product
	)
	err := r.Object(func(name string) (err error) {
		switch name {
		case "vulnerability":
			s.VulnID, s.Aliases, err = r.vulnerability()
		case "products":
			products = nil
			err = r.Array(func(int) error {
				p, err := r.product()
				products = append(products, p)
				return err
			})
		case "subcomponents":
			subcomponents, err = r.identities()
		case "status":
			status, err = r.Text()
		case "justification":
			s.Justification, err = r.Text()
		case "impact_statement":
			s.Impact, err = r.Text()
		case "action_statement":
			s.Action, err = r.Text()
		case "timestamp":
			issued, err = r.Time()
		case "last_updated":
			updated, err = r.Time()
		default:
			err = r.Skip()
		}
		return err
	})
	if err != nil {
		return err
	}
	if s.VulnID == "" {
		r.doc.Warn("no-vulnerability", s.Pointer, "the statement names no vulnerability; it is not used")
		return nil
	}
	s.Time = later(issued, updated)
	s.Status = r.status(status, s.Pointer)
	if s.Justification = word(s.Justification); s.Justification != "" && !justifications[s.Justification] {
		r.doc.Warn("unknown-justification", s.Pointer+"/justification", "%q is no OpenVEX justification; it is kept as it is", clip(s.Justification))
	}
	if err := r.expand(&s, products, subcomponents); err != nil {
		return err
	}
	if len(s.Products) == 0 {
		r.doc.Warn("no-product", s.Pointer, "the statement names no product; it can only be about what the document is attached to")
	}
	r.doc.Statements = append(r.doc.Statements, s)
	return nil
}

// word brings "Not Affected" and "not-affected" to the form of the specification.
func word(s string) string {
	return strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(s))
}

func (r *reader) status(s, pointer string) string {
	switch w := word(s); w {
	case normalize.NotAffected, normalize.Affected, normalize.Fixed, normalize.UnderInvestigation:
		return w
	case "":
		r.doc.Warn("no-status", pointer, "the statement has no status; it counts as under_investigation")
	default:
		r.doc.Warn("unknown-status", pointer+"/status", "%q is no OpenVEX status; it counts as under_investigation", clip(s))
	}
	return normalize.UnderInvestigation
}

// vulnerability reads a name, or the object that 0.2.0 has in its place.
func (r *reader) vulnerability() (id string, aliases []string, err error) {
	if !r.IsObject() {
		id, err = r.Text()
		return id, nil, err
	}
	var iri string
	err = r.Object(func(name string) (err error) {
		switch name {
		case "name":
			id, err = r.Text()
		case "@id":
			iri, err = r.Text()
		case "aliases":
			aliases, err = r.Texts()
		default:
			err = r.Skip()
		}
		return err
	})
	if id == "" && iri != "" {
		// https://nvd.nist.gov/vuln/detail/CVE-2023-12345
		id = iri[strings.LastIndexAny(strings.TrimRight(iri, "/"), "/#:")+1:]
		id = strings.TrimRight(id, "/")
	}
	return id, aliases, err
}

func clip(s string) string {
	if len(s) > 60 {
		s = strings.ToValidUTF8(s[:60], "") + "..."
	}
	return s
}
