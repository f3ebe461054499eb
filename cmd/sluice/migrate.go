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
	cmd.AddCommand(
		&cobra.Command{
			Use: "up", Short: "Apply the scripts that are pending; safe at any time, from any number of processes",
			Example: "  sluice migrate up --database-url postgres://sluice@db.example/sluice", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return a.migrateUp(cmd.Context()) },
		},
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
