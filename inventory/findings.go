package inventory

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/normalize"
)

// FindingFilter picks findings. The zero value picks the open ones.
type FindingFilter struct {
	// Artifact is the purl of the artifact they are in; "" is any.
	Artifact string
	// Vuln is an id of the vulnerability, whichever of its ids; "" is any.
	Vuln string
	// Status is open, suppressed or all. Default open.
	Status string
	// Limit is how many at most, the worst first; 0 is all.
	Limit int
}

// Check returns an *ask.WrongError where the filter makes no sense. Findings checks too;
// this is for who wants to know before there is a tenant.
func (f FindingFilter) Check() error {
	_, err := f.normal()
	return err
}

func (f FindingFilter) normal() (FindingFilter, error) {
	if f.Status == "" {
		f.Status = "open"
	}
	if err := ask.OneOf("status", f.Status, "open", "suppressed", "all"); err != nil {
		return f, err
	}
	if err := ask.Limit(f.Limit); err != nil {
		return f, err
	}
	var err error
	f.Artifact, err = artifactPurl(f.Artifact)
	return f, err
}

// Finding is a package of an artifact that a vulnerability hits.
type Finding struct {
	Artifact      string          `db:"artifact_purl" json:"artifact"`
	Package       string          `db:"package_purl" json:"package"`
	Vulnerability string          `db:"vuln_id" json:"vulnerability"`
	Aliases       []string        `db:"aliases" json:"aliases"`
	Advisories    []string        `db:"advisories" json:"advisories"`
	Status        string          `db:"status" json:"status"` // open or suppressed
	Severity      string          `db:"severity" json:"severity"`
	Score         *Score          `db:"score" json:"score"` // null where no fact has one
	Fixed         []string        `db:"fixed_versions" json:"fixed_versions"`
	VEX           *Verdict        `db:"vex" json:"vex"` // what decides it; null where nothing does
	Evidence      json.RawMessage `db:"evidence" json:"evidence"`
	FirstSeen     time.Time       `db:"first_seen" json:"first_seen"`
	LastChanged   time.Time       `db:"last_changed" json:"last_changed"`
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

// Findings lists findings, the worst first.
func (inv *Inventory) Findings(ctx context.Context, tenant id.ID, f FindingFilter) ([]Finding, error) {
	f, err := f.normal()
	if err != nil {
		return nil, err
	}
	var list []Finding
	err = inv.read(ctx, tenant, func(tx pgx.Tx) (err error) {
		var same, told []string
		if f.Vuln = normalize.VulnID(f.Vuln); f.Vuln != "" {
			if err := tx.QueryRow(ctx, sqlVulnIDs, tenant, f.Vuln).Scan(&same, &told); err != nil {
				return err
			}
		}
		list, err = collect[Finding](ctx, tx, sqlFindings, tenant, f.Artifact, f.Vuln, f.Status, f.Limit, same, told)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("findings: %w", err)
	}
	for i := range list {
		list[i].FirstSeen, list[i].LastChanged = list[i].FirstSeen.UTC(), list[i].LastChanged.UTC()
	}
	return list, nil
}
