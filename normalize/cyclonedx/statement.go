package cyclonedx

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/normalize"
	"sluice/normalize/lenient"
)

// states translates analysis.state into the four words of VEX.
var states = map[string]string{
	"exploitable":            normalize.Affected,
	"in_triage":              normalize.UnderInvestigation,
	"resolved":               normalize.Fixed,
	"resolved_with_pedigree": normalize.Fixed,
	"false_positive":         normalize.NotAffected,
	"not_affected":           normalize.NotAffected,
}

// vulnerability is an entry of /vulnerabilities, as far as VEX goes.
type vulnerability struct {
	id         string
	references []string
	analysis   analysis
	action     []string // recommendation, workaround
	affects    []affect
	unlisted   bool // affects is there and no list
}

type analysis struct {
	given                        bool
	state, justification, detail string
	responses                    []string
	firstIssued, lastUpdated     string
}

type affect struct {
	ref      string
	pointer  string
	versions []affectedVersion
	unlisted bool // versions is there and no list
}

type affectedVersion struct{ version, versionRange, status string }

// readVulnerabilities turns the vulnerabilities that say something about the
// product into statements. One without an analysis is a scanner's finding: that
// the component is there, not what it means.
func (b *bom) readVulnerabilities() {
	if b.vulnerabilities.raw == nil {
		return
	}
	r := lenient.New(b.vulnerabilities.raw, b.vulnerabilities.pointer, b.doc.Warn)
	for i, ok := 0, r.Array(); ok && r.Element(); i++ {
		pointer := at(b.vulnerabilities.pointer, i)
		b.state(readVulnerability(r, pointer), pointer)
		if b.products > b.limits.MaxComponents {
			b.r.Fail(normalize.Park(normalize.ReasonTooMany, pointer,
				"more than %d products in all statements: split the document or raise the limit", b.limits.MaxComponents))
			return
		}
	}
	b.doc.SettleAliases()
}

func readVulnerability(r *lenient.Reader, pointer string) (v vulnerability) {
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "id":
			v.id = r.Text()
		case "references":
			for ok := r.Array(); ok && r.Element(); {
				for ok := r.Object(); ok && r.Member(); {
					if string(r.Name()) != "id" {
						r.Skip()
					} else if id := r.Text(); id != "" {
						v.references = append(v.references, id)
					}
				}
			}
		case "analysis":
			v.analysis = readAnalysis(r)
		case "recommendation", "workaround":
			if s := r.Text(); s != "" {
				v.action = append(v.action, s)
			}
		case "affects":
			v.unlisted = !r.IsArray() && !r.IsNull()
			for i, ok := 0, r.Array(); ok && r.Element(); i++ {
				v.affects = append(v.affects, readAffect(r, at(pointer+"/affects", i)))
			}
		default:
			r.Skip()
		}
	}
	return v
}

func readAnalysis(r *lenient.Reader) (a analysis) {
	for ok := r.Object(); ok && r.Member(); {
		a.given = true
		switch string(r.Name()) {
		case "state":
			a.state = strings.ToLower(r.Text())
		case "justification":
			a.justification = r.Text()
		case "detail":
			a.detail = r.Text()
		case "response":
			a.responses = r.Texts()
		case "firstIssued":
			a.firstIssued = r.Text()
		case "lastUpdated":
			a.lastUpdated = r.Text()
		default:
			r.Skip()
		}
	}
	return a
}

func readAffect(r *lenient.Reader, pointer string) affect {
	a := affect{pointer: pointer}
	for ok := r.Object(); ok && r.Member(); {
		switch string(r.Name()) {
		case "ref":
			a.ref = r.Text()
		case "versions":
			a.unlisted = !r.IsArray() && !r.IsNull()
			for ok := r.Array(); ok && r.Element(); {
				var v affectedVersion
				for ok := r.Object(); ok && r.Member(); {
					switch string(r.Name()) {
					case "version":
						v.version = r.Text()
					case "range":
						v.versionRange = r.Text()
					case "status":
						v.status = strings.ToLower(r.Text())
					default:
						r.Skip()
					}
				}
				a.versions = append(a.versions, v)
			}
		default:
			r.Skip()
		}
	}
	return a
}

// state adds the statements of one vulnerability: one per status, since a list
// of versions may say that some are affected and others are not.
func (b *bom) state(v vulnerability, pointer string) {
	status := b.status(v.analysis, pointer)
	claims := b.claims(v, status, pointer)
	if len(claims) == 0 {
		return
	}
	id, aliases := v.names()
	if id == "" {
		b.doc.Warn("missing-id", pointer+"/id", "a statement about a vulnerability without an id; left out")
		return
	}
	issued := b.issued(v.analysis, pointer)
	for _, c := range claims {
		s := normalize.Statement{
			VulnID:   id,
			Aliases:  aliases,
			Status:   c.status,
			Impact:   v.analysis.detail,
			Action:   v.actions(),
			Time:     issued,
			Products: c.products,
			Pointer:  pointer,
		}
		if c.status == status {
			s.Justification = strings.ReplaceAll(strings.ToLower(v.analysis.justification), "-", "_")
		}
		before := len(b.doc.Statements)
		b.doc.AddStatement(s)
		b.products += (len(b.doc.Statements) - before) * len(c.products)
	}
}

