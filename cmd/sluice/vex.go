package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/normalize/purl"
)

func newVEX(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "vex", Short: "Decide on findings; list decisions and statements"}
	var d vexDecision
	decide := &cobra.Command{
		Use:   "decide",
		Short: "Record the tenant's own verdict on a vulnerability of a package",
		Long: `Records a decision. It beats every statement, holds for every artifact with that
package version, and takes effect at the next projection (at once with --wait). The
change is written to the audit log. A later decision on the same replaces it.`,
		Example: `  sluice vex decide --package pkg:npm/lodash@4.17.20 --vuln CVE-2021-23337 \
      --status not_affected --rationale "template() is never called" --wait`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.decide(cmd.Context(), d) },
	}
	f := decide.Flags()
	f.StringVar(&d.pkg, "package", "", "purl of the package, with its version, as the findings show it")
	f.StringVar(&d.vuln, "vuln", "", "id of the vulnerability, any of its aliases")
	f.StringVar(&d.status, "status", "", "not_affected, affected, fixed or under_investigation")
	f.StringVar(&d.rationale, "rationale", "", "why")
	f.StringVar(&d.proof, "proof", "", "where the proof is: a ticket, a URL")
	f.StringVar(&d.actor, "actor", "", "UUID of the user who decides, for the audit log")
	f.BoolVar(&d.wait, "wait", false, "project too, and end when findings show it")
	for _, name := range []string{"package", "vuln", "status"} {
		_ = decide.MarkFlagRequired(name)
	}
	var vuln, outcome string
	list := &cobra.Command{
		Use:   "list",
		Short: "List statements and decisions, losing ones too, with what became of each",
		Long: `Lists the tenant's decisions and every VEX statement with its outcome: applied (it decides
a finding), superseded (another one decides), no_such_product and no_such_vulnerability
(it waits), pending (not projected yet).`,
		Example: "  sluice vex list --vuln CVE-2021-44228\n  sluice vex list --outcome no_such_product",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.listVEX(cmd.Context(), vuln, outcome) },
	}
	list.Flags().StringVar(&vuln, "vuln", "", "only those about this vulnerability, by any of its ids")
	list.Flags().StringVar(&outcome, "outcome", "", "only statements with this outcome")
	cmd.AddCommand(decide, list)
	return cmd
}

type vexDecision struct {
	pkg, vuln, status, rationale, proof, actor string
	wait                                       bool
}

func (a *app) decide(ctx context.Context, d vexDecision) error {
	p, err := purl.Parse(d.pkg)
	if err != nil {
		return usagef("--package %q: %w; write it like pkg:npm/lodash@4.17.20", d.pkg, err)
	}
	if p.Version == "" {
		return usagef("--package %q has no version: a decision is about one", d.pkg)
	}
	switch d.status {
	case "not_affected", "affected", "fixed", "under_investigation":
	default:
		return usagef("--status %q: it is not_affected, affected, fixed or under_investigation", d.status)
	}
	var actor *id.ID
	if d.actor != "" {
		who, err := id.Parse(d.actor)
		if err != nil {
			return usagef("--actor: %w", err)
		}
		actor = &who
	}
	tenant, err := a.tenantID(ctx, false)
	if err != nil {
		return err
	}
	pool, err := a.pool(ctx, pg.Ingest, pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	pkg := ingest.NewPackage(tenant, p)
	err = pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		var known bool
		if err := tx.QueryRow(ctx, `select exists (select from vex.package where tenant_id = $1 and id = $2)`, tenant, pkg.ID).Scan(&known); err != nil {
			return err
		}
		if !known {
			return fmt.Errorf("no SBOM of this tenant lists %s; give the purl as `sluice findings` prints it", p.Purl)
		}
		var decision id.ID
		var before []byte
		err := tx.QueryRow(ctx, `select to_jsonb(d) from vex.vex_decision d where tenant_id = $1 and package_id = $2 and vuln_id = $3`, tenant, pkg.ID, d.vuln).Scan(&before)
		if err != nil && err != pgx.ErrNoRows {
			return err
		}
		err = tx.QueryRow(ctx, `
			insert into vex.vex_decision (tenant_id, package_id, vuln_id, status, rationale, proof_ref, decided_by)
			values ($1, $2, $3, $4, nullif($5, ''), nullif($6, ''), $7)
			on conflict (tenant_id, package_id, vuln_id) do update set
				status = excluded.status, rationale = excluded.rationale, proof_ref = excluded.proof_ref, decided_by = excluded.decided_by,
				decided_at = now(), updated_at = now()
			returning id`, tenant, pkg.ID, d.vuln, d.status, d.rationale, d.proof, actor).Scan(&decision)
		if err != nil {
			return err
		}
		diff, err := json.Marshal(map[string]any{
			"before": json.RawMessage(orNull(before)),
			"after":  map[string]string{"package": p.Purl, "vuln_id": d.vuln, "status": d.status, "rationale": d.rationale, "proof_ref": d.proof},
		})
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `insert into authority.audit_log (tenant_id, actor_id, action, entity_type, entity_id, diff) values ($1, $2, 'vex.decide', 'vex_decision', $3, $4)`,
			tenant, actor, decision, diff); err != nil {
			return err
		}
		payload, _ := json.Marshal(map[string]string{"vuln": d.vuln})
		if _, err := tx.Exec(ctx, `insert into core.job_queue (tenant_id, kind, payload) values ($1, 'decision', $2)`, tenant, payload); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `select pg_notify($1, '')`, ingest.Channel)
		return err
	})
	if err != nil {
		return fmt.Errorf("decide: %w", err)
	}
	if d.wait {
		return a.drain(ctx, tenant)
	}
	return nil
}

