package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/id"
	"sluice/inventory"
)

// verdict are the flags that decide and withdraw share.
type verdict struct {
	actor        string
	dryRun, wait bool
}

func (v *verdict) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&v.actor, "actor", "", "who does it: a user of the tenant, or a UUID; default the token's owner, else the operating system's user")
	f.BoolVar(&v.dryRun, "dry-run", false, "say what would change, and record nothing")
	f.BoolVar(&v.wait, "wait", false, "project too, and end when findings show it")
}

func newDecide(a *app) *cobra.Command {
	var d inventory.Decision
	var v verdict
	var until, from string
	var revision int
	cmd := &cobra.Command{
		Use:   "decide",
		Short: "Record the tenant's own verdict on findings",
		Long: `Records decisions. A decision beats every statement, and takes effect at the next projection (at once
with --wait). A later one on the same replaces it; what was there stays in the audit log and in
` + "`sluice vex history`" + `. What it changes is printed, with the statements of issuers that say something else.

--package with --vuln decides on that pair, wherever the package is. Without one of them every finding that
fits is decided on. --artifact or --tag makes it hold in those artifacts alone, whatever holds elsewhere.
What is not imported yet is a mistake, unless --ahead says that it is not.

not_affected needs a reason: --justification, a word of OpenVEX and CSAF (` + strings.Join(inventory.Justifications()[:5], ", ") + `)
or of CycloneDX (` + strings.Join(inventory.Justifications()[5:], ", ") + `), --impact or --rationale.

With --until it ends: a day still counts (UTC). The findings are open again then, or as statements say.

--from reads many, CSV with a header, or JSON, an array or an object per line. The columns are ` + "`finding`, `package`, `vuln`," + `
` + "`artifact`, `tag`, `status`, `justification`, `impact`, `action`, `rationale`, `proof`, `ticket`, `until`, `ahead`" + ` and
` + "`if_revision`" + `; what a row leaves out is taken from the flags. Every row is checked, and all are recorded or none.`,
		Example: `  sluice vex decide --package pkg:npm/lodash@4.17.20 --vuln CVE-2021-23337 \
      --status not_affected --justification vulnerable_code_not_in_execute_path --impact "template() is never called" --wait
  sluice vex decide --vuln CVE-2021-23337 --artifact pkg:oci/shop@2.1 --status not_affected \
      --rationale "not reachable until the release" --until 2026-09-30 --dry-run
  sluice vex decide --from decisions.csv --status fixed`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if d.Until, err = inventory.ParseUntil(until, time.Now()); err != nil {
				return err
			}
			if cmd.Flags().Changed("if-revision") {
				if revision < 0 {
					return usagef("--if-revision %d: it is 0 or more", revision)
				}
				d.IfRevision = &revision
			}
			if from != "" {
				return a.decideFrom(cmd.Context(), from, d, v)
			}
			if d.Status == "" {
				return usagef(`required flag(s) "status" not set`)
			}
			if err := d.Check(); err != nil {
				return err
			}
			return a.decided(cmd.Context(), v, func(ctx context.Context, inv *inventory.Inventory, tenant id.ID, actor *id.ID) (inventory.Decided, error) {
				d.Actor = actor
				return inv.DecideAll(ctx, tenant, []inventory.Decision{d}, v.dryRun)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&d.Finding, "finding", "", "id of a finding: it holds for its package in its artifact alone")
	f.StringVar(&d.Package, "package", "", "purl of the package, with its version, as the findings show it")
	f.StringVar(&d.Vuln, "vuln", "", "id of the vulnerability, any of its aliases")
	f.StringVar(&d.Artifact, "artifact", "", "purl of the artifact in which alone it holds")
	f.StringVar(&d.Tag, "tag", "", "it holds in the artifacts alone that have this tag now")
	f.BoolVar(&d.Ahead, "ahead", false, "the package, vulnerability or artifact need not be imported yet")
	f.StringVar(&d.Status, "status", "", "not_affected, affected, fixed or under_investigation; required")
	f.StringVar(&d.Justification, "justification", "", "why it is not affected, a word of a standard")
	f.StringVar(&d.Impact, "impact", "", "why it is not affected, for others to read")
	f.StringVar(&d.Action, "action", "", "what others should do where it is affected")
	f.StringVar(&d.Rationale, "rationale", "", "why")
	f.StringVar(&d.Proof, "proof", "", "where that is shown: the id or hash of a document, which is kept then, a URL")
	f.StringVar(&d.Ticket, "ticket", "", "where it is dealt with")
	f.StringVar(&until, "until", "", "when it ends: a day, which still counts, a time, or how long from now (90d)")
	f.IntVar(&revision, "if-revision", 0, "only where this revision stands (0: none yet), so that nobody's decision is replaced unseen")
	f.StringVar(&from, "from", "", "read decisions from this file, - is standard input: CSV or JSON")
	v.add(cmd)
	return cmd
}

func newWithdraw(a *app) *cobra.Command {
	var w inventory.Withdrawal
	var v verdict
	cmd := &cobra.Command{
		Use:   "withdraw",
		Short: "Take the tenant's own verdict back",
		Long: `Withdraws decisions: those on --package about --vuln, under whichever of its ids they were made, or all that
fit where only one of them is given. With --artifact or --tag those for these artifacts alone are meant.
Statements count again, and without any the findings are open, at the next projection (at once with
--wait). What the decisions were stays in the audit log and in ` + "`sluice vex history`" + `.`,
		Example: `  sluice vex withdraw --package pkg:npm/lodash@4.17.20 --vuln CVE-2021-23337 \
      --rationale "template() is called since 2.1" --wait
  sluice vex withdraw --artifact pkg:oci/shop@2.1 --dry-run`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := w.Check(); err != nil {
				return err
			}
			return a.decided(cmd.Context(), v, func(ctx context.Context, inv *inventory.Inventory, tenant id.ID, actor *id.ID) (inventory.Decided, error) {
				w.Actor = actor
				return inv.WithdrawAll(ctx, tenant, w, v.dryRun)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&w.Finding, "finding", "", "id of a finding, for which alone it was decided")
	f.StringVar(&w.Package, "package", "", "purl of the package, with its version, as it was decided on")
	f.StringVar(&w.Vuln, "vuln", "", "id of the vulnerability, any of its aliases")
	f.StringVar(&w.Artifact, "artifact", "", "purl of the artifact for which alone it was decided")
	f.StringVar(&w.Tag, "tag", "", "those for the artifacts alone that have this tag now")
	f.StringVar(&w.Rationale, "rationale", "", "why")
	v.add(cmd)
	return cmd
}

// decideFrom records the decisions of a file.
func (a *app) decideFrom(ctx context.Context, path string, every inventory.Decision, v verdict) error {
	in := a.stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("--from: %w", err)
		}
		defer f.Close()
		in = f
	}
	rows, err := inventory.ReadDecisions(in, every)
	if err != nil {
		return a.rowsWrong(path, err)
	}
	err = a.decided(ctx, v, func(ctx context.Context, inv *inventory.Inventory, tenant id.ID, actor *id.ID) (inventory.Decided, error) {
		list := make([]inventory.Decision, len(rows))
		for i, r := range rows {
			list[i] = r.Decision
			list[i].Actor = actor
		}
		return inv.DecideAll(ctx, tenant, list, v.dryRun)
	})
	var one *inventory.DecisionError
	if errors.As(err, &one) {
		return fmt.Errorf("%s: line %d: %w; nothing was recorded", path, rows[one.Index].Line, one.Err)
	}
	return err
}

// rowsWrong names the lines that are wrong, and returns what is wrong with the file.
func (a *app) rowsWrong(path string, err error) error {
	var several interface{ Unwrap() []error }
	if !errors.As(err, &several) {
		return fmt.Errorf("%s: %w", path, err)
	}
	list := several.Unwrap()
	for i, e := range list {
		if i == 20 {
			fmt.Fprintf(a.stderr, "%s: … and %d more\n", path, len(list)-i)
			break
		}
		fmt.Fprintf(a.stderr, "%s: %v\n", path, e)
	}
	return usagef("%s: %d rows are wrong; nothing was recorded", path, len(list))
}

// decided records what the tenant says, prints what that changes, and with --wait projects it.
func (a *app) decided(ctx context.Context, v verdict, record func(context.Context, *inventory.Inventory, id.ID, *id.ID) (inventory.Decided, error)) error {
	var tenant id.ID
	done, err := asked(ctx, a, func(inv *inventory.Inventory, of id.ID) (inventory.Decided, error) {
		tenant = of
		ctx, actor, err := a.author(ctx, of, v)
		if err != nil {
			return inventory.Decided{}, err
		}
		return record(ctx, inv, of, actor)
	})
	if err != nil {
		return err
	}
	if err := a.printDecided(done); err != nil || !v.wait || v.dryRun {
		return err
	}
	return a.db.Drain(ctx, tenant)
}

// author finds out who decides: whom --actor names, the owner of the token, else the user of the
// operating system, who becomes a user of the tenant.
func (a *app) author(ctx context.Context, tenant id.ID, v verdict) (context.Context, *id.ID, error) {
	if who, err := id.Parse(v.actor); err == nil {
		return ctx, &who, nil
	}
	if v.dryRun && v.actor == "" {
		return ctx, nil, nil
	}
	auth, err := a.authority(ctx)
	if err != nil {
		return ctx, nil, err
	}
	if v.actor != "" {
		ctx, err = auth.Named(ctx, tenant, v.actor)
		return ctx, nil, err
	}
	login, name := osUser()
	ctx, err = auth.Local(ctx, tenant, login, name)
	return ctx, nil, err
}

// printDecided prints what decisions changed: on standard output the findings, on standard error what
// to know of it.
func (a *app) printDecided(done inventory.Decided) error {
	for _, c := range done.Conflicts {
		newer := ""
		if c.Newer {
			newer = ", which is newer than the decision that this replaces"
		}
		fmt.Fprintf(a.stderr, "note: %s says %s%s of %s in %s (%s%s)\n", orUnnamed(c.Issuer), c.Status, bracketed(c.Justification), c.Vulnerability, subject(c), instant(c.Time), newer)
	}
	if a.output == "json" {
		return printJSON(a.stdout, done)
	}
	if a.output == "table" {
		for _, c := range done.Decisions {
			printChange(a.stderr, c, done.DryRun)
		}
	}
	t := table{
		head:  []string{"vulnerability", "package", "artifact", "from", "to", "kept"},
		empty: "no finding is about that now; it waits for one",
	}
	for _, f := range done.Findings {
		t.add(f.Vulnerability, f.Package, f.Artifact, strings.TrimSpace(f.From+" "+bracketed(f.FromStatus)), strings.TrimSpace(f.To+" "+bracketed(f.ToStatus)), f.Kept)
	}
	return a.print(&t, done)
}

func printChange(w io.Writer, c inventory.Change, dry bool) {
	verb, where := "decided", ""
	switch {
	case dry && c.To == "":
		verb = "would withdraw"
	case dry:
		verb = "would decide"
	case c.To == "":
		verb = "withdrew"
	}
	if c.Artifact != "" {
		where = " in " + c.Artifact
	}
	what := c.To
	if c.To == "" {
		what = c.From
	}
	fmt.Fprintf(w, "%s %s: %s of %s%s", verb, what, c.Vulnerability, c.Package, where)
	if c.Until != nil {
		fmt.Fprintf(w, ", until %s", c.Until.UTC().Format(time.RFC3339))
	}
	if c.From != "" && c.To != "" {
		fmt.Fprintf(w, "; it replaces %s by %s of %s", c.From, orUnnamed(c.FromBy), instant(c.FromAt))
	}
	fmt.Fprintln(w)
}

func subject(c inventory.Conflict) string {
	if c.Subcomponent != "" {
		return c.Subcomponent + " in " + c.Product
	}
	return c.Product
}

func bracketed(s string) string {
	if s == "" {
		return ""
	}
	return "(" + s + ")"
}

func orUnnamed(who string) string {
	if who == "" {
		return "somebody unnamed"
	}
	return who
}
