package partitions

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/pg"
)

// retire finishes what earlier passes began and then takes out what has expired.
//
// A row of core.retired_partition goes ahead of each step, so that after a crash at any
// point the catalogue and that row together say how far it got:
//
//	row        catalogue            then
//	detaching  attached             DETACH CONCURRENTLY, or nothing where the policy has changed
//	detaching  detach is pending    FINALIZE
//	detaching  a table of its own   detached
//	detached   a table of its own   kept, dropped, or exported and then dropped
//	exported   a table of its own   its file is complete: dropped
//	any        gone                 dropped
//
// A table is only ever dropped under the name and oid that was written down, and while it
// is no partition.
func (m *manager) retire(ctx context.Context, t *table) error {
	if t.pendingPart() != nil {
		return nil // that has failed, and been said; PostgreSQL detaches one at a time
	}
	if t.exportTrouble(m.cfg) != nil {
		return nil // the same; what has no place to go to stays where it can be read
	}
	var failed []error
	for _, r := range t.unfinished {
		if err := m.resume(ctx, t, r); err != nil {
			failed = append(failed, err)
		}
		if m.conn.IsClosed() {
			return errors.Join(failed...)
		}
	}
	if t.defaultPart() != nil {
		return errors.Join(failed...) // DETACH CONCURRENTLY refuses
	}
	expired := t.expiredParts(m.now, m.cfg.MaxRetire)
	if len(expired) > 0 && t.OnExpiry == Export {
		if err := writable(m.cfg.ExportDir); err != nil {
			return errors.Join(append(failed, err)...)
		}
	}
	for _, p := range expired {
		if err := m.expire(ctx, t, p); err != nil {
			failed = append(failed, err)
			if m.conn.IsClosed() || busy(err) {
				break // who holds this one up holds up the others
			}
		}
	}
	if more := len(t.expiredParts(m.now, len(t.parts))) - len(expired); more > 0 {
		m.cfg.Log.Warn("more partitions have expired than one pass retires", "parent", t.Parent, "left", more)
	}
	return errors.Join(failed...)
}

// resume goes on with a partition that an earlier pass did not finish.
func (m *manager) resume(ctx context.Context, t *table, r retired) error {
	p := part{OID: r.RelID, Low: r.Low, High: r.High}
	p.Schema, p.Table, _ = strings.Cut(r.Name, ".")
	if after := t.after(r); after != r.OnExpiry {
		if err := m.note(ctx, r.RelID, `on_expiry = $2`, string(after)); err != nil {
			return err
		}
		r.OnExpiry = after
	}
	switch {
	case !r.Exists:
		// Dropped by hand, or renamed. There is nothing left to do that would be safe.
		m.cfg.Log.Warn("a retired partition is gone", "partition", r.Name)
		return m.note(ctx, r.RelID, `state = 'dropped'`)
	case r.Attached && r.State != "detaching", r.Attached && !t.expired(p.span(), m.now):
		// Attached again by hand, or no longer to be retired.
		return m.note(ctx, r.RelID, `state = 'attached', hold_until = now()`)
	case r.Attached:
		if err := m.detach(ctx, t, p); err != nil {
			return err
		}
	case r.State == "detaching":
		if err := m.note(ctx, r.RelID, `state = 'detached'`); err != nil {
			return err
		}
	}
	return m.finish(ctx, t, p, r)
}

// expire retires one partition.
func (m *manager) expire(ctx context.Context, t *table, p part) error {
	if err := m.exec(ctx, t.recordSQL(p, t.OnExpiry)); err != nil {
		return err
	}
	m.cfg.fault("detach.recorded")
	if err := m.detach(ctx, t, p); err != nil {
		return err
	}
	return m.finish(ctx, t, p, retired{Name: p.name(), RelID: p.OID, OnExpiry: t.OnExpiry, State: "detached"})
}

// note changes the open row of a retired partition.
func (m *manager) note(ctx context.Context, oid uint32, set string, args ...any) error {
	_, err := m.conn.Exec(ctx, `update core.retired_partition set updated_at = now(), `+set+` where relid = $1 and state in ('detaching', 'detached', 'exported')`, append([]any{oid}, args...)...)
	if err != nil {
		return fmt.Errorf("note %s: %w", set, err)
	}
	return nil
}

// detach takes a partition out. Not in a transaction: DETACH CONCURRENTLY is two of its own.
// The first marks it, and from then on nobody new sees it; then it waits, without a lock, for
// those who do; the second ends it.
func (m *manager) detach(ctx context.Context, t *table, p part) error {
	s := p.span()
	return m.do(ctx, Action{Kind: Detaches, Parent: t.Parent, Partition: p.name(), Span: &s}, func(*Action) error {
		err := m.patiently(ctx, m.cfg.DetachTimeout, t.detachSQL(p.ident()))
		if err != nil {
			return m.explain(ctx, t, Detaches, err)
		}
		m.cfg.fault("detach.done")
		if err := m.note(ctx, p.OID, `state = 'detached'`); err != nil {
			return err
		}
		m.cfg.fault("detach.noted")
		return nil
	})
}

