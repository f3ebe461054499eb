package partitions

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// Ensure makes the partitions that the policies ask for at time now and returns
// the names of those that it made. It needs a connection of the tables' owner.
//
// What counts is which times are covered, not what the partitions are called: those of
// another step or another tool are left alone, and only gaps between them are filled.
// A partition is made beside the parent and then attached: that takes only
// SHARE UPDATE EXCLUSIVE on the parent, so imports go on. Several may run at once.
func Ensure(ctx context.Context, conn *pgx.Conn, now time.Time) ([]string, error) {
	list, err := policies(ctx, conn, "")
	if err != nil {
		return nil, err
	}
	var made []string
	for _, p := range list {
		names, err := p.ensure(ctx, conn, now, Config{}.defaults())
		made = append(made, names...)
		if err != nil {
			return made, fmt.Errorf("partitions of %s: %w", p.Parent, err)
		}
	}
	return made, nil
}

// ensure makes what is due of one table.
func (p Policy) ensure(ctx context.Context, conn *pgx.Conn, now time.Time, cfg Config) ([]string, error) {
	covered, err := p.coveredNow(ctx, conn)
	if err != nil {
		return nil, err
	}
	var made []string
	for _, due := range p.due(now) {
		if due.gaps(covered) == nil {
			continue
		}
		names, err := p.fill(ctx, conn, due, cfg)
		made = append(made, names...)
		if err != nil {
			return made, fmt.Errorf("from %s: %w", due.From.Format(time.DateOnly), err)
		}
	}
	return made, nil
}

// coveredNow are the bounds of the partitions that there are, sorted.
func (p Policy) coveredNow(ctx context.Context, conn *pgx.Conn) (covered []Span, err error) {
	err = pinned(ctx, conn, func(tx pgx.Tx) error {
		covered, err = p.covered(ctx, tx)
		return err
	})
	return covered, err
}

// covered is coveredNow inside a transaction that is pinned.
func (p Policy) covered(ctx context.Context, tx querier) ([]Span, error) {
	parent, err := p.parentIdent()
	if err != nil {
		return nil, err
	}
	if _, err := p.key(ctx, tx, parent); err != nil {
		return nil, err
	}
	return p.spans(ctx, tx, parent, false)
}

// pending are the bounds of partitions whose detach was begun and not finished.
func (p Policy) pending(ctx context.Context, tx querier) ([]Span, error) {
	parent, err := p.parentIdent()
	if err != nil {
		return nil, err
	}
	return p.spans(ctx, tx, parent, true)
}

func (p Policy) spans(ctx context.Context, tx querier, parent string, pending bool) ([]Span, error) {
	rows, err := tx.Query(ctx, text("covered"), parent, pending)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Span, error) {
		var low, high pgtype.Timestamptz
		err := row.Scan(&low, &high)
		return finite(low, high), err
	})
}

// key is the column that the table is partitioned by. It refuses tables that are not cut
// by ranges of one timestamptz.
func (p Policy) key(ctx context.Context, tx querier, parent string) (string, error) {
	rows, err := tx.Query(ctx, text("key"), parent)
	if err != nil {
		return "", err
	}
	type key struct {
		Strategy string
		Columns  int
		Column   string
		Fits     bool
	}
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByPos[key])
	if err != nil {
		return "", err
	}
	if len(keys) == 0 {
		return "", fmt.Errorf("%s is no partitioned table; correct or delete its row in core.partition_policy", p.Parent)
	}
	if k := keys[0]; k.Strategy != "r" || k.Columns != 1 || !k.Fits {
		return "", fmt.Errorf("%s is not partitioned by range of one timestamptz column, and nothing else can be looked after; delete its row in core.partition_policy", p.Parent)
	}
	return keys[0].Column, nil
}
