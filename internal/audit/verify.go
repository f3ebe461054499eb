package audit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/internal/pg"
)

// Report is what Verify found.
type Report struct {
	Entries int64  `json:"entries"`       // that were read
	Cut     int64  `json:"cut,omitempty"` // the last one that was exported and deleted
	Last    int64  `json:"last"`          // the number of the newest entry; 0: none
	Hash    Hash   `json:"hash"`          // its hash
	Fault   *Fault `json:"fault"`         // nil: all of it fits
	// Unchecked are anchors of entries that are not here any more: verify the file that has them.
	Unchecked []Anchor `json:"unchecked,omitempty"`
}

// beginner is a pool or a connection.
type beginner interface {
	BeginTx(ctx context.Context, opts pgx.TxOptions) (pgx.Tx, error)
}

// read runs fn in a transaction that sees one state of the tenant's log.
func read(ctx context.Context, db beginner, tenant id.ID, fn func(pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, db, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if err := pg.SetTenant(ctx, tx, tenant); err != nil {
			return err
		}
		return fn(tx)
	})
}

// Verify reads the whole chain of a tenant and recomputes it. Anchors of other tenants are passed
// over. db acts as the reader or the maintainer.
func Verify(ctx context.Context, db beginner, tenant id.ID, anchors []Anchor) (r Report, err error) {
	err = read(ctx, db, tenant, func(tx pgx.Tx) error {
		r, err = verify(ctx, tx, tenant, anchors)
		return err
	})
	if err != nil {
		return r, fmt.Errorf("verify the audit log: %w", err)
	}
	return r, nil
}

func verify(ctx context.Context, tx pgx.Tx, tenant id.ID, anchors []Anchor) (Report, error) {
	var r Report
	end, cut, err := headOf(ctx, tx, tenant)
	if err != nil {
		return r, err
	}
	w := &walk{prev: cut, report: &r, anchors: map[int64][]Anchor{}}
	r.Cut, r.Last, r.Hash = cut.seq, cut.seq, cut.hash
	for _, a := range anchors {
		switch {
		case a.TenantID != tenant:
		case a.Seq < cut.seq:
			r.Unchecked = append(r.Unchecked, a)
		default:
			w.anchors[a.Seq] = append(w.anchors[a.Seq], a)
		}
	}
	if r.Fault = w.anchored(); r.Fault != nil {
		return r, nil
	}
	if err := eachLine(ctx, tx, tenant, 0, math.MaxInt64, w.next); err != nil && !errors.As(err, &r.Fault) {
		return r, err
	}
	if r.Fault != nil {
		return r, w.fork(ctx, tx, tenant)
	}
	if r.Fault = w.end(end); r.Fault != nil {
		return r, nil
	}
	r.Fault, err = unchained(ctx, tx, tenant)
	return r, err
}

// link is a place in a chain.
type link struct {
	seq  int64
	hash Hash
}

func headOf(ctx context.Context, tx pgx.Tx, tenant id.ID) (end, cut link, err error) {
	var seq, cutSeq *int64
	var hash, cutHash []byte
	if err := tx.QueryRow(ctx, sqlHead, tenant).Scan(&seq, &hash, &cutSeq, &cutHash); err != nil {
		return end, cut, err
	}
	if seq != nil {
		end.seq = *seq
		copy(end.hash[:], hash)
	}
	if cutSeq != nil {
		cut.seq = *cutSeq
		copy(cut.hash[:], cutHash)
	}
	return end, cut, nil
}

// entry is a row of lines.sql.
type entry struct {
	link
	prev   Hash
	id     id.ID
	at     *time.Time
	action string
	line   *string // nil: the log does not have it any more
}

func (e entry) fault(kind, why string, args ...any) *Fault {
	return &Fault{Seq: e.seq, ID: e.id.String(), Action: e.action, At: e.at, Kind: kind, Why: fmt.Sprintf(why, args...)}
}

