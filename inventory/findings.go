package inventory

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
)

// Finding is a package of an artifact that a vulnerability hits.
type Finding struct {
	ID            string          `json:"id"` // see FindingID
	Artifact      string          `json:"artifact"`
	Package       string          `json:"package"`
	Vulnerability string          `json:"vulnerability"`
	Aliases       []string        `json:"aliases"`
	Advisories    []string        `json:"advisories"`
	Status        string          `json:"status"` // open, suppressed or closed
	Severity      string          `json:"severity"`
	Score         *Score          `json:"score"` // null where no fact has one
	Fixed         []string        `json:"fixed_versions"`
	KEV           *KEV            `json:"kev"`      // null where it is not listed
	EPSS          *EPSS           `json:"epss"`     // null where it has no score
	VEX           *Verdict        `json:"vex"`      // what decides it; null where nothing does
	Evidence      json.RawMessage `json:"evidence"` // null of closed ones
	FirstSeen     time.Time       `json:"first_seen"`
	LastChanged   time.Time       `json:"last_changed"`
	Closed        string          `json:"closed,omitempty"` // why it was closed, of closed ones

	// Cursor is the place behind this finding, for FindingFilter.After.
	Cursor string `json:"-"`
}

// KEV is the entry of a vulnerability in the catalogue of those known to be exploited.
type KEV struct {
	Added      string `json:"date_added"` // 2021-12-10; "" where the catalogue has none
	Due        string `json:"due_date"`
	Ransomware bool   `json:"ransomware"`
}

// EPSS is how likely it is that a vulnerability is exploited within 30 days, by FIRST.
type EPSS struct {
	Score      float32 `json:"score"`
	Percentile float32 `json:"percentile"`
	Date       string  `json:"date"` // of the scores that this one is of
}

// Verdict is the statement or decision that decides a finding, as the projection wrote it down.
type Verdict struct {
	Status        string `json:"status"`
	Justification string `json:"justification"`
	Source        string `json:"source"`
	Issuer        string `json:"issuer,omitempty"`
	Product       string `json:"product,omitempty"`
	Scope         string `json:"scope,omitempty"`
	Time          string `json:"time,omitempty"`
	Detail        string `json:"detail,omitempty"`
	Document      string `json:"document,omitempty"` // content hash of the document with the statement
}

// FindingID names a finding within its tenant: the vulnerability, and the first twelve digits of the
// ids of artifact and package, which are derived from their purls. So it is the same after a rebuild,
// and whether the finding is open, suppressed or closed.
func FindingID(vuln string, artifact, pkg id.ID) string {
	return fmt.Sprintf("%s.%x.%x", vuln, artifact[:6], pkg[:6])
}

// findingPage is how many findings are read at a time where all are asked for.
const findingPage = 5_000

// Findings lists findings, the worst first if nothing else is asked for.
func (inv *Inventory) Findings(ctx context.Context, tenant id.ID, f FindingFilter) ([]Finding, error) {
	list := []Finding{}
	_, err := inv.EachFinding(ctx, tenant, f, func(f Finding) error {
		list = append(list, f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// EachFinding calls fn for each finding, in order, as they are at one moment; it holds no more than a page of
// them in memory. It reports whether there are more than the filter's limit.
func (inv *Inventory) EachFinding(ctx context.Context, tenant id.ID, f FindingFilter, fn func(Finding) error) (more bool, err error) {
	n, err := f.normal(tenant)
	if err != nil {
		return false, err
	}
	err = inv.read(ctx, tenant, func(tx pgx.Tx) error {
		q, err := n.query(ctx, tx, tenant)
		if err != nil {
			return err
		}
		left := f.Limit
		for {
			page := findingPage
			if left > 0 && left < page {
				page = left
			}
			list, err := q.page(ctx, tx, page+1)
			if err != nil {
				return err
			}
			if len(list) == 0 && f.After == "" && left == f.Limit {
				return n.named().noPlace(ctx, tx, tenant)
			}
			more = len(list) > page
			list = list[:min(page, len(list))]
			for i := range list {
				list[i].Cursor = q.cursor(&list[i])
				if err := fn(list[i].Finding); err != nil {
					return err
				}
			}
			if left > 0 {
				if left -= len(list); left == 0 {
					return nil
				}
			}
			if !more {
				return nil
			}
			q.after(&list[len(list)-1])
		}
	})
	if err != nil {
		return false, during("findings", err)
	}
	return more, nil
}

// countedFindings is how many findings CountFindings looks at.
const countedFindings = 10_000

// FindingCounts is how many findings there are.
type FindingCounts struct {
	BySeverity map[string]int64 `json:"by_severity"` // of Total
	Total      int64            `json:"total"`
	// AtLeast says that there are more: nobody counted further.
	AtLeast bool `json:"at_least"`
}

// CountFindings counts what a filter picks, whatever its limit and cursor say, up to 10,000.
func (inv *Inventory) CountFindings(ctx context.Context, tenant id.ID, f FindingFilter) (FindingCounts, error) {
	counts := FindingCounts{BySeverity: map[string]int64{}}
	f.After = ""
	n, err := f.normal(tenant)
	if err != nil {
		return counts, err
	}
	err = inv.read(ctx, tenant, func(tx pgx.Tx) error {
		q, err := n.query(ctx, tx, tenant)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, q.counting(), q.args(countedFindings+1, nil, filterArgs)...)
		if err != nil {
			return err
		}
		var severity string
		var count int64
		_, err = pgx.ForEachRow(rows, []any{&severity, &count}, func() error {
			counts.BySeverity[severity] += count
			counts.Total += count
			return nil
		})
		return err
	})
	if err != nil {
		return counts, fmt.Errorf("count findings: %w", err)
	}
	if counts.Total > countedFindings {
		counts.Total, counts.AtLeast, counts.BySeverity = countedFindings, true, map[string]int64{}
	}
	return counts, nil
}

// AnyFinding reports whether the filter picks anything.
func (inv *Inventory) AnyFinding(ctx context.Context, tenant id.ID, f FindingFilter) (bool, error) {
	f.After, f.Limit = "", 1
	found, err := inv.Findings(ctx, tenant, f)
	return len(found) > 0, err
}
