package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/maintenance"
	"sluice/tenants"
)

// auditOf says whose audit log is meant, if not the tenant's.
type auditOf struct{ shared, operator, all bool }

func (of *auditOf) add(f *pflag.FlagSet) {
	f.BoolVar(&of.shared, "shared", false, "that of the shared feed")
	f.BoolVar(&of.operator, "operator", false, "that of the operator: what was done for the whole system")
}

// newAudit makes the command.
//
// Long: the texts and flags of its commands stand side by side, as --help shows them.
func newAudit(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Who changed what, on record: list it, verify it, take it out",
		Long: `Every decision and every change by a person is an entry of the audit log of its tenant, written in the
transaction of the change. Entries are numbered, and each holds the hash of the one before: an entry
that somebody edits, takes out or puts in, with whatever rights, is found by ` + "`sluice audit verify`" + `.`,
	}
	var of auditOf
	of.add(cmd.PersistentFlags())

	var f auditFilter
	list := &cobra.Command{
		Use: "list", Short: "List entries, the newest first", Args: cobra.NoArgs,
		Example: "  sluice audit list --tenant acme --action vex --since 7d\n  sluice audit list --operator --output json",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.listAudit(cmd.Context(), of, f) },
	}
	f.add(list.Flags())

	var files, anchors []string
	verify := &cobra.Command{
		Use: "verify", Short: "Recompute the chain and name the first entry that does not fit", Args: cobra.NoArgs,
		Long: `Reads the whole chain and recomputes every hash. The first entry that does not fit is named, with the
reason: edited, missing, inserted or forked; then the exit status is 1.

Who may write past all rules could compute the rest of a chain anew, or take its end off: that is found by
--anchor, the newest hash as it was once (` + "`sluice audit anchor`" + `), from a file, from standard input (-) or
as NUMBER:HASH.

With --file it verifies files that ` + "`sluice audit export`" + ` or ` + "`retire`" + ` wrote, in the order of the flags as one
chain, and needs no database.`,
		Example: "  sluice audit verify --all-tenants --anchor /mnt/worm/anchors.ndjson\n" +
			"  sluice audit verify --file audit-5f2c…-1-4000.ndjson --file audit-5f2c…-4001-9000.ndjson",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(files) > 0 {
				return a.verifyAuditFiles(files, anchors)
			}
			return a.verifyAudit(cmd.Context(), of, anchors)
		},
	}
	verify.Flags().BoolVar(&of.all, "all-tenants", false, "those of every tenant, of the shared feed and of the operator")
	verify.Flags().StringArrayVar(&anchors, "anchor", nil, "anchors to compare with: a file, - or NUMBER:HASH; may be given several times")
	verify.Flags().StringArrayVar(&files, "file", nil, "verify an exported file instead; may be given several times")

	var first, last int64
	export := &cobra.Command{
		Use: "export [FILE]", Short: "Write the entries with their hashes, a line each, to a file or standard output", Args: cobra.MaximumNArgs(1),
		Long: `Writes entries as JSON Lines. The SHA-256 of a line is the hash of its entry and stands in the next line as
"prev"; the last line is an anchor. A chain that does not fit is not exported. Nothing is deleted.`,
		Example: "  sluice audit export acme.ndjson --tenant acme && sluice audit verify --file acme.ndjson",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.exportAudit(cmd.Context(), of, args, first, last)
		},
	}
	export.Flags().Int64Var(&first, "first", 0, "number of the first entry; default the oldest that is here")
	export.Flags().Int64Var(&last, "last", 0, "number of the last entry; default the newest")

	var publish maintenance.AnchorConfig
	anchor := &cobra.Command{
		Use: "anchor", Short: "Publish the newest hash: print it, add it to a file, send it to a topic", Args: cobra.NoArgs,
		Long: `Prints the newest hash of the chain, as JSON. Kept where the database's administrators cannot write, it proves
later that nothing before it was changed. With --to it is added to a file, with --topic it goes to Kafka by
the relay. ` + "`serve`" + ` and ` + "`maintain`" + ` do the same hourly, with --audit-anchor-file or --audit-anchor-topic.`,
		Example: "  sluice audit anchor --all-tenants --to /mnt/worm/anchors.ndjson",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.anchorAudit(cmd.Context(), of, publish) },
	}
	anchor.Flags().BoolVar(&of.all, "all-tenants", false, "those of every tenant, of the shared feed and of the operator")
	anchor.Flags().StringVar(&publish.File, "to", "", "file to add a line to")
	anchor.Flags().StringVar(&publish.Topic, "topic", "", "Kafka topic to send to, through the outbox")

	var keep, folder string
	var dryRun bool
	retire := &cobra.Command{
		Use: "retire", Short: "Export the oldest entries to a file and delete them; the rest still verifies", Args: cobra.NoArgs,
		Long: `Writes the entries that are older than --keep to a file in --to, which verifies on its own, and deletes them.
The hash of the last one stays, so the rest of the chain verifies as before. That it was done is an
entry itself. Under legal hold nothing is retired.`,
		Example: "  sluice audit retire --tenant acme --keep 17520h --to /srv/archive",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.retireAudit(cmd.Context(), of, keep, folder, dryRun)
		},
	}
	retire.Flags().StringVar(&keep, "keep", "", "entries since then stay: 400d, 17520h or a time")
	retire.Flags().StringVar(&folder, "to", "", "folder for the file")
	retire.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be done, and do nothing")
	for _, name := range []string{"keep", "to"} {
		_ = retire.MarkFlagRequired(name) // it is defined above
	}
	cmd.AddCommand(list, verify, export, anchor, retire)
	return cmd
}

