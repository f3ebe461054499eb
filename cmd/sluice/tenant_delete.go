package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/tenants"
)

func newTenantRename(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "rename NAME NEWNAME", Short: "Give a tenant another name",
		Long: `Gives a tenant another name. Its id stays, and with it everything that it has. Producers and
commands have to use the new name from then on: a message that names the old one is parked for the
operator, after some seconds in which consumers still know it.`,
		Example: "  sluice tenant rename acme acme-emea",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			tenant, err := a.existing(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			pool, err := a.db.Pool(cmd.Context(), pg.Maintainer, pg.Config{MaxConns: 1})
			if err != nil {
				return err
			}
			if err := tenants.Rename(cmd.Context(), pool, tenant, args[1]); err != nil {
				return err
			}
			t := table{head: []string{"name", "id"}}
			t.add(args[1], tenant.String())
			return a.print(&t, map[string]string{"id": tenant.String(), "name": args[1], "before": args[0]})
		},
	}
}

// existing is a tenant that is there: `default`, too, is not made to be renamed or deleted.
func (a *app) existing(ctx context.Context, name string) (id.ID, error) {
	pool, err := a.db.Pool(ctx, pg.Maintainer, pg.Config{MaxConns: 1})
	if err != nil {
		return id.ID{}, err
	}
	return tenants.Find(ctx, pool, name)
}

func newTenantDelete(a *app) *cobra.Command {
	var dryRun, yes bool
	cmd := &cobra.Command{
		Use: "delete NAME", Short: "Delete a tenant with all its documents, findings and decisions",
		Long: `Deletes a tenant and every row that it has, in batches, beside whatever else goes on. It cannot be
undone, except from a backup. --dry-run counts and changes nothing; without it --yes says that it is meant.

A legal hold stands against it. At once nobody finds the tenant by its name any more, so nothing new comes;
cut off in between, the same command goes on. The audit log stays, the tenant's (by its id) and an entry in the operator's.`,
		Example: "  sluice tenant delete exmaple --dry-run\n  sluice tenant delete exmaple --yes",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !dryRun && !yes {
				return usagef("this deletes everything that tenant %s has: look with --dry-run, then say --yes", args[0])
			}
			return a.deleteTenant(cmd.Context(), args[0], dryRun)
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "count the rows, and delete none")
	cmd.Flags().BoolVar(&yes, "yes", false, "it is meant")
	return cmd
}

func (a *app) deleteTenant(ctx context.Context, name string, dryRun bool) error {
	pool, err := a.db.Pool(ctx, pg.Maintainer, pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	// One that was begun with goes on; a new tenant may have its name by now, which is not meant.
	tenant, err := tenants.FindLeaving(ctx, pool, name)
	if missing := new(ask.NotFoundError); errors.As(err, &missing) {
		tenant, err = tenants.Find(ctx, pool, name)
	}
	if err != nil {
		return err
	}
	conn, err := a.db.Owner(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	out, err := tenants.Delete(ctx, conn, tenant, tenants.Deletion{DryRun: dryRun, OnBatch: func(table string, rows int64) {
		a.log.Info("deleted", "table", table, "rows", rows)
	}})
	if err != nil {
		return err
	}
	if a.output == "json" {
		return printJSON(a.stdout, out)
	}
	t := table{head: []string{"table", "rows"}, empty: "the tenant has no rows"}
	for _, name := range slices.Sorted(maps.Keys(out.Rows)) {
		t.add(strings.ReplaceAll(name, `"`, ""), fmt.Sprint(out.Rows[name]))
	}
	if err := a.print(&t, out); err != nil {
		return err
	}
	if dryRun {
		fmt.Fprintf(a.stderr, "sluice: %d rows would be deleted; nothing was changed\n", out.Total)
	} else {
		fmt.Fprintf(a.stderr, "sluice: tenant %s is deleted, with %d rows\n", out.Name, out.Total)
	}
	return nil
}
