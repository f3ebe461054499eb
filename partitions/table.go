package partitions

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// part is one partition as the catalogue has it.
type part struct {
	OID              uint32
	Schema, Table    string
	Default, Pending bool
	Low, High        pgtype.Timestamptz
	Rows, Bytes      int64  // rows by the planner's estimate
	Unprotected      string // what is wrong with its row security, rights or owner
	BRIN             []string
	Held             bool // attached again, and not to be retired for now
}

func (p part) span() Span    { return finite(p.Low, p.High) }
func (p part) name() string  { return p.Schema + "." + p.Table }
func (p part) ident() string { return ident(p.Schema, p.Table) }

// retired is a row of core.retired_partition and what became of its relation.
type retired struct {
	ID        pgtype.UUID
	Parent    string
	Name      string
	RelID     uint32
	Low, High pgtype.Timestamptz
	OnExpiry  Expiry
	State     string
	File      string
	Rows      int64
	HoldUntil pgtype.Timestamptz
	CreatedAt time.Time
	UpdatedAt time.Time

	Exists, Attached, Pending bool // the relation of that name and oid
}

func (r retired) span() Span { return finite(r.Low, r.High) }

// table is all that the manager knows of one policy's table.
type table struct {
	Policy
	ident      string // quoted
	parts      []part
	unfinished []retired
	server     int // major version
}

// readTable looks at everything; tx is pinned.
func readTable(ctx context.Context, tx pgx.Tx, p Policy, now time.Time) (*table, error) {
	parent, err := p.parentIdent()
	if err != nil {
		return nil, err
	}
	if _, err := p.key(ctx, tx, parent); err != nil {
		return nil, err
	}
	t := &table{Policy: p, ident: parent}
	rows, err := tx.Query(ctx, text("parts"), parent, now, p.Parent)
	if err == nil {
		t.parts, err = pgx.CollectRows(rows, pgx.RowToStructByPos[part])
	}
	if err != nil {
		return nil, fmt.Errorf("look at its partitions: %w", err)
	}
	if t.unfinished, err = readRetired(ctx, tx, p.Parent, false); err != nil {
		return nil, err
	}
	if err := tx.QueryRow(ctx, `select current_setting('server_version_num')::int / 10000`).Scan(&t.server); err != nil {
		return nil, err
	}
	return t, nil
}

// readRetired reads what was retired: all of it, or what is not finished.
func readRetired(ctx context.Context, tx querier, parent string, all bool) ([]retired, error) {
	rows, err := tx.Query(ctx, text("retired"), parent, all)
	if err != nil {
		return nil, fmt.Errorf("retired partitions: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[retired])
	if err != nil {
		return nil, fmt.Errorf("retired partitions: %w", err)
	}
	return list, nil
}

// spans are the bounds of the partitions, in order.
func (t *table) spans() []Span {
	var out []Span
	for _, p := range t.parts {
		if !p.Default {
			out = append(out, p.span())
		}
	}
	return out
}

// settle is how long after its end a partition counts as closed: stragglers come until then.
const settle = time.Hour

// closing are the partitions that have ended since the last pass.
func (t *table) closing(now time.Time) []part {
	var out []part
	for _, p := range t.parts {
		s := p.span()
		if p.Default || p.Pending || s.To.After(now.Add(-settle)) || t.ClosedUntil.Valid && !s.To.After(t.ClosedUntil.Time) {
			continue
		}
		out = append(out, p)
	}
	return out
}

// expiredParts are those to be retired now, oldest first, at most most of them.
func (t *table) expiredParts(now time.Time, most int) []part {
	known := map[uint32]bool{}
	for _, r := range t.unfinished {
		known[r.RelID] = true
	}
	var out []part
	for _, p := range t.parts {
		if len(out) == most {
			break
		}
		if !p.Default && !p.Pending && !p.Held && !known[p.OID] && t.expired(p.span(), now) {
			out = append(out, p)
		}
	}
	return out
}

// pendingPart is the partition whose detach is pending; there is at most one.
func (t *table) pendingPart() *part {
	for i := range t.parts {
		if t.parts[i].Pending {
			return &t.parts[i]
		}
	}
	return nil
}

// defaultPart is the default partition, which there should not be.
func (t *table) defaultPart() *part {
	for i := range t.parts {
		if t.parts[i].Default {
			return &t.parts[i]
		}
	}
	return nil
}

// analyzeEvery: autovacuum never analyzes the partitioned table itself, and without its
// statistics the planner guesses.
const analyzeEvery = 24 * time.Hour

func (t *table) analyzeDue(now time.Time) bool {
	return !t.AnalyzedAt.Valid || now.Sub(t.AnalyzedAt.Time) >= analyzeEvery || now.Before(t.AnalyzedAt.Time)
}
