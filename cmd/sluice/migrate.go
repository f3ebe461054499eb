package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"sluice/migrations"
	"sluice/serve"
)

func newMigrate(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "migrate", Short: "Bring the database to this program's schema, or check it"}
	var plan bool
	up := &cobra.Command{
		Use: "up", Short: "Apply the scripts that are pending; safe at any time, from any number of processes",
		Long: `Applies the scripts that are pending. With --plan it changes nothing and prints them instead: each
statement with the locks that it takes of tables that are there, whom those stop, and about how
long it works, from the planner's figures (run ANALYZE first on a database that was just restored).`,
		Example: "  sluice migrate up --database-url postgres://sluice@db.example/sluice\n  sluice migrate up --plan", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if plan {
				return a.migratePlan(cmd.Context())
			}
			return a.migrateUp(cmd.Context())
		},
	}
	up.Flags().BoolVar(&plan, "plan", false, "print the pending statements, their locks and about how long they take; change nothing")
	cmd.AddCommand(
		up,
		&cobra.Command{
			Use: "status", Short: "List the scripts and when they were applied", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return a.migrateStatus(cmd.Context()) },
		},
		&cobra.Command{
			Use: "verify", Short: "Fail unless the database has exactly this program's scripts", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return a.migrateVerify(cmd.Context()) },
		},
	)
	return cmd
}

func (a *app) migrateUp(ctx context.Context) error {
	conn, err := a.db.Bare(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	done, err := serve.Migrate(ctx, conn)
	if err != nil && len(done) == 0 {
		return err // nothing was applied, and nothing is up to date either
	}
	t := table{head: []string{"applied", "sha256"}, empty: "nothing to apply: the database is up to date"}
	names := []string{}
	for _, s := range done {
		t.add(s.Name, s.Hash)
		names = append(names, s.Name)
	}
	if perr := a.print(&t, names); err == nil {
		err = perr
	}
	return err
}

func (a *app) migratePlan(ctx context.Context) error {
	conn, err := a.db.Bare(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	plans, err := migrations.Plan(ctx, conn)
	if err != nil {
		return err
	}
	if a.output == "json" {
		return printJSON(a.stdout, plans)
	}
	if a.output == "csv" {
		return usagef("--plan is printed as a script (table) or as json")
	}
	if len(plans) == 0 {
		fmt.Fprintln(a.stdout, "-- nothing to apply: the database is up to date")
	}
	for _, p := range plans {
		together := "in one transaction, which holds its locks until its end"
		if p.Alone {
			together = "one statement at a time"
		}
		fmt.Fprintf(a.stdout, "-- %s: %s\n\n", p.Script, together)
		for _, step := range p.Steps {
			for _, l := range step.Locks {
				fmt.Fprintf(a.stdout, "-- line %d: locks %s (%s), %s: stops %s\n", step.Line, l.Table, sizeOf(l), l.Mode, l.Stops)
			}
			if step.Work != "" {
				fmt.Fprintf(a.stdout, "-- line %d: %s, about %s\n", step.Line, step.Work, max(step.Estimate, time.Millisecond).Round(time.Millisecond))
			}
			fmt.Fprintf(a.stdout, "%s;\n\n", step.SQL)
		}
	}
	return nil
}

// sizeOf is what is known of a table.
func sizeOf(l migrations.Lock) string {
	if l.Rows < 0 {
		return fmt.Sprintf("never analyzed, %.1f MB", float64(l.Bytes)/1e6)
	}
	return fmt.Sprintf("about %d rows, %.1f MB", l.Rows, float64(l.Bytes)/1e6)
}

func (a *app) migrateVerify(ctx context.Context) error {
	conn, err := a.db.Bare(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := migrations.Verify(ctx, conn); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, "the database is up to date")
	return nil
}

func (a *app) migrateStatus(ctx context.Context) error {
	conn, err := a.db.Bare(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	states, err := migrations.Status(ctx, conn)
	if err != nil {
		return err
	}
	type row struct {
		Module    string     `json:"module"`
		Version   int        `json:"version"`
		Script    string     `json:"script"`
		Hash      string     `json:"migration_hash"`
		AppliedAt *time.Time `json:"applied_at"`
	}
	t := table{head: []string{"script", "sha256", "applied"}}
	list := []row{}
	for _, s := range states {
		at := "pending"
		if s.AppliedAt != nil {
			at = s.AppliedAt.UTC().Format(time.RFC3339)
		}
		t.add(s.Name, s.Hash, at)
		list = append(list, row{s.Module, s.Version, s.Name, s.Hash, s.AppliedAt})
	}
	return a.print(&t, list)
}
