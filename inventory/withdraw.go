package inventory

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sluice/ingest"
	"sluice/internal/ask"
	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/normalize"
	"sluice/normalize/purl"
)

// Withdrawal takes the tenant's own verdict on a vulnerability of a package back.
type Withdrawal struct {
	// Package is its purl with a version, as it was decided on. Required.
	Package string
	// Vuln is an id of the vulnerability. Decisions under each of its ids are withdrawn. Required.
	Vuln string
	// Rationale says why.
	Rationale string
	// Actor is who withdraws, for the audit log; nil: who acts in the context.
	Actor *id.ID
}

// Check returns an *ask.WrongError where the withdrawal makes no sense. Withdraw checks too.
func (w Withdrawal) Check() error {
	_, err := w.parse()
	return err
}

func (w Withdrawal) parse() (purl.Package, error) {
	return Decision{Package: w.Package, Vuln: w.Vuln, Status: normalize.NotAffected}.parse()
}

// Withdraw ends a decision: statements count again, and without any the finding is open. The
// audit log gets what it was, in the same transaction; it takes effect with the next
// projection. Where no decision is in force it is an *ask.NotFoundError.
func (inv *Inventory) Withdraw(ctx context.Context, tenant id.ID, w Withdrawal) error {
	p, err := w.parse()
	if err != nil {
		return err
	}
	w.Vuln = normalize.VulnID(w.Vuln)
	if w.Actor == nil {
		w.Actor = pg.UserOf(ctx)
	}
	err = inv.as(ctx, pg.Ingest, tenant, func(tx pgx.Tx) error {
		pkg, err := knownPackage(ctx, tx, tenant, p)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlLockDecisions, tenant, pkg.ID); err != nil {
			return err
		}
		var ids, told []string // other vulnerabilities of the same record have decisions of their own
		if err := tx.QueryRow(ctx, sqlVulnIDs, tenant, w.Vuln).Scan(&ids, &told); err != nil {
			return err
		}
		type standing struct {
			ID     id.ID           `db:"id"`
			VulnID string          `db:"vuln_id"`
			Before json.RawMessage `db:"before"`
		}
		list, err := collect[standing](ctx, tx, sqlDecisionsInForce, tenant, pkg.ID, ids)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return ask.NotFound("no decision on %s of %s is in force; see `sluice vex list --vuln %s`", w.Vuln, pkg.Purl, w.Vuln)
		}
		for _, d := range list {
			if _, err := tx.Exec(ctx, sqlWithdrawDecision, tenant, d.ID, w.Rationale, w.Actor); err != nil {
				return err
			}
			err := audit.Note(ctx, tx, tenant, audit.Entry{
				Actor: w.Actor, Action: "vex.withdraw", Entity: "vex_decision", Of: &d.ID,
				Diff: audit.Change(d.Before, map[string]any{"package": pkg.Purl, "vuln_id": d.VulnID, "status": nil, "rationale": w.Rationale}),
			})
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, sqlQueueDecision, tenant, d.VulnID, ingest.Channel); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("withdraw: %w", err)
	}
	return nil
}
