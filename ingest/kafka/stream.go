package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/segmentio/kafka-go"

	"sluice/ingest"
)

// errLookAgain ends a stream whose topic partition may have become another one. What was
// read of it is stored; a new stream finds out.
var errLookAgain = errors.New("the topic partition has to be looked at again")

// checkTimeout bounds a question to the broker.
const checkTimeout = 10 * time.Second

// stream reads the messages of one topic partition from where the database says, as its
// owner. It is used once: after a rebalance or a trouble a new one takes over.
type stream struct {
	cfg       *Config
	pool      *pgxpool.Pool
	metrics   *metrics
	log       *slog.Logger
	topic     string
	partition int

	owner    owner
	next     place // of the next message
	ahead    *ahead
	passed   *span // messages before next that were taken ahead, after the last that was handed over
	reader   *reader
	progress *progress
	commit   func(offset int64) // tells the group, for tools that show lag; may be nil

	hidden int64       // offsets from next on that the reader passed over: markers and what was aborted
	tail   int64       // offset that these lead to
	doubt  *place      // where a COMMIT without an answer would have moved the place to
	idle   *time.Timer // of the next message
	first  int64       // the first offset that the broker keeps, as of asked
	asked  time.Time

	anchor   anchor       // the last message handed over
	position atomic.Int64 // next.offset, for whoever watches
	suspect  atomic.Bool  // the watcher saw that the offsets do not fit
	opened   atomic.Bool
}

func newStream(cfg *Config, pool *pgxpool.Pool, m *metrics, topic string, partition int, commit func(int64)) *stream {
	s := &stream{
		cfg: cfg, pool: pool, metrics: m, topic: topic, partition: partition, commit: commit, idle: time.NewTimer(time.Hour),
		ahead:    newAhead(),
		progress: newProgress(m, topic, partition, 2*cfg.WatchInterval+checkTimeout),
		log:      cfg.Logger.With("topic", topic, "partition", partition),
	}
	s.progress.publish()
	return s
}

// open takes the topic partition over and finds out where it goes on. It waits for the
// broker; an outage of the database is returned, and open may be called again.
func (s *stream) open(ctx context.Context) error {
	first, end, err := s.bounds(ctx)
	if err != nil {
		return err
	}
	owner, at, err := takeOver(ctx, s.pool, s.cfg.Group, s.topic, s.partition, first)
	if err != nil {
		return err
	}
	owner.ahead = s.ahead
	s.owner, s.next, s.passed = owner, at.place, nil
	g, err := s.compare(ctx, at, first, end)
	if err != nil {
		return err
	}
	if g != nil {
		s.log.Error("messages are missing", "reason", g.reason, "expected_offset", g.expected, "goes_on_at", g.found, "detail", g.message)
		if err := owner.restart(ctx, s.pool, at.place, *g); err != nil {
			return err
		}
		s.metrics.gaps.WithLabelValues(s.topic, g.reason).Inc()
		s.next = place{offset: g.found}
	}
	if err := s.ahead.load(ctx, s.pool, owner, s.next); err != nil {
		return err
	}
	s.tail, s.hidden = s.next.offset, 0
	s.progress.open(s.next)
	s.progress.answered(end)
	s.progress.publish()
	s.reader = newReader(ctx, s.cfg, s.topic, s.partition, s.next.offset, s.progress)
	s.position.Store(s.next.offset)
	s.opened.Store(true)
	return nil
}

// bounds asks the broker for its offsets until it answers.
func (s *stream) bounds(ctx context.Context) (first, end int64, err error) {
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		first, end, err = bounds(ctx, s.cfg.client, s.topic, s.partition)
		if err == nil || ctx.Err() != nil {
			return first, end, err
		}
		s.metrics.brokerErrors.Inc()
		s.progress.unknown()
		s.log.Warn("the broker does not answer; the topic partition waits", "error", err)
		if !sleep(ctx, pause) {
			return 0, 0, ctx.Err()
		}
	}
}

// compare finds out whether what the broker has goes on where we stopped.
func (s *stream) compare(ctx context.Context, at stored, first, end int64) (*gap, error) {
	next := at.offset
	switch {
	case !at.is:
		return nil, nil
	case next > end:
		return &gap{gapRecreated, next, first, fmt.Sprintf("the topic ends at offset %d, before where reading stopped: it was deleted and made anew, or its end was lost; "+
			"it is read from its first message, and what is known already is recognised as duplicate", end)}, nil
	case next < first:
		return &gap{gapRetention, next, first, fmt.Sprintf("the broker removed %d messages before they were read (retention or DeleteRecords); "+
			"they have to be sent again, and the topic's retention raised", first-next)}, nil
	case at.lastAt < first || len(at.last) == 0:
		return nil, nil
	}
	m, err := s.readAgain(ctx, at.lastAt)
	if err != nil {
		return nil, err
	}
	if m != nil && !bytes.Equal(fingerprint(m), at.last) {
		return &gap{gapRecreated, next, first, fmt.Sprintf("the message at offset %d is another one than was read there: the topic was deleted and made anew; it is read from its first message", at.lastAt)}, nil
	}
	return nil, nil
}

