package projections

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/normalize/purl"
)

// findingChunk bounds how many pairs are worked on at once, and so the memory.
const findingChunk = 5000

// findingKey identifies a finding within its tenant.
type findingKey struct {
	artifact, pkg id.ID
	vuln          string
}

// finding is a row of open_findings or suppressed_findings.
type finding struct {
	state        string // open, suppressed
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

func (f *finding) key() findingKey { return findingKey{f.Artifact, f.Package, f.VulnID} }

// same reports whether two findings say the same; when they were seen does not count.
func (f *finding) same(o *finding) bool {
	return f.state == o.state && equalPtr(f.Score, o.Score) && f.Severity == o.Severity &&
		slices.Equal(f.Aliases, o.Aliases) && slices.Equal(f.Advisories, o.Advisories) && slices.Equal(f.Fixed, o.Fixed) &&
		sameJSON(f.VEX, o.VEX) && sameJSON(f.Evidence, o.Evidence) && equalPtr(f.StatementID, o.StatementID) && equalPtr(f.DecisionID, o.DecisionID)
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

// projectFindings computes the findings of every touched pair anew and brings the
// tables to that, by difference.
func (b *batch) projectFindings(ctx context.Context) error {
	touched, err := loadGroups(ctx, b.tx, b.tenant, sorted(b.vulns))
	if err != nil {
		return err
	}
	if len(b.vulns) > 0 {
		if err := b.exec(ctx, sqlPairsOfVulns, b.tenant, touched.ids()); err != nil {
			return err
		}
	}
	rows, err := b.tx.Query(ctx, sqlDirtyPairs, b.tenant)
	if err != nil {
		return err
	}
	type key struct{ Artifact, Package id.ID }
	dirty, err := pgx.CollectRows(rows, pgx.RowToStructByPos[key])
	if err != nil {
		return err
	}
	names := map[string]bool{} // every vulnerability whose statements may have got another outcome
	for _, v := range touched.ids() {
		names[v] = true
	}
	for chunk := range slices.Chunk(dirty, findingChunk) {
		artifacts, packages := make([]id.ID, len(chunk)), make([]id.ID, len(chunk))
		for i, k := range chunk {
			artifacts[i], packages[i] = k.Artifact, k.Package
		}
		if err := b.findChunk(ctx, artifacts, packages, names); err != nil {
			return err
		}
	}
	return b.setOutcomes(ctx, names)
}

func (b *batch) findChunk(ctx context.Context, artifacts, packages []id.ID, names map[string]bool) error {
	want, err := b.wanted(ctx, artifacts, packages, names)
	if err != nil {
		return err
	}
	rows, err := b.tx.Query(ctx, sqlExisting, b.tenant, artifacts, packages)
	if err != nil {
		return err
	}
	have := map[findingKey]*finding{}
	existing, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*finding, error) {
		f := &finding{}
		return f, row.Scan(&f.state, &f.ArtifactPurl, &f.Package, &f.VulnID, &f.Artifact, &f.PackagePurl, &f.Score, &f.Severity, &f.Aliases, &f.Advisories,
			&f.Fixed, &f.VEX, &f.Evidence, &f.StatementID, &f.DecisionID, &f.FirstSeen)
	})
	if err != nil {
		return fmt.Errorf("existing findings: %w", err)
	}
	for _, f := range existing {
		have[f.key()] = f
		names[f.VulnID] = true
	}
	d := difference(want, have)
	if d.empty() {
		return nil
	}
	b.changed = true
	return d.write(ctx, b.tx, b.tenant)
}

// wanted computes the findings that the pairs should have.
func (b *batch) wanted(ctx context.Context, artifacts, packages []id.ID, names map[string]bool) ([]*finding, error) {
	rows, err := b.tx.Query(ctx, sqlLivePairs, b.tenant, artifacts, packages)
	if err != nil {
		return nil, err
	}
	pairs, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*pair, error) {
		p := &pair{}
		return p, row.Scan(&p.Artifact, &p.Package, &p.ArtifactPurl, &p.ArtifactKey, &p.Purl, &p.NameKey, &p.Version, &p.MatchVersion,
			&p.Ecosystem, &p.IdentifiedBy, &p.Streams)
	})
	if err != nil {
		return nil, fmt.Errorf("pairs: %w", err)
	}
	if len(pairs) == 0 {
		return nil, nil
	}
	covers, vulns, err := loadCovers(ctx, b.tx, b.tenant, pairs)
	if err != nil {
		return nil, err
	}
	g, err := loadGroups(ctx, b.tx, b.tenant, vulns)
	if err != nil {
		return nil, err
	}
	for _, v := range g.ids() {
		names[v] = true
	}
	scores, err := loadScores(ctx, b.tx, b.tenant, g.ids())
	if err != nil {
		return nil, err
	}
	said, err := b.loadStatements(ctx, pairs, g)
	if err != nil {
		return nil, err
	}
	decided, err := b.loadDecisions(ctx, pairs, g)
	if err != nil {
		return nil, err
	}
	var out []*finding
	for _, p := range pairs {
		byGroup := map[string][]coveredBy{}
		for _, c := range covers[p.Package] {
			name := g.canonical(c.VulnID)
			byGroup[name] = append(byGroup[name], c)
		}
		for name, cs := range byGroup {
			v := resolve(p, said[name], decided[decisionKey{p.Package, name}])
			out = append(out, newFinding(p, name, g.members(name), cs, scores, v))
		}
	}
	return out, nil
}

