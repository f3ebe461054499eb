package projections

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/projections/vex"
)

// findingChunk bounds how many pairs, and how many findings about, are worked on at
// once, and so the memory: a kernel package may have thousands, in thousands of images.
const findingChunk = 10_000

// dirtyPair is a pair whose findings may not be right any more: all of them if it is to
// be looked at whole, else those of the vulnerabilities that are touched.
type dirtyPair struct {
	Artifact, Package id.ID
	Whole             bool
	Weight            int32
}

// projectFindings computes the findings of every touched pair anew and brings the
// tables to that, by difference.
func (b *batch) projectFindings(ctx context.Context) error {
	touched, err := b.touched(ctx)
	if err != nil {
		return err
	}
	if b.moved {
		if err := b.exec(ctx, sqlPairsOfChanges, b.tenant); err != nil {
			return err
		}
	}
	if len(touched) > 0 {
		if err := b.exec(ctx, sqlPairsOfVulns, b.tenant, touched); err != nil {
			return err
		}
	}
	rows, err := b.tx.Query(ctx, sqlDirtyPairs, b.tenant, touched)
	if err != nil {
		return err
	}
	dirty, err := pgx.CollectRows(rows, pgx.RowToStructByPos[dirtyPair])
	if err != nil {
		return fmt.Errorf("dirty pairs: %w", err)
	}
	for len(dirty) > 0 {
		n, weight := 0, 0
		for n < len(dirty) && (n == 0 || weight+int(dirty[n].Weight)+1 <= findingChunk) {
			weight += int(dirty[n].Weight) + 1
			n++
		}
		if err := b.findChunk(ctx, dirty[:n]); err != nil {
			return err
		}
		dirty = dirty[n:]
	}
	return nil
}

// touched are the ids of all groups that a touched vulnerability is in; it adds them to b.vulns.
func (b *batch) touched(ctx context.Context) ([]string, error) {
	g, err := loadGroups(ctx, b.tx, b.tenant, sorted(b.vulns))
	if err != nil {
		return nil, err
	}
	ids := g.ids()
	for _, v := range ids {
		b.vulns[v] = true
	}
	return ids, nil
}

func (b *batch) findChunk(ctx context.Context, dirty []dirtyPair) error {
	have, err := b.existing(ctx, dirty)
	if err != nil {
		return err
	}
	pairs, want, err := b.wanted(ctx, dirty)
	if err != nil {
		return err
	}
	retired, err := b.retirements(ctx, pairs, have)
	if err != nil {
		return err
	}
	changes := b.difference(pairs, want, have, retired)
	if len(changes) == 0 {
		return nil
	}
	b.changed = true
	for _, c := range changes {
		c.old.statements(b.statements)
		c.new.statements(b.statements)
	}
	return changes.write(ctx, b)
}

// existing loads the stored findings of the pairs, as far as they are to be looked at.
//
// Aliases may have changed since they were stored, by a change whose own job is still to
// come. A finding that shares an alias with what is touched is then touched with all of
// its names, or it would be closed here and opened again there.
func (b *batch) existing(ctx context.Context, dirty []dirtyPair) (have map[findingKey]*finding, err error) {
	artifacts, packages, whole := make([]id.ID, len(dirty)), make([]id.ID, len(dirty)), make([]bool, len(dirty))
	partly := map[[2]id.ID]bool{}
	for i, d := range dirty {
		artifacts[i], packages[i], whole[i] = d.Artifact, d.Package, d.Whole
		if !d.Whole {
			partly[[2]id.ID{d.Artifact, d.Package}] = true
		}
	}
	// Of a table that was empty a moment ago the planner thinks that reading all of a tenant by
	// any index is as good as the primary key; see the statement.
	if err := b.exec(ctx, `set local enable_bitmapscan = off`); err != nil {
		return nil, err
	}
	defer func() {
		if err == nil {
			err = b.exec(ctx, `set local enable_bitmapscan = on`)
		}
	}()
	for {
		var touched []string
		if len(partly) > 0 {
			touched = sorted(b.vulns)
		}
		rows, err := b.tx.Query(ctx, sqlExisting, b.tenant, artifacts, packages, whole, touched)
		if err != nil {
			return nil, err
		}
		list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*finding, error) {
			f := &finding{}
			return f, row.Scan(&f.state, &f.ArtifactPurl, &f.Package, &f.VulnID, &f.Artifact, &f.PackagePurl, &f.Score, &f.Severity, &f.Aliases, &f.Advisories,
				&f.Fixed, &f.VEX, &f.Evidence, &f.StatementID, &f.DecisionID, &f.FirstSeen)
		})
		if err != nil {
			return nil, fmt.Errorf("existing findings: %w", err)
		}
		have, grown := map[findingKey]*finding{}, false
		for _, f := range list {
			have[f.key()] = f
			if !partly[[2]id.ID{f.Artifact, f.Package}] {
				continue
			}
			for _, name := range append(f.Aliases, f.VulnID) {
				if !b.vulns[name] {
					b.vulns[name], grown = true, true
				}
			}
		}
		if !grown {
			return have, nil
		}
		if _, err := b.touched(ctx); err != nil {
			return nil, err
		}
	}
}

