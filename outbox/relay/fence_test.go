package relay

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/internal/kafkaclient"
	"sluice/internal/test/brief"
	"sluice/internal/test/brokertest"
	"sluice/outbox"
)

// gate holds the first produce request of a relay on its way to the broker, as a network or a
// stopped process may, and lets it go when the test says so.
type gate struct {
	once     sync.Once
	held     chan struct{} // closed when there is one
	open     chan struct{}
	answered chan struct{} // closed when the broker has answered it
}

func newGate(r *Relay) *gate {
	g := &gate{held: make(chan struct{}), open: make(chan struct{}), answered: make(chan struct{})}
	dial := r.producer.transport.Dial
	r.producer.transport.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &gatedConn{Conn: conn, gate: g}, nil
	}
	return g
}

// gatedConn is deaf to time-outs and to being closed while it holds a request: what is on the
// wire cannot be taken back.
type gatedConn struct {
	net.Conn
	*gate
	holds bool
	first sync.Once
}

func (c *gatedConn) Write(b []byte) (int, error) {
	if len(b) > 6 && binary.BigEndian.Uint16(b[4:]) == uint16(kmsg.Produce) {
		c.once.Do(func() {
			c.holds = true
			close(c.held)
			<-c.open
		})
	}
	return c.Conn.Write(b)
}

func (c *gatedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.holds {
		c.first.Do(func() { close(c.answered) })
	}
	return n, err
}

func (c *gatedConn) SetDeadline(time.Time) error      { return nil }
func (c *gatedConn) SetWriteDeadline(time.Time) error { return nil }

// TestZombie: the request of a relay that lost its lead is still on its way when the next one
// has sent. It does not land behind. Without the fence it does: the test can tell.
func TestZombie(t *testing.T) {
	t.Parallel()
	c := brokertest.New(t)
	for name, unfenced := range map[string]bool{"fenced": false, "unfenced": true} {
		t.Run(name, func(t *testing.T) { t.Parallel(); testZombie(t, c, unfenced) })
	}
}

// TestZombieOfKafka is the same with an Apache Kafka.
func TestZombieOfKafka(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("short: starts an Apache Kafka, which takes 10 s; make test-kafka runs TestZombie on one")
	}
	testZombie(t, brokertest.StartKafka(t).Cluster(), false)
}

func testZombie(t *testing.T, c *brokertest.Cluster, unfenced bool) {
	w := newWorld(t, c)
	topic := w.topic(outbox.Receipts, 1)
	cfg := w.config()
	cfg.Unfenced = unfenced
	zombie := New(w.relay, c.Broker, cfg)
	g := newGate(zombie)
	open := sync.OnceFunc(func() { close(g.open) })
	t.Cleanup(open) // before the relay is stopped
	w.put(outbox.Receipts, w.messages(10, 2), 10)
	stop := w.run(zombie)
	await(t, g.held, "a request of the first relay")

	// The server gives the lead to another one, which sends the same and more.
	w.start(cfg)
	stopped := make(chan struct{})
	go func() { defer close(stopped); w.deposeLeader() }()
	await(t, stopped, "the end of the first relay's connection")
	w.put(outbox.Receipts, w.messages(10, 2), 10)
	w.arrived(topic, 0, 20)
	w.allSent()

	open()
	await(t, g.answered, "the broker's answer to the first relay")
	r := c.Reader(t, topic)
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err := r.Poll(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	last, behind := map[string]int{}, 0
	for _, m := range r.Messages {
		var p payload
		if err := json.Unmarshal(m.Value, &p); err != nil {
			t.Fatal(err)
		}
		if p.N < last[p.Key] {
			behind++
		}
		last[p.Key] = p.N
	}
	switch {
	case unfenced && behind == 0:
		t.Error("without the fence nothing landed behind: the test holds nothing")
	case !unfenced && (behind > 0 || len(r.Messages) != 20):
		t.Errorf("%d messages, %d of which behind later ones of their key", len(r.Messages), behind)
	}
	stop()
}

// await fails when ch is not closed in time.
func await(t *testing.T, ch <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(patience):
		t.Fatalf("%s does not come", what)
	}
}

// deposeLeader has the lease of the relay that leads run out, until somebody leads anew.
func (w *world) deposeLeader() {
	w.Helper()
	w.eventually("a relay leads", `select exists (select from core.lead where job = 'relay' and lease_until > clock_timestamp())`)
	term := value[int64](w, `select token from core.lead where job = 'relay'`)
	w.eventually("another term", `with u as (update core.lead set lease_until = '-infinity' where job = 'relay' and token = $1 returning 1)
		select not exists (select from u)`, term)
}

