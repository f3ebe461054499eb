package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"sluice/internal/kafkaclient"
	"sluice/topics"
)

func newTopics(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "topics",
		Short: "The Kafka topics: make them, or say what differs",
	}
	var flags kafkaFlags
	flags.addConnection(cmd.PersistentFlags())
	cfg := topics.Config{}
	var overrides []string
	f := cmd.PersistentFlags()
	f.IntVar(&cfg.Partitions, "partitions", 6, "partitions of each topic: the most consumers that can share it")
	f.IntVar(&cfg.ReplicationFactor, "replication-factor", 0, "copies of each message; default 3, or the number of brokers where that is less")
	f.StringArrayVar(&overrides, "setting", nil, "TOPIC:NAME=VALUE, such as sbom:retention.ms=86400000 or *:compression.type=zstd; may be repeated")
	plan := func(ctx context.Context, do func(context.Context, *kafkaclient.Broker, []topics.Topic) ([]topics.State, error)) error {
		for _, s := range overrides {
			o, err := topics.ParseOverride(s)
			if err != nil {
				return usagef("--setting %w", err)
			}
			cfg.Overrides = append(cfg.Overrides, o)
		}
		if cfg.Partitions < 1 || cfg.ReplicationFactor < 0 {
			return usagef("--partitions and --replication-factor are numbers above 0")
		}
		cfg.Prefix = flags.topicPrefix
		return a.topics(ctx, &flags, cfg, do)
	}
	create := &cobra.Command{
		Use: "create", Short: "Make the topics that are missing, then verify all", Args: cobra.NoArgs,
		Long: `Makes the topics that are missing. Those that are there are left as they are and compared
with what they should be; where one differs the exit status is 1.`,
		Example: "  sluice topics create --brokers kafka:9092\n  sluice topics create --partitions 12 --setting 'receipts:retention.ms=86400000'",
		RunE:    func(cmd *cobra.Command, _ []string) error { return plan(cmd.Context(), topics.Create) },
	}
	verify := &cobra.Command{
		Use: "verify", Short: "Name every topic that is missing and every setting that differs", Args: cobra.NoArgs,
		Long: `Compares the topics with what they should be: partitions, replication factor, retention,
size of messages, compression, clean-up. Changes nothing. Where one differs or is missing
the exit status is 1.`,
		Example: "  sluice topics verify --brokers kafka:9092 --output json",
		RunE:    func(cmd *cobra.Command, _ []string) error { return plan(cmd.Context(), topics.Verify) },
	}
	cmd.AddCommand(create, verify)
	cmd.AddCommand(newTopicsAllow(a)...)
	return cmd
}

func (a *app) topics(
	ctx context.Context, flags *kafkaFlags, cfg topics.Config, do func(context.Context, *kafkaclient.Broker, []topics.Topic) ([]topics.State, error),
) error {
	b, err := flags.open(ctx)
	if err != nil {
		return err
	}
	defer b.Close()
	ctx, cancel := context.WithTimeout(ctx, topicsTimeout)
	defer cancel()
	brokers, err := topics.Brokers(ctx, b)
	if err != nil {
		return err
	}
	plan, err := topics.Plan(cfg, brokers)
	if err != nil {
		return usageError{err}
	}
	states, err := do(ctx, b, plan)
	if err != nil {
		return fmt.Errorf("kafka at %s: %w", b, err)
	}
	out := &table{head: []string{"topic", "state", "setting", "wanted", "found"}}
	for _, s := range states {
		if len(s.Mismatches) == 0 {
			out.add(s.Topic, s.State, "", "", "")
		}
		for _, m := range s.Mismatches {
			out.add(s.Topic, s.State, m.Setting, m.Wanted, m.Found)
		}
	}
	if err := a.print(out, states); err != nil {
		return err
	}
	if wrong := topics.Wrong(states); wrong > 0 {
		return fmt.Errorf("%d of %d topics at %s are missing or differ: make or alter them, or say with --partitions, --replication-factor and --setting what you want", wrong, len(states), b)
	}
	return nil
}
