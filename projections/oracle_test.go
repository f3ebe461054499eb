package projections

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/normalize"
	"sluice/normalize/detect"
	"sluice/normalize/purl"
	"sluice/normalize/version"
)

// state is everything that is derived, as text: table and key -> what it says.
type state map[string]string

func (s state) put(table string, tenant id.ID, key string, format string, args ...any) {
	s[table+" "+tenant.String()[:4]+" "+key] = fmt.Sprintf(format, args...)
}

// oracle computes the state from scratch, by loops over all documents: no SQL, no
// increments, and no code of this package. It is as slow as it looks.
type oracle struct {
	t         testing.TB
	sboms     []*knownSBOM
	facts     []*knownFact // current ones
	said      []*knownStatement
	vex       []*knownVEX
	edges     map[id.ID][][2]string // by tenant
	decisions []decided
}

type knownSBOM struct {
	tenant     id.ID
	artifact   purl.Package
	stream     string
	at         time.Time
	hash       [32]byte
	meaning    [32]byte
	serial     string
	rank       string
	doc        *normalize.Document
	raw        []byte
	components int
}

// says is what two SBOMs share that say the same.
func (b *knownSBOM) says() string {
	return fmt.Sprintf("%s %s %s %x", b.tenant, b.artifact.Purl, b.stream, b.meaning)
}

// knownVEX is a VEX document: one version of its series.
type knownVEX struct {
	tenant id.ID
	series string
	rank   string
	at     time.Time
	hash   [32]byte
}

type knownFact struct {
	tenant    id.ID
	id        id.ID
	modified  time.Time
	withdrawn bool
	hash      [32]byte
	v         normalize.Vulnerability
}

type knownStatement struct {
	tenant     id.ID
	id         id.ID
	hash       [32]byte
	vuln       string
	status     string
	at         time.Time
	timed      bool       // by itself
	entry      string     // of its document
	sbom       *knownSBOM // that it stands in, or one that says the same
	vex        *knownVEX
	nothing    bool // it is about nothing
	ended      bool
	product    *purl.Package
	sub        *purl.Package
	subText    string
	inArtifact string // purl of the artifact whose document it stands in
	serial     string
	ref        string
	versions   string
	// productVersions are those of the product where versions are those of something in it.
	productVersions string

	applied, lost bool
}

func tieBreak(at, bt time.Time, a, b [32]byte) int {
	return cmp.Or(at.Compare(bt), bytes.Compare(a[:], b[:]))
}

func newOracle(t testing.TB, u *universe) *oracle {
	o := &oracle{t: t, edges: map[id.ID][][2]string{}, decisions: u.decisions}
	type key struct {
		tenant id.ID
		hash   [32]byte
	}
	done := map[key]bool{}
	versions := map[string]*knownFact{}
	for _, e := range u.envelopes {
		hash := sha256.Sum256(e.Bytes)
		if k := (key{e.Tenant, hash}); done[k] {
			continue
		} else {
			done[k] = true
		}
		o.read(e, hash, versions)
	}
	for _, f := range versions {
		if f.withdrawn {
			continue
		}
		o.facts = append(o.facts, f)
		for _, a := range f.v.Aliases {
			o.edges[f.tenant] = append(o.edges[f.tenant], [2]string{f.v.ID, a})
		}
	}
	return o
}

