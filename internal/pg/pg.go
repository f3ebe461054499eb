// Package pg opens connections to PostgreSQL the way every part of Sluice uses
// them: as one of the roles of docs/tables.md, with a tenant per transaction.
//
// Row security decides what a transaction sees, and the tenant is set for the
// transaction only (set_config(..., true)): a pooled connection never carries
// one tenant's setting into another's work. The same holds for who acts (WithActor).
package pg

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/id"
)

// Role is the database role that a pool's connections take.
type Role string

// The roles, by what they may do; docs/tables.md lists their rights.
const (
	Ingest     Role = "sluice_ingest"     // append documents, receipts, checkpoints
	Feed       Role = "sluice_feed"       // the same, and the shared feed
	Projector  Role = "sluice_projector"  // derived tables
	Maintainer Role = "sluice_maintainer" // tenants, partitions, clean-up
	Relay      Role = "sluice_relay"      // send the outbox
	Reader     Role = "sluice_reader"     // one tenant's rows
	Owner      Role = "sluice_owner"      // migrations and partitions only
)

// SearchPath lists the schemas, so that the specification's unqualified names resolve.
const SearchPath = "ingest, vex, unknowns, artifact, core, authority, routing, public"

// Config tunes a pool. The zero value has the sizes and times of the specification's section 13, and
// the time-outs of its role (TimeoutsOf).
type Config struct {
	MaxConns int32 // default 20
	MinConns int32 // default 0: a command line tool holds none in reserve
	// ConnectTimeout bounds the making of a connection. Default connect_timeout of the URL, else 5 s.
	ConnectTimeout time.Duration
	// IdleTimeout is how long a connection waits for work before it is closed. Default 10 minutes.
	IdleTimeout time.Duration
	// Lifetime is how old a connection gets. Default 30 minutes.
	Lifetime time.Duration
	// StatementTimeout bounds each statement. Imports of large documents need minutes. Here and below
	// 0 is the role's own, None is none.
	StatementTimeout time.Duration
	// LockTimeout is how long a statement waits for a lock.
	LockTimeout time.Duration
	// IdleInTransaction ends the session of a transaction that waits for us for so long, with
	// its locks: of a process that was stopped in the middle.
	IdleInTransaction time.Duration
	// TransactionTimeout ends the session of a transaction that lasts so long, whatever it does:
	// of a process that was stopped while it was sending. From PostgreSQL 17 on.
	TransactionTimeout time.Duration
	// AfterConnect runs once per connection, after the role is taken: temporary tables go here.
	AfterConnect func(context.Context, *pgx.Conn) error
	// BeforeConnect may change where to connect to: an embedded server that was started
	// again may have another port.
	BeforeConnect func(context.Context, *pgx.ConnConfig) error
	// Metrics, if set, counts and times what the connections do.
	Metrics *Metrics
}

// Open returns a pool whose connections act as role. It connects once, so that
// a wrong URL or password is found here and not at the first query.
func Open(ctx context.Context, url string, role Role, cfg Config) (*pgxpool.Pool, error) {
	pc, err := parsePool(url)
	if err != nil {
		return nil, err
	}
	pc.MaxConns = 20
	if cfg.MaxConns > 0 {
		pc.MaxConns = cfg.MaxConns
	}
	pc.MinConns = min(cfg.MinConns, pc.MaxConns)
	pc.MaxConnIdleTime = cmp.Or(cfg.IdleTimeout, 10*time.Minute)
	pc.MaxConnLifetime = cmp.Or(cfg.Lifetime, 30*time.Minute)
	pc.ConnConfig.ConnectTimeout = cmp.Or(cfg.ConnectTimeout, pc.ConnConfig.ConnectTimeout, connectTimeout)
	// Only what every pooler takes at the start; the rest is set in setUp.
	pc.ConnConfig.RuntimeParams["application_name"] = "sluice " + strings.TrimPrefix(string(role), "sluice_")
	pc.BeforeConnect = cfg.BeforeConnect
	if o := newObserver(role, cfg.Metrics); o != nil {
		pc.ConnConfig.Tracer = o
	}
	pc.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		if err := cfg.setUp(ctx, c, role); err != nil {
			return fmt.Errorf("%w: %w", errSetUp, err)
		}
		return nil
	}
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("connect as %s: %w", role, err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connect as %s: %w", role, err)
	}
	cfg.Metrics.watch(role, pool)
	return pool, nil
}

// setUp makes a new connection what it is to be.
func (cfg Config) setUp(ctx context.Context, c *pgx.Conn, role Role) error {
	if err := CheckVersion(c.PgConn()); err != nil {
		return err
	}
	names, values := cfg.settings(role)
	// Not all versions know all of them.
	_, err := c.Exec(ctx, `select set_config(n, v, false) from unnest($1::text[], $2::text[]) as s (n, v) where current_setting(n, true) is not null`, names, values)
	if err != nil {
		return fmt.Errorf("settings of the session: %w", err)
	}
	if err := Become(ctx, c, role); err != nil {
		return err
	}
	if cfg.AfterConnect != nil {
		return cfg.AfterConnect(ctx, c)
	}
	return nil
}

// RoleOf returns the role that the connections of a pool from Open act as.
func RoleOf(pool *pgxpool.Pool) Role {
	return Role("sluice_" + strings.TrimPrefix(pool.Config().ConnConfig.RuntimeParams["application_name"], "sluice "))
}

// Become takes role on the connection. Where the database was migrated by a user
// that may not make roles, everything belongs to that user: then Become leaves the
// user as it is and, for the roles that work across tenants, opens the policies
// that access_v001 wrote for this case.
func Become(ctx context.Context, c *pgx.Conn, role Role) error {
	_, err := c.Exec(ctx, `
		select case
			when (select nspowner from pg_namespace where nspname = 'core') = (select oid from pg_roles where rolname = 'sluice_owner')
			then set_config('role', $1, false)
			when $1 in ('sluice_projector', 'sluice_maintainer', 'sluice_relay')
			then set_config('app.all_tenants', 'on', false)
		end`, string(role))
	if err != nil {
		return fmt.Errorf("take role %s: %w", role, err)
	}
	return nil
}

// Tenant runs fn in a transaction of tenant and commits it when fn, and the context's fence, return nil.
func Tenant(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, fn func(pgx.Tx) error) error {
	return InTx(ctx, pool, func(tx pgx.Tx) error {
		if err := SetTenant(ctx, tx, tenant); err != nil {
			return err
		}
		return fn(tx)
	})
}

// SetTenant sets the tenant of the rest of the transaction, and who acts in it: the actor of
// ctx. All three are set every time, so nothing of another context outlives the call.
func SetTenant(ctx context.Context, tx pgx.Tx, tenant id.ID) error {
	actor, _ := ActorOf(ctx)
	user, roles := actor.settings()
	_, err := tx.Exec(ctx, `select set_config('app.tenant_id', $1, true), set_config('app.user_id', $2, true), set_config('app.roles', $3, true)`, tenant.String(), user, roles)
	if err != nil {
		return fmt.Errorf("set tenant: %w", err)
	}
	return nil
}
