package files

import (
	"context"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/normalize"
)

// unread reports whether an envelope stands for something that could not be read: it is
// to be tried again, whatever the checkpoints say.
func unread(env ingest.Envelope) bool {
	return env.Err != nil && env.Err.Reason == normalize.ReasonUnreadable
}

// unreadable are the origins that could not be read by earlier imports. Their parked rows
// have no bytes, so nobody can replay them: they go when the file was read at last.
type unreadable struct {
	mu      sync.Mutex
	origins map[string]int64 // to ids of parked rows; nil until asked for, then never changed
}

// forget deletes the rows of what was read now.
func (u *unreadable) forget(ctx context.Context, tx pgx.Tx, tenant id.ID, done []ingest.Envelope) error {
	origins, err := u.load(ctx, tx, tenant)
	if err != nil {
		return fmt.Errorf("parked files that could not be read: %w", err)
	}
	if len(origins) == 0 {
		return nil
	}
	var ids []int64
	for _, env := range done {
		if row, ok := origins[env.Origin]; ok && !unread(env) {
			ids = append(ids, row)
		}
	}
	if ids == nil {
		return nil
	}
	if _, err := tx.Exec(ctx, sqlDropUnreadable, tenant, ids); err != nil {
		return fmt.Errorf("files that can be read again: %w", err)
	}
	return nil
}

// load reads them once; usually there are none. The transaction only reads them: if it
// is rolled back they are still right.
func (u *unreadable) load(ctx context.Context, tx pgx.Tx, tenant id.ID) (map[string]int64, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.origins != nil {
		return u.origins, nil
	}
	rows, err := tx.Query(ctx, sqlUnreadable, tenant, normalize.ReasonUnreadable)
	if err != nil {
		return nil, err
	}
	origins := map[string]int64{}
	var origin string
	var row int64
	if _, err := pgx.ForEachRow(rows, []any{&origin, &row}, func() error { origins[origin] = row; return nil }); err != nil {
		return nil, err
	}
	u.origins = origins
	return origins, nil
}
