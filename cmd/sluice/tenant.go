package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/tenants"
)

func newTenant(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "tenant", Short: "Make, list, rename and delete tenants, and say how long their documents are kept"}
	var ifNotExists, reader bool
	create := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a tenant; names are unique",
		Long: `Makes a tenant and prints its id. With --reader it also makes a database user that
can log in, read the rows of this tenant and nothing else, whatever it sets; its
password is printed once.`,
		Example: "  sluice tenant create acme\n  sluice tenant create acme --if-not-exists --reader",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.createTenant(cmd.Context(), args[0], ifNotExists, reader)
		},
	}
	create.Flags().BoolVar(&ifNotExists, "if-not-exists", false, "succeed when it is there already")
	create.Flags().BoolVar(&reader, "reader", false, "also make a database user for auditors, bound to this tenant")
	list := &cobra.Command{
		Use: "list", Short: "List the tenants", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listTenants(cmd.Context()) },
	}
	cmd.AddCommand(create, list, newTenantSet(a), newTenantRename(a), newTenantDelete(a))
	return cmd
}

func (a *app) createTenant(ctx context.Context, name string, ifNotExists, reader bool) error {
	pool, err := a.db.Pool(ctx, pg.Maintainer, pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	t, made, err := tenants.Create(ctx, pool, name)
	if err != nil {
		return err
	}
	if !made && !ifNotExists {
		return fmt.Errorf("tenant %s exists already, its id is %s; --if-not-exists makes that no error", name, t)
	}
	type result struct {
		ID       id.ID  `json:"id"`
		Name     string `json:"name"`
		Created  bool   `json:"created"`
		User     string `json:"database_user,omitempty"`
		Password string `json:"database_password,omitempty"`
	}
	out := result{ID: t, Name: name, Created: made}
	if reader {
		conn, err := a.db.Dial(ctx)
		if err != nil {
			return err
		}
		defer conn.Close(context.WithoutCancel(ctx))
		if out.User, out.Password, err = tenants.Auditor(ctx, conn, t); err != nil {
			return err
		}
	}
	if a.output == "json" {
		return printJSON(a.stdout, out)
	}
	if made {
		fmt.Fprintf(a.stdout, "tenant %s made: %s\n", name, t)
	} else {
		fmt.Fprintf(a.stdout, "tenant %s is there already: %s\n", name, t)
	}
	if reader {
		fmt.Fprintf(a.stdout, "database user %s, password %s\n", out.User, out.Password)
	}
	return nil
}

func (a *app) listTenants(ctx context.Context) error {
	pool, err := a.db.Pool(ctx, pg.Maintainer, pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	list, err := tenants.List(ctx, pool)
	if err != nil {
		return err
	}
	t := table{head: []string{"name", "id", "created", "retention", "legal_hold"}, empty: "no tenants yet; `sluice tenant create NAME` makes one, and `default` is made when it is first used"}
	for _, r := range list {
		if r.Trouble != nil {
			a.log.Warn("settings of a tenant are not understood; retention leaves it alone", "tenant", r.Name, "error", r.Trouble)
		}
		hold := ""
		if r.LegalHold {
			hold = "yes"
		}
		t.add(r.Name, r.ID.String(), r.Created.Format(time.RFC3339), r.Policy.String(), hold)
	}
	return a.print(&t, list)
}
