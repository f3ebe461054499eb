package relay

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"sluice/internal/lead"
	"sluice/outbox"
)

// Config tunes a Relay. The zero value is usable.
type Config struct {
	// Prefix of the logical topics: receipts become PREFIX.receipts. Default "sluice".
	Prefix string
	// Routes are the logical topics that are written into the outbox from the moment that
	// this relay starts. Default all three.
	Routes []string
	// Who leads, where it does. Default lead.Somebody.
	Who lead.Holder
	// Lease is how long the lead lasts without being kept, and with Poll how long nobody sends
	// after a crash. Default lead.Lease.
	Lease time.Duration
	// Keep is how long rows stay after they were sent, to look at. Default 1 h.
	Keep time.Duration
	// Poll is the longest that a row waits when its announcement was lost, and how often a relay in
	// reserve asks for the lead. Default 1 s.
	Poll time.Duration
	// Timeout bounds one request to a broker. Default 10 s.
	Timeout time.Duration
	// MinPause and MaxPause bound the pause before a topic that could not be written is tried
	// again; it doubles each time, give or take a quarter. Defaults 250 ms and 15 s.
	MinPause, MaxPause time.Duration
	// RequestBytes is about how much one request to a broker carries, before compression.
	// Default 900,000: Kafka's own limit is 1 MiB.
	RequestBytes int
	// Compression of what is sent. Default Snappy: every client reads it, it costs a few
	// percent of one processor and saves two thirds of the bytes of receipts.
	Compression kafka.Compression
	// Unfenced writes without a producer id, for brokers that give none. Then a request of a
	// relay that led before may land behind those of the next, where it was on its way for long.
	Unfenced bool
	// OnOutage, if set, is called when the database cannot be reached.
	OnOutage func(error)
	// Registerer, if set, gets the metrics that docs/kafka.md lists.
	Registerer prometheus.Registerer
	Logger     *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Prefix == "" {
		c.Prefix = "sluice"
	}
	if c.Routes == nil {
		c.Routes = []string{outbox.Receipts, outbox.Findings, outbox.Parked}
	}
	if c.Who == (lead.Holder{}) {
		c.Who = lead.Somebody()
	}
	if c.Keep <= 0 {
		c.Keep = time.Hour
	}
	if c.Poll <= 0 {
		c.Poll = time.Second
	}
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Second
	}
	if c.MinPause <= 0 {
		c.MinPause = 250 * time.Millisecond
	}
	if c.MaxPause <= 0 {
		c.MaxPause = 15 * time.Second
	}
	if c.RequestBytes <= 0 {
		c.RequestBytes = 900_000
	}
	if c.Compression == 0 {
		c.Compression = kafka.Snappy
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// topic is the name in Kafka of a row's topic.
func (c Config) topic(name string) string {
	switch name {
	case outbox.Receipts, outbox.Findings, outbox.Parked:
		return c.Prefix + "." + name
	}
	return name
}
