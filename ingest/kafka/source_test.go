package kafka

import (
	"fmt"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"sluice/ingest"
	"sluice/ingest/sourcetest"
	"sluice/internal/kafkaclient"
	"sluice/internal/pg"
	"sluice/internal/test/brokertest"
	"sluice/internal/test/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// testConfig reads from a test broker, with short waits.
func testConfig(t testing.TB, c *brokertest.Cluster) Config {
	t.Helper()
	b, err := kafkaclient.Config{Brokers: []string{c.Addr()}}.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return Config{Broker: b, Group: "g-" + c.Prefix(t), Prefix: c.Prefix(t), FetchWait: 50 * time.Millisecond}
}

func TestContract(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	pool := db.Pool(t, pg.Ingest, ingest.PoolConfig(16))
	cluster := brokertest.New(t)
	sourcetest.Run(t, func(t *testing.T, documents [][]byte) sourcetest.Fixture {
		cfg := testConfig(t, cluster)
		topic := cfg.Prefix + ".vuln"
		cluster.CreateTopic(t, topic, 1)
		db.Tenant(t, cfg.Prefix)
		messages := make([]kafka.Message, len(documents))
		for i, d := range documents {
			messages[i] = kafka.Message{Key: fmt.Appendf(nil, "k%d", i), Value: d, Headers: []kafka.Header{{Key: "tenant", Value: []byte(cfg.Prefix)}}}
		}
		cluster.Produce(t, topic, messages...)
		return sourcetest.Fixture{
			Pool: pool, Endless: true, Fenced: true,
			Open: func(t *testing.T) ingest.Source {
				src := OpenSource(cfg, pool, topic, 0)
				t.Cleanup(src.Close)
				return src
			},
		}
	})
}
