package inventory

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/internal/pg"
)

// Tail says what to follow and whom to tell.
type Tail struct {
	// Run is the scan run to follow; 0 is all of the tenant's.
	Run int64
	// Since is from when on events that are there already are told; the zero time is from now.
	Since time.Time
	// Every is the pause between two looks. Default 500 ms: each is an index probe.
	Every time.Duration
	// OnEvent gets each event once, the oldest of a look first. An error ends the tail.
	OnEvent func(Event) error
	// OnFollowing, if set, is called once, when whatever is committed from now on will be told.
	OnFollowing func()
	// OnOutage, if set, is called when a look fails because of an outage; the next one
	// looks for the same.
	OnOutage func(error)
}

// tailLate is how long after it was written an event may be committed and still be told.
const tailLate = 15 * time.Minute

// Tail tells events as they are committed, until ctx ends. An event is told once, in whatever
// order transactions commit.
func (inv *Inventory) Tail(ctx context.Context, tenant id.ID, t Tail) error {
	if t.Every == 0 {
		t.Every = 500 * time.Millisecond
	}
	if t.Run != 0 {
		err := inv.read(ctx, tenant, func(tx pgx.Tx) error {
			_, _, err := findRun(ctx, tx, tenant, t.Run)
			return err
		})
		if err != nil {
			return fmt.Errorf("scan run %d: %w", t.Run, err)
		}
	}
	f := follower{Tail: t, tenant: tenant, seen: map[id.ID]bool{}}
	for following := false; ; {
		switch err := inv.read(ctx, tenant, func(tx pgx.Tx) error { return f.look(ctx, tx) }); {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !pg.Outage(err):
			return fmt.Errorf("events: %w", err)
		case err != nil:
			if t.OnOutage != nil {
				t.OnOutage(err)
			}
		case !following:
			following = true
			if t.OnFollowing != nil {
				t.OnFollowing()
			}
		}
		select {
		case <-time.After(t.Every):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// follower is how far a tail has come.
type follower struct {
	Tail
	tenant id.ID
	oldest string         // the oldest transaction that was running at the last look
	seen   map[id.ID]bool // ids of those that the next look may find again
}

// look tells what is new. After an error nothing is lost: the next one looks for the same.
func (f *follower) look(ctx context.Context, tx pgx.Tx) error {
	var now time.Time
	var oldest string
	// In the snapshot of this transaction, as the events are.
	if err := tx.QueryRow(ctx, sqlSnapshot).Scan(&now, &oldest); err != nil {
		return err
	}
	first := f.oldest == ""
	since, floor := now.Add(time.Hour*24*365*100), now.Add(-tailLate)
	last := f.oldest
	if first {
		last = oldest
		if !f.Since.IsZero() {
			since = f.Since
			if since.Before(floor) {
				floor = since
			}
		}
	}
	rows, err := tx.Query(ctx, sqlTail, f.tenant, f.Run, floor, since, last)
	if err != nil {
		return err
	}
	defer rows.Close()
	found := map[id.ID]bool{}
	for rows.Next() {
		e, err := pgx.RowToStructByName[Event](rows)
		if err != nil {
			return err
		}
		e.At = e.At.UTC()
		found[e.ID] = true
		if f.seen[e.ID] || (first && e.At.Before(since)) {
			continue
		}
		if err := f.OnEvent(e); err != nil {
			return err
		}
		f.seen[e.ID] = true // should this look break off
	}
	if err := rows.Err(); err != nil {
		return err
	}
	f.oldest, f.seen = oldest, found
	return nil
}
