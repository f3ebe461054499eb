package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/projections"
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
			if workers < 1 || workers > 64 {
				return usagef("--workers %d: it is 1 to 64", workers)
			}
			w, err := a.worker(cmd.Context(), workers)
			if err != nil {
				return err
			}
			return a.project(cmd.Context(), w, once, workers)
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "end when the queue is empty")
	cmd.Flags().IntVar(&workers, "workers", 2, "tenants that are worked on at the same time")
	return cmd
}

func (a *app) worker(ctx context.Context, workers int) (*projections.Worker, error) {
	pool, err := a.pool(ctx, pg.Projector, projections.PoolConfig(int32(2*workers)+2))
	if err != nil {
		return nil, err
	}
	return projections.New(pool, projections.Config{
		Logger: a.log, OnOutage: a.revive,
		OnBatch: func(jobs int, took time.Duration) { a.log.Debug("projected", "jobs", jobs, "took", took) },
	}), nil
}

func (a *app) project(ctx context.Context, w *projections.Worker, once bool, workers int) error {
	g, gctx := errgroup.WithContext(ctx)
	for range workers {
		g.Go(func() error {
			if once {
				return w.Drain(gctx)
			}
			return w.Run(gctx)
		})
	}
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return ctx.Err()
}

// drain projects until nothing is left to do for the tenant and for the shared feed.
func (a *app) drain(ctx context.Context, tenant id.ID) error {
	w, err := a.worker(ctx, 1)
	if err != nil {
		return err
	}
	if tenant == id.Shared {
		return w.Drain(ctx) // shared facts concern every tenant
	}
	// The shared feed first: its facts become jobs of the tenant.
	if err := w.Drain(ctx, id.Shared); err != nil {
		return err
	}
	return w.Drain(ctx, tenant)
}
