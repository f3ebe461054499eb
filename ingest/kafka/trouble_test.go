package kafka

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/segmentio/kafka-go"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/brief"
	"sluice/internal/test/pgproxy"
	"sluice/normalize"
	"sluice/topics"
)

// through are pools whose connections go through a proxy.
func (w *world) through(url string) Pools {
	w.t.Helper()
	open := func() *pgxpool.Pool {
		p, err := pg.Open(w.t.Context(), url, pg.Ingest, ingest.PoolConfig(4))
		if err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(p.Close)
		return p
	}
	return Pools{Ingest: open(), Bulk: open(), Events: open()}
}

// TestAmbiguousCommits: each answer to a COMMIT of documents or events may get lost, before
// or after it happened.
func TestAmbiguousCommits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.db.Tenant(t, "acme")
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(7, 7))
	cuts := map[pgproxy.Fate]int{}
	_, url := pgproxy.New(t, w.db.URL, func() pgproxy.Fate {
		mu.Lock()
		defer mu.Unlock()
		f := pgproxy.Fate(rng.IntN(4))
		cuts[f]++
		return f
	})
	c, err := New(w.cfg, w.through(url), ingest.Config{Formats: formats(), BatchDocuments: 5, RetryFirst: time.Millisecond, RetryMax: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	total, events, least := 600, 3000, 50
	if brief.Run(t) {
		total, events, least = 150, 600, 15
	}
	w.produce("sbom", total, 0)
	w.produceEvents(events, 0)
	w.run(c)
	for i := range 20 { // small batches of events, too
		time.Sleep(70 * time.Millisecond)
		w.produceEvents(20, events+20*i)
	}
	w.exactlyOnce(int64(total))
	w.wait("events", int64(events+400), `select count(*) from ingest.scan_run_event where event_type = 'ci.step'`)
	if n := w.count(`select count(distinct event_id) from ingest.scan_run_event where event_type = 'ci.step'`); n != int64(events+400) {
		t.Errorf("%d different events, want %d", n, events+400)
	}
	mu.Lock()
	defer mu.Unlock()
	t.Logf("fates of COMMITs: %v", cuts)
	if lost := cuts[pgproxy.During] + cuts[pgproxy.After]; lost < least {
		t.Errorf("only %d ambiguous commits", lost)
	}
}

func (w *world) produceEvents(n, from int) {
	w.t.Helper()
	list := make([]kafka.Message, n)
	for i := range list {
		list[i] = message(fmt.Sprint("build-", (from+i)%7), fmt.Appendf(nil,
			`{"scan_run_id":%d,"occurred_at":%q,"event_type":"ci.step","step":%d,"host":"runner-%d","status":"ok"}`,
			1+(from+i)%5, time.Now().UTC().Format(time.RFC3339Nano), from+i, i%3), "tenant", "acme")
	}
	w.cluster.Produce(w.t, topics.Name(w.cfg.Prefix, topics.Events), list...)
}

// TestOutageOfTheDatabase: while it is away nothing is parked, the group keeps its member,
// and afterwards everything lands.
func TestOutageOfTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.db.Tenant(t, "acme")
	w.cfg.SessionTimeout = 6 * time.Second
	registry := prometheus.NewRegistry()
	w.cfg.Registerer = registry
	proxy, url := pgproxy.New(t, w.db.URL, nil)
	c, err := New(w.cfg, w.through(url), ingest.Config{Formats: formats(), RetryMax: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	w.run(c)
	w.produce("sbom", 100, 0)
	w.wait("documents before", 100, countSBOMs)
	joined := testutil.ToFloat64(c.metrics.rebalances)
	proxy.Down(true)
	w.produce("sbom", 100, 100)
	w.produceEvents(50, 0)
	time.Sleep(8 * time.Second) // longer than the session
	if err := c.Ready(t.Context()); err != nil && c.members.Load() == 0 {
		t.Errorf("during the outage: %v", err)
	}
	proxy.Down(false)
	w.exactlyOnce(200)
	w.wait("events", 50, `select count(*) from ingest.scan_run_event where event_type = 'ci.step'`)
	if n := w.count(`select count(*) from ingest.parked`); n != 0 {
		t.Errorf("%d documents were parked for an outage", n)
	}
	if now := testutil.ToFloat64(c.metrics.rebalances); now != joined {
		t.Errorf("%v generations, %v before the outage: membership was lost", now, joined)
	}
}

// TestPoison: a thousand messages, fifty of which are poison of ten kinds; after a fix they land.
func TestPoison(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	acme := w.db.Tenant(t, "acme")
	poisons := []func(i int) kafka.Message{
		func(i int) kafka.Message { return message("p0", nil, "tenant", "acme") },
		func(i int) kafka.Message {
			return message("p1", fmt.Appendf(nil, `{"bomFormat":%d`, i), "tenant", "acme")
		},
		func(i int) kafka.Message {
			return message("p2", bytes.Replace(sbom("p2", i), []byte("left-pad"), []byte(`a\u0000b`), 1), "tenant", "acme")
		},
		func(i int) kafka.Message {
			return message("p3", bytes.Replace(sbom("p3", i), []byte("left-pad"), []byte(`\ud800`), 1), "tenant", "acme")
		},
		func(i int) kafka.Message {
			return message("p4", bytes.Replace(sbom("p4", i), []byte(`"version":1,`), []byte(`"version":1e200000,`), 1), "tenant", "acme")
		},
		func(i int) kafka.Message { return message("p5", sbom("p5", i), "tenant", "nobody") },
		func(i int) kafka.Message { return message("p6", sbom("p6", i)) },
		func(i int) kafka.Message {
			return message("p7", fmt.Appendf(nil, `{"kind":"unknown","n":%d}`, i), "tenant", "acme")
		},
		func(i int) kafka.Message {
			return message("p8", sbom("p8", i), "tenant", "acme", "document-sha256", fmt.Sprintf("%064d", i))
		},
		func(i int) kafka.Message {
			return message("p9", bytes.Repeat([]byte("["), 5000+i), "tenant", "acme")
		},
	}
	var list []kafka.Message
	for i := range 950 {
		name := fmt.Sprintf("app-%d", i/10)
		list = append(list, message(name, sbom(name, i), "tenant", "acme"))
	}
	for i := range 50 {
		list = slices.Insert(list, i*20+i%20, poisons[i%10](i))
	}
	w.cluster.Produce(t, w.cfg.Prefix+".sbom", list...)
	w.run(w.consumer(nil))
	w.wait("receipts", 1000, countReceipts)
	outcomes := map[ingest.Outcome]int{}
	reasons := map[string]int{}
	last := map[string]string{}
	for _, r := range w.receipts() {
		outcomes[r.Data.Outcome]++
		reasons[r.Data.Reason]++
		if r.Data.Outcome == ingest.Parked && r.Data.Reason == "" {
			t.Errorf("%s is parked without a reason", r.Data.Origin)
		}
		var p, o, po int
		fmt.Sscanf(r.Data.Origin[len(w.cfg.Prefix)+6:], "%d@%d", &p, &o)
		if l, ok := last[r.Key]; ok {
			fmt.Sscanf(l, "%d", &po)
			if o <= po {
				t.Errorf("key %s: offset %d after %d", r.Key, o, po)
			}
		}
		last[r.Key] = fmt.Sprint(o)
	}
	if outcomes[ingest.Accepted] != 950 || outcomes[ingest.Parked] != 50 || len(reasons) < 9 {
		t.Fatalf("%v %v", outcomes, reasons)
	}
	if n := w.count(`select count(*) from ingest.parked`); n != 50 {
		t.Errorf("%d parked rows, want 50", n)
	}

	// The fix: the tenant is made, and the hash check of a newer program would let p8 pass.
	nobody := w.db.Tenant(t, "nobody")
	pools := w.pools()
	p, err := ingest.New(pools.Ingest, ingest.Config{Formats: formats()})
	if err != nil {
		t.Fatal(err)
	}
	replay, err := ingest.NewReplay(t.Context(), pools.Ingest, id.Operator, 1, ingest.ParkedFilter{Reason: normalize.ReasonTenant})
	if err != nil {
		t.Fatal(err)
	}
	if replay.Len() != 10 {
		t.Errorf("%d of the operator to replay, want 10", replay.Len())
	}
	if err := p.Run(t.Context(), replay); err != nil {
		t.Fatal(err)
	}
	if n := w.count(`select count(*) from ingest.sbom_document where tenant_id = $1`, nobody); n != 5 {
		t.Errorf("%d documents of the new tenant, want 5", n)
	}
	if n := w.count(`select count(*) from ingest.parked where tenant_id = $1`, id.Operator); n != 5 {
		t.Errorf("%d still with the operator, want the 5 that name no tenant", n)
	}
	w.wait("receipts of the replay", 1010, countReceipts)
	if n := w.count(`select count(*) from ingest.parked where tenant_id = $1`, acme); n != 40 {
		t.Errorf("%d parked of acme, want 40", n)
	}
}

// TestLanes: a document of the interactive lane does not wait for a bulk load.
func TestLanes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.db.Tenant(t, "acme")
	var mu sync.Mutex
	heard := map[string]time.Time{}
	w.run(w.consumer(func(list []ingest.Receipt) {
		mu.Lock()
		defer mu.Unlock()
		for _, r := range list {
			heard[r.ContentHash] = time.Now()
		}
	}))
	const backlog = 2000
	bulk, urgent := 0, 0
	waiting := func() int { return bulk + urgent - int(w.count(countSBOMs)) }
	var took []time.Duration
	for len(took) < 8 && urgent < 50 {
		for waiting() < backlog {
			w.produce("sbom.bulk", backlog, bulk)
			bulk += backlog
		}
		if urgent == 0 {
			for end := time.Now().Add(20 * time.Second); w.count(countSBOMs) < 50 && time.Now().Before(end); {
				time.Sleep(20 * time.Millisecond) // until the bulk lane is at it
			}
		}
		b := sbom("urgent", 1_000_000+urgent)
		urgent++
		sent := time.Now()
		w.cluster.Produce(t, w.cfg.Prefix+".sbom", message("urgent", b, "tenant", "acme"))
		for end := sent.Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			mu.Lock()
			at, ok := heard[hashOf(b)]
			mu.Unlock()
			if ok {
				if waiting() > 0 { // else nothing was tried
					took = append(took, at.Sub(sent))
				}
				break
			}
			if time.Now().After(end) {
				t.Fatal("no receipt within 20 s")
			}
		}
	}
	slices.Sort(took)
	t.Logf("%d bulk documents, %d urgent ones; receipts after %v", bulk, urgent, took)
	if len(took) < 8 {
		t.Fatalf("only %d of %d urgent documents met a bulk load", len(took), urgent)
	}
	if took[len(took)/2] > time.Second {
		t.Errorf("half of the receipts took longer than %v", took[len(took)/2])
	}
}

