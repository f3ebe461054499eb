package kafka

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/segmentio/kafka-go"

	"sluice/ingest"
	"sluice/internal/kafkaclient"
)

// place is where a topic partition goes on: at a message, or inside one that holds several
// documents.
type place struct {
	offset int64
	entry  int
}

// span is what one envelope moves the place by.
type span struct {
	from, to place
	message  *kafka.Message // the message that ends at to; nil inside one
	gaps     []gap
}

// gap is a stretch of offsets that did not come.
type gap struct {
	reason          string
	expected, found int64
	message         string
}

// The reasons for gaps.
const (
	gapRetention = "retention" // removed by the broker before they were read
	gapRecreated = "recreated" // the topic is another one, or lost its end
	gapMissing   = "missing"   // compacted away
)

// fingerprint tells a message from one of another topic at the same offset.
func fingerprint(m *kafka.Message) []byte {
	h := sha256.New()
	var n [16]byte
	binary.BigEndian.PutUint64(n[:8], uint64(m.Time.UnixMilli()))
	binary.BigEndian.PutUint64(n[8:], uint64(len(m.Key)))
	h.Write(n[:])
	h.Write(m.Key)
	h.Write(m.Value)
	return h.Sum(nil)
}

// owner is the right to move the place of one topic partition, until somebody else takes it.
type owner struct {
	group, topic string
	partition    int
	epoch        int64
	ahead        *ahead // nil where nothing is taken ahead
}

// stored is a row of ingest.kafka_offset.
type stored struct {
	place
	last   []byte
	lastAt int64 // offset of the message that last is of
	is     bool  // there was a row
}

// takeOver makes this process the owner: whoever was it can move nothing any more. A topic
// partition that nobody has read yet starts at first.
func takeOver(ctx context.Context, pool *pgxpool.Pool, group, topic string, partition int, first int64) (owner, stored, error) {
	o := owner{group: group, topic: topic, partition: partition}
	var s stored
	err := pool.QueryRow(ctx, sqlTakeOver, group, topic, partition, first).
		Scan(&s.offset, &s.entry, &o.epoch, &s.last, &s.lastAt, &s.is)
	if err != nil {
		return o, s, fmt.Errorf("take over %s/%d: %w", topic, partition, err)
	}
	return o, s, nil
}

// advance moves the place inside a transaction; spans are in the order of the messages.
func (o owner) advance(ctx context.Context, tx pgx.Tx, spans []span) error {
	from, to := spans[0].from, spans[len(spans)-1].to
	var last *kafka.Message
	for i := len(spans) - 1; i >= 0 && last == nil; i-- {
		last = spans[i].message
	}
	if err := o.move(ctx, tx, from, to, last); err != nil {
		return err
	}
	if o.ahead.before(to.offset) {
		if err := o.dropAhead(ctx, tx, to, false); err != nil {
			return err
		}
	}
	var all *gap
	places := 0
	for _, s := range spans {
		for _, g := range s.gaps {
			places++
			if g.reason != gapMissing {
				if err := o.note(ctx, tx, g); err != nil {
					return err
				}
				continue
			}
			// Compaction leaves many: one row per transaction tells of all of them.
			if all == nil {
				all = &g
			}
			all.found = g.found
		}
	}
	if all != nil {
		if places > 1 {
			all.message += fmt.Sprintf("; %d places between these offsets", places)
		}
		return o.note(ctx, tx, *all)
	}
	return nil
}

// move is the compare-and-set of the place; last is the newest message before it, if there
// is a new one. Without a row that fits, somebody else is the owner.
func (o owner) move(ctx context.Context, tx pgx.Tx, from, to place, last *kafka.Message) error {
	var sum []byte
	var lastAt *int64
	if last != nil {
		sum, lastAt = fingerprint(last), &last.Offset
	}
	return o.set(ctx, tx, from, to, sum, lastAt)
}

