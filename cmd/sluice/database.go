package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func newDatabase(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "database", Short: "The embedded PostgreSQL: run it, connect to it"}
	var superuser bool
	url := &cobra.Command{
		Use:   "url",
		Short: "Print the URL of the database in use",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.db.Connect(cmd.Context()); err != nil && !errors.Is(err, context.Canceled) {
				return err
			}
			text := a.db.URL()
			if superuser {
				if text = a.db.SuperuserURL(); text == "" {
					return usagef("--superuser: only the embedded server's is known")
				}
			}
			fmt.Fprintln(a.stdout, text)
			return nil
		},
	}
	url.Flags().BoolVar(&superuser, "superuser", false, "that of the embedded server's superuser, whom no row security binds: for runbooks")
	cmd.AddCommand(url, &cobra.Command{
		Use:   "run",
		Short: "Keep the embedded server running and print how to connect, until stopped",
		Long: `Starts the embedded server (or joins it), prints its URL on standard output and keeps it
running until interrupted. The URL is that of user sluice, which owns the database but is
no superuser; ` + "`set role sluice_reader`" + ` and the other roles are open to it.`,
		Example: "  sluice database run &\n  psql \"$(sluice database url)\"",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if err := a.db.Connect(ctx); err != nil {
				return err
			}
			fmt.Fprintln(a.stdout, a.db.URL())
			<-ctx.Done()
			return nil
		},
	})
	return cmd
}
