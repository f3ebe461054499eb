package projections

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/projections/vex"
)

// Explanation is what is known of one vulnerability of one package, in an artifact or nowhere.
type Explanation struct {
	// Names are the ids of the vulnerability, the name of its findings first.
	Names []string
	// Records are those of the vulnerability, with what each says of the package.
	Records []RecordExplained
	// Status is what is said of it, "" where nobody says anything. Said are the decision or the statement in
	// force, then the others that are about the finding, each with the reason why it does not decide.
	Status string
	Said   []SaidExplained
}

// RecordExplained is the newest version of a vulnerability record.
type RecordExplained struct {
	Advisory, Source, Summary string
	Document                  string // content hash
	Modified, Withdrawn       *time.Time
	Score                     *int16
	Severity                  string
	Covers                    bool // it covers the package
	Range, MatchedBy          string
	Fixed                     []string
	// Words say how the version compares, or why the record is not about the package.
	Words []string
}

// SaidExplained is a statement or a decision about the finding.
type SaidExplained struct {
	Kind                          string // decision or statement
	ID                            id.ID
	Status, Justification, Detail string
	Source, Issuer, Product       string
	Scope                         string
	Document                      string // content hash
	At                            time.Time
	Why                           string // "" where it decides, else trust, decision, scope, time, order, caution, hash
}

// Pair is what an explanation is about.
type Pair struct {
	Artifact                  id.ID // zero: nowhere
	ArtifactPurl, ArtifactKey string
	Package                   id.ID
	// What the package is taken for, where no row of it is stored.
	Purl, Ecosystem, Version string
	Keys                     []string
}

// Explain works out what is known of the vulnerability vuln of a package, with the rules and the statements that the
// projection goes by. It only reads; tx acts for tenant.
//
// Which issuers are not trusted is what the last projection wrote down: flags are the projector's.
func Explain(ctx context.Context, tx pgx.Tx, tenant id.ID, pair Pair, vuln string) (*Explanation, error) {
	g, err := loadGroups(ctx, tx, tenant, []string{vuln})
	if err != nil {
		return nil, err
	}
	names := g.names(vuln)
	if len(names) == 0 {
		names = []string{vuln}
	}
	out := &Explanation{Names: g.members(names[0])}
	if len(out.Names) == 0 {
		out.Names = []string{vuln}
	}
	rows, err := tx.Query(ctx, sqlLoadPackages, tenant, []id.ID{pair.Package})
	if err != nil {
		return nil, err
	}
	targets, err := pgx.CollectRows(rows, pgx.RowToStructByPos[target])
	if err != nil {
		return nil, fmt.Errorf("package: %w", err)
	}
	t := target{ID: pair.Package, Purl: pair.Purl, Ecosystem: pair.Ecosystem, Version: pair.Version, Keys: pair.Keys}
	if len(targets) > 0 {
		t = targets[0]
	}
	if out.Records, err = explainRecords(ctx, tx, tenant, t, out.Names); err != nil {
		return nil, err
	}
	if pair.Artifact != (id.ID{}) {
		err = out.sayings(ctx, tx, tenant, pair, t, g, out.Names[0])
	}
	return out, err
}

