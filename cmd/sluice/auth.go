package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/authority"
	"sluice/internal/id"
)

func newAuth(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "auth",
		Short: "Who may act in a tenant: users, roles, grants, tokens, clients",
		Long: `Users get roles by grants, and show themselves by tokens; clients are services that get tokens for
their credentials. The permissions are read, ingest, decide and admin, and for the operator's own tenant
(--operator) operate and metrics. Roles that need not be made first: ` + strings.Join(authority.StandardRoles(), ", ") + `.

With a token (--token-file, env SLUICE_TOKEN) every command acts as its owner, in its tenant, and does what it permits.
Without one it is the operator who acts: whoever can reach the database. See docs/access.md.`,
	}
	var operator bool
	cmd.PersistentFlags().BoolVar(&operator, "operator", false, "in the operator's own tenant: who may operate the installation")
	who := func(ctx context.Context) (*authority.Authority, id.ID, error) { return a.who(ctx, operator) }
	cmd.AddCommand(newAuthUser(a, who), newAuthRole(a, who), newAuthGrant(a, who), newAuthToken(a, who), newAuthClient(a, who), newWhoAmI(a))
	return cmd
}

// whose finds the authority and the tenant that a command of auth is about.
type whose func(context.Context) (*authority.Authority, id.ID, error)

func (a *app) who(ctx context.Context, operator bool) (*authority.Authority, id.ID, error) {
	auth, err := a.authority(ctx)
	if err != nil || operator {
		return auth, id.Operator, err
	}
	tenant, err := a.db.Tenant(ctx, a.tenant, false)
	return auth, tenant, err
}

func newWhoAmI(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "whoami", Short: "Say who acts, where, and what he may", Args: cobra.NoArgs,
		Example: "  SLUICE_TOKEN=$(cat token) sluice auth whoami --output json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, ok := authority.From(cmd.Context())
			self := d.Self()
			if !ok {
				self = authority.Self{Kind: "operator", Name: "operator", Roles: []string{}, Permissions: authority.AllPermissions()}
			}
			t := table{head: []string{"name", "kind", "tenant", "roles", "permissions", "expires"}}
			t.add(self.Name, self.Kind, self.Tenant, strings.Join(self.Roles, ", "), words(self.Permissions), instant(self.Expires))
			return a.print(&t, self)
		},
	}
}

// shownOnce is a secret that was just made, with what it belongs to.
func (a *app) shownOnce(what, secret string, list any) error {
	if a.output == "json" {
		return printJSON(a.stdout, list)
	}
	// The secret alone goes to standard output, so that it can be kept without being read.
	if _, err := a.stderr.Write([]byte(what + "; this is shown once:\n")); err != nil {
		return err
	}
	_, err := a.stdout.Write([]byte(secret + "\n"))
	return err
}

func words(list []authority.Permission) string {
	out := make([]string, len(list))
	for i, p := range list {
		out[i] = string(p)
	}
	return strings.Join(out, ", ")
}

// instant prints a time that may be missing.
func instant(at *time.Time) string {
	if at == nil {
		return ""
	}
	return at.Format(time.RFC3339)
}

// lifetime reads how long something counts: 90d, 12h, or never.
func lifetime(flag, text string) (*time.Duration, error) {
	if text == "never" {
		return nil, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n < 100_000 {
			d := time.Duration(n) * 24 * time.Hour
			return &d, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return nil, usagef("--%s %q: it is a time like 90d or 12h, or never", flag, text)
	}
	return &d, nil
}
