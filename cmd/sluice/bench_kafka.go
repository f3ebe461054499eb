package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	gokafka "github.com/segmentio/kafka-go"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"sluice/fixtures"
	"sluice/ingest"
	"sluice/ingest/files"
	"sluice/ingest/kafka"
	"sluice/internal/id"
	"sluice/internal/kafkaclient"
	"sluice/internal/pg"
	"sluice/normalize"
	"sluice/topics"
)

// benchKafka holds the flags of `bench kafka`.
type benchKafka struct {
	kafkaFlags
	events, records, documents, components, partitions, rounds int
	json                                                       string
}

func newBenchKafka(a *app) *cobra.Command {
	var b benchKafka
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
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.benchKafka(cmd.Context(), b) },
	}
	f := cmd.Flags()
	b.add(f)
	f.IntVar(&b.events, "events", 1_000_000, "flat events")
	f.IntVar(&b.records, "records", 100_000, "OSV records")
	f.IntVar(&b.documents, "documents", 400, "SBOMs")
	f.IntVar(&b.components, "components", 300, "components of each")
	f.IntVar(&b.partitions, "partitions", 4, "topic partitions of each topic")
	f.IntVar(&b.rounds, "rounds", 1, "rounds of everything; the median ratio counts")
	f.StringVar(&b.json, "json", "", "write the figures to this file as well")
	return cmd
}

// kafkaRate is what one way to take a topic in reached.
type kafkaRate struct {
	Load    string  `json:"load"`
	Way     string  `json:"way"`
	Round   int     `json:"round"`
	Records int     `json:"records"`
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
	PerS    float64 `json:"per_second"`
	Ratio   float64 `json:"ratio"` // to the floor of the same load and round
	PeakRSS int64   `json:"peak_rss_bytes"`
}

// kafkaBencher is what the measurements share.
type kafkaBencher struct {
	a       *app
	b       benchKafka
	broker  *kafkaclient.Broker
	conn    *pgx.Conn
	floor   *pgxpool.Pool
	prefix  string
	tenants *benchTenants
	rates   []kafkaRate
}

