package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/queue"
	"sluice/projections"
)

// jobsOf says which jobs are meant.
type jobsOf struct {
	shared, allTenants, all, givenUp bool
	kind, cause                      string
}

func (j *jobsOf) add(f *pflag.FlagSet) {
	f.BoolVar(&j.shared, "shared", false, "those of the shared feed")
	f.BoolVar(&j.allTenants, "all-tenants", false, "those of every tenant, and of the shared feed")
	f.StringVar(&j.kind, "kind", "", "only those of this kind: "+strings.Join(projections.Kinds, ", "))
	f.StringVar(&j.cause, "error", "", "only those whose last error contains this text")
}

func newJobs(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "jobs",
		Short: "Projection jobs that failed: look at them, try them again, drop them",
		Long: `A projection job that fails is tried again, later and later; after its last attempt it is given
up, and what it asks for is missing in the findings until somebody retries it. An outage or a
missing right is never counted against a job: those make the workers wait.`,
	}
	var of jobsOf
	of.add(cmd.PersistentFlags())
	var limit int
	list := &cobra.Command{
		Use: "list", Short: "List jobs that failed, the oldest first", Args: cobra.NoArgs,
		Example: "  sluice jobs list --tenant acme\n  sluice jobs list --all-tenants --given-up --output json",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.listJobs(cmd.Context(), of, limit) },
	}
	list.Flags().BoolVar(&of.givenUp, "given-up", false, "only those that nobody tries again")
	list.Flags().BoolVar(&of.all, "all", false, "those too that wait or are being worked on")
	list.Flags().IntVar(&limit, "limit", 1000, "at most so many; 0 is all")
	retry := &cobra.Command{
		Use: "retry [ID...]", Short: "Try jobs that failed again at once: by id, or --all", Args: cobra.ArbitraryArgs,
		Long: `Gives jobs that failed all their attempts back and wakes the workers. With --all: all that
failed, of --kind and with --error where these are given.`,
		Example: "  sluice jobs retry 17 18\n  sluice jobs retry --all-tenants --all --error 'too slow'",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.retryJobs(cmd.Context(), of, args) },
	}
	drop := &cobra.Command{
		Use: "drop [ID...]", Short: "Delete jobs that failed: by id, or --all that were given up", Args: cobra.ArbitraryArgs,
		Long: `Deletes jobs that failed, with a row in the audit log. What a job asks for is not done until a
later document asks for the same. With --all: all that were given up, of --kind and with --error
where these are given.`,
		Example: "  sluice jobs drop 17\n  sluice jobs drop --all --error 'kind \"old\"'",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.dropJobs(cmd.Context(), of, args) },
	}
	for _, c := range []*cobra.Command{retry, drop} {
		c.Flags().BoolVar(&of.all, "all", false, "all of the tenant")
	}
	cmd.AddCommand(list, retry, drop)
	return cmd
}

// jobFilter is what the flags say of tenants, kinds and errors.
func (a *app) jobFilter(ctx context.Context, of jobsOf) (queue.Filter, error) {
	f := queue.Filter{Kind: of.kind, Error: of.cause}
	if err := ask.OneOf("kind", of.kind, slices.Concat([]string{""}, projections.Kinds)...); err != nil {
		return f, err
	}
	switch {
	case of.shared && of.allTenants:
		return f, usagef("--shared and --all-tenants exclude each other")
	case of.shared:
		f.Tenants = []id.ID{id.Shared}
	case !of.allTenants:
		tenant, err := a.db.Tenant(ctx, a.tenant, false)
		if err != nil {
			return f, err
		}
		f.Tenants = []id.ID{tenant}
	}
	return f, nil
}

