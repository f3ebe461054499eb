package kafka

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"sluice/internal/kafkaclient"
	"sluice/normalize"
)

// Config says what is read and how.
type Config struct {
	Broker *kafkaclient.Broker

	// Group is the consumer group: its members share the topic partitions out. Positions
	// are kept per group.
	Group string
	// Prefix is what topic names start with: PREFIX.sbom.
	Prefix string
	// Shared says that facts of tenant "shared" go to the shared feed. Needs FeedPool.
	Shared bool

	// MustBeAllowed parks messages whose topic may not carry what is of the tenant that they name: ingest.producer.
	MustBeAllowed bool

	Limits     normalize.Limits
	References *References // nil: none
	// ReferenceBudget is how long a document that a message names may take while its topic
	// partition waits (default 5 s); then the message waits beside it. ReferenceWait is how long it
	// does, with tries in growing intervals, before it is parked (default 1 h).
	ReferenceBudget, ReferenceWait time.Duration

	// SessionTimeout is how long a member may be silent before its topic partitions go to
	// others (default 15 s); it says that it lives every HeartbeatInterval (default 3 s).
	// RebalanceTimeout is how long members have to let go (default 20 s): longer than StopTimeout.
	SessionTimeout, HeartbeatInterval, RebalanceTimeout time.Duration
	// StopTimeout is how long the batch in hand may take after a stop or a rebalance. Default 7 s.
	StopTimeout time.Duration

	// WatchInterval is how often the broker's offsets are compared with ours. Default 10 s.
	WatchInterval time.Duration

	// FetchBytes is asked of a broker at once (default 1 MiB; a larger message comes alone),
	// FetchWait how long it may wait for the first byte (default 500 ms), QueueMessages how
	// many messages wait per topic partition beside the bytes in flight (default 4).
	FetchBytes    int
	FetchWait     time.Duration
	QueueMessages int

	// Cover makes the partition of scan_run_event for a time; an error says that it is out of
	// bounds, if it is not an outage.
	Cover func(ctx context.Context, at time.Time) error

	Logger     *slog.Logger
	Registerer prometheus.Registerer

	slowTries int // of the pipelines' configuration

	brokers []string // what Broker gives, once
	dialer  *kafka.Dialer
	client  *kafka.Client
}

func (c Config) withDefaults() Config {
	c.brokers, c.dialer, c.client = c.Broker.Addresses(), c.Broker.Dialer(), c.Broker.Client()
	for _, d := range []struct {
		v        *time.Duration
		fallback time.Duration
	}{
		{&c.SessionTimeout, 15 * time.Second},
		{&c.HeartbeatInterval, 3 * time.Second},
		{&c.RebalanceTimeout, 20 * time.Second},
		{&c.StopTimeout, 7 * time.Second},
		{&c.WatchInterval, 10 * time.Second},
		{&c.FetchWait, 500 * time.Millisecond},
		{&c.ReferenceBudget, 5 * time.Second},
		{&c.ReferenceWait, time.Hour},
	} {
		if *d.v == 0 {
			*d.v = d.fallback
		}
	}
	if c.FetchBytes == 0 {
		c.FetchBytes = 1 << 20
	}
	if c.QueueMessages == 0 {
		c.QueueMessages = 4
	}
	if c.Limits == (normalize.Limits{}) {
		c.Limits = normalize.DefaultLimits
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}
