package inventory

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/pg"
)

// Withdrawal takes the tenant's own verdicts back: those on Package, those about Vuln, those in the
// artifacts alone, or what all that is given has in common.
type Withdrawal struct {
	// Finding is the id of a finding, as in Decision.
	Finding string
	// Package is its purl with a version, as it was decided on.
	Package string
	// Vuln is an id of the vulnerability. Decisions under each of its ids are withdrawn.
	Vuln string
	// Artifact is the purl of an artifact, Tag names those that have it: with one of them the
	// decisions about those artifacts alone are meant, without the ones that hold everywhere.
	Artifact, Tag string
	// Rationale says why.
	Rationale string
	// Actor is who withdraws, for the audit log; nil: who acts in the context.
	Actor *id.ID
}

// Check returns an *ask.WrongError where the withdrawal makes no sense. Withdraw checks too.
func (w Withdrawal) Check() error {
	_, err := w.about().check()
	return err
}

// about is what it names; it need not be imported any more, or yet.
func (w Withdrawal) about() about {
	return about{Finding: w.Finding, Package: w.Package, Vuln: w.Vuln, Artifact: w.Artifact, Tag: w.Tag}
}

// Withdraw ends decisions: see WithdrawAll.
func (inv *Inventory) Withdraw(ctx context.Context, tenant id.ID, w Withdrawal) error {
	_, err := inv.WithdrawAll(ctx, tenant, w, false)
	return err
}

// WithdrawAll ends decisions: statements count again, and without any the findings are open. The
// audit log gets what they were, in the same transaction; it takes effect with the next
// projection. Where no decision is in force it is an *ask.NotFoundError. In a dry run nothing is
// recorded.
func (inv *Inventory) WithdrawAll(ctx context.Context, tenant id.ID, w Withdrawal, dryRun bool) (Decided, error) {
	p, err := w.about().check()
	if err != nil {
		return Decided{}, err
	}
	if w.Actor == nil {
		w.Actor = pg.UserOf(ctx)
	}
	v := newVerdicts(tenant, dryRun)
	err = inv.as(ctx, pg.Ingest, tenant, func(tx pgx.Tx) error {
		v.tx = tx
		if err := v.lock(ctx); err != nil {
			return err
		}
		list, err := v.inForce(ctx, p)
		if err != nil {
			return err
		}
		for _, d := range list {
			if err := v.withdraw(ctx, w, d); err != nil {
				return err
			}
		}
		return v.finish(ctx)
	})
	if err != nil {
		return Decided{}, fmt.Errorf("withdraw: %w", err)
	}
	return v.done, nil
}

// decided is a decision in force.
type decided struct {
	ID       id.ID           `db:"id"`
	Artifact *id.ID          `db:"artifact_id"`
	In       string          `db:"artifact"`
	Package  id.ID           `db:"package_id"`
	Purl     string          `db:"package"`
	VulnID   string          `db:"vuln_id"`
	Status   string          `db:"status"`
	At       time.Time       `db:"decided_at"`
	Revision int             `db:"revision"`
	By       string          `db:"by"`
	Before   json.RawMessage `db:"before"`
}

// inForce are the decisions that are meant.
func (v *verdicts) inForce(ctx context.Context, p parsed) ([]decided, error) {
	var pkg *id.ID
	if p.pkg != nil {
		p.Ahead = true // as it was decided on, whoever lists it now
		known, err := v.knownPackage(ctx, p)
		if err != nil {
			return nil, err
		}
		pkg = &known.ID
	}
	var ids []string // other vulnerabilities of the same record have decisions of their own
	if p.Vuln != "" {
		all, err := v.idsOf(ctx, p.Vuln)
		if err != nil {
			return nil, err
		}
		ids = all.same
	}
	var artifacts []id.ID
	if p.Finding != "" {
		t, err := v.finding(ctx, p.Finding)
		if err != nil {
			return nil, err
		}
		all, err := v.idsOf(ctx, t[0].vuln)
		if err != nil {
			return nil, err
		}
		pkg, ids, artifacts = &t[0].pkg, all.same, []id.ID{*t[0].artifact}
	}
	switch {
	case p.artifact != nil:
		artifacts = []id.ID{id.Derive(v.tenant, "artifact", p.artifact.Purl)}
	case p.Tag != "":
		places, err := v.tagged(ctx, p.Tag)
		if err != nil {
			return nil, err
		}
		artifacts = idsOf(places)
	}
	list, err := collect[decided](ctx, v.tx, sqlDecisionsInForce, v.tenant, pkg, ids, artifacts)
	if err != nil || len(list) > 0 {
		return list, err
	}
	return nil, ask.NotFound("no decision%s is in force%s; see `sluice vex list --kind decision%s`", p.of(), p.where(), p.listed())
}

// of says what the decisions would be about.
func (p parsed) of() string {
	switch {
	case p.Vuln != "" && p.pkg != nil:
		return " on " + p.Vuln + " of " + p.pkg.Purl
	case p.Vuln != "":
		return " on " + p.Vuln
	case p.pkg != nil:
		return " on " + p.pkg.Purl
	}
	return ""
}

func (p parsed) where() string {
	switch {
	case p.Finding != "":
		return " for the finding " + p.Finding + " alone"
	case p.artifact != nil:
		return " for " + p.artifact.Purl + " alone"
	case p.Tag != "":
		return " for the artifacts with the tag " + p.Tag + " alone"
	}
	return " for all artifacts (those for one are withdrawn by --artifact)"
}

func (p parsed) listed() string {
	if p.Vuln != "" {
		return " --vuln " + p.Vuln
	}
	return ""
}

func (v *verdicts) withdraw(ctx context.Context, w Withdrawal, d decided) error {
	t := target{artifact: d.Artifact, artifactPurl: d.In, pkg: d.Package, purl: d.Purl, vuln: d.VulnID}
	at := d.At.UTC()
	if err := v.affects(ctx, t, "", &at); err != nil {
		return err
	}
	v.done.Decisions = append(v.done.Decisions, Change{
		ID: d.ID, Package: d.Purl, Vulnerability: d.VulnID, Artifact: d.In, From: d.Status, FromBy: d.By, FromAt: &at, Revision: d.Revision + 1,
	})
	if v.done.DryRun {
		return nil
	}
	sql := sqlWithdrawDecision
	if d.Artifact != nil {
		sql = sqlWithdrawArtifactDecision
	}
	var after json.RawMessage
	if err := v.tx.QueryRow(ctx, sql, v.tenant, d.ID, w.Rationale, w.Actor).Scan(&after); err != nil {
		return err
	}
	return v.note(ctx, "vex.withdraw", w.Actor, t, d.ID, d.Before, after, nil)
}