func (o *oracle) read(e ingest.Envelope, hash [32]byte, versions map[string]*knownFact) {
	head, err := detect.Scan(e.Bytes, normalize.DefaultLimits)
	if err != nil {
		o.t.Fatal(err)
	}
	format, err := detect.Detect(head, testFormats)
	if err != nil {
		o.t.Fatal(err)
	}
	doc, err := format.Normalize(normalize.Input{Bytes: e.Bytes, Head: head, Limits: normalize.DefaultLimits})
	if err != nil {
		o.t.Fatal(err)
	}
	artifact := e.Artifact
	if artifact == "" {
		artifact = doc.Subject.Purl
		if p, err := purl.Parse(artifact); err == nil && p.Version == "" && doc.Subject.Version != "" {
			artifact = p.WithVersion(doc.Subject.Version).Purl
		}
	}
	if artifact == "" && doc.Subject.Name != "" {
		artifact = "pkg:generic/" + url.PathEscape(doc.Subject.Name) + "@" + doc.Subject.Version
	}
	var about purl.Package
	if artifact != "" {
		if about, err = purl.Parse(artifact); err != nil {
			o.t.Fatal(err)
		}
	}
	switch doc.Kind {
	case normalize.SBOM:
		meaning, err := detect.MeaningHash(e.Bytes, normalize.MeaningOf(format))
		if err != nil {
			o.t.Fatal(err)
		}
		o.sboms = append(o.sboms, &knownSBOM{
			tenant: e.Tenant, artifact: about, stream: e.Stream, at: doc.Time, hash: hash, meaning: meaning, doc: doc, raw: e.Bytes,
			serial: strings.TrimPrefix(strings.ToLower(doc.ID), "urn:uuid:"), rank: doc.VersionRank, components: len(doc.Components),
		})
	case normalize.VEX:
		v := &knownVEX{tenant: e.Tenant, rank: doc.VersionRank, at: doc.Time, hash: hash}
		if doc.Series != "" {
			v.series = strings.TrimSuffix(strings.TrimSuffix(doc.Format, "-xml"), "-json") + " " + doc.Series
		}
		if doc.Status != "draft" {
			v.rank = "published " + v.rank
		}
		o.vex = append(o.vex, v)
	case normalize.Vuln:
		for _, v := range doc.Vulnerabilities {
			f := &knownFact{tenant: e.Tenant, id: id.Derive(e.Tenant, "fact", string(hash[:]), v.Pointer), modified: v.Modified, withdrawn: !v.Withdrawn.IsZero(), hash: hash, v: v}
			k := e.Tenant.String() + v.Source + " " + v.ID
			if old := versions[k]; old == nil || tieBreak(f.modified, old.modified, f.hash, old.hash) > 0 {
				versions[k] = f
			}
		}
	}
	o.readStatements(e, hash, doc, about)
}

func (o *oracle) readStatements(e ingest.Envelope, hash [32]byte, doc *normalize.Document, about purl.Package) {
	done, again := map[string]bool{}, map[string]int{}
	n := 0
	for _, s := range doc.Statements {
		for _, a := range s.Aliases {
			if a != s.VulnID {
				o.edges[e.Tenant] = append(o.edges[e.Tenant], [2]string{s.VulnID, a})
			}
		}
		products := s.Products
		if len(products) == 0 {
			products = []normalize.Product{{}}
		}
		for _, p := range products {
			k := fmt.Sprintf("%q", []any{s.Pointer, s.Time, s.Justification, s.VulnID, s.Status, p})
			if done[k] {
				continue
			}
			done[k] = true
			known := &knownStatement{
				tenant: e.Tenant, hash: hash, vuln: s.VulnID, status: s.Status, at: s.Time, timed: !s.Time.IsZero(), entry: s.Pointer,
				serial: p.BOMSerial, ref: p.BOMRef, versions: p.VersionRange, productVersions: p.ProductRange, nothing: p.Unreadable != "",
			}
			if doc.Kind == normalize.SBOM {
				known.sbom = o.sboms[len(o.sboms)-1]
				of := strings.Join([]string{s.VulnID, p.ID, p.Purl, p.Subcomponent}, "\x00")
				known.id = id.Derive(e.Tenant, "statement", about.Purl, e.Stream, string(known.sbom.meaning[:]), of, fmt.Sprint(again[of]))
				again[of]++
				if !p.InDocument && p.BOMSerial == "" {
					// It names a package: the one that this SBOM lists.
					if named := parsePurl(p.Purl); named != nil && (isThat(named, doc.Subject.Purl) || isThat(named, about.Purl)) {
						p.InDocument = true
					} else {
						p = normalize.Product{Subcomponent: p.Purl, SubcomponentID: p.ID, VersionRange: p.VersionRange, InDocument: true}
					}
				}
			} else {
				known.vex = o.vex[len(o.vex)-1]
				known.id = id.Derive(e.Tenant, "statement", string(hash[:]), fmt.Sprint(n))
			}
			n++
			known.product, known.sub, known.subText = parsePurl(p.Purl), parsePurl(p.Subcomponent), p.Subcomponent+p.SubcomponentID
			known.nothing = known.nothing || p.Purl != "" && known.product == nil || p.Subcomponent != "" && known.sub == nil
			if p.InDocument {
				known.inArtifact = about.Purl
			}
			if !slices.ContainsFunc(o.said, func(o *knownStatement) bool { return o.id == known.id }) { // a twin says nothing new
				o.said = append(o.said, known)
			}
		}
	}
}

