package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/maintenance"
)

func newTenantSet(a *app) *cobra.Command {
	keep := map[string]*string{}
	var hold bool
	cmd := &cobra.Command{
		Use:   "set NAME",
		Short: "Change how long a tenant's documents are kept, or put a legal hold on it",
		Long: `Changes the policy that ` + "`sluice maintain retention`" + ` goes by; only what is given changes. Times are
such as 400d, '13 months' or '5 years', a day at least; ` + "`forever`" + `, the default, keeps all.

Whatever the policy, what is needed stays: the current SBOM of each stream, one that was said again
since, statements that decide a finding or lost one, records that count, what a decision names.
Under --legal-hold nothing of the tenant is deleted. Each change is in the audit log.`,
		Example: "  sluice tenant set acme --retain-documents 400d --retain-parked 90d\n  sluice tenant set acme --legal-hold\n  sluice tenant set acme --legal-hold=false",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			change := maintenance.Change{Keep: map[string]string{}}
			for key, v := range keep {
				if cmd.Flags().Changed("retain-" + key) {
					if change.Keep[key] = *v; *v == "forever" {
						change.Keep[key] = ""
					}
				}
			}
			if cmd.Flags().Changed("legal-hold") {
				change.LegalHold = &hold
			}
			if len(change.Keep) == 0 && change.LegalHold == nil {
				return usagef("say what to change; see `sluice tenant set --help`")
			}
			return a.setTenant(cmd.Context(), args[0], change)
		},
	}
	for key, what := range map[string]string{
		"documents": "documents of every kind, where the kind does not say otherwise",
		"sbom":      "SBOMs that are current no more",
		"vex":       "VEX documents whose statements apply to nothing",
		"vuln":      "versions of the tenant's vulnerability records that newer ones replaced",
		"parked":    "parked documents, since they were tried last",
	} {
		keep[key] = new(string)
		cmd.Flags().StringVar(keep[key], "retain-"+key, "", "how long to keep "+what)
	}
	cmd.Flags().BoolVar(&hold, "legal-hold", false, "delete nothing of this tenant until the hold is taken away")
	return cmd
}

// policyJSON is a tenant's policy as `tenant set` and `tenant list` print it.
type policyJSON struct {
	Retention map[string]string `json:"retention"`
	LegalHold bool              `json:"legal_hold"`
}

// retention says it in one cell: `documents 400d, parked 90d`.
func (p policyJSON) String() string {
	var parts []string
	for k, v := range p.Retention {
		parts = append(parts, k+" "+v)
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

func (a *app) setTenant(ctx context.Context, name string, change maintenance.Change) error {
	own := a.tenant
	a.tenant = name
	tenant, err := a.tenantID(ctx, false)
	a.tenant = own
	if err != nil {
		return err
	}
	pool, err := a.pool(ctx, pg.Maintainer, pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	p, err := maintenance.SetPolicy(ctx, pool, tenant, change)
	if err != nil {
		return usagef("tenant %s: %w", name, err)
	}
	out := struct {
		ID   id.ID  `json:"id"`
		Name string `json:"name"`
		policyJSON
	}{tenant, name, policyJSON{p.Keep, p.LegalHold}}
	t := table{head: []string{"name", "retention", "legal_hold"}}
	t.add(name, out.String(), fmt.Sprint(p.LegalHold))
	return a.print(&t, out)
}
