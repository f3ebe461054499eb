package brokertest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// Produce sends messages, in order per topic partition, with acks=all. A key decides the
// topic partition as it does for Java; without one they are spread.
func (c *Cluster) Produce(t testing.TB, topic string, msgs ...kafka.Message) {
	t.Helper()
	partitions := c.partitions(t, topic)
	lists := map[int][]kafka.Message{}
	for i, m := range msgs {
		p := partitions[i%len(partitions)]
		if m.Key != nil {
			p = kafka.Murmur2Balancer{}.Balance(m, partitions...)
		}
		lists[p] = append(lists[p], m)
	}
	for _, p := range partitions {
		c.ProduceTo(t, topic, p, lists[p]...)
	}
}

// ProduceTo sends messages to one topic partition, in order.
func (c *Cluster) ProduceTo(t testing.TB, topic string, partition int, msgs ...kafka.Message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	for len(msgs) > 0 {
		n, size := 0, 0
		for n < len(msgs) && (n == 0 || size < 500_000 && n < 10_000) {
			size += len(msgs[n].Key) + len(msgs[n].Value)
			n++
		}
		records := make([]kafka.Record, n)
		for i, m := range msgs[:n] {
			records[i] = kafka.Record{Time: m.Time, Key: kafka.NewBytes(m.Key), Value: kafka.NewBytes(m.Value), Headers: m.Headers}
			if m.Time.IsZero() {
				records[i].Time = time.Now()
			}
		}
		res, err := c.Broker.Client().Produce(ctx, &kafka.ProduceRequest{
			Topic: topic, Partition: partition, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...),
		})
		if err == nil {
			err = res.Error
		}
		if err != nil {
			if ctx.Err() == nil && unsent(err) {
				// The topic was made a moment ago, or the broker came back.
				c.Broker.Transport().CloseIdleConnections()
				time.Sleep(50 * time.Millisecond)
				continue
			}
			t.Fatalf("brokertest: produce %d messages to %s/%d: %v", n, topic, partition, err)
		}
		msgs = msgs[n:]
	}
}

// unsent reports whether err says that nothing was written: after any other error trying
// again might write twice.
func unsent(err error) bool {
	for _, e := range []error{
		kafka.UnknownTopicOrPartition, kafka.NotLeaderForPartition, kafka.LeaderNotAvailable, kafka.BrokerNotAvailable,
		protocol.ErrNoTopic, protocol.ErrNoPartition, protocol.ErrNoLeader, syscall.ECONNREFUSED,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Consume waits until the topic holds n messages and returns all that it holds then, by
// topic partition and offset.
func (c *Cluster) Consume(t testing.TB, topic string, n int) []kafka.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	r := c.Reader(t, topic)
	for {
		err := r.Poll(ctx)
		if len(r.Messages) >= n && err == nil {
			slices.SortStableFunc(r.Messages, func(a, b kafka.Message) int {
				return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
			})
			return r.Messages
		}
		if ctx.Err() != nil {
			t.Fatalf("brokertest: %s has %d messages after %v, %d are awaited (%v)", topic, len(r.Messages), Timeout, n, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Reader collects the messages of a topic from its beginning, without a group.
type Reader struct {
	Messages []kafka.Message // so far
	c        *Cluster
	topic    string
	next     map[int]int64
}

// Reader begins to read a topic.
func (c *Cluster) Reader(t testing.TB, topic string) *Reader {
	t.Helper()
	r := &Reader{c: c, topic: topic, next: map[int]int64{}}
	for _, p := range c.partitions(t, topic) {
		r.next[p] = kafka.FirstOffset
	}
	return r
}

// Poll appends what the topic holds now to Messages.
func (r *Reader) Poll(ctx context.Context) error {
	for p := range r.next {
		for {
			n, err := r.fetch(ctx, p)
			if err != nil {
				return fmt.Errorf("read %s/%d: %w", r.topic, p, err)
			}
			if n == 0 {
				break
			}
		}
	}
	return nil
}

func (r *Reader) fetch(ctx context.Context, p int) (int, error) {
	res, err := r.c.Broker.Client().Fetch(ctx, &kafka.FetchRequest{
		Topic: r.topic, Partition: p, Offset: r.next[p], MinBytes: 1, MaxBytes: 16 << 20, MaxWait: time.Millisecond,
	})
	if err == nil {
		err = res.Error
	}
	if err != nil {
		r.c.Broker.Transport().CloseIdleConnections() // the leader may have moved
		return 0, err
	}
	n := 0
	for {
		rec, err := res.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		key, err := readAll(rec.Key)
		if err != nil {
			return n, err
		}
		value, err := readAll(rec.Value)
		if err != nil {
			return n, err
		}
		if rec.Offset < r.next[p] {
			continue // a batch may begin before the offset that was asked for
		}
		r.Messages = append(r.Messages, kafka.Message{Topic: r.topic, Partition: p, Offset: rec.Offset, Key: key, Value: value, Headers: rec.Headers, Time: rec.Time})
		r.next[p] = rec.Offset + 1
		n++
	}
}

// readAll keeps the difference between no key and an empty one.
func readAll(b kafka.Bytes) ([]byte, error) {
	if b == nil {
		return nil, nil
	}
	return kafka.ReadAll(b)
}

func (c *Cluster) partitions(t testing.TB, topic string) []int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	meta, err := c.Broker.Metadata(ctx, topic)
	if err == nil && len(meta.Topics) == 1 {
		err = meta.Topics[0].Error
	}
	if err != nil {
		t.Fatalf("brokertest: topic %s: %v", topic, err)
	}
	var list []int
	for _, p := range meta.Topics[0].Partitions {
		list = append(list, p.ID)
	}
	slices.Sort(list)
	return list
}

// Header is the value of a message's header, "" where it has none of that name.
func Header(m kafka.Message, name string) string {
	for _, h := range m.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}
