package main

import (
	"github.com/spf13/cobra"

	"sluice/serve"
)

func newProject(a *app) *cobra.Command {
	var once bool
	var workers int
	cmd := &cobra.Command{
		Use:   "project",
		Short: "Bring findings, unknowns and views up to what is stored",
		Long: `Runs projection workers: which document is current, components, matching, VEX,
findings, unknowns, materialized views. Any number of processes may run at once; they
share the tenants out. Without --once it goes on until it is stopped.`,
		Example: "  sluice project --once\n  sluice project --workers 4",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := serve.CheckProjectors(workers); err != nil {
				return err
			}
			return a.db.Project(cmd.Context(), workers, once)
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "end when the queue is empty")
	cmd.Flags().IntVar(&workers, "workers", 2, "tenants that are worked on at the same time")
	return cmd
}
