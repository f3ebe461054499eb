package kafka

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
)

// commits tells the group's coordinator how far we are, now and then: for tools that show
// lag. Nothing of ours reads it.
type commits struct {
	gen *kafka.Generation

	mu   sync.Mutex
	done map[string]map[int]int64
}

func newCommits(gen *kafka.Generation) *commits { return &commits{gen: gen} }

func (c *commits) set(topic string, partition int, offset int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = map[string]map[int]int64{}
	}
	if c.done[topic] == nil {
		c.done[topic] = map[int]int64{}
	}
	c.done[topic][partition] = offset
}

// run commits until the generation ends. It must not return before: that would end it.
func (c *commits) run(ctx context.Context) {
	for sleep(ctx, time.Second) {
		c.flush()
	}
	c.flush()
}

func (c *commits) flush() {
	c.mu.Lock()
	done := c.done
	c.done = nil
	c.mu.Unlock()
	if done != nil {
		_ = c.gen.CommitOffsets(done) // the next one says it again
	}
}

// troubles are the topic partitions that wait, and why.
type troubles struct {
	mu   sync.Mutex
	list map[string]error
}

func (t *troubles) set(topic string, partition int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.list == nil {
		t.list = map[string]error{}
	}
	t.list[fmt.Sprintf("%s/%d", topic, partition)] = err
}

// has reports whether nothing was stored since the last trouble.
func (t *troubles) has(topic string, partition int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.list[fmt.Sprintf("%s/%d", topic, partition)] != nil
}

func (t *troubles) clear(topic string, partition int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.list) > 0 {
		delete(t.list, fmt.Sprintf("%s/%d", topic, partition))
	}
}

// Ready says what keeps the consumer from its work: no broker, a missing topic, no
// membership, a topic partition that waits. nil when there is nothing.
func (c *Consumer) Ready(ctx context.Context) error {
	if err := c.cfg.Broker.Check(ctx, Topics(c.cfg.Prefix)...); err != nil {
		return err
	}
	if c.members.Load() == 0 {
		return fmt.Errorf("not a member of consumer group %s yet", c.cfg.Group)
	}
	c.troubles.mu.Lock()
	defer c.troubles.mu.Unlock()
	for where, err := range c.troubles.list {
		return fmt.Errorf("%s waits: %w", where, err)
	}
	return nil
}

// observe offers the figures that are looked up when somebody asks.
func (c *Consumer) observe(r prometheus.Registerer) {
	if r == nil {
		return
	}
	for _, g := range []struct {
		name, help string
		value      func() int64
	}{
		{"documents_in_flight", "Documents between Kafka and the database.", func() int64 { d, _ := c.InFlight(); return d }},
		{"bytes_in_flight", "Bytes that these are reckoned with.", func() int64 { _, b := c.InFlight(); return b }},
		{"group_member", "1 while this process is a member of its group.", func() int64 { return int64(c.members.Load()) }},
	} {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "sluice", Subsystem: "kafka", Name: g.name, Help: g.help},
			func() float64 { return float64(g.value()) }))
	}
}

// Member reports whether the consumer is a member of its group.
func (c *Consumer) Member() bool { return c.members.Load() > 0 }
