package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"sluice/internal/id"
	"sluice/inventory"
)

func newRebuild(a *app) *cobra.Command {
	var shared, wait bool
	var r inventory.Rebuild
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Make a tenant's derived tables again from the stored originals",
		Long: `Asks for everything that follows from a tenant's documents to be made again: what they say,
from their originals, then components, matches, findings and unknowns. Projectors do it by
difference, while imports and questions go on: what was right stays untouched, with its history.

The work is in the job queue: it goes on after a crash, with ` + "`sluice project`" + ` or ` + "`sluice serve`" + `, and a rebuild
that is asked for while the last one goes on is that one. Decisions, and what was given with a
document (artifact, stream), stay. With --wait this process projects, too, until it is done.`,
		Example: "  sluice rebuild --tenant acme --wait\n  sluice rebuild --shared --derived",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.rebuild(cmd.Context(), shared, wait, r)
		},
	}
	cmd.Flags().BoolVar(&shared, "shared", false, "the shared feed instead of a tenant")
	cmd.Flags().BoolVar(&r.Derived, "derived", false, "take what documents say from their rows; do not read the originals again")
	cmd.Flags().BoolVar(&wait, "wait", false, "project until it is done")
	return cmd
}

func (a *app) rebuild(ctx context.Context, shared, wait bool, r inventory.Rebuild) error {
	tenant, err := id.Shared, error(nil)
	if !shared {
		if tenant, err = a.db.Tenant(ctx, a.tenant, false); err != nil {
			return err
		}
	}
	inv, err := a.db.Inventory()
	if err != nil {
		return err
	}
	jobs, err := inv.Rebuild(ctx, tenant, r)
	if err != nil {
		return err
	}
	if jobs.Asked == 0 && jobs.Left > 0 {
		fmt.Fprintf(a.stderr, "sluice: a rebuild goes on already, with %d jobs left\n", jobs.Left)
	}
	if wait {
		if err := a.awaitRebuild(ctx, inv, tenant, jobs); err != nil {
			return err
		}
		if jobs.Left, jobs.GivenUp = 0, 0; a.output != "json" {
			fmt.Fprintf(a.stdout, "made again: %d jobs\n", jobs.Asked)
			return nil
		}
	}
	if a.output == "json" {
		return printJSON(a.stdout, jobs)
	}
	fmt.Fprintln(a.stdout, a.hint(fmt.Sprintf("%d jobs asked for; `sluice serve` or `sluice project --once` does them", jobs.Asked)))
	return nil
}

// awaitRebuild projects until the tenant has no jobs left, and shows how far that is.
func (a *app) awaitRebuild(ctx context.Context, inv *inventory.Inventory, tenant id.ID, jobs inventory.RebuildJobs) error {
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { done <- a.db.Drain(ctx, tenant) }()
	if !terminal(a.stderr) {
		return <-done
	}
	bar := progressbar.NewOptions64(jobs.Left, progressbar.OptionSetWriter(a.stderr), progressbar.OptionSetPredictTime(true),
		progressbar.OptionFullWidth(), progressbar.OptionClearOnFinish(), progressbar.OptionSetDescription("rebuilding"))
	for {
		select {
		case err := <-done:
			return errors.Join(err, bar.Finish())
		case <-time.After(time.Second):
		}
		// The bar is not the work: an error of the question is the work's to meet.
		if left, err := inv.RebuildLeft(ctx, tenant); err == nil {
			_ = bar.Set64(max(0, jobs.Left-left.Left))
		}
	}
}
