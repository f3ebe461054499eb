package spdx

import (
	"bytes"
	"strings"
	"time"

	"sluice/normalize"
	"sluice/normalize/lenient"
	"sluice/normalize/purl"
)

// vexGraph is what the security profile of SPDX 3 says, until everything is read.
type vexGraph struct {
	vulnerabilities map[string][]string // their names, by id
	assessments     []assessment
	count           int // products of all of them
}

// claims are the members of a VEX relationship.
type claims struct {
	justification, impact, action, notes []byte
	published, modified                  []byte
}

// assessment is a VEX relationship: from a vulnerability to what it is about.
type assessment struct {
	status                               string
	vulnerability                        string
	products                             []string
	assessed                             string
	creation                             string
	justification, impact, action, notes string
	published, modified                  string
	pointer                              string
}

// vexMember takes a member that only VEX relationships have.
func (g *graph) vexMember(e *item, name []byte) bool {
	switch string(name) {
	case "justificationType":
		e.vex.justification = g.word()
	case "impactStatement":
		e.vex.impact = g.bytes()
	case "actionStatement":
		e.vex.action = g.bytes()
	case "statusNotes":
		e.vex.notes = g.bytes()
	case "publishedTime":
		e.vex.published = g.bytes()
	case "modifiedTime":
		e.vex.modified = g.bytes()
	default:
		return false
	}
	return true
}

// vexStatus are the kinds of assessment that are VEX; the others are scores.
var vexStatus = map[string]string{
	"VexAffectedVulnAssessmentRelationship":           normalize.Affected,
	"VexNotAffectedVulnAssessmentRelationship":        normalize.NotAffected,
	"VexFixedVulnAssessmentRelationship":              normalize.Fixed,
	"VexUnderInvestigationVulnAssessmentRelationship": normalize.UnderInvestigation,
}

// assessment keeps a VEX relationship.
func (g *graph) assessment(e *item, typ []byte) string {
	status, ok := vexStatus[string(typ)]
	if !ok {
		return string(e.id)
	}
	if g.vex.count += len(e.to); g.vex.count > g.max {
		g.r.Fail(normalize.Park(normalize.ReasonTooMany, g.r.Pointer(), "more than %d products in all statements: split the document or raise the limit", g.max))
		return ""
	}
	g.vex.assessments = append(g.vex.assessments, assessment{
		status: status, vulnerability: e.from, products: e.to, assessed: e.assessed, creation: e.creation,
		justification: string(e.vex.justification), impact: trimmed(e.vex.impact), action: trimmed(e.vex.action), notes: trimmed(e.vex.notes),
		published: trimmed(e.vex.published), modified: trimmed(e.vex.modified), pointer: g.r.Pointer(),
	})
	return string(e.id)
}

func trimmed(b []byte) string { return string(bytes.TrimSpace(b)) }

// vulnerability keeps the names of a vulnerability: its identifiers, else its name, else
// its id where that is one.
func (g *graph) vulnerability(e *item) {
	var names []string
	for _, i := range e.identifiers {
		switch strings.ToLower(string(local(i.kind))) {
		case "cve", "securityother", "other", "":
			// Others, such as a URL of an advisory, name a page.
			if v := trimmed(i.value); v != "" && !strings.Contains(v, "://") {
				names = append(names, v)
			}
		}
	}
	if name := text(string(e.name)); name != "" && !strings.ContainsAny(name, " \t\n") {
		names = append([]string{name}, names...)
	}
	if g.vex.vulnerabilities == nil {
		g.vex.vulnerabilities = make(map[string][]string)
	}
	g.vex.vulnerabilities[string(e.id)] = names
}

// justifications are those of SPDX 3 as OpenVEX and CSAF write them.
var justifications = map[string]string{
	"componentNotPresent":                         "component_not_present",
	"vulnerableCodeNotPresent":                    "vulnerable_code_not_present",
	"vulnerableCodeNotInExecutePath":              "vulnerable_code_not_in_execute_path",
	"vulnerableCodeCannotBeControlledByAdversary": "vulnerable_code_cannot_be_controlled_by_adversary",
	"inlineMitigationsAlreadyExist":               "inline_mitigations_already_exist",
}