func isThat(named *purl.Package, text string) bool {
	p := parsePurl(text)
	return p != nil && sameName(named, p) && (named.Version == "" || named.Version == p.Version)
}

// current finds which SBOM of a stream is current: of each serial number the highest version,
// of those the newest.
func (o *oracle) current(tenant id.ID) map[string]*knownSBOM {
	out := map[string]*knownSBOM{}
	for _, s := range o.sboms {
		if s.tenant != tenant {
			continue
		}
		beaten := false
		for _, n := range o.sboms {
			if n.tenant == tenant && n.artifact.Purl == s.artifact.Purl && n.stream == s.stream && n.serial != "" && n.serial == s.serial {
				beaten = beaten || cmp.Or(strings.Compare(n.rank, s.rank), tieBreak(n.at, s.at, n.hash, s.hash)) > 0
			}
		}
		k := s.artifact.Purl + " " + s.stream
		if !beaten && (out[k] == nil || tieBreak(s.at, out[k].at, s.hash, out[k].hash) > 0) {
			out[k] = s
		}
	}
	return out
}

// settle decides which statements of a tenant are in force, and when they were made.
func (o *oracle) settle(tenant id.ID, current map[string]*knownSBOM) {
	for _, s := range o.said {
		if s.tenant != tenant {
			continue
		}
		if s.sbom != nil {
			now := current[s.sbom.artifact.Purl+" "+s.sbom.stream]
			s.ended = now.says() != s.sbom.says()
			if !s.timed {
				s.at = now.at
			}
			continue
		}
		if !s.timed {
			s.at = s.vex.at
		}
		for _, n := range o.vex {
			if n.tenant == tenant && n.series != "" && n.series == s.vex.series {
				s.ended = s.ended || cmp.Or(strings.Compare(n.rank, s.vex.rank), tieBreak(n.at, s.vex.at, n.hash, s.vex.hash)) > 0
			}
		}
	}
}

// cover is a fact that covers a package, by one of its names.
type cover struct {
	vuln     string
	fact     *knownFact
	by, text string
	fixed    []string
	score    int16
	severity string
}

func (o *oracle) covers(tenant id.ID, p purl.Package) (out []cover) {
	if p.Reason != "" {
		return nil
	}
	for _, f := range o.facts {
		if f.tenant != tenant && f.tenant != id.Shared {
			continue
		}
		for _, a := range f.v.Affected {
			if !slices.Contains(p.Keys(), a.Key) {
				continue
			}
			m, ok, _ := version.Affected(&a, "", p.MatchVersion)
			if !ok {
				continue
			}
			c := cover{fact: f, by: m.By, text: m.Range, fixed: m.FixedVersions, score: f.v.Score, severity: f.v.Severity}
			if a.Score >= 0 {
				c.score = a.Score
			}
			if a.Score >= 0 || a.Severity != "" {
				c.severity = a.Severity
			}
			for _, c.vuln = range f.v.Names {
				out = append(out, c)
			}
			break
		}
	}
	slices.SortFunc(out, func(a, b cover) int {
		return cmp.Or(strings.Compare(a.vuln, b.vuln), strings.Compare(a.fact.v.ID, b.fact.v.ID), a.fact.id.Compare(b.fact.id))
	})
	return out
}

// state computes everything.
func (o *oracle) state(tenants []id.ID) state {
	out := state{}
	for _, tenant := range tenants {
		o.tenant(tenant, out)
	}
	return out
}