func (a *app) benchKafka(ctx context.Context, b benchKafka) (err error) {
	if min(b.events, b.records, b.documents, b.components, b.partitions, b.rounds) < 1 {
		return usagef("--events, --records, --documents, --components, --partitions and --rounds are at least 1")
	}
	if a.databaseURL == "" {
		dir, err := os.MkdirTemp("", "sluice-bench-")
		if err != nil {
			return err
		}
		a.home = dir
		defer func() { a.removeHome(dir) }()
	}
	limitMemory(0)
	kb := &kafkaBencher{a: a, b: b, tenants: &benchTenants{a: a}}
	if kb.broker, err = b.open(); err != nil {
		return err
	}
	defer kb.broker.Close()
	if err := a.connect(ctx); err != nil {
		return err
	}
	if kb.conn, err = a.dial(ctx); err != nil {
		return err
	}
	if err := pg.Become(ctx, kb.conn, "sluice_monitor"); err != nil {
		return err
	}
	if kb.floor, err = pgxpool.New(ctx, a.url); err != nil {
		return err
	}
	defer kb.floor.Close()
	settings, err := (&bencher{conn: kb.conn}).settings(ctx)
	if err != nil {
		return err
	}
	if a.output == "table" {
		fmt.Fprintf(a.stdout, "one server and one broker for all, %d topic partitions, %d CPUs:", b.partitions, runtime.NumCPU())
		for _, name := range benchSettings {
			fmt.Fprintf(a.stdout, " %s=%s", name, settings[name])
		}
		fmt.Fprintf(a.stdout, "\n\n%-30s %-12s %10s %10s %12s %8s %8s\n", "load", "way", "records", "MB", "records/s", "ratio", "peak MB")
	}
	for round := 1; round <= b.rounds; round++ {
		if err := kb.round(ctx, round); err != nil {
			return err
		}
	}
	if _, err := kb.floor.Exec(ctx, `drop schema if exists sluice_bench cascade`); err != nil {
		return err
	}
	report := map[string]any{"version": version, "cpus": runtime.NumCPU(), "server_settings": settings, "partitions": b.partitions, "rates": kb.rates}
	if b.json != "" {
		text, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(b.json, append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	if a.output == "json" {
		return printJSON(a.stdout, report)
	}
	return nil
}

// kafkaLoad is one kind of messages.
type kafkaLoad struct {
	name, topic string
	messages    int
	each        func(add func(key string, value []byte) error) error
	columns     []string
	row         func(value []byte, tenant id.ID) ([]any, error)
}

const sqlKafkaFloor = `
drop schema if exists sluice_bench cascade;
create schema sluice_bench;
create table sluice_bench.events (tenant_id uuid, scan_run_id bigint, occurred_at timestamptz, event_type text, payload jsonb);
create table sluice_bench.sbom (id text, doc jsonb);
create table sluice_bench.vuln (id text, doc jsonb)`

func (kb *kafkaBencher) loads() []kafkaLoad {
	document := func(value []byte, _ id.ID) ([]any, error) {
		var head struct {
			ID     string `json:"id"`
			Serial string `json:"serialNumber"`
		}
		if err := json.Unmarshal(value, &head); err != nil {
			return nil, err
		}
		return []any{head.ID + head.Serial, string(value)}, nil
	}
	return []kafkaLoad{
		{
			"flat events", topics.Events, kb.b.events,
			func(add func(string, []byte) error) error {
				for i := range kb.b.events {
					err := add(fmt.Sprint("run-", i/1000%500), fmt.Appendf(nil,
						`{"scan_run_id":%d,"occurred_at":%q,"event_type":"component.scanned","step":%d,"host":"runner-%03d.example.org","status":"ok","duration_ms":%d,"queue":"default"}`,
						1+i/10000, time.Now().UTC().Format(time.RFC3339Nano), i, i%100, i%5000))
					if err != nil {
						return err
					}
				}
				return nil
			},
			[]string{"tenant_id", "scan_run_id", "occurred_at", "event_type", "payload"},
			func(value []byte, tenant id.ID) ([]any, error) {
				var e struct {
					Run  int64     `json:"scan_run_id"`
					At   time.Time `json:"occurred_at"`
					Type string    `json:"event_type"`
				}
				if err := json.Unmarshal(value, &e); err != nil {
					return nil, err
				}
				return []any{tenant, e.Run, e.At, e.Type, string(value)}, nil
			},
		},
		{
			"OSV records", topics.Vuln, kb.b.records,
			func(add func(string, []byte) error) error {
				return fixtures.Facts{Records: kb.b.records}.Each(func(name string, doc []byte) error { return add(name, doc) })
			},
			[]string{"id", "doc"},
			document,
		},
		{
			fmt.Sprintf("SBOMs of %d components", kb.b.components), topics.SBOM, kb.b.documents,
			func(add func(string, []byte) error) error {
				return fixtures.Load{Documents: kb.b.documents, Components: kb.b.components, Seed: 3}.Each(func(name string, doc []byte) error { return add(name, doc) })
			},
			[]string{"id", "doc"},
			document,
		},
	}
}

func (kb *kafkaBencher) round(ctx context.Context, round int) error {
	if _, err := kb.floor.Exec(ctx, sqlKafkaFloor); err != nil {
		return fmt.Errorf("make schema sluice_bench (the user needs to own the database): %w", err)
	}
	for _, l := range kb.loads() {
		kb.prefix = kb.b.topicPrefix + "-bench-" + strings.ToLower(rand.Text()[:10])
		tenant, err := kb.tenants.next(ctx)
		if err != nil {
			return err
		}
		bytes, err := kb.fill(ctx, l, tenant)
		if err != nil {
			return fmt.Errorf("fill the topic: %w", err)
		}
		ways := []struct {
			name string
			run  func() (time.Duration, error)
		}{
			{"floor", func() (time.Duration, error) { return kb.bare(ctx, l, tenant) }},
			{"sluice", func() (time.Duration, error) { return kb.consume(ctx, l) }},
		}
		if l.topic == topics.SBOM {
			ways = append(ways, struct {
				name string
				run  func() (time.Duration, error)
			}{"ingest file", func() (time.Duration, error) { return kb.asFiles(ctx, l) }})
		}
		floor := 0.0
		for _, way := range ways {
			runtime.GC()
			resetPeak()
			took, err := way.run()
			if err != nil {
				return fmt.Errorf("%s by %s: %w", l.name, way.name, err)
			}
			r := kafkaRate{Load: l.name, Way: way.name, Round: round, Records: l.messages, Bytes: bytes, Seconds: took.Seconds(), PerS: float64(l.messages) / took.Seconds(), PeakRSS: peakRSS()}
			if way.name == "floor" {
				floor = r.PerS
			}
			r.Ratio = r.PerS / floor
			kb.rates = append(kb.rates, r)
			if kb.a.output == "table" {
				fmt.Fprintf(kb.a.stdout, "%-30s %-12s %10d %10.1f %12.0f %8.2f %8.0f\n", r.Load, r.Way, r.Records, float64(r.Bytes)/1e6, r.PerS, r.Ratio, float64(r.PeakRSS)/1e6)
			}
		}
		_, _ = kb.broker.Client().DeleteTopics(ctx, &gokafka.DeleteTopicsRequest{Topics: []string{topics.Name(kb.prefix, l.topic)}})
	}
	return nil
}

// fill makes the topic and sends everything.
func (kb *kafkaBencher) fill(ctx context.Context, l kafkaLoad, tenant id.ID) (bytes int64, err error) {
	topic := topics.Name(kb.prefix, l.topic)
	resp, err := kb.broker.Client().CreateTopics(ctx, &gokafka.CreateTopicsRequest{Topics: []gokafka.TopicConfig{{
		Topic: topic, NumPartitions: kb.b.partitions, ReplicationFactor: 1,
		ConfigEntries: []gokafka.ConfigEntry{{ConfigName: "max.message.bytes", ConfigValue: "16777216"}},
	}}})
	if err == nil {
		err = resp.Errors[topic]
	}
	if err != nil {
		return 0, err
	}
	transport := kb.broker.NewTransport(time.Second)
	defer transport.CloseIdleConnections()
	w := &gokafka.Writer{
		Addr: kb.broker.Addr(), Transport: transport, Topic: topic, Balancer: gokafka.Murmur2Balancer{}, RequiredAcks: gokafka.RequireAll,
		BatchSize: 5000, BatchBytes: 8 << 20, BatchTimeout: 5 * time.Millisecond, Compression: gokafka.Lz4, MaxAttempts: 20,
	}
	defer w.Close()
	header := []gokafka.Header{{Key: "tenant", Value: []byte(tenant.String())}}
	var list []gokafka.Message
	size := 0
	flush := func() error {
		err := w.WriteMessages(ctx, list...)
		list, size = list[:0], 0
		return err
	}
	err = l.each(func(key string, value []byte) error {
		bytes += int64(len(value))
		size += len(value)
		if list = append(list, gokafka.Message{Key: []byte(key), Value: slices.Clone(value), Headers: header}); len(list) >= 20_000 || size > 4<<20 {
			return flush()
		}
		return nil
	})
	if err == nil {
		err = flush()
	}
	return bytes, err
}

// bare is the floor: readers and COPY, nothing else.
func (kb *kafkaBencher) bare(ctx context.Context, l kafkaLoad, tenant id.ID) (time.Duration, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	start := time.Now()
	var done atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for p := range kb.b.partitions {
		r := gokafka.NewReader(gokafka.ReaderConfig{
			Brokers: kb.broker.Addresses(), Dialer: kb.broker.Dialer(), Topic: topics.Name(kb.prefix, l.topic), Partition: p,
			MaxBytes: 8 << 20, MaxWait: 100 * time.Millisecond, ReadBatchTimeout: 30 * time.Second, ReadLagInterval: -1,
		})
		defer r.Close()
		g.Go(func() error {
			for {
				var rows [][]any
				size := 0
				wait, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
				for len(rows) < 5000 && size < 8<<20 {
					m, err := r.FetchMessage(wait)
					if err != nil {
						break
					}
					row, err := l.row(m.Value, tenant)
					if err != nil {
						cancel()
						return err
					}
					rows, size = append(rows, row), size+len(m.Value)
				}
				cancel()
				if _, err := kb.floor.CopyFrom(ctx, pgx.Identifier{"sluice_bench", l.topic}, l.columns, pgx.CopyFromRows(rows)); err != nil && ctx.Err() == nil {
					return err
				}
				if done.Add(int64(len(rows))) >= int64(l.messages) || ctx.Err() != nil {
					return errEnough
				}
			}
		})
	}
	if err := g.Wait(); !errors.Is(err, errEnough) {
		return 0, err
	}
	return time.Since(start), nil
}

var errEnough = errors.New("all of it is stored")

// consume is Sluice, from the moment that it is a member of its group.
func (kb *kafkaBencher) consume(ctx context.Context, l kafkaLoad) (time.Duration, error) {
	pools, err := kb.a.kafkaPools(ctx, false)
	if err != nil {
		return 0, err
	}
	c, err := kafka.New(kafka.Config{Broker: kb.broker, Group: kb.prefix, Prefix: kb.prefix, Cover: kb.a.coverEvents, Logger: kb.a.log}, pools,
		ingest.Config{Formats: formats(), Volatile: volatile()})
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	for !c.Member() {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		time.Sleep(time.Millisecond)
	}
	start := time.Now()
	for {
		var stored int64
		err := kb.conn.QueryRow(ctx, `select coalesce(sum(next_offset), 0)::bigint from ingest.kafka_offset where consumer_group = $1`, kb.prefix).Scan(&stored)
		switch {
		case err != nil:
			return 0, err
		case stored >= int64(l.messages):
			took := time.Since(start)
			var parked int64
			err := kb.conn.QueryRow(ctx, `select count(*) from ingest.kafka_gap where consumer_group = $1`, kb.prefix).Scan(&parked)
			if err == nil && parked > 0 {
				err = errors.New("messages are missing: this measures nothing")
			}
			return took, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// asFiles imports the same documents by `ingest file`.
func (kb *kafkaBencher) asFiles(ctx context.Context, l kafkaLoad) (time.Duration, error) {
	dir, err := os.MkdirTemp("", "sluice-load-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := l.each(func(name string, doc []byte) error { return writeFile(filepath.Join(dir, name), doc) }); err != nil {
		return 0, err
	}
	b := bench{workers: max(2, runtime.NumCPU())}
	bt, err := kb.a.newBencher(ctx, b)
	if err != nil {
		return 0, err
	}
	defer bt.conn.Close(context.WithoutCancel(ctx))
	defer bt.floor.pool.Close()
	tenant, err := kb.tenants.next(ctx)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	src, err := files.Open(ctx, files.Config{Tenant: tenant, Paths: []string{dir}, Limits: normalize.DefaultLimits, Parallel: b.workers})
	if err != nil {
		return 0, err
	}
	defer src.Close()
	if err := bt.pipe.Run(ctx, src); err != nil {
		return 0, err
	}
	took := time.Since(start)
	if int(bt.counts.Accepted) != l.messages {
		return 0, fmt.Errorf("%d of %d documents accepted: this measures nothing", bt.counts.Accepted, l.messages)
	}
	return took, nil
}
