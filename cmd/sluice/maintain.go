package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/internal/pg"
	"sluice/maintenance"
	"sluice/migrations"
	"sluice/normalize"
	"sluice/partitions"
)

// maintainFlags tune the tasks of maintenance, in `maintain` and in `serve`.
type maintainFlags struct {
	feedPath, exportDir                      string
	checkpoints, outbox, failedJobs, staleIn time.Duration
}

// add adds the flags that both commands have.
func (m *maintainFlags) add(f *pflag.FlagSet) {
	f.StringVar(&m.feedPath, "feed-path", "", "folder, or URL of an archive or of a page that lists archives, with vulnerability facts for every tenant; imported when they change (env SLUICE_FEED_PATH)")
	f.StringVar(&m.exportDir, "export-dir", "", "folder for partitions that are exported when they expire (env SLUICE_EXPORT_DIR)")
	f.DurationVar(&m.checkpoints, "keep-checkpoints", 30*24*time.Hour, "how long a stopped import can go on where it was")
	f.DurationVar(&m.failedJobs, "keep-failed-jobs", 0, "delete jobs that were given up longer ago than this; 0 keeps all")
	f.DurationVar(&m.staleIn, "stale-after", 24*time.Hour, "when a scan run of which nothing is heard counts as stopped")
}

func (m *maintainFlags) check() error {
	for name, d := range map[string]time.Duration{"--keep-checkpoints": m.checkpoints, "--stale-after": m.staleIn} {
		if d < time.Hour {
			return usagef("%s %s: it is an hour or more", name, d)
		}
	}
	if m.failedJobs != 0 && m.failedJobs < time.Hour {
		return usagef("--keep-failed-jobs %s: it is an hour or more, or 0 to keep all", m.failedJobs)
	}
	return nil
}

func newMaintain(a *app) *cobra.Command {
	var m maintainFlags
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
			if err := m.check(); err != nil {
				return err
			}
			if list && (dryRun || len(args) > 0) {
				return usagef("--list goes alone")
			}
			return a.maintain(cmd.Context(), m, args, dryRun, list)
		},
	}
	m.add(cmd.Flags())
	cmd.Flags().DurationVar(&m.outbox, "outbox-keep", time.Hour, "how long messages that were sent stay in the outbox")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be done, and do nothing")
	cmd.Flags().BoolVar(&list, "list", false, "list the tasks and when each ran last")
	return cmd
}

// maintainer is what tasks work with.
func (a *app) maintainer(ctx context.Context) (*pgxpool.Pool, error) {
	return a.pool(ctx, pg.Maintainer, maintenance.PoolConfig())
}

// tasks are all of them, in the order of a one-shot run. Nothing is connected to yet.
func (a *app) tasks(m maintainFlags) []maintenance.Task {
	list := []maintenance.Task{
		maintenance.Partitions(func(ctx context.Context, dryRun bool) (maintenance.Result, error) {
			return a.partitionPass(ctx, partitions.Config{ExportDir: m.exportDir, Log: a.log}, dryRun)
		}),
		maintenance.Retention(maintenance.RetentionConfig{}),
		maintenance.Checkpoints(m.checkpoints),
		maintenance.Runs(m.staleIn),
		maintenance.Jobs(m.failedJobs),
		maintenance.Outbox(m.outbox),
		maintenance.Views(a.refreshViews),
	}
	if m.feedPath != "" {
		list = append(list, maintenance.Feed(maintenance.FeedConfig{Path: m.feedPath, Import: a.importFeed}))
	}
	return list
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
		if i < 0 && name == "feed" {
			return nil, usagef("say where the feed is with --feed-path")
		}
		if i < 0 {
			return nil, usagef("there is no task %q; there are %s and, with --feed-path, feed", name, strings.Join(known, ", "))
		}
		if !slices.ContainsFunc(out, func(t maintenance.Task) bool { return t.Name == name }) {
			out = append(out, all[i])
		}
	}
	return out, nil
}

