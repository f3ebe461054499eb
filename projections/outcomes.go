package projections

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
)

// Outcomes of a statement, vex_statement.outcome.
const (
	outcomeApplied    = "applied"               // decides at least one finding
	outcomeSuperseded = "superseded"            // is about a finding, and lost to another statement or a decision
	outcomeNoProduct  = "no_such_product"       // no artifact and no component is known by its product
	outcomeNoVuln     = "no_such_vulnerability" // the product is known, the vulnerability is not found there
	outcomeUnreadable = "unreadable_product"    // what it names cannot be told: it is about nothing
	outcomeUntrusted  = "untrusted_issuer"      // its issuer is not trusted: it is kept and decides nothing
	outcomeEnded      = "ended"                 // its document does not speak any more; settle keeps it
)

// outcomeChunk bounds how many statements are looked at at once.
const outcomeChunk = 5000

// setOutcomes says what became of the statements that this batch had to do with: new
// ones, those whose product came or went, and those that decide, or decided, a finding that changed.
func (b *batch) setOutcomes(ctx context.Context) error {
	list := sortedIDs(b.statements)
	for len(list) > 0 {
		n := min(len(list), outcomeChunk)
		if err := b.setOutcomesOf(ctx, list[:n]); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

func (b *batch) setOutcomesOf(ctx context.Context, list []id.ID) error {
	rows, err := b.tx.Query(ctx, sqlStatementsByID, b.tenant, list)
	if err != nil {
		return err
	}
	type row struct {
		ID       id.ID
		Document id.ID
		VulnID   string
		Key      string
		Artifact *id.ID
		Serial   string
		Nothing  bool // about nothing
		Issuer   string
		Source   string
		Outcome  string
	}
	statements, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil || len(statements) == 0 {
		return err
	}
	vulns, keys, serials, artifacts := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[id.ID]bool{}
	for _, s := range statements {
		vulns[s.VulnID], keys[s.Key], serials[s.Serial] = true, true, true
		if s.Artifact != nil {
			artifacts[*s.Artifact] = true
		}
	}
	delete(keys, "")
	delete(serials, "")
	applied, lost, err := b.usedStatements(ctx, sorted(vulns))
	if err != nil {
		return fmt.Errorf("statements in use: %w", err)
	}
	knownKeys, knownSerials, knownArtifacts := map[string]bool{}, map[string]bool{}, map[id.ID]bool{}
	if err := b.strings(ctx, knownKeys, sqlKnownProducts, b.tenant, sorted(keys)); err != nil {
		return fmt.Errorf("known products: %w", err)
	}
	if err := b.strings(ctx, knownSerials, sqlKnownSerials, b.tenant, sorted(serials)); err != nil {
		return fmt.Errorf("linked SBOMs: %w", err)
	}
	if err := b.ids(ctx, knownArtifacts, sqlKnownArtifacts, b.tenant, sortedIDs(artifacts)); err != nil {
		return fmt.Errorf("known artifacts: %w", err)
	}
	force, err := b.inForce(ctx)
	if err != nil {
		return err
	}
	changed := map[string][]id.ID{}
	for _, s := range statements {
		outcome := outcomeNoProduct
		switch {
		case s.Outcome == outcomeEnded:
			continue
		case s.Nothing:
			outcome = outcomeUnreadable
		case !force.Trusts(s.Issuer, s.Source):
			outcome = outcomeUntrusted
		case applied[s.ID]:
			outcome = outcomeApplied
		case lost[s.ID]:
			outcome = outcomeSuperseded
		case knownKeys[s.Key], knownSerials[s.Serial], s.Artifact != nil && knownArtifacts[*s.Artifact]:
			outcome = outcomeNoVuln
		}
		if outcome != s.Outcome {
			changed[outcome] = append(changed[outcome], s.ID)
			b.tallyStatement(s.Document, outcome)
		}
	}
	for outcome, ids := range changed {
		if err := b.exec(ctx, sqlSetOutcomes, b.tenant, ids, outcome); err != nil {
			return fmt.Errorf("outcome of %d statements: %w", len(ids), err)
		}
	}
	return nil
}

// usedStatements finds the statements that decide a finding of these vulnerabilities,
// and those that lost one.
func (b *batch) usedStatements(ctx context.Context, vulns []string) (applied, lost map[id.ID]bool, err error) {
	g, err := loadGroups(ctx, b.tx, b.tenant, vulns)
	if err != nil {
		return nil, nil, err
	}
	rows, err := b.tx.Query(ctx, sqlUsedStatements, b.tenant, g.ids())
	if err != nil {
		return nil, nil, err
	}
	applied, lost = map[id.ID]bool{}, map[id.ID]bool{}
	var statement id.ID
	var decides bool
	_, err = pgx.ForEachRow(rows, []any{&statement, &decides}, func() error {
		if decides {
			applied[statement] = true
		} else {
			lost[statement] = true
		}
		return nil
	})
	return applied, lost, err
}
