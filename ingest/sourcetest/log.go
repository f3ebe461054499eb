package sourcetest

import (
	"context"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/ingest"
)

// Log is a source in memory that keeps its position the way a topic partition's owner
// does: an offset and an epoch in ingest.kafka_offset, moved in the data transaction.
// Opening it again takes it over from whoever has it open.
type Log struct {
	// Endless makes Next block at the end until its context ends.
	Endless bool

	name      string
	documents []ingest.Envelope
	next      int64 // offset of the next document to hand over
	epoch     int64
}

// OpenLog takes over the log of that name, which holds documents, where it was left.
func OpenLog(ctx context.Context, pool *pgxpool.Pool, name string, documents []ingest.Envelope) (*Log, error) {
	l := &Log{name: name, documents: documents}
	err := pool.QueryRow(ctx, `
		insert into ingest.kafka_offset as o (topic, topic_partition, consumer_group, next_offset) values ($1, 0, 'sourcetest', 0)
		on conflict (consumer_group, topic, topic_partition) do update set epoch = o.epoch + 1
		returning next_offset, epoch`, name).Scan(&l.next, &l.epoch)
	if err != nil {
		return nil, fmt.Errorf("take over log %s: %w", name, err)
	}
	return l, nil
}

// Next implements ingest.Source.
func (l *Log) Next(ctx context.Context) (ingest.Envelope, error) {
	if err := ctx.Err(); err != nil {
		return ingest.Envelope{}, err
	}
	if l.next >= int64(len(l.documents)) {
		if !l.Endless {
			return ingest.Envelope{}, io.EOF
		}
		<-ctx.Done()
		return ingest.Envelope{}, ctx.Err()
	}
	env := l.documents[l.next]
	env.Position = l.next
	if env.Origin == "" {
		env.Origin = fmt.Sprintf("%s/0@%d", l.name, l.next)
	}
	l.next++
	return env, nil
}

// Advance implements ingest.Source.
func (l *Log) Advance(ctx context.Context, tx pgx.Tx, done []ingest.Envelope) error {
	first, last := done[0].Position.(int64), done[len(done)-1].Position.(int64)
	tag, err := tx.Exec(ctx, `
		update ingest.kafka_offset set next_offset = $4, updated_at = now()
		where consumer_group = 'sourcetest' and topic = $1 and topic_partition = 0 and next_offset = $2 and epoch = $3`,
		l.name, first, l.epoch, last+1)
	if err != nil {
		return fmt.Errorf("move log %s to %d: %w", l.name, last+1, err)
	}
	if tag.RowsAffected() == 0 {
		return ingest.ErrFenced
	}
	return nil
}

// Committed implements ingest.Source.
func (l *Log) Committed([]ingest.Envelope) {}

// Parallel implements ingest.Source: offsets move one batch after the other.
func (l *Log) Parallel() int { return 1 }