// TestEvents: records of the events topic become rows; those that cannot are parked.
func TestEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	acme, rival := w.db.Tenant(t, "acme"), w.db.Tenant(t, "rival")
	bounds := time.Now().AddDate(-5, 0, 0)
	w.cfg.Cover = func(_ context.Context, at time.Time) error {
		if at.Before(bounds) {
			return fmt.Errorf("%s is out of bounds", at)
		}
		return nil
	}
	topic := w.cfg.Prefix + ".events"
	now := time.Now().UTC().Truncate(time.Millisecond)
	at := now.Format(time.RFC3339Nano)
	w.cluster.Produce(t, topic,
		message("a", fmt.Appendf(nil, `{"scan_run_id":7,"occurred_at":%q,"event_type":"one","n":1,"deep":{"a":[1,2]}}`, at), "tenant", "acme"),
		message("a", fmt.Appendf(nil, `{"scan_run_id":"7","occurred_at":%d,"event_type":"two","payload":{"n":2},"event_id":"6f1c1b2e-0000-4000-8000-000000000001"}`, now.UnixMilli()), "tenant", "acme"),
		message("b", fmt.Appendf(nil, `{"event_type":"three","tenant":"rival","payload":{"n":3},"more":true}`)),
		message("b", []byte(`{"event_type":"four","scan_run_id":9}`), "tenant", rival.String(), "scan-run-id", "8"),
		message("c", []byte(`{"event_type":"no tenant"}`)),
		message("c", []byte(`{"scan_run_id":1}`), "tenant", "acme"),
		message("c", []byte(`[1]`), "tenant", "acme"),
		message("c", []byte(`{"event_type":"x"} {}`), "tenant", "acme"),
		message("c", nil, "tenant", "acme"),
		message("c", []byte(`{"event_type":"x","t":"\u0000"}`), "tenant", "acme"),
		message("c", []byte(`{"event_type":"x","t":1e200000}`), "tenant", "acme"),
		message("c", []byte(`{"event_type":"x","occurred_at":"1970-01-01T00:00:00Z"}`), "tenant", "acme"),
		message("c", []byte(`{"event_type":"x","occurred_at":"soon"}`), "tenant", "acme"),
	)
	w.run(w.consumer(nil))
	w.wait("parked", 9, `select count(*) from ingest.parked`)
	w.wait("events", 4, `select count(*) from ingest.scan_run_event where event_type in ('one', 'two', 'three', 'four')`)
	for _, tc := range []struct {
		kind    string
		tenant  id.ID
		run     int64
		at      time.Time
		payload string
	}{
		{"one", acme, 7, now, `{"n": 1, "deep": {"a": [1, 2]}}`},
		{"two", acme, 7, now, `{"n": 2}`},
		{"three", rival, 0, time.Time{}, `{"n": 3, "more": true}`},
		{"four", rival, 9, time.Time{}, `{}`},
	} {
		n := w.count(`select count(*) from ingest.scan_run_event where event_type = $1 and tenant_id = $2 and ($3 = 0 or scan_run_id = $3) and payload = $4::jsonb
			and ($5::timestamptz is null or occurred_at = $5)`, tc.kind, tc.tenant, tc.run, tc.payload, nullable(tc.at))
		if n != 1 {
			t.Errorf("%s: %d rows", tc.kind, n)
		}
	}
	if n := w.count(`select count(*) from ingest.parked where reason = $1`, normalize.ReasonTime); n != 1 {
		t.Errorf("%d parked for their time", n)
	}
	// The operator's event lands when its tenant is named by then; that of acme within wider bounds.
	bounds = time.Time{}
	landed, stay, err := ReplayEvents(t.Context(), w.pools().Events, acme, ingest.ParkedFilter{}, func(context.Context, time.Time) error { return fmt.Errorf("no") })
	if err != nil || landed != 0 || stay != 7 { // one has no bytes, one is the operator's
		t.Errorf("replay: %d landed, %d stay, %v", landed, stay, err)
	}
}

func nullable(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}
