// Package partitions keeps the time partitions of Sluice's event tables ahead
// of the clock.
//
// Partitions cover whole UTC days, weeks (from Monday) or months, by the policy
// of each table in core.partition_policy. There is no default partition: it would
// block attaching new ones and forbid detaching old ones concurrently.
package partitions

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
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

// span is a stretch of time: from is inside, to is not.
type span struct{ from, to time.Time }

// due are the spans that the policy wants partitions for at time now.
func (p Policy) due(now time.Time) []span {
	from, _ := p.Step.Bounds(now)
	for range p.Behind {
		from, _ = p.Step.Bounds(from.Add(-time.Hour))
	}
	var out []span
	for range p.Behind + 1 + p.Premake {
		_, to := p.Step.Bounds(from)
		out = append(out, span{from, to})
		from = to
	}
	return out
}

// gaps are the parts of s that no span of covered, which is sorted, holds.
func (s span) gaps(covered []span) []span {
	var out []span
	for _, c := range covered {
		if !c.to.After(s.from) {
			continue
		}
		if !c.from.Before(s.to) {
			break
		}
		if c.from.After(s.from) {
			out = append(out, span{s.from, c.from})
		}
		s.from = c.to
		if !s.from.Before(s.to) {
			return out
		}
	}
	return append(out, s)
}

// Ensure makes the partitions that the policies ask for at time now and returns
// the names of those that it made. It needs a connection of the tables' owner.
//
// What counts is which times are covered, not what the partitions are called: those of
// another step or another tool are left alone, and only gaps between them are filled.
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
		names, err := p.ensure(ctx, conn, now)
		made = append(made, names...)
		if err != nil {
			return made, fmt.Errorf("partitions of %s: %w", p.Parent, err)
		}
	}
	return made, nil
}

func (p Policy) ensure(ctx context.Context, conn *pgx.Conn, now time.Time) ([]string, error) {
	covered, err := p.covered(ctx, conn)
	if err != nil {
		return nil, err
	}
	var made []string
	for _, due := range p.due(now) {
		if due.gaps(covered) == nil {
			continue
		}
		names, err := p.fill(ctx, conn, due)
		made = append(made, names...)
		if err != nil {
			return made, fmt.Errorf("from %s: %w", due.from.Format(time.DateOnly), err)
		}
	}
	return made, nil
}

// covered are the bounds of the partitions that there are, sorted.
func (p Policy) covered(ctx context.Context, conn querier) ([]span, error) {
	// The bounds come as text in the session's style and zone, and are read in the same.
	rows, err := conn.Query(ctx, `
		select coalesce((regexp_match(bound, 'FROM \(''([^'']+)''\)'))[1], '-infinity')::timestamptz as low,
		       coalesce((regexp_match(bound, 'TO \(''([^'']+)''\)'))[1], 'infinity')::timestamptz as high
		from (
			select pg_get_expr(c.relpartbound, c.oid) as bound
			from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = $1::regclass
		) as b where bound <> 'DEFAULT' order by 1`, p.Parent)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (span, error) {
		var low, high pgtype.Timestamptz
		if err := row.Scan(&low, &high); err != nil {
			return span{}, err
		}
		s := span{low.Time, high.Time}
		if low.InfinityModifier != pgtype.Finite { // MINVALUE
			s.from = time.Time{}
		}
		if high.InfinityModifier != pgtype.Finite { // MAXVALUE
			s.to = time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC)
		}
		return s, nil
	})
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// How long one try waits for locks, which keeps others waiting too, and how many there are.
const (
	lockTimeout = "2s"
	tries       = 5
)

// fill makes partitions for what is not covered of due. While somebody holds a lock on the
// parent it steps back and tries again: whoever waits for a lock holds up all that come after.
func (p Policy) fill(ctx context.Context, conn *pgx.Conn, due span) (made []string, err error) {
	for try := 1; ; try++ {
		made = nil
		err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			made, err = p.fillTx(ctx, tx, due)
			return err
		})
		if err == nil || try == tries || !busy(err) {
			if err != nil {
				made = nil // rolled back
			}
			return made, err
		}
		select {
		case <-time.After(time.Duration(try) * (100*time.Millisecond + rand.N(400*time.Millisecond))):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// busy: a lock was not to be had.
func busy(err error) bool {
	var pe *pgconn.PgError
	return errors.As(err, &pe) && (pe.Code == "55P03" || pe.Code == "40P01")
}

func (p Policy) fillTx(ctx context.Context, tx pgx.Tx, due span) ([]string, error) {
	schema, table, ok := strings.Cut(p.Parent, ".")
	if !ok {
		return nil, fmt.Errorf("policy for %q: want schema.table", p.Parent)
	}
	run := func(sql string, args ...any) error {
		if _, err := tx.Exec(ctx, sql, args...); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
		return nil
	}
	if err := run(`set local lock_timeout = '` + lockTimeout + `'`); err != nil {
		return nil, err
	}
	// One at a time: two processes that start together would both make it.
	if err := run(`select pg_advisory_xact_lock(hashtextextended('sluice.partitions.' || $1, 0))`, p.Parent); err != nil {
		return nil, err
	}
	covered, err := p.covered(ctx, tx)
	if err != nil {
		return nil, err
	}
	var made []string
	for _, gap := range due.gaps(covered) {
		name, err := freeName(ctx, tx, schema, p.Step.Name(table, gap.from))
		if err != nil {
			return nil, err
		}
		parent, child := pgx.Identifier{schema, table}.Sanitize(), pgx.Identifier{schema, name}.Sanitize()
		const bound = "2006-01-02 15:04:05.999999Z07:00"
		for _, sql := range []string{
			fmt.Sprintf(`create table %s (like %s including all)`, child, parent),
			// Row security is not copied by LIKE: without it a direct SELECT would bypass the
			// parent's. Nor may the owner's default privileges open the partition to others.
			fmt.Sprintf(`call core.protect('%s')`, child),
			fmt.Sprintf(`do $$ declare r text; begin
				for r in select distinct case a.grantee when 0 then 'public' else a.grantee::regrole::text end
				         from pg_class c, aclexplode(c.relacl) a where c.oid = '%[1]s'::regclass and a.grantee <> c.relowner
				loop execute 'revoke all on %[1]s from ' || r; end loop; end $$`, child),
			fmt.Sprintf(`alter table %s attach partition %s for values from ('%s') to ('%s')`, parent, child,
				gap.from.UTC().Format(bound), gap.to.UTC().Format(bound)),
		} {
			if err := run(sql); err != nil {
				return nil, err
			}
		}
		made = append(made, schema+"."+name)
	}
	return made, nil
}

// freeName is name, or with a number behind it where a table that is no partition, such
// as a retired one, has that name.
func freeName(ctx context.Context, tx pgx.Tx, schema, name string) (string, error) {
	for n := 1; ; n++ {
		try := name
		if n > 1 {
			try = fmt.Sprintf("%s_%d", name, n)
		}
		var taken bool
		err := tx.QueryRow(ctx, `select to_regclass($1) is not null`, pgx.Identifier{schema, try}.Sanitize()).Scan(&taken)
		if err != nil || !taken {
			return try, err
		}
	}
}
