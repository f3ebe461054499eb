package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"sluice/internal/kafkaclient"
)

// metadataTTL is how long the layout of the cluster is believed. A request that fails
// has it read anew at once.
const metadataTTL = 10 * time.Second

// A request that fails is tried again at once, so often and after such pauses: long enough
// for a change of leader, which takes a moment and is no reason to set rows aside.
const tries = 4

const firstPause = 50 * time.Millisecond // then twice as long each time

// producer writes to topic partitions, one request at a time to each: kafka.Writer has
// several under way, and after a failure the second may land before the first.
type producer struct {
	cfg       Config
	broker    *kafkaclient.Broker
	transport *kafka.Transport
	client    *kafka.Client
	metrics   *metrics
	identity  identity

	mu        sync.Mutex // guards forgotten
	forgotten time.Time
}

func newProducer(b *kafkaclient.Broker, cfg Config, m *metrics) *producer {
	transport := b.NewTransport(metadataTTL)
	return &producer{cfg: cfg, broker: b, transport: transport, client: b.ClientOf(transport), metrics: m}
}

// forget drops what is known of the cluster, and the connections that are idle. Of many
// partitions that fail at once the first does it for all.
func (p *producer) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.forgotten) > firstPause/2 {
		p.transport.CloseIdleConnections()
		p.forgotten = time.Now()
	}
}

// topicError is about the topic as a whole: no partition of it can be written.
type topicError struct{ err error }

func (e topicError) Error() string { return e.err.Error() }
func (e topicError) Unwrap() error { return e.err }

// partitions lists the partitions of a topic, those without a leader too: a key must not
// move because a broker is away.
func (p *producer) partitions(ctx context.Context, topic string) ([]int, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Timeout)
	defer cancel()
	var meta *kafka.MetadataResponse
	var err error
	for range 2 {
		meta, err = p.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
		if err == nil && len(meta.Topics) == 1 {
			err = meta.Topics[0].Error
		}
		if err == nil {
			break
		}
		p.forget() // it may have been made since
	}
	if err != nil {
		return nil, topicError{fmt.Errorf("topic %s: %w", topic, plain(err))}
	}
	var list []int
	for _, partition := range meta.Topics[0].Partitions {
		list = append(list, partition.ID)
	}
	if len(list) == 0 {
		return nil, topicError{fmt.Errorf("topic %s has no partitions", topic)}
	}
	slices.Sort(list)
	return list, nil
}

// send writes items, in order, to one topic partition and marks those that the brokers
// acknowledged. Items that are refused for what they are get an error and the others go on.
// An error is about the topic partition: what was not sent must wait. It returns without
// one when stop ends.
func (p *producer) send(stop, ctx context.Context, topic string, partition int, items []*item) error {
	for len(items) > 0 && stop.Err() == nil {
		n, size := 0, 0
		for n < len(items) && (n == 0 || size+items[n].bytes() <= p.cfg.RequestBytes) {
			size += items[n].bytes()
			n++
		}
		if err := p.sendChunk(stop, ctx, topic, partition, items[:n]); err != nil {
			return err
		}
		items = items[n:]
	}
	return nil
}

// sendChunk cuts in halves what is refused as too large, or for a reason that may lie in
// one message only, until that one is alone.
func (p *producer) sendChunk(stop, ctx context.Context, topic string, partition int, items []*item) error {
	err := p.insist(stop, ctx, topic, partition, items)
	switch {
	case err == nil:
		return nil
	case !refused(err):
		return err
	case len(items) > 1:
		half := len(items) / 2
		if err := p.sendChunk(stop, ctx, topic, partition, items[:half]); err != nil || stop.Err() != nil {
			return err
		}
		return p.sendChunk(stop, ctx, topic, partition, items[half:])
	}
	it := items[0]
	whole := it.Data
	for step := asItIs; tooLarge(err) && step < lastStep; {
		it.Data, step = shorten(whole, step+1)
		if err = p.insist(stop, ctx, topic, partition, items); err == nil {
			p.metrics.tooLarge.WithLabelValues(topic).Inc()
			p.cfg.Logger.Warn("a message is larger than its topic takes and was sent without some of its data; raise max.message.bytes",
				"topic", topic, "id", it.ID, "subject", it.Subject, "bytes", len(whole), "sent_bytes", len(it.Data))
			return nil
		}
		if !refused(err) {
			it.Data = whole
			return err
		}
	}
	it.Data = whole
	it.err = fmt.Errorf("message %s is refused: %w", it.ID, plain(err))
	p.cfg.Logger.Warn("a message is refused and stays in core.outbox; those after it are sent", "topic", topic, "id", it.ID, "subject", it.Subject, "error", plain(err))
	return nil
}

