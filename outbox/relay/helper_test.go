package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/brokertest"
	"sluice/internal/test/dbtest"
	"sluice/outbox"
)

func TestMain(m *testing.M) {
	if os.Getenv(childURL) != "" {
		child()
		return
	}
	dbtest.Main(m)
}

// patience is for what takes a moment on an idle machine.
const patience = 30 * time.Second

// world is a database, a Kafka and the topics of one test.
type world struct {
	*testing.T
	db     *dbtest.DB
	c      *brokertest.Cluster
	prefix string
	tenant id.ID
	ingest *pgxpool.Pool
	relay  *pgxpool.Pool
	sent   int
}

func newWorld(t *testing.T, c *brokertest.Cluster) *world {
	t.Helper()
	db := dbtest.New(t)
	return &world{
		T: t, db: db, c: c, prefix: c.Prefix(t), tenant: db.Tenant(t, "acme"), ingest: db.Pool(t, pg.Ingest), relay: db.Pool(t, pg.Relay),
	}
}

// topic makes a logical topic.
func (w *world) topic(name string, partitions int, settings ...string) string {
	w.Helper()
	w.c.CreateTopic(w.T, w.prefix+"."+name, partitions, settings...)
	return w.prefix + "." + name
}

// config is for tests that want to see everything soon.
func (w *world) config() Config {
	return Config{Prefix: w.prefix, Lease: 3 * time.Second, Poll: 100 * time.Millisecond, MinPause: 20 * time.Millisecond, MaxPause: 300 * time.Millisecond, Timeout: 5 * time.Second}
}

// start runs a relay until the test ends, or the function that it returns is called.
func (w *world) start(cfg Config) (r *Relay, stop func()) {
	w.Helper()
	r = New(w.relay, w.c.Broker, cfg)
	return r, w.run(r)
}

func (w *world) run(r *Relay) (stop func()) {
	w.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var err error
	done := make(chan struct{})
	go func() { err = r.Run(ctx); close(done) }()
	stop = sync.OnceFunc(func() {
		begin := time.Now()
		cancel()
		<-done
		if err != context.Canceled {
			w.Errorf("the relay ended with %v", err)
		}
		if took := time.Since(begin); took > 8*time.Second {
			w.Errorf("a stop took %v", took)
		}
	})
	w.Cleanup(stop)
	return stop
}

// payload is what the tests send: the number of the message with its key.
type payload struct {
	Key string `json:"key"`
	N   int    `json:"n"`
}

// messages makes n messages over so many keys, numbered on from the last.
func (w *world) messages(n, keys int) []outbox.Message {
	list := make([]outbox.Message, n)
	for i := range list {
		key := fmt.Sprint("key-", w.sent%keys)
		data, _ := json.Marshal(payload{key, w.sent})
		list[i] = outbox.Message{ID: fmt.Sprintf("%s/%d", w.prefix, w.sent), Key: []byte(key), Type: "dev.sluice.test.v1", Time: time.Now(), Data: data}
		w.sent++
	}
	return list
}

// put writes messages into the outbox, each so many in a transaction.
func (w *world) put(topic string, msgs []outbox.Message, each int) {
	w.Helper()
	for len(msgs) > 0 {
		n := min(each, len(msgs))
		rows, err := outbox.Rows(topic, msgs[:n])
		if err == nil {
			err = pg.Tenant(context.Background(), w.ingest, w.tenant, func(tx pgx.Tx) error { return outbox.Insert(context.Background(), tx, w.tenant, rows) })
		}
		if err != nil {
			w.Fatal(err)
		}
		msgs = msgs[n:]
	}
}

// arrived reads a topic and checks that every message from first to before last came, none
// was made up, and each key's first arrivals are in order. It returns how many came twice.
func (w *world) arrived(topic string, first, last int) (repeated int) {
	w.Helper()
	seen := map[string]bool{}
	got := map[int]bool{}
	high := map[string]int{}
	for _, m := range w.await(topic, func(ids map[string]bool) bool { return len(ids) >= last-first }) {
		var p payload
		if err := json.Unmarshal(m.Value, &p); err != nil {
			w.Fatalf("%s: %v", m.Value, err)
		}
		if brokertest.Header(m, "ce_id") != fmt.Sprintf("%s/%d", w.prefix, p.N) || string(m.Key) != p.Key {
			w.Fatalf("message %d has key %s and id %s", p.N, m.Key, brokertest.Header(m, "ce_id"))
		}
		if ce := brokertest.Header(m, "ce_id"); seen[ce] {
			repeated++
			continue
		} else {
			seen[ce] = true
		}
		if before, ok := high[p.Key]; ok && before > p.N {
			w.Errorf("%s: %d came after %d", p.Key, p.N, before)
		}
		high[p.Key] = p.N
		got[p.N] = true
	}
	for i := first; i < last; i++ {
		if !got[i] {
			w.Errorf("message %d was lost", i)
		}
	}
	if len(got) != last-first {
		w.Errorf("%d messages came, %d were sent", len(got), last-first)
	}
	return repeated
}

// await reads a topic until the ids that it has are enough.
func (w *world) await(topic string, enough func(ids map[string]bool) bool) []kafkaMessage {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r := w.c.Reader(w.T, topic)
	ids := map[string]bool{}
	for n := 0; ; {
		err := r.Poll(ctx)
		for ; n < len(r.Messages); n++ {
			ids[brokertest.Header(r.Messages[n], "ce_id")] = true
		}
		if enough(ids) {
			return r.Messages
		}
		if ctx.Err() != nil {
			w.Fatalf("%s has %d messages after %v (%v); the outbox has %s", topic, len(ids), patience, err, w.rows())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// rows describes the outbox.
func (w *world) rows() string {
	w.Helper()
	return value[string](w, `select coalesce(json_agg(json_build_object('topic', topic, 'seq', seq, 'sent', dispatched_at is not null,
		'attempts', dispatch_attempts, 'error', error, 'left', case when aggregate_type = 'batch' then jsonb_array_length(payload) end) order by seq)::text, 'nothing')
		from (select * from core.outbox order by seq limit 20) o`)
}

// value asks as superuser.
func value[T any](w *world, sql string, args ...any) T {
	w.Helper()
	conn, err := pgx.Connect(context.Background(), w.db.AdminURL)
	if err != nil {
		w.Fatal(err)
	}
	defer conn.Close(context.Background())
	var v T
	if err := conn.QueryRow(context.Background(), sql, args...).Scan(&v); err != nil {
		w.Fatalf("%s: %v", sql, err)
	}
	return v
}

// eventually waits until sql is true.
func (w *world) eventually(what, sql string, args ...any) {
	w.Helper()
	for end := time.Now().Add(patience); !value[bool](w, sql, args...); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			w.Fatalf("%s is not so after %v: %s", what, patience, w.rows())
		}
	}
}

// allSent waits until nothing is pending.
func (w *world) allSent() {
	w.Helper()
	w.eventually("everything is sent", `select not exists (select from core.outbox where dispatched_at is null)`)
}
