package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/segmentio/kafka-go"

	"sluice/ingest"
	"sluice/ingest/deliver"
	"sluice/normalize"
	"sluice/topics"
)

// bulkSuffix marks the topics of the lane that lets the others go first.
const bulkSuffix = ".bulk"

// Topics are those that a consumer reads.
func Topics(prefix string) []string {
	list := []string{topics.SBOM, topics.SBOMBulk, topics.VEX, topics.VEXBulk, topics.Vuln, topics.VulnBulk, topics.Events}
	for i, t := range list {
		list[i] = topics.Name(prefix, t)
	}
	return list
}

// batchTarget is how long a batch should keep a carrier from what others have sent.
const batchTarget = 500 * time.Millisecond

// Pools are the connections of a consumer, made with ingest.PoolConfig.
type Pools struct {
	Ingest *pgxpool.Pool
	// Feed writes the shared feed; nil unless Config.Shared.
	Feed *pgxpool.Pool
	// Bulk and BulkFeed are those of the bulk lane: apart, so that it cannot take
	// the connections of the interactive one.
	Bulk, BulkFeed *pgxpool.Pool
	// Events writes the events topic.
	Events *pgxpool.Pool
}

// Consumer is a member of a consumer group, with everything that it has to do.
type Consumer struct {
	cfg     Config
	pools   Pools
	metrics *metrics
	lanes   map[laneKey]*lane

	members atomic.Int32 // 1: member of the group
	troubles
}

// lane is a pipeline for some topics.
type lane struct {
	pipeline *ingest.Pipeline
	tenants  *tenants
	pool     *pgxpool.Pool
}

type laneKey struct {
	bulk bool
	feed bool
}

// New returns a consumer. base has what the pipelines need: formats, limits, what to do
// about an outage and about receipts.
func New(cfg Config, pools Pools, base ingest.Config) (*Consumer, error) {
	cfg = cfg.withDefaults()
	if cfg.Shared && pools.Feed == nil {
		return nil, errors.New("kafka: Config.Shared without a pool for the feed")
	}
	cfg.slowTries = cmp.Or(base.SlowTries, deliver.SlowTries)
	c := &Consumer{cfg: cfg, pools: pools, metrics: newMetrics(cfg.Registerer), lanes: map[laneKey]*lane{}}
	base.Limits, base.Logger, base.BatchTimeout = cfg.Limits, cfg.Logger, cfg.StopTimeout
	onReceipts := base.OnReceipts
	var serial sync.Mutex
	for key, pool := range map[laneKey]*pgxpool.Pool{
		{}: pools.Ingest, {feed: true}: pools.Feed, {bulk: true}: pools.Bulk, {bulk: true, feed: true}: pools.BulkFeed,
	} {
		if pool == nil {
			continue
		}
		l := &lane{pool: pool, tenants: newTenants(pool, cfg.Group)}
		lc := base
		name := "interactive"
		lc.BatchTarget = cmp.Or(lc.BatchTarget, batchTarget)
		lc.BytesInFlight, lc.Carriers, lc.BatchWait = 48<<20, max(2, runtime.NumCPU()), 20*time.Millisecond
		if key.bulk {
			name = "bulk"
			lc.BytesInFlight, lc.Carriers, lc.BatchWait = 32<<20, max(1, runtime.NumCPU()/2), 200*time.Millisecond
			lc.BatchBytes = 1 << 20 // what others may have to wait for
			lc.Yield = c.yield
		}
		lc.OnReceipts = func(list []ingest.Receipt) {
			c.metrics.receipts(list)
			c.metrics.batches.WithLabelValues(name).Inc()
			l.tenants.count(list)
			if onReceipts != nil {
				serial.Lock()
				defer serial.Unlock()
				onReceipts(list)
			}
		}
		var err error
		if l.pipeline, err = ingest.New(pool, lc); err != nil {
			return nil, err
		}
		c.lanes[key] = l
	}
	c.observe(cfg.Registerer)
	return c, nil
}

// yield lets the documents of the interactive lane go first, but not for ever.
func (c *Consumer) yield(ctx context.Context) {
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
		waiting := int64(0)
		for key, l := range c.lanes {
			if !key.bulk {
				documents, _ := l.pipeline.InFlight()
				waiting += documents
			}
		}
		if waiting == 0 || !sleep(ctx, 5*time.Millisecond) {
			return
		}
	}
}

