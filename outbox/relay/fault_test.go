package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/internal/lead"
	"sluice/internal/pg"
	"sluice/internal/test/brief"
	"sluice/internal/test/brokertest"
	"sluice/outbox"
)

// TestOrderUnderFailures: a fifth of all requests fail, with and without effect; each key
// keeps its order and nothing is lost.
func TestOrderUnderFailures(t *testing.T) {
	t.Parallel()
	c := brokertest.Fake(t, kfake.NumBrokers(3))
	w := newWorld(t, c)
	topic := w.topic(outbox.Findings, 6)
	rng := rand.New(rand.NewPCG(1, 2))
	var failed atomic.Int64
	c.Fake().ControlKey(int16(kmsg.Produce), func(req kmsgRequest) (kmsgResponse, error, bool) {
		c.Fake().KeepControl()
		if rng.IntN(5) > 0 {
			return nil, nil, false
		}
		failed.Add(1)
		if rng.IntN(2) == 0 {
			return nil, fmt.Errorf("cut"), true // the connection is closed
		}
		p := req.(*kmsg.ProduceRequest)
		res := p.ResponseKind().(*kmsg.ProduceResponse)
		for _, rt := range p.Topics {
			st := kmsg.NewProduceResponseTopic()
			st.Topic = rt.Topic
			for _, rp := range rt.Partitions {
				sp := kmsg.NewProduceResponseTopicPartition()
				sp.Partition, sp.ErrorCode = rp.Partition, kerr.NotLeaderForPartition.Code
				st.Partitions = append(st.Partitions, sp)
			}
			res.Topics = append(res.Topics, st)
		}
		return res, nil, true
	})
	cfg := w.config()
	cfg.RequestBytes = 3000 // many requests
	w.start(cfg)
	for i := range 10 {
		w.put(outbox.Findings, w.messages(200, 13), 50)
		if i%3 == 0 {
			c.Fake().ShufflePartitionLeaders()
		}
	}
	w.arrived(topic, 0, 2000)
	w.allSent()
	if failed.Load() == 0 {
		t.Error("no request failed")
	}
}

// TestPartitionDown: one partition of a topic fails for long. The others go on, with rows
// that come later too; what is for the one waits in order, and is sent when it is back. No
// message that was acknowledged is sent again, though its row had to wait.
func TestPartitionDown(t *testing.T) {
	t.Parallel()
	c := brokertest.Fake(t)
	w := newWorld(t, c)
	topic := w.topic(outbox.Findings, 3)
	down := c.Fake().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Partitions: []int32{1}, Err: kerr.NotEnoughReplicas, Count: -1})
	_, stop := w.start(w.config())
	partition := func(m outbox.Message) int {
		return kafka.Murmur2Balancer{}.Balance(kafka.Message{Key: m.Key}, 0, 1, 2)
	}
	others := 0
	for range 10 {
		msgs := w.messages(100, 20)
		for _, m := range msgs {
			if partition(m) != 1 {
				others++
			}
		}
		w.put(outbox.Findings, msgs, 30)
		w.await(topic, func(ids map[string]bool) bool { return len(ids) == others })
	}
	if others == 0 || others == w.sent {
		t.Fatalf("%d of %d messages are for the other partitions", others, w.sent)
	}
	w.eventually("what is left is what failed", `select sum(jsonb_array_length(payload)) = $1 and bool_and(dispatch_attempts > 0 and error <> '' and next_attempt_at is not null)
		from core.outbox where dispatched_at is null`, w.sent-others)
	if s := w.rows(); !strings.Contains(s, topic+`/1: [19] Not Enough Replicas`) {
		t.Errorf("no row says which topic partition: %s", s)
	}
	stop() // what another relay knows is in the rows
	w.start(w.config())
	time.Sleep(100 * time.Millisecond)
	down.Remove()
	if n := w.arrived(topic, 0, w.sent); n > 0 {
		t.Errorf("%d messages came twice", n)
	}
	w.allSent()
}