// insist makes one request, a few times if need be, with the same number: the brokers take it once.
func (p *producer) insist(stop, ctx context.Context, topic string, partition int, items []*item) error {
	var at *sequence
	if !p.cfg.Unfenced {
		var err error
		if at, err = p.identity.at(topic, partition); err != nil {
			return fmt.Errorf("topic partition %s/%d: %w", topic, partition, err)
		}
	}
	err := p.tryAll(stop, ctx, topic, partition, at, items)
	if at != nil && at.doubt {
		p.identity.suspect(at)
	}
	return err
}

// tryAll makes one request, a few times if need be. at is nil where nobody fences.
func (p *producer) tryAll(stop, ctx context.Context, topic string, partition int, at *sequence, items []*item) (err error) {
	spans := traceItems(ctx, topic, partition, items)
	defer func() {
		for _, s := range spans {
			s.End(err)
		}
	}()
	pause := firstPause
	for try := 1; ; try++ {
		final, err := p.request(ctx, topic, partition, at, items)
		if err == nil {
			for _, it := range items {
				it.sent = true
			}
			p.metrics.sent.WithLabelValues(topic).Add(float64(len(items)))
			return nil
		}
		if refused(err) {
			return err
		}
		p.metrics.failed.WithLabelValues(topic).Inc()
		p.forget()
		if errors.Is(err, protocol.ErrNoTopic) {
			// The library says so too when it could not ask any broker.
			if _, cause := p.partitions(ctx, topic); cause != nil {
				return cause
			}
		}
		if denied(err) {
			return topicError{fmt.Errorf("topic %s: %w", topic, plain(err))}
		}
		if final || try == tries || stop.Err() != nil {
			return fmt.Errorf("topic partition %s/%d: %w", topic, partition, plain(err))
		}
		select {
		case <-time.After(pause):
			pause *= 2
		case <-stop.Done():
		}
	}
}

// request makes one request. final: the same again would be answered the same.
func (p *producer) request(ctx context.Context, topic string, partition int, at *sequence, items []*item) (final bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Timeout)
	defer cancel()
	now := time.Now()
	records := make([]kafka.Record, len(items))
	for i, it := range items {
		records[i] = it.record(now)
	}
	if at != nil {
		err := p.broker.Produce(ctx, p.transport, topic, partition, at.who, at.next, p.cfg.Compression, records)
		return p.judge(at, len(items), err)
	}
	res, err := p.client.Produce(ctx, &kafka.ProduceRequest{
		Topic: topic, Partition: partition, RequiredAcks: kafka.RequireAll, Compression: p.cfg.Compression, Records: kafka.NewRecordReader(records...),
	})
	if err != nil {
		return false, err
	}
	return false, res.Error
}

func tooLarge(err error) bool {
	return errors.Is(err, kafka.MessageSizeTooLarge) || errors.Is(err, kafka.RecordListTooLarge)
}

// refused: for what the messages are, and not for where they go.
func refused(err error) bool {
	return tooLarge(err) || errors.Is(err, kafka.InvalidRecord) || errors.Is(err, kafka.InvalidTimestamp) || errors.Is(err, kafka.PolicyViolation)
}

// denied: of every partition of the topic, and until somebody does something about it.
func denied(err error) bool {
	return errors.Is(err, kafka.TopicAuthorizationFailed) || errors.Is(err, kafka.ClusterAuthorizationFailed) || errors.Is(err, kafka.InvalidTopic)
}

// plain leaves out the library's own names of functions.
func plain(err error) error { return kafkaclient.Cause(err) }