// idleAfter is how long no message comes before the stream looks around.
const idleAfter = 2 * time.Second

// fetch returns the next message and what it moves the place by.
func (s *stream) fetch(ctx context.Context) (*kafka.Message, span, error) {
	if s.reader == nil {
		if err := s.open(ctx); err != nil {
			return nil, span{}, err
		}
	}
	for {
		if s.suspect.Load() {
			return nil, span{}, errLookAgain
		}
		d, ok := s.await(ctx)
		switch {
		case ctx.Err() != nil:
			return nil, span{}, ctx.Err()
		case !ok:
			if err := s.pass(ctx); err != nil {
				return nil, span{}, err
			}
			continue
		case errors.Is(d.err, kafka.OffsetOutOfRange):
			return nil, span{}, errLookAgain
		case d.err != nil:
			s.metrics.brokerErrors.Inc()
			s.log.Warn("reading fails; it is tried again", "error", d.err)
			continue
		}
		if d.fresh {
			if err := s.sameTopic(ctx); err != nil {
				return nil, span{}, err
			}
		}
		s.hidden += d.hidden
		if d.aborted > 0 {
			s.metrics.aborted.WithLabelValues(s.topic).Add(float64(d.aborted))
		}
		if d.message == nil {
			s.tail = d.next
			s.position.Store(d.next)
			continue
		}
		s.anchor.set(d.message)
		s.progress.begun(d.message)
		return d.message, s.step(ctx, d.message), nil
	}
}

// await waits for what the reader hands over. Not ok: nothing came for a while.
func (s *stream) await(ctx context.Context) (delivery, bool) {
	select {
	case d := <-s.reader.out:
		return d, true
	default:
	}
	s.idle.Reset(idleAfter)
	select {
	case d := <-s.reader.out:
		return d, true
	case <-s.idle.C:
		s.progress.publish()
	case <-ctx.Done():
	}
	return delivery{}, false
}

// pass moves the place behind what is at the end of the log and nothing to hand over: markers of
// transactions, aborted messages, those that were taken ahead. Where nothing follows they would be lag for ever, and missing
// messages once the broker has removed them. It waits for its turn: until what was handed over is stored.
func (s *stream) pass(ctx context.Context) error {
	by := span{from: s.next, to: s.next}
	if s.passed != nil {
		by = *s.passed
	}
	if s.tail > s.next.offset {
		by.to = place{offset: s.tail}
		if s.tail-s.next.offset > s.hidden {
			by.gaps = append(slices.Clip(by.gaps), s.gap(ctx, s.tail))
		}
	}
	if by.from == by.to || !s.progress.is(by.from) {
		return nil
	}
	moved, err := s.alone(ctx, by, func(pgx.Tx) error { return nil })
	if err != nil || !moved {
		return err
	}
	s.hidden = 0
	return nil
}

// passOver leaves a message out that was taken ahead: the place moves past it with the next one.
func (s *stream) passOver(sp span) { s.passed = &sp }

// alone moves the place by a span, with what fn writes, while nothing that was handed over
// before is still to be stored. An error that is an outage leaves all as it was, and alone may
// be called again. moved is false where an earlier call turns out to have got through: then
// the place is where that one put it.
func (s *stream) alone(ctx context.Context, by span, fn func(tx pgx.Tx) error) (moved bool, err error) {
	if s.doubt != nil {
		at, mine, err := s.owner.at(ctx, s.pool)
		switch {
		case err != nil:
			return false, err
		case !mine:
			return false, fmt.Errorf("%s/%d: %w", s.topic, s.partition, ingest.ErrFenced)
		}
		through := at == *s.doubt
		s.doubt = nil
		if through {
			s.moved(at)
			return at == by.to, nil
		}
	}
	begun := false
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := s.owner.advance(ctx, tx, []span{by}); err != nil {
			return err
		}
		begun = true
		return fn(tx)
	})
	if err != nil {
		if begun {
			s.doubt = &by.to
		}
		return false, err
	}
	s.moved(by.to)
	return true, nil
}

// moved notes that everything before at is stored.
func (s *stream) moved(at place) {
	s.next, s.passed = at, nil
	s.position.Store(at.offset)
	s.stored(at, nil)
}

