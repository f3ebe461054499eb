package authority

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/pg"
)

// Config says whose word is taken. The zero value knows tokens of our own only.
type Config struct {
	// Issuers are the OpenID Connect issuers whose tokens are accepted, by their URLs.
	Issuers []string
	// Audience is what such a token must have been issued for. Required where there are issuers: a
	// token for another service is not one for us.
	Audience string
	// Skew is how far the clocks of an issuer and ours may differ. Default 1 minute.
	Skew time.Duration
	// KeysFor is how long keys of an issuer are used before they are asked for again, so that one
	// that it took back is not used for ever. Default 10 minutes.
	KeysFor time.Duration
	// KeysApart is the least time between two questions for keys: tokens with invented keys make us
	// ask no oftener. A new key is known after it at the latest. Default 5 seconds.
	KeysApart time.Duration
	// Client asks the issuers. Default one with a time-out of 10 seconds.
	Client *http.Client
	Logger *slog.Logger
	// Registerer shows what was decided; nil: nobody.
	Registerer prometheus.Registerer
	// LogRefusals is the level at which the log says why somebody was refused. Default
	// slog.LevelWarn; where the log is read by whoever is refused it is slog.LevelDebug.
	LogRefusals *slog.Level
}

// Authority keeps who may act, and decides. It may be used side by side.
type Authority struct {
	pool    *pgxpool.Pool
	log     *slog.Logger
	level   slog.Level // of refusals
	metrics metrics
	issuers []*issuer
	noted   notes // refusals that are in the audit log already
}

// PoolConfig is how the maintainer's pool of an Authority is opened. All that is asked at an entry is
// found by unique keys: a plan that is kept is as good as a new one, and planning took two thirds of
// the time that letting somebody in takes (BenchmarkDecide).
func PoolConfig() pg.Config {
	return pg.Config{MaxConns: 4, AfterConnect: func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, `set plan_cache_mode = 'auto'`)
		return err
	}}
}

// New checks the configuration; it asks nobody yet. The pool is one of the maintainer, as
// PoolConfig says.
func New(pool *pgxpool.Pool, cfg Config) (*Authority, error) {
	a := &Authority{pool: pool, log: cfg.Logger, level: slog.LevelWarn, metrics: newMetrics(cfg.Registerer)}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if cfg.LogRefusals != nil {
		a.level = *cfg.LogRefusals
	}
	issuers, err := newIssuers(cfg, a.log)
	a.issuers = issuers
	return a, err
}

// change runs fn in a transaction of the tenant.
func (a *Authority) change(ctx context.Context, tenant id.ID, fn func(pgx.Tx) error) error {
	return pg.Tenant(ctx, a.pool, tenant, fn)
}

// note writes a change into the audit log of the tenant.
func note(ctx context.Context, tx pgx.Tx, tenant id.ID, action, entity string, of id.ID, before, after any) error {
	return audit.Note(ctx, tx, tenant, audit.Entry{
		Action: action, Entity: entity, Of: &of, Diff: audit.Change(before, after),
	})
}

// taken reports whether a row was refused because its key is there.
func taken(err error) bool {
	var pe *pgconn.PgError
	return errors.As(err, &pe) && pe.Code == "23505"
}
