package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/redisclient"
	"sluice/internal/telemetry"
	"sluice/inventory"
	"sluice/serve"
)

// app is what the commands share: settings, the database, the tenant.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	tenant, output, databaseURL, redisURL, home, logLevel, logFormat, config string
	databasePassword                                                         secretFlags
	pools                                                                    pg.Limits

	token        secretFlags
	oidcIssuers  []string
	oidcAudience string

	cmd     *cobra.Command    // that runs; nil before its arguments are understood
	origins map[string]origin // of its flags, by name
	log     *slog.Logger
	db      *serve.Database     // connected to when it is needed
	tracing func()              // sends what is left; nil: never started
	redis   *redisclient.Client // nil: none
}

func (a *app) flags(f *pflag.FlagSet) {
	f.StringVar(&a.tenant, "tenant", "default", "tenant, by name or UUID (env SLUICE_TENANT)")
	f.StringVarP(&a.output, "output", "o", "table", outputUsage([]string{"table", "json", "csv"}))
	f.StringVar(&a.databaseURL, "database-url", "", "PostgreSQL to use, 16 or newer; empty means the embedded one under --home (env SLUICE_DATABASE_URL)")
	addURLFile(f, "database-url")
	a.databasePassword.add(f, "database-password", "the password for --database-url, fetched for every connection")
	a.poolFlags(f)
	f.StringVar(&a.redisURL, "redis-url", "", "Redis that holds flags and counts what limits allow, like redis://host:6379/0; PostgreSQL does without (env SLUICE_REDIS_URL)")
	addURLFile(f, "redis-url")
	f.StringVar(&a.home, "home", "", "folder of the embedded server; default $XDG_DATA_HOME/sluice (env SLUICE_HOME)")
	f.StringVar(&a.logLevel, "log-level", "warn", "debug, info, warn or error")
	f.StringVar(&a.logFormat, "log-format", "text", "text or json")
	a.token.add(f, "token", "the token to act by, without which it is the operator who acts")
	f.StringSliceVar(&a.oidcIssuers, "oidc-issuer", nil, "OpenID Connect issuers whose tokens are accepted, URL,... (env SLUICE_OIDC_ISSUER)")
	f.StringVar(&a.oidcAudience, "oidc-audience", "", "what such tokens must have been issued for (env SLUICE_OIDC_AUDIENCE)")
	f.StringVar(&a.config, "config", "", "YAML file whose keys are the names of flags (env SLUICE_CONFIG)")
}

// configure fills in flags that were not given (see settle) and makes of them what all
// commands share.
func (a *app) configure(cmd *cobra.Command) (err error) {
	a.cmd = cmd
	if a.origins, err = a.settle(cmd.Root(), cmd.Flags()); err != nil {
		return err
	}
	forms := outputForms(cmd)
	if !slices.Contains(forms, a.output) {
		return usagef("--output %q: it is %s or %s", a.output, strings.Join(forms[:len(forms)-1], ", "), forms[len(forms)-1])
	}
	if err := a.logger(); err != nil {
		return err
	}
	a.tracing = telemetry.StartTracing(cmd.Context(), os.Getenv, version, a.log)
	a.warnOfArguments(cmd.Flags())
	password, err := a.databasePassword.source()
	if err != nil {
		return err
	}
	if a.databaseURL == "" && a.databasePassword.asked() {
		return usagef("--database-password-file and --database-password-command are for the server of --database-url, and none is named")
	}
	if a.redisURL != "" {
		if a.redis, err = redisclient.New(redisclient.Config{URL: a.redisURL, Logger: a.log}); err != nil {
			return usagef("--redis-url: %w", err)
		}
	}
	a.db = serve.NewDatabase(serve.DatabaseConfig{Redis: a.redis, URL: a.databaseURL, Password: password, Home: a.home, Formats: formats(), Pools: a.pools, Logger: a.log})
	return nil
}

func (a *app) logger() error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.logLevel)); err != nil {
		return usagef("--log-level %q: it is debug, info, warn or error", a.logLevel)
	}
	opts := &slog.HandlerOptions{Level: level}
	switch a.logFormat {
	case "text":
		a.log = slog.New(hintLog{telemetry.LogHandler(slog.NewTextHandler(a.stderr, opts)), a})
	case "json":
		a.log = slog.New(hintLog{telemetry.LogHandler(slog.NewJSONHandler(a.stderr, opts)), a})
	default:
		return usagef("--log-format %q: it is text or json", a.logFormat)
	}
	return nil
}

// outputForms are the values of --output that a command takes.
func outputForms(cmd *cobra.Command) []string {
	return append([]string{"table", "json", "csv"}, strings.Fields(cmd.Annotations[moreForms])...)
}

// moreForms annotates a command with the values of --output that it has beyond those of all.
const moreForms = "forms"

// asked is a question of the tenant's to the inventory.
func asked[T any](ctx context.Context, a *app, ask func(*inventory.Inventory, id.ID) (T, error)) (T, error) {
	tenant, err := a.db.Tenant(ctx, a.tenant, false)
	if err != nil {
		var none T
		return none, err
	}
	return askedOf(a, tenant, ask)
}

// askedOf is a question about a tenant that is known.
func askedOf[T any](a *app, tenant id.ID, ask func(*inventory.Inventory, id.ID) (T, error)) (T, error) {
	inv, err := a.db.Inventory()
	if err != nil {
		var none T
		return none, err
	}
	return ask(inv, tenant)
}

func (a *app) close() {
	if a.db != nil {
		a.db.Close()
	}
	_ = a.redis.Close()
	if a.tracing != nil {
		a.tracing()
	}
}
