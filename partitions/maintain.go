package partitions

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/pg"
)

// TableReport is what a pass did to one table.
type TableReport struct {
	Parent  string   `json:"parent"`
	Actions []Action `json:"actions"`
	// Elsewhere: another manager is at work on the table, so this one left it alone.
	Elsewhere bool   `json:"elsewhere"`
	Error     string `json:"error,omitempty"`
}

// ErrClock: this machine's clock and the server's disagree.
var ErrClock = errors.New("clocks disagree")

// Now is the server's time, for Maintain: what is due and what has expired shall not depend
// on which machine asks. It fails with ErrClock when ours is more than ten minutes off: one of the
// two is wrong, and partitions would be dropped by it.
func Now(ctx context.Context, conn *pgx.Conn) (time.Time, error) {
	var now time.Time
	if err := conn.QueryRow(ctx, `select clock_timestamp()`).Scan(&now); err != nil {
		return now, fmt.Errorf("time of the server: %w", err)
	}
	if d := time.Since(now).Abs(); d > 10*time.Minute {
		return now, fmt.Errorf("%w: the server's is at %s and this machine's at %s; set the wrong one right",
			ErrClock, now.UTC().Format(time.RFC3339), time.Now().UTC().Format(time.RFC3339))
	}
	return now.UTC(), nil
}

// Maintain is one pass over all tables at time now: what was left unfinished, partitions
// ahead, gaps, protection, BRIN summaries, retention, statistics. What fails for one table
// does not stop the others; the error joins what failed. Where another manager is at work on a
// table it is left to that one. On a standby it does nothing.
func Maintain(ctx context.Context, conn *pgx.Conn, now time.Time, cfg Config) ([]TableReport, error) {
	m := &manager{conn: conn, now: now.UTC(), cfg: cfg.defaults()}
	var standby bool
	if err := conn.QueryRow(ctx, `select pg_is_in_recovery()`).Scan(&standby); err != nil {
		return nil, fmt.Errorf("partitions: %w", err)
	}
	if standby {
		m.cfg.Log.Info("the server is a standby: partitions are its primary's")
		return nil, nil
	}
	restore, err := m.session(ctx)
	if err != nil {
		return nil, err
	}
	defer restore()
	list, err := policies(ctx, conn, "")
	if err != nil {
		return nil, err
	}
	var reports []TableReport
	var failed []error
	for _, p := range list {
		report, err := m.one(ctx, p)
		if err != nil {
			err = fmt.Errorf("partitions of %s: %w", p.Parent, err)
			failed = append(failed, err)
			report.Error = err.Error()
			m.cfg.Log.Error("partitions", "parent", p.Parent, "error", err)
		}
		reports = append(reports, report)
		if ctx.Err() != nil || conn.IsClosed() {
			break
		}
	}
	return reports, errors.Join(failed...)
}

// manager carries a pass.
type manager struct {
	conn   *pgx.Conn
	now    time.Time
	cfg    Config
	report *TableReport
}

// session makes the settings that a pass needs outside of transactions; restore gives the
// connection back as it was.
func (m *manager) session(ctx context.Context) (restore func(), err error) {
	settings := map[string]string{
		// A time-out of the role would win over the patience of a detach.
		"statement_timeout":                   "0",
		"idle_in_transaction_session_timeout": "0",
		"lock_timeout":                        fmt.Sprint(m.cfg.LockTimeout.Milliseconds()),
		// A process that is stopped between two steps must not keep the lock on the table.
		"idle_session_timeout": "60s",
		// When this process is killed while the server waits, the server notices.
		"client_connection_check_interval": "5s",
	}
	before := map[string]string{}
	for name, value := range settings {
		var was string
		err := m.conn.QueryRow(ctx, `select current_setting($1)`, name).Scan(&was)
		if err == nil {
			_, err = m.conn.Exec(ctx, `select set_config($1, $2, false)`, name, value)
		}
		if err != nil {
			if name == "client_connection_check_interval" && !m.conn.IsClosed() {
				continue // not on every system
			}
			return nil, fmt.Errorf("partitions: set %s: %w", name, err)
		}
		before[name] = was
	}
	return func() {
		for name, was := range before {
			if m.conn.IsClosed() {
				return
			}
			_, _ = m.conn.Exec(context.WithoutCancel(ctx), `select set_config($1, $2, false)`, name, was)
		}
	}, nil
}

// one looks after one table.
func (m *manager) one(ctx context.Context, p Policy) (report TableReport, err error) {
	report = TableReport{Parent: p.Parent, Actions: []Action{}}
	got, unlock, err := tableLock(ctx, m.conn, p.Parent)
	if err != nil {
		return report, err
	}
	if !got {
		report.Elsewhere = true
		return report, nil
	}
	defer unlock()
	m.report = &report
	// As it is now: whoever held the lock before may have changed it.
	list, err := policies(ctx, m.conn, p.Parent)
	if err != nil {
		return report, err
	}
	if err = m.steps(ctx, list[0]); m.conn.IsClosed() {
		return report, err
	}
	var note *string
	if err != nil {
		s := strings.ReplaceAll(err.Error(), "\n", "; ")
		note = &s
	}
	_, uerr := m.conn.Exec(context.WithoutCancel(ctx), sqlNotePass, p.Parent, note, m.now)
	if uerr != nil {
		err = errors.Join(err, fmt.Errorf("note what came of it: %w", uerr))
	}
	return report, err
}

