package kafka

import (
	"context"
	"errors"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/segmentio/kafka-go"

	"sluice/ingest"
)

// aheadSource hands over messages that were taken ahead, which are one tenant's and in their order.
type aheadSource struct {
	*Source
	ahead *ahead
	queue []*kafka.Message
}

// newAheadSource is a source of messages that the scout of main has claimed.
func newAheadSource(main *Source, list []*kafka.Message) *aheadSource {
	s := &stream{cfg: main.cfg, pool: main.pool, metrics: main.metrics, topic: main.topic, partition: main.partition, log: main.log, owner: main.owner}
	src := newSource(s, main.tenants, main.kind)
	src.keepLate = true
	return &aheadSource{Source: src, ahead: main.stream.ahead, queue: list}
}

// Next implements ingest.Source.
func (s *aheadSource) Next(ctx context.Context) (ingest.Envelope, error) {
	if s.message == nil {
		if len(s.queue) == 0 {
			return ingest.Envelope{}, io.EOF
		}
		m := s.queue[0]
		s.queue = s.queue[1:]
		s.message, s.span = m, span{from: place{offset: m.Offset}, to: place{offset: m.Offset + 1}, message: m}
	}
	env, err := s.Source.Next(ctx)
	var late *lateError
	if errors.As(err, &late) {
		// It has to wait beside the topic partition, and with it what comes after it: the lane's business.
		s.finish()
		s.queue = nil
		return ingest.Envelope{}, io.EOF
	}
	return env, err
}

// progress says what of each message is done by these envelopes.
func (s *aheadSource) progress(done []ingest.Envelope, fn func(offset int64, entry int, whole bool)) {
	for i, env := range done {
		sp := env.Position.(span)
		if i+1 < len(done) && done[i+1].Position.(span).from.offset == sp.from.offset {
			continue // a later one of the same message says it
		}
		if sp.message != nil {
			fn(sp.from.offset, 0, true)
		} else {
			fn(sp.from.offset, sp.to.entry, false)
		}
	}
}

// Advance implements ingest.Source: the place of the topic partition stays where it is.
func (s *aheadSource) Advance(ctx context.Context, tx pgx.Tx, done []ingest.Envelope) error {
	var offsets []int64
	var entries []int
	var sums [][]byte
	s.progress(done, func(offset int64, entry int, _ bool) {
		offsets, entries, sums = append(offsets, offset), append(entries, entry), append(sums, s.ahead.sum(offset))
	})
	return s.owner.putAhead(ctx, tx, offsets, entries, sums)
}

// Committed implements ingest.Source.
func (s *aheadSource) Committed(done []ingest.Envelope) {
	s.progress(done, s.ahead.note)
	s.metrics.ahead.WithLabelValues(s.topic).Add(float64(len(done)))
}
