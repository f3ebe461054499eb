package inventory

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/normalize"
	"sluice/normalize/purl"
)

// VEXFilter picks statements and decisions. The zero value picks all.
type VEXFilter struct {
	// Vuln is an id of the vulnerability, whichever of its ids; "" is any.
	Vuln string
	// Outcome is what became of a statement: applied, superseded, no_such_product,
	// no_such_vulnerability, unreadable_product, ended, pending; "" is any. Decisions are applied,
	// withdrawn or expired.
	Outcome string
	// Package is a purl: decisions on it, and statements that name it; "" is any.
	Package string
	// Kind is decision or statement; "" is both.
	Kind string
	// Contradicted leaves decisions that a statement contradicts which is newer than they are.
	Contradicted bool
}

// VEX is a statement, or a decision of the tenant's own, with what became of it.
type VEX struct {
	Kind          string     `db:"kind" json:"kind"` // statement, decision
	ID            string     `db:"id" json:"id"`
	Vulnerability string     `db:"vuln_id" json:"vulnerability"`
	Status        string     `db:"status" json:"status"`
	Justification string     `db:"justification" json:"justification"` // of a decision without one its rationale
	Product       string     `db:"product" json:"product"`
	Subcomponent  string     `db:"subcomponent" json:"subcomponent"`
	Issuer        string     `db:"issuer" json:"issuer"` // of a decision who decided
	Source        string     `db:"source" json:"source"`
	Time          *time.Time `db:"stated_at" json:"time"`
	Outcome       string     `db:"outcome" json:"outcome"`
	Document      string     `db:"document_id" json:"document_id"` // "" of a decision
	Impact        string     `db:"impact" json:"impact"`
	Action        string     `db:"action" json:"action"`
	// What only decisions have.
	Rationale string     `db:"rationale" json:"rationale,omitempty"`
	Proof     string     `db:"proof" json:"proof,omitempty"`
	Ticket    string     `db:"ticket" json:"ticket,omitempty"`
	Until     *time.Time `db:"until" json:"until,omitempty"`
	Revision  int        `db:"revision" json:"revision,omitempty"`
	// Newer is how many statements say something else and are younger than the decision.
	Newer int `db:"newer_statements" json:"newer_statements,omitempty"`
}

// Outcomes are what may become of statements and decisions.
var Outcomes = []string{
	"pending", "applied", "superseded", "no_such_product", "no_such_vulnerability", "unreadable_product", "untrusted_issuer", "ended", // of statements
	"withdrawn", "expired", // of decisions, which may be applied too
}

// VEX lists decisions and statements, losing ones too.
func (inv *Inventory) VEX(ctx context.Context, tenant id.ID, f VEXFilter) ([]VEX, error) {
	if err := ask.OneOf("kind", f.Kind, "", "decision", "statement"); err != nil {
		return nil, err
	}
	if err := ask.OneOf("outcome", f.Outcome, slices.Concat([]string{""}, Outcomes)...); err != nil {
		return nil, err
	}
	if f.Contradicted {
		f.Kind = "decision"
	}
	if f.Package != "" {
		p, err := purl.Parse(f.Package)
		if err != nil {
			return nil, ask.Wrong("package", "%q: %w; write it like pkg:npm/lodash@4.17.20", f.Package, err)
		}
		f.Package = p.Purl
	}
	var list []VEX
	err := inv.read(ctx, tenant, func(tx pgx.Tx) (err error) {
		list, err = collect[VEX](ctx, tx, sqlVerdicts, tenant, normalize.VulnID(f.Vuln), f.Outcome, f.Package, f.Kind)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list statements: %w", err)
	}
	for i := range list {
		utc(list[i].Time)
		utc(list[i].Until)
	}
	if f.Contradicted {
		list = slices.DeleteFunc(list, func(v VEX) bool { return v.Newer == 0 })
	}
	return list, nil
}

// utc puts a time that may be missing into UTC.
func utc(t *time.Time) {
	if t != nil {
		*t = t.UTC()
	}
}
