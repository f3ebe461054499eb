package kafka

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// progress is how far a topic partition is stored and how far the broker has it, for the
// metrics, and for who has to wait until everything that was handed over is stored.
type progress struct {
	m         *metrics
	topic     string
	partition string
	fresh     time.Duration // how long an answer of the broker is believed

	mu      sync.Mutex
	durable place
	moved   chan struct{} // closed when durable changes
	opened  bool          // durable is known
	closed  bool          // it says nothing any more
	end     int64         // the broker's, as of asked
	asked   time.Time     // zero: it does not answer
	oldest  time.Time     // timestamp of what waits longest, as far as is known; zero: unknown
}

func newProgress(m *metrics, topic string, partition int, fresh time.Duration) *progress {
	return &progress{m: m, topic: topic, partition: strconv.Itoa(partition), fresh: fresh, moved: make(chan struct{})}
}

// open says where reading starts.
func (p *progress) open(at place) { p.move(at, nil) }

// stored says that everything before at is; m is the last message of it.
func (p *progress) stored(at place, m *kafka.Message) {
	p.move(at, m)
	p.publish()
}

func (p *progress) move(at place, m *kafka.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.durable, p.opened = at, true
	if m != nil {
		p.oldest = m.Time
	}
	close(p.moved)
	p.moved = make(chan struct{})
}

// begun says that m was fetched: where nothing was stored yet, it is what waits longest.
func (p *progress) begun(m *kafka.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.oldest.IsZero() {
		p.oldest = m.Time
	}
}

// answered says that the broker did, and what the offset after the last message is. A reader that looks on
// for others has no progress of its own.
func (p *progress) answered(end int64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end, p.asked = end, time.Now()
}

// unknown says that the broker does not answer.
func (p *progress) unknown() {
	if p == nil {
		return
	}
	p.mu.Lock()
	p.asked = time.Time{}
	p.mu.Unlock()
	p.publish()
}

// publish sets the metrics. What is not known has no value: 0 would say that all is well.
func (p *progress) publish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	known := p.opened && time.Since(p.asked) < p.fresh
	lag := max(p.end-p.durable.offset, 0)
	p.m.known.WithLabelValues(p.topic, p.partition).Set(map[bool]float64{true: 1}[known])
	if !known {
		p.m.lag.DeleteLabelValues(p.topic, p.partition)
		p.m.stored.DeleteLabelValues(p.topic, p.partition)
		p.m.oldest.DeleteLabelValues(p.topic, p.partition)
		return
	}
	p.m.lag.WithLabelValues(p.topic, p.partition).Set(float64(lag))
	p.m.stored.WithLabelValues(p.topic, p.partition).Set(float64(p.durable.offset))
	switch {
	case lag == 0:
		p.m.oldest.WithLabelValues(p.topic, p.partition).Set(0)
	case p.oldest.IsZero():
		p.m.oldest.DeleteLabelValues(p.topic, p.partition)
	default:
		p.m.oldest.WithLabelValues(p.topic, p.partition).Set(max(time.Since(p.oldest).Seconds(), 0))
	}
}

// close says that nothing is known any more here: whoever reads the topic partition next knows.
func (p *progress) close() {
	p.unknown()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
}

// await waits until everything before at is stored.
func (p *progress) await(ctx context.Context, at place) error {
	for {
		p.mu.Lock()
		there, moved := p.durable == at, p.moved
		p.mu.Unlock()
		if there {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// at is the offset before which everything is stored.
func (p *progress) at() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.durable.offset
}

// waiting is how many messages are not stored, as far as is known.
func (p *progress) waiting() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.opened || p.asked.IsZero() {
		return 0
	}
	return p.end - p.durable.offset
}

// is reports whether everything before at is stored, and nothing more.
func (p *progress) is(at place) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.durable == at
}
