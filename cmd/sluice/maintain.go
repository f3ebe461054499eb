package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/maintenance"
	"sluice/serve"
)

// maintainFlags adds the flags that tune the tasks of maintenance, in `maintain` and in `serve`.
func maintainFlags(m *serve.Maintenance, f *pflag.FlagSet) {
	f.StringVar(&m.FeedPath, "feed-path", "", "folder, or URL of an archive or of a page that lists archives, with vulnerability facts for every tenant; imported when they change (env SLUICE_FEED_PATH)")
	f.StringVar(&m.ExportDir, "export-dir", "", "folder for partitions that are exported when they expire (env SLUICE_EXPORT_DIR)")
	f.DurationVar(&m.Checkpoints, "keep-checkpoints", 30*24*time.Hour, "how long a stopped import can go on where it was")
	f.DurationVar(&m.FailedJobs, "keep-failed-jobs", 0, "delete jobs that were given up longer ago than this; 0 keeps all")
	f.StringVar(&m.Anchors.File, "audit-anchor-file", "", "file to which the newest hash of each audit log is added, hourly (env SLUICE_AUDIT_ANCHOR_FILE)")
	f.StringVar(&m.Anchors.Topic, "audit-anchor-topic", "", "Kafka topic to which the same is sent, by the relay (env SLUICE_AUDIT_ANCHOR_TOPIC)")
	backupFlags(&m.Backup, f)
	drillFlags(&m.Backup, f)
	f.DurationVar(&m.StaleAfter, "stale-after", 24*time.Hour, "when a scan run of which nothing is heard counts as stopped")
}

func newMaintain(a *app) *cobra.Command {
	m := serve.Maintenance{Ingest: importer()}
	var dryRun, list bool
	cmd := &cobra.Command{
		Use:   "maintain [TASK...]",
		Short: "Do what is due from time to time, once, for cron: partitions, retention, clean-up, feed, views",
		Long: `Runs the tasks of maintenance once: those that are named, else all. It is safe at any time and
from any number of processes: a task that another process is at is left to that one. ` + "`serve`" + ` does
the same by itself; then cron is not needed.

What fails in one task does not stop the others; then the exit status is 1. --list tells what the
tasks do and when each ran last, whoever ran it.

By default retention deletes nothing: see ` + "`sluice tenant set`" + `.`,
		Example: "  sluice maintain\n  sluice maintain retention --dry-run\n  sluice maintain feed --feed-path /srv/osv\n  sluice maintain --list",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := m.Check(); err != nil {
				return err
			}
			if list && (dryRun || len(args) > 0) {
				return usagef("--list goes alone")
			}
			return a.maintain(cmd.Context(), m, args, dryRun, list)
		},
	}
	maintainFlags(&m, cmd.Flags())
	cmd.Flags().DurationVar(&m.Outbox, "outbox-keep", time.Hour, "how long messages that were sent stay in the outbox")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be done, and do nothing")
	cmd.Flags().BoolVar(&list, "list", false, "list the tasks and when each ran last")
	return cmd
}

// choose picks tasks by name; none are all.
func choose(all []maintenance.Task, names []string) ([]maintenance.Task, error) {
	if len(names) == 0 {
		return all, nil
	}
	var known []string
	for _, t := range all {
		known = append(known, t.Name)
	}
	var out []maintenance.Task
	for _, name := range names {
		i := slices.Index(known, name)
		if i < 0 && name == "anchors" {
			return nil, usagef("say where anchors go with --audit-anchor-file or --audit-anchor-topic")
		}
		if i < 0 {
			return nil, usagef("there is no task %q; there are %s and, with --audit-anchor-file, anchors", name, strings.Join(known, ", "))
		}
		if !slices.ContainsFunc(out, func(t maintenance.Task) bool { return t.Name == name }) {
			out = append(out, all[i])
		}
	}
	return out, nil
}

func (a *app) maintain(ctx context.Context, m serve.Maintenance, names []string, dryRun, list bool) error {
	tasks, err := choose(a.db.Tasks(m), names)
	if err != nil {
		return err
	}
	if list {
		return a.listTasks(ctx, tasks)
	}
	pool, err := a.db.Maintainer(ctx)
	if err != nil {
		return err
	}
	var outcomes []maintenance.Outcome
	var failed []string
	t := table{head: []string{"task", "state", "rows", "bytes", "seconds", "what"}}
	for _, task := range tasks {
		if task.WhenDue && len(names) == 0 {
			if due, err := maintenance.Due(ctx, pool, task); err != nil {
				return err
			} else if !due {
				t.add(task.Name, "not due", "0", "0", "0.000", "")
				continue
			}
		}
		out, err := maintenance.Once(ctx, pool, task, dryRun)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		state, what := "done", out.What
		switch {
		case err != nil:
			state, what = "failed", out.Error
			failed = append(failed, task.Name+": "+out.Error)
		case out.Elsewhere:
			state = "elsewhere"
		case dryRun:
			state = "dry run"
		}
		outcomes = append(outcomes, out)
		t.add(task.Name, state, n(out.Rows), n(out.Bytes), fmt.Sprintf("%.3f", out.Seconds), what)
	}
	if err := a.print(&t, outcomes); err != nil {
		return err
	}
	if failed != nil {
		return fmt.Errorf("%d of %d tasks failed: %s", len(failed), len(tasks), strings.Join(failed, "; "))
	}
	return nil
}

// taskJSON is a task as --list prints it.
type taskJSON struct {
	maintenance.Status
	Does  string  `json:"does"`
	Every float64 `json:"every_seconds"`
}

func (a *app) listTasks(ctx context.Context, tasks []maintenance.Task) error {
	pool, err := a.db.Maintainer(ctx)
	if err != nil {
		return err
	}
	known, err := maintenance.Statuses(ctx, pool)
	if err != nil {
		return err
	}
	var list []taskJSON
	t := table{head: []string{"task", "every", "last_success", "seconds", "rows", "failures", "last_error", "does"}}
	for _, task := range tasks {
		s := known[task.Name]
		s.Task = task.Name
		last := "never"
		if s.LastSuccess != nil {
			last = s.LastSuccess.UTC().Format(time.RFC3339)
		}
		list = append(list, taskJSON{s, task.Does, task.Every.Seconds()})
		every := strings.TrimSuffix(strings.TrimSuffix(task.Every.String(), "0s"), "0m")
		t.add(task.Name, every, last, fmt.Sprintf("%.1f", float64(s.DurationMS)/1000), n(s.Rows), n(s.Failures), short(s.LastError, 80), task.Does)
	}
	return a.print(&t, list)
}
