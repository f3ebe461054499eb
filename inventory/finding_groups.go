package inventory

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/ask"
	"sluice/internal/id"
)

// FindingGroup are findings of one vulnerability, package or artifact, summed.
type FindingGroup struct {
	Key             string    `db:"key" json:"key"` // its id or its purl
	Severity        string    `db:"severity" json:"severity"`
	Score           *Score    `db:"score" json:"score"` // the highest
	Findings        int64     `db:"findings" json:"findings"`
	Suppressed      int64     `db:"suppressed" json:"suppressed"` // of these
	Critical        int64     `db:"critical" json:"critical"`
	High            int64     `db:"high" json:"high"`
	Vulnerabilities int64     `db:"vulnerabilities" json:"vulnerabilities"`
	Packages        int64     `db:"packages" json:"packages"`
	Artifacts       int64     `db:"artifacts" json:"artifacts"`
	Fixable         bool      `db:"fix_available" json:"fix_available"` // at least one
	FirstSeen       time.Time `db:"first_seen" json:"first_seen"`
}

// GroupFindings sums the findings that a filter picks by vulnerability, package or artifact: the worst group first,
// of equal ones that with the most findings. The filter's order and cursor do not count. more says
// that there are more groups than the limit.
func (inv *Inventory) GroupFindings(ctx context.Context, tenant id.ID, f FindingFilter, by string) (list []FindingGroup, more bool, err error) {
	if err := ask.OneOf("group-by", by, "vulnerability", "package", "artifact"); err != nil {
		return nil, false, err
	}
	if f.Status == "closed" {
		return nil, false, ask.Wrong("group-by", "%s: closed findings are listed, not summed", by)
	}
	f.After = ""
	n, err := f.normal(tenant)
	if err != nil {
		return nil, false, err
	}
	err = inv.read(ctx, tenant, func(tx pgx.Tx) error {
		q, err := n.query(ctx, tx, tenant)
		if err != nil {
			return err
		}
		args := q.argsFor(by, "", nil, 0, nil)[:groupArgs]
		args[19] = nil
		if f.Limit > 0 {
			args[19] = f.Limit + 1
		}
		list, err = collect[FindingGroup](ctx, tx, sqlFindingsGroups, args...)
		if err == nil && len(list) == 0 {
			err = n.named().noPlace(ctx, tx, tenant)
		}
		return err
	})
	if err != nil {
		return nil, false, during("group findings", err)
	}
	if f.Limit > 0 && len(list) > f.Limit {
		list, more = list[:f.Limit], true
	}
	for i := range list {
		list[i].FirstSeen = list[i].FirstSeen.UTC()
	}
	return list, more, nil
}
