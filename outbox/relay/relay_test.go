package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/segmentio/kafka-go"

	"sluice/internal/pg"
	"sluice/internal/test/brokertest"
	"sluice/outbox"
)

type kafkaMessage = kafka.Message

// TestSend: what a message looks like, of a batch and of a row of its own.
func TestSend(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brokertest.New(t))
	receipts, other := w.topic(outbox.Receipts, 3), w.topic("other", 2)
	m := outbox.Message{
		ID: "0198f5c0-0000-7000-8000-000000000001", Key: []byte("pkg:npm/a?b=c&d"), Type: "dev.sluice.receipt.v1",
		Time: time.Date(2026, 11, 23, 14, 30, 0, 123456000, time.UTC), Subject: "sluice.sbom/3@1842", Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		Data: json.RawMessage(`{"outcome":"accepted","n":1}`),
	}
	bare := outbox.Message{ID: "bare", Key: []byte{0xff, 0}, Type: "dev.sluice.test.v1", Time: m.Time, Data: json.RawMessage(`"x"`)}
	w.put(outbox.Receipts, []outbox.Message{m, bare}, 2)
	row := value[string](w, `insert into core.outbox (aggregate_type, aggregate_id, topic, payload, created_at)
		values ('artifact.retired', '0198f5c0-0000-7000-8000-00000000000a', $1, '{"purl": "pkg:oci/app@1"}', '2026-11-23 14:30:00.5+00') returning id::text`, other)
	alone := value[string](w, `insert into core.outbox (aggregate_type, topic, payload) values ('alone', $1, '1') returning id::text`, other)
	w.start(w.config())
	type seen struct{ Key, Value, Headers string }
	show := func(m kafka.Message) seen {
		var headers []string
		for _, h := range m.Headers {
			headers = append(headers, h.Key+"="+string(h.Value))
		}
		return seen{string(m.Key), string(m.Value), strings.Join(headers, " ")}
	}
	source := "/sluice/tenants/" + w.tenant.String()
	want := map[string]seen{
		m.ID: {"pkg:npm/a?b=c&d", `{"n": 1, "outcome": "accepted"}`, "ce_specversion=1.0 ce_id=" + m.ID + " ce_source=" + source +
			" ce_type=dev.sluice.receipt.v1 ce_time=2026-11-23T14:30:00.123456Z ce_subject=sluice.sbom/3@1842 content-type=application/json tenant=" + w.tenant.String() +
			" traceparent=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
		"bare": {"\xff\x00", `"x"`, "ce_specversion=1.0 ce_id=bare ce_source=" + source + " ce_type=dev.sluice.test.v1 ce_time=2026-11-23T14:30:00.123456Z content-type=application/json tenant=" + w.tenant.String()},
		row: {"0198f5c0-0000-7000-8000-00000000000a", `{"purl": "pkg:oci/app@1"}`, "ce_specversion=1.0 ce_id=" + row +
			" ce_source=/sluice ce_type=artifact.retired ce_time=2026-11-23T14:30:00.5Z content-type=application/json"},
	}
	got := map[string]seen{}
	for _, m := range append(w.c.Consume(t, receipts, 2), w.c.Consume(t, other, 2)...) {
		ce := brokertest.Header(m, "ce_id")
		if age := time.Since(m.Time); age > time.Hour {
			t.Errorf("a message is %v old on arrival: its topic may delete it", age)
		}
		if p := (kafka.Murmur2Balancer{}).Balance(m, []int{0, 1, 2}[:map[string]int{receipts: 3, other: 2}[m.Topic]]...); p != m.Partition {
			t.Errorf("key %q is in partition %d, Java puts it into %d", m.Key, m.Partition, p)
		}
		if ce == alone {
			if string(m.Key) != alone {
				t.Errorf("a row that is about nothing has the key %s", m.Key)
			}
			continue
		}
		got[ce] = show(m)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	w.allSent()
	if n := value[int](w, `select count(*)::int from core.outbox_route where enabled`); n != 3 {
		t.Errorf("%d routes are open", n)
	}
	if s := w.rows(); strings.Contains(s, `"attempts" : 0`) || !strings.Contains(s, `"error" : null`) {
		t.Errorf("the outbox has %s", s)
	}
}

// TestOrder: rows of many transactions and messages of many keys, in order per key.
func TestOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brokertest.New(t))
	topic := w.topic(outbox.Findings, 6)
	w.start(w.config())
	for range 20 {
		w.put(outbox.Findings, w.messages(300, 17), 100)
	}
	if n := w.arrived(topic, 0, 6000); n > 0 {
		t.Errorf("%d messages came twice for no reason", n)
	}
}

