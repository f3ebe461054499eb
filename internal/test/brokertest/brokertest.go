// Package brokertest gives a test a Kafka cluster: kfake inside the process, which takes
// a millisecond, or the real Apache Kafka that SLUICE_TEST_KAFKA=HOST:PORT names. Tests
// that pass on both prove that the fake did not flatter them; `make test-kafka` runs them
// on the real one.
//
//	func TestConsume(t *testing.T) {
//		c := brokertest.New(t)
//		topic := c.Prefix(t) + ".sbom"
//		c.CreateTopic(t, topic, 3)
//		c.Produce(t, topic, kafka.Message{Key: …, Value: …})
//		…
//	}
//
// A test that kills its broker starts one of its own with StartKafka. The package is for
// tests only.
package brokertest

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"sluice/internal/kafkaclient"
	"sluice/internal/test/brokertest/apache"
)

// envKafka names a real Kafka to use in place of kfake.
const envKafka = "SLUICE_TEST_KAFKA"

// Timeout bounds every step of this package: produce, consume, create.
const Timeout = 30 * time.Second

// Cluster is a Kafka cluster of one test, or the real one that many share.
type Cluster struct {
	addrs []string
	fake  *kfake.Cluster // nil where it is real
	// Broker is a way to it, closed when the test ends.
	Broker *kafkaclient.Broker
}

// New returns the cluster that a test uses. opts tune kfake; a test that gives some gets
// kfake in any case, as it does by Fake.
func New(t testing.TB, opts ...kfake.Opt) *Cluster {
	t.Helper()
	if addr := os.Getenv(envKafka); addr != "" && len(opts) == 0 {
		return open(t, nil, strings.Split(addr, ","))
	}
	return Fake(t, opts...)
}

// Fake returns a cluster of kfake, for a test that makes it fail.
func Fake(t testing.TB, opts ...kfake.Opt) *Cluster {
	t.Helper()
	fake, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.GroupMinSessionTimeout(time.Second)}, opts...)...)
	if err != nil {
		t.Fatalf("brokertest: %v", err)
	}
	t.Cleanup(fake.Close)
	return open(t, fake, fake.ListenAddrs())
}

// Of returns the cluster at addr, such as one that StartKafka started.
func Of(t testing.TB, addr string) *Cluster {
	t.Helper()
	return open(t, nil, []string{addr})
}

func open(t testing.TB, fake *kfake.Cluster, addrs []string) *Cluster {
	t.Helper()
	b, err := kafkaclient.Config{Brokers: addrs, ClientID: "brokertest"}.Open()
	if err != nil {
		t.Fatalf("brokertest: %v", err)
	}
	t.Cleanup(b.Close)
	return &Cluster{addrs: addrs, fake: fake, Broker: b}
}

// Addr is the brokers' addresses, as --brokers takes them.
func (c *Cluster) Addr() string { return strings.Join(c.addrs, ",") }

// Real reports whether it is an Apache Kafka.
func (c *Cluster) Real() bool { return c.fake == nil }

// Fake is the cluster's kfake, to make it fail; nil where it is real.
func (c *Cluster) Fake() *kfake.Cluster { return c.fake }

// Prefix returns a topic prefix that no other test has. Its topics are deleted when the
// test ends.
func (c *Cluster) Prefix(t testing.TB) string {
	t.Helper()
	prefix := "t-" + strings.ToLower(rand.Text()[:12])
	if c.Real() {
		t.Cleanup(func() { c.deleteTopics(t, prefix) })
	}
	return prefix
}

func (c *Cluster) deleteTopics(t testing.TB, prefix string) {
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	meta, err := c.Broker.Metadata(ctx)
	if err != nil {
		return // the broker is gone, by the test's will
	}
	var names []string
	for _, topic := range meta.Topics {
		if strings.HasPrefix(topic.Name, prefix) {
			names = append(names, topic.Name)
		}
	}
	if len(names) == 0 {
		return
	}
	if _, err := c.Broker.Client().DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: names}); err != nil {
		t.Logf("brokertest: topics %v stay: %v", names, err)
	}
}

// CreateTopic makes a topic with the settings given as name, value, name, value.
// It returns when the topic can be written to.
func (c *Cluster) CreateTopic(t testing.TB, name string, partitions int, settings ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	topic := kafka.TopicConfig{Topic: name, NumPartitions: partitions, ReplicationFactor: 1}
	for i := 0; i+1 < len(settings); i += 2 {
		topic.ConfigEntries = append(topic.ConfigEntries, kafka.ConfigEntry{ConfigName: settings[i], ConfigValue: settings[i+1]})
	}
	// A transport of its own: the library waits until the topic is in the metadata.
	transport := c.Broker.NewTransport(time.Second)
	defer transport.CloseIdleConnections()
	var err error
	for {
		var res *kafka.CreateTopicsResponse
		res, err = c.Broker.ClientOf(transport).CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{topic}})
		if err == nil {
			err = res.Errors[name]
		}
		// The library takes a controller from its cache of the metadata, which is empty for a
		// moment on a machine that is busy.
		if !errors.Is(err, kafka.BrokerNotAvailable) || ctx.Err() != nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	for err == nil {
		check := c.Broker.Check(ctx, name)
		if check == nil {
			return
		}
		if ctx.Err() != nil {
			err = check
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("brokertest: create topic %s: %v", name, err)
}

// Kafka is a real Apache Kafka that one test may kill.
type Kafka struct {
	*apache.Kafka
	t       testing.TB
	cluster *Cluster
}

// StartKafka starts a real Apache Kafka for this test alone, in about 5 s. Without a JDK
// or Maven the test is skipped.
func StartKafka(t testing.TB) *Kafka { return startKafka(t, apache.Config{}) }

// StartSecureKafka is StartKafka with a second listener that has TLS, certificates of
// clients and SASL: SecureAddr, Certificates, apache.Username, apache.Password.
func StartSecureKafka(t testing.TB) *Kafka { return startKafka(t, apache.Config{Secure: true}) }

func startKafka(t testing.TB, cfg apache.Config) *Kafka {
	t.Helper()
	cfg.Dir = t.TempDir()
	// Maven's download of 43 MB included.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	k, err := apache.Start(ctx, cfg)
	if errors.Is(err, apache.ErrNoJava) {
		t.Skipf("brokertest: %v", err)
	}
	if err != nil {
		t.Fatalf("brokertest: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Kafka's log:\n%s", k.Log())
		}
		k.Kill()
	})
	return &Kafka{k, t, Of(t, k.Addr())}
}

// Cluster is the cluster of this broker.
func (k *Kafka) Cluster() *Cluster { return k.cluster }

// Restart starts the broker again, on the same ports and data.
func (k *Kafka) Restart() {
	k.t.Helper()
	if err := k.Kafka.Restart(context.Background()); err != nil {
		k.t.Fatalf("brokertest: restart: %v", err)
	}
	k.cluster.Broker.Transport().CloseIdleConnections() // they lead to the process that is gone
}
