package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sluice/doctor/plans"
	"sluice/ingest"
	"sluice/internal/pg"
	"sluice/projections"
)

func newExplain(a *app) *cobra.Command {
	check := false
	cmd := &cobra.Command{
		Use:   "explain [QUERY...]",
		Short: "How PostgreSQL answers our hot queries: plans as the program's roles, judged",
		Long: `Plans and runs the hot queries as the roles that run them, under row security, with values of
the tenant of --tenant: once planned for these values and once for any. Each plan is shown with the
indexes that serve it, the pages it read and how far the worst estimate was off, and it is judged:
an index that leads with the tenant, no estimate wrong by more than 100 times. With the names of
queries their plans are printed whole. What writes is planned and not run; everything is rolled
back. docs/plans keeps the plans over generated rows.`,
		Example:           "  sluice explain --tenant acme\n  sluice explain findings_of_an_artifact --tenant acme",
		ValidArgsFunction: cobra.FixedCompletions(queryNames(), cobra.ShellCompDirectiveNoFileComp),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.explain(cmd.Context(), args, check) },
	}
	cmd.Flags().BoolVar(&check, "check", false, "fail where a plan is not as it should be")
	return cmd
}

func queryNames() (names []string) {
	for _, q := range plans.Queries {
		names = append(names, q.Name)
	}
	return names
}

func (a *app) explain(ctx context.Context, names []string, check bool) error {
	for _, name := range names {
		if !slices.Contains(queryNames(), name) {
			return usagef("there is no query %q; there are %s", name, strings.Join(queryNames(), ", "))
		}
	}
	list, err := a.plans(ctx, names)
	if err != nil {
		return err
	}
	t := table{head: []string{"query", "plan", "role", "rows", "ms", "pages", "off by", "indexes", "problems"}}
	bad := 0
	for _, p := range list {
		if len(p.Problems) > 0 {
			bad++
		}
		t.add(p.Query, p.Mode, strings.TrimPrefix(p.Role, "sluice_"), strconv.FormatFloat(p.Rows, 'f', -1, 64), strconv.FormatFloat(p.Millis, 'f', 1, 64),
			n(p.Hit+p.Read), strconv.FormatFloat(p.Error, 'f', 1, 64), strings.Join(p.Indexes, " "), strings.Join(p.Problems, "; "))
	}
	if err := a.print(&t, list); err != nil {
		return err
	}
	if len(names) > 0 && a.output == "table" {
		for _, p := range list {
			fmt.Fprintf(a.stdout, "\n%s, %s plan, as %s (%s)\n%s", p.Query, p.Mode, p.Role, p.File, p.Text)
		}
	}
	if check && bad > 0 {
		return fmt.Errorf("explain: %d plans are not as they should be", bad)
	}
	return nil
}

// plans explains the queries of these names, of all without any.
func (a *app) plans(ctx context.Context, names []string) ([]plans.Plan, error) {
	tenant, err := a.db.Tenant(ctx, a.tenant, false)
	if err != nil {
		return nil, err
	}
	reader, err := a.db.Pool(ctx, pg.Reader, pg.Config{MaxConns: 1})
	if err != nil {
		return nil, err
	}
	conn, err := reader.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	values, err := plans.Sample(ctx, conn.Conn(), tenant)
	conn.Release()
	if err != nil {
		return nil, err
	}
	out := []plans.Plan{}
	for _, of := range []struct {
		role pg.Role
		cfg  pg.Config // with the temporary tables of its work
	}{{pg.Ingest, ingest.PoolConfig(1)}, {pg.Reader, pg.Config{MaxConns: 1}}, {pg.Projector, projections.PoolConfig(1)}} {
		pool, err := a.db.Pool(ctx, of.role, of.cfg)
		if err != nil {
			return nil, err
		}
		conn, err := pool.Acquire(ctx)
		if err != nil {
			return nil, err
		}
		for _, q := range plans.Queries {
			if q.Role != of.role || len(names) > 0 && !slices.Contains(names, q.Name) {
				continue
			}
			list, err := plans.Explain(ctx, conn.Conn(), tenant, q, values)
			if err != nil {
				conn.Release()
				return nil, err
			}
			out = append(out, list...)
		}
		conn.Release()
	}
	return out, nil
}