// TestWake: a relay that is told, by NOTIFY or in the process, does not wait for its poll.
func TestWake(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brokertest.New(t))
	topic := w.topic(outbox.Receipts, 1)
	cfg := w.config()
	cfg.Poll = time.Hour
	r, _ := w.start(cfg)
	w.put(outbox.Receipts, w.messages(1, 1), 1)
	r.Wake()
	w.arrived(topic, 0, 1)
	for end := time.Now().Add(patience); value[int](w, `select count(*)::int from pg_stat_activity where datname = current_database() and query like 'listen %'`) == 0; {
		if time.Now().After(end) {
			t.Fatal("nobody listens")
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.put(outbox.Receipts, w.messages(1, 1), 1)
	if _, err := w.ingest.Exec(t.Context(), `select pg_notify($1, '')`, outbox.Channel); err != nil {
		t.Fatal(err)
	}
	w.arrived(topic, 0, 2)
}

// TestLateCommit: a row that becomes visible after one with a higher seq is sent all the same.
func TestLateCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brokertest.New(t))
	topic := w.topic(outbox.Receipts, 1)
	w.start(w.config())
	rows, err := outbox.Rows(outbox.Receipts, w.messages(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	tx, err := w.ingest.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := pg.SetTenant(t.Context(), tx, w.tenant); err != nil {
		t.Fatal(err)
	}
	if err := outbox.Insert(t.Context(), tx, w.tenant, rows); err != nil {
		t.Fatal(err)
	}
	late := w.sent
	w.put(outbox.Receipts, w.messages(1, 1), 1)
	w.await(topic, func(ids map[string]bool) bool { return len(ids) == 1 })
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.await(topic, func(ids map[string]bool) bool { return ids[fmt.Sprintf("%s/%d", w.prefix, late-1)] && len(ids) == 2 })
}

// TestClean: what was sent is deleted after a while, what was not stays.
func TestClean(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brokertest.New(t))
	topic := w.topic(outbox.Receipts, 1)
	w.put(outbox.Receipts, w.messages(2500, 1), 1)
	w.put("no-such-topic", w.messages(1, 1), 1)
	cfg := w.config()
	cfg.Keep = time.Second
	w.start(cfg)
	w.arrived(topic, 0, 2500)
	w.eventually("what was sent is deleted", `select count(*) = 1 and min(topic) = 'no-such-topic' from core.outbox`)
}

// TestTwoRelays: one sends and the other stands by; it takes over when the first ends or
// its lease runs out, and nothing is sent by both at once.
func TestTwoRelays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brokertest.New(t))
	topic := w.topic(outbox.Receipts, 3)
	_, stopFirst := w.start(w.config())
	w.put(outbox.Receipts, w.messages(100, 5), 10)
	w.arrived(topic, 0, 100)
	w.start(w.config())
	for range 20 {
		w.put(outbox.Receipts, w.messages(10, 5), 1)
		if n := value[int](w, `select token::int from core.lead where job = 'relay' and lease_until > clock_timestamp()`); n != 1 {
			t.Fatalf("term %d, although the first relay goes on", n)
		}
	}
	if n := w.arrived(topic, 0, 300); n > 0 {
		t.Errorf("%d messages came twice", n)
	}
	stopFirst()
	w.put(outbox.Receipts, w.messages(100, 5), 10)
	if n := w.arrived(topic, 0, 400); n > 0 {
		t.Errorf("%d messages came twice", n)
	}
	// The lease of the leader runs out: it, or another, leads again.
	w.start(w.config())
	for i := range 3 {
		w.put(outbox.Receipts, w.messages(100, 5), 10)
		w.deposeLeader()
		w.arrived(topic, 0, 500+100*i)
	}
}

