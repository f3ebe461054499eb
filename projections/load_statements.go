package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/normalize/purl"
	"sluice/projections/vex"
)

// statement is a row of vex_statement: what package vex decides by, and what a finding shows.
type statement struct {
	vex.Statement
	Justification, Impact, Issuer string
	About                         string // the product as written
	Source                        string
	Hash                          []byte
	Serial, Ref                   string
}

// sayings are the statements and decisions that may be about the findings of some pairs, by
// the name of their vulnerability.
type sayings struct {
	statements map[string]*found
	decisions  map[decisionKey][]*vex.Decision
	statement  map[vex.ID]*statement
	decision   map[vex.ID]*decision
}

// found are statements about one vulnerability by what they may be found by: thousands of
// artifacts may have thousands of statements, and each is about one of them.
type found struct {
	named    map[string][]*vex.Statement // by the name key of the product
	artifact map[vex.ID][]*vex.Statement // by the SBOM's artifact
	linked   []*vex.Statement            // by BOM-Link
}

func (f *found) add(s *vex.Statement) {
	if s.Product != nil {
		key := s.Product.NameKey()
		f.named[key] = append(f.named[key], s)
	}
	if s.Artifact != nil {
		f.artifact[*s.Artifact] = append(f.artifact[*s.Artifact], s)
	}
	if s.Linked {
		f.linked = append(f.linked, s)
	}
}

// about are those that may be about the pair, each once.
func (f *found) about(p *pair) []*vex.Statement {
	if f == nil {
		return nil
	}
	var out []*vex.Statement
	seen := map[*vex.Statement]bool{}
	for _, list := range [][]*vex.Statement{
		f.named[p.keys[0]], f.named[p.keys[1]], f.artifact[p.place.Artifact], f.artifact[p.place.AnyVersion], f.linked,
	} {
		for _, s := range list {
			if !seen[s] {
				seen[s] = true
				out = append(out, s)
			}
		}
	}
	return out
}

// verdict is what is said about one finding.
type verdict struct {
	vex.Verdict
	decision  *decision
	statement *statement
}

// about decides what is said about a vulnerability of a pair.
func (s *sayings) about(p *pair, name string) verdict {
	v := verdict{Verdict: vex.Resolve(&p.place, s.statements[name].about(p), s.decisions[decisionKey{p.Package, name}])}
	if v.Statement != nil {
		v.statement = s.statement[v.Statement.ID]
	}
	if v.Decision != nil {
		v.decision = s.decision[v.Decision.ID]
	}
	return v
}

// loadStatements loads the statements in force that may be about the pairs.
func (b *batch) loadStatements(ctx context.Context, pairs []*pair, g *groups, into *sayings) error {
	keys, artifacts := map[string]bool{}, map[id.ID]bool{}
	for _, p := range pairs {
		keys[p.ArtifactKey], keys[p.NameKey], artifacts[p.Artifact] = true, true, true
		p.place.Artifact, p.place.MatchVersion = vex.ID(p.Artifact), p.MatchVersion
		if a := parsePurl(p.ArtifactPurl); a != nil {
			p.place.ArtifactPackage = a
			if a.Version != "" {
				anyVersion := id.Derive(b.tenant, "artifact", a.WithVersion("").Purl)
				artifacts[anyVersion], p.place.AnyVersion = true, vex.ID(anyVersion)
			}
		}
	}
	delete(keys, "")
	rows, err := b.tx.Query(ctx, sqlStatements, b.tenant, g.ids(), sorted(keys), sortedIDs(artifacts))
	if err != nil {
		return err
	}
	all, err := pgx.CollectRows(rows, scanStatement)
	if err != nil {
		return fmt.Errorf("statements: %w", err)
	}
	if len(all) == 0 {
		return nil
	}
	if err := b.follow(ctx, all); err != nil {
		return fmt.Errorf("BOM-Links: %w", err)
	}
	force, err := b.inForce(ctx)
	if err != nil {
		return err
	}
	for _, s := range all {
		s.Untrusted = !force.Trusts(s.Issuer, s.Source)
		into.statement[s.ID] = s
		for _, name := range g.about(s.VulnID) {
			if into.statements[name] == nil {
				into.statements[name] = &found{named: map[string][]*vex.Statement{}, artifact: map[vex.ID][]*vex.Statement{}}
			}
			into.statements[name].add(&s.Statement)
		}
	}
	for _, p := range pairs {
		if p.place.Package = parsePurl(p.Purl); p.place.Package != nil {
			p.keys[1] = p.place.Package.NameKey()
		}
		if p.place.ArtifactPackage != nil {
			p.keys[0] = p.place.ArtifactPackage.NameKey()
		}
	}
	return nil
}