// InFlight returns the documents that are between Kafka and the database, and their bytes.
func (c *Consumer) InFlight() (documents, bytes int64) {
	for _, l := range c.lanes {
		d, b := l.pipeline.InFlight()
		documents, bytes = documents+d, bytes+b
	}
	return documents, bytes
}

// Run consumes until ctx ends; then the batches in hand are finished and the group is left.
func (c *Consumer) Run(ctx context.Context) error {
	var counting sync.WaitGroup
	counting.Go(func() { c.keepCounts(ctx) })
	counting.Go(func() { c.serveDeferred(ctx) })
	defer counting.Wait()
	for ctx.Err() == nil {
		found, err := c.existing(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			c.metrics.brokerErrors.Inc()
			c.cfg.Logger.Warn("the brokers cannot be reached; trying again", "brokers", strings.Join(c.cfg.brokers, ","), "error", err)
		case err == nil && len(found) == 0:
			c.cfg.Logger.Warn("there is none of the topics yet; make them with `sluice topics create`", "topics", strings.Join(Topics(c.cfg.Prefix), ","))
		case err == nil:
			c.join(ctx, found)
		}
		sleep(ctx, time.Second)
	}
	return ctx.Err()
}

// existing are the topics to read that there are. A group that subscribes to a missing
// one gets no assignment at all.
func (c *Consumer) existing(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	resp, err := c.cfg.client.Metadata(ctx, &kafka.MetadataRequest{})
	if err != nil {
		return nil, err
	}
	wanted := Topics(c.cfg.Prefix)
	var found []string
	for _, t := range resp.Topics {
		if t.Error == nil && slices.Contains(wanted, t.Name) {
			found = append(found, t.Name)
		}
	}
	slices.Sort(found)
	return found, nil
}

// join is a member of the group until ctx ends or a topic comes or goes.
func (c *Consumer) join(ctx context.Context, names []string) {
	log := func(level func(string, ...any)) kafka.LoggerFunc {
		return func(msg string, args ...any) {
			level("consumer group: " + strings.TrimSpace(fmt.Sprintf(msg, args...)))
		}
	}
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: c.cfg.Group, Brokers: c.cfg.brokers, Dialer: c.cfg.dialer, Topics: names,
		GroupBalancers: []kafka.GroupBalancer{kafka.RoundRobinGroupBalancer{}},
		SessionTimeout: c.cfg.SessionTimeout, HeartbeatInterval: c.cfg.HeartbeatInterval, RebalanceTimeout: c.cfg.RebalanceTimeout,
		JoinGroupBackoff: min(time.Second, c.cfg.HeartbeatInterval), WatchPartitionChanges: true, PartitionWatchInterval: 15 * time.Second,
		StartOffset: kafka.FirstOffset, Timeout: 10 * time.Second, // joining takes the rebalance time-out on top
		Logger: log(func(s string, _ ...any) { c.cfg.Logger.Debug(s) }), ErrorLogger: log(func(s string, _ ...any) { c.cfg.Logger.Info(s) }),
	})
	if err != nil {
		c.cfg.Logger.Error("the consumer group cannot be joined", "group", c.cfg.Group, "error", err)
		sleep(ctx, 5*time.Second)
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		for sleep(ctx, min(c.cfg.WatchInterval, 3*time.Second)) {
			if now, err := c.existing(ctx); err == nil && !slices.Equal(now, names) {
				c.cfg.Logger.Info("the topics have changed; joining the group anew", "topics", strings.Join(now, ","))
				cancel()
			}
		}
	})
	defer watching.Wait()
	defer cancel()
	defer func() { c.members.Store(0); c.metrics.partitions.Set(0) }()
	defer group.Close() // waits for what is in hand, then leaves
	defer cancel()
	for {
		gen, err := group.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			c.members.Store(0)
			c.metrics.brokerErrors.Inc()
			c.cfg.Logger.Info("the consumer group has no generation yet", "group", c.cfg.Group, "error", err)
			continue
		}
		c.members.Store(1)
		c.metrics.rebalances.Inc()
		c.start(ctx, gen)
	}
}

