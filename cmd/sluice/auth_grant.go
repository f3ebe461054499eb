package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func newAuthGrant(a *app, who whose) *cobra.Command {
	cmd := &cobra.Command{Use: "grant", Short: "Which user has which role"}
	add := &cobra.Command{
		Use: "add SUBJECT ROLE", Short: "Give a user a role", Args: cobra.ExactArgs(2),
		Example: "  sluice auth grant add ana analyst",
		RunE: func(cmd *cobra.Command, args []string) error {
			auth, tenant, err := who(cmd.Context())
			if err != nil {
				return err
			}
			made, err := auth.AddGrant(cmd.Context(), tenant, args[0], args[1])
			if err != nil {
				return err
			}
			if !made {
				fmt.Fprintf(a.stderr, "%s has the role %s already\n", args[0], args[1])
			}
			return a.listGrants(cmd, who, args[0])
		},
	}
	list := &cobra.Command{
		Use: "list [SUBJECT]", Short: "List who has which role", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			subject := ""
			if len(args) > 0 {
				subject = args[0]
			}
			return a.listGrants(cmd, who, subject)
		},
	}
	revoke := &cobra.Command{
		Use: "revoke SUBJECT ROLE", Short: "Take a role from a user; his tokens permit no more than what is left", Args: cobra.ExactArgs(2),
		Example: "  sluice auth grant revoke ana analyst --tenant acme",
		RunE: func(cmd *cobra.Command, args []string) error {
			auth, tenant, err := who(cmd.Context())
			if err != nil {
				return err
			}
			if err := auth.RemoveGrant(cmd.Context(), tenant, args[0], args[1]); err != nil {
				return err
			}
			return a.listGrants(cmd, who, args[0])
		},
	}
	cmd.AddCommand(add, list, revoke)
	return cmd
}

func (a *app) listGrants(cmd *cobra.Command, who whose, subject string) error {
	auth, tenant, err := who(cmd.Context())
	if err != nil {
		return err
	}
	list, err := auth.Grants(cmd.Context(), tenant, subject)
	if err != nil {
		return err
	}
	t := table{head: []string{"user", "role", "permissions", "created"}, empty: "no grants"}
	for _, g := range list {
		t.add(g.User, g.Role, words(g.Permissions), g.Created.Format(time.RFC3339))
	}
	return a.print(&t, orEmpty(list))
}
