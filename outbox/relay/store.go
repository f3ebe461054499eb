package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/internal/kafkaclient"
	"sluice/internal/lead"
)

// What one claim takes at most: 16 batches of a mebibyte, or 2,000 small rows. It is all
// that the relay has in memory of a topic, a few times over.
const (
	claimRows  = 2000
	claimBytes = 16 << 20
)

// queryTimeout bounds every statement of the relay; none touches more than some thousand rows.
const queryTimeout = 30 * time.Second

// store is the outbox as the leader sees it. Who has lost the lead cannot claim, nor raise the
// epoch by which the brokers know the leader.
type store struct {
	conn *pgx.Conn
	term *lead.Term // nil for who only writes down what was sent
}

// fenced runs a statement in a transaction that fails unless the lead is still that of the term.
func (s store) fenced(ctx context.Context, sql string, args []any, read func(pgx.Rows) error) error {
	b := &pgx.Batch{}
	s.term.Queue(b)
	b.Queue(sql, args...).Query(read)
	return s.conn.SendBatch(ctx, b).Close()
}

func (s store) topics(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	rows, err := s.conn.Query(ctx, sqlTopics)
	if err != nil {
		return nil, fmt.Errorf("topics of the outbox: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("topics of the outbox: %w", err)
	}
	return list, nil
}

func (s store) claim(ctx context.Context, topic string, after int64, limit int) ([]*claimed, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	var list []*claimed
	err := s.fenced(ctx, sqlClaim, []any{topic, after, limit, claimBytes}, func(rows pgx.Rows) (err error) {
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (*claimed, error) {
			c := new(claimed)
			return c, row.Scan(&c.ID, &c.Seq, &c.Tenant, &c.AggregateType, &c.AggregateID, &c.Payload, &c.CreatedAt, &c.Attempts)
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("rows of the outbox for %s: %w", topic, err)
	}
	return list, nil
}

// settlement is what became of rows, to be written down.
type settlement struct {
	done  []*claimed
	back  []leftover
	pause time.Duration // until those that are back are tried again
}

// halves cuts a settlement; ok is false where there is nothing to cut.
func (t settlement) halves() (a, b settlement, ok bool) {
	d, l := len(t.done)/2, len(t.back)/2
	if len(t.done) <= 1 {
		d = len(t.done) // what is single stays on one side, the rest goes to the other
	}
	a = settlement{t.done[:d], t.back[:l], t.pause}
	b = settlement{t.done[d:], t.back[l:], t.pause}
	return a, b, len(a.done)+len(a.back) > 0 && len(b.done)+len(b.back) > 0
}

func (s store) settle(ctx context.Context, t settlement) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	batch := &pgx.Batch{}
	if len(t.done) > 0 {
		ids, seqs := make([]id.ID, len(t.done)), make([]int64, len(t.done))
		for i, c := range t.done {
			ids[i], seqs[i] = c.ID, c.Seq
		}
		batch.Queue(sqlSent, ids, seqs)
	}
	if n := len(t.back); n > 0 {
		ids, seqs, attempts := make([]id.ID, n), make([]int64, n), make([]int32, n)
		payloads, causes, pauses := make([]*string, n), make([]string, n), make([]time.Duration, n)
		for i, l := range t.back {
			ids[i], seqs[i], attempts[i], causes[i], pauses[i] = l.row.ID, l.row.Seq, l.row.Attempts, l.err.Error(), max(0, t.pause)
			if l.payload != nil {
				text := string(l.payload)
				payloads[i] = &text
			}
		}
		batch.Queue(sqlLeft, ids, seqs, attempts, payloads, causes, pauses)
	}
	if batch.Len() == 0 {
		return nil
	}
	if err := s.conn.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("mark %d rows of the outbox as sent and %d as not: %w", len(t.done), len(t.back), err)
	}
	return nil
}

// epoch raises the epoch of the leader. who has a producer id for the case that none is known.
func (s store) epoch(ctx context.Context, who kafkaclient.Identity) (kafkaclient.Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	err := s.fenced(ctx, sqlEpoch, []any{who.Cluster, who.Producer}, func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&who.Producer, &who.Epoch}, func() error { return nil })
		return err
	})
	if err != nil {
		return who, fmt.Errorf("epoch of the relay: %w", err)
	}
	return who, nil
}

// What one round of cleaning deletes at most, so that it does not hold up the sending.
const (
	cleanRows   = 1000
	cleanRounds = 20
)

// clean deletes rows that were sent longer than keep ago. It reports whether there are more.
func (s store) clean(ctx context.Context, keep time.Duration) (more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	for range cleanRounds {
		deleted := int64(0)
		err := s.fenced(ctx, sqlClean, []any{keep, cleanRows}, func(rows pgx.Rows) error {
			rows.Close()
			deleted = rows.CommandTag().RowsAffected()
			return rows.Err()
		})
		if err != nil {
			return false, fmt.Errorf("delete what was sent from the outbox: %w", err)
		}
		if deleted < cleanRows {
			return false, nil
		}
	}
	return true, nil
}

// pendingLimit is where counting ends: beyond it the number says nothing more than "too many".
const pendingLimit = 100_000

// pending is how much of a topic waits.
type pending struct {
	Topic  string
	Rows   int64
	Oldest float64 // s
}

func (s store) pending(ctx context.Context) ([]pending, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	rows, err := s.conn.Query(ctx, sqlPending, pendingLimit)
	if err != nil {
		return nil, fmt.Errorf("count the outbox: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[pending])
	if err != nil {
		return nil, fmt.Errorf("count the outbox: %w", err)
	}
	return list, nil
}

var errStopped = errors.New("stopped")
