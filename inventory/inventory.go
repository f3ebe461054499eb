package inventory

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/normalize"
	"sluice/normalize/purl"
)

// Config says what an Inventory works with.
type Config struct {
	// Pool returns the connections that act as role; it is asked at each call, for the
	// role that the call needs: Reader for questions, Ingest for decisions, and Feed or
	// Maintainer for what is parked of the shared feed or of nobody. A call takes one
	// connection, and holds it until it returns. Required.
	Pool func(ctx context.Context, role pg.Role) (*pgxpool.Pool, error)
	// Formats read stored documents again, for what is not in rows. Without them Details, Path
	// and what is made of these fail.
	Formats []normalize.Format
}

// Inventory answers questions and takes decisions. It is safe for concurrent use.
type Inventory struct {
	cfg Config
}

// New checks the configuration. It connects to nothing.
func New(cfg Config) (*Inventory, error) {
	if cfg.Pool == nil {
		return nil, errors.New("inventory: Config.Pool is required")
	}
	return &Inventory{cfg}, nil
}

// read runs fn in a transaction that cannot write, and sees the rows of tenant at one moment.
func (inv *Inventory) read(ctx context.Context, tenant id.ID, fn func(pgx.Tx) error) error {
	pool, err := inv.cfg.Pool(ctx, pg.Reader)
	if err != nil {
		return err
	}
	return pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{AccessMode: pgx.ReadOnly, IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
		if err := pg.SetTenant(ctx, tx, tenant); err != nil {
			return err
		}
		return fn(tx)
	})
}

// as runs fn in a transaction of tenant that acts as role.
func (inv *Inventory) as(ctx context.Context, role pg.Role, tenant id.ID, fn func(pgx.Tx) error) error {
	pool, err := inv.cfg.Pool(ctx, role)
	if err != nil {
		return err
	}
	return pg.Tenant(ctx, pool, tenant, fn)
}

// collect reads the rows of a statement into structs, by the names of columns, and returns
// an empty list where there are none: its JSON is [].
func collect[T any](ctx context.Context, tx pgx.Tx, sql string, args ...any) ([]T, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.AppendRows([]T{}, rows, pgx.RowToStructByName[T])
}

// during names the step that failed. What is not there needs none: the question names it.
func during(step string, err error) error {
	var missing *ask.NotFoundError
	if errors.As(err, &missing) {
		return err
	}
	return fmt.Errorf("%s: %w", step, err)
}

// artifactPurl is the purl of an artifact as it is stored; "" stays.
func artifactPurl(given string) (string, error) {
	if given == "" {
		return "", nil
	}
	if strings.Contains(given, "*") { // which a purl may have, escaped
		return "", ask.Wrong("artifact", "%q: it is the purl of one artifact here; `sluice artifact list --like GLOB` finds several", given)
	}
	p, err := purl.Parse(given)
	if err != nil {
		return "", ask.Wrong("artifact", "%q: %w; write it like pkg:oci/app@1.2", given, err)
	}
	return p.Purl, nil
}