// loadCovers loads which facts cover the packages of the pairs, and all vulnerability ids that they name.
func loadCovers(ctx context.Context, tx pgx.Tx, tenant id.ID, pairs []*pair) (map[id.ID][]coveredBy, []string, error) {
	packages := map[id.ID]bool{}
	for _, p := range pairs {
		packages[p.Package] = true
	}
	rows, err := tx.Query(ctx, sqlPackageVulns, tenant, sortedIDs(packages))
	if err != nil {
		return nil, nil, err
	}
	covers, vulns := map[id.ID][]coveredBy{}, map[string]bool{}
	var p id.ID
	var c coveredBy
	_, err = pgx.ForEachRow(rows, []any{&p, &c.VulnID, &c.FactID, &c.Advisory, &c.Source, &c.MatchedBy, &c.Range, &c.Fixed, &c.Score, &c.Severity, &c.Document}, func() error {
		cc := c
		cc.Fixed = slices.Clone(c.Fixed)
		if c.Score != nil {
			score := *c.Score
			cc.Score = &score
		}
		covers[p] = append(covers[p], cc)
		vulns[c.VulnID] = true
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("matches of %d packages: %w", len(packages), err)
	}
	return covers, sorted(vulns), nil
}

type scored struct {
	score    int16
	severity string
}

// loadScores loads what the records of these ids say of their severity: the record that
// matched may have no score where another one of the same vulnerability has.
func loadScores(ctx context.Context, tx pgx.Tx, tenant id.ID, ids []string) (map[string]scored, error) {
	rows, err := tx.Query(ctx, sqlScores, tenant, ids)
	if err != nil {
		return nil, err
	}
	out := map[string]scored{}
	var name string
	var s scored
	if _, err := pgx.ForEachRow(rows, []any{&name, &s.score, &s.severity}, func() error { out[name] = s; return nil }); err != nil {
		return nil, fmt.Errorf("scores: %w", err)
	}
	return out, nil
}

// newFinding puts together what is known about one vulnerability of one pair.
func newFinding(p *pair, name string, members []string, cs []coveredBy, scores map[string]scored, v verdict) *finding {
	f := &finding{
		state: "open", Artifact: p.Artifact, ArtifactPurl: p.ArtifactPurl, Package: p.Package, PackagePurl: p.Purl, VulnID: name,
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

// judge puts the verdict on the finding.
func (f *finding) judge(v verdict) {
	if v.status() == "" {
		return
	}
	type vex struct {
		Status        string   `json:"status"`
		Justification string   `json:"justification"`
		Source        string   `json:"source"`
		Issuer        string   `json:"issuer,omitempty"`
		Product       string   `json:"product,omitempty"`
		Scope         string   `json:"scope,omitempty"`
		StatementID   *id.ID   `json:"statement_id,omitempty"`
		DecisionID    *id.ID   `json:"decision_id,omitempty"`
		Time          string   `json:"time,omitempty"`
		Detail        string   `json:"detail,omitempty"`
		Document      string   `json:"document,omitempty"`
		Superseded    []string `json:"superseded,omitempty"`
	}
	out := vex{Status: v.status()}
	switch {
	case v.decision != nil:
		out.Source, out.Justification, out.Detail, out.DecisionID = "decision", v.decision.Rationale, v.decision.Proof, &v.decision.ID
		out.Time = v.decision.At.UTC().Format(time.RFC3339)
	default:
		s := v.statement
		out.Source, out.Justification, out.Issuer, out.Product, out.Scope, out.StatementID = s.Source, s.Justification, s.Issuer, s.Product, scopeNames[v.scope], &s.ID
		out.Detail, out.Document = s.Impact, "sha256:"+hex.EncodeToString(s.Hash)
		if s.Time != nil {
			out.Time = s.Time.UTC().Format(time.RFC3339)
		}
	}
	for _, s := range v.superseded {
		out.Superseded = append(out.Superseded, s.ID.String())
	}
	slices.Sort(out.Superseded)
	f.VEX = mustJSON(out)
	if v.suppresses() {
		f.state, f.StatementID, f.DecisionID = "suppressed", out.StatementID, out.DecisionID
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

// loadStatements loads the statements that may be about the pairs, by the name of their group.
func (b *batch) loadStatements(ctx context.Context, pairs []*pair, g *groups) (map[string][]*statement, error) {
	keys, artifacts := map[string]bool{}, map[id.ID]bool{}
	for _, p := range pairs {
		keys[p.ArtifactKey], keys[p.NameKey], artifacts[p.Artifact] = true, true, true
	}
	delete(keys, "")
	rows, err := b.tx.Query(ctx, sqlStatements, b.tenant, g.ids(), sorted(keys), sortedIDs(artifacts))
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*statement, error) {
		s := &statement{}
		return s, row.Scan(&s.ID, &s.VulnID, &s.Status, &s.Justification, &s.Impact, &s.Issuer, &s.Time, &s.Product, &s.ProductPurl, &s.ProductKey,
			&s.Sub, &s.SubKey, &s.Artifact, &s.Serial, &s.Ref, &s.Range, &s.Source, &s.Hash)
	})
	if err != nil {
		return nil, fmt.Errorf("statements: %w", err)
	}
	if len(all) == 0 {
		return nil, nil
	}
	if err := b.follow(ctx, all); err != nil {
		return nil, fmt.Errorf("BOM-Links: %w", err)
	}
	out := map[string][]*statement{}
	for _, s := range all {
		s.product, s.sub = parsePurl(s.ProductPurl), parsePurl(s.Sub)
		name := g.canonical(s.VulnID)
		out[name] = append(out[name], s)
	}
	for _, p := range pairs {
		p.artifact, p.pkg = parsePurl(p.ArtifactPurl), parsePurl(p.Purl)
	}
	return out, nil
}

func parsePurl(s string) *purl.Package {
	if s == "" {
		return nil
	}
	p, err := purl.Parse(s)
	if err != nil {
		return nil
	}
	return &p
}

// follow resolves BOM-Links: which artifacts the serial number belongs to, and which
// component the reference means.
func (b *batch) follow(ctx context.Context, all []*statement) error {
	serials := map[string]bool{}
	for _, s := range all {
		if s.Serial != "" {
			serials[s.Serial] = true
		}
	}
	if len(serials) == 0 {
		return nil
	}
	rows, err := b.tx.Query(ctx, sqlResolveRefs, b.tenant, sorted(serials))
	if err != nil {
		return err
	}
	linked := map[string]map[id.ID]bool{}
	var serial string
	var artifact id.ID
	_, err = pgx.ForEachRow(rows, []any{&serial, &artifact}, func() error {
		if linked[serial] == nil {
			linked[serial] = map[id.ID]bool{}
		}
		linked[serial][artifact] = true
		return nil
	})
	if err != nil {
		return err
	}
	type ref struct{ serial, ref string }
	refs := map[ref]string{}
	for _, s := range all {
		if s.Serial == "" || linked[s.Serial] == nil {
			continue
		}
		s.linked = linked[s.Serial]
		if s.SubKey != "" || s.Ref == "" {
			continue
		}
		k := ref{s.Serial, s.Ref}
		found, ok := refs[k]
		if !ok {
			err := b.tx.QueryRow(ctx, sqlResolveRef, b.tenant, s.Serial, s.Ref).Scan(&found)
			if err != nil && err != pgx.ErrNoRows {
				return err
			}
			refs[k] = found
		}
		if p := parsePurl(found); p != nil {
			s.Sub, s.SubKey = p.Purl, strings.ToLower(p.Type+"/"+p.Namespace+"/"+p.Name)
		}
	}
	return nil
}

type decisionKey struct {
	pkg  id.ID
	name string
}

// loadDecisions loads the tenant's own decisions; of several on one group the newest counts.
func (b *batch) loadDecisions(ctx context.Context, pairs []*pair, g *groups) (map[decisionKey]*decision, error) {
	packages := map[id.ID]bool{}
	for _, p := range pairs {
		packages[p.Package] = true
	}
	rows, err := b.tx.Query(ctx, sqlDecisions, b.tenant, sortedIDs(packages), g.ids())
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByPos[decision])
	if err != nil {
		return nil, fmt.Errorf("decisions: %w", err)
	}
	out := map[decisionKey]*decision{}
	for _, d := range all {
		k := decisionKey{d.Package, g.canonical(d.VulnID)}
		if out[k] == nil {
			out[k] = d
		}
	}
	return out, nil
}