// TestTopicMissing: rows of a topic that does not exist wait with the reason, the other
// topics go on, and it is sent soon after somebody made it.
func TestTopicMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brokertest.New(t))
	receipts := w.topic(outbox.Receipts, 2)
	w.put(outbox.Findings, w.messages(50, 5), 10)
	w.start(w.config())
	w.eventually("the reason is on the rows", `select bool_and(error like '%' || $1 || '%Unknown Topic%' and dispatch_attempts > 1) from core.outbox`, w.prefix+".findings")
	w.put(outbox.Receipts, w.messages(50, 5), 10)
	w.arrived(receipts, 50, 100)
	findings := w.topic(outbox.Findings, 2)
	if n := w.arrived(findings, 0, 50); n > 0 {
		t.Errorf("%d messages came twice", n)
	}
	w.allSent()
}

// TestNotAuthorised: the same where the topic is there and we may not write it.
func TestNotAuthorised(t *testing.T) {
	t.Parallel()
	c := brokertest.Fake(t)
	w := newWorld(t, c)
	receipts, parked := w.topic(outbox.Receipts, 2), w.topic(outbox.Parked, 2)
	denied := c.Fake().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: parked, Err: kerr.TopicAuthorizationFailed, Count: -1})
	w.put(outbox.Parked, w.messages(10, 5), 10)
	w.start(w.config())
	w.put(outbox.Receipts, w.messages(10, 5), 10)
	w.arrived(receipts, 10, 20)
	w.eventually("the reason is on the row", `select coalesce(bool_or(error like '%Topic Authorization Failed%'), false) from core.outbox where topic = 'parked'`)
	denied.Remove()
	w.arrived(parked, 0, 10)
}

// TestBrokerDown: no broker for a while, from the start and in between.
func TestBrokerDown(t *testing.T) {
	t.Parallel()
	dir, port := t.TempDir(), 0
	up := func() *brokertest.Cluster {
		opts := []kfake.Opt{kfake.DataDir(dir)}
		if port != 0 {
			opts = append(opts, kfake.Ports(port))
		}
		c := brokertest.Fake(t, opts...)
		_, err := fmt.Sscanf(c.Addr(), "127.0.0.1:%d", &port)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := up()
	w := newWorld(t, c)
	topic := w.topic(outbox.Receipts, 3)
	c.Fake().Close()
	w.put(outbox.Receipts, w.messages(100, 7), 10)
	w.start(w.config())
	for round := range 2 {
		w.eventually("the reason is on the rows", `select coalesce(bool_or(error like '%refused%'), false) from core.outbox where dispatched_at is null`)
		c = up()
		w.c = c
		w.arrived(topic, 0, 100*(round+1))
		w.allSent()
		c.Fake().Close()
		if round == 0 {
			w.put(outbox.Receipts, w.messages(100, 7), 10)
		}
	}
}

// TestKill: the relay is killed after the brokers acknowledged and before the database
// knows. Nothing is lost, what comes twice has the same id.
func TestKill(t *testing.T) {
	t.Parallel()
	c := brokertest.New(t)
	w := newWorld(t, c)
	topic := w.topic(outbox.Receipts, 3)
	w.put(outbox.Receipts, w.messages(30_000, 11), 500) // each child sends childRows rows, and as many more that it does not mark
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	for range 3 {
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = append(os.Environ(), childURL+"="+w.db.URL, childBrokers+"="+c.Addr(), childPrefix+"="+w.prefix)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("%v: %s", err, out)
		}
	}
	if n := value[int](w, `select count(*)::int from core.outbox where dispatched_at is null`); n != 60-3*childRows {
		t.Fatalf("%d of 60 rows wait after three crashes, want %d", n, 60-3*childRows)
	}
	w.start(w.config())
	if n := w.arrived(topic, 0, 30_000); n == 0 {
		t.Error("no message came twice: the relay was not killed between acknowledgement and mark")
	}
	w.allSent()
}

// TestDebts: the database goes away between acknowledgement and mark. The relay that is
// still there remembers, and sends nothing twice.
func TestDebts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brokertest.New(t))
	topic := w.topic(outbox.Receipts, 3)
	w.put(outbox.Receipts, w.messages(1000, 11), 50)
	r := New(w.relay, w.c.Broker, w.config())
	cuts := 0
	r.claimRows = 5
	r.beforeSettle = func() {
		if cuts++; cuts%2 == 1 {
			value[int](w, `select count(pg_terminate_backend(pid))::int from pg_stat_activity where application_name = 'sluice relay' and datname = current_database()`)
		}
	}
	w.run(r)
	if n := w.arrived(topic, 0, 1000); n > 0 {
		t.Errorf("%d messages came twice", n)
	}
	w.allSent()
	if cuts < 4 {
		t.Errorf("the connection was cut at %d batches", cuts)
	}
}

