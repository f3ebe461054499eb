package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/internal/ask"
	"sluice/internal/embedpg"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/inventory"
	"sluice/migrations"
	"sluice/partitions"
	"sluice/tenants"
)

// app is what the commands share: settings, the database, the tenant.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	tenant, output, databaseURL, home, logLevel, logFormat, config string

	log    *slog.Logger
	server *embedpg.Server // nil with --database-url
	url    string
	pools  []*pgxpool.Pool
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
	return a.logger()
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
		a.log = slog.New(slog.NewTextHandler(a.stderr, opts))
	case "json":
		a.log = slog.New(slog.NewJSONHandler(a.stderr, opts))
	default:
		return usagef("--log-format %q: it is text or json", a.logFormat)
	}
	return nil
}

// connect finds the database, starting the embedded one where no other is named, and
// brings an embedded one up to date. A database of one's own is migrated by hand.
func (a *app) connect(ctx context.Context) error {
	if a.url != "" {
		return nil
	}
	if a.databaseURL != "" {
		a.url = a.databaseURL
		err := a.check(ctx)
		if err != nil {
			a.url = "" // not checked yet
		}
		return err
	}
	server, err := embedpg.Start(ctx, embedpg.Config{Home: a.home, Logger: a.log})
	if err != nil {
		return fmt.Errorf("embedded PostgreSQL: %w", err)
	}
	a.server, a.url = server, server.URL()
	return a.migrate(ctx)
}

// check refuses a database that this program does not fit.
func (a *app) check(ctx context.Context) error {
	conn, err := a.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := migrations.Verify(ctx, conn); err != nil {
		return err
	}
	if err := ensurePartitions(ctx, conn); err != nil {
		a.log.Warn("partitions cannot be looked after; have `sluice migrate up` run by the owner of the schema", "error", err)
	}
	return nil
}

// migrate brings the database up to date and makes the partitions that are due.
func (a *app) migrate(ctx context.Context) error {
	conn, err := a.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = migrateUp(ctx, conn)
	return err
}

func migrateUp(ctx context.Context, conn *pgx.Conn) ([]migrations.Script, error) {
	done, err := migrations.Up(ctx, conn)
	if err != nil {
		return done, err
	}
	return done, ensurePartitions(ctx, conn)
}

// ensurePartitions makes the partitions that are due.
func ensurePartitions(ctx context.Context, conn *pgx.Conn) error {
	if err := migrations.AsOwner(ctx, conn); err != nil {
		return err
	}
	_, err := partitions.Ensure(ctx, conn, time.Now())
	return err
}

// dial opens one connection as the user of the URL, without a role.
func (a *app) dial(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.Connect(ctx, a.url)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return conn, nil
}

// pool opens connections that act as role.
func (a *app) pool(ctx context.Context, role pg.Role, cfg pg.Config) (*pgxpool.Pool, error) {
	if err := a.connect(ctx); err != nil {
		return nil, err
	}
	if a.server != nil {
		cfg.BeforeConnect = func(_ context.Context, c *pgx.ConnConfig) error {
			c.Port = uint16(a.server.Port()) // it may have moved when the server was started again
			return nil
		}
	}
	pool, err := pg.Open(ctx, a.url, role, cfg)
	if err != nil {
		return nil, err
	}
	a.pools = append(a.pools, pool)
	return pool, nil
}

// revive does what this program can do about an outage: it starts an embedded server that
// died (someone else's is left to its owner), and makes a partition that is missing.
func (a *app) revive(cause error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var pe *pgconn.PgError
	if errors.As(cause, &pe) && pe.Code == "23514" {
		if conn, err := a.dial(ctx); err == nil {
			defer conn.Close(ctx)
			if err := ensurePartitions(ctx, conn); err != nil {
				a.log.Warn("a partition is missing and cannot be made", "error", err)
			}
		}
		return
	}
	if a.server == nil {
		return
	}
	if err := a.server.Ensure(ctx); err != nil {
		a.log.Warn("embedded PostgreSQL cannot be started again yet", "error", err)
	}
}

func (a *app) close() {
	for _, p := range a.pools {
		p.Close()
	}
	if a.server != nil {
		_ = a.server.Close()
	}
}

// tenantID finds the tenant of --tenant. `default` is made when it is missing; any other
// name only where create is true, so that a typing error does not open a new tenant for reading.
func (a *app) tenantID(ctx context.Context, create bool) (id.ID, error) {
	pool, err := a.pool(ctx, pg.Maintainer, pg.Config{MaxConns: 1})
	if err != nil {
		return id.ID{}, err
	}
	return a.findTenant(ctx, pool, a.tenant, create)
}

func (a *app) findTenant(ctx context.Context, pool *pgxpool.Pool, name string, create bool) (id.ID, error) {
	t, err := tenants.Find(ctx, pool, name)
	var missing *ask.NotFoundError
	if _, uuid := id.Parse(name); uuid == nil || !errors.As(err, &missing) || !create && name != "default" {
		return t, err
	}
	t, _, err = tenants.Create(ctx, pool, name)
	return t, err
}

// inventory is what questions are asked of and decisions are told. It opens its connections
// when they are needed first.
func (a *app) inventory() (*inventory.Inventory, error) {
	pools := map[pg.Role]*pgxpool.Pool{}
	return inventory.New(inventory.Config{Pool: func(ctx context.Context, role pg.Role) (*pgxpool.Pool, error) {
		if p := pools[role]; p != nil {
			return p, nil
		}
		p, err := a.pool(ctx, role, pg.Config{MaxConns: 1})
		pools[role] = p
		return p, err
	}})
}

// asked is a question of the tenant's to the inventory.
func asked[T any](ctx context.Context, a *app, ask func(*inventory.Inventory, id.ID) (T, error)) (T, error) {
	var none T
	tenant, err := a.tenantID(ctx, false)
	if err != nil {
		return none, err
	}
	inv, err := a.inventory()
	if err != nil {
		return none, err
	}
	return ask(inv, tenant)
}
