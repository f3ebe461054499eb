package kafkaclient

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
)

const (
	dialTimeout = 5 * time.Second
	// metadataTTL is how long a moved partition may go unnoticed; after a change of leader
	// everything sent to the old one fails until then.
	metadataTTL = 10 * time.Second
)

// Broker is a way to a Kafka cluster. Nothing is connected before it is used.
type Broker struct {
	addresses []string
	clientID  string
	tls       *tls.Config
	mechanism sasl.Mechanism
	transport *kafka.Transport
}

// Open checks the configuration and reads its files. It does not connect; see Check.
func (c Config) Open() (*Broker, error) {
	addresses, err := c.addresses()
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	b := &Broker{addresses: addresses, clientID: c.ClientID}
	if b.clientID == "" {
		b.clientID = "sluice"
	}
	if b.tls, err = c.TLS.config(); err != nil {
		return nil, fmt.Errorf("kafka: TLS: %w", err)
	}
	if b.mechanism, err = c.SASL.mechanism(); err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	b.transport = b.NewTransport(metadataTTL)
	return b, nil
}

// Close ends idle connections and the goroutines behind them. What was taken from
// NewTransport is closed by whoever took it, with CloseIdleConnections.
func (b *Broker) Close() { b.transport.CloseIdleConnections() }

// Addresses are the brokers to begin with, as HOST:PORT.
func (b *Broker) Addresses() []string { return b.addresses }

// Addr is the address of the cluster for requests of the library.
func (b *Broker) Addr() net.Addr { return kafka.TCP(b.addresses...) }

// String names the brokers; it holds no secret.
func (b *Broker) String() string { return strings.Join(b.addresses, ",") }

// LogValue is String.
func (b *Broker) LogValue() slog.Value { return slog.StringValue(b.String()) }

// Dialer is for readers and consumer groups.
func (b *Broker) Dialer() *kafka.Dialer {
	return &kafka.Dialer{
		ClientID: b.clientID, Timeout: dialTimeout, DualStack: true, KeepAlive: 30 * time.Second,
		TLS: b.tls, SASLMechanism: b.mechanism,
	}
}

// Transport is shared by all Clients of the Broker.
func (b *Broker) Transport() *kafka.Transport { return b.transport }

// NewTransport returns a transport of its own, for whoever must be able to drop what is
// cached of the cluster (CloseIdleConnections does that). Metadata are asked for again
// after a random time up to ttl; topics limits them to these, which on a cluster with
// thousands of topics is the smaller part of the answer.
func (b *Broker) NewTransport(ttl time.Duration, topics ...string) *kafka.Transport {
	dialer := net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	return &kafka.Transport{
		Dial: dialer.DialContext, DialTimeout: 2 * dialTimeout, IdleTimeout: time.Minute, MetadataTTL: ttl, MetadataTopics: topics,
		ClientID: b.clientID, TLS: b.tls, SASL: b.mechanism,
	}
}

// Client sends requests over the shared Transport.
func (b *Broker) Client() *kafka.Client { return b.ClientOf(b.transport) }

// ClientOf sends requests over a transport from NewTransport.
func (b *Broker) ClientOf(t *kafka.Transport) *kafka.Client {
	return &kafka.Client{Addr: b.Addr(), Transport: t}
}
