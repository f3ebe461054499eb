package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
)

// Filter says which entries are meant. The zero value means all.
type Filter struct {
	Action       string // vex.decide, or vex: all of them
	Entity       string // the kind of thing
	Of           *id.ID // the thing
	Actor        string // a user's id or subject
	Since, Until *time.Time
	After        int64 // entries of a higher number only
	Limit        int   // at most so many; 0: all
}

// Listed is an entry as it is listed.
type Listed struct {
	Seq        int64           `json:"seq"`
	ID         id.ID           `json:"id"`
	At         *time.Time      `json:"at"`
	Login      string          `json:"login"` // of the database
	ActorID    *id.ID          `json:"actor_id"`
	Actor      string          `json:"actor"` // the user's subject, where the tenant has such a user
	Action     string          `json:"action"`
	EntityType string          `json:"entity_type"`
	EntityID   *id.ID          `json:"entity_id"`
	Diff       json.RawMessage `json:"diff"`
	Prev       string          `json:"prev"`
	Hash       string          `json:"hash"`
}

// List lists entries of a tenant, the newest first. db acts as the reader.
func List(ctx context.Context, db beginner, tenant id.ID, f Filter) (list []Listed, err error) {
	err = read(ctx, db, tenant, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sqlList, tenant, f.Action, f.Entity, f.Of, f.Actor, f.Since, f.Until, f.After, f.Limit)
		if err != nil {
			return err
		}
		list, err = pgx.AppendRows([]Listed{}, rows, func(row pgx.CollectableRow) (l Listed, err error) {
			var at pgTime
			err = row.Scan(&l.Seq, &l.ID, &at, &l.Login, &l.ActorID, &l.Actor, &l.Action, &l.EntityType, &l.EntityID, &l.Diff, &l.Prev, &l.Hash)
			l.At = at.at
			return l, err
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the audit log: %w", err)
	}
	return list, nil
}

// Newest is the anchor of a tenant's chain as it stands now; false: nothing was logged yet.
func Newest(ctx context.Context, tx pgx.Tx, tenant id.ID) (Anchor, bool, error) {
	end, _, err := headOf(ctx, tx, tenant)
	if err != nil {
		return Anchor{}, false, fmt.Errorf("head of the audit log: %w", err)
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	return Anchor{TenantID: tenant, Seq: end.seq, Hash: end.hash, At: &now}, end.seq > 0, nil
}