// TestDoubt: requests that are written and not answered are written once, because they are sent
// again under the same number; where that ends in doubt, in a new epoch.
func TestDoubt(t *testing.T) {
	t.Parallel()
	c := brokertest.Fake(t)
	w := newWorld(t, c)
	topic := w.topic(outbox.Findings, 2)
	timedOut := c.Fake().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Err: kerr.RequestTimedOut, Count: 2}) // and it is written
	defer timedOut.Remove()
	w.put(outbox.Findings, w.messages(100, 7), 10)
	w.start(w.config())
	if n := w.arrived(topic, 0, 100); n != 0 {
		t.Errorf("%d messages came twice, although the brokers know their numbers", n)
	}
	w.allSent()
	before := value[int](w, `select epoch from core.outbox_producer`)
	inDoubt := c.Fake().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Err: kerr.RequestTimedOut, Count: 2 * tries})
	defer inDoubt.Remove()
	w.put(outbox.Findings, w.messages(100, 7), 10)
	w.arrived(topic, 0, 200)
	w.allSent()
	if after := value[int](w, `select epoch from core.outbox_producer`); after <= before {
		t.Errorf("the epoch is %d after a request in doubt, %d before", after, before)
	}
}

// TestEpochs: one row per cluster; each leader has an epoch of its own, and after the last
// there is another producer id.
func TestEpochs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brokertest.New(t))
	topic := w.topic(outbox.Receipts, 1)
	for i := range 3 {
		w.put(outbox.Receipts, w.messages(5, 1), 5)
		_, stop := w.start(w.config())
		w.arrived(topic, 0, 5*(i+1))
		w.allSent()
		stop()
		if n := value[int](w, `select epoch from core.outbox_producer`); n != i {
			t.Errorf("leader %d has epoch %d", i, n)
		}
	}
	producer := value[int64](w, `update core.outbox_producer set epoch = 32767 returning producer_id`)
	w.put(outbox.Receipts, w.messages(5, 1), 5)
	w.start(w.config())
	w.arrived(topic, 0, 20)
	if next := value[int64](w, `select producer_id from core.outbox_producer where epoch = 0`); next == producer {
		t.Errorf("the producer id is %d still, with an epoch that the brokers have seen", next)
	}
}

// TestNoProducerID: where the brokers give none, the rows say why and what to do; without the
// fence they are sent.
func TestNoProducerID(t *testing.T) {
	t.Parallel()
	c := brokertest.Fake(t)
	w := newWorld(t, c)
	topic := w.topic(outbox.Receipts, 1)
	c.Fake().ControlKey(int16(kmsg.InitProducerID), func(req kmsgRequest) (kmsgResponse, error, bool) {
		c.Fake().KeepControl()
		res := req.ResponseKind().(*kmsg.InitProducerIDResponse)
		res.ErrorCode = kerr.ClusterAuthorizationFailed.Code
		return res, nil, true
	})
	w.put(outbox.Receipts, w.messages(5, 1), 5)
	_, stop := w.start(w.config())
	w.eventually("the reason is on the row", `select coalesce(bool_or(error like '%IdempotentWrite%--relay-fence=false%'), false) from core.outbox`)
	stop()
	cfg := w.config()
	cfg.Unfenced = true
	w.start(cfg)
	w.arrived(topic, 0, 5)
}

// TestBacklogUnknown: a relay that does not lead, or whose database is away, does not say that
// nothing waits.
func TestBacklogUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brokertest.New(t))
	w.put(outbox.Receipts, w.messages(5, 1), 5) // and no topic
	registry := prometheus.NewRegistry()
	cfg := w.config()
	cfg.Registerer = registry
	_, stop := w.start(cfg)
	expect := func(want ...string) {
		t.Helper()
		var got string
		for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			families, err := registry.Gather()
			if err != nil {
				t.Fatal(err)
			}
			var list []string
			for _, f := range families {
				for _, m := range f.GetMetric() {
					if f.GetName() == "sluice_outbox_pending_known" || f.GetName() == "sluice_outbox_pending_rows" && m.GetGauge().GetValue() > 0 {
						list = append(list, f.GetName(), map[bool]string{true: "yes", false: "no"}[m.GetGauge().GetValue() > 0])
					} else if f.GetName() == "sluice_outbox_pending_rows" {
						list = append(list, f.GetName(), "no")
					}
				}
			}
			if got = strings.Join(list, " "); got == strings.Join(want, " ") {
				return
			}
		}
		t.Errorf("the metrics say %s, want %s", got, strings.Join(want, " "))
	}
	expect("sluice_outbox_pending_known", "yes", "sluice_outbox_pending_rows", "yes")
	stop()
	expect("sluice_outbox_pending_known", "no")
}

// TestSequence: numbers go round.
func TestSequence(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ from, n, want int32 }{{0, 5, 5}, {1<<31 - 2, 1, 1<<31 - 1}, {1<<31 - 1, 1, 0}, {1<<31 - 3, 10, 7}} {
		if got := kafkaclient.NextSequence(tc.from, int(tc.n)); got != tc.want {
			t.Errorf("%d and %d more: %d, want %d", tc.from, tc.n, got, tc.want)
		}
	}
}
