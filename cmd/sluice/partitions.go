package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/ask"
	"sluice/partitions"
)

// newPartitions makes the command.
//
// Long: the texts and flags of its commands stand side by side, as --help shows them.
func newPartitions(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "partitions",
		Short: "Partitions of the event tables: what is due, what has expired, how things stand",
	}
	var cfg partitions.Config
	passFlags := func(c *cobra.Command) {
		c.Flags().StringVar(&cfg.ExportDir, "export-dir", "", "folder for partitions that are exported when they expire (env SLUICE_EXPORT_DIR)")
		c.Flags().DurationVar(&cfg.LockTimeout, "lock-timeout", 2*time.Second, "longest wait for a lock that holds up others; tried five times")
		c.Flags().DurationVar(&cfg.DetachTimeout, "detach-timeout", time.Minute, "longest wait for transactions that use a table while a partition of it is detached; holds up nobody")
		c.Flags().IntVar(&cfg.MaxRetire, "max-retire", 12, "partitions of one table that one pass retires at most")
	}
	plan := &cobra.Command{
		Use: "plan", Short: "Print the SQL that a pass would run, and run nothing", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.planPartitions(cmd.Context(), cfg) },
	}
	maintain := &cobra.Command{
		Use: "maintain", Short: "One pass over all tables, for cron; safe at any time, from any number of processes",
		Long: `One pass over every table in core.partition_policy: finishes what an earlier pass left,
makes partitions ahead and in gaps, repairs the protection of partitions, summarizes BRIN indexes of those
that have ended, retires those that have expired, and analyzes the tables.

What fails for one table does not stop the others; then the exit status is 1.`,
		Example: "  sluice partitions maintain --export-dir /srv/archive", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.maintainPartitions(cmd.Context(), cfg) },
	}
	passFlags(plan)
	passFlags(maintain)

	var check bool
	status := &cobra.Command{
		Use: "status", Short: "How far each table is ahead, its size, what is pending, when the last pass succeeded", Args: cobra.NoArgs,
		Example: "  sluice partitions status --check || mail -s partitions ops@example.org",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.partitionStatus(cmd.Context(), check) },
	}
	status.Flags().BoolVar(&check, "check", false, "exit status 1 when somebody has to look at something")

	var gone bool
	list := &cobra.Command{
		Use: "list [TABLE]", Short: "List the partitions, or with --retired those that were taken out", Args: cobra.MaximumNArgs(1),
		Example: "  sluice partitions list ingest.scan_run_event\n  sluice partitions list --retired",
		RunE: func(cmd *cobra.Command, args []string) error {
			parent := strings.Join(args, "")
			if gone {
				return a.listRetired(cmd.Context(), parent)
			}
			return a.listPartitions(cmd.Context(), parent)
		},
	}
	list.Flags().BoolVar(&gone, "retired", false, "those that were taken out, and where they went")

	var hold string
	attach := &cobra.Command{
		Use: "attach FILE|TABLE", Short: "Bring a retired partition back: from its file, or the table that was kept", Args: cobra.ExactArgs(1),
		Long: `Brings a retired partition back, from the file that it was exported to or, by its name, from the
table that was kept. The rows are compared with the manifest before anybody can see them.
For --hold it is not retired again.`,
		Example: "  sluice partitions attach /srv/archive/ingest.scan_run_event_2025_01-1a2b3c4d.copy.zst --hold 720h",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.attachPartition(cmd.Context(), args[0], hold) },
	}
	attach.Flags().StringVar(&hold, "hold", "720h", "how long it is kept, whatever the retention; `forever` is for ever")

	var p policyFlags
	set := &cobra.Command{
		Use: "set TABLE", Short: "Change how a table is cut and what becomes of old partitions, or take a table on", Args: cobra.ExactArgs(1),
		Long: `Changes the policy of a table, or gives it one: a table that has partitions already, of whatever
tool, keeps them, and what is missing between and after them is made. Only what is given is changed.

--step with --from changes the length of partitions from a date on. Without --from it changes at once, for what is
not covered yet. Partitions that are there stay as they are.`,
		Example: "  sluice partitions set ingest.scan_run_event --step week --from 2027-01-04\n" +
			"  sluice partitions set ingest.scan_run_event --retention '13 months' --on-expiry export",
		RunE: func(cmd *cobra.Command, args []string) error { return a.setPartitions(cmd, args[0], p) },
	}
	f := set.Flags()
	f.StringVar(&p.step, "step", "", "length of a partition: day, week or month")
	f.StringVar(&p.from, "from", "", "with --step: from when on, as 2027-01-04 (UTC)")
	f.IntVar(&p.premake, "premake", 0, "partitions ahead of the present one, at least")
	f.StringVar(&p.premakeFor, "premake-for", "", "time ahead, at least, such as '45 days'")
	f.IntVar(&p.behind, "behind", 0, "partitions before the present one")
	f.StringVar(&p.maxPast, "max-past", "", "how late an event may come and still get a partition, such as '10 years'")
	f.StringVar(&p.maxFuture, "max-future", "", "how early, such as '400 days'")
	f.StringVar(&p.retention, "retention", "", "how long partitions are kept, such as '13 months'; `forever` is for ever")
	f.StringVar(&p.onExpiry, "on-expiry", "", "what becomes of older ones: keep, detach, drop or export")
	f.StringVar(&p.exportDir, "export-dir", "", "with --on-expiry export: the folder, which is looked at here and used by whoever maintains (env SLUICE_EXPORT_DIR)")

	cmd.AddCommand(plan, maintain, status, list, attach, set)
	return cmd
}