func (a *app) maintain(ctx context.Context, m maintainFlags, names []string, dryRun, list bool) error {
	tasks, err := choose(a.tasks(m), names)
	if err != nil {
		return err
	}
	pool, err := a.maintainer(ctx)
	if err != nil {
		return err
	}
	if list {
		return a.listTasks(ctx, pool, tasks)
	}
	var outcomes []maintenance.Outcome
	var failed []string
	t := table{head: []string{"task", "state", "rows", "bytes", "seconds", "what"}}
	for _, task := range tasks {
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

func (a *app) listTasks(ctx context.Context, pool *pgxpool.Pool, tasks []maintenance.Task) error {
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

// partitionPass is one pass of the partition manager, or the plan of one.
func (a *app) partitionPass(ctx context.Context, cfg partitions.Config, dryRun bool) (maintenance.Result, error) {
	var out maintenance.Result
	conn, err := a.dial(ctx)
	if err != nil {
		return out, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := migrations.AsOwner(ctx, conn); err != nil {
		return out, pg.Tell(pg.Owner, fmt.Errorf("partitions are the business of the tables' owner: %w", err))
	}
	now, err := partitions.Now(ctx, conn)
	if err != nil {
		return out, err
	}
	did := map[partitions.Kind]int{}
	if dryRun {
		plans, err := partitions.Plan(ctx, conn, now, cfg)
		for _, p := range plans {
			for _, x := range p.Actions {
				did[x.Kind]++
			}
			if p.Error != "" {
				err = errors.Join(err, fmt.Errorf("partitions of %s: %s", p.Parent, p.Error))
			}
		}
		return summed(did), err
	}
	reports, err := partitions.Maintain(ctx, conn, now, cfg)
	for _, r := range reports {
		for _, x := range r.Actions {
			did[x.Kind]++
		}
	}
	return summed(did), err
}

// summed says how many of each action there were, in the order of a pass.
func summed(did map[partitions.Kind]int) maintenance.Result {
	var out maintenance.Result
	var parts []string
	for _, k := range []partitions.Kind{
		partitions.Finalizes, partitions.Creates, partitions.Protects, partitions.Summarizes, partitions.Detaches,
		partitions.Exports, partitions.Drops, partitions.Analyzes, partitions.Steps,
	} {
		if did[k] > 0 {
			out.Rows += int64(did[k])
			parts = append(parts, fmt.Sprintf("%s %d", k, did[k]))
		}
	}
	out.What = strings.Join(parts, ", ")
	return out
}

// apart is this app with pools of its own, which done closes: for what runs beside other
// parts, and again and again.
func (a *app) apart() (own *app, done func()) {
	c := *a
	c.pools = nil
	return &c, func() {
		for _, p := range c.pools {
			p.Close()
		}
	}
}

func (a *app) refreshViews(ctx context.Context) (bool, error) {
	own, done := a.apart()
	defer done()
	w, err := own.worker(ctx, 1)
	if err != nil {
		return false, err
	}
	return w.RefreshViews(ctx)
}

// importFeed imports files as `ingest file --shared` does, and returns how many documents
// were parked.
func (a *app) importFeed(ctx context.Context, paths []string) (parked int64, err error) {
	own, done := a.apart()
	defer done()
	var printed bytes.Buffer
	own.stdin, own.stdout, own.stderr, own.output = bytes.NewReader(nil), &printed, io.Discard, "json"
	err = own.ingestFile(ctx, ingestFile{
		kind: "vuln", workers: 2, shared: true, maxDocument: normalize.DefaultLimits.MaxBytes, batchBytes: 4 << 20,
	}, paths)
	if err != nil && !errors.Is(err, errParked) {
		return 0, err
	}
	var s summary
	if jerr := json.Unmarshal(printed.Bytes(), &s); jerr != nil {
		return 0, fmt.Errorf("summary of the import: %w", jerr)
	}
	return s.Parked, nil
}

// maintain has this process take part in maintenance; of all processes one does it.
func (s *service) maintain(ctx context.Context, m maintainFlags) error {
	pool, err := s.app.maintainer(ctx)
	if err != nil {
		return err
	}
	loop := maintenance.NewLoop(pool, maintenance.LoopConfig{
		Tasks: s.app.tasks(m), OnOutage: s.app.revive, Registerer: s.registry, Logger: s.app.log,
	})
	s.add("maintenance", loop.Run)
	return nil
}
