package inventory

import (
	"context"
	"encoding/json"
	"errors"
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

// Decision is the tenant's own verdict on a vulnerability of a package.
type Decision struct {
	// Package is its purl with a version. An SBOM of the tenant has to list it. Required.
	Package string
	// Vuln is an id of the vulnerability, whichever of its ids. Required.
	Vuln string
	// Status is not_affected, affected, fixed or under_investigation. Required.
	Status string
	// Rationale says why, Proof where that is shown: a ticket, a URL.
	Rationale, Proof string
	// Actor is who decides, for the audit log; nil: who acts in the context.
	Actor *id.ID
}

// Check returns an *ask.WrongError where the decision makes no sense. Decide checks too.
func (d Decision) Check() error {
	_, err := d.parse()
	return err
}

func (d Decision) parse() (purl.Package, error) {
	p, err := purl.Parse(d.Package)
	switch {
	case err != nil:
		return p, ask.Wrong("package", "%q: %w; write it like pkg:npm/lodash@4.17.20", d.Package, err)
	case p.Version == "":
		return p, ask.Wrong("package", "%q has no version: a decision is about one", d.Package)
	}
	if d.Vuln == "" {
		return p, ask.Wrong("vuln", "is missing: a decision is about one vulnerability")
	}
	return p, ask.OneOf("status", d.Status, "not_affected", "affected", "fixed", "under_investigation")
}

// Decide records a decision, and in the audit log what it replaces. It takes effect with the
// next projection, for which it leaves a job.
func (inv *Inventory) Decide(ctx context.Context, tenant id.ID, d Decision) error {
	p, err := d.parse()
	if err != nil {
		return err
	}
	if d.Vuln = normalize.VulnID(d.Vuln); len(d.Vuln) > normalize.MaxID {
		return ask.Wrong("vuln", "%.40q... has %d bytes; %d are allowed", d.Vuln, len(d.Vuln), normalize.MaxID)
	}
	if d.Actor == nil {
		d.Actor = pg.UserOf(ctx)
	}
	err = inv.as(ctx, pg.Ingest, tenant, func(tx pgx.Tx) error {
		pkg, err := knownPackage(ctx, tx, tenant, p)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlLockDecisions, tenant, pkg.ID); err != nil {
			return err
		}
		var before json.RawMessage
		err = tx.QueryRow(ctx, sqlDecision, tenant, pkg.ID, d.Vuln).Scan(&before)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		var decision id.ID
		if err := tx.QueryRow(ctx, sqlPutDecision, tenant, pkg.ID, d.Vuln, d.Status, d.Rationale, d.Proof, d.Actor).Scan(&decision); err != nil {
			return err
		}
		err = audit.Note(ctx, tx, tenant, audit.Entry{
			Actor: d.Actor, Action: "vex.decide", Entity: "vex_decision", Of: &decision,
			// before is null where there was none
			Diff: audit.Change(before, map[string]string{"package": pkg.Purl, "vuln_id": d.Vuln, "status": d.Status, "rationale": d.Rationale, "proof_ref": d.Proof}),
		})
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, sqlQueueDecision, tenant, d.Vuln, ingest.Channel)
		return err
	})
	if err != nil {
		return fmt.Errorf("decide: %w", err)
	}
	return nil
}
