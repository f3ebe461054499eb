package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/ingest"
	"sluice/ingest/kafka"
	"sluice/internal/kafkaclient"
	"sluice/internal/pg"
	"sluice/migrations"
	"sluice/normalize"
	"sluice/outbox/relay"
	"sluice/partitions"
)

// consumerFlags are the flags of whoever consumes topics.
type consumerFlags struct {
	kafkaFlags
	prefixes    []string
	sharedFeed  bool
	maxDocument int64
	session     time.Duration
	outboxKeep  time.Duration
}

func (f *consumerFlags) add(fl *pflag.FlagSet) {
	f.kafkaFlags.add(fl)
	fl.StringSliceVar(&f.prefixes, "document-prefix", nil, "folders and http(s) URLs below which document-ref may lead: /srv/inbox,https://host/path/")
	fl.BoolVar(&f.sharedFeed, "shared-feed", false, "take facts of tenant `shared` into the shared feed of every tenant; only where the vuln topics are yours alone to write")
	fl.Int64Var(&f.maxDocument, "max-document-bytes", normalize.DefaultLimits.MaxBytes, "largest document, unpacked, in bytes; larger ones are parked")
	fl.DurationVar(&f.session, "session-timeout", 15*time.Second, "silence after which the brokers give our topic partitions to others")
	fl.DurationVar(&f.outboxKeep, "outbox-keep", time.Hour, "how long messages that were sent stay in the outbox")
}

func (f *consumerFlags) check() error {
	if f.maxDocument < 1 || f.maxDocument > 1<<30 {
		return usagef("--max-document-bytes %d: it is 1 to %d; PostgreSQL holds no larger value", f.maxDocument, 1<<30)
	}
	if f.session < time.Second || f.session > 30*time.Minute {
		return usagef("--session-timeout %s: it is 1s to 30m", f.session)
	}
	return nil
}

func newIngestKafka(a *app) *cobra.Command {
	var f consumerFlags
	var listen string
	var relay bool
	cmd := &cobra.Command{
		Use:   "kafka",
		Short: "Import what comes by Kafka, until it is stopped",
		Long: `Reads the topics PREFIX.sbom, .vex and .vuln, their .bulk lanes, and PREFIX.events (make
them with ` + "`sluice topics create`" + `). The tenant of a message is in its header tenant; what
became of each document is told on PREFIX.receipts, in the order of its key. Positions are
kept in the database and move with the documents: nothing is lost or doubled by a crash.
Any number of processes of one --group share the work.`,
		Example: `  sluice ingest kafka --brokers localhost:9092
  sluice ingest kafka --brokers kafka:9093 --kafka-tls --kafka-sasl scram-sha-512 --kafka-username sluice --kafka-password-file /run/secrets/kafka
  sluice ingest kafka --brokers localhost:9092 --document-prefix /srv/sboms,https://artifacts.example.org/sboms/`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			s, err := a.newService(cmd.Context(), listen)
			if err != nil {
				return err
			}
			if err := s.consume(cmd.Context(), &f, relay); err != nil {
				return err
			}
			return s.run(cmd.Context())
		},
	}
	f.add(cmd.Flags())
	cmd.Flags().StringVar(&listen, "listen", "", "address for /metrics, /healthz and /readyz, such as 127.0.0.1:8080; none by default")
	cmd.Flags().BoolVar(&relay, "relay", true, "send the receipts too; one process of all does it at a time")
	return cmd
}

// consume adds the consumers to the service, and the relay that answers.
func (s *service) consume(ctx context.Context, f *consumerFlags, withRelay bool) error {
	a := s.app
	b, err := f.open()
	if err != nil {
		return err
	}
	s.onClose(b.Close)
	refs, err := kafka.NewReferences(f.prefixes, f.maxDocument)
	if err != nil {
		return usageError{err}
	}
	limits := normalize.DefaultLimits
	limits.MaxBytes = f.maxDocument
	limitMemory(f.maxDocument)
	pools, err := a.kafkaPools(ctx, f.sharedFeed)
	if err != nil {
		return err
	}
	var relayer *relay.Relay
	if withRelay {
		if relayer, err = s.relay(ctx, b, f); err != nil {
			return err
		}
	}
	bar := newCounter(a)
	consumer, err := kafka.New(kafka.Config{
		Broker: b, Group: f.group, Prefix: f.topicPrefix, Shared: f.sharedFeed, Limits: limits, References: refs,
		SessionTimeout: f.session, HeartbeatInterval: f.session / 5, RebalanceTimeout: max(20*time.Second, f.session),
		Cover: a.coverEvents, Logger: a.log, Registerer: s.registry,
	}, pools, ingest.Config{
		Formats: formats(), Volatile: volatile(), OnOutage: a.revive,
		OnReceipts: func(list []ingest.Receipt) {
			if relayer != nil {
				relayer.Wake()
			}
			bar.add(list)
		},
	})
	if err != nil {
		return err
	}
	bar.inFlight = consumer.InFlight
	s.ready("kafka", consumer.Ready)
	s.add("consumers", func(ctx context.Context) error {
		defer bar.done()
		return consumer.Run(ctx)
	})
	return nil
}