// TestForeignRows: a row that cannot be read stays with the reason, and holds up nobody.
func TestForeignRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brokertest.New(t))
	topic := w.topic(outbox.Receipts, 1)
	value[int](w, `with i as (insert into core.outbox (aggregate_type, topic, payload) values ('batch', 'receipts', '{"id": 1}'), ('batch', 'receipts', '[1, {"id": "x"}]'),
		('batch', 'receipts', '[{"id": "x", "key64": "?"}]'), ('batch', 'receipts', '[]') returning 1) select count(*)::int from i`)
	w.put(outbox.Receipts, w.messages(10, 2), 1)
	w.start(w.config())
	w.arrived(topic, 0, 10)
	w.eventually("only rows that cannot be read are left", `select count(*) = 3 and bool_and(error <> '') from core.outbox where dispatched_at is null`)
	errors := value[string](w, `select string_agg(error, '; ' order by seq) from core.outbox where dispatched_at is null`)
	for _, want := range []string{"payload of a batch is an array of messages", "message 1 of 2 in the payload: it is no object", "key64: "} {
		if !strings.Contains(errors, want) {
			t.Errorf("%s does not say %q", errors, want)
		}
	}
}

// TestStatements: they are valid for the relay's role, and the hot ones use their index.
func TestStatements(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brokertest.New(t))
	value[int](w, `with i as (insert into core.outbox (aggregate_type, topic, payload, dispatched_at)
		select 'x', 'topic-' || n % 3, '{}', case when n % 20 > 0 then now() end from generate_series(1, 50000) n returning 1) select count(*)::int from i`)
	if _, err := w.db.Admin(t).Exec(t.Context(), `analyze core.outbox`); err != nil {
		t.Fatal(err)
	}
	conn := w.db.Conn(t, pg.Relay)
	for sql, index := range map[string]string{sqlTopics: "ix_outbox_pending", sqlClaim: "ix_outbox_pending", sqlPending: "", sqlClean: "ix_outbox_dispatched", sqlSent: "", sqlLeft: "", sqlRoutes: ""} {
		sd, err := conn.Prepare(t.Context(), "", sql)
		if err != nil {
			t.Errorf("%v\n%s", err, sql)
			continue
		}
		if index == "" {
			continue
		}
		args := map[string][]any{sqlTopics: {}, sqlClaim: {"topic-1", int64(0), claimRows, claimBytes}, sqlClean: {"1 hour", 10}}[sql]
		if len(args) != len(sd.ParamOIDs) {
			t.Fatalf("%d parameters, %d are wanted", len(args), len(sd.ParamOIDs))
		}
		rows, err := conn.Query(t.Context(), "explain (costs off) "+sql, append([]any{pgx.QueryExecModeExec}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(lines, "\n")
		if !strings.Contains(plan, index) || strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s\nis done by\n%s", sql, plan)
		}
	}
}

// TestStop: it does not wait for a broker that never answers.
func TestStop(t *testing.T) {
	t.Parallel()
	c := brokertest.Fake(t)
	w := newWorld(t, c)
	w.topic(outbox.Receipts, 1)
	hang := make(chan struct{})
	c.Fake().ControlKey(0, func(kmsgRequest) (kmsgResponse, error, bool) {
		c.Fake().KeepControl()
		c.Fake().SleepControl(func() { <-hang })
		return nil, nil, false
	})
	t.Cleanup(func() { close(hang) })
	cfg := w.config()
	cfg.Timeout = time.Minute
	_, stop := w.start(cfg)
	w.put(outbox.Receipts, w.messages(1, 1), 1)
	time.Sleep(300 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	done := make(chan struct{})
	go func() { stop(); close(done) }() // complains where it takes too long
	select {
	case <-done:
	case <-ctx.Done():
		t.Fatal("it does not stop")
	}
}