// stored notes that everything before at is; m is the last message of it, if there is one.
func (s *stream) stored(at place, m *kafka.Message) {
	s.progress.stored(at, m)
	s.ahead.forget(at.offset)
	if s.commit != nil && at.entry == 0 {
		s.commit(at.offset)
	}
}

// sameTopic looks, before the first message of a new connection is handed over, whether
// the message before it is still the one that we had: the topic may have been made anew.
func (s *stream) sameTopic(ctx context.Context) error {
	if !s.anchor.is {
		return nil // open has just compared
	}
	start, end, err := s.bounds(ctx)
	switch {
	case err != nil:
		return err
	case end <= s.anchor.offset:
		return errLookAgain
	case start > s.anchor.offset:
		return nil // removed meanwhile: nothing to compare with
	}
	m, err := s.readAgain(ctx, s.anchor.offset)
	if err != nil {
		return err
	}
	if m != nil && !bytes.Equal(fingerprint(m), s.anchor.fingerprint()) {
		return errLookAgain
	}
	return nil
}

// anchor remembers one message.
type anchor struct {
	is     bool
	offset int64
	// A small one is copied, for hashing each would cost more; of others there is the sum.
	message kafka.Message
	sum     []byte
}

func (a *anchor) set(m *kafka.Message) {
	a.is, a.offset, a.sum = true, m.Offset, nil
	if len(m.Value) > 16<<10 {
		a.sum = fingerprint(m)
		return
	}
	a.message.Time = m.Time
	a.message.Key, a.message.Value = append(a.message.Key[:0], m.Key...), append(a.message.Value[:0], m.Value...)
}

func (a *anchor) fingerprint() []byte {
	if a.sum != nil {
		return a.sum
	}
	return fingerprint(&a.message)
}

// readAgain reads the message at offset, waiting for the broker.
func (s *stream) readAgain(ctx context.Context, offset int64) (*kafka.Message, error) {
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		m, err := readOne(ctx, s.cfg.Broker, s.topic, s.partition, offset)
		if err == nil {
			return m, nil
		}
		s.metrics.brokerErrors.Inc()
		s.log.Warn("the broker does not answer; the topic partition waits", "error", err)
		if !sleep(ctx, pause) {
			return nil, ctx.Err()
		}
	}
}

// step is the span of a whole message, with what was passed over and is missing before it.
func (s *stream) step(ctx context.Context, m *kafka.Message) span {
	sp := span{from: s.next, to: place{offset: m.Offset + 1}, message: m}
	if s.passed != nil {
		sp.from, sp.gaps, s.passed = s.passed.from, s.passed.gaps, nil
	}
	if m.Offset-s.next.offset > s.hidden {
		sp.gaps = append(slices.Clip(sp.gaps), s.gap(ctx, m.Offset))
	}
	s.next, s.tail, s.hidden = sp.to, sp.to.offset, 0
	s.position.Store(sp.to.offset)
	return sp
}

// gap says why offsets did not come. The reader jumps to the first message that is kept.
func (s *stream) gap(ctx context.Context, found int64) gap {
	g := gap{gapMissing, s.next.offset, found, "the broker has no messages between these offsets: compacted away"}
	if time.Since(s.asked) > time.Second {
		if first, _, err := bounds(ctx, s.cfg.client, s.topic, s.partition); err == nil {
			s.first, s.asked = first, time.Now()
		}
	}
	if s.first > g.expected {
		g.reason, g.message = gapRetention, fmt.Sprintf("the broker removed %d messages before they were read (retention or DeleteRecords); "+
			"they have to be sent again, and the topic's retention raised", found-g.expected)
		s.log.Error("messages are missing", "reason", g.reason, "expected_offset", g.expected, "goes_on_at", found, "detail", g.message)
	}
	s.metrics.gaps.WithLabelValues(s.topic, g.reason).Inc()
	return g
}

// close lets go of the connection; what is being fetched ends in the background.
func (s *stream) close() {
	if s.reader != nil {
		s.reader.close()
	}
	s.progress.close()
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// watch compares the broker's offsets with the stream's place until ctx ends, for the lag
// and to notice a topic that became another one under a reader that only sees silence.
func (s *stream) watch(ctx context.Context) {
	for sleep(ctx, s.cfg.WatchInterval) {
		if !s.opened.Load() {
			continue
		}
		before := s.position.Load()
		first, end, err := bounds(ctx, s.cfg.client, s.topic, s.partition)
		if err != nil {
			s.progress.unknown() // the stream will notice by itself, or the next time
			continue
		}
		if end < before || first > s.position.Load() {
			s.suspect.Store(true)
		}
		s.progress.answered(end)
		s.progress.publish()
	}
}
