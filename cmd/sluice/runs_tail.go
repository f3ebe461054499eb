package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/id"
	"sluice/internal/pg"
)

// followRuns holds the flags of `runs tail`.
type followRuns struct {
	run    int64
	shared bool
	since0 string
	since  time.Time
}

const (
	tailEvery = 500 * time.Millisecond
	// tailLate is how long after it was written an event may be committed and still be seen.
	tailLate = 15 * time.Minute
)

// sqlTail reads what was committed since the last look, and what is since $4. The time of
// an event does not say when it was committed, its transaction's number does: what is not
// older than the oldest transaction that ran at the last look ($5) may be new. So some come
// again, which the caller knows by their ids. $3 is for the partitions and the index.
const sqlTail = `
select occurred_at, scan_run_id, event_type, event_id, payload
from ingest.scan_run_event
where tenant_id = $1 and ($2 = 0 or scan_run_id = $2) and occurred_at >= $3 and (occurred_at >= $4 or age(xmin) <= age($5::text::xid))
order by occurred_at, event_id`

// follower is how far a tail has come.
type follower struct {
	followRuns
	tenant id.ID
	oldest string         // the oldest transaction that was running at the last look
	seen   map[id.ID]bool // ids of those that the next look may find again
	print  func(eventJSON) error
}

func (a *app) tailRuns(ctx context.Context, f followRuns) error {
	w := follower{followRuns: f, tenant: id.Shared, seen: map[id.ID]bool{}}
	if !f.shared {
		var err error
		if w.tenant, err = a.tenantID(ctx, false); err != nil {
			return err
		}
	}
	pool, err := a.pool(ctx, pg.Reader, pg.Config{MaxConns: 1})
	if err != nil {
		return err
	}
	if f.run != 0 {
		err := readAs(ctx, pool, w.tenant, func(tx pgx.Tx, tenant id.ID) error {
			_, _, err := findRun(ctx, tx, tenant, f.run)
			return err
		})
		if err != nil {
			return fmt.Errorf("scan run %d: %w", f.run, err)
		}
	}
	w.print = a.eventPrinter()
	for following := false; ; {
		switch err := w.look(ctx, pool); {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !pg.Outage(err):
			return fmt.Errorf("events: %w", err)
		case err != nil:
			a.log.Warn("database outage: following goes on when it is over", "error", err)
			a.revive(err)
		case !following: // what is committed from now on is new
			following = true
			fmt.Fprintln(a.stderr, "sluice: following; stop with Ctrl-C")
		}
		select {
		case <-time.After(tailEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// look prints what is new. After an error nothing is lost: the next one looks for the same.
func (w *follower) look(ctx context.Context, pool *pgxpool.Pool) error {
	return readAs(ctx, pool, w.tenant, func(tx pgx.Tx, tenant id.ID) error {
		var now time.Time
		var oldest string
		// In the snapshot of this transaction, as the events are.
		if err := tx.QueryRow(ctx, `select now(), pg_snapshot_xmin(pg_current_snapshot())::xid::text`).Scan(&now, &oldest); err != nil {
			return err
		}
		first := w.oldest == ""
		since, floor := now.Add(time.Hour*24*365*100), now.Add(-tailLate)
		last := w.oldest
		if first {
			last = oldest
			if !w.since.IsZero() {
				since = w.since
				if since.Before(floor) {
					floor = since
				}
			}
		}
		rows, err := tx.Query(ctx, sqlTail, tenant, w.run, floor, since, last)
		if err != nil {
			return err
		}
		defer rows.Close()
		found := map[id.ID]bool{}
		for rows.Next() {
			e, err := scanEvent(rows)
			if err != nil {
				return err
			}
			found[e.ID] = true
			if w.seen[e.ID] || (first && e.At.Before(since)) {
				continue
			}
			if err := w.print(e); err != nil {
				return err
			}
			w.seen[e.ID] = true // should this look break off
		}
		if err := rows.Err(); err != nil {
			return err
		}
		w.oldest, w.seen = oldest, found
		return nil
	})
}

// eventPrinter prints one event per line: JSON Lines, CSV or columns.
func (a *app) eventPrinter() func(eventJSON) error {
	switch a.output {
	case "json":
		return func(e eventJSON) error { return printJSON(a.stdout, e) }
	case "csv":
		w := csv.NewWriter(a.stdout)
		_ = w.Write([]string{"at", "run", "event", "ms", "origin", "detail", "payload"})
		w.Flush()
		return func(e eventJSON) error {
			took, origin, detail := e.say()
			_ = w.Write([]string{e.At.Format(timeForm), n(e.Run), e.Event, took, origin, detail, string(json.RawMessage(e.Payload))})
			w.Flush()
			return w.Error()
		}
	}
	return func(e eventJSON) error {
		took, origin, detail := e.say()
		if took != "" {
			took += " ms"
		}
		_, err := fmt.Fprintf(a.stdout, "%s  run %-6d  %-20s  %10s  %s\n", e.At.Format(timeForm), e.Run, printable(e.Event), took, printable(joinWords(origin, detail)))
		return err
	}
}

func joinWords(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "  " + b
}