// chosen adds the ids of the command line, or what --all means, to the filter.
func (a *app) chosen(ctx context.Context, of jobsOf, args []string, all ...queue.State) (queue.Filter, error) {
	if (len(args) > 0) == of.all {
		return queue.Filter{}, usagef("say which: ids, or --all")
	}
	if len(args) > 0 && (of.kind != "" || of.cause != "") {
		return queue.Filter{}, usagef("--kind and --error go with --all")
	}
	var ids []int64
	for _, arg := range args {
		i, err := strconv.ParseInt(arg, 10, 64)
		if err != nil {
			return queue.Filter{}, usagef("%q is not the id of a job; see `sluice jobs list`", arg)
		}
		if !slices.Contains(ids, i) {
			ids = append(ids, i)
		}
	}
	f, err := a.jobFilter(ctx, of)
	f.IDs = ids
	if of.all {
		f.States = all
	}
	return f, err
}

func (a *app) listJobs(ctx context.Context, of jobsOf, limit int) error {
	if of.all && of.givenUp {
		return usagef("--all and --given-up exclude each other")
	}
	if limit < 0 {
		return usagef("--limit %d: it is 0 or more", limit)
	}
	f, err := a.jobFilter(ctx, of)
	if err != nil {
		return err
	}
	switch {
	case of.givenUp:
		f.States = []queue.State{queue.GivenUp}
	case !of.all:
		f.States = []queue.State{queue.GivenUp, queue.Failing}
	}
	pool, err := a.db.Pool(ctx, pg.Projector, pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	list, err := queue.List(ctx, pool, f, limit)
	if err != nil {
		return err
	}
	t := table{head: []string{"id", "tenant", "kind", "key", "state", "attempts", "since", "next_try", "error"}, empty: "no job failed"}
	if of.all {
		t.empty = "there are no jobs"
	}
	for _, j := range list {
		next := "never"
		if j.NextTry != nil {
			next = j.NextTry.UTC().Format(time.RFC3339)
		}
		tenant := j.Tenant
		if tenant == "" {
			tenant = j.TenantID.String()
		}
		t.add(n(j.ID), tenant, j.Kind, short(j.Key, 60), string(j.State), fmt.Sprintf("%d/%d", j.Attempts, j.MaxAttempts),
			j.CreatedAt.UTC().Format(time.RFC3339), next, short(j.Error, 160))
	}
	return a.print(&t, orEmpty(list))
}

func (a *app) retryJobs(ctx context.Context, of jobsOf, args []string) error {
	f, err := a.chosen(ctx, of, args, queue.GivenUp, queue.Failing)
	if err != nil {
		return err
	}
	pool, err := a.db.Pool(ctx, pg.Projector, pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	count, err := queue.Retry(ctx, pool, f)
	if err != nil {
		return err
	}
	return a.printJobs("retried", count, f)
}

func (a *app) dropJobs(ctx context.Context, of jobsOf, args []string) error {
	f, err := a.chosen(ctx, of, args, queue.GivenUp)
	if err != nil {
		return err
	}
	if of.allTenants {
		pool, err := a.db.Pool(ctx, pg.Projector, pg.Config{MaxConns: 1})
		if err != nil {
			return err
		}
		list, err := queue.List(ctx, pool, f, 0)
		if err != nil {
			return err
		}
		for _, j := range list {
			if !slices.Contains(f.Tenants, j.TenantID) {
				f.Tenants = append(f.Tenants, j.TenantID)
			}
		}
	}
	pool, err := a.db.Pool(ctx, pg.Maintainer, pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	var count int64
	for _, tenant := range f.Tenants {
		dropped, err := queue.Drop(ctx, pool, tenant, f)
		if err != nil {
			return err
		}
		count += dropped
	}
	return a.printJobs("dropped", count, f)
}

// printJobs says how many jobs something was done to; ids of which nothing came are an error.
func (a *app) printJobs(did string, count int64, f queue.Filter) error {
	if a.output == "json" {
		if err := printJSON(a.stdout, map[string]int64{did: count}); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.stdout, "%d %s\n", count, did)
	}
	if missing := len(f.IDs) - int(count); missing > 0 {
		return fmt.Errorf("%d of the %d ids are not jobs of this tenant that failed, or a worker has them now; see `sluice jobs list`", missing, len(f.IDs))
	}
	return nil
}
