package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"sluice/authority"
)

func newAuthRole(a *app, who whose) *cobra.Command {
	cmd := &cobra.Command{Use: "role", Short: "Sets of permissions"}
	put := func(use, short, example string, isNew bool) *cobra.Command {
		var permissions []string
		c := &cobra.Command{
			Use: use + " NAME", Short: short, Args: cobra.ExactArgs(1), Example: example,
			RunE: func(cmd *cobra.Command, args []string) error {
				auth, tenant, err := who(cmd.Context())
				if err != nil {
					return err
				}
				r, err := auth.SetRole(cmd.Context(), tenant, args[0], authority.Permissions(permissions), isNew)
				if err != nil {
					return err
				}
				return a.printRoles(r, r)
			},
		}
		c.Flags().StringSliceVar(&permissions, "permission", nil, "what it permits: "+words(authority.AllPermissions()))
		_ = c.MarkFlagRequired("permission") // fails only for a flag that is not there
		return c
	}
	list := &cobra.Command{
		Use: "list", Short: "List roles", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			auth, tenant, err := who(cmd.Context())
			if err != nil {
				return err
			}
			list, err := auth.Roles(cmd.Context(), tenant)
			if err != nil {
				return err
			}
			return a.printRoles(orEmpty(list), list...)
		},
	}
	remove := &cobra.Command{
		Use: "remove NAME", Short: "Remove a role that nobody has", Args: cobra.ExactArgs(1),
		Example: "  sluice auth role remove triage --tenant acme",
		RunE: func(cmd *cobra.Command, args []string) error {
			auth, tenant, err := who(cmd.Context())
			if err != nil {
				return err
			}
			if err := auth.RemoveRole(cmd.Context(), tenant, args[0]); err != nil {
				return err
			}
			fmt.Fprintf(a.stderr, "role %s removed\n", args[0])
			return nil
		},
	}
	cmd.AddCommand(
		put("add", "Make a role", "  sluice auth role add triage --permission read,decide", true),
		put("set", "Change what a role permits, for everybody who has it, at once", "  sluice auth role set triage --permission read", false),
		list, remove,
	)
	return cmd
}

func (a *app) printRoles(form any, list ...authority.Role) error {
	t := table{head: []string{"name", "permissions", "users", "created"}, empty: "no roles yet; the standard ones are made when they are granted first"}
	for _, r := range list {
		t.add(r.Name, words(r.Permissions), fmt.Sprint(r.Users), r.Created.Format(time.RFC3339))
	}
	return a.print(&t, form)
}