// status is what the analysis says, "" where it says nothing.
func (b *bom) status(a analysis, pointer string) string {
	if a.state == "" {
		if a.given {
			b.doc.Warn("missing-state", pointer+"/analysis/state", "an analysis without a state says nothing about the product")
		}
		return ""
	}
	status, ok := states[strings.ReplaceAll(a.state, "-", "_")]
	if !ok {
		b.doc.Warn("unknown-state", pointer+"/analysis/state", "%.60q is no state of an analysis; taken as in_triage", a.state)
		return normalize.UnderInvestigation
	}
	return status
}

// claim is the products that share a status.
type claim struct {
	status   string
	products []normalize.Product
}

// claims gives each product, at each version where there are some, its status, in the
// order of the document: of two words about the same the later counts.
func (b *bom) claims(v vulnerability, status, pointer string) (claims []claim) {
	said := make(map[normalize.Product]string) // the same version is often listed twice
	add := func(status string, p normalize.Product) {
		if said[p] == status {
			return
		}
		said[p] = status
		if n := len(claims); n == 0 || claims[n-1].status != status {
			claims = append(claims, claim{status: status})
		}
		last := &claims[len(claims)-1]
		last.products = append(last.products, p)
	}
	for _, a := range v.affects {
		b.claimAffect(a, status, add)
	}
	switch {
	case len(v.affects) > 0 || status == "":
	case v.unlisted:
		add(status, unreadable("affects is no list"))
	case b.hasMain:
		add(status, b.mainProduct())
	default:
		b.doc.Warn("missing-product", pointer+"/affects", "a statement that names no product, in a document that describes none; it is about nothing")
		add(status, unreadable("the statement names no product"))
	}
	return claims
}

func unreadable(why string) normalize.Product { return normalize.Product{Unreadable: why} }

func (b *bom) claimAffect(a affect, status string, add func(string, normalize.Product)) {
	if a.ref == "" {
		b.doc.Warn("missing-ref", a.pointer+"/ref", "something affected without a ref to say what; a statement about it is about nothing")
		if status != "" {
			add(status, unreadable("something affected without a ref"))
		}
		return
	}
	if a.unlisted {
		if status != "" {
			add(status, b.product(a.ref, a.pointer+"/ref").AboutNothing("versions is no list"))
		}
		return
	}
	if status != "" && (len(a.versions) == 0 || contradicted(status, a.versions)) {
		add(status, b.product(a.ref, a.pointer+"/ref"))
		return
	}
	var base *normalize.Product // looked up once, and only if something is said about it
	for i, v := range a.versions {
		pointer := at(a.pointer+"/versions", i)
		said := b.versionStatus(status, v.status, pointer)
		if said == "" {
			continue
		}
		if base == nil {
			p := b.product(a.ref, a.pointer+"/ref")
			base = &p
		}
		switch {
		case v.versionRange != "":
			p, err := inRange(*base, v.versionRange)
			if err != nil {
				b.doc.Warn("invalid-range", pointer+"/range", "%.200q is no range of versions that can be read (vers:npm/<2.0.0); the statement about it is about nothing", v.versionRange)
				p = base.AboutNothing(fmt.Sprintf("the range of versions %.60q cannot be read", v.versionRange))
			}
			add(said, p)
		case v.version != "":
			add(said, atVersion(*base, v.version, b.doc.Subject.Version))
		default:
			b.doc.Warn("missing-version-range", pointer, "neither a version nor a range; the statement about it is about nothing")
			add(said, base.AboutNothing("an entry of versions has neither version nor range"))
		}
	}
}

// contradicted reports whether an analysis that clears the product comes with
// nothing but affected versions. Those are a scanner's list of the versions that
// have the vulnerability; the analysis is about the component that ref names.
func contradicted(status string, versions []affectedVersion) bool {
	if status != normalize.NotAffected && status != normalize.Fixed {
		return false
	}
	return !slices.ContainsFunc(versions, func(v affectedVersion) bool { return v.status != "affected" })
}

// versionStatus is the status of one version, "" where nothing is said. A version
// without a status of its own has that of the analysis, although the schema's
// default is "affected": the official examples list fixed versions that way.
func (b *bom) versionStatus(analysed, version, pointer string) string {
	switch version {
	case "unaffected":
		if analysed == normalize.Fixed {
			return analysed
		}
		return normalize.NotAffected
	case "affected":
		if analysed == normalize.UnderInvestigation {
			return analysed
		}
		return normalize.Affected
	case "", "unknown":
	default:
		b.doc.Warn("unknown-status", pointer+"/status", "%.60q is none of affected, unaffected, unknown", version)
	}
	return analysed
}

// names are the vulnerability's id and the other ids it is known by.
func (v vulnerability) names() (id string, aliases []string) {
	if v.id == "" && len(v.references) > 0 {
		return v.references[0], v.references[1:]
	}
	return v.id, v.references
}

func (v vulnerability) actions() string {
	parts := v.action
	if len(v.analysis.responses) > 0 {
		parts = slices.Insert(slices.Clone(parts), 0, strings.Join(v.analysis.responses, ", "))
	}
	return strings.Join(parts, "\n")
}

// issued is when the analysis was last changed, zero where it does not say: the
// times of the vulnerability itself are not the statement's.
func (b *bom) issued(a analysis, pointer string) time.Time {
	if a.lastUpdated != "" {
		if t := b.time(a.lastUpdated, pointer+"/analysis/lastUpdated"); !t.IsZero() {
			return t
		}
	}
	return b.time(a.firstIssued, pointer+"/analysis/firstIssued")
}
