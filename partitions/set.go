package partitions

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sluice/internal/ask"
)

// Change is what Set changes of a policy: what is nil stays. Intervals are PostgreSQL's,
// such as `13 months`; Retention may be `forever`.
type Change struct {
	Step *string
	From *time.Time // with Step: from when on

	Premake, Behind                *int
	PremakeFor, MaxPast, MaxFuture *string
	Retention, OnExpiry            *string
}

// Set changes the policy of a table or gives it one. A table that has partitions already, of
// whatever tool, keeps them. A policy that makes no sense is an *ask.WrongError.
func Set(ctx context.Context, conn *pgx.Conn, parent string, c Change) error {
	step, next := c.Step, (*string)(nil)
	if c.From != nil {
		step, next = nil, c.Step
	}
	var retention *string
	if c.Retention != nil && *c.Retention != "forever" {
		retention = c.Retention
	}
	err := pinned(ctx, conn, func(tx pgx.Tx) error {
		p := Policy{Parent: parent}
		ident, err := p.parentIdent()
		if err != nil {
			return err
		}
		if _, err := p.key(ctx, tx, ident); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlAddPolicy, parent, step); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, sqlSetPolicy,
			parent, step, next, c.From, c.Premake, c.Behind, c.PremakeFor, c.MaxPast, c.MaxFuture, c.Retention != nil, retention, c.OnExpiry)
		return err
	})
	if err != nil {
		err = fmt.Errorf("partition policy of %s: %w", parent, err)
		var pe *pgconn.PgError
		if errors.As(err, &pe) && (pe.Code == "23514" || pe.Code == "22007" || pe.Code == "22008") {
			return ask.Wrong("", "%w", err) // a check of the table, or no interval
		}
		return err
	}
	return nil
}
