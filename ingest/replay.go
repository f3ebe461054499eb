package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/normalize"
)

// Replay is the source of documents that were parked: it hands them over once more.
// One that lands now loses its parked row in the same transaction; one that does not
// keeps it, with one more attempt counted.
type Replay struct {
	pool    *pgxpool.Pool
	tenant  id.ID
	scanRun int64
	ids     []int64
}

// replayed marks an envelope that comes from the parked ones.
type replayed struct{ id int64 }

// ParkedFilter picks parked documents. The zero value picks all of a tenant.
type ParkedFilter struct {
	IDs    []int64
	Reason string
}

// NewReplay finds the parked documents of tenant that filter picks and whose bytes are kept.
func NewReplay(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, scanRun int64, filter ParkedFilter) (*Replay, error) {
	r := &Replay{pool: pool, tenant: tenant, scanRun: scanRun}
	err := pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			select id from ingest.parked
			where tenant_id = $1 and bytes is not null and ($2::bigint[] is null or id = any ($2)) and ($3 = '' or reason = $3)
			order by id`, tenant, filter.IDs, filter.Reason)
		if err != nil {
			return err
		}
		r.ids, err = pgx.CollectRows(rows, pgx.RowTo[int64])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find parked documents: %w", err)
	}
	return r, nil
}

// Len returns how many documents are still to come.
func (r *Replay) Len() int { return len(r.ids) }

// Next implements Source.
func (r *Replay) Next(ctx context.Context) (Envelope, error) {
	for len(r.ids) > 0 {
		parked := r.ids[0]
		r.ids = r.ids[1:]
		env, err := r.load(ctx, parked)
		if err == pgx.ErrNoRows {
			continue // dropped or replayed by somebody else meanwhile
		}
		return env, err
	}
	return Envelope{}, io.EOF
}

func (r *Replay) load(ctx context.Context, parked int64) (Envelope, error) {
	env := Envelope{Tenant: r.tenant, ScanRun: r.scanRun, Position: replayed{parked}}
	err := pg.Tenant(ctx, r.pool, r.tenant, func(tx pgx.Tx) error {
		var encoding string
		var stored, hints []byte
		var size int64
		err := tx.QueryRow(ctx, `select origin, encoding, bytes, size, hints from ingest.parked where tenant_id = $1 and id = $2`, r.tenant, parked).
			Scan(&env.Origin, &encoding, &stored, &size, &hints)
		if err != nil {
			return err
		}
		if env.Bytes, err = Expand(encoding, stored, size); err != nil {
			return fmt.Errorf("parked document %d: %w", parked, err)
		}
		var h map[string]string
		if err := json.Unmarshal(hints, &h); err != nil {
			return fmt.Errorf("parked document %d: hints: %w", parked, err)
		}
		env.Kind, env.Artifact, env.Stream = normalize.Kind(h["kind"]), h["artifact"], h["stream"]
		if at := h["observed_at"]; at != "" {
			env.ObservedAt, err = time.Parse(time.RFC3339Nano, at)
		}
		return err
	})
	return env, err
}

// Advance implements Source. The pipeline removes the parked row of what it stores.
func (r *Replay) Advance(context.Context, pgx.Tx, []Envelope) error { return nil }

// Committed implements Source.
func (r *Replay) Committed([]Envelope) {}

// Parallel implements Source: one batch at a time, in the order they were parked.
func (r *Replay) Parallel() int { return 1 }

// DropParked deletes parked documents and returns how many.
func DropParked(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, filter ParkedFilter) (int64, error) {
	var dropped int64
	err := pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			delete from ingest.parked
			where tenant_id = $1 and ($2::bigint[] is null or id = any ($2)) and ($3 = '' or reason = $3)`, tenant, filter.IDs, filter.Reason)
		dropped = tag.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("drop parked documents: %w", err)
	}
	return dropped, nil
}
