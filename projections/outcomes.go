package projections

import (
	"context"
	"encoding/json"
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
)

// setOutcomes says what became of every statement about these vulnerabilities.
func (b *batch) setOutcomes(ctx context.Context, names map[string]bool) error {
	if len(names) == 0 {
		return nil
	}
	g, err := loadGroups(ctx, b.tx, b.tenant, sorted(names))
	if err != nil {
		return err
	}
	all := g.ids()
	rows, err := b.tx.Query(ctx, sqlGroupStatements, b.tenant, all)
	if err != nil {
		return err
	}
	type row struct {
		ID       id.ID
		VulnID   string
		Key, Sub string
		Artifact *id.ID
		Serial   string
		Outcome  string
	}
	statements, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil || len(statements) == 0 {
		return err
	}
	applied, lost, err := b.usedStatements(ctx, all)
	if err != nil {
		return err
	}
	keys, serials := map[string]bool{}, map[string]bool{}
	for _, s := range statements {
		keys[s.Key], serials[s.Serial] = true, true
	}
	delete(keys, "")
	delete(serials, "")
	known := map[string]bool{}
	if err := b.strings(ctx, known, sqlKnownProducts, b.tenant, sorted(keys)); err != nil {
		return fmt.Errorf("known products: %w", err)
	}
	linked := map[string]bool{}
	if err := b.strings(ctx, linked, `select distinct bom_serial from ingest.sbom_document where tenant_id = $1 and bom_serial = any ($2)`, b.tenant, sorted(serials)); err != nil {
		return fmt.Errorf("linked SBOMs: %w", err)
	}
	var ids []id.ID
	var outcomes []string
	for _, s := range statements {
		outcome := outcomeNoProduct
		switch {
		case applied[s.ID]:
			outcome = outcomeApplied
		case lost[s.ID]:
			outcome = outcomeSuperseded
		case known[s.Key], linked[s.Serial], s.Artifact != nil && s.Key == "" && s.Serial == "":
			outcome = outcomeNoVuln
		}
		if outcome != s.Outcome {
			ids, outcomes = append(ids, s.ID), append(outcomes, outcome)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	if err := b.exec(ctx, sqlSetOutcomes, b.tenant, ids, outcomes); err != nil {
		return fmt.Errorf("outcomes of %d statements: %w", len(ids), err)
	}
	return nil
}

// usedStatements finds the statements that decide a finding of these vulnerabilities,
// and those that lost one.
func (b *batch) usedStatements(ctx context.Context, vulns []string) (applied, lost map[id.ID]bool, err error) {
	rows, err := b.tx.Query(ctx, sqlUsedStatements, b.tenant, vulns)
	if err != nil {
		return nil, nil, err
	}
	applied, lost = map[id.ID]bool{}, map[id.ID]bool{}
	var winner *string
	var losers []byte
	_, err = pgx.ForEachRow(rows, []any{&winner, &losers}, func() error {
		if winner != nil {
			w, err := id.Parse(*winner)
			if err != nil {
				return err
			}
			applied[w] = true
		}
		var list []id.ID
		if err := json.Unmarshal(losers, &list); err != nil {
			return err
		}
		for _, l := range list {
			lost[l] = true
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("statements in use: %w", err)
	}
	return applied, lost, nil
}