func (o *oracle) tenant(tenant id.ID, out state) {
	current := o.current(tenant)
	o.settle(tenant, current)
	type place struct{ artifact, pkg string }
	listed := map[place][]string{} // streams
	packages := map[string]purl.Package{}
	artifacts := map[string]purl.Package{}
	for _, s := range current {
		at := "null"
		if !s.at.IsZero() {
			at = s.at.UTC().Format(time.RFC3339)
		}
		artifacts[s.artifact.Purl] = s.artifact
		where := s.artifact.Purl + " " + s.stream
		out.put("stream", tenant, where, "at %s, %d components, meaning %x", at, s.components, s.meaning)
		for _, c := range s.listed() {
			p, err := purl.Parse(c.Purl)
			if c.Purl == "" || err != nil {
				reason := purl.ReasonNoPurl
				if c.Purl != "" {
					reason = purl.ReasonInvalidPurl
				}
				component := id.Derive(tenant, "component", c.Type, c.Group, c.Name, c.Version, c.Purl, c.CPE)
				out.put("component", tenant, where+" "+component.String(), "")
				out.put("unknown", tenant, where+" "+reason+" "+c.Name+" "+c.Version+" "+c.Purl, "")
				continue
			}
			packages[p.Purl] = p
			out.put("component", tenant, where+" "+id.Derive(tenant, "package", p.Purl).String(), "")
			if p.Reason != "" {
				out.put("unknown", tenant, where+" "+p.Reason+" "+p.Name+" "+p.Version+" "+p.Purl, "")
			}
			if k := (place{s.artifact.Purl, p.Purl}); !slices.Contains(listed[k], s.stream) {
				listed[k] = append(listed[k], s.stream)
			}
		}
	}
	for _, s := range o.said {
		s.applied, s.lost = s.applied && s.tenant != tenant, s.lost && s.tenant != tenant
	}
	for k, streams := range listed {
		slices.Sort(streams)
		p := packages[k.pkg]
		groups := map[string][]cover{}
		for _, c := range o.covers(tenant, p) {
			out.put("match", tenant, fmt.Sprintf("%s %s %s %s", p.Purl, c.vuln, c.fact.v.ID, c.fact.id), "%s %s", c.by, c.text)
			names, _ := o.names(tenant, c.vuln)
			for _, name := range names {
				groups[name] = append(groups[name], c)
			}
		}
		for name, cs := range groups {
			o.finding(out, tenant, artifacts[k.artifact], p, name, cs, streams)
		}
	}
	for _, s := range o.said {
		if s.tenant != tenant {
			continue
		}
		known := false
		for _, a := range artifacts {
			known = known || s.product != nil && sameName(s.product, &a) || s.inArtifact == a.Purl
		}
		for _, p := range packages {
			known = known || s.product != nil && sameName(s.product, &p)
		}
		for _, b := range o.sboms {
			known = known || b.tenant == tenant && s.serial != "" && b.serial == s.serial
		}
		outcome := "no_such_product"
		switch {
		case s.ended:
			outcome = "ended"
		case s.nothing:
			outcome = "unreadable_product"
		case s.applied:
			outcome = "applied"
		case s.lost:
			outcome = "superseded"
		case known:
			outcome = "no_such_vulnerability"
		}
		out.put("statement", tenant, s.id.String(), "%s", outcome)
	}
}

// listed are the components and the main one, unless that is among them or of a type that no
// records are kept for.
func (s *knownSBOM) listed() []normalize.Component {
	list := slices.Clone(s.doc.Components)
	for _, c := range s.doc.Main {
		p, err := purl.Parse(c.Purl)
		if err != nil || p.Reason == purl.ReasonUnknownEcosystem {
			continue
		}
		if p.Version == "" && c.Version != "" {
			p = p.WithVersion(c.Version)
		}
		c.Purl = p.Purl
		if !slices.ContainsFunc(s.doc.Components, func(o normalize.Component) bool {
			other, err := purl.Parse(o.Purl)
			_, exact := p.Covers(other)
			return err == nil && exact
		}) {
			list = append(list, c)
		}
	}
	return list
}

