package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/id"
	"sluice/inventory"
)

func newVEX(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "vex", Short: "Decide on findings; list decisions and statements"}
	cmd.AddCommand(newDecide(a), newWithdraw(a), newVEXList(a))
	return cmd
}

func newDecide(a *app) *cobra.Command {
	var d inventory.Decision
	var actor string
	var wait bool
	cmd := &cobra.Command{
		Use:   "decide",
		Short: "Record the tenant's own verdict on a vulnerability of a package",
		Long: `Records a decision. It beats every statement, holds for every artifact with that
package version, and takes effect at the next projection (at once with --wait). The
change is written to the audit log. A later decision on the same replaces it.`,
		Example: `  sluice vex decide --package pkg:npm/lodash@4.17.20 --vuln CVE-2021-23337 \
      --status not_affected --rationale "template() is never called" --wait`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if d.Actor, err = actorID(actor); err != nil {
				return err
			}
			if err := d.Check(); err != nil {
				return err
			}
			return a.verdict(cmd.Context(), wait, func(inv *inventory.Inventory, tenant id.ID) error {
				return inv.Decide(cmd.Context(), tenant, d)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&d.Package, "package", "", "purl of the package, with its version, as the findings show it")
	f.StringVar(&d.Vuln, "vuln", "", "id of the vulnerability, any of its aliases")
	f.StringVar(&d.Status, "status", "", "not_affected, affected, fixed or under_investigation")
	f.StringVar(&d.Rationale, "rationale", "", "why")
	f.StringVar(&d.Proof, "proof", "", "where the proof is: a ticket, a URL")
	f.StringVar(&actor, "actor", "", "UUID of the user who decides, for the audit log")
	f.BoolVar(&wait, "wait", false, "project too, and end when findings show it")
	for _, name := range []string{"package", "vuln", "status"} {
		_ = cmd.MarkFlagRequired(name)
	}
	return cmd
}

func newWithdraw(a *app) *cobra.Command {
	var w inventory.Withdrawal
	var actor string
	var wait bool
	cmd := &cobra.Command{
		Use:   "withdraw",
		Short: "Take the tenant's own verdict back",
		Long: `Withdraws the decision on a vulnerability of a package, under whichever of its ids it was
made. Statements count again, and without any the findings are open, at the next projection
(at once with --wait). What the decision was stays in the audit log.`,
		Example: `  sluice vex withdraw --package pkg:npm/lodash@4.17.20 --vuln CVE-2021-23337 \
      --rationale "template() is called since 2.1" --wait`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if w.Actor, err = actorID(actor); err != nil {
				return err
			}
			if err := w.Check(); err != nil {
				return err
			}
			return a.verdict(cmd.Context(), wait, func(inv *inventory.Inventory, tenant id.ID) error {
				return inv.Withdraw(cmd.Context(), tenant, w)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&w.Package, "package", "", "purl of the package, with its version, as it was decided on")
	f.StringVar(&w.Vuln, "vuln", "", "id of the vulnerability, any of its aliases")
	f.StringVar(&w.Rationale, "rationale", "", "why")
	f.StringVar(&actor, "actor", "", "UUID of the user who withdraws, for the audit log")
	f.BoolVar(&wait, "wait", false, "project too, and end when findings show it")
	for _, name := range []string{"package", "vuln"} {
		_ = cmd.MarkFlagRequired(name)
	}
	return cmd
}

// actorID is who --actor names, nil for nobody.
func actorID(given string) (*id.ID, error) {
	if given == "" {
		return nil, nil
	}
	who, err := id.Parse(given)
	if err != nil {
		return nil, usagef("--actor: %w", err)
	}
	return &who, nil
}

func newVEXList(a *app) *cobra.Command {
	var filter inventory.VEXFilter
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List statements and decisions, losing ones too, with what became of each",
		Long: `Lists the tenant's decisions and every VEX statement with its outcome: applied (it decides
a finding), superseded (another one decides), no_such_product and no_such_vulnerability
(it waits), unreadable_product (it is about nothing), ended (its document has a newer version
or its SBOM is not current), pending (not projected yet). Decisions are applied or withdrawn.`,
		Example: "  sluice vex list --vuln CVE-2021-44228\n  sluice vex list --outcome no_such_product",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.listVEX(cmd.Context(), filter) },
	}
	cmd.Flags().StringVar(&filter.Vuln, "vuln", "", "only those about this vulnerability, by any of its ids")
	cmd.Flags().StringVar(&filter.Outcome, "outcome", "", "only statements with this outcome")
	return cmd
}

// verdict records what the tenant says, and with wait projects it.
func (a *app) verdict(ctx context.Context, wait bool, record func(*inventory.Inventory, id.ID) error) error {
	tenant, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) (id.ID, error) {
		return tenant, record(inv, tenant)
	})
	if err != nil || !wait {
		return err
	}
	return a.db.Drain(ctx, tenant)
}

func (a *app) listVEX(ctx context.Context, f inventory.VEXFilter) error {
	list, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) ([]inventory.VEX, error) {
		return inv.VEX(ctx, tenant, f)
	})
	if err != nil {
		return err
	}
	t := table{head: []string{"vulnerability", "status", "product", "subcomponent", "justification", "source", "issuer", "time", "outcome"}, empty: "no statements and no decisions"}
	for _, v := range list {
		at := ""
		if v.Time != nil {
			at = v.Time.Format(time.RFC3339)
		}
		t.add(v.Vulnerability, v.Status, v.Product, v.Subcomponent, strings.TrimSpace(v.Justification), v.Source, v.Issuer, at, v.Outcome)
	}
	return a.print(&t, list)
}
