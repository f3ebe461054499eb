package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"sluice/internal/id"
	"sluice/normalize/purl"
)

func newFindings(a *app) *cobra.Command {
	var artifact, vuln, status string
	var limit int
	cmd := &cobra.Command{
		Use:   "findings",
		Short: "List findings: open ones, suppressed ones with the reason, or all",
		Example: `  sluice findings --tenant acme
  sluice findings --artifact pkg:oci/app@1.2 --status all --output json
  sluice findings --vuln CVE-2021-44228 --output csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch status {
			case "open", "suppressed", "all":
			default:
				return usagef("--status %q: it is open, suppressed or all", status)
			}
			if limit < 0 {
				return usagef("--limit %d: it is 0, for all, or more", limit)
			}
			return a.findings(cmd.Context(), artifact, vuln, status, limit)
		},
	}
	cmd.Flags().StringVar(&artifact, "artifact", "", "only those of this artifact, by purl")
	cmd.Flags().StringVar(&vuln, "vuln", "", "only those of this vulnerability, by any of its ids")
	cmd.Flags().StringVar(&status, "status", "open", "open, suppressed or all")
	cmd.Flags().IntVar(&limit, "limit", 0, "at most so many, the worst first; 0 is all")
	return cmd
}

// foundJSON is a finding as --output json has it.
type foundJSON struct {
	Artifact      string          `json:"artifact"`
	Package       string          `json:"package"`
	Vulnerability string          `json:"vulnerability"`
	Aliases       []string        `json:"aliases"`
	Advisories    []string        `json:"advisories"`
	Status        string          `json:"status"`
	Severity      string          `json:"severity"`
	Score         any             `json:"score"`
	Fixed         []string        `json:"fixed_versions"`
	VEX           *vexJSON        `json:"vex"`
	Evidence      json.RawMessage `json:"evidence"`
	FirstSeen     time.Time       `json:"first_seen"`
	LastChanged   time.Time       `json:"last_changed"`

	score *int16
}

type vexJSON struct {
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

// sqlFindings is completed with the filter of --vuln. A finding without a score has the
// place of the lower end of its severity.
const sqlFindings = `
select * from (
  select 'open' as status, artifact_purl, package_purl, vuln_id, aliases, advisories, score, severity, fixed_versions, vex, evidence, first_seen, last_changed
  from vex.open_findings
  where tenant_id = $1 and $4 <> 'suppressed' and ($2 = '' or artifact_purl = $2) %[1]s
  union all
  select 'suppressed', artifact_purl, package_purl, vuln_id, aliases, advisories, score, severity, fixed_versions, vex, evidence, first_seen, last_changed
  from vex.suppressed_findings
  where tenant_id = $1 and $4 <> 'open' and ($2 = '' or artifact_purl = $2) %[1]s
) as f
order by coalesce(score, case severity when 'critical' then 90 when 'high' then 70 when 'medium' then 40 when 'low' then 1 else 0 end) desc,
  vuln_id, artifact_purl, package_purl, status
limit nullif($5, 0)`

// sqlVulnIDs are the ids that findings of $2 may have: those of the same vulnerability,
// and, where it is the id of a record, those that the record speaks of. So the index
// on vuln_id serves, which one on the arrays could not under row security.
const sqlVulnIDs = `
with recursive same (id) as (
  select $2::text
  union
  select a.alias from same join vex.vuln_alias a
    on a.tenant_id = any (array[$1::uuid, core.shared_tenant()]) and a.vuln_id = same.id and a.is_current
), told (id) as (
  select unnest(f.names) from vex.vuln_fact f
  where f.tenant_id = any (array[$1::uuid, core.shared_tenant()]) and f.external_id = $2
)
select array(select id from same), array(select id from told)`

func (a *app) findings(ctx context.Context, artifact, vuln, status string, limit int) error {
	if artifact != "" {
		p, err := purl.Parse(artifact)
		if err != nil {
			return usagef("--artifact %q: %w; write it like pkg:oci/app@1.2", artifact, err)
		}
		artifact = p.Purl
	}
	var list []foundJSON
	err := a.reader(ctx, func(tx pgx.Tx, tenant id.ID) error {
		filter, args := "and $3 = ''", []any{tenant, artifact, vuln, status, limit}
		if vuln != "" {
			var same, told []string
			if err := tx.QueryRow(ctx, sqlVulnIDs, tenant, vuln).Scan(&same, &told); err != nil {
				return err
			}
			filter = "and vuln_id = any ($6::text[] || $7::text[]) and (vuln_id = any ($6::text[]) or $3 = any (advisories))"
			args = append(args, same, told)
		}
		rows, err := tx.Query(ctx, fmt.Sprintf(sqlFindings, filter), args...)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (foundJSON, error) {
			var f foundJSON
			var vex []byte
			err := row.Scan(&f.Status, &f.Artifact, &f.Package, &f.Vulnerability, &f.Aliases, &f.Advisories, &f.score, &f.Severity, &f.Fixed, &vex, &f.Evidence, &f.FirstSeen, &f.LastChanged)
			if err == nil && vex != nil {
				err = json.Unmarshal(vex, &f.VEX)
			}
			f.Score = scoreNumber(f.score)
			f.FirstSeen, f.LastChanged = f.FirstSeen.UTC(), f.LastChanged.UTC()
			return f, err
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("findings: %w", err)
	}
	t := table{head: []string{"vulnerability", "score", "severity", "package", "artifact", "status", "fixed in", "reason"}, empty: "no " + strings.TrimPrefix(status, "all") + " findings"}
	for _, f := range list {
		reason := ""
		if f.VEX != nil {
			reason = f.VEX.Status
			if f.VEX.Justification != "" {
				reason += ": " + f.VEX.Justification
			}
			reason += " (" + strings.TrimSpace(f.VEX.Source+" "+f.VEX.Issuer) + ")"
		}
		t.add(f.Vulnerability, tenths(f.score), f.Severity, f.Package, f.Artifact, f.Status, strings.Join(f.Fixed, " "), reason)
	}
	return a.print(&t, orEmpty(list))
}