// explainRecords reads the records of a vulnerability, those that cover the package first.
func explainRecords(ctx context.Context, tx pgx.Tx, tenant id.ID, t target, names []string) ([]RecordExplained, error) {
	rows, err := tx.Query(ctx, sqlExplainRecords, tenant, names, t.ID, t.Keys)
	if err != nil {
		return nil, err
	}
	type entry struct {
		affectedRow
		RecordExplained
		about, current bool
		ordinal        *int32
		fact           id.ID
	}
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e entry, err error) {
		err = row.Scan(&e.tenant, &e.fact, &e.ordinal, &e.about, &e.current, &e.Advisory, &e.Source, &e.Summary, &e.Document, &e.Modified, &e.Withdrawn, &e.Score, &e.Severity)
		if e.ordinal != nil {
			e.affectedRow.fact, e.affectedRow.ordinal = e.fact, *e.ordinal
		}
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("records: %w", err)
	}
	var ranges []affectedRow
	var of []int
	for i, e := range entries {
		if e.about && e.ordinal != nil {
			ranges, of = append(ranges, e.affectedRow), append(of, i)
		}
	}
	compiled, err := newCompiledCache().load(ctx, tx, ranges)
	if err != nil {
		return nil, fmt.Errorf("ranges of %d records: %w", len(ranges), err)
	}
	byFact := map[id.ID]int{}
	var out []RecordExplained
	at := func(e entry) *RecordExplained {
		i, there := byFact[e.fact]
		if !there {
			i = len(out)
			byFact[e.fact], out = i, append(out, e.RecordExplained)
		}
		return &out[i]
	}
	for n, i := range of {
		e := entries[i]
		r := at(e)
		c := compiled[n]
		if c == nil {
			continue // deleted meanwhile
		}
		words := c.Words(t.Version)
		m, covers, _ := c.Affected(t.Version)
		if covers && e.current && !r.Covers {
			r.Covers, r.Range, r.MatchedBy, r.Fixed, r.Words = true, m.Range, m.By, m.FixedVersions, words
		} else if !r.Covers {
			r.Words = append(r.Words, words...)
		}
	}
	for _, e := range entries {
		r := at(e)
		switch {
		case e.Withdrawn != nil && !r.Covers && !slices.Contains(r.Words, withdrawn):
			r.Words = append(r.Words, withdrawn)
		case len(r.Words) == 0:
			r.Words = []string{"it does not name this package"}
		}
	}
	slices.SortStableFunc(out, func(a, b RecordExplained) int {
		if a.Covers != b.Covers {
			if a.Covers {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Advisory, b.Advisory)
	})
	return out, nil
}

const withdrawn = "the record was withdrawn"

// distrusting is InForce by the outcomes of the last projection.
type distrusting struct{ of map[[2]string]bool }

func (d distrusting) Trusts(issuer, source string) bool { return !d.of[[2]string{issuer, source}] }
func (distrusting) ByCPE() bool                         { return false }

// sayings fills in who says what about the finding.
func (x *Explanation) sayings(ctx context.Context, tx pgx.Tx, tenant id.ID, at Pair, t target, g *groups, name string) error {
	force := distrusting{map[[2]string]bool{}}
	rows, err := tx.Query(ctx, sqlExplainDistrusted, tenant, x.Names)
	if err != nil {
		return err
	}
	var issuer, source string
	if _, err := pgx.ForEachRow(rows, []any{&issuer, &source}, func() error { force.of[[2]string{issuer, source}] = true; return nil }); err != nil {
		return fmt.Errorf("issuers: %w", err)
	}
	b := &batch{tx: tx, tenant: tenant, force: force}
	p := &pair{Artifact: at.Artifact, ArtifactPurl: at.ArtifactPurl, ArtifactKey: at.ArtifactKey, Package: at.Package, Purl: t.Purl, MatchVersion: t.Version}
	if parsed := parsePurl(t.Purl); parsed != nil {
		p.NameKey = parsed.NameKey()
	}
	says := &sayings{
		statements: map[string]*found{}, decisions: map[decisionKey][]*vex.Decision{},
		statement: map[vex.ID]*statement{}, decision: map[vex.ID]*decision{},
	}
	if err := b.loadStatements(ctx, []*pair{p}, g, says); err != nil {
		return err
	}
	if err := b.loadDecisions(ctx, []*pair{p}, g, says); err != nil {
		return err
	}
	v := says.about(p, name)
	x.Status = v.Status()
	if d := v.decision; d != nil {
		x.Said = append(x.Said, SaidExplained{Kind: "decision", ID: d.ID, Status: d.Status, Justification: d.Rationale, Detail: d.Proof, Source: "decision", At: d.At.UTC()})
	}
	said := func(s *statement, scope vex.Scope, why string) {
		x.Said = append(x.Said, SaidExplained{
			Kind: "statement", ID: id.ID(s.ID), Status: s.Status, Justification: s.Justification, Detail: s.Impact, Source: s.Source, Issuer: s.Issuer, Product: s.About,
			Scope: scope.String(), Document: "sha256:" + hex.EncodeToString(s.Hash), At: s.Time.UTC(), Why: why,
		})
	}
	if v.statement != nil {
		said(v.statement, v.Scope, "")
	}
	for _, l := range v.Lost {
		said(says.statement[l.Statement.ID], l.Scope, string(l.Why))
	}
	return nil
}
