package brokertest_test

import (
	"fmt"
	"testing"

	"github.com/segmentio/kafka-go"

	"sluice/internal/test/brief"
	"sluice/internal/test/brokertest"
)

func roundTrip(t *testing.T, c *brokertest.Cluster) {
	t.Helper()
	topic := c.Prefix(t) + ".sbom"
	c.CreateTopic(t, topic, 3)
	var msgs []kafka.Message
	for i := range 1000 {
		msgs = append(msgs, kafka.Message{Key: fmt.Append(nil, "key-", i%7), Value: fmt.Append(nil, i), Headers: []kafka.Header{{Key: "tenant", Value: []byte("acme")}}})
	}
	msgs = append(msgs, kafka.Message{}, kafka.Message{Key: []byte{}, Value: []byte{}})
	c.Produce(t, topic, msgs...)
	got := c.Consume(t, topic, len(msgs))
	if len(got) != len(msgs) {
		t.Fatalf("%d messages, %d were sent", len(got), len(msgs))
	}
	last := map[string]int{}
	for _, m := range got {
		if len(m.Key) == 0 {
			continue
		}
		var i int
		fmt.Sscan(string(m.Value), &i)
		if i < last[string(m.Key)] || brokertest.Header(m, "tenant") != "acme" {
			t.Fatalf("key %s: message %d after %d, headers %v", m.Key, i, last[string(m.Key)], m.Headers)
		}
		last[string(m.Key)] = i
	}
	if len(last) != 7 {
		t.Errorf("%d keys", len(last))
	}
}

func TestCluster(t *testing.T) {
	t.Parallel()
	roundTrip(t, brokertest.New(t))
}

// TestKafka: what was acknowledged survives a SIGKILL of the broker, which comes back on
// the same address.
func TestKafka(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("starts an Apache Kafka twice, which takes 15 s")
	}
	k := brokertest.StartKafka(t)
	c := k.Cluster()
	roundTrip(t, c)
	topic := c.Prefix(t) + ".receipts"
	c.CreateTopic(t, topic, 1)
	c.Produce(t, topic, kafka.Message{Value: []byte("before")})
	k.Kill()
	if err := c.Broker.Check(t.Context()); err == nil {
		t.Error("a broker that was killed is said to be there")
	}
	k.Restart()
	c.Produce(t, topic, kafka.Message{Value: []byte("after")})
	got := c.Consume(t, topic, 2)
	if string(got[0].Value) != "before" || string(got[1].Value) != "after" {
		t.Errorf("%q, then %q", got[0].Value, got[1].Value)
	}
	k.Stop()
}
