package inventory

import (
	"context"
	"encoding/json"
	"time"

	"sluice/internal/id"
	"sluice/projections/vex"
)

// Effect is what becomes of a finding.
type Effect struct {
	Artifact      string `json:"artifact"`
	Package       string `json:"package"`
	Vulnerability string `json:"vulnerability"`
	From          string `json:"from"`        // open or suppressed
	FromStatus    string `json:"from_status"` // what was said about it; "": nothing
	FromSource    string `json:"from_source"` // by a decision, or the format of a statement
	To            string `json:"to"`          // open, suppressed; as-stated: what statements say, which count again
	ToStatus      string `json:"to_status"`
	Kept          string `json:"kept,omitempty"` // why it stays as it is
}

// Conflict is a statement of an issuer that says something else than a decision.
type Conflict struct {
	Statement     string     `json:"statement"`
	Vulnerability string     `json:"vulnerability"`
	Status        string     `json:"status"`
	Justification string     `json:"justification"`
	Issuer        string     `json:"issuer"`
	Source        string     `json:"source"`
	Product       string     `json:"product"`
	Subcomponent  string     `json:"subcomponent"`
	Time          *time.Time `json:"time"`
	// Newer: it is younger than the decision that is replaced, which may not have known of it.
	Newer bool `json:"newer"`
}

// findingRow is a finding as findings_about.sql reads it.
type findingRow struct {
	State      string          `db:"state"`
	ArtifactID id.ID           `db:"artifact_id"`
	Artifact   string          `db:"artifact"`
	PackageID  id.ID           `db:"package_id"`
	Package    string          `db:"package"`
	VulnID     string          `db:"vuln_id"`
	VEX        json.RawMessage `db:"vex"`
}

type findingAt struct {
	artifact, pkg id.ID
	vuln          string
}

// contradiction is a statement beside a status that a decision gives.
type contradiction struct {
	statement id.ID
	status    string
}

// in is what decides a finding, as the projection wrote it down.
type in struct {
	Status      string  `json:"status"`
	Source      string  `json:"source"`
	Scope       string  `json:"scope"`
	StatementID *id.ID  `json:"statement_id"`
	DecisionID  *id.ID  `json:"decision_id"`
	Superseded  []id.ID `json:"superseded"`
}

// affects lists the findings that a decision on t with this status, "" for its end, is about. since is
// when the decision was made that it replaces; nil: there was none.
func (v *verdicts) affects(ctx context.Context, t target, status string, since *time.Time) error {
	ids, err := v.idsOf(ctx, t.vuln)
	if err != nil {
		return err
	}
	var artifacts []id.ID
	if t.artifact != nil {
		artifacts = []id.ID{*t.artifact}
	}
	list, err := collect[findingRow](ctx, v.tx, sqlFindingsAbout, v.tenant, t.pkg, artifacts, t.vuln, ids.same, ids.told)
	if err != nil {
		return err
	}
	for _, f := range list {
		var now in
		if f.VEX != nil {
			if err := json.Unmarshal(f.VEX, &now); err != nil {
				return err
			}
		}
		e := Effect{
			Artifact: f.Artifact, Package: f.Package, Vulnerability: f.VulnID,
			From: f.State, FromStatus: now.Status, FromSource: now.Source, To: "open", ToStatus: status,
		}
		stated := now.Superseded
		if now.StatementID != nil {
			stated = append(stated, *now.StatementID)
		}
		switch {
		case t.artifact == nil && now.DecisionID != nil && now.Scope == vex.InsideVersion.String():
			e.To, e.ToStatus, e.Kept = f.State, now.Status, "a decision about this artifact goes before"
		case status == "" && len(stated) > 0:
			e.To = "as-stated"
		case vex.Suppresses(status):
			e.To = "suppressed"
		}
		if e.Kept == "" && status != "" {
			for _, s := range stated {
				v.says[contradiction{s, status}] = since
			}
		}
		if key := (findingAt{f.ArtifactID, f.PackageID, f.VulnID}); !v.seen[key] {
			v.seen[key] = true
			v.done.Findings = append(v.done.Findings, e)
		}
	}
	return nil
}

// finish finds out which statements say something else.
func (v *verdicts) finish(ctx context.Context) error {
	if len(v.says) == 0 {
		return nil
	}
	var statements []id.ID
	var statuses []string
	since := map[id.ID]*time.Time{}
	for c, at := range v.says {
		statements, statuses, since[c.statement] = append(statements, c.statement), append(statuses, c.status), at
	}
	type row struct {
		ID            id.ID      `db:"id"`
		VulnID        string     `db:"vuln_id"`
		Status        string     `db:"status"`
		Issuer        string     `db:"issuer"`
		Source        string     `db:"source"`
		Product       string     `db:"product"`
		Subcomponent  string     `db:"subcomponent"`
		At            *time.Time `db:"stated_at"`
		Justification string     `db:"justification"`
	}
	list, err := collect[row](ctx, v.tx, sqlContradicting, v.tenant, statements, statuses)
	if err != nil {
		return err
	}
	for _, r := range list {
		utc(r.At)
		v.done.Conflicts = append(v.done.Conflicts, Conflict{
			Statement: r.ID.String(), Vulnerability: r.VulnID, Status: r.Status, Justification: r.Justification, Issuer: r.Issuer, Source: r.Source,
			Product: r.Product, Subcomponent: r.Subcomponent, Time: r.At,
			Newer: r.At != nil && since[r.ID] != nil && r.At.After(*since[r.ID]),
		})
	}
	return nil
}