// eachLine reads entries of the chain in their order.
func eachLine(ctx context.Context, tx pgx.Tx, tenant id.ID, first, last int64, fn func(entry) error) error {
	rows, err := tx.Query(ctx, sqlLines, tenant, first, last)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var e entry
		var prev, hash []byte
		var action *string
		var at pgTime
		if err := rows.Scan(&e.seq, &prev, &hash, &e.id, &at, &action, &e.line); err != nil {
			return err
		}
		copy(e.prev[:], prev)
		copy(e.hash[:], hash)
		e.at = at.at
		if action != nil {
			e.action = *action
		}
		if err := fn(e); err != nil {
			return err
		}
	}
	return rows.Err()
}

// walk checks a chain entry by entry.
type walk struct {
	prev    link
	stray   *Hash // the hash that the faulty entry has before it
	anchors map[int64][]Anchor
	report  *Report
}

func (w *walk) next(e entry) error {
	switch want := w.prev.seq + 1; {
	case e.seq > want:
		why := fmt.Sprintf("the chain goes on with entry %d", e.seq)
		return &Fault{Seq: want, Kind: Missing, Why: why}
	case e.seq < want:
		return e.fault(Forked, "there are two entries of that number")
	case e.prev != w.prev.hash:
		w.stray = &e.prev
		return e.fault(Edited, "it names %s as the hash of the entry before, which is %s", e.prev, w.prev.hash)
	case e.line == nil:
		return e.fault(Missing, "it is in the chain, and the log does not have it")
	}
	if sum := HashOf([]byte(*e.line)); sum != e.hash {
		return e.fault(Edited, "its hash is %s, and was %s when it was written", sum, e.hash)
	}
	w.prev = e.link
	w.report.Entries++
	w.report.Last, w.report.Hash = e.seq, e.hash
	if f := w.anchored(); f != nil {
		return f
	}
	return nil
}

// anchored compares the entry that the walk has reached with the anchors that name it.
func (w *walk) anchored() *Fault {
	for _, a := range w.anchors[w.prev.seq] {
		if a.Hash != w.prev.hash {
			return &Fault{Seq: a.Seq, Kind: Edited, Why: fmt.Sprintf("its hash is %s; %s says %s: this entry or one before it was written anew", w.prev.hash, a.taken(), a.Hash)}
		}
	}
	delete(w.anchors, w.prev.seq)
	return nil
}

// end compares where the chain ends with its head, and with anchors of what came later.
func (w *walk) end(head link) *Fault {
	last := w.prev
	switch {
	case head.seq > last.seq:
		return &Fault{Seq: last.seq + 1, Kind: Missing, Why: fmt.Sprintf("the chain ends at entry %d, and its head says %d", last.seq, head.seq)}
	case head.seq < last.seq:
		return &Fault{Seq: head.seq + 1, Kind: Inserted, Why: fmt.Sprintf("the head of the chain says that it ends at entry %d", head.seq)}
	case head.hash != last.hash:
		return &Fault{Seq: last.seq, Kind: Edited, Why: fmt.Sprintf("its hash is %s, and the head of the chain says %s", last.hash, head.hash)}
	}
	for _, list := range w.anchors {
		for _, a := range list {
			return &Fault{Seq: last.seq + 1, Kind: Missing, Why: fmt.Sprintf("the chain ends at entry %d; by %s there were %d", last.seq, a.taken(), a.Seq)}
		}
	}
	return nil
}

// fork looks whether an entry that does not follow the one before follows an earlier one.
func (w *walk) fork(ctx context.Context, tx pgx.Tx, tenant id.ID) error {
	if w.stray == nil {
		return nil
	}
	var seq int64
	err := tx.QueryRow(ctx, sqlWithHash, tenant, slices.Clone(w.stray[:])).Scan(&seq)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	f := w.report.Fault
	f.Kind, f.Why = Forked, fmt.Sprintf("it goes on from entry %d, not from entry %d", seq, f.Seq-1)
	return err
}

// unchained finds an entry that no chain has.
func unchained(ctx context.Context, tx pgx.Tx, tenant id.ID) (*Fault, error) {
	var e entry
	var at pgTime
	err := tx.QueryRow(ctx, sqlUnchained, tenant).Scan(&e.id, &at, &e.action)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	e.at = at.at
	return e.fault(Inserted, "the log has it, and the chain does not"), nil
}