// statements turns the VEX relationships into statements, when all elements are known.
func (g *graph) statements() {
	if len(g.vex.assessments) == 0 {
		return
	}
	byRef := make(map[string]int, len(g.out.Components)) // index into Components; main is -1
	for i := range g.out.Components {
		if _, again := byRef[g.out.Components[i].Ref]; !again {
			byRef[g.out.Components[i].Ref] = i
		}
	}
	for _, m := range g.out.Main {
		byRef[m.Ref] = -1
	}
	for i := range g.vex.assessments {
		a := &g.vex.assessments[i]
		names := g.vex.vulnerabilities[a.vulnerability]
		if len(names) == 0 {
			if names = []string{lastPart(a.vulnerability)}; names[0] == "" {
				g.out.Warn("missing-id", a.pointer+"/from", "a statement about a vulnerability without an id; left out")
				continue
			}
		}
		s := normalize.Statement{
			VulnID: names[0], Aliases: names[1:], Status: a.status, Impact: a.impact, Action: a.action,
			Time: g.stated(a), Pointer: a.pointer,
		}
		if s.Impact == "" {
			s.Impact = a.notes
		}
		if c, ok := g.created[a.creation]; ok && g.agents[c.by] != g.out.Issuer {
			s.Issuer = g.agents[c.by]
		}
		if a.justification != "" {
			s.Justification = justifications[a.justification]
			if s.Justification == "" {
				g.out.Warn("unknown-justification", a.pointer+"/security_justificationType", "%.60q is none of the five justifications", a.justification)
				s.Justification = a.justification
			}
		}
		for _, ref := range a.products {
			s.Products = append(s.Products, g.product(ref, a.assessed, byRef, a.pointer))
		}
		if len(s.Products) == 0 {
			g.out.Warn("no-product", a.pointer+"/to", "a statement that names no product; it is about nothing")
			s.Products = []normalize.Product{{Unreadable: "the statement names no product"}}
		}
		g.out.AddStatement(s)
	}
	g.out.SettleAliases()
}

// lastPart is the name that an IRI ends with: https://nvd.nist.gov/vuln/detail/CVE-2024-1.
func lastPart(iri string) string {
	return iri[strings.LastIndexAny(iri, "/#:")+1:]
}

// stated is when a statement was last changed.
func (g *graph) stated(a *assessment) time.Time {
	for _, s := range [...]string{a.modified, a.published, g.created[a.creation].created} {
		t, err := lenient.Time(s)
		if err != nil {
			g.out.Warn("invalid-time", a.pointer, "%.60q is no time that a statement can have", s)
		}
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// product says what a statement about an element is about: what the document describes, a
// package inside of it, or, where the document describes nothing, a package wherever it is.
func (g *graph) product(ref, assessed string, byRef map[string]int, pointer string) normalize.Product {
	named := ref
	if assessed != "" {
		named = assessed // the part of the product in which the vulnerability is
	}
	index, here := byRef[named]
	if !here {
		g.out.Warn("dangling-ref", pointer+"/to", "no package of this document has the spdxId %.200q; the statement is about nothing", named)
		return normalize.Product{ID: named}.AboutNothing("no package of the document has this spdxId")
	}
	hasMain := len(g.out.Main) > 0
	whole := normalize.Product{ID: ref, Name: g.out.Subject.Name, Version: g.out.Subject.Version, InDocument: true}
	if hasMain && purl.Unreadable(g.out.Main[0].Purl) == "" {
		whole.Purl = g.out.Main[0].Purl
	}
	if index < 0 {
		return whole
	}
	c := &g.out.Components[index]
	if c.Purl == "" || purl.Unreadable(c.Purl) != "" {
		g.out.Warn("unreadable-product", pointer+"/to", "%.200q is a package without a purl that can be read; the statement is about nothing", named)
		return normalize.Product{ID: named}.AboutNothing("a package without a purl that can be read")
	}
	whole.ID, whole.Subcomponent, whole.SubcomponentID = named, c.Purl, named
	return whole
}
