package inventory

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/ingest"
	"sluice/internal/ask"
	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/normalize"
)

// Parked is a document that was set aside.
type Parked struct {
	ID       int64     `db:"id" json:"id"`
	Origin   string    `db:"origin" json:"origin"`
	Hash     string    `db:"hash" json:"content_hash"`
	Reason   string    `db:"reason" json:"reason"`
	Pointer  string    `db:"pointer" json:"pointer"` // where in the document
	Message  string    `db:"message" json:"message"`
	Format   string    `db:"format" json:"format"`
	Size     int64     `db:"size" json:"bytes"`
	HasBytes bool      `db:"has_bytes" json:"has_bytes"`
	Attempts int       `db:"attempts" json:"attempts"`
	ParkedAt time.Time `db:"created_at" json:"parked_at"`
}

// writer is the role that changes what is parked of tenant: the shared feed has a role of its
// own.
func writer(tenant id.ID) pg.Role {
	if tenant == id.Shared {
		return pg.Feed
	}
	return pg.Ingest
}

// keeper is the role that reads what is parked of tenant. What came without a known tenant
// belongs to nobody: only the maintainer sees it.
func keeper(tenant id.ID) pg.Role {
	if tenant == id.Operator {
		return pg.Maintainer
	}
	return pg.Reader
}

// Parked lists what is parked, the oldest first, for a reason or, with "", for any. tenant
// may be id.Shared, and id.Operator for what came without a known tenant; so it is with
// every call about parked documents.
func (inv *Inventory) Parked(ctx context.Context, tenant id.ID, reason string) ([]Parked, error) {
	if err := ask.OneOf("reason", reason, slices.Concat([]string{""}, normalize.Reasons)...); err != nil {
		return nil, err
	}
	var list []Parked
	err := inv.as(ctx, keeper(tenant), tenant, func(tx pgx.Tx) (err error) {
		list, err = collect[Parked](ctx, tx, sqlParked, tenant, reason)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("parked documents: %w", err)
	}
	for i := range list {
		list[i].ParkedAt = list[i].ParkedAt.UTC()
	}
	return list, nil
}

// ParkedBytes returns a parked document as it was received.
func (inv *Inventory) ParkedBytes(ctx context.Context, tenant id.ID, number int64) ([]byte, error) {
	pool, err := inv.cfg.Pool(ctx, keeper(tenant))
	if err != nil {
		return nil, err
	}
	b, err := ingest.ParkedBytes(ctx, pool, tenant, number)
	if err == nil && b == nil {
		err = ask.NotFound("there is no parked document %d with its bytes kept; see `sluice parked list`", number)
	}
	return b, err
}

// droppedDocument is what the audit log keeps of a parked document.
type droppedDocument struct {
	Hash   string `db:"hash"`
	Reason string `db:"reason"`
}

// noteLimit is how many documents an entry of the audit log names; its counts tell of all.
const noteLimit = 1000

func noteDropped(ctx context.Context, tx pgx.Tx, tenant id.ID, gone []droppedDocument) error {
	var hashes []string
	reasons := map[string]int{}
	for _, d := range gone {
		reasons[d.Reason]++
		if len(hashes) < noteLimit {
			hashes = append(hashes, d.Hash)
		}
	}
	return audit.Note(ctx, tx, tenant, audit.Entry{
		Action: "parked.drop", Entity: "parked",
		Diff: audit.Change(map[string]any{"parked": len(gone), "reasons": reasons, "documents": hashes}, nil),
	})
}

// DropParked deletes what the filter picks and returns how many. The documents of a filter
// with ids that are not all there are deleted all the same; then the error is an
// *ask.NotFoundError.
func (inv *Inventory) DropParked(ctx context.Context, tenant id.ID, f ingest.ParkedFilter) (dropped int64, err error) {
	err = inv.as(ctx, writer(tenant), tenant, func(tx pgx.Tx) error {
		gone, err := collect[droppedDocument](ctx, tx, sqlDropParked, tenant, f.IDs, f.Reason)
		if dropped = int64(len(gone)); err != nil || dropped == 0 {
			return err
		}
		return noteDropped(ctx, tx, tenant, gone)
	})
	if err != nil {
		return 0, fmt.Errorf("drop parked documents: %w", err)
	}
	if missing := len(f.IDs) - int(dropped); missing > 0 {
		return dropped, ask.NotFound("%d of the %d ids are not parked documents of this tenant", missing, len(f.IDs))
	}
	return dropped, nil
}
