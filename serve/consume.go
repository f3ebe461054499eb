package serve

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/ingest"
	"sluice/ingest/kafka"
	"sluice/internal/ask"
	"sluice/internal/kafkaclient"
	"sluice/internal/pg"
	"sluice/normalize"
	"sluice/outbox/relay"
)

// Consume tunes the consumers of topics, and the relay that answers.
type Consume struct {
	// Broker is the cluster; it is closed with the service. Required.
	Broker *kafkaclient.Broker
	// Group is the consumer group: its members share the topic partitions out. Required.
	Group string
	// Prefix of the topics: PREFIX.sbom and so on. Required.
	Prefix string
	// DocumentPrefixes are the folders and http(s) URLs below which document-ref may lead; with
	// none, documents by reference are parked.
	DocumentPrefixes []string
	// DocumentBudget is how long such a document may hold up its topic partition, 100 ms to 1 min;
	// DocumentWait how long it is tried for beside it before it is parked, up to 30 days. 0: the defaults.
	DocumentBudget, DocumentWait time.Duration
	// Shared: facts of tenant `shared` go into the feed of every tenant. Seven more
	// connections; only where the vuln topics are one's own alone to write.
	Shared bool
	// MustBeAllowed parks messages that name a tenant whose documents their topic may not carry.
	MustBeAllowed bool
	// MaxDocument is the largest document, unpacked, in bytes, up to 1 GiB; larger ones are
	// parked. The memory limit of the process grows with it.
	MaxDocument int64
	// Limits are the other limits of documents and archives; the zero value is normalize.DefaultLimits.
	Limits normalize.Limits
	// Session is the silence after which the brokers give our topic partitions to others,
	// 1 s to 30 min: shorter is a faster take-over, and more rebalances on a bad network.
	Session time.Duration
	// Relay: send the outbox too. One process of all does it at a time; four connections.
	Relay bool
	// OutboxKeep is how long messages that were sent stay in the outbox.
	OutboxKeep time.Duration
	// RelayUnfenced is relay.Config.Unfenced.
	RelayUnfenced bool
	// Ingest has the formats.
	Ingest ingest.Config
	// OnReceipts, if set, is told what became of documents, and what is in flight.
	OnReceipts func(list []ingest.Receipt, documents, bytes int64)
}

// Check returns an *ask.WrongError where a member makes no sense.
func (c Consume) Check() error {
	if err := checkMaxDocument(c.MaxDocument); err != nil {
		return err
	}
	if c.Session < time.Second || c.Session > 30*time.Minute {
		return ask.Wrong("session-timeout", "%s: it is 1s to 30m", c.Session)
	}
	if c.DocumentBudget < 0 || c.DocumentBudget > time.Minute || c.DocumentBudget > 0 && c.DocumentBudget < 100*time.Millisecond {
		return ask.Wrong("document-budget", "%s: it is 100ms to 1m", c.DocumentBudget)
	}
	if c.DocumentWait < 0 || c.DocumentWait > 30*24*time.Hour {
		return ask.Wrong("document-wait", "%s: it is up to 720h", c.DocumentWait)
	}
	return nil
}

// consume adds the consumers to the service, and the relay that answers.
func (s *Service) consume(ctx context.Context, c Consume) error {
	refs, err := kafka.NewReferences(c.DocumentPrefixes, c.MaxDocument)
	if err != nil {
		return ask.Wrong("", "%w", err)
	}
	limits := c.Limits.OrDefault()
	limits.MaxBytes = c.MaxDocument
	LimitMemory(ServeMemory, c.MaxDocument)
	pools, err := s.db.ConsumerPools(ctx, c.Shared)
	if err != nil {
		return err
	}
	var relayer *relay.Relay
	if c.Relay {
		if relayer, err = s.relay(ctx, c); err != nil {
			return err
		}
	}
	var consumer *kafka.Consumer
	base := c.Ingest
	base.OnOutage, base.Metrics, base.Source = s.db.Revive, s.db.imports, sourceKafka
	s.db.imports.Source(sourceKafka)
	base.Flags, base.Allowance = s.db.importFlags, importLimits{s.db}
	base.OnReceipts = func(list []ingest.Receipt) {
		if relayer != nil {
			relayer.Wake()
		}
		if c.OnReceipts != nil {
			documents, bytes := consumer.InFlight()
			c.OnReceipts(list, documents, bytes)
		}
	}
	consumer, err = kafka.New(kafka.Config{
		Broker: c.Broker, Group: c.Group, Prefix: c.Prefix, Shared: c.Shared, MustBeAllowed: c.MustBeAllowed, Limits: limits, References: refs,
		ReferenceBudget: c.DocumentBudget, ReferenceWait: c.DocumentWait,
		SessionTimeout: c.Session, HeartbeatInterval: c.Session / 5, RebalanceTimeout: max(20*time.Second, c.Session),
		Cover: s.db.CoverEvents, Logger: s.db.log, Registerer: s.registry,
	}, pools, base)
	if err != nil {
		return err
	}
	s.ready("kafka", consumer.Ready)
	s.add("consumers", consumer.Run)
	return nil
}

// relay adds the sender of the outbox.
func (s *Service) relay(ctx context.Context, c Consume) (*relay.Relay, error) {
	pool, err := s.db.Pool(ctx, pg.Relay, pg.Config{MaxConns: 4})
	if err != nil {
		return nil, err
	}
	r := relay.New(pool, c.Broker, relay.Config{Prefix: c.Prefix, Who: s.self.Holder(), Keep: c.OutboxKeep, Unfenced: c.RelayUnfenced, OnOutage: s.db.Revive, Logger: s.db.log, Registerer: s.registry})
	s.add("relay", r.Run)
	return r, nil
}

// ConsumerPools opens the connections of a consumer.
func (d *Database) ConsumerPools(ctx context.Context, shared bool) (pools kafka.Pools, err error) {
	open := func(role pg.Role, conns int32) (p *pgxpool.Pool) {
		if err == nil {
			cfg := ingest.PoolConfig(conns)
			// A process that is stopped in the middle of a transaction holds the place of its
			// topic partition: whoever takes that over waits so long for it.
			cfg.IdleInTransaction, cfg.TransactionTimeout = 20*time.Second, 5*time.Minute
			p, err = d.Pool(ctx, role, cfg)
		}
		return p
	}
	pools.Ingest, pools.Bulk, pools.Events = open(pg.Ingest, 6), open(pg.Ingest, 3), open(pg.Ingest, 4)
	if shared {
		pools.Feed, pools.BulkFeed = open(pg.Feed, 4), open(pg.Feed, 3)
	}
	return pools, err
}
