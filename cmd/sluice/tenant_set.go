package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/tenants"
)

func newTenantSet(a *app) *cobra.Command {
	keep := map[string]*string{}
	var hold bool
	var unseen string
	var tags []string
	cmd := &cobra.Command{
		Use:   "set NAME",
		Short: "Change how long a tenant's documents are kept, or put a legal hold on it",
		Long: `Changes the policy that ` + "`sluice maintain retention`" + ` goes by; only what is given changes. Times are
such as 400d, '13 months' or '5 years', a day at least; ` + "`forever`" + `, the default, keeps all.

Whatever the policy, what is needed stays: the current SBOM of each stream, one that was said again
since, statements that decide a finding or lost one, records that count, what a decision names.
Under --legal-hold nothing of the tenant is deleted. Each change is in the audit log.

--retire-unseen and --retire-tags retire artifacts without anybody saying so, which closes their findings
and deletes nothing: those without an SBOM for so long, unless they hold a tag (by ` + "`sluice maintain retire`" + `),
and those that one of these tags moves on from.`,
		Example: "  sluice tenant set acme --retire-unseen 90d --retire-tags production,staging\n  sluice tenant set acme --retain-documents 400d --retain-parked 90d\n  sluice tenant set acme --legal-hold\n  sluice tenant set acme --legal-hold=false",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			change := tenants.Change{Keep: map[string]string{}}
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
			if cmd.Flags().Changed("retire-unseen") {
				if unseen == "never" {
					unseen = ""
				}
				change.Unseen = &unseen
			}
			if cmd.Flags().Changed("retire-tags") {
				if change.Tags = orEmpty(tags); len(tags) == 1 && tags[0] == "none" {
					change.Tags = []string{}
				}
			}
			if len(change.Keep) == 0 && change.LegalHold == nil && change.Unseen == nil && change.Tags == nil {
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
	cmd.Flags().StringVar(&unseen, "retire-unseen", "", "how long after its newest SBOM an artifact is retired; never, the default, retires none")
	cmd.Flags().StringSliceVar(&tags, "retire-tags", nil, "tags that retire the version that they move on from, TAG,...; none for none")
	cmd.Flags().BoolVar(&hold, "legal-hold", false, "delete nothing of this tenant until the hold is taken away")
	return cmd
}

func (a *app) setTenant(ctx context.Context, name string, change tenants.Change) error {
	tenant, err := a.db.Tenant(ctx, name, false)
	if err != nil {
		return err
	}
	pool, err := a.db.Pool(ctx, pg.Maintainer, pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	p, err := tenants.SetPolicy(ctx, pool, tenant, change)
	if err != nil {
		return fmt.Errorf("tenant %s: %w", name, err)
	}
	out := struct {
		ID   id.ID  `json:"id"`
		Name string `json:"name"`
		tenants.Policy
	}{tenant, name, p}
	t := table{head: []string{"name", "retention", "legal_hold"}}
	t.add(name, p.String(), fmt.Sprint(p.LegalHold))
	return a.print(&t, out)
}
