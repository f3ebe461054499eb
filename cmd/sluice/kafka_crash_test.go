package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/segmentio/kafka-go"

	"sluice/internal/embedpg"
	"sluice/internal/test/brief"
	"sluice/internal/test/brokertest"
	"sluice/internal/test/pgtest"
)

// TestKafkaCrashes kills consumers, PostgreSQL and the broker with SIGKILL and makes zombies
// with SIGSTOP, under load. In the end each message that the broker has is stored, once, and
// has its receipt.
//
// SLUICE_KAFKA_CRASH=200,20 sets how many kills and zombies there are. The broker is a real
// Apache Kafka of this test's own.
func TestKafkaCrashes(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("short: starts servers of its own and kills them")
	}
	kills, stops := 4, 1
	if v := os.Getenv("SLUICE_KAFKA_CRASH"); v != "" {
		if _, err := fmt.Sscanf(v, "%d,%d", &kills, &stops); err != nil {
			t.Fatalf("SLUICE_KAFKA_CRASH=%s: it is like 200,20", v)
		}
	}
	seed := uint64(time.Now().UnixNano())
	if v := os.Getenv("SLUICE_CRASH_SEED"); v != "" {
		seed, _ = strconv.ParseUint(v, 10, 64)
	}
	t.Logf("SLUICE_KAFKA_CRASH=%d,%d SLUICE_CRASH_SEED=%d", kills, stops, seed)
	rng := rand.New(rand.NewPCG(seed, 2))

	// A real one: the groups of kfake can stand still for minutes when members die in the middle
	// of a rebalance. Without a JDK and Maven this skips.
	broker := brokertest.StartKafka(t)
	cluster := broker.Cluster()
	const session = 6 * time.Second
	var home string
	server := pgtest.Private(t, func(c *embedpg.Config) { home = c.Home })
	prefix := cluster.Prefix(t)
	env := []string{"SLUICE_HOME=" + home, "SLUICE_KAFKA_BROKERS=" + cluster.Addr(), "SLUICE_TOPIC_PREFIX=" + prefix}
	for _, topic := range []string{"sbom", "sbom.bulk", "vex", "vex.bulk", "vuln", "vuln.bulk", "events", "receipts", "findings", "parked"} {
		cluster.CreateTopic(t, prefix+"."+topic, 4)
	}
	must(t, env, time.Minute, 0, "tenant", "create", "acme")
	for i := range smallTenants {
		must(t, env, time.Minute, 0, "tenant", "create", fmt.Sprint("small-", i))
	}

	var conn *pgx.Conn
	count := func(sql string) (n int64) {
		if conn == nil || conn.IsClosed() {
			if err := server.Ensure(t.Context()); err != nil {
				t.Fatal(err)
			}
			conn, _ = pgx.Connect(t.Context(), server.AdminURL())
		}
		if err := conn.QueryRow(t.Context(), sql).Scan(&n); err != nil {
			return -1
		}
		return n
	}
	stopLoad := produceLoad(t, cluster, prefix)
	workers := make([]*process, 3)
	var all []*process
	start := func(i int) {
		workers[i] = launch(t, env, "ingest", "kafka", "--session-timeout", session.String())
		all = append(all, workers[i])
	}
	for i := range workers {
		start(i)
	}
	var zombies sync.WaitGroup
	done := map[string]int{}
	ahead := int64(0) // the most that was seen to be
	for n := range kills + stops {
		ahead = max(ahead, count(`select count(*) from ingest.kafka_ahead`))
		time.Sleep(300*time.Millisecond + rand.N(1200*time.Millisecond))
		i := rng.IntN(len(workers))
		zombie := stops > 0 && n%((kills+stops)/stops) == 0
		switch what := rng.IntN(10); {
		case zombie && done["zombie"] < stops:
			// It sleeps through its session until others have taken its topic partitions, and then
			// goes on in the middle of whatever it did.
			done["zombie"]++
			p := workers[i].Process
			if stopInTransaction(t, server, p) {
				done["zombie in a transaction"]++
			}
			const epochs = `select coalesce(sum(epoch), 0)::bigint from ingest.kafka_offset`
			before := count(epochs)
			start(i)
			for end := time.Now().Add(40 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
				if now := count(epochs); now > before && time.Since(end.Add(-40*time.Second)) > session {
					break
				}
			}
			_ = p.Signal(syscall.SIGCONT)
			zombies.Go(func() {
				time.Sleep(4 * time.Second) // it does what it can
				_ = p.Kill()
			})
		case what < 2:
			done["postgres"]++
			killServer(t, server)
		case what < 4:
			done["broker"]++
			broker.Kill()
			broker.Restart()
		default:
			done["worker"]++
			_ = workers[i].Process.Kill()
			<-workers[i].ended
			start(i)
		}
	}
	zombies.Wait()
	stopLoad()
	t.Logf("kills: %v; up to %d messages ahead of their topic partitions", done, ahead)

	documents, events := messages(t, cluster, prefix+".sbom"), messages(t, cluster, prefix+".events")
	const stored = `select coalesce(sum(next_offset), 0)::bigint from ingest.kafka_offset where topic like '%.sbom' or topic like '%.events'`
	for end := time.Now().Add(5 * time.Minute); count(stored) != int64(len(documents)+len(events)); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d of %d messages were consumed", count(stored), len(documents)+len(events))
		}
	}
	keys := map[string]bool{}
	for _, m := range documents {
		keys[string(m.Value)] = true
	}
	// A producer that got no answer sends again, so the broker may have a message twice.
	for sql, want := range map[string]int{
		`select count(*) from ingest.sbom_document`:                                                                               len(keys),
		`select count(*) from ingest.scan_run_event where event_type = 'accepted'`:                                                len(keys),
		`select count(*) from ingest.scan_run_event where event_type in ('accepted', 'duplicate', 'unchanged')`:                   len(documents),
		`select count(*) from ingest.scan_run_event where event_type = 'crash.test'`:                                              len(events),
		`select count(distinct event_id) from ingest.scan_run_event where event_type = 'crash.test'`:                              len(events),
		`select count(*) from ingest.parked`:                                                                                      0,
		`select count(*) from ingest.kafka_ahead`:                                                                                 0,
		`select count(*) from ingest.kafka_gap`:                                                                                   0,
		`select count(*) from core.outbox where topic = 'receipts' and jsonb_array_length(payload) = 0 and dispatched_at is null`: 0,
	} {
		if got := count(sql); got != int64(want) {
			t.Errorf("%d, want %d: %s", got, want, sql)
		}
	}
	for end := time.Now().Add(time.Minute); count(`select count(*) from core.outbox where dispatched_at is null`) != 0; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the outbox is not empty")
		}
	}
	receipts := map[string]bool{}
	for _, m := range messages(t, cluster, prefix+".receipts") {
		receipts[brokertest.Header(m, "ce_subject")] = true
	}
	if len(receipts) != len(documents) {
		t.Errorf("receipts of %d messages, want %d", len(receipts), len(documents))
	}
	fenced := 0
	for _, p := range all {
		_ = p.Process.Signal(syscall.SIGTERM)
	}
	for _, p := range all {
		p.finish(t, time.Minute)
		fenced += strings.Count(p.err.String(), "fenced: another process")
	}
	t.Logf("%d documents (%d messages), %d events, %d batches fenced", len(keys), len(documents), len(events), fenced)
	if n := done["zombie in a transaction"]; n >= 5 && fenced == 0 {
		t.Errorf("%d processes were stopped in a transaction, and none was fenced", n)
	}
	if len(keys) < 100 || len(events) < 1000 {
		t.Error("that was no load")
	}
}

