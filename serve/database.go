package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/ingest"
	"sluice/internal/ask"
	"sluice/internal/embedpg"
	"sluice/internal/pg"
	"sluice/internal/redisclient"
	"sluice/internal/secret"
	"sluice/migrations"
	"sluice/normalize"
	"sluice/partitions"
	"sluice/projections"
	"sluice/tenants"
)

// DatabaseConfig says which database to work with. The zero value is an embedded server in
// the user's own folder.
type DatabaseConfig struct {
	// URL is that of a PostgreSQL 16 or newer that somebody else runs and migrates; empty
	// means an embedded one, which this process starts, shares with others and migrates.
	URL string
	// Password is where the password is kept that URL does not hold; it is fetched for every
	// connection anew. The embedded server has one of its own.
	Password secret.Source
	// Home is the folder of the embedded server. Default $XDG_DATA_HOME/sluice.
	Home string
	// Formats are those that documents of an older program are read again with.
	Formats []normalize.Format
	// Redis, if there is one, holds flags and counts what limits allow; PostgreSQL does where
	// there is none.
	Redis *redisclient.Client
	// Pools is what the operator says of the sizes and time-outs of pools.
	Pools  pg.Limits
	Logger *slog.Logger
}

// Database is the database of this process. It connects when it is needed first. Its methods
// may be called side by side once Connect has returned.
type Database struct {
	cfg    DatabaseConfig
	log    *slog.Logger
	server *embedpg.Server // nil with a URL of somebody else's
	url    string          // "" until it is known and, by Connect, checked
	pools  []*pgxpool.Pool
	least  int32        // connections that the larger pools keep open
	ours   *atomic.Bool // sessions are ours from connecting to closing

	auditor *tenants.Login // nil: the login is no auditor's

	// What is counted of the work with it; nil outside of a Service.
	queries *pg.Metrics
	imports *ingest.Metrics
	project *projections.Metrics

	routing *routing
}

// NewDatabase connects to nothing yet.
func NewDatabase(cfg DatabaseConfig) *Database {
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Database{cfg: cfg, log: log, ours: new(atomic.Bool), routing: &routing{}}
}

// URL is where the database is; "" before Connect.
func (d *Database) URL() string { return d.url }

// SuperuserURL is where the embedded server's superuser is let in; "" where the server is somebody else's.
func (d *Database) SuperuserURL() string {
	if d.server == nil {
		return ""
	}
	return d.server.AdminURL()
}

// Connect finds the database, starting the embedded one where no other is named, and
// brings an embedded one up to date. A database of somebody's own is migrated by hand: it is
// refused unless this program fits it.
func (d *Database) Connect(ctx context.Context) error {
	if d.url != "" {
		return nil
	}
	if err := d.find(ctx); err != nil {
		return err
	}
	if d.server != nil {
		conn, err := d.Dial(ctx)
		if err != nil {
			return err
		}
		defer conn.Close(context.WithoutCancel(ctx))
		_, err = Migrate(ctx, conn)
		return err
	}
	err := d.check(ctx)
	if err != nil {
		d.url = "" // not checked yet
	}
	return err
}

// find says where the database is, and starts the embedded one.
func (d *Database) find(ctx context.Context) error {
	if d.url != "" {
		return nil
	}
	if d.url = d.cfg.URL; d.url != "" {
		return nil
	}
	server, err := embedpg.Start(ctx, embedpg.Config{Home: d.cfg.Home, Logger: d.log})
	if err != nil {
		return fmt.Errorf("embedded PostgreSQL: %w", err)
	}
	d.server, d.url = server, server.URL()
	return nil
}

// check refuses a database that this program does not fit.
func (d *Database) check(ctx context.Context) error {
	conn, err := d.Dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := migrations.Verify(ctx, conn); err != nil {
		return err
	}
	if d.auditor, err = tenants.LoginOf(ctx, conn); err != nil || d.auditor != nil {
		return err // partitions are none of an auditor's business
	}
	if err := ensurePartitions(ctx, conn); err != nil {
		d.log.Warn("partitions cannot be looked after; have `sluice migrate up` run by the owner of the schema", "error", err)
	}
	return nil
}

