package projections

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"slices"
	"time"

	"sluice/internal/id"
	"sluice/projections/vex"
)

// findingKey identifies a finding within its tenant.
type findingKey struct {
	artifact, pkg id.ID
	vuln          string
}

// finding is a row of open_findings or suppressed_findings.
type finding struct {
	state        string // stateOpen, stateSuppressed
	ArtifactPurl string
	Package      id.ID
	VulnID       string
	Artifact     id.ID
	PackagePurl  string
	Score        *int16
	Severity     string
	Aliases      []string
	Advisories   []string
	Fixed        []string
	VEX          []byte // nil: nobody said anything
	Evidence     []byte
	StatementID  *id.ID
	DecisionID   *id.ID
	FirstSeen    *time.Time
}

const (
	stateOpen       = "open"
	stateSuppressed = "suppressed"
)

func (f *finding) key() findingKey { return findingKey{f.Artifact, f.Package, f.VulnID} }

// same reports whether two findings say the same; when they were seen does not count.
func (f *finding) same(o *finding) bool {
	return f.state == o.state && equalPtr(f.Score, o.Score) && f.Severity == o.Severity &&
		slices.Equal(f.Aliases, o.Aliases) && slices.Equal(f.Advisories, o.Advisories) && slices.Equal(f.Fixed, o.Fixed) &&
		equalPtr(f.StatementID, o.StatementID) && equalPtr(f.DecisionID, o.DecisionID) &&
		sameJSON(f.VEX, o.VEX) && sameJSON(f.Evidence, o.Evidence)
}

func equalPtr[T comparable](a, b *T) bool {
	return a == b || (a != nil && b != nil && *a == *b)
}

// sameJSON compares what is to be stored with what jsonb made of it.
func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	if a == nil || b == nil {
		return false
	}
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

// newFinding puts together what is known about one vulnerability of one pair.
func newFinding(p *pair, name string, members []string, cs []coveredBy, scores map[string]scored, v verdict) *finding {
	f := &finding{
		state: stateOpen, Artifact: p.Artifact, ArtifactPurl: p.ArtifactPurl, Package: p.Package, PackagePurl: p.Purl, VulnID: name,
		Aliases: []string{}, Advisories: []string{}, Fixed: []string{},
	}
	f.summarize(name, members, cs, scores)
	type fact struct {
		Advisory  string `json:"advisory"`
		Source    string `json:"source"`
		Range     string `json:"range"`
		MatchedBy string `json:"matched_by"`
		Document  string `json:"document"` // content hash: the same for every tenant
	}
	evidence := struct {
		Facts      []fact   `json:"facts"`
		Package    string   `json:"package"`
		Version    string   `json:"version"`
		Ecosystem  string   `json:"ecosystem"`
		Identified string   `json:"identified_by"`
		Streams    []string `json:"streams"`
	}{Package: p.Purl, Version: p.MatchVersion, Ecosystem: p.Ecosystem, Identified: "purl " + p.IdentifiedBy, Streams: p.Streams}
	for _, c := range cs {
		evidence.Facts = append(evidence.Facts, fact{c.Advisory, c.Source, c.Range, c.MatchedBy, c.Document})
	}
	f.Evidence = mustJSON(evidence)
	f.judge(v)
	return f
}

// summarize fills in what the facts of a group say together.
func (f *finding) summarize(name string, members []string, cs []coveredBy, scores map[string]scored) {
	for _, m := range members {
		if m != name {
			f.Aliases = append(f.Aliases, m)
		}
	}
	best := func(score *int16, severity string) {
		switch {
		case score != nil && (f.Score == nil || *score > *f.Score):
			f.Score, f.Severity = score, severity
		case score == nil && f.Score == nil && severityRank(severity) > severityRank(f.Severity):
			f.Severity = severity
		}
	}
	for _, c := range cs {
		if !slices.Contains(f.Advisories, c.Advisory) {
			f.Advisories = append(f.Advisories, c.Advisory)
		}
		for _, v := range c.Fixed {
			if !slices.Contains(f.Fixed, v) {
				f.Fixed = append(f.Fixed, v)
			}
		}
		best(c.Score, c.Severity)
	}
	if f.Score == nil {
		for _, m := range members {
			if s, ok := scores[m]; ok {
				best(&s.score, s.severity)
			}
		}
	}
	slices.Sort(f.Advisories)
}

func severityRank(s string) int {
	return slices.Index([]string{"none", "low", "medium", "high", "critical"}, s)
}

// said is what is stored of the verdict on a finding.
type said struct {
	Status        string  `json:"status"`
	Justification string  `json:"justification"`
	Source        string  `json:"source"`
	Issuer        string  `json:"issuer,omitempty"`
	Product       string  `json:"product,omitempty"`
	Scope         string  `json:"scope,omitempty"`
	StatementID   *id.ID  `json:"statement_id,omitempty"`
	DecisionID    *id.ID  `json:"decision_id,omitempty"`
	Time          string  `json:"time,omitempty"`
	Detail        string  `json:"detail,omitempty"`
	Document      string  `json:"document,omitempty"` // content hash of the document with the statement
	Impact        string  `json:"impact,omitempty"`   // of a decision, as the next ones
	Action        string  `json:"action,omitempty"`
	Ticket        string  `json:"ticket,omitempty"`
	Until         string  `json:"until,omitempty"`
	Superseded    []id.ID `json:"superseded,omitempty"`
}

// judge puts the verdict on the finding.
func (f *finding) judge(v verdict) {
	if v.Status() == "" {
		return
	}
	out := said{Status: v.Status()}
	switch {
	case v.decision != nil:
		d := v.decision
		out.Source, out.Justification, out.Detail, out.DecisionID = "decision", cmp.Or(d.Justification, d.Rationale), d.Proof, &d.ID
		out.Impact, out.Action, out.Ticket, out.Time = d.Impact, d.Action, d.Ticket, d.At.UTC().Format(time.RFC3339)
		if d.Until != nil {
			out.Until = d.Until.UTC().Format(time.RFC3339)
		}
		if d.Artifact != nil {
			out.Scope = vex.InsideVersion.String()
		}
	default:
		s, statement := v.statement, id.ID(v.Statement.ID)
		out.Source, out.Justification, out.Issuer, out.Product, out.Scope, out.StatementID = s.Source, s.Justification, s.Issuer, s.About, v.Scope.String(), &statement
		out.Detail, out.Document = s.Impact, "sha256:"+hex.EncodeToString(s.Hash)
		if !s.Time.IsZero() {
			out.Time = s.Time.UTC().Format(time.RFC3339)
		}
	}
	for _, l := range v.Lost {
		out.Superseded = append(out.Superseded, id.ID(l.Statement.ID))
	}
	slices.SortFunc(out.Superseded, id.ID.Compare)
	f.VEX = mustJSON(out)
	if vex.Suppresses(v.Status()) {
		f.state, f.StatementID, f.DecisionID = stateSuppressed, out.StatementID, out.DecisionID
	}
}

// statements adds the statements that the verdict names to set.
func (f *finding) statements(set map[id.ID]bool) {
	if f == nil || f.VEX == nil {
		return
	}
	var v said
	if json.Unmarshal(f.VEX, &v) != nil {
		return // not written by this program: nothing that it keeps outcomes for
	}
	if v.StatementID != nil {
		set[*v.StatementID] = true
	}
	for _, s := range v.Superseded {
		set[s] = true
	}
}

// mustJSON is for values that always have a JSON form.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