func (o *oracle) finding(out state, tenant id.ID, artifact, pkg purl.Package, name string, cs []cover, streams []string) {
	members := o.members(tenant, name)
	score, severity := int16(-1), ""
	ranks := []string{"", "none", "low", "medium", "high", "critical"}
	advisories, fixed, evidence := []string{}, []string{}, []string{}
	for _, c := range cs {
		switch {
		case c.score > score:
			score, severity = c.score, c.severity
		case score < 0 && c.score < 0 && slices.Index(ranks, c.severity) > slices.Index(ranks, severity):
			severity = c.severity
		}
		advisories, fixed = append(advisories, c.fact.v.ID), append(fixed, c.fixed...)
		evidence = append(evidence, fmt.Sprintf("%s %s %s %s", c.fact.v.ID, c.fact.v.Source, c.by, c.text))
	}
	if score < 0 {
		for _, m := range members {
			var best *knownFact
			for _, f := range o.facts {
				if f.v.ID == m && (f.tenant == tenant || f.tenant == id.Shared) && f.v.Score >= 0 &&
					(best == nil || f.v.Score > best.v.Score || f.v.Score == best.v.Score && f.v.Severity < best.v.Severity) {
					best = f
				}
			}
			if best != nil && best.v.Score > score {
				score, severity = best.v.Score, best.v.Severity
			}
		}
	}
	type candidate struct {
		s     *knownStatement
		scope int
	}
	var all []candidate
	for _, s := range o.said {
		if s.tenant != tenant || s.ended || s.nothing || !o.about(tenant, s.vuln, name) {
			continue
		}
		if scope := o.scope(s, artifact, pkg); scope > 0 {
			all = append(all, candidate{s, scope})
		}
	}
	// What is beaten by something in one of these ways goes, way after way.
	left := slices.Clone(all)
	for _, beats := range []func(a, b candidate) bool{
		func(a, b candidate) bool { return a.scope > b.scope },
		func(a, b candidate) bool { return a.s.at.After(b.s.at) },
		func(a, b candidate) bool {
			same := a.s.sbom == nil && b.s.sbom == nil && a.s.hash == b.s.hash || a.s.sbom != nil && b.s.sbom != nil && a.s.sbom.says() == b.s.sbom.says()
			return same && entryOf(a.s.entry) > entryOf(b.s.entry)
		},
		func(a, b candidate) bool {
			caution := []string{"not_affected", "fixed", "under_investigation", "affected"}
			return slices.Index(caution, a.s.status) > slices.Index(caution, b.s.status)
		},
		func(a, b candidate) bool {
			return cmp.Or(bytes.Compare(a.s.tie(), b.s.tie()), a.s.id.Compare(b.s.id)) > 0
		},
	} {
		was := slices.Clone(left)
		left = slices.DeleteFunc(left, func(b candidate) bool {
			return slices.ContainsFunc(was, func(a candidate) bool { return beats(a, b) })
		})
	}
	var winner *knownStatement
	winning := 0
	superseded := []string{}
	lose := func(s *knownStatement) {
		s.lost = true
		superseded = append(superseded, s.id.String())
	}
	for _, c := range all {
		if c.s == left[0].s {
			winner, winning = c.s, c.scope
		} else {
			lose(c.s)
		}
	}
	var decision *decided
	for _, d := range o.decisions {
		if d.tenant == tenant && !d.withdrawn && d.pkg == pkg.Purl && o.about(tenant, d.vuln, name) &&
			(decision == nil || d.at.After(decision.at) || d.at.Equal(decision.at) && d.vuln < decision.vuln) {
			decision = &d
		}
	}
	status, by, at := "", "", time.Time{}
	switch {
	case decision != nil:
		status, by, at = decision.status, "decision "+decision.id().String(), decision.at
		if winner != nil {
			lose(winner)
		}
	case winner != nil:
		status, by, at = winner.status, fmt.Sprintf("statement %s %d", winner.id, winning), winner.at
		winner.applied = true
	}
	where := "open"
	if status == "not_affected" || status == "fixed" {
		where = "suppressed"
	}
	sortedSet := func(list []string) []string { slices.Sort(list); return slices.Compact(list) }
	aliases := slices.Clone(members)
	aliases = slices.DeleteFunc(aliases, func(s string) bool { return s == name })
	when := ""
	if !at.IsZero() {
		when = at.UTC().Format(time.RFC3339)
	}
	out.put("finding", tenant, artifact.Purl+" "+pkg.Purl+" "+name, "%s %d %s aliases %v advisories %v fixed %v streams %q evidence %v vex %s of %s by %s over %v",
		where, score, severity, sortedSet(aliases), sortedSet(advisories), sortedSet(fixed), streams, sortedSet(evidence), status, when, by, sortedSet(superseded))
}
