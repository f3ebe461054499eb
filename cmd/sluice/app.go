package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/internal/id"
	"sluice/internal/telemetry"
	"sluice/inventory"
	"sluice/serve"
)

// app is what the commands share: settings, the database, the tenant.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	tenant, output, databaseURL, home, logLevel, logFormat, config string

	log     *slog.Logger
	db      *serve.Database // connected to when it is needed
	tracing func()          // sends what is left; nil: never started
}

func (a *app) flags(f *pflag.FlagSet) {
	f.StringVar(&a.tenant, "tenant", "default", "tenant, by name or UUID (env SLUICE_TENANT)")
	f.StringVarP(&a.output, "output", "o", "table", "form of the results: table, json or csv")
	f.StringVar(&a.databaseURL, "database-url", "", "PostgreSQL to use, 16 or newer; empty means the embedded one under --home (env SLUICE_DATABASE_URL)")
	f.StringVar(&a.home, "home", "", "folder of the embedded server; default $XDG_DATA_HOME/sluice (env SLUICE_HOME)")
	f.StringVar(&a.logLevel, "log-level", "warn", "debug, info, warn or error")
	f.StringVar(&a.logFormat, "log-format", "text", "text or json")
	f.StringVar(&a.config, "config", "", "YAML file whose keys are the names of flags (env SLUICE_CONFIG)")
}

// configure fills in flags that were not given: from the environment, else from the
// configuration file. The environment's name of --database-url is SLUICE_DATABASE_URL,
// and so on for every flag but those that say otherwise.
func (a *app) configure(cmd *cobra.Command) error {
	if v, ok := os.LookupEnv("SLUICE_CONFIG"); ok && !cmd.Flags().Changed("config") {
		a.config = v
	}
	file, err := readConfig(a.config, cmd.Root())
	if err != nil {
		return err
	}
	var bad error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "config" || f.Name == "help" || bad != nil {
			return
		}
		v, from := "", ""
		if s := os.Getenv(environment(f)); s != "" {
			v, from = s, "environment variable "+environment(f)
		} else if s, ok := file[f.Name]; ok {
			v, from = s, a.config
		}
		if from == "" {
			return
		}
		if err := f.Value.Set(v); err != nil {
			bad = usagef("%s: --%s: %w", from, f.Name, err)
		}
	})
	if bad != nil {
		return bad
	}
	switch a.output {
	case "table", "json", "csv":
	default:
		return usagef("--output %q: it is table, json or csv", a.output)
	}
	if err := a.logger(); err != nil {
		return err
	}
	a.tracing = telemetry.StartTracing(cmd.Context(), os.Getenv, version, a.log)
	a.db = serve.NewDatabase(serve.DatabaseConfig{URL: a.databaseURL, Home: a.home, Formats: formats(), Logger: a.log})
	return nil
}

// environment is the name of a flag in the environment.
func environment(f *pflag.Flag) string {
	if name := f.Annotations[envName]; len(name) == 1 {
		return name[0]
	}
	return "SLUICE_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
}

// readConfig reads the configuration file. A key that is no flag of any command is a mistake.
func readConfig(path string, root *cobra.Command) (map[string]string, error) {
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef("configuration: %w", err)
	}
	var raw map[string]any
	if err := yaml.Unmarshal(b, &raw); err != nil {
		return nil, usagef("configuration %s: %s", path, strings.TrimSpace(yaml.FormatError(err, false, true)))
	}
	known := map[string]bool{}
	var collect func(*cobra.Command)
	collect = func(c *cobra.Command) {
		note := func(f *pflag.Flag) { known[f.Name] = true }
		c.PersistentFlags().VisitAll(note)
		c.Flags().VisitAll(note)
		for _, sub := range c.Commands() {
			collect(sub)
		}
	}
	collect(root)
	out := map[string]string{}
	for k, v := range raw {
		if !known[k] {
			return nil, usagef("configuration %s: there is no flag --%s, so no key %q", path, k, k)
		}
		if list, ok := v.([]any); ok {
			parts := make([]string, len(list))
			for i, part := range list {
				parts[i] = fmt.Sprint(part)
			}
			v = strings.Join(parts, ",")
		}
		out[k] = fmt.Sprint(v)
	}
	return out, nil
}

func (a *app) logger() error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.logLevel)); err != nil {
		return usagef("--log-level %q: it is debug, info, warn or error", a.logLevel)
	}
	opts := &slog.HandlerOptions{Level: level}
	switch a.logFormat {
	case "text":
		a.log = slog.New(telemetry.LogHandler(slog.NewTextHandler(a.stderr, opts)))
	case "json":
		a.log = slog.New(telemetry.LogHandler(slog.NewJSONHandler(a.stderr, opts)))
	default:
		return usagef("--log-format %q: it is text or json", a.logFormat)
	}
	return nil
}

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
	if a.tracing != nil {
		a.tracing()
	}
}
