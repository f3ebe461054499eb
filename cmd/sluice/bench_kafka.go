package main

import (
	"context"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"sluice/internal/bench"
)

func newBenchKafka(a *app) *cobra.Command {
	b := bench.KafkaConfig{Ingest: importer(), Version: version}
	var flags kafkaFlags
	var file string
	cmd := &cobra.Command{
		Use:   "kafka",
		Short: "Measure consumers against bare readers and COPY of the same topics",
		Long: `Fills topics of its own with flat events of about 200 bytes, OSV records of about 1 kB and
SBOMs, and takes each into the database in turn: by the floor (one reader per topic
partition, batches of 5,000 records or 8 MB by COPY into a table without any index, no
transaction with the offset, nothing parsed beyond what the columns need) and by Sluice
with everything. The SBOMs are imported as files too. The topics, PREFIX-bench-…, and the
tenants, bench-…, are new each time; the topics are deleted at the end.`,
		Example: "  sluice bench kafka --brokers localhost:9092 --json kafka.json",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.benchKafka(cmd.Context(), b, &flags, file) },
	}
	f := cmd.Flags()
	flags.add(f)
	f.IntVar(&b.Events, "events", 1_000_000, "flat events")
	f.IntVar(&b.Records, "records", 100_000, "OSV records")
	f.IntVar(&b.Documents, "documents", 400, "SBOMs")
	f.IntVar(&b.Components, "components", 300, "components of each")
	f.IntVar(&b.Partitions, "partitions", 4, "topic partitions of each topic")
	f.IntVar(&b.Rounds, "rounds", 1, "rounds of everything; the median ratio counts")
	f.StringVar(&file, "json", "", "write the figures to this file as well")
	return cmd
}

func (a *app) benchKafka(ctx context.Context, b bench.KafkaConfig, flags *kafkaFlags, file string) (err error) {
	if err := b.Check(); err != nil {
		return err
	}
	var done func()
	if b.Database, done, err = a.benchDatabase(); err != nil {
		return err
	}
	defer done()
	if b.Broker, err = flags.open(ctx); err != nil {
		return err
	}
	defer b.Broker.Close()
	b.Prefix = flags.topicPrefix
	if a.output == "table" {
		b.OnSettings = func(s map[string]string) {
			fmt.Fprintf(a.stdout, "one server and one broker for all, %d topic partitions, %d CPUs:", b.Partitions, runtime.NumCPU())
			printSettings(a.stdout, s)
			fmt.Fprintf(a.stdout, "\n\n%-30s %-12s %10s %10s %12s %8s %8s\n", "load", "way", "records", "MB", "records/s", "ratio", "peak MB")
		}
		b.OnRate = func(r bench.Rate) {
			fmt.Fprintf(a.stdout, "%-30s %-12s %10d %10.1f %12.0f %8.2f %8.0f\n", r.Load, r.Way, r.Records, float64(r.Bytes)/1e6, r.PerS, r.Ratio, float64(r.PeakRSS)/1e6)
		}
	}
	report, err := bench.Kafka(ctx, b)
	if err != nil {
		return err
	}
	return a.printBench(report, file)
}