// Migrate applies the scripts that are pending, returns them, and makes the partitions that
// are due.
func Migrate(ctx context.Context, conn *pgx.Conn) ([]migrations.Script, error) {
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

// Dial opens one connection as the user of the URL, without a role. The caller closes it, as
// with every connection. The first one is looked at: whether sessions are ours.
func (d *Database) Dial(ctx context.Context) (*pgx.Conn, error) {
	conn, err := d.dial(ctx)
	if err == nil && !d.ours.Load() {
		if err = pg.CheckSession(ctx, conn, func() (*pgx.Conn, error) { return d.dial(ctx) }); err != nil {
			conn.Close(context.WithoutCancel(ctx))
		}
		d.ours.Store(err == nil)
	}
	if err != nil {
		return nil, pg.Tell("", fmt.Errorf("connect to the database: %w", err))
	}
	return conn, nil
}

func (d *Database) dial(ctx context.Context) (*pgx.Conn, error) {
	login := d.login()
	return pg.Connect(ctx, d.url, func(ctx context.Context, c *pgx.ConnConfig) error {
		if ms := d.cfg.Pools[pg.LimitConnect][""]; ms > 0 {
			c.ConnectTimeout = time.Duration(ms) * time.Millisecond
		}
		if login == nil {
			return nil
		}
		return login(ctx, c)
	})
}

// login changes what the URL says of a connection that is about to be made.
func (d *Database) login() func(context.Context, *pgx.ConnConfig) error {
	if d.server == nil {
		return pg.WithPassword(d.cfg.Password)
	}
	return func(_ context.Context, c *pgx.ConnConfig) error {
		c.Port = uint16(d.server.Port()) // it may have moved when the server was started again
		return nil
	}
}

// Bare opens a connection to the database as it is, migrated or not.
func (d *Database) Bare(ctx context.Context) (*pgx.Conn, error) {
	if err := d.find(ctx); err != nil {
		return nil, err
	}
	return d.Dial(ctx)
}

// verified is a bare connection to a database that this program fits, after become.
func (d *Database) verified(ctx context.Context, become func(*pgx.Conn) error) (*pgx.Conn, error) {
	conn, err := d.Bare(ctx)
	if err != nil {
		return nil, err
	}
	if err = migrations.Verify(ctx, conn); err == nil {
		err = become(conn)
	}
	if err != nil {
		conn.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return conn, nil
}

// Owner opens a connection that acts as the owner of the tables. Nothing is made beforehand,
// unlike with Connect: who plans or looks shall find things as they are.
func (d *Database) Owner(ctx context.Context) (*pgx.Conn, error) {
	return d.verified(ctx, func(conn *pgx.Conn) error { return asOwner(ctx, conn) })
}

func asOwner(ctx context.Context, conn *pgx.Conn) error {
	if err := migrations.AsOwner(ctx, conn); err != nil {
		return pg.Tell(pg.Owner, fmt.Errorf("partitions are the business of the tables' owner: %w", err))
	}
	return nil
}

// monitor is the role that looks at sizes and states.
const monitor pg.Role = "sluice_monitor"

// Monitor opens a connection that may look: the monitor's where the user can take that role,
// else as it is.
func (d *Database) Monitor(ctx context.Context) (*pgx.Conn, error) {
	return d.verified(ctx, func(conn *pgx.Conn) error {
		if err := pg.Become(ctx, conn, monitor); err != nil {
			d.log.Debug("status is read without the monitor's role", "error", err)
		}
		return nil
	})
}

// Onlooker opens a connection that sees as much of the server's statistics as we may: of the embedded
// server's superuser, else of the user of the URL, who needs pg_read_all_stats to see others' sessions.
func (d *Database) Onlooker(ctx context.Context) (*pgx.Conn, error) {
	conn, err := d.verified(ctx, func(*pgx.Conn) error { return nil })
	if err != nil || d.server == nil {
		return conn, err
	}
	conn.Close(context.WithoutCancel(ctx))
	if conn, err = pg.Connect(ctx, d.server.AdminURL(), d.login()); err != nil {
		return nil, fmt.Errorf("connect as the embedded server's superuser: %w", err)
	}
	return conn, nil
}

// Pool connects and opens connections that act as role. They are closed by Close.
func (d *Database) Pool(ctx context.Context, role pg.Role, cfg pg.Config) (*pgxpool.Pool, error) {
	if err := d.Connect(ctx); err != nil {
		return nil, err
	}
	if cfg.MaxConns > d.least {
		cfg.MinConns = max(cfg.MinConns, d.least)
	}
	role = d.roleOf(role)
	cfg, err := d.cfg.Pools.Apply(role, cfg)
	if err != nil {
		return nil, ask.Wrong("pool-max", "%w", err)
	}
	cfg.BeforeConnect, cfg.Metrics = d.login(), d.queries
	pool, err := pg.Open(ctx, d.url, role, cfg)
	if err != nil {
		return nil, err
	}
	d.pools = append(d.pools, pool)
	return pool, nil
}

// Apart is the same database with pools of its own, which done closes: for what runs beside
// other parts, and again and again.
func (d *Database) Apart() (own *Database, done func()) {
	c := *d
	c.pools, c.routing = nil, &routing{}
	c.pools, c.least = nil, 0
	return &c, func() { c.closePools() }
}

// Revive does what this program can do about an outage: it starts an embedded server that
// died (someone else's is left to its owner), and makes a partition that is missing.
func (d *Database) Revive(cause error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var pe *pgconn.PgError
	if errors.As(cause, &pe) && pe.Code == "23514" {
		if conn, err := d.Dial(ctx); err == nil {
			defer conn.Close(ctx)
			if err := ensurePartitions(ctx, conn); err != nil {
				d.log.Warn("a partition is missing and cannot be made", "error", err)
			}
		}
		return
	}
	if d.server == nil {
		return
	}
	if err := d.server.Ensure(ctx); err != nil {
		d.log.Warn("embedded PostgreSQL cannot be started again yet", "error", err)
	}
}

// Persist repeats fn through an outage.
func (d *Database) Persist(ctx context.Context, fn func() error) error {
	for {
		err := fn()
		if err == nil || !pg.Outage(err) || ctx.Err() != nil {
			return err
		}
		d.log.Warn("database outage: waiting", "error", err)
		d.Revive(err)
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// CoverEvents makes the partition of scan_run_event that a time needs.
func (d *Database) CoverEvents(ctx context.Context, at time.Time) error {
	conn, err := d.Dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := migrations.AsOwner(ctx, conn); err != nil {
		return err
	}
	_, err = partitions.Cover(ctx, conn, "ingest.scan_run_event", at)
	return err
}

// Close ends the connections, and the embedded server where nobody else uses it.
func (d *Database) Close() {
	d.closePools()
	if d.server != nil {
		_ = d.server.Close()
	}
	d.server, d.url = nil, ""
}

func (d *Database) closePools() {
	for _, p := range d.pools {
		d.queries.Forget(p)
		p.Close()
	}
	d.pools, d.routing = nil, &routing{}
}

// Remove closes the database, ends the embedded server and deletes its home.
func (d *Database) Remove(ctx context.Context) error {
	d.Close()
	return embedpg.Remove(ctx, embedpg.Config{Home: d.cfg.Home})
}