// statementRow is a row of vex_statement; its columns are found by their names.
type statementRow struct {
	ID            id.ID      `db:"id"`
	Document      id.ID      `db:"document_id"`
	Pointer       string     `db:"pointer"`
	VulnID        string     `db:"vuln_id"`
	Status        string     `db:"status"`
	Justification string     `db:"justification"`
	Impact        string     `db:"impact"`
	Issuer        string     `db:"issuer"`
	Time          *time.Time `db:"statement_time"`
	About         string     `db:"product"`
	Product       string     `db:"product_purl"`
	Sub           string     `db:"subcomponent"`
	SubKey        string     `db:"subcomponent_key"`
	Artifact      *id.ID     `db:"artifact_id"`
	Serial        string     `db:"bom_serial"`
	Ref           string     `db:"bom_ref"`
	Range         string     `db:"version_range"`
	Source        string     `db:"source"`
	Hash          []byte     `db:"content_hash"`
	Embedded      bool       `db:"embedded"`
	ProductRange  string     `db:"product_range"`
}

func scanStatement(row pgx.CollectableRow) (*statement, error) {
	r, err := pgx.RowToStructByName[statementRow](row)
	if err != nil {
		return nil, err
	}
	s := &statement{}
	s.ID, s.Document, s.VulnID, s.Status = vex.ID(r.ID), vex.ID(r.Document), r.VulnID, r.Status
	s.Justification, s.Impact, s.Issuer, s.About, s.Source, s.Hash = r.Justification, r.Impact, r.Issuer, r.About, r.Source, r.Hash
	s.Serial, s.Ref, s.Range, s.ProductRange = r.Serial, r.Ref, r.Range, r.ProductRange
	s.Time, s.Entry, s.Tie = orZero(r.Time), vex.Entry(r.Pointer), r.Hash
	if r.Embedded {
		s.Tie = s.ID[:] // which of two SBOMs that say the same was stored is the order of arrival
	}
	s.Artifact = (*vex.ID)(r.Artifact)
	s.Linked, s.Inside = r.Serial != "", r.Sub != ""
	s.Product = parsePurl(r.Product)
	if r.SubKey != "" {
		s.Sub = parsePurl(r.Sub)
	}
	return s, nil
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

// follow resolves BOM-Links, for each artifact whose SBOMs have the serial number.
func (b *batch) follow(ctx context.Context, all []*statement) error {
	type ref struct{ serial, ref string }
	links := map[ref]map[vex.ID]vex.Link{}
	var serials, refs []string
	for _, s := range all {
		if k := (ref{s.Serial, s.Ref}); s.Linked && links[k] == nil {
			links[k] = map[vex.ID]vex.Link{}
			serials, refs = append(serials, s.Serial), append(refs, s.Ref)
		}
	}
	if len(serials) == 0 {
		return nil
	}
	rows, err := b.tx.Query(ctx, sqlLinks, b.tenant, serials, refs)
	if err != nil {
		return err
	}
	var k ref
	var artifact id.ID
	var whole bool
	var raw, version string
	_, err = pgx.ForEachRow(rows, []any{&k.serial, &k.ref, &artifact, &whole, &raw, &version}, func() error {
		l := vex.Link{Whole: whole}
		if p := parsePurl(raw); p != nil && !whole {
			if p.Version == "" && version != "" {
				*p = p.WithVersion(version)
			}
			l.Package = p
		}
		links[k][vex.ID(artifact)] = l
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range all {
		if s.Linked {
			s.Links = links[ref{s.Serial, s.Ref}]
		}
	}
	return nil
}

// decision is a row of vex_decision.
type decision struct {
	ID            id.ID
	Artifact      *id.ID // nil: of vex_decision
	Package       id.ID
	VulnID        string
	Status        string
	Justification string
	Impact        string
	Action        string
	Rationale     string
	Proof         string
	Ticket        string
	At            time.Time
	Until         *time.Time
	Expired       bool
}

type decisionKey struct {
	pkg  id.ID
	name string
}

// loadDecisions loads the tenant's own decisions about the pairs.
func (b *batch) loadDecisions(ctx context.Context, pairs []*pair, g *groups, into *sayings) error {
	packages, artifacts := map[id.ID]bool{}, map[id.ID]bool{}
	for _, p := range pairs {
		packages[p.Package], artifacts[p.Artifact] = true, true
	}
	rows, err := b.tx.Query(ctx, sqlDecisions, b.tenant, sortedIDs(packages), g.ids(), sortedIDs(artifacts))
	if err != nil {
		return err
	}
	all, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByPos[decision])
	if err != nil {
		return fmt.Errorf("decisions: %w", err)
	}
	for _, d := range all {
		into.decision[vex.ID(d.ID)] = d
		for _, name := range g.about(d.VulnID) {
			k := decisionKey{d.Package, name}
			into.decisions[k] = append(into.decisions[k], &vex.Decision{
				ID: vex.ID(d.ID), VulnID: d.VulnID, Status: d.Status, At: d.At, Artifact: (*vex.ID)(d.Artifact), Expired: d.Expired,
			})
		}
		if d.Expired {
			b.ended[d.ID] = ending{why: vex.EndedDate, by: d.Until.UTC().Format(time.RFC3339)}
		}
	}
	return nil
}
