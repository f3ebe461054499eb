package inventory

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
)

// HistoryFilter picks what happened: to decisions on Package, about Vuln, in Artifact alone, what all
// that is given has in common, or to one Decision.
type HistoryFilter struct {
	Package, Vuln, Artifact string
	Decision                *id.ID
	// Limit is how many at most, the newest; 0 is all.
	Limit int
}

// DecisionEvent is something that happened to a decision or to a finding that it is about.
type DecisionEvent struct {
	At            time.Time       `db:"at" json:"at"`
	Event         string          `db:"event" json:"event"` // vex.decide, vex.withdraw; of a finding opened, suppressed, reopened …
	Decision      string          `db:"decision" json:"decision"`
	Artifact      string          `db:"artifact" json:"artifact"`
	Package       string          `db:"package" json:"package"`
	Vulnerability string          `db:"vuln_id" json:"vulnerability"`
	By            string          `db:"by" json:"by"` // "" of what the projection did
	From          string          `db:"from" json:"from"`
	To            string          `db:"to" json:"to"`
	Reason        string          `db:"reason" json:"reason"`
	Detail        json.RawMessage `db:"diff" json:"detail"` // of a decision what was before and after
}

// History lists what happened, the newest first: decisions and withdrawals with their authors, from the
// audit log, and, where a package and a vulnerability are given, what became of the findings.
func (inv *Inventory) History(ctx context.Context, tenant id.ID, f HistoryFilter) ([]DecisionEvent, error) {
	a := about{Package: f.Package, Vuln: f.Vuln, Artifact: f.Artifact}
	var p parsed
	if a != (about{}) {
		var err error
		if p, err = a.check(); err != nil {
			return nil, err
		}
	}
	var list []DecisionEvent
	err := inv.read(ctx, tenant, func(tx pgx.Tx) (err error) {
		v := newVerdicts(tenant, true)
		v.tx, p.Ahead = tx, true
		var pkg *id.ID
		if p.pkg != nil {
			known, err := v.knownPackage(ctx, p)
			if err != nil {
				return err
			}
			pkg = &known.ID
		}
		var ids []string
		if p.Vuln != "" {
			all, err := v.idsOf(ctx, p.Vuln)
			if err != nil {
				return err
			}
			ids = all.same
		}
		var artifacts []id.ID
		if p.artifact != nil {
			artifacts = []id.ID{id.Derive(tenant, "artifact", p.artifact.Purl)}
		}
		if list, err = collect[DecisionEvent](ctx, tx, sqlDecisionHistory, tenant, pkg, ids, artifacts, f.Decision); err != nil {
			return err
		}
		if pkg != nil && ids != nil {
			found, err := collect[DecisionEvent](ctx, tx, sqlFindingEvents, tenant, *pkg, ids, artifacts)
			if err != nil {
				return err
			}
			list = append(list, found...)
		}
		if len(list) == 0 && p.artifact != nil {
			return namedArtifact(p.artifact.Purl).noPlace(ctx, tx, tenant)
		}
		return nil
	})
	if err != nil {
		return nil, during("history of decisions", err)
	}
	for i := range list {
		list[i].At = list[i].At.UTC()
	}
	slices.SortStableFunc(list, func(a, b DecisionEvent) int { return b.At.Compare(a.At) })
	if f.Limit > 0 && len(list) > f.Limit {
		list = list[:f.Limit]
	}
	return list, nil
}
