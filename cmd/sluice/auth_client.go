package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"sluice/authority"
)

// madeClient is a client with its secret, which is shown once.
type madeClient struct {
	authority.Client
	Text string `json:"client_secret"`
}

func newAuthClient(a *app, who whose) *cobra.Command {
	cmd := &cobra.Command{Use: "client", Short: "Services that sign in by OAuth 2 client credentials"}
	var c authority.Client
	var scopes []string
	add := &cobra.Command{
		Use:     "add CLIENT_ID",
		Aliases: []string{"create"},
		Short:   "Add a client; its secret is shown once",
		Long: `Adds a client. It exchanges its secret for a token of an hour: by POST /v1/oauth/token of ` + "`sluice serve`" + `, or by
` + "`sluice auth client token`" + `. With --issuer and --subject it gets tokens from that issuer instead, and no secret here.`,
		Example: "  sluice auth client add ci --scope ingest > secret\n  sluice auth client add scanner --scope ingest --issuer https://id.example.com --subject 0oa9z8y7",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			auth, tenant, err := who(cmd.Context())
			if err != nil {
				return err
			}
			c.ClientID, c.Scopes = args[0], authority.Permissions(scopes)
			made, text, err := auth.AddClient(cmd.Context(), tenant, c)
			if err != nil {
				return err
			}
			if text == "" {
				return a.printClients(made, made)
			}
			return a.printSecret(made, text)
		},
	}
	f := add.Flags()
	f.StringSliceVar(&scopes, "scope", nil, "what it may: "+words(authority.AllPermissions()))
	f.StringVar(&c.Issuer, "issuer", "", "OpenID Connect issuer that signs its tokens")
	f.StringVar(&c.Subject, "subject", "", "what the issuer calls it: the claim sub of its tokens")
	_ = add.MarkFlagRequired("scope") // fails only for a flag that is not there
	list := &cobra.Command{
		Use: "list", Short: "List clients", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			auth, tenant, err := who(cmd.Context())
			if err != nil {
				return err
			}
			list, err := auth.Clients(cmd.Context(), tenant)
			if err != nil {
				return err
			}
			return a.printClients(orEmpty(list), list...)
		},
	}
	var overlap time.Duration
	rotate := &cobra.Command{
		Use: "rotate CLIENT_ID", Short: "Give a client another secret; without --overlap its tokens end too", Args: cobra.ExactArgs(1),
		Example: "  sluice auth client rotate ci --overlap 24h --tenant acme > secret",
		RunE: func(cmd *cobra.Command, args []string) error {
			auth, tenant, err := who(cmd.Context())
			if err != nil {
				return err
			}
			made, text, err := auth.RotateClient(cmd.Context(), tenant, args[0], overlap)
			if err != nil {
				return err
			}
			return a.printSecret(made, text)
		},
	}
	rotate.Flags().DurationVar(&overlap, "overlap", 0, "how long the secret before counts still")
	cmd.AddCommand(add, list, rotate, newClientToken(a),
		a.newClientSet(who, "set", "Change what a client may, at once"),
		a.newClientSet(who, "disable", "Let a client act no longer, by none of its tokens"),
		a.newClientSet(who, "enable", "Let a client act again"))
	return cmd
}

func (a *app) newClientSet(who whose, use, short string) *cobra.Command {
	var scopes []string
	c := &cobra.Command{
		Use: use + " CLIENT_ID", Short: short, Args: cobra.ExactArgs(1),
		Example: "  sluice auth client " + use + " ci" + map[string]string{"set": " --scope read,ingest"}[use] + " --tenant acme",
		RunE: func(cmd *cobra.Command, args []string) error {
			auth, tenant, err := who(cmd.Context())
			if err != nil {
				return err
			}
			var active *bool
			var permissions []authority.Permission
			if on := use == "enable"; use != "set" {
				active = &on
			} else {
				permissions = authority.Permissions(scopes)
			}
			after, err := auth.SetClient(cmd.Context(), tenant, args[0], active, permissions)
			if err != nil {
				return err
			}
			return a.printClients(after, after)
		},
	}
	if use == "set" {
		c.Flags().StringSliceVar(&scopes, "scope", nil, "what it may: "+words(authority.AllPermissions()))
		_ = c.MarkFlagRequired("scope") // fails only for a flag that is not there
	}
	return c
}

func newClientToken(a *app) *cobra.Command {
	var from secretFlags
	var scopes []string
	c := &cobra.Command{
		Use:   "token CLIENT_ID",
		Short: "Exchange a client's secret for a token of an hour",
		Long: `Prints a token for the secret in --client-secret-file or SLUICE_CLIENT_SECRET, as POST /v1/oauth/token does. The secret
says which tenant.`,
		Example: "  SLUICE_TOKEN=$(sluice auth client token ci --client-secret-file secret) sluice ingest file ./sboms",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			clientSecret, err := from.get(cmd.Context())
			if err != nil {
				return err
			}
			if clientSecret == "" {
				return usagef("say where the secret is: --client-secret-file, --client-secret-command or SLUICE_CLIENT_SECRET")
			}
			auth, err := a.authority(cmd.Context())
			if err != nil {
				return err
			}
			access, err := auth.Exchange(cmd.Context(), args[0], string(clientSecret), authority.Permissions(scopes))
			if err != nil {
				return err
			}
			if a.output == "json" {
				return printJSON(a.stdout, struct {
					Token   string                 `json:"access_token"`
					Scopes  []authority.Permission `json:"scopes"`
					Expires time.Time              `json:"expires_at"`
				}{access.Token, access.Scopes, access.Expires})
			}
			fmt.Fprintln(a.stdout, access.Token)
			return nil
		},
	}
	from.add(c.Flags(), "client-secret", "the client's secret")
	c.Flags().StringSliceVar(&scopes, "scope", nil, "ask for less than it may")
	return c
}

func (a *app) printSecret(c authority.Client, text string) error {
	return a.shownOnce(fmt.Sprintf("secret of client %s, which may %s", c.ClientID, words(c.Scopes)), text, madeClient{c, text})
}

func (a *app) printClients(form any, list ...authority.Client) error {
	t := table{head: []string{"client_id", "scopes", "active", "secret", "issuer", "subject", "created"}, empty: "no clients"}
	for _, c := range list {
		secret := yes(c.Secret)
		if c.Previous != nil {
			secret = "two until " + instant(c.Previous)
		}
		t.add(c.ClientID, words(c.Scopes), yes(c.Active), secret, c.Issuer, c.Subject, c.Created.Format(time.RFC3339))
	}
	return a.print(&t, form)
}
