package partitions

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// Attach brings a retired partition back: from the file that it was exported to, or, by its
// name, the table that was kept. Its rows are compared with the manifest before
// anybody can see them. Everything is one transaction; the parent is locked, against others
// that change its partitions, at the end of it only. For hold it is not retired again; 0 is
// for ever. It returns the partition's name.
func Attach(ctx context.Context, conn *pgx.Conn, fileOrTable string, hold time.Duration, cfg Config) (string, error) {
	cfg = cfg.defaults()
	var name string
	var err error
	if _, serr := os.Stat(fileOrTable); serr == nil {
		name, err = attachFile(ctx, conn, fileOrTable, hold, cfg)
	} else if schema, table, ok := strings.Cut(fileOrTable, "."); ok && schema != "" && !strings.ContainsAny(table, "./") {
		name, err = attachTable(ctx, conn, fileOrTable, hold, cfg)
	} else {
		err = serr
	}
	if err != nil {
		return "", fmt.Errorf("attach %s: %w", fileOrTable, err)
	}
	return name, nil
}

func attachFile(ctx context.Context, conn *pgx.Conn, path string, hold time.Duration, cfg Config) (string, error) {
	file, m, err := ReadManifest(path)
	if err != nil {
		return "", err
	}
	span, err := m.span()
	if err != nil {
		return "", err
	}
	// Before a long load, and so that nothing of a damaged file gets near the table.
	if err := verifyFile(file, m); err != nil {
		return "", err
	}
	list, err := policies(ctx, conn, m.Parent)
	if err != nil {
		return "", err
	}
	a := attacher{Policy: list[0], conn: conn, cfg: cfg, hold: hold, span: span}
	return a.run(ctx, func(tx pgx.Tx) (child string, err error) {
		schema, table, _ := strings.Cut(m.Partition, ".")
		if schema == "" || table == "" {
			return "", fmt.Errorf("the manifest names the partition %q; want schema.table", m.Partition)
		}
		if table, err = (namer{}).free(ctx, tx, schema, table); err != nil {
			return "", err
		}
		a.name, child = schema+"."+table, ident(schema, table)
		if err := a.fits(ctx, tx, m.Columns); err != nil {
			return "", err
		}
		with, err := a.options()
		if err != nil {
			return "", err
		}
		if _, err := tx.Exec(ctx, fmt.Sprintf("create table %s (like %s including all excluding identity)%s", child, a.parent, with)); err != nil {
			return "", err
		}
		cfg.fault("attach.made")
		return child, a.load(ctx, tx, child, file, m)
	})
}

// attachTable attaches a table that was detached and kept.
func attachTable(ctx context.Context, conn *pgx.Conn, name string, hold time.Duration, cfg Config) (string, error) {
	all, err := readRetired(ctx, conn, "", true)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(all, func(r retired) bool { return r.Name == name && r.Exists && r.State == "detached" })
	if i < 0 {
		return "", errors.New("there is no such file, and no retired partition of that name was kept; see `sluice partitions list --retired`")
	}
	list, err := policies(ctx, conn, all[i].Parent)
	if err != nil {
		return "", err
	}
	a := attacher{Policy: list[0], conn: conn, cfg: cfg, hold: hold, span: all[i].span(), name: name}
	return a.run(ctx, func(pgx.Tx) (string, error) { return identOf(name), nil })
}

// attacher carries one Attach.
type attacher struct {
	Policy
	conn   *pgx.Conn
	cfg    Config
	hold   time.Duration
	span   Span
	parent string // quoted
	name   string // of the partition
}

// run attaches the table that prepare makes or names.
func (a *attacher) run(ctx context.Context, prepare func(pgx.Tx) (string, error)) (string, error) {
	var err error
	if a.parent, err = a.parentIdent(); err != nil {
		return "", err
	}
	got, unlock, err := tableLock(ctx, a.conn, a.Parent)
	if err != nil {
		return "", err
	}
	if !got {
		return "", errors.New("another manager is at work on the table; try again when it is done")
	}
	defer unlock()
	err = pinned(ctx, a.conn, func(tx pgx.Tx) error {
		if err := a.free(ctx, tx); err != nil {
			return err
		}
		child, err := prepare(tx)
		if err != nil {
			return err
		}
		return a.attach(ctx, tx, child)
	})
	if err != nil {
		return "", err
	}
	return a.name, nil
}

// free makes sure that nothing covers the bounds.
func (a *attacher) free(ctx context.Context, tx pgx.Tx) error {
	covered, err := a.covered(ctx, tx)
	if err != nil {
		return err
	}
	if gaps := a.span.gaps(covered); len(gaps) != 1 || gaps[0] != a.span {
		return fmt.Errorf("partitions of %s cover some of %s to %s already; detach those, or read the file into a table of your own (the manifest has its definition)",
			a.Parent, a.span.From.Format(time.RFC3339), a.span.To.Format(time.RFC3339))
	}
	return nil
}