// auditsOf are the tenants whose logs are meant, with their names.
func (a *app) auditsOf(ctx context.Context, of auditOf) ([]tenants.Tenant, error) {
	given := 0
	for _, b := range []bool{of.shared, of.operator, of.all} {
		if b {
			given++
		}
	}
	shared, operator := tenants.Tenant{ID: id.Shared, Name: "(shared feed)"}, tenants.Tenant{ID: id.Operator, Name: "(operator)"}
	switch {
	case given > 1:
		return nil, usagef("--shared, --operator and --all-tenants exclude each other")
	case of.shared:
		return []tenants.Tenant{shared}, nil
	case of.operator:
		return []tenants.Tenant{operator}, nil
	case of.all:
		pool, err := a.db.Pool(ctx, pg.Maintainer, pg.Config{MaxConns: 1})
		if err != nil {
			return nil, err
		}
		list, err := tenants.List(ctx, pool)
		return append(list, shared, operator), err
	}
	t, err := a.db.Tenant(ctx, a.tenant, false)
	return []tenants.Tenant{{ID: t, Name: a.tenant}}, err
}

// auditRole is the role that reads a log: what the operator did only the maintainer sees.
func auditRole(t tenants.Tenant) pg.Role {
	if t.ID == id.Operator {
		return pg.Maintainer
	}
	return pg.Reader
}

// auditFilter are the flags of audit list.
type auditFilter struct {
	audit.Filter
	of, since, until string
}

func (f *auditFilter) add(s *pflag.FlagSet) {
	s.StringVar(&f.Action, "action", "", "only this action, such as vex.decide, or all of one kind: vex")
	s.StringVar(&f.Entity, "entity", "", "only changes of this kind of thing, such as tenant")
	s.StringVar(&f.of, "id", "", "only changes of the thing with this id")
	s.StringVar(&f.Actor, "by", "", "only by this user: an id, or a name")
	s.StringVar(&f.since, "since", "", "only those since: 90m, 7d or a time")
	s.StringVar(&f.until, "until", "", "only those before: 90m, 7d or a time")
	s.Int64Var(&f.After, "after", 0, "only those with a higher number")
	s.IntVar(&f.Limit, "limit", 100, "at most so many; 0 is all")
}

// complete reads what the flags say.
func (f *auditFilter) complete() error {
	for flag, m := range map[string]struct {
		text string
		to   **time.Time
	}{"--since": {f.since, &f.Since}, "--until": {f.until, &f.Until}} {
		at, err := moment(flag, m.text)
		if err != nil {
			return err
		}
		if !at.IsZero() {
			*m.to = &at
		}
	}
	if f.of != "" {
		of, err := id.Parse(f.of)
		if err != nil {
			return usagef("--id: %w", err)
		}
		f.Of = &of
	}
	if f.Limit < 0 {
		return usagef("--limit %d: it is 0 or more", f.Limit)
	}
	return nil
}