func (a *app) planPartitions(ctx context.Context, cfg partitions.Config) error {
	conn, err := a.db.Owner(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	now, err := partitions.Now(ctx, conn)
	if err != nil {
		return err
	}
	plans, err := partitions.Plan(ctx, conn, now, cfg)
	if err != nil {
		return err
	}
	var bad []string
	t := table{head: []string{"action", "partition", "sql"}}
	for _, p := range plans {
		if p.Error != "" {
			bad = append(bad, p.Parent+": "+p.Error)
		}
		for _, x := range p.Actions {
			t.add(string(x.Kind), orParent(x), strings.Join(x.SQL, ";\n")+";")
		}
	}
	if a.output == "table" {
		a.printPlan(plans)
	} else if err := a.print(&t, plans); err != nil {
		return err
	}
	if bad != nil {
		return fmt.Errorf("partitions of %s", strings.Join(bad, "; of "))
	}
	return nil
}

// printPlan writes a plan as a script: what is no SQL is a comment.
func (a *app) printPlan(plans []partitions.TablePlan) {
	some := false
	for _, p := range plans {
		for _, x := range p.Actions {
			some = true
			fmt.Fprintf(a.stdout, "-- %s %s", x.Kind, orParent(x))
			if x.File != "" {
				fmt.Fprintf(a.stdout, " to %s", x.File)
			}
			fmt.Fprintln(a.stdout)
			for _, sql := range x.SQL {
				fmt.Fprintf(a.stdout, "%s;\n", sql)
			}
		}
	}
	if !some {
		fmt.Fprintln(a.stderr, "nothing to do")
	}
}

func orParent(x partitions.Action) string {
	if x.Partition == "" {
		return x.Parent
	}
	return x.Partition
}

func (a *app) maintainPartitions(ctx context.Context, cfg partitions.Config) error {
	conn, err := a.db.Owner(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	now, err := partitions.Now(ctx, conn)
	if err != nil {
		return err
	}
	cfg.Log = a.log
	reports, failed := partitions.Maintain(ctx, conn, now, cfg)
	t := table{head: []string{"action", "partition", "seconds", "rows", "file"}, empty: "nothing to do"}
	for _, r := range reports {
		if r.Elsewhere {
			fmt.Fprintf(a.stderr, "%s: another manager is at work on it\n", r.Parent)
		}
		for _, x := range r.Actions {
			rows := ""
			if x.File != "" {
				rows = n(x.Rows)
			}
			t.add(string(x.Kind), orParent(x), fmt.Sprintf("%.3f", x.Seconds), rows, x.File)
		}
	}
	if failed != nil {
		t.empty = "" // it was to be done, and was not
	}
	return errors.Join(failed, a.print(&t, orEmpty(reports)))
}

func (a *app) partitionStatus(ctx context.Context, check bool) error {
	conn, err := a.db.Monitor(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	list, err := partitions.Inspect(ctx, conn, time.Now())
	if err != nil {
		return err
	}
	t := table{head: []string{"table", "step", "partitions", "ahead", "days_ahead", "behind", "gaps", "size", "rows", "pending", "expired", "unfinished", "last_success", "alarms"}, empty: "no table has a policy"}
	var alarms []string
	for _, s := range list {
		last := "never"
		if s.LastSuccess != nil {
			last = s.LastSuccess.Format(time.RFC3339)
		}
		t.add(s.Parent, string(s.Step), strconv.Itoa(s.Partitions), strconv.Itoa(s.Ahead), fmt.Sprintf("%.1f", s.AheadSeconds/86400), strconv.Itoa(s.Behind),
			strconv.Itoa(len(s.Gaps)), n(s.Bytes), n(s.Rows), strconv.Itoa(len(s.Pending)), strconv.Itoa(s.Expired), strconv.Itoa(s.Unfinished), last, strings.Join(s.Alarms, "; "))
		for _, x := range s.Alarms {
			alarms = append(alarms, s.Parent+": "+x)
		}
	}
	if err := a.print(&t, list); err != nil {
		return err
	}
	if check && alarms != nil {
		return fmt.Errorf("partitions: %s", strings.Join(alarms, "; "))
	}
	return nil
}

func (a *app) listPartitions(ctx context.Context, parent string) error {
	conn, err := a.db.Monitor(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	list, err := partitions.List(ctx, conn, parent)
	if err != nil {
		return err
	}
	t := table{head: []string{"partition", "from", "to", "size", "rows", "state"}, empty: "there are no partitions"}
	for _, p := range list {
		t.add(p.Name, when(p.From), when(p.To), n(p.Bytes), n(p.Rows), p.State)
	}
	return a.print(&t, orEmpty(list))
}

func (a *app) listRetired(ctx context.Context, parent string) error {
	conn, err := a.db.Monitor(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	list, err := partitions.Retired(ctx, conn, parent)
	if err != nil {
		return err
	}
	t := table{head: []string{"partition", "from", "to", "state", "rows", "file", "since"}, empty: "none was retired"}
	for _, p := range list {
		rows := ""
		if p.File != "" {
			rows = n(p.Rows)
		}
		t.add(p.Name, when(p.From), when(p.To), p.State, rows, p.File, p.Since.UTC().Format(time.RFC3339))
	}
	return a.print(&t, orEmpty(list))
}

// when is a bound; one that is not there is a dash.
func when(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func (a *app) attachPartition(ctx context.Context, arg, hold string) error {
	var d time.Duration
	if hold != "forever" {
		var err error
		if d, err = time.ParseDuration(hold); err != nil || d <= 0 {
			return usagef("--hold %q: it is a time such as 720h, or forever", hold)
		}
	}
	if _, err := os.Stat(arg); err != nil && strings.ContainsRune(arg, os.PathSeparator) {
		return fmt.Errorf("attach: %w", err) // before a database is started for nothing
	}
	conn, err := a.db.Owner(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	name, err := partitions.Attach(ctx, conn, arg, d, partitions.Config{Log: a.log})
	if err != nil {
		return err
	}
	t := table{head: []string{"attached"}}
	t.add(name)
	return a.print(&t, map[string]string{"attached": name})
}

// What a policy may say, as the constraints of its table have it.
var (
	partitionSteps = []string{"day", "week", "month"}
	partitionEnds  = []string{"keep", "detach", "drop", "export"}
)

// policyFlags are what `partitions set` may change.
type policyFlags struct {
	step, from, premakeFor, maxPast, maxFuture, retention, onExpiry string
	exportDir                                                       string
	premake, behind                                                 int
}

// exportFolder looks at the folder that partitions are to be exported to, now and not when the first one
// expires. Who maintains them may be another user on another machine, so without a folder it is a note.
func (a *app) exportFolder(p policyFlags) error {
	switch {
	case p.onExpiry != "export":
		return nil
	case p.exportDir == "":
		a.note("sluice: whoever maintains needs the folder: `sluice serve --export-dir FOLDER`, or SLUICE_EXPORT_DIR; given here it is looked at")
		return nil
	}
	if err := partitions.CheckExportDir(p.exportDir); err != nil {
		return fmt.Errorf("%w; nothing was changed%s", err, a.from("export-dir"))
	}
	return nil
}

func (a *app) setPartitions(cmd *cobra.Command, parent string, p policyFlags) error {
	given := cmd.Flags().Changed
	var c partitions.Change
	for flag, field := range map[string]struct {
		to   **string
		from *string
	}{
		"step": {&c.Step, &p.step}, "premake-for": {&c.PremakeFor, &p.premakeFor}, "max-past": {&c.MaxPast, &p.maxPast},
		"max-future": {&c.MaxFuture, &p.maxFuture}, "retention": {&c.Retention, &p.retention}, "on-expiry": {&c.OnExpiry, &p.onExpiry},
	} {
		if given(flag) {
			*field.to = field.from
		}
	}
	if given("premake") {
		c.Premake = &p.premake
	}
	if given("behind") {
		c.Behind = &p.behind
	}
	if p.from != "" {
		if !given("step") {
			return usagef("--from says when a new --step begins; give both")
		}
		from, err := time.Parse(time.DateOnly, p.from)
		if err != nil {
			return usagef("--from %q: want a date such as 2027-01-04", p.from)
		}
		c.From = &from
	}
	if given("step") {
		if err := ask.OneOf("step", p.step, partitionSteps...); err != nil {
			return err
		}
	}
	if given("on-expiry") {
		if err := ask.OneOf("on-expiry", p.onExpiry, partitionEnds...); err != nil {
			return err
		}
		if err := a.exportFolder(p); err != nil {
			return err
		}
	}
	if c == (partitions.Change{}) {
		return usagef("say what to change; see `sluice partitions set --help`")
	}
	ctx := cmd.Context()
	conn, err := a.db.Owner(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return partitions.Set(ctx, conn, parent, c)
}