// fits makes sure that the parent has the columns of the file. It may have others by now.
func (a *attacher) fits(ctx context.Context, tx pgx.Tx, want []Column) error {
	have, err := columns(ctx, tx, a.parent)
	if err != nil {
		return err
	}
	for _, c := range want {
		i := slices.IndexFunc(have, func(h Column) bool { return h.Name == c.Name })
		if i < 0 {
			return fmt.Errorf("%s has no column %s any more; read the file into a table of your own (the manifest has its definition)", a.Parent, c.Name)
		}
		if have[i].Type != c.Type {
			return fmt.Errorf("column %s of %s is %s now, and was %s; read the file into a table of your own (the manifest has its definition)", c.Name, a.Parent, have[i].Type, c.Type)
		}
	}
	return nil
}

// load copies the file into the new table, and reads it back.
func (a *attacher) load(ctx context.Context, tx pgx.Tx, child, file string, m Manifest) error {
	if _, err := tx.Exec(ctx, copyPin+`; set local statement_timeout = 0`); err != nil {
		return err
	}
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := readFile(file, w)
		_ = w.CloseWithError(err)
		done <- err
	}()
	copyIn := fmt.Sprintf("copy %s (%s) from stdin", child, columnList(m.Columns))
	_, err := tx.Conn().PgConn().CopyFrom(ctx, r, copyIn)
	_ = r.CloseWithError(err) // the reader of the file must not wait for ever
	if rerr := <-done; err == nil {
		err = rerr
	}
	if err != nil {
		return fmt.Errorf("%s: %w", copyIn, err)
	}
	digest := &digester{}
	if _, err := tx.Conn().PgConn().CopyTo(ctx, digest, copyOutSQL(child, m.Columns)); err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	if got := digest.digest(); got != m.Digest {
		return fmt.Errorf("read back: the table holds %d rows (sum %.12s), the manifest says %d (sum %.12s)", got.Rows, got.RowsSum, m.Rows, m.RowsSum)
	}
	a.cfg.fault("attach.loaded")
	return nil
}

// attach protects the table and makes it a partition. With a CHECK constraint that says what
// the bounds say, ATTACH does not read it; the constraint goes again.
func (a *attacher) attach(ctx context.Context, tx pgx.Tx, child string) error {
	key, err := a.key(ctx, tx, a.parent)
	if err != nil {
		return err
	}
	column := pgx.Identifier{key}.Sanitize()
	check := column + " is not null"
	if !a.span.To.Equal(endOfTime) {
		check += fmt.Sprintf(" and %s < %s", column, literal(a.span.To))
	}
	if !a.span.From.IsZero() {
		check += fmt.Sprintf(" and %s >= %s", column, literal(a.span.From))
	}
	for _, sql := range []string{
		setLockTimeout(a.cfg.LockTimeout, true),
		fmt.Sprintf("alter table %s add constraint sluice_bounds check (%s)", child, check),
		protectSQL(child, a.parent),
	} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	err = a.cfg.retry(ctx, func() error {
		// In a savepoint: a lock that is not to be had shall not cost the load.
		return pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, attachSQL(a.parent, child, a.span))
			return err
		})
	})
	if err != nil {
		return fmt.Errorf("attach: %w", err)
	}
	if _, err := tx.Exec(ctx, fmt.Sprintf("alter table %s drop constraint sluice_bounds", child)); err != nil {
		return err
	}
	a.cfg.fault("attach.attached")
	// A row of its own where the table is a new one: it holds off the next retirement.
	if _, err := tx.Exec(ctx, sqlForgetDetached, a.Parent, child); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, sqlNoteAttached,
		a.Parent, a.name, child, boundParameter(a.span.From, time.Time{}, pgtype.NegativeInfinity), boundParameter(a.span.To, endOfTime, pgtype.Infinity), holdUntil(time.Now(), a.hold))
	return err
}

// boundParameter is a bound for a column; none stands for infinite.
func boundParameter(at, none time.Time, infinite pgtype.InfinityModifier) pgtype.Timestamptz {
	if at.Equal(none) {
		return pgtype.Timestamptz{InfinityModifier: infinite, Valid: true}
	}
	return pgtype.Timestamptz{Time: at, Valid: true}
}

// holdUntil is when a partition that is attached now may be retired again.
func holdUntil(now time.Time, hold time.Duration) pgtype.Timestamptz {
	return pgtype.Timestamptz{Time: now.Add(hold), Valid: hold > 0}
}
