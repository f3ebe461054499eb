// Package partitions keeps the time partitions of Sluice's event tables ahead
// of the clock.
//
// Partitions cover whole UTC days, weeks (from Monday) or months, by the policy
// of each table in core.partition_policy. There is no default partition: it would
// block attaching new ones and forbid detaching old ones concurrently.
package partitions

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Step is the length of one partition.
type Step string

// The steps that a policy may have.
const (
	Day   Step = "day"
	Week  Step = "week"
	Month Step = "month"
)

// Bounds returns the partition that t falls into: from is inside, to is not. Both are UTC.
func (s Step) Bounds(t time.Time) (from, to time.Time) {
	y, m, d := t.UTC().Date()
	switch s {
	case Day:
		from = time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
		return from, from.AddDate(0, 0, 1)
	case Week:
		from = time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
		from = from.AddDate(0, 0, -(int(from.Weekday())+6)%7)
		return from, from.AddDate(0, 0, 7)
	default:
		from = time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
		return from, from.AddDate(0, 1, 0)
	}
}

// Name returns the name of the partition of parent that starts at from.
func (s Step) Name(parent string, from time.Time) string {
	switch s {
	case Month:
		return parent + "_" + from.Format("2006_01")
	default:
		return parent + "_" + from.Format("2006_01_02")
	}
}

// Policy is a row of core.partition_policy.
type Policy struct {
	Parent  string // schema.table
	Step    Step
	Premake int // partitions ahead of the current one
	Behind  int // partitions before the current one
}

// Ensure makes the partitions that the policies ask for at time now and returns
// the names of those that it made. It needs a connection of the tables' owner.
//
// A partition is made beside the parent and then attached: that takes only
// SHARE UPDATE EXCLUSIVE on the parent, so imports go on. Several may run at once.
func Ensure(ctx context.Context, conn *pgx.Conn, now time.Time) ([]string, error) {
	rows, err := conn.Query(ctx, `select parent, step, premake, behind from core.partition_policy order by parent`)
	if err != nil {
		return nil, fmt.Errorf("partition policies: %w", err)
	}
	policies, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Policy])
	if err != nil {
		return nil, fmt.Errorf("partition policies: %w", err)
	}
	var made []string
	for _, p := range policies {
		from, _ := p.Step.Bounds(now)
		for range p.Behind {
			from, _ = p.Step.Bounds(from.Add(-time.Hour))
		}
		for range p.Behind + 1 + p.Premake {
			name, err := p.ensure(ctx, conn, from)
			if err != nil {
				return made, fmt.Errorf("partition of %s from %s: %w", p.Parent, from.Format(time.DateOnly), err)
			}
			if name != "" {
				made = append(made, name)
			}
			_, from = p.Step.Bounds(from)
		}
	}
	return made, nil
}

// ensure makes the one partition that starts at from, unless a partition covers that moment already.
func (p Policy) ensure(ctx context.Context, conn *pgx.Conn, from time.Time) (string, error) {
	schema, table, ok := strings.Cut(p.Parent, ".")
	if !ok {
		return "", fmt.Errorf("policy for %q: want schema.table", p.Parent)
	}
	from, to := p.Step.Bounds(from)
	name := p.Step.Name(table, from)
	parent := pgx.Identifier{schema, table}.Sanitize()
	child := pgx.Identifier{schema, name}.Sanitize()

	made := ""
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		// One at a time: two processes that start together would both make it.
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended('sluice.partitions.' || $1, 0))`, p.Parent); err != nil {
			return err
		}
		var covered bool
		err := tx.QueryRow(ctx, `
			select exists (
				select from pg_inherits i join pg_class c on c.oid = i.inhrelid
				where i.inhparent = $1::regclass and c.relname = $2)`, p.Parent, name).Scan(&covered)
		if err != nil || covered {
			return err
		}
		sql := []string{
			`set local lock_timeout = '5s'`,
			fmt.Sprintf(`create table %s (like %s including all)`, child, parent),
			// Row security is not copied by LIKE: without it a direct SELECT would bypass the parent's.
			fmt.Sprintf(`call core.protect('%s')`, child),
			fmt.Sprintf(`alter table %s attach partition %s for values from ('%s') to ('%s')`, parent, child,
				from.Format("2006-01-02 15:04:05Z07:00"), to.Format("2006-01-02 15:04:05Z07:00")),
		}
		for _, s := range sql {
			if _, err := tx.Exec(ctx, s); err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
		}
		made = schema + "." + name
		return nil
	})
	return made, err
}