// TestBrokerKilled: a real broker is killed and started again while messages flow.
func TestBrokerKilled(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("short: starts an Apache Kafka three times, which takes 20 s")
	}
	k := brokertest.StartKafka(t)
	w := newWorld(t, k.Cluster())
	topic := w.topic(outbox.Findings, 6)
	w.start(w.config())
	for range 2 {
		w.put(outbox.Findings, w.messages(4000, 23), 20) // and the relay is at it
		k.Kill()
		w.put(outbox.Findings, w.messages(1000, 23), 20)
		k.Restart()
	}
	w.arrived(topic, 0, w.sent)
	w.allSent()
}

// lockedBuffer is a log that a test reads while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// TestTooLarge: batches are cut; a message that is too large alone loses its warnings, then
// all but what says what it is about; one that is too large even so stays behind. The
// others of the same key are sent, in order.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brokertest.New(t))
	topic := w.topic(outbox.Receipts, 1, "max.message.bytes", "20000")
	noise := func(n int) string { // that no compression makes small
		b := make([]byte, n)
		for i := range b {
			b[i] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"[rand.IntN(64)]
		}
		return string(b)
	}
	var msgs []outbox.Message
	add := func(id, data string) {
		msgs = append(msgs, outbox.Message{ID: id, Key: []byte("k"), Type: "t", Time: time.Now(), Subject: "s-" + id, Data: json.RawMessage(data)})
	}
	for i := range 100 {
		add(fmt.Sprint("small-", i), fmt.Sprintf(`{"n":%d,"x":%q}`, i, noise(600)))
	}
	add("warned", fmt.Sprintf(`{"origin":"a","warnings":[%q],"x":%q}`, noise(30_000), noise(300)))
	add("large", fmt.Sprintf(`{"origin":"b","n":1.5,"ok":true,"list":["x"],"x":%q,"nothing":null}`, noise(50_000)))
	add("text", fmt.Sprintf(`%q`, noise(50_000)))
	msgs = append(msgs, outbox.Message{ID: "hopeless", Key: []byte("k" + noise(30_000)), Type: "t", Time: time.Now(), Data: json.RawMessage(`1`)})
	add("after", `{"n":101}`)
	w.put(outbox.Receipts, msgs, len(msgs))
	log := &lockedBuffer{}
	reg := prometheus.NewRegistry()
	cfg := w.config()
	cfg.Logger, cfg.Registerer = slog.New(slog.NewTextHandler(log, nil)), reg
	w.start(cfg)
	got := w.await(topic, func(ids map[string]bool) bool { return ids["after"] })
	if len(got) != 104 {
		t.Errorf("%d messages, want 104", len(got))
	}
	for i, m := range got {
		ce, want := brokertest.Header(m, "ce_id"), msgs[i].ID
		if i == 103 {
			want = "after"
		}
		if ce != want {
			t.Errorf("message %d is %s, want %s", i, ce, want)
		}
		switch ce {
		case "warned":
			var data map[string]any
			if err := json.Unmarshal(m.Value, &data); err != nil || data["too_large"] != true || data["origin"] != "a" || len(data["x"].(string)) != 300 || len(data) != 3 {
				t.Errorf("%s, %v", m.Value, err)
			}
		case "large":
			if string(m.Value) != `{"n":1.5,"nothing":null,"ok":true,"origin":"b","too_large":true}` {
				t.Errorf("%s", m.Value)
			}
		case "text":
			if string(m.Value) != `{"too_large":true}` {
				t.Errorf("%s", m.Value)
			}
		}
	}
	w.eventually("the hopeless one is left alone", `select count(*) = 1 and min(jsonb_array_length(payload)) = 1 and min(payload->0->>'id') = 'hopeless'
		and min(error) like '%hopeless is refused%Message Size Too Large%' from core.outbox where dispatched_at is null`)
	for _, want := range []string{"id=warned", "id=large", "id=text", "a message is refused and stays in core.outbox"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q: %s", want, log.String())
		}
	}
	if n := metric(t, reg, "sluice_outbox_too_large_messages_total", topic); n != 3 {
		t.Errorf("%v messages were shortened", n)
	}
	if n := metric(t, reg, "sluice_outbox_sent_messages_total", topic); n != 104 {
		t.Errorf("%v messages were sent", n)
	}
}

