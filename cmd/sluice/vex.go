package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/inventory"
)

func newVEX(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "vex", Short: "Decide on findings; list and export verdicts",
		Long: `decide records the tenant's own verdict on findings, for one artifact or wherever they are, for ever or until a day;
withdraw takes it back. list says of every verdict and statement what became of it, ` + "`sluice findings why`" + ` which one
counts for a finding and why. export hands on what is in force. history says who decided what and when;
` + "`sluice audit verify`" + ` proves that nobody has changed that record since.`,
	}
	cmd.AddCommand(newDecide(a), newWithdraw(a), newVEXList(a), newVEXHistory(a), newVEXExport(a))
	return cmd
}

func newVEXList(a *app) *cobra.Command {
	var filter inventory.VEXFilter
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List statements and decisions, losing ones too, with what became of each",
		Long: `Lists the tenant's decisions and every VEX statement with its outcome: applied (it decides
a finding), superseded (another one decides), no_such_product and no_such_vulnerability
(it waits), unreadable_product (it is about nothing), ended (its document has a newer version
or its SBOM is not current), pending (not projected yet). Decisions are applied, withdrawn or expired.
The issuer of a decision is who decided. With --conflicts those decisions are listed that a statement
contradicts which is newer than they are.`,
		Example: "  sluice vex list --vuln CVE-2021-44228\n  sluice vex list --outcome no_such_product\n  sluice vex list --kind decision --conflicts",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.listVEX(cmd.Context(), filter, limit) },
	}
	cmd.Flags().IntVar(&limit, "limit", 0, "at most so many; 0 is all; by default as many as a terminal shows, else all")
	cmd.Flags().StringVar(&filter.Vuln, "vuln", "", "only those about this vulnerability, by any of its ids")
	cmd.Flags().StringVar(&filter.Outcome, "outcome", "", "only those with this outcome")
	cmd.Flags().StringVar(&filter.Package, "package", "", "only decisions on this package, and statements that name it")
	cmd.Flags().StringVar(&filter.Kind, "kind", "", "only these: decision or statement")
	cmd.Flags().BoolVar(&filter.Contradicted, "conflicts", false, "only decisions that a newer statement contradicts")
	return cmd
}

func (a *app) listVEX(ctx context.Context, f inventory.VEXFilter, limit int) error {
	if err := ask.Limit(limit); err != nil {
		return err
	}
	list, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) ([]inventory.VEX, error) {
		return inv.VEX(ctx, tenant, f)
	})
	if err != nil {
		return err
	}
	list, more := cut(a, list, limit)
	t := table{head: []string{"vulnerability", "status", "product", "subcomponent", "justification", "source", "issuer", "time", "until", "outcome"}}
	for _, v := range list {
		t.add(v.Vulnerability, v.Status, v.Product, v.Subcomponent, strings.TrimSpace(v.Justification), v.Source, v.Issuer, instant(v.Time), instant(v.Until), v.Outcome)
	}
	if err := a.printListing(&t, list, listing{
		wide: []string{"product", "subcomponent", "justification", "issuer", "status"}, drop: []string{"until", "time", "subcomponent", "source", "justification", "issuer"},
	}); err != nil || len(list) > 0 {
		a.moreBelow(more, "statements and decisions")
		return err
	}
	return a.nothing(ctx, inventory.FindingFilter{Package: f.Package, Vuln: f.Vuln}, "no statements and no decisions")
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
