package main

import (
	"cmp"
	"context"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/serve"
)

func newServe(a *app) *cobra.Command {
	var f consumerFlags
	m := serve.Maintenance{Ingest: importer()}
	var listen, instance string
	var protect, notifying bool
	var workers int
	var n serve.Notify
	var metrics serve.Metrics
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run everything: consumers, projections, the outbox relay, notifications, maintenance, HTTP",
		Long: `Runs consumers and the outbox relay (where --brokers names a Kafka), projection workers,
notifications (` + "`sluice notify`" + `) and maintenance (what ` + "`sluice maintain`" + ` does), and answers HTTP: /metrics, /healthz and /readyz
to everybody, GET /v1/whoami to whoever has a token, POST /v1/oauth/token to clients. Any number of
instances may run; they share the work out.`,
		Example: "  sluice serve --brokers localhost:9092\n  SLUICE_KAFKA_BROKERS=kafka:9092 SLUICE_DATABASE_URL=postgres://… sluice serve --listen :8080",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// What is wrong is said in the words of the flags before anything is connected to.
			if err := cmp.Or(serve.CheckProjectors(workers), f.Check(), m.Check(), n.Check(), metrics.Check()); err != nil {
				return err
			}
			cfg := serve.Config{Database: a.db, Listen: listen, Access: a.access(), ProtectMetrics: protect, Projectors: workers, Maintenance: &m, Instance: instance, Metrics: metrics}
			m.Outbox = f.OutboxKeep
			if notifying {
				cfg.Notify = &n
			}
			if len(f.brokers) == 0 {
				return a.serve(cmd.Context(), cfg)
			}
			f.Relay = true
			return a.consume(cmd.Context(), cfg, &f)
		},
	}
	f.add(cmd.Flags())
	maintainFlags(&m, cmd.Flags())
	metricsFlags(&metrics, cmd.Flags())
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "address for HTTP (env SLUICE_LISTEN)")
	instanceFlag(&instance, cmd.Flags())
	protectFlag(&protect, cmd.Flags())
	cmd.Flags().IntVar(&workers, "workers", 2, "tenants that are projected at the same time")
	cmd.Flags().BoolVar(&notifying, "notify", true, "tell of findings as the rules of the command notify say; of all processes one does at a time")
	networkFlag(&n, cmd.Flags())
	return cmd
}

// metricsFlags are the flags of whoever answers /metrics.
func metricsFlags(m *serve.Metrics, fl *pflag.FlagSet) {
	fl.DurationVar(&m.Every, "metrics-every", 15*time.Second, "how often the database is asked for the figures of /metrics")
	fl.IntVar(&m.Tenants, "metrics-tenants", 20, "how many tenants have a label of their own in /metrics, those that were made first; the others are `other`")
	fl.DurationVar(&m.SlowQuery, "slow-query", time.Second, "how long a statement may take before postgres_slow_queries_total counts it")
}

func protectFlag(protect *bool, f *pflag.FlagSet) {
	f.BoolVar(protect, "protect-metrics", false, "answer /metrics only to tokens of the operator with the scope metrics")
}

// serve runs a service until it is stopped.
func (a *app) serve(ctx context.Context, cfg serve.Config) error {
	cfg.Program = program
	s, err := serve.New(ctx, cfg)
	if err != nil {
		return err
	}
	return s.Run(ctx)
}
