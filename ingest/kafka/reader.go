package kafka

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/segmentio/kafka-go"

	"sluice/internal/kafkaclient"
)

// reader reads one topic partition in the background, for one stream: the messages of
// committed transactions and those of none, in order, up to the first transaction that is
// still open.
type reader struct {
	cfg       *Config
	topic     string
	partition int
	progress  *progress
	transport *kafka.Transport // its own: a broker that fails is dropped without asking others

	out    chan delivery
	cancel context.CancelFunc

	next   int64 // offset to ask for
	hidden int64 // offsets since the last delivery that hold no message for anybody
	fresh  bool  // what comes next comes by another connection than what came before
	conn   any
}

// delivery is what a reader hands over.
type delivery struct {
	message *kafka.Message // nil: the offsets before next hold none
	next    int64          // offset to go on at
	hidden  int64          // how many of the offsets that were passed over are the broker's own notes or were aborted
	aborted int64          // how many messages were
	fresh   bool           // the topic may be another one since the last delivery
	err     error          // tried again by the reader, but for OffsetOutOfRange
}

// How long the reader waits after a failure: twice as long each time.
const (
	firstReadPause, lastReadPause = 20 * time.Millisecond, time.Second
	// answerTimeout is how long a whole answer may take.
	answerTimeout = 30 * time.Second
)

func newReader(ctx context.Context, cfg *Config, topic string, partition int, from int64, p *progress) *reader {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &reader{
		cfg: cfg, topic: topic, partition: partition, progress: p, next: from, cancel: cancel,
		transport: cfg.Broker.NewTransport(time.Minute, topic),
		// Few messages wait here: they may be large, and they do not count as bytes in flight yet.
		out: make(chan delivery, cfg.QueueMessages),
	}
	go r.run(ctx)
	return r
}

// close ends the reader; what is being fetched ends in the background.
func (r *reader) close() { r.cancel() }

func (r *reader) run(ctx context.Context) {
	defer r.transport.CloseIdleConnections()
	for pause := firstReadPause; ctx.Err() == nil; {
		err := r.fetch(ctx)
		if err == nil {
			pause = firstReadPause
			continue
		}
		if ctx.Err() != nil {
			return
		}
		r.progress.unknown()
		r.transport.CloseIdleConnections() // another broker may lead now
		r.fresh, r.conn = true, nil
		if !r.put(ctx, delivery{next: r.next, err: err}) || errors.Is(err, kafka.OffsetOutOfRange) || !sleep(ctx, pause) {
			return
		}
		pause = min(2*pause, lastReadPause)
	}
}

func (r *reader) put(ctx context.Context, d delivery) bool {
	select {
	case r.out <- d:
		return true
	case <-ctx.Done():
		return false
	}
}

// fetch makes one request and hands its messages over.
func (r *reader) fetch(ctx context.Context) error {
	asked, cancel := context.WithTimeout(ctx, r.cfg.FetchWait+answerTimeout)
	f, err := r.cfg.Broker.Fetch(asked, r.transport, kafkaclient.FetchRequest{
		Topic: r.topic, Partition: r.partition, Offset: r.next, MaxBytes: r.cfg.FetchBytes, MaxWait: r.cfg.FetchWait,
	})
	cancel()
	if err != nil {
		return err
	}
	r.progress.answered(f.HighWatermark)
	if f.Conn != r.conn {
		r.fresh, r.conn = true, f.Conn
	}
	var aborted int64
	for {
		b, err := f.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		from := max(r.next, b.First) // a batch may begin before what was asked for
		switch {
		case b.Last < r.next:
		case b.Kind == kafkaclient.Data:
			if err := r.hand(ctx, &b, f.HighWatermark, aborted); err != nil {
				return err
			}
			aborted = 0
		default:
			r.hidden += b.Last - from + 1
			if b.Kind == kafkaclient.Aborted {
				aborted += b.Last - from + 1
			}
			r.next = b.Last + 1
		}
	}
	if r.hidden > 0 {
		r.put(ctx, r.delivery(aborted))
	}
	return nil
}

// hand hands over the messages of a batch.
func (r *reader) hand(ctx context.Context, b *kafkaclient.Batch, end, aborted int64) error {
	err := b.Messages(func(m kafka.Message) bool {
		if m.Offset < r.next {
			return true
		}
		m.Topic, m.Partition, m.HighWaterMark = r.topic, r.partition, end
		r.next = m.Offset + 1
		d := r.delivery(aborted)
		aborted = 0
		d.message = &m
		return r.put(ctx, d)
	})
	if err == nil && ctx.Err() == nil {
		r.next = max(r.next, b.Last+1) // the end of the batch may be compacted away
	}
	return err
}

// delivery is the next one, of no message yet.
func (r *reader) delivery(aborted int64) delivery {
	d := delivery{next: r.next, hidden: r.hidden, aborted: aborted, fresh: r.fresh}
	r.hidden, r.fresh = 0, false
	return d
}