// relay adds the sender of the outbox.
func (s *service) relay(ctx context.Context, b *kafkaclient.Broker, f *consumerFlags) (*relay.Relay, error) {
	pool, err := s.app.pool(ctx, pg.Relay, pg.Config{MaxConns: 4})
	if err != nil {
		return nil, err
	}
	r := relay.New(pool, b, relay.Config{Prefix: f.topicPrefix, Keep: f.outboxKeep, OnOutage: s.app.revive, Logger: s.app.log, Registerer: s.registry})
	s.add("relay", r.Run)
	return r, nil
}

func (a *app) kafkaPools(ctx context.Context, shared bool) (pools kafka.Pools, err error) {
	open := func(role pg.Role, conns int32) (p *pgxpool.Pool) {
		if err == nil {
			cfg := ingest.PoolConfig(conns)
			// A process that is stopped in the middle of a transaction holds the place of its
			// topic partition: whoever takes that over waits so long for it.
			cfg.IdleInTransaction, cfg.TransactionTimeout = 20*time.Second, 5*time.Minute
			p, err = a.pool(ctx, role, cfg)
		}
		return p
	}
	pools.Ingest, pools.Bulk, pools.Events = open(pg.Ingest, 6), open(pg.Ingest, 3), open(pg.Ingest, 4)
	if shared {
		pools.Feed, pools.BulkFeed = open(pg.Feed, 4), open(pg.Feed, 3)
	}
	return pools, err
}

// coverEvents makes the partition of scan_run_event that a time needs.
func (a *app) coverEvents(ctx context.Context, at time.Time) error {
	conn, err := a.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := migrations.AsOwner(ctx, conn); err != nil {
		return err
	}
	_, err = partitions.Cover(ctx, conn, "ingest.scan_run_event", at)
	return err
}

// counter shows on a terminal what comes in; elsewhere it logs a line now and then.
type counter struct {
	mu       sync.Mutex
	app      *app
	bar      *progressbar.ProgressBar
	counts   ingest.Counts
	logged   int64
	last     time.Time
	inFlight func() (documents, bytes int64)
}

func newCounter(a *app) *counter {
	c := &counter{app: a, last: time.Now()}
	if terminal(a.stderr) {
		c.bar = progressbar.NewOptions64(-1,
			progressbar.OptionSetWriter(a.stderr), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(200*time.Millisecond),
			progressbar.OptionSetDescription("waiting for messages"), progressbar.OptionShowIts(), progressbar.OptionSetItsString("documents"), progressbar.OptionShowCount())
	}
	return c
}

func (c *counter) add(list []ingest.Receipt) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.Add(list...)
	if c.bar != nil {
		documents, bytes := c.inFlight()
		c.bar.Describe(fmt.Sprintf("%d accepted, %d duplicate, %d unchanged, %d parked; %d in flight (%s)",
			c.counts.Accepted, c.counts.Duplicate, c.counts.Unchanged, c.counts.Parked, documents, megabytes(bytes)))
		_ = c.bar.Add(len(list))
	}
	if took := time.Since(c.last); took >= 10*time.Second {
		c.app.log.Info("imported", "documents", c.counts.Documents, "parked", c.counts.Parked,
			"per_second", int64(float64(c.counts.Documents-c.logged)/took.Seconds()))
		c.last, c.logged = time.Now(), c.counts.Documents
	}
}

// done prints what was imported.
func (c *counter) done() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bar != nil {
		_ = c.bar.Finish()
	}
	if c.app.output == "json" {
		c.counts.Add()
		_ = printJSON(c.app.stdout, c.counts)
	}
}
