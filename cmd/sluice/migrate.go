package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"sluice/internal/embedpg"
	"sluice/migrations"
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
			RunE: func(cmd *cobra.Command, _ []string) error {
				return a.bare(cmd.Context(), func(ctx context.Context, conn *pgx.Conn) error {
					if err := migrations.Verify(ctx, conn); err != nil {
						return err
					}
					fmt.Fprintln(a.stdout, "the database is up to date")
					return nil
				})
			},
		},
	)
	return cmd
}

// bare runs fn on a connection to the database as it is, migrated or not.
func (a *app) bare(ctx context.Context, fn func(context.Context, *pgx.Conn) error) error {
	a.url = a.databaseURL
	if a.url == "" {
		server, err := embedpg.Start(ctx, embedpg.Config{Home: a.home, Logger: a.log})
		if err != nil {
			return fmt.Errorf("embedded PostgreSQL: %w", err)
		}
		a.server, a.url = server, server.URL()
	}
	conn, err := a.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return fn(ctx, conn)
}

func (a *app) migrateUp(ctx context.Context) error {
	return a.bare(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		done, err := migrateUp(ctx, conn)
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
	})
}

func (a *app) migrateStatus(ctx context.Context) error {
	return a.bare(ctx, func(ctx context.Context, conn *pgx.Conn) error {
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
	})
}