// start reads what a generation assigns.
func (c *Consumer) start(ctx context.Context, gen *kafka.Generation) {
	commits := newCommits(gen)
	gen.Start(commits.run)
	n := 0
	c.metrics.known.Reset() // what others read now is known to them
	for topic, list := range gen.Assignments {
		for _, a := range list {
			n++
			c.metrics.known.WithLabelValues(topic, strconv.Itoa(a.ID)).Set(0)
			gen.Start(func(gctx context.Context) { c.own(ctx, gctx, commits, topic, a.ID) })
		}
	}
	c.metrics.partitions.Set(float64(n))
	c.cfg.Logger.Info("assigned", "group", gen.GroupID, "generation", gen.ID, "topic_partitions", n)
}

// own reads one topic partition until the generation or the process ends. It returns at
// once when somebody else turns out to be the owner: that ends the generation, and this
// process joins anew.
func (c *Consumer) own(ctx, gctx context.Context, commits *commits, topic string, partition int) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(gctx, cancel)()
	defer c.troubles.clear(topic, partition)
	log := c.cfg.Logger.With("topic", topic, "partition", partition)
	for pause := time.Second; ctx.Err() == nil; {
		began := time.Now()
		err := c.read(ctx, commits, topic, partition)
		switch {
		case errors.Is(err, ingest.ErrFenced):
			c.metrics.fenced.Inc()
			log.Warn("fenced: another process has taken the topic partition over; the batch was rolled back", "error", err)
			return
		case ctx.Err() != nil:
			return
		case errors.Is(err, errLookAgain):
			log.Info("looking at the topic partition again")
			sleep(ctx, 50*time.Millisecond)
			continue
		case time.Since(began) > time.Minute, !c.troubles.has(topic, partition):
			pause = time.Second // it got on in between
		}
		// A defect: missing rights, a bug. Other topic partitions go on, this one is tried again.
		log.Error("the topic partition waits", "pause", pause, "error", err)
		c.troubles.set(topic, partition, err)
		c.metrics.paused.Inc()
		sleep(ctx, pause)
		c.metrics.paused.Dec()
		pause = min(2*pause, time.Minute)
	}
}

// read carries one topic partition until a trouble or the end of ctx.
func (c *Consumer) read(ctx context.Context, commits *commits, topic string, partition int) error {
	name := strings.TrimPrefix(topic, c.cfg.Prefix+".")
	commit := func(offset int64) {
		c.troubles.clear(topic, partition)
		commits.set(topic, partition, offset)
	}
	if name == topics.Events {
		w := newEventWriter(newStream(&c.cfg, c.pools.Events, c.metrics, topic, partition, commit), c.lanes[laneKey{}])
		defer w.close()
		return c.watched(ctx, w.stream, w.run)
	}
	l, kind := c.laneOf(name)
	src := newSource(newStream(&c.cfg, l.pool, c.metrics, topic, partition, commit), l.tenants, kind)
	defer src.Close()
	return c.watched(ctx, src.stream, func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		var scouting sync.WaitGroup
		scouting.Go(func() { newScout(src, l).run(ctx) })
		defer scouting.Wait()
		defer cancel()
		return l.pipeline.Run(ctx, src)
	})
}

// kinds are what documents of a topic must be; an SBOM topic takes what comes.
var kinds = map[string]normalize.Kind{topics.VEX: normalize.VEX, topics.Vuln: normalize.Vuln}

// watched runs fn while somebody compares what the broker has with where the stream is.
func (c *Consumer) watched(ctx context.Context, s *stream, fn func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { s.watch(ctx) })
	defer watching.Wait()
	defer cancel()
	return fn(ctx)
}

// keepCounts writes the counts of the scan runs now and then, and at the end.
func (c *Consumer) keepCounts(ctx context.Context) {
	for sleep(ctx, 5*time.Second) {
		c.flushCounts(ctx)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	c.flushCounts(last)
}

func (c *Consumer) flushCounts(ctx context.Context) {
	for _, key := range slices.SortedFunc(maps.Keys(c.lanes), func(a, b laneKey) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }) {
		if err := c.lanes[key].tenants.flush(ctx); err != nil && ctx.Err() == nil {
			c.cfg.Logger.Info("the counts of scan runs wait", "error", err)
		}
	}
}
