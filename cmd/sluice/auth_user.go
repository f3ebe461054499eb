package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/authority"
)

func newAuthUser(a *app, who whose) *cobra.Command {
	cmd := &cobra.Command{Use: "user", Short: "People and programs that act in a tenant"}
	var u authority.User
	add := &cobra.Command{
		Use:     "add SUBJECT",
		Aliases: []string{"create"},
		Short:   "Add a user, with roles where --role names some",
		Long: `Adds a user. SUBJECT is a name of your choice, or with --issuer what the issuer calls him: the claim
sub of his tokens. Roles can be given now or by ` + "`sluice auth grant add`" + `.`,
		Example: "  sluice auth user add ana --role analyst --tenant acme\n  sluice auth user add 00u1a2b3 --issuer https://id.example.com --email ana@example.com --role admin",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			auth, tenant, err := who(cmd.Context())
			if err != nil {
				return err
			}
			u.Subject = args[0]
			made, err := auth.AddUser(cmd.Context(), tenant, u)
			if err != nil {
				return err
			}
			return a.printUsers(made, made)
		},
	}
	f := add.Flags()
	f.StringVar(&u.Issuer, "issuer", "", "OpenID Connect issuer that signs his tokens")
	f.StringVar(&u.Name, "name", "", "how people call him")
	f.StringVar(&u.Email, "email", "", "where to reach him")
	f.StringSliceVar(&u.Roles, "role", nil, "roles to grant")
	list := &cobra.Command{
		Use: "list", Short: "List users and their roles", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			auth, tenant, err := who(cmd.Context())
			if err != nil {
				return err
			}
			list, err := auth.Users(cmd.Context(), tenant)
			if err != nil {
				return err
			}
			return a.printUsers(orEmpty(list), list...)
		},
	}
	set := func(use, short string, active bool) *cobra.Command {
		return &cobra.Command{
			Use: use + " SUBJECT", Short: short, Args: cobra.ExactArgs(1),
			Example: "  sluice auth user " + use + " ana --tenant acme",
			RunE: func(cmd *cobra.Command, args []string) error {
				auth, tenant, err := who(cmd.Context())
				if err != nil {
					return err
				}
				u, err := auth.SetUser(cmd.Context(), tenant, args[0], active)
				if err != nil {
					return err
				}
				return a.printUsers(u, u)
			},
		}
	}
	cmd.AddCommand(add, list, set("disable", "Let a user act no longer, by none of his tokens", false), set("enable", "Let a user act again", true))
	return cmd
}

func (a *app) printUsers(form any, list ...authority.User) error {
	t := table{head: []string{"subject", "name", "email", "roles", "active", "issuer", "created"}, empty: "no users; `sluice auth user add SUBJECT` makes one"}
	for _, u := range list {
		t.add(u.Subject, u.Name, u.Email, strings.Join(u.Roles, ", "), yes(u.Active), u.Issuer, u.Created.Format(time.RFC3339))
	}
	return a.print(&t, form)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
