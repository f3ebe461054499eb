package kafka

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/segmentio/kafka-go"

	"sluice/ingest"
	"sluice/internal/pg"
	"sluice/internal/test/faults"
	"sluice/internal/test/pgproxy"
	"sluice/normalize"
	"sluice/topics"
)

// struck is a consumer behind a proxy that has statements fail.
type struck struct {
	*world
	proxy *pgproxy.Proxy
	c     *Consumer

	mu    sync.Mutex
	count int
}

func newStruck(t *testing.T) *struck {
	t.Helper()
	w := newWorld(t, 1)
	w.db.Tenant(t, "acme")
	proxy, url := pgproxy.New(t, w.db.URL, nil)
	c, err := New(w.cfg, w.through(url), ingest.Config{Formats: formats(), RetryFirst: time.Millisecond, RetryMax: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	w.run(c)
	return &struck{world: w, proxy: proxy, c: c}
}

// strike has a statement fail, by a part of its text, in transactions that sent the marker; an outage passes.
func (s *struck) strike(f faults.Injected, statement, marker string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count = 0
	s.proxy.Fail(func(st pgproxy.Statement) string {
		if !strings.Contains(st.SQL, statement) || !st.Mentions(marker) {
			return ""
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.count++; f.Fault == pg.FaultOutage && s.count > 2 {
			return ""
		}
		return f.State
	})
}

func (s *struck) struck() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// waits checks that the topic partition waits for somebody to mend the database, and that
// nothing was parked for it.
func (s *struck) waits(t *testing.T, f faults.Injected, parked int64) {
	t.Helper()
	for end := time.Now().Add(time.Minute); testutil.ToFloat64(s.c.metrics.paused) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the topic partition does not wait")
		}
	}
	err := s.c.Ready(t.Context())
	if err == nil || !strings.Contains(err.Error(), "SQLSTATE "+strings.TrimSuffix(f.State, "!")) || !strings.Contains(err.Error(), "Nothing was parked") {
		t.Errorf("ready: %v", err)
	}
	if n := s.world.count(`select count(*) from ingest.parked`); n != parked {
		t.Errorf("%d are parked, %d were before", n, parked)
	}
}

// reason is what a document or an event is parked for.
func reason(f pg.Fault) string {
	if f == pg.FaultTooSlow {
		return normalize.ReasonTooSlow
	}
	return normalize.ReasonDatabase
}

// TestFaults: every row of the table, at the insert of one of four documents of a topic
// partition. Never does the partition stand still for one document.
func TestFaults(t *testing.T) {
	t.Parallel()
	s := newStruck(t)
	total := int64(0)
	faults.Each(t, func(t *testing.T, f faults.Injected) {
		name := strings.ToLower(strings.TrimSuffix(f.State, "!"))
		parked := s.world.count(`select count(*) from ingest.parked`)
		s.strike(f, "insert into ingest.original", name+"-poison")
		var list []kafka.Message
		for _, doc := range []string{"a", "b", "poison", "c"} {
			list = append(list, message(name, sbom(name+"-"+doc, 1), "tenant", "acme"))
		}
		s.cluster.Produce(t, topics.Name(s.cfg.Prefix, topics.SBOM), list...)
		if f.Fault == pg.FaultDefect {
			s.waits(t, f, parked)
			s.proxy.Fail(nil)
		}
		total += 4
		s.wait("receipts", total, countReceipts)
		s.proxy.Fail(nil)
		want := int64(0)
		if f.Fault == pg.FaultInput || f.Fault.Bounded() {
			want = 1
		}
		if n := s.world.count(`select count(*) from ingest.parked where reason = $1 and message like '%SQLSTATE ' || upper($2) || '%' and attempts = 1`, reason(f.Fault), name); n != want {
			t.Errorf("%d are parked as %s, want %d", n, reason(f.Fault), want)
		}
		if n := s.world.count(`select count(*) from ingest.parked`); n != parked+want {
			t.Errorf("%d are parked, want %d", n, parked+want)
		}
		if n := s.world.count(`select count(*) from ingest.sbom_document`); n != total-parked-want {
			t.Errorf("%d documents of %d are stored", n, total)
		}
		if s.struck() == 0 {
			t.Error("nothing failed")
		}
	})
}

// TestFaultsOfEvents is TestFaults for flat events.
func TestFaultsOfEvents(t *testing.T) {
	t.Parallel()
	s := newStruck(t)
	total := int64(0)
	faults.Each(t, func(t *testing.T, f faults.Injected) {
		name := strings.ToLower(strings.TrimSuffix(f.State, "!"))
		parked := s.world.count(`select count(*) from ingest.parked`)
		s.strike(f, "unnest($2::bigint[], $3::timestamptz[]", name+"-poison")
		var list []kafka.Message
		for _, step := range []string{"a", "b", "poison", "c"} {
			list = append(list, message(name, fmt.Appendf(nil, `{"scan_run_id":7,"occurred_at":%q,"event_type":"ci.step","step":"%s-%s"}`,
				time.Now().UTC().Format(time.RFC3339Nano), name, step), "tenant", "acme"))
		}
		s.cluster.Produce(t, topics.Name(s.cfg.Prefix, topics.Events), list...)
		if f.Fault == pg.FaultDefect {
			s.waits(t, f, parked)
			s.proxy.Fail(nil)
		}
		want := int64(4)
		if f.Fault == pg.FaultInput || f.Fault.Bounded() {
			want = 3
			s.wait("parked", 1, `select count(*) from ingest.parked where reason = $1 and encode(bytes, 'escape') like '%' || $2 || '-poison%'`, reason(f.Fault), name)
		}
		total += want
		s.wait("events", total, `select count(*) from ingest.scan_run_event where event_type = 'ci.step'`)
		s.proxy.Fail(nil)
		if n := s.world.count(`select count(*) from ingest.parked`); n != parked+4-want {
			t.Errorf("%d are parked, want %d", n, parked+4-want)
		}
		if n := s.struck(); n == 0 || f.Fault == pg.FaultTooSlow && n < 3 {
			t.Errorf("%d failures", n)
		}
	})
	if n := s.world.count(`select count(distinct event_id) from ingest.scan_run_event where event_type = 'ci.step'`); n != total {
		t.Errorf("%d different events of %d", n, total)
	}
}