// metric is the value for a topic.
func metric(t *testing.T, reg *prometheus.Registry, name, topic string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetName() == name && hasLabel(m, topic) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return -1
}

func hasLabel(m *dto.Metric, value string) bool {
	for _, l := range m.Label {
		if l.GetValue() == value {
			return true
		}
	}
	return len(m.Label) == 0
}

// TestMetrics: what waits and since when, who leads, what failed.
func TestMetrics(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brokertest.New(t))
	w.put(outbox.Findings, w.messages(30, 5), 10)
	value[int](w, `with u as (update core.outbox set created_at = now() - interval '1 minute' returning 1) select count(*)::int from u`)
	reg := prometheus.NewRegistry()
	cfg := w.config()
	cfg.Registerer = reg
	_, stop := w.start(cfg)
	w.eventually("an attempt was made", `select bool_and(dispatch_attempts > 0) from core.outbox`)
	topic := w.prefix + ".findings"
	if n := metric(t, reg, "sluice_outbox_pending_rows", topic); n != 3 {
		t.Errorf("%v rows wait", n)
	}
	if s := metric(t, reg, "sluice_outbox_oldest_pending_seconds", topic); s < 60 || s > 120 {
		t.Errorf("the oldest waits for %v s", s)
	}
	if n := metric(t, reg, "sluice_outbox_leader", ""); n != 1 {
		t.Errorf("leader %v", n)
	}
	stop()
	if n := metric(t, reg, "sluice_outbox_leader", ""); n != 0 {
		t.Errorf("leader %v after the stop", n)
	}
	w.topic(outbox.Findings, 1)
	w.start(cfg) // the same registry once more
	w.allSent()
	if n := metric(t, reg, "sluice_outbox_sent_messages_total", topic); n != 30 {
		t.Errorf("%v messages were sent", n)
	}
}

// TestStaleLeader: a relay that lost the lead while it was sending writes down what it sent,
// and neither brings back nor takes away what the next one left to be sent.
func TestStaleLeader(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brokertest.New(t))
	w.put(outbox.Receipts, w.messages(4, 1), 4)
	w.put(outbox.Receipts, w.messages(4, 1), 4)
	who := lead.Somebody() // it takes its own lead again
	claim := func() (store, []*claimed) {
		term, err := lead.Take(t.Context(), w.relay, lead.Relay, who, 0)
		if err != nil {
			t.Fatal(err)
		}
		s := store{w.db.Conn(t, pg.Relay), term}
		rows, err := s.claim(t.Context(), outbox.Receipts, 0, claimRows)
		if err != nil || len(rows) != 2 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		for _, row := range rows {
			row.open()
		}
		return s, rows
	}
	left := func(row *claimed, unsent ...int) leftover {
		for _, it := range row.items {
			it.sent = true
		}
		for _, i := range unsent {
			row.items[i].sent = false
		}
		_, payload, _ := row.remaining()
		return leftover{row, payload, errBehind}
	}
	old, oldRows := claim()
	next, nextRows := claim()
	if err := next.settle(t.Context(), settlement{back: []leftover{left(nextRows[0], 1, 2), left(nextRows[1], 3)}}); err != nil {
		t.Fatal(err)
	}
	if err := old.settle(t.Context(), settlement{done: oldRows[1:], back: []leftover{left(oldRows[0], 3)}}); err != nil {
		t.Fatal(err)
	}
	got := value[string](w, `select json_agg(json_build_array(dispatched_at is not null, dispatch_attempts, (select json_agg(m->'data'->'n') from jsonb_array_elements(payload) m)) order by seq)::text from core.outbox`)
	if want := `[[false, 1, [1, 2]], [true, 2, [7]]]`; got != want {
		t.Errorf("the rows are %s, want %s", got, want)
	}
}
