package main

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/ingest"
	"sluice/normalize"
	"sluice/serve"
)

// consumerFlags are the flags of whoever consumes topics.
type consumerFlags struct {
	kafkaFlags
	serve.Consume
	fence bool
	seal  sealFlags
	limit limitFlags
}

func (f *consumerFlags) add(fl *pflag.FlagSet) {
	f.kafkaFlags.add(fl)
	fl.StringSliceVar(&f.DocumentPrefixes, "document-prefix", nil, "folders and http(s) URLs below which document-ref may lead: /srv/inbox,https://host/path/; {tenant} in one is the id of the message's tenant")
	fl.DurationVar(&f.DocumentBudget, "document-budget", 5*time.Second, "how long a document-ref may hold up its topic partition; then the message waits beside it")
	fl.DurationVar(&f.DocumentWait, "document-wait", time.Hour, "how long it is tried there before it is parked as unreachable")
	fl.BoolVar(&f.MustBeAllowed, "producers-must-be-allowed", false, "park messages that name a tenant whose documents their topic may not carry; see the command topics allow")
	fl.BoolVar(&f.Shared, "shared-feed", false, "take facts of tenant `shared` into the shared feed of every tenant; only where the vuln topics are yours alone to write")
	fl.Int64Var(&f.MaxDocument, "max-document-bytes", normalize.DefaultLimits.MaxBytes, "largest document, unpacked, in bytes; larger ones are parked")
	f.seal.add(fl)
	f.limit.add(fl)
	fl.DurationVar(&f.Session, "session-timeout", 15*time.Second, "silence after which the brokers give our topic partitions to others")
	fl.BoolVar(&f.fence, "relay-fence", true, "write to Kafka with a producer id, so that the brokers refuse what a relay that led before sends late")
	fl.DurationVar(&f.OutboxKeep, "outbox-keep", time.Hour, "how long messages that were sent stay in the outbox")
}

func newIngestKafka(a *app) *cobra.Command {
	var f consumerFlags
	var listen, instance string
	var protect bool
	var metrics serve.Metrics
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
			if err := cmp.Or(f.Check(), metrics.Check()); err != nil {
				return err
			}
			return a.consume(cmd.Context(), serve.Config{Database: a.db, Listen: listen, Access: a.access(), ProtectMetrics: protect, Instance: instance, Metrics: metrics}, &f)
		},
	}
	f.add(cmd.Flags())
	metricsFlags(&metrics, cmd.Flags())
	protectFlag(&protect, cmd.Flags())
	cmd.Flags().StringVar(&listen, "listen", "", "address for HTTP: /metrics, /healthz, /readyz, /v1, such as 127.0.0.1:8080; none by default")
	instanceFlag(&instance, cmd.Flags())
	cmd.Flags().BoolVar(&f.Relay, "relay", true, "send the receipts too; one process of all does it at a time")
	return cmd
}

// consume runs a service with consumers, and shows what comes in.
func (a *app) consume(ctx context.Context, cfg serve.Config, f *consumerFlags) error {
	f.Ingest = importer()
	if err := cmp.Or(f.seal.set(&f.Ingest), f.limit.check()); err != nil {
		return err
	}
	f.Limits = f.limit.Limits
	b, err := f.open(ctx)
	if err != nil {
		return err
	}
	bar := newCounter(a)
	f.Broker, f.Group, f.Prefix, f.OnReceipts = b, f.group, f.topicPrefix, bar.add
	f.RelayUnfenced = !f.fence
	cfg.Consume, cfg.Program = &f.Consume, program
	s, err := serve.New(ctx, cfg)
	if err != nil {
		return err
	}
	defer bar.done()
	return s.Run(ctx)
}

// counter shows on a terminal what comes in; elsewhere it logs a line now and then.
type counter struct {
	mu     sync.Mutex
	app    *app
	bar    *progressbar.ProgressBar
	counts ingest.Counts
	logged int64
	last   time.Time
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

func (c *counter) add(list []ingest.Receipt, documents, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.Add(list...)
	if c.bar != nil {
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
