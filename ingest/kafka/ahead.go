package kafka

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/segmentio/kafka-go"

	"sluice/ingest"
	"sluice/internal/id"
)

// ahead is what is stored, or being stored, of the messages behind the place of a topic partition.
//
// A lane stores a topic partition in its order. Where the backlog of one tenant is long, a scout reads
// on and takes messages of others out of it: a row of ingest.kafka_ahead, in the transaction of
// their documents, says so, and the lane passes over them when it gets there. What counts is in
// the database, under the epoch of the owner; this is what the owner knows of it, and how its two
// hands keep out of each other's way.
type ahead struct {
	mu     sync.Mutex
	at     int64 // the next message of the lane: the scout takes none before it
	list   map[int64]*taken
	served map[id.ID]time.Time // when the lane had a message of the tenant last
}

// taken is a message that the scout has taken.
type taken struct {
	entry int    // documents of it that are stored
	whole bool   // all are
	sum   []byte // its fingerprint
	busy  chan struct{}
}

func newAhead() *ahead { return &ahead{list: map[int64]*taken{}, served: map[id.ID]time.Time{}} }

// load reads what is known of the messages from at on.
func (a *ahead) load(ctx context.Context, pool *pgxpool.Pool, o owner, at place) error {
	rows, err := pool.Query(ctx, sqlAhead, o.group, o.topic, o.partition, at.offset)
	if err != nil {
		return fmt.Errorf("messages of %s/%d that were taken ahead: %w", o.topic, o.partition, err)
	}
	list := map[int64]*taken{}
	var offset int64
	var entry int
	var sum []byte
	_, err = pgx.ForEachRow(rows, []any{&offset, &entry, &sum}, func() error {
		list[offset] = &taken{entry: entry, whole: entry == 0, sum: bytes.Clone(sum)}
		return nil
	})
	if err != nil {
		return fmt.Errorf("messages of %s/%d that were taken ahead: %w", o.topic, o.partition, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list, a.at = list, at.offset
	return nil
}

// reach says that the lane has come to m, and returns how many of its documents are stored, or that
// all are. It waits for the scout where that is at it.
func (a *ahead) reach(ctx context.Context, m *kafka.Message) (entry int, whole bool, err error) {
	a.mu.Lock()
	a.at = max(a.at, m.Offset+1)
	t := a.list[m.Offset]
	a.mu.Unlock()
	if t == nil {
		return 0, false, nil
	}
	if t.busy != nil {
		select {
		case <-t.busy:
		case <-ctx.Done():
			return 0, false, ctx.Err()
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !t.whole && t.entry == 0 || !bytes.Equal(t.sum, fingerprint(m)) {
		return 0, false, nil // nothing, or the topic is another one
	}
	return t.entry, t.whole, nil
}

// claim takes m for the scout, unless the lane is there already.
func (a *ahead) claim(m *kafka.Message) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if m.Offset < a.at || a.list[m.Offset] != nil {
		return false
	}
	a.list[m.Offset] = &taken{sum: fingerprint(m), busy: make(chan struct{})}
	return true
}

// note says what of a message is stored.
func (a *ahead) note(offset int64, entry int, whole bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list[offset].entry, a.list[offset].whole = entry, whole
}

// release lets the lane have what is left of a message, and reports whether nothing is.
func (a *ahead) release(offset int64) (whole bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.list[offset]
	close(t.busy)
	t.busy = nil
	if !t.whole && t.entry == 0 {
		delete(a.list, offset)
	}
	return t.whole
}

// before reports whether anything before offset was taken ahead: its rows are to go.
func (a *ahead) before(offset int64) bool {
	if a == nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for at := range a.list {
		if at < offset {
			return true
		}
	}
	return false
}

// forget says that the rows before offset are gone.
func (a *ahead) forget(offset int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for at, t := range a.list {
		if at < offset && t.busy == nil {
			delete(a.list, at)
		}
	}
}

// lately is how long a tenant counts as served by the lane: what comes later of it is not taken ahead.
const lately = time.Second

// serves says that the lane has a message of the tenant.
func (a *ahead) serves(tenant id.ID) {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.served) > maxNames {
		for t, at := range a.served {
			if now.Sub(at) > lately {
				delete(a.served, t)
			}
		}
	}
	a.served[tenant] = now
}

// waits reports whether the lane has had nothing of the tenant lately.
func (a *ahead) waits(tenant id.ID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Since(a.served[tenant]) > lately
}

// lane is the offset that the lane comes to next.
func (a *ahead) lane() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.at
}

// dropAhead deletes the rows that the place has passed; all, where the messages are no more.
func (o owner) dropAhead(ctx context.Context, tx pgx.Tx, to place, all bool) error {
	if _, err := tx.Exec(ctx, sqlDropAhead, o.group, o.topic, o.partition, to.offset, all); err != nil {
		return fmt.Errorf("messages of %s/%d that were taken ahead: %w", o.topic, o.partition, err)
	}
	return nil
}

// putAhead writes down what is stored of messages.
func (o owner) putAhead(ctx context.Context, tx pgx.Tx, offsets []int64, entries []int, sums [][]byte) error {
	tag, err := tx.Exec(ctx, sqlPutAhead, o.group, o.topic, o.partition, o.epoch, offsets, entries, sums)
	if err != nil {
		return fmt.Errorf("take %s/%d@%d ahead: %w", o.topic, o.partition, offsets[0], err)
	}
	if tag.RowsAffected() != int64(len(offsets)) {
		return fmt.Errorf("%s/%d belongs to another process: %w", o.topic, o.partition, ingest.ErrFenced)
	}
	return nil
}

// sum is the fingerprint of a message that was claimed.
func (a *ahead) sum(offset int64) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.list[offset].sum
}
