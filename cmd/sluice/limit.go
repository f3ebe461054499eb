package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/id"
	"sluice/routing/limits"
)

func newLimit(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "limit",
		Short: "Say how much a tenant may send and store",
		Long: `Limits: documents, bytes and components per interval, and bytes that are stored. A tenant
without one of its own has what is set with --shared for each. Imports of files and topics
wait when a limit is reached; nothing is lost and nothing parked. Every process sees a
change within 2 seconds.`,
	}
	cmd.AddCommand(newLimitList(a), newLimitSet(a), newLimitDelete(a), newLimitShow(a))
	return cmd
}

const sharedLimit = "for each tenant that has none of its own"

func newLimitList(a *app) *cobra.Command {
	var shared bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the limits that are set for the tenant and for all", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			tenant, err := a.flagTenant(cmd.Context(), shared)
			if err != nil {
				return err
			}
			pool, err := a.db.Operator(cmd.Context())
			if err != nil {
				return err
			}
			list, err := limits.List(cmd.Context(), pool, tenant)
			if err != nil {
				return err
			}
			t := table{head: []string{"limit", "amount", "for", "set"}, empty: "nothing is limited"}
			for _, l := range list {
				t.add(l.Key, l.String(), limitFor(l.Tenant), l.Updated.Format(time.RFC3339))
			}
			return a.print(&t, list)
		},
	}
	cmd.Flags().BoolVar(&shared, "shared", false, "only what is set for all tenants")
	return cmd
}

func limitFor(tenant id.ID) string {
	if tenant == id.Shared {
		return "all"
	}
	return "tenant"
}

func newLimitSet(a *app) *cobra.Command {
	var shared bool
	per := time.Minute
	cmd := &cobra.Command{
		Use:   "set LIMIT AMOUNT",
		Short: "Set a limit: documents, bytes, components or stored_bytes",
		Long: `Sets how much a tenant may have: documents, bytes or components per interval (--per), or
stored_bytes, which has none. AMOUNT is a number like 500, 10GB or 64MiB, or unlimited for a
tenant that the limit for all shall not bind. 0 stops the tenant's imports.`,
		Example: `  sluice limit set documents 1000 --per 1m --tenant acme
  sluice limit set bytes 10GB --per 24h --shared
  sluice limit set stored_bytes 500GiB --tenant acme`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			l := limits.Limit{Key: args[0], Interval: per}
			var err error
			if l.Amount, err = limits.ParseAmount(args[1]); err != nil {
				return err
			}
			if l.Key == limits.StoredBytes && !cmd.Flags().Changed("per") {
				l.Interval = 0
			}
			return a.setLimit(cmd.Context(), shared, l)
		},
	}
	cmd.Flags().BoolVar(&shared, "shared", false, sharedLimit)
	cmd.Flags().DurationVar(&per, "per", time.Minute, "how long an interval is, in whole seconds")
	return cmd
}

func (a *app) setLimit(ctx context.Context, shared bool, l limits.Limit) error {
	tenant, err := a.flagTenant(ctx, shared)
	if err != nil {
		return err
	}
	pool, err := a.db.Operator(ctx)
	if err != nil {
		return err
	}
	if l, err = limits.Put(ctx, pool, tenant, l); err != nil {
		return err
	}
	t := table{head: []string{"limit", "amount", "for"}}
	t.add(l.Key, l.String(), limitFor(l.Tenant))
	return a.print(&t, l)
}

func newLimitDelete(a *app) *cobra.Command {
	return a.deletion("delete LIMIT", "Take a limit away: what is set for all holds again", "  sluice limit delete documents --tenant acme", func(ctx context.Context, tenant id.ID, name string) error {
		pool, err := a.db.Operator(ctx)
		if err != nil {
			return err
		}
		return limits.Delete(ctx, pool, tenant, name)
	})
}

func newLimitShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Show the limits that bind the tenant, and what is used of them", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			tenant, err := a.db.Tenant(cmd.Context(), a.tenant, false)
			if err != nil {
				return err
			}
			l, err := a.db.Limits(cmd.Context())
			if err != nil {
				return err
			}
			list, err := l.Usage(cmd.Context(), tenant)
			if err != nil {
				return err
			}
			t := table{head: []string{"limit", "amount", "from", "used", "resets"}, empty: "nothing binds this tenant"}
			for _, u := range list {
				resets := ""
				if u.Resets != nil {
					resets = u.Resets.Format(time.RFC3339)
				}
				t.add(u.Key, u.String(), u.From, fmt.Sprint(u.Used), resets)
			}
			return a.print(&t, list)
		},
	}
}