// steps does everything to one table that can be done, whatever else cannot: first what
// imports wait for, last what takes time.
func (m *manager) steps(ctx context.Context, p Policy) error {
	var failed []error
	fail := func(err error) {
		if err != nil {
			failed = append(failed, err)
		}
	}
	t, err := m.read(ctx, p)
	if err != nil {
		return err
	}
	fail(t.trouble(m.cfg))
	if part := t.pendingPart(); part != nil {
		fail(m.finalize(ctx, t, *part))
	}
	fail(m.create(ctx, p))
	if m.conn.IsClosed() {
		return errors.Join(failed...)
	}
	if t, err = m.read(ctx, p); err != nil {
		return errors.Join(append(failed, err)...)
	}
	for _, part := range t.parts {
		if part.Unprotected != "" {
			fail(m.protect(ctx, t, part))
		}
	}
	closing := t.closing(m.now)
	fail(m.summarize(ctx, t, closing))
	fail(m.retire(ctx, t))
	if t.stepDue(m.now) {
		fail(m.do(ctx, Action{Kind: Steps, Parent: t.Parent}, func(*Action) error { return m.exec(ctx, t.stepSQL()) }))
	}
	if len(closing) > 0 || t.analyzeDue(m.now) {
		fail(m.analyze(ctx, t))
	}
	return errors.Join(failed...)
}

func (m *manager) read(ctx context.Context, p Policy) (t *table, err error) {
	err = pinned(ctx, m.conn, func(tx pgx.Tx) error {
		t, err = readTable(ctx, tx, p, m.now)
		return err
	})
	return t, err
}

func (m *manager) exec(ctx context.Context, sql string) error {
	if _, err := m.conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

// do runs one action, and reports and logs it when it is done.
func (m *manager) do(ctx context.Context, a Action, fn func(*Action) error) error {
	if m.conn.IsClosed() {
		return fmt.Errorf("%s %s: the connection is closed", a.Kind, a.Partition)
	}
	start := time.Now()
	// Some actions are no transaction of their own, and wait for others: whoever lost the lead of
	// maintenance is not to begin one. They are safe when two do them; see the package comment.
	if err := pg.InTx(ctx, m.conn, func(pgx.Tx) error { return nil }); err != nil {
		return fmt.Errorf("%s %s: %w", a.Kind, a.Partition, err)
	}
	if err := fn(&a); err != nil {
		return fmt.Errorf("%s %s: %w", a.Kind, a.Partition, err)
	}
	a.Seconds = time.Since(start).Seconds()
	m.report.Actions = append(m.report.Actions, a)
	m.cfg.Log.Info("partitions", "action", a.Kind, "parent", a.Parent, "partition", a.Partition, "seconds", a.Seconds)
	return nil
}

func (m *manager) create(ctx context.Context, p Policy) error {
	covered, err := p.coveredNow(ctx, m.conn)
	if err != nil {
		return err
	}
	var failed []error
	for _, due := range p.due(m.now) {
		if due.gaps(covered) == nil || m.conn.IsClosed() {
			continue
		}
		start := time.Now()
		made, err := p.fill(ctx, m.conn, due, m.cfg)
		for _, name := range made {
			m.report.Actions = append(m.report.Actions, Action{Kind: Creates, Parent: p.Parent, Partition: name, Span: &due, Seconds: time.Since(start).Seconds()})
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("create from %s: %w", due.From.Format(time.DateOnly), err))
			if ctx.Err() != nil || busy(err) {
				break // the same lock would be in the way of the rest
			}
		}
	}
	return errors.Join(failed...)
}

func (m *manager) protect(ctx context.Context, t *table, p part) error {
	m.cfg.Log.Warn("a partition is not protected as its parent is", "partition", p.name(), "because", p.Unprotected)
	return m.do(ctx, Action{Kind: Protects, Parent: t.Parent, Partition: p.name()}, func(*Action) error {
		return m.cfg.retry(ctx, func() error { return m.exec(ctx, protectSQL(p.ident(), t.ident)) })
	})
}

// summarize brings the BRIN indexes of partitions that have ended up to date: what is not
// summarized is read whenever anybody asks for any time.
func (m *manager) summarize(ctx context.Context, t *table, closing []part) error {
	for _, p := range closing {
		statements := summarizeSQL(p)
		if statements == nil {
			continue
		}
		err := m.do(ctx, Action{Kind: Summarizes, Parent: t.Parent, Partition: p.name()}, func(*Action) error {
			for _, sql := range statements {
				if err := m.cfg.retry(ctx, func() error { return m.exec(ctx, sql) }); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err // the mark stays before it
		}
	}
	if len(closing) == 0 {
		return nil
	}
	until := closing[len(closing)-1].span().To
	if _, err := m.conn.Exec(ctx, sqlNoteClosed, t.Parent, until); err != nil {
		return fmt.Errorf("note that partitions until %s are closed: %w", until.Format(time.DateOnly), err)
	}
	return nil
}

func (m *manager) analyze(ctx context.Context, t *table) error {
	return m.do(ctx, Action{Kind: Analyzes, Parent: t.Parent}, func(*Action) error {
		if err := m.exec(ctx, t.analyzeSQL()); err != nil {
			return err
		}
		_, err := m.conn.Exec(ctx, sqlNoteAnalyzed, t.Parent, m.now)
		return err
	})
}