func orNull(b []byte) []byte {
	if b == nil {
		return []byte("null")
	}
	return b
}

func (a *app) listVEX(ctx context.Context, vuln, outcome string) error {
	type row struct {
		Kind          string     `json:"kind"` // statement, decision
		ID            string     `json:"id"`
		Vulnerability string     `json:"vulnerability"`
		Status        string     `json:"status"`
		Justification string     `json:"justification"`
		Product       string     `json:"product"`
		Subcomponent  string     `json:"subcomponent"`
		Issuer        string     `json:"issuer"`
		Source        string     `json:"source"`
		Time          *time.Time `json:"time"`
		Outcome       string     `json:"outcome"`
		Document      string     `json:"document_id"`
	}
	var list []row
	err := a.reader(ctx, func(tx pgx.Tx, tenant id.ID) error {
		rows, err := tx.Query(ctx, `
			with ids as (select $2::text as v union select alias from vex.vuln_alias where tenant_id = any (array[$1::uuid, core.shared_tenant()]) and vuln_id = $2 and is_current)
			select 'decision', d.id::text, d.vuln_id, coalesce(d.status, ''), coalesce(d.rationale, ''), coalesce(p.purl, d.package_id::text), '', '', 'decision', d.decided_at, 'applied', ''
			from vex.vex_decision d left join vex.package p on p.tenant_id = d.tenant_id and p.id = d.package_id
			where d.tenant_id = $1 and ($2 = '' or d.vuln_id in (select v from ids)) and $3 in ('', 'applied')
			union all
			select 'statement', s.id::text, s.vuln_id, s.status, s.justification, s.product, s.subcomponent, s.issuer, s.source, s.statement_time, s.outcome, s.document_id::text
			from vex.vex_statement s
			where s.tenant_id = $1 and ($2 = '' or s.vuln_id in (select v from ids)) and ($3 = '' or s.outcome = $3)
			order by 3, 1, 6, 7, 10 desc nulls last, 2`, tenant, vuln, outcome)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[row])
		return err
	})
	if err != nil {
		return fmt.Errorf("list statements: %w", err)
	}
	t := table{head: []string{"vulnerability", "status", "product", "subcomponent", "justification", "source", "issuer", "time", "outcome"}, empty: "no statements and no decisions"}
	for _, r := range list {
		at := ""
		if r.Time != nil {
			at = r.Time.UTC().Format(time.RFC3339)
		}
		t.add(r.Vulnerability, r.Status, r.Product, r.Subcomponent, strings.TrimSpace(r.Justification), r.Source, r.Issuer, at, r.Outcome)
	}
	return a.print(&t, orEmpty(list))
}