func (o owner) set(ctx context.Context, tx pgx.Tx, from, to place, sum []byte, lastAt *int64) error {
	tag, err := tx.Exec(ctx, sqlMove,
		o.group, o.topic, o.partition, to.offset, to.entry, sum, o.epoch, from.offset, from.entry, lastAt)
	if err != nil {
		return fmt.Errorf("move %s/%d: %w", o.topic, o.partition, err)
	}
	if tag.RowsAffected() != 1 {
		return fmt.Errorf("%s/%d is at another place than %d, or belongs to another process: %w", o.topic, o.partition, from.offset, ingest.ErrFenced)
	}
	return nil
}

func (o owner) note(ctx context.Context, tx pgx.Tx, g gap) error {
	_, err := tx.Exec(ctx, sqlNoteGap, o.group, o.topic, o.partition, g.reason, g.expected, g.found, g.message)
	if err != nil {
		return fmt.Errorf("note a gap in %s/%d: %w", o.topic, o.partition, err)
	}
	return nil
}

// restart puts the place elsewhere because the messages in between will never come.
func (o owner) restart(ctx context.Context, pool *pgxpool.Pool, from place, g gap) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if err := o.set(ctx, tx, from, place{offset: g.found}, []byte{}, nil); err != nil {
			return err
		}
		if err := o.dropAhead(ctx, tx, place{offset: g.found}, g.reason == gapRecreated); err != nil {
			return err
		}
		return o.note(ctx, tx, g)
	})
}

// at returns where the place is and whether it is still ours: the answer to a COMMIT that got lost.
func (o owner) at(ctx context.Context, pool *pgxpool.Pool) (p place, mine bool, err error) {
	var epoch int64
	err = pool.QueryRow(ctx, sqlPlace, o.group, o.topic, o.partition).Scan(&p.offset, &p.entry, &epoch)
	if err != nil {
		return p, false, fmt.Errorf("look where %s/%d is: %w", o.topic, o.partition, err)
	}
	return p, epoch == o.epoch, nil
}

// bounds are the first offset that the broker keeps and the one after the last.
func bounds(ctx context.Context, client *kafka.Client, topic string, partition int) (first, end int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	resp, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{topic: {kafka.FirstOffsetOf(partition), kafka.LastOffsetOf(partition)}},
	})
	if err != nil {
		return 0, 0, fmt.Errorf("offsets of %s/%d: %w", topic, partition, err)
	}
	for _, p := range resp.Topics[topic] {
		if p.Partition == partition {
			if p.Error != nil {
				return 0, 0, fmt.Errorf("offsets of %s/%d: %w", topic, partition, p.Error)
			}
			return p.FirstOffset, p.LastOffset, nil
		}
	}
	return 0, 0, fmt.Errorf("offsets of %s/%d: the broker does not know it", topic, partition)
}

// readOne reads the message at offset; nil where there is none at exactly that offset.
func readOne(ctx context.Context, b *kafkaclient.Broker, topic string, partition int, offset int64) (*kafka.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	f, err := b.Fetch(ctx, b.Transport(), kafkaclient.FetchRequest{Topic: topic, Partition: partition, Offset: offset, MaxBytes: 1 << 20, MaxWait: 100 * time.Millisecond})
	if errors.Is(err, kafka.OffsetOutOfRange) {
		return nil, nil // nothing there: nothing to compare with
	}
	for err == nil {
		var batch kafkaclient.Batch
		batch, err = f.Next()
		if errors.Is(err, io.EOF) || err == nil && batch.First > offset {
			return nil, nil // compacted away, or no message at all
		}
		if err != nil || batch.Last < offset || batch.Kind != kafkaclient.Data {
			continue
		}
		var found *kafka.Message
		err = batch.Messages(func(m kafka.Message) bool {
			if m.Offset == offset {
				found = &m
			}
			return m.Offset < offset
		})
		if err == nil {
			return found, nil
		}
	}
	b.Transport().CloseIdleConnections() // the leader may be another one
	return nil, fmt.Errorf("read %s/%d@%d: %w", topic, partition, offset, err)
}
