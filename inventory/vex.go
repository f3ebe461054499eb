package inventory

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/normalize"
)

// VEXFilter picks statements and decisions. The zero value picks all.
type VEXFilter struct {
	// Vuln is an id of the vulnerability, whichever of its ids; "" is any.
	Vuln string
	// Outcome is what became of a statement: applied, superseded, no_such_product,
	// no_such_vulnerability, unreadable_product, ended, pending; "" is any. Decisions are applied or
	// withdrawn.
	Outcome string
}

// VEX is a statement, or a decision of the tenant's own, with what became of it.
type VEX struct {
	Kind          string     `db:"kind" json:"kind"` // statement, decision
	ID            string     `db:"id" json:"id"`
	Vulnerability string     `db:"vuln_id" json:"vulnerability"`
	Status        string     `db:"status" json:"status"`
	Justification string     `db:"justification" json:"justification"` // a decision's rationale
	Product       string     `db:"product" json:"product"`
	Subcomponent  string     `db:"subcomponent" json:"subcomponent"`
	Issuer        string     `db:"issuer" json:"issuer"`
	Source        string     `db:"source" json:"source"`
	Time          *time.Time `db:"stated_at" json:"time"`
	Outcome       string     `db:"outcome" json:"outcome"`
	Document      string     `db:"document_id" json:"document_id"` // "" of a decision
}

// VEX lists decisions and statements, losing ones too.
func (inv *Inventory) VEX(ctx context.Context, tenant id.ID, f VEXFilter) ([]VEX, error) {
	var list []VEX
	err := inv.read(ctx, tenant, func(tx pgx.Tx) (err error) {
		list, err = collect[VEX](ctx, tx, sqlVerdicts, tenant, normalize.VulnID(f.Vuln), f.Outcome)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list statements: %w", err)
	}
	for i := range list {
		utc(list[i].Time)
	}
	return list, nil
}

// utc puts a time that may be missing into UTC.
func utc(t *time.Time) {
	if t != nil {
		*t = t.UTC()
	}
}