// pair is a package in an artifact: what findings are about.
type pair struct {
	Artifact, Package         id.ID
	ArtifactPurl, ArtifactKey string
	Purl, NameKey             string
	Version, MatchVersion     string
	Ecosystem, IdentifiedBy   string
	Streams                   []string
	whole                     bool

	place vex.Place
	keys  [2]string // name keys of the artifact and of the package
}

// wanted computes the findings that the pairs should have, as far as they are to be
// looked at, and returns the pairs that exist.
func (b *batch) wanted(ctx context.Context, dirty []dirtyPair) ([]*pair, []*finding, error) {
	pairs, err := b.livePairs(ctx, dirty)
	if err != nil || len(pairs) == 0 {
		return nil, nil, err
	}
	covers, vulns, err := b.loadCovers(ctx, pairs)
	if err != nil {
		return nil, nil, err
	}
	g, err := loadGroups(ctx, b.tx, b.tenant, vulns)
	if err != nil {
		return nil, nil, err
	}
	scores, err := loadScores(ctx, b.tx, b.tenant, g.ids())
	if err != nil {
		return nil, nil, err
	}
	says := &sayings{
		statements: map[string]*found{}, decisions: map[decisionKey][]*vex.Decision{},
		statement: map[vex.ID]*statement{}, decision: map[vex.ID]*decision{},
	}
	if err := b.loadStatements(ctx, pairs, g, says); err != nil {
		return nil, nil, err
	}
	if err := b.loadDecisions(ctx, pairs, g, says); err != nil {
		return nil, nil, err
	}
	var out []*finding
	for _, p := range pairs {
		byGroup := map[string][]coveredBy{}
		for _, c := range covers[p.Package] {
			if p.whole || b.vulns[c.VulnID] {
				for _, name := range g.names(c.VulnID) {
					byGroup[name] = append(byGroup[name], c)
				}
			}
		}
		for name, cs := range byGroup {
			out = append(out, newFinding(p, name, g.members(name), cs, scores, says.about(p, name)))
		}
	}
	slices.SortFunc(out, func(a, b *finding) int { return compareKeys(a.key(), b.key()) })
	return pairs, out, nil
}

// livePairs loads the pairs whose artifact is active and lists the package now.
func (b *batch) livePairs(ctx context.Context, dirty []dirtyPair) ([]*pair, error) {
	artifacts, packages := make([]id.ID, len(dirty)), make([]id.ID, len(dirty))
	whole := map[[2]id.ID]bool{}
	for i, d := range dirty {
		artifacts[i], packages[i] = d.Artifact, d.Package
		whole[[2]id.ID{d.Artifact, d.Package}] = d.Whole
	}
	rows, err := b.tx.Query(ctx, sqlLivePairs, b.tenant, artifacts, packages)
	if err != nil {
		return nil, err
	}
	pairs, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*pair, error) {
		p := &pair{}
		err := row.Scan(&p.Artifact, &p.Package, &p.ArtifactPurl, &p.ArtifactKey, &p.Purl, &p.NameKey, &p.Version, &p.MatchVersion,
			&p.Ecosystem, &p.IdentifiedBy, &p.Streams)
		p.whole = whole[[2]id.ID{p.Artifact, p.Package}]
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("pairs: %w", err)
	}
	return pairs, nil
}

// loadCovers loads which facts cover the packages of the pairs, and all vulnerability ids that they name.
func (b *batch) loadCovers(ctx context.Context, pairs []*pair) (map[id.ID][]coveredBy, []string, error) {
	whole, partly := map[id.ID]bool{}, map[id.ID]bool{}
	for _, p := range pairs {
		if p.whole {
			whole[p.Package] = true
		}
	}
	for _, p := range pairs {
		if !whole[p.Package] {
			partly[p.Package] = true
		}
	}
	var touched []string
	if len(partly) > 0 {
		touched = sorted(b.vulns)
	}
	rows, err := b.tx.Query(ctx, sqlPackageVulns, b.tenant, sortedIDs(whole), sortedIDs(partly), touched)
	if err != nil {
		return nil, nil, err
	}
	covers, vulns := map[id.ID][]coveredBy{}, map[string]bool{}
	err = eachCover(rows, func(p id.ID, c coveredBy) {
		covers[p] = append(covers[p], c)
		vulns[c.VulnID] = true
	})
	if err != nil {
		return nil, nil, fmt.Errorf("matches: %w", err)
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

func compareKeys(a, b findingKey) int {
	if d := a.artifact.Compare(b.artifact); d != 0 {
		return d
	}
	if d := a.pkg.Compare(b.pkg); d != 0 {
		return d
	}
	return strings.Compare(a.vuln, b.vuln)
}