func (a *app) listAudit(ctx context.Context, of auditOf, f auditFilter) error {
	if err := f.complete(); err != nil {
		return err
	}
	of.all = false
	whose, err := a.auditsOf(ctx, of)
	if err != nil {
		return err
	}
	pool, err := a.db.Pool(ctx, auditRole(whose[0]), pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	list, err := audit.List(ctx, pool, whose[0].ID, f.Filter)
	if err != nil {
		return err
	}
	t := table{head: []string{"number", "at", "by", "login", "action", "entity", "id", "change"}, empty: "nothing is on record"}
	for _, e := range list {
		at, by := "", e.Actor
		if e.At != nil {
			at = e.At.Format(time.RFC3339)
		}
		if by == "" {
			by = optional(e.ActorID)
		}
		change := string(e.Diff)
		if a.output == "table" {
			change = short(change, 160)
		}
		t.add(n(e.Seq), at, by, e.Login, e.Action, e.EntityType, optional(e.EntityID), change)
	}
	return a.print(&t, list)
}

func (a *app) exportAudit(ctx context.Context, of auditOf, args []string, first, last int64) error {
	if first < 0 || last < 0 || last > 0 && first > last {
		return usagef("--first %d, --last %d: they are numbers of entries, in this order", first, last)
	}
	whose, err := a.auditsOf(ctx, of)
	if err != nil {
		return err
	}
	pool, err := a.db.Pool(ctx, auditRole(whose[0]), pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	write := func(w io.Writer) (audit.Anchor, int64, error) {
		return audit.Export(ctx, pool, whose[0].ID, whose[0].Name, first, last, w)
	}
	if len(args) == 0 {
		_, entries, err := write(a.stdout)
		if err == nil && entries == 0 {
			fmt.Fprintln(a.stderr, "nothing is on record")
		}
		return err
	}
	f, err := os.OpenFile(args[0], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	anchor, entries, err := write(f)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil || entries == 0 {
		_ = os.Remove(args[0])
	}
	switch {
	case err != nil:
		return err
	case a.output == "json":
		return printJSON(a.stdout, anchor)
	case entries == 0:
		fmt.Fprintln(a.stderr, "nothing is on record")
	default:
		fmt.Fprintf(a.stdout, "%d entries, the last one is %d with hash %s\n", entries, anchor.Seq, anchor.Hash)
	}
	return nil
}

func (a *app) anchorAudit(ctx context.Context, of auditOf, cfg maintenance.AnchorConfig) error {
	whose, err := a.auditsOf(ctx, of)
	if err != nil {
		return err
	}
	pool, err := a.db.Pool(ctx, pg.Maintainer, pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	anchors, err := maintenance.PublishAnchors(ctx, pool, whose, cfg)
	if err != nil {
		return err
	}
	if len(anchors) == 0 {
		fmt.Fprintln(a.stderr, "nothing is on record")
	}
	enc := json.NewEncoder(a.stdout) // a line each in every form: that is what --anchor reads
	for _, anchor := range anchors {
		if err := enc.Encode(anchor); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) retireAudit(ctx context.Context, of auditOf, keep, folder string, dryRun bool) error {
	before, err := moment("--keep", keep)
	if err != nil {
		return err
	}
	if before.IsZero() || before.After(time.Now()) {
		return usagef("--keep %q: it is how long entries stay, such as 400d, or a time that has passed", keep)
	}
	whose, err := a.auditsOf(ctx, of)
	if err != nil {
		return err
	}
	pool, err := a.db.Pool(ctx, pg.Maintainer, pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	done, err := audit.Retire(ctx, pool, whose[0].ID, whose[0].Name, before, folder, dryRun)
	if err != nil {
		return err
	}
	switch {
	case a.output == "json":
		return printJSON(a.stdout, done)
	case done.Entries == 0:
		fmt.Fprintf(a.stdout, "no entry is older than %s\n", before.UTC().Format(time.RFC3339))
	case dryRun:
		fmt.Fprintf(a.stdout, "entries %d to %d would go\n", done.First, done.Last)
	default:
		fmt.Fprintf(a.stdout, "entries %d to %d are in %s and deleted; the last one has hash %s\n", done.First, done.Last, done.File, done.Hash)
	}
	return nil
}
