package bench

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
	"golang.org/x/sync/errgroup"

	"sluice/fixtures"
	"sluice/ingest"
	"sluice/ingest/files"
	"sluice/ingest/kafka"
	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/kafkaclient"
	"sluice/internal/pg"
	"sluice/normalize"
	"sluice/serve"
	"sluice/topics"
)

// Rate is what one way to take a topic in reached.
type Rate struct {
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

// KafkaConfig says what to send and to take in.
type KafkaConfig struct {
	// Database is where; schema sluice_bench and tenants named bench-... are made there. Required.
	Database *serve.Database
	// Broker is the cluster; topics PREFIX-bench-... are made there and deleted. Required.
	Broker *kafkaclient.Broker
	Prefix string
	// Ingest has the formats. Required.
	Ingest ingest.Config
	// Events, Records and Documents are how many flat events, OSV records and SBOMs there are,
	// and Components how many components each SBOM has.
	Events, Records, Documents, Components int
	// Partitions is how many topic partitions each topic has.
	Partitions int
	// Rounds is how often everything is done.
	Rounds int
	// Version of the program, for the report.
	Version string
	// OnSettings and OnRate, if set, are told what is known so far.
	OnSettings func(map[string]string)
	OnRate     func(Rate)
}

// Check returns an *ask.WrongError where there is nothing to measure.
func (c KafkaConfig) Check() error {
	if min(c.Events, c.Records, c.Documents, c.Components, c.Partitions, c.Rounds) < 1 {
		return ask.Wrong("", "--events, --records, --documents, --components, --partitions and --rounds are at least 1")
	}
	return nil
}

// KafkaReport is what was measured.
type KafkaReport struct {
	CPUs       int               `json:"cpus"`
	Partitions int               `json:"partitions"`
	Rates      []Rate            `json:"rates"`
	Server     map[string]string `json:"server_settings"`
	Version    string            `json:"version"`
}

// kafkaBencher is what the measurements share.
type kafkaBencher struct {
	cfg     KafkaConfig
	conn    *pgx.Conn
	floor   *pgxpool.Pool
	prefix  string
	tenants *newTenants
	rates   []Rate
}

// Kafka takes the same topics in by bare readers and by Sluice, in turn.
func Kafka(ctx context.Context, cfg KafkaConfig) (report KafkaReport, err error) {
	if err := cfg.Check(); err != nil {
		return report, err
	}
	serve.LimitMemory(serve.ServeMemory, 0)
	kb := &kafkaBencher{cfg: cfg, tenants: &newTenants{db: cfg.Database}}
	if err := cfg.Database.Connect(ctx); err != nil {
		return report, err
	}
	if kb.conn, err = cfg.Database.Dial(ctx); err != nil {
		return report, err
	}
	defer kb.conn.Close(context.WithoutCancel(ctx))
	if err := pg.Become(ctx, kb.conn, "sluice_monitor"); err != nil {
		return report, err
	}
	if kb.floor, err = pgxpool.New(ctx, cfg.Database.URL()); err != nil {
		return report, err
	}
	defer kb.floor.Close()
	server, err := settings(ctx, kb.conn)
	if err != nil {
		return report, err
	}
	if cfg.OnSettings != nil {
		cfg.OnSettings(server)
	}
	for round := 1; round <= cfg.Rounds; round++ {
		if err := kb.round(ctx, round); err != nil {
			return report, err
		}
	}
	_, err = kb.floor.Exec(ctx, sqlDropFloor)
	return KafkaReport{Version: cfg.Version, CPUs: runtime.NumCPU(), Server: server, Partitions: cfg.Partitions, Rates: kb.rates}, err
}

// kafkaLoad is one kind of messages.
type kafkaLoad struct {
	name, topic string
	messages    int
	each        func(add func(key string, value []byte) error) error
	columns     []string
	row         func(value []byte, tenant id.ID) ([]any, error)
}

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
			"flat events", topics.Events, kb.cfg.Events,
			func(add func(string, []byte) error) error {
				for i := range kb.cfg.Events {
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
			"OSV records", topics.Vuln, kb.cfg.Records,
			func(add func(string, []byte) error) error {
				return fixtures.Facts{Records: kb.cfg.Records}.Each(func(name string, doc []byte) error { return add(name, doc) })
			},
			[]string{"id", "doc"},
			document,
		},
		{
			fmt.Sprintf("SBOMs of %d components", kb.cfg.Components), topics.SBOM, kb.cfg.Documents,
			func(add func(string, []byte) error) error {
				return fixtures.Load{Documents: kb.cfg.Documents, Components: kb.cfg.Components, Seed: 3}.Each(func(name string, doc []byte) error { return add(name, doc) })
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
		kb.prefix = kb.cfg.Prefix + "-bench-" + strings.ToLower(rand.Text()[:10])
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
			r := Rate{Load: l.name, Way: way.name, Round: round, Records: l.messages, Bytes: bytes, Seconds: took.Seconds(), PerS: float64(l.messages) / took.Seconds(), PeakRSS: peakRSS()}
			if way.name == "floor" {
				floor = r.PerS
			}
			r.Ratio = r.PerS / floor
			kb.rates = append(kb.rates, r)
			if kb.cfg.OnRate != nil {
				kb.cfg.OnRate(r)
			}
		}
		_, _ = kb.cfg.Broker.Client().DeleteTopics(ctx, &gokafka.DeleteTopicsRequest{Topics: []string{topics.Name(kb.prefix, l.topic)}})
	}
	return nil
}

// fill makes the topic and sends everything.
func (kb *kafkaBencher) fill(ctx context.Context, l kafkaLoad, tenant id.ID) (bytes int64, err error) {
	topic := topics.Name(kb.prefix, l.topic)
	resp, err := kb.cfg.Broker.Client().CreateTopics(ctx, &gokafka.CreateTopicsRequest{Topics: []gokafka.TopicConfig{{
		Topic: topic, NumPartitions: kb.cfg.Partitions, ReplicationFactor: 1,
		ConfigEntries: []gokafka.ConfigEntry{{ConfigName: "max.message.bytes", ConfigValue: "16777216"}},
	}}})
	if err == nil {
		err = resp.Errors[topic]
	}
	if err != nil {
		return 0, err
	}
	transport := kb.cfg.Broker.NewTransport(time.Second)
	defer transport.CloseIdleConnections()
	w := &gokafka.Writer{
		Addr: kb.cfg.Broker.Addr(), Transport: transport, Topic: topic, Balancer: gokafka.Murmur2Balancer{}, RequiredAcks: gokafka.RequireAll,
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
	for p := range kb.cfg.Partitions {
		r := gokafka.NewReader(gokafka.ReaderConfig{
			Brokers: kb.cfg.Broker.Addresses(), Dialer: kb.cfg.Broker.Dialer(), Topic: topics.Name(kb.prefix, l.topic), Partition: p,
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
	pools, err := kb.cfg.Database.ConsumerPools(ctx, false)
	if err != nil {
		return 0, err
	}
	c, err := kafka.New(kafka.Config{Broker: kb.cfg.Broker, Group: kb.prefix, Prefix: kb.prefix, Cover: kb.cfg.Database.CoverEvents}, pools,
		kb.cfg.Ingest)
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
		err := kb.conn.QueryRow(ctx, sqlConsumed, kb.prefix).Scan(&stored)
		switch {
		case err != nil:
			return 0, err
		case stored >= int64(l.messages):
			took := time.Since(start)
			var parked int64
			err := kb.conn.QueryRow(ctx, sqlGaps, kb.prefix).Scan(&parked)
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
	b := FilesConfig{Database: kb.cfg.Database, Ingest: kb.cfg.Ingest, Workers: max(2, runtime.NumCPU())}
	bt, err := newBencher(ctx, b)
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
	src, err := files.Open(ctx, files.Config{Tenant: tenant, Paths: []string{dir}, Limits: normalize.DefaultLimits, Parallel: b.Workers})
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