// finalize ends a detach that was interrupted, whoever began it.
func (m *manager) finalize(ctx context.Context, t *table, p part) error {
	s := p.span()
	return m.do(ctx, Action{Kind: Finalizes, Parent: t.Parent, Partition: p.name(), Span: &s}, func(*Action) error {
		known := false
		for _, r := range t.unfinished {
			known = known || r.RelID == p.OID
		}
		if !known { // somebody else's, who did not say what is to become of it: it is kept
			if err := m.exec(ctx, t.recordSQL(p, Detach)); err != nil {
				return err
			}
		}
		m.cfg.fault("finalize.recorded")
		if err := m.finalizeInSlices(ctx, t, p); err != nil {
			return m.explain(ctx, t, Finalizes, err)
		}
		m.cfg.fault("finalize.done")
		return m.note(ctx, p.OID, `state = 'detached'`)
	})
}

// finalizeInSlices waits for DetachTimeout in all. Unlike DETACH CONCURRENTLY itself, FINALIZE
// holds its lock of the parent while it waits, for every snapshot of the database that is older:
// in between, whoever wants to attach a partition gets his turn.
func (m *manager) finalizeInSlices(ctx context.Context, t *table, p part) error {
	slice := 3 * m.cfg.LockTimeout
	for left := m.cfg.DetachTimeout; ; left -= slice {
		err := m.patiently(ctx, min(slice, left), t.finalizeSQL(p.ident()))
		if !busy(err) || left <= slice {
			return err
		}
		if serr := sleep(ctx, 100*time.Millisecond+rand.N(200*time.Millisecond)); serr != nil {
			return err
		}
	}
}

// patiently runs a statement with a lock_timeout of its own.
func (m *manager) patiently(ctx context.Context, timeout time.Duration, sql string) error {
	if err := m.exec(ctx, setLockTimeout(timeout, false)); err != nil {
		return err
	}
	err := m.exec(ctx, sql)
	if !m.conn.IsClosed() {
		if rerr := m.exec(context.WithoutCancel(ctx), setLockTimeout(m.cfg.LockTimeout, false)); err == nil {
			err = rerr
		}
	}
	return err
}

// explain adds to a wait that was in vain whom it was for: DETACH CONCURRENTLY waits for those
// who used the table before, FINALIZE for every older transaction of the database. What others
// do is not for the owner to see, but their process ids are.
func (m *manager) explain(ctx context.Context, t *table, kind Kind, err error) error {
	if !busy(err) || m.conn.IsClosed() {
		return err
	}
	whom := "transactions that used the table before have"
	if kind == Finalizes {
		whom = "older transactions of the database have"
	}
	rows, qerr := m.conn.Query(context.WithoutCancel(ctx), `
		select distinct l.pid::text || coalesce(' (' || a.application_name || ', ' || a.state || ', since ' || a.xact_start || ')', '')
		from pg_locks l join pg_stat_activity a on a.pid = l.pid
		where l.granted and l.pid <> pg_backend_pid() and a.datname = current_database() and case when $2
			then l.locktype = 'virtualxid'
			else l.relation in (select to_regclass($1) union all select inhrelid from pg_inherits where inhparent = to_regclass($1)) end
		order by 1 limit 10`, t.ident, kind == Finalizes)
	if qerr != nil {
		return err
	}
	pids, qerr := pgx.CollectRows(rows, pgx.RowTo[string])
	if qerr != nil || len(pids) == 0 {
		return err
	}
	return fmt.Errorf("%s not ended, process %s; the next pass goes on: %w", whom, strings.Join(pids, ", "), err)
}

// finish does with a detached partition what its policy says.
func (m *manager) finish(ctx context.Context, t *table, p part, r retired) error {
	if r.OnExpiry == Export && r.State != "exported" {
		if err := m.export(ctx, t, p, r); err != nil {
			return err
		}
	}
	if r.OnExpiry == Detach {
		return nil
	}
	return m.drop(ctx, t, p)
}

// drop removes a detached partition.
func (m *manager) drop(ctx context.Context, t *table, p part) error {
	s := p.span()
	return m.do(ctx, Action{Kind: Drops, Parent: t.Parent, Partition: p.name(), Span: &s}, func(*Action) error {
		return m.cfg.retry(ctx, func() error {
			return pg.InTx(ctx, m.conn, func(tx pgx.Tx) error {
				if _, err := tx.Exec(ctx, setLockTimeout(m.cfg.LockTimeout, true)); err != nil {
					return err
				}
				if _, err := tx.Exec(ctx, lockSQL(p.ident())); err != nil {
					return err
				}
				var same bool
				err := tx.QueryRow(ctx, `select exists (select from pg_class where oid = $1 and oid = to_regclass($2) and not relispartition)`, p.OID, p.ident()).Scan(&same)
				if err != nil {
					return err
				}
				if !same {
					return fmt.Errorf("%s is not the table that was detached; it is left alone", p.name())
				}
				for _, sql := range dropSQL(p.ident(), p.OID) {
					if _, err := tx.Exec(ctx, sql); err != nil {
						return fmt.Errorf("%s: %w", sql, err)
					}
				}
				m.cfg.fault("drop.made")
				return nil
			})
		})
	})
}
