package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/maintenance"
)

func newTenant(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "tenant", Short: "Make and list tenants, and say how long their documents are kept"}
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
	cmd.AddCommand(create, list, newTenantSet(a))
	return cmd
}

var tenantName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// createTenant makes the tenant, or finds it: made says which.
func createTenant(ctx context.Context, pool *pgxpool.Pool, name string) (t id.ID, made bool, err error) {
	if !tenantName.MatchString(name) {
		return t, false, usagef("tenant name %q: use up to 63 lower-case letters, digits, dots, dashes and underscores, a letter or digit first", name)
	}
	if _, err := id.Parse(name); err == nil {
		return t, false, usagef("tenant name %q: a UUID would be taken for an id", name)
	}
	// Derived from the name: the same documents of the same tenant have the same ids in every
	// database, so a restored, rebuilt or second one can be compared row by row.
	tag, err := pool.Exec(ctx, `insert into authority.tenant (tenant_id, name) values ($1, $2) on conflict do nothing`, id.Derive(id.Shared, "tenant", name), name)
	if err == nil {
		err = pool.QueryRow(ctx, `select tenant_id from authority.tenant where name = $1`, name).Scan(&t)
	}
	if err != nil {
		return t, false, fmt.Errorf("make tenant %s: %w", name, err)
	}
	return t, tag.RowsAffected() == 1, nil
}

func (a *app) createTenant(ctx context.Context, name string, ifNotExists, reader bool) error {
	pool, err := a.pool(ctx, pg.Maintainer, pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	t, made, err := createTenant(ctx, pool, name)
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
		if out.User, out.Password, err = a.makeReader(ctx, t); err != nil {
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

// makeReader makes, or gives a new password to, the login that is bound to the tenant
// by its very name; see core.current_tenant().
func (a *app) makeReader(ctx context.Context, t id.ID) (user, password string, err error) {
	user = "sluice_reader_" + strings.ReplaceAll(t.String(), "-", "")
	secret := make([]byte, 24)
	_, _ = rand.Read(secret)
	password = base64.RawURLEncoding.EncodeToString(secret)
	conn, err := a.dial(ctx)
	if err != nil {
		return "", "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, `create role `+user+` login nosuperuser nocreatedb nocreaterole nobypassrls connection limit 20`)
	var pe *pgconn.PgError
	if err != nil && !(errors.As(err, &pe) && pe.Code == "42710") {
		return "", "", fmt.Errorf("make database user %s (the user of --database-url needs CREATEROLE for that): %w", user, err)
	}
	for _, sql := range []string{
		`alter role ` + user + ` password '` + password + `'`, // letters, digits, - and _ only
		`grant sluice_reader to ` + user,
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return "", "", fmt.Errorf("database user %s: %w", user, err)
		}
	}
	return user, password, nil
}

func (a *app) listTenants(ctx context.Context) error {
	pool, err := a.pool(ctx, pg.Maintainer, pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	type row struct {
		ID      id.ID     `json:"id"`
		Name    string    `json:"name"`
		Created time.Time `json:"created_at"`
		policyJSON
	}
	rows, err := pool.Query(ctx, `select tenant_id, name, created_at, settings from authority.tenant order by name`)
	if err != nil {
		return err
	}
	list, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (row, error) {
		var out row
		var settings []byte
		if err := r.Scan(&out.ID, &out.Name, &out.Created, &settings); err != nil {
			return out, err
		}
		p, err := maintenance.ParsePolicy(settings)
		if err != nil {
			a.log.Warn("settings of a tenant are not understood; retention leaves it alone", "tenant", out.Name, "error", err)
		}
		out.policyJSON = policyJSON{p.Keep, p.LegalHold}
		return out, nil
	})
	if err != nil {
		return err
	}
	t := table{head: []string{"name", "id", "created", "retention", "legal_hold"}, empty: "no tenants yet; `default` is made at the first import"}
	for _, r := range list {
		hold := ""
		if r.LegalHold {
			hold = "yes"
		}
		t.add(r.Name, r.ID.String(), r.Created.UTC().Format(time.RFC3339), r.String(), hold)
	}
	return a.print(&t, orEmpty(list))
}
