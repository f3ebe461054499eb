package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"sluice/authority"
)

// madeToken is a token with its text, which is shown once.
type madeToken struct {
	authority.Token
	Text string `json:"token"`
}

func newAuthToken(a *app, who whose) *cobra.Command {
	cmd := &cobra.Command{Use: "token", Short: "Tokens by which users show themselves"}
	var n authority.NewToken
	var scopes []string
	var expires string
	add := &cobra.Command{
		Use:     "add",
		Aliases: []string{"create"},
		Short:   "Make a token; it is shown once",
		Long: `Makes a token of a user and prints it, once: its hash is kept, not the token. It permits what stands in
--scope, as long as the user may it himself. Keep it in a file for --token-file, or in SLUICE_TOKEN.`,
		Example: "  sluice auth token add --user ana --scope read --name dashboards > token\n  sluice findings --token-file token",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if n.For, err = lifetime("expires", expires); err != nil {
				return err
			}
			auth, tenant, err := who(cmd.Context())
			if err != nil {
				return err
			}
			n.Scopes = authority.Permissions(scopes)
			t, text, err := auth.AddToken(cmd.Context(), tenant, n)
			if err != nil {
				return err
			}
			return a.printMade(t, text)
		},
	}
	f := add.Flags()
	f.StringVar(&n.User, "user", "", "whose it is")
	f.StringVar(&n.Name, "name", "", "what it is for")
	f.StringSliceVar(&scopes, "scope", nil, "what it permits: "+words(authority.AllPermissions()))
	f.StringVar(&expires, "expires", "90d", "how long it counts: 90d, 12h, or never")
	for _, name := range []string{"user", "scope"} {
		_ = add.MarkFlagRequired(name) // fails only for a flag that is not there
	}
	cmd.AddCommand(add, newTokenList(a, who), newTokenRevoke(a, who), newTokenRotate(a, who))
	return cmd
}

func newTokenList(a *app, who whose) *cobra.Command {
	var user string
	var all bool
	list := &cobra.Command{
		Use: "list", Short: "List tokens, and when each was used last", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			auth, tenant, err := who(cmd.Context())
			if err != nil {
				return err
			}
			list, err := auth.Tokens(cmd.Context(), tenant, user, all)
			if err != nil {
				return err
			}
			return a.printTokens(orEmpty(list), list...)
		},
	}
	list.Flags().StringVar(&user, "user", "", "only those of this user")
	list.Flags().BoolVar(&all, "all", false, "those too that expired or were revoked")
	return list
}

func newTokenRevoke(a *app, who whose) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID|NAME", Short: "End a token at once", Args: cobra.ExactArgs(1),
		Example: "  sluice auth token revoke dashboards --tenant acme",
		RunE: func(cmd *cobra.Command, args []string) error {
			auth, tenant, err := who(cmd.Context())
			if err != nil {
				return err
			}
			t, err := auth.RevokeToken(cmd.Context(), tenant, args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(a.stderr, "token %s of %s revoked\n", t.ID, t.User)
			return nil
		},
	}
}

func newTokenRotate(a *app, who whose) *cobra.Command {
	var overlap time.Duration
	rotate := &cobra.Command{
		Use: "rotate ID|NAME", Short: "Replace a token by a new one with the same name, scopes and length of life", Args: cobra.ExactArgs(1),
		Example: "  sluice auth token rotate dashboards --overlap 1h > token",
		RunE: func(cmd *cobra.Command, args []string) error {
			auth, tenant, err := who(cmd.Context())
			if err != nil {
				return err
			}
			t, text, err := auth.RotateToken(cmd.Context(), tenant, args[0], overlap)
			if err != nil {
				return err
			}
			return a.printMade(t, text)
		},
	}
	rotate.Flags().DurationVar(&overlap, "overlap", 0, "how long the one before counts still")
	return rotate
}

func (a *app) printMade(t authority.Token, text string) error {
	return a.shownOnce(fmt.Sprintf("token %s of %s permits %s", t.ID, t.User, words(t.Scopes)), text, madeToken{t, text})
}

func (a *app) printTokens(form any, list ...authority.Token) error {
	t := table{head: []string{"id", "user", "name", "token", "scopes", "created", "expires", "last_used", "revoked"}, empty: "no tokens"}
	for _, k := range list {
		expires := instant(k.Expires)
		if k.Expires == nil {
			expires = "never"
		}
		t.add(k.ID.String(), k.User, k.Name, k.Hint, words(k.Scopes), k.Created.Format(time.RFC3339), expires, instant(k.LastUsed), instant(k.Revoked))
	}
	return a.print(&t, form)
}
