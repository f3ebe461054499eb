package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/segmentio/kafka-go"
)

// errLookAgain ends a stream whose topic partition may have become another one. What was
// read of it is stored; a new stream finds out.
var errLookAgain = errors.New("the topic partition has to be looked at again")

// stream reads the messages of one topic partition from where the database says, as its
// owner. It is used once: after a rebalance or a trouble a new one takes over.
type stream struct {
	cfg       *Config
	pool      *pgxpool.Pool
	metrics   *metrics
	log       *slog.Logger
	topic     string
	partition int

	owner  owner
	next   place // of the next message
	reader *kafka.Reader

	idle    context.Context // of the next FetchMessage
	cancel  context.CancelFunc
	renewed time.Time
	first   int64 // the first offset that the broker keeps, as of asked
	asked   time.Time

	dials    atomic.Int64 // connections that the reader has made
	known    int64        // of these, those that are known to lead to the same topic
	anchor   anchor       // the last message handed over
	position atomic.Int64 // next.offset, for whoever watches
	suspect  atomic.Bool  // the watcher saw that the offsets do not fit
	opened   atomic.Bool
}

func newStream(cfg *Config, pool *pgxpool.Pool, m *metrics, topic string, partition int) *stream {
	return &stream{
		cfg: cfg, pool: pool, metrics: m, topic: topic, partition: partition,
		log: cfg.Logger.With("topic", topic, "partition", partition),
	}
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
	s.owner, s.next = owner, at.place
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
	s.reader = kafka.NewReader(kafka.ReaderConfig{
		Brokers: s.cfg.brokers, Dialer: s.countingDialer(), Topic: s.topic, Partition: s.partition,
		// Few messages wait here: they may be large, and they do not count as bytes in flight yet.
		QueueCapacity: s.cfg.QueueMessages, MinBytes: 1, MaxBytes: s.cfg.FetchBytes, MaxWait: s.cfg.FetchWait,
		ReadBatchTimeout: 30 * time.Second, ReadBackoffMin: 20 * time.Millisecond, ReadBackoffMax: time.Second,
		ReadLagInterval: -1, IsolationLevel: kafka.ReadCommitted, OffsetOutOfRangeError: true,
		ErrorLogger: kafka.LoggerFunc(func(msg string, args ...any) { s.log.Debug(fmt.Sprintf(msg, args...)) }),
	})
	if err := s.reader.SetOffset(s.next.offset); err != nil {
		return fmt.Errorf("read %s/%d from %d: %w", s.topic, s.partition, s.next.offset, err)
	}
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
	case next == first || len(at.last) == 0:
		return nil, nil
	}
	m, err := s.readAgain(ctx, next-1)
	if err != nil {
		return nil, err
	}
	if m != nil && !bytes.Equal(fingerprint(m), at.last) {
		return &gap{gapRecreated, next, first, fmt.Sprintf("the message at offset %d is another one than was read there: the topic was deleted and made anew; it is read from its first message", next-1)}, nil
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
		if s.idle == nil || s.idle.Err() != nil || time.Since(s.renewed) > idleAfter/2 {
			if s.cancel != nil {
				s.cancel()
			}
			s.idle, s.cancel = context.WithTimeout(ctx, idleAfter)
			s.renewed = time.Now()
		}
		m, err := s.reader.FetchMessage(s.idle)
		switch {
		case err == nil:
			if err := s.sameTopic(ctx); err != nil {
				return nil, span{}, err
			}
			s.anchor.set(&m)
			return &m, s.step(ctx, &m), nil
		case ctx.Err() != nil:
			return nil, span{}, ctx.Err()
		case errors.Is(err, context.DeadlineExceeded) && s.idle.Err() != nil:
			s.metrics.lag.WithLabelValues(s.topic, strconv.Itoa(s.partition)).Set(0)
		case errors.Is(err, kafka.OffsetOutOfRange):
			return nil, span{}, errLookAgain
		default:
			// The reader goes on trying by itself.
			s.metrics.brokerErrors.Inc()
			s.log.Warn("reading fails; it is tried again", "error", err)
			if !sleep(ctx, 100*time.Millisecond) {
				return nil, span{}, ctx.Err()
			}
		}
	}
}

// countingDialer tells when the reader connects anew.
func (s *stream) countingDialer() *kafka.Dialer {
	d := *s.cfg.dialer
	dial := d.DialFunc
	if dial == nil {
		dial = (&net.Dialer{Timeout: d.Timeout, LocalAddr: d.LocalAddr, FallbackDelay: d.FallbackDelay, KeepAlive: d.KeepAlive}).DialContext
	}
	d.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		s.dials.Add(1)
		return dial(ctx, network, address)
	}
	return &d
}

// sameTopic looks, before the first message of a new connection is handed over, whether
// the message before it is still the one that we had: the topic may have been made anew.
func (s *stream) sameTopic(ctx context.Context) error {
	dials := s.dials.Load()
	if dials == s.known {
		return nil
	}
	first := s.known == 0
	s.known = dials
	if first || !s.anchor.is {
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
	is      bool
	offset  int64
	message *kafka.Message // small ones; of others only the sum
	sum     []byte
}

func (a *anchor) set(m *kafka.Message) {
	a.is, a.offset, a.message, a.sum = true, m.Offset, m, nil
	if len(m.Value) > 16<<10 {
		a.message, a.sum = nil, fingerprint(m)
	}
}

func (a *anchor) fingerprint() []byte {
	if a.message != nil {
		return fingerprint(a.message)
	}
	return a.sum
}

// readAgain reads the message at offset, waiting for the broker.
func (s *stream) readAgain(ctx context.Context, offset int64) (*kafka.Message, error) {
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		m, err := readOne(ctx, s.cfg.dialer, s.cfg.brokers, s.topic, s.partition, offset)
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

// step is the span of a whole message, with the gap before it.
func (s *stream) step(ctx context.Context, m *kafka.Message) span {
	sp := span{from: s.next, to: place{offset: m.Offset + 1}, message: m}
	if m.Offset > s.next.offset {
		sp.gap = s.gap(ctx, m.Offset)
	}
	s.next = sp.to
	s.position.Store(sp.to.offset)
	return sp
}

// gap says why offsets did not come. The reader jumps to the first message that is kept.
func (s *stream) gap(ctx context.Context, found int64) *gap {
	g := &gap{gapMissing, s.next.offset, found, "the broker has no messages between these offsets: compacted away, or markers of transactions"}
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
	if s.cancel != nil {
		s.cancel()
	}
	if s.reader != nil {
		r := s.reader
		go r.Close() //nolint:errcheck // it closes a connection
	}
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
			continue // the stream will notice by itself, or the next time
		}
		if end < before || first > s.position.Load() {
			s.suspect.Store(true)
		}
		s.metrics.lag.WithLabelValues(s.topic, strconv.Itoa(s.partition)).Set(float64(max(end-before, 0)))
	}
}
