package partitions

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// errElsewhere: another process is making partitions of the table at this moment.
var errElsewhere = errors.New("another process has been making partitions of it for too long; see pg_locks for the advisory lock")

// fill makes partitions for what is not covered of due, in one transaction.
func (p Policy) fill(ctx context.Context, conn *pgx.Conn, due Span, cfg Config) (made []string, err error) {
	for deadline := time.Now().Add(30 * time.Second); ; {
		err = cfg.retry(ctx, func() error {
			made = nil
			return pinned(ctx, conn, func(tx pgx.Tx) error {
				made, err = p.fillTx(ctx, tx, due, cfg)
				return err
			})
		})
		if !errors.Is(err, errElsewhere) || time.Now().After(deadline) || sleep(ctx, 30*time.Millisecond) != nil {
			break
		}
	}
	if err != nil {
		return nil, err // rolled back
	}
	for _, name := range made {
		cfg.Log.Info("partition made", "parent", p.Parent, "partition", name)
	}
	return made, nil
}

func (p Policy) fillTx(ctx context.Context, tx pgx.Tx, due Span, cfg Config) ([]string, error) {
	if _, err := tx.Exec(ctx, setLockTimeout(cfg.LockTimeout, true)); err != nil {
		return nil, err
	}
	switch got, err := makeLock(ctx, tx, p.Parent); {
	case err != nil:
		return nil, err
	case !got:
		return nil, errElsewhere
	}
	cfg.fault("create.locked")
	covered, err := p.covered(ctx, tx)
	if err != nil {
		return nil, err
	}
	names := namer{}
	var made []string
	for _, gap := range due.gaps(covered) {
		name, statements, err := p.createSQL(ctx, tx, gap, names)
		if err != nil {
			return nil, err
		}
		for i, sql := range statements {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return nil, fmt.Errorf("%s: %w", sql, err)
			}
			cfg.fault([]string{"create.made", "create.protected", "create.attached"}[i])
		}
		made = append(made, name)
	}
	return made, nil
}

// createSQL are the statements that make a partition for gap: beside its table, protected
// as that is, then attached. It is empty, so attaching it scans nothing.
//
// LIKE copies neither row security nor rights nor identity; without row security of its own
// a SELECT from the partition would bypass the parent's.
func (p Policy) createSQL(ctx context.Context, tx pgx.Tx, gap Span, names namer) (name string, statements []string, err error) {
	schema, table, _ := strings.Cut(p.Parent, ".")
	parent, err := p.parentIdent()
	if err != nil {
		return "", nil, err
	}
	with, err := p.options()
	if err != nil {
		return "", nil, err
	}
	free, err := names.free(ctx, tx, schema, p.stepAt(gap.From).Name(table, gap.From))
	if err != nil {
		return "", nil, err
	}
	child := ident(schema, free)
	return schema + "." + free, []string{
		fmt.Sprintf("create table %s (like %s including all excluding identity)%s", child, parent, with),
		protectSQL(child, parent),
		attachSQL(parent, child, gap),
	}, nil
}

func protectSQL(child, parent string) string {
	return fmt.Sprintf("call core.protect_partition(%s, %s)", quote(child), quote(parent))
}

func attachSQL(parent, child string, s Span) string {
	return fmt.Sprintf("alter table %s attach partition %s for values from (%s) to (%s)", parent, child, lowBound(s), highBound(s))
}

func lowBound(s Span) string {
	if s.From.IsZero() {
		return "minvalue"
	}
	return literal(s.From)
}

func highBound(s Span) string {
	if s.To.Equal(endOfTime) {
		return "maxvalue"
	}
	return literal(s.To)
}

// namer finds names for new partitions; it holds those that a plan has given away already.
type namer map[string]bool

// free is name, or with a number behind it where a table that is no partition, such as a
// retired one, has that name.
func (n namer) free(ctx context.Context, tx pgx.Tx, schema, name string) (string, error) {
	// PostgreSQL cuts names at 63 bytes, silently; the end is what tells partitions apart.
	const longest, number = 63, 4
	if over := len(name) + number - longest; over > 0 {
		i := strings.LastIndexFunc(name, func(r rune) bool { return r != '_' && (r < '0' || r > '9') }) + 1
		name = name[:max(i-over, 1)] + name[i:]
	}
	for i := 1; ; i++ {
		try := name
		if i > 1 {
			try = fmt.Sprintf("%s_%d", name, i)
		}
		var taken bool
		err := tx.QueryRow(ctx, `select to_regclass($1) is not null`, ident(schema, try)).Scan(&taken)
		if err != nil {
			return "", err
		}
		if !taken && !n[schema+"."+try] {
			n[schema+"."+try] = true
			return try, nil
		}
	}
}