// stopInTransaction stops a process, if it can be had while it has a transaction open, and
// reports whether it has.
func stopInTransaction(t *testing.T, server *embedpg.Server, p *os.Process) bool {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server.AdminURL())
	if err != nil {
		_ = p.Signal(syscall.SIGSTOP)
		return false // the server was just killed
	}
	defer conn.Close(context.Background())
	for range 40 {
		_ = p.Signal(syscall.SIGSTOP)
		// The transactions of the others are over in this time.
		time.Sleep(150 * time.Millisecond)
		var open int
		err := conn.QueryRow(t.Context(), `
			select count(*) from pg_stat_activity
			where application_name = 'sluice ingest' and state like 'idle in transaction%' and state_change < clock_timestamp() - interval '100 ms'
			  and backend_xid is not null`).Scan(&open)
		if err != nil {
			return false
		}
		if open > 0 {
			return true
		}
		_ = p.Signal(syscall.SIGCONT)
		time.Sleep(time.Duration(5+rand.IntN(40)) * time.Millisecond)
	}
	_ = p.Signal(syscall.SIGSTOP)
	return false
}

// smallTenants are those that send little beside acme.
const smallTenants = 5

// produceLoad produces documents and events until it is stopped, through any trouble of the broker.
func produceLoad(t *testing.T, cluster *brokertest.Cluster, prefix string) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	transport := cluster.Broker.NewTransport(time.Second)
	w := &kafka.Writer{
		Addr: cluster.Broker.Addr(), Transport: transport, Balancer: kafka.Murmur2Balancer{}, RequiredAcks: kafka.RequireAll,
		BatchTimeout: 5 * time.Millisecond, MaxAttempts: 3, WriteTimeout: 3 * time.Second,
	}
	var running sync.WaitGroup
	var sent atomic.Int64
	running.Go(func() {
		acme := []kafka.Header{{Key: "tenant", Value: []byte("acme")}}
		for n := 0; ctx.Err() == nil; n++ {
			var list []kafka.Message
			tenant := acme
			if n%8 == 3 { // now and then others, whose documents are taken out of what waits
				tenant = []kafka.Header{{Key: "tenant", Value: fmt.Append(nil, "small-", n/8%smallTenants)}}
			}
			for i := range 40 {
				list = append(list, kafka.Message{
					Topic: prefix + ".sbom", Key: fmt.Appendf(nil, "app-%d", n%20), Headers: tenant,
					Value: fmt.Appendf(nil, `{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,"metadata":{"component":{"type":"application","name":"app-%d","version":"%d.%d","purl":"pkg:generic/app-%d@%d.%d"}},"components":[{"type":"library","name":"a","version":"%d","purl":"pkg:npm/a@%d"}]}`,
						n%20, n, i, n%20, n, i, n, n),
				})
			}
			for i := range 50 {
				list = append(list, kafka.Message{
					Topic: prefix + ".events", Key: fmt.Appendf(nil, "run-%d", n%7), Headers: acme,
					Value: fmt.Appendf(nil, `{"scan_run_id":%d,"occurred_at":%q,"event_type":"crash.test","n":%d}`, 1+n%7, time.Now().UTC().Format(time.RFC3339Nano), n*50+i),
				})
			}
			for ctx.Err() == nil && w.WriteMessages(ctx, list...) != nil {
				time.Sleep(100 * time.Millisecond)
			}
			sent.Add(int64(len(list)))
			time.Sleep(30 * time.Millisecond)
		}
	})
	return func() {
		cancel()
		running.Wait()
		_ = w.Close()
		transport.CloseIdleConnections()
	}
}

// messages reads all that a topic holds.
func messages(t *testing.T, cluster *brokertest.Cluster, topic string) []kafka.Message {
	t.Helper()
	r := cluster.Reader(t, topic)
	for same := 0; same < 3; time.Sleep(300 * time.Millisecond) {
		before := len(r.Messages)
		if err := r.Poll(t.Context()); err == nil && len(r.Messages) == before {
			same++
		} else {
			same = 0
		}
	}
	return r.Messages
}
