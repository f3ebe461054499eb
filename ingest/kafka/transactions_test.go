package kafka

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/segmentio/kafka-go"

	"sluice/internal/test/brief"
	"sluice/internal/test/brokertest"
)

// TestTransactions: what a producer aborted is never stored, of documents, facts and events;
// what it committed is; an open transaction holds up what is behind it, and nothing is lost.
// Markers and aborted messages are no gaps.
func TestTransactions(t *testing.T) {
	t.Parallel()
	testTransactions(t, brokertest.New(t))
}

// TestTransactionsOfKafka is the same with a broker and producers of Apache.
func TestTransactionsOfKafka(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("short: starts an Apache Kafka, which takes 10 s; make test-kafka runs TestTransactions on one")
	}
	testTransactions(t, brokertest.StartKafka(t).Cluster())
}

func testTransactions(t *testing.T, c *brokertest.Cluster) {
	w := newWorldOn(t, c, 1)
	w.db.Tenant(t, "acme")
	tx := c.Transactions(t)
	one, two, three := w.cfg.Prefix+"-one", w.cfg.Prefix+"-two", w.cfg.Prefix+"-three"
	sboms, vulns, events := w.cfg.Prefix+".sbom", w.cfg.Prefix+".vuln", w.cfg.Prefix+".events"
	document := func(name string, n int) kafka.Message { return message(name, sbom(name, n), "tenant", "acme") }
	fact := func(name string) kafka.Message {
		return message(name, fmt.Appendf(nil, `{"id":%q,"modified":"2026-01-02T03:04:05Z","affected":[]}`, name), "tenant", "acme")
	}
	event := func(name string) kafka.Message {
		return message(name, fmt.Appendf(nil, `{"event_type":%q}`, name), "tenant", "acme")
	}
	consumer := w.consumer(nil)
	stop := w.run(consumer)

	// Two at a time, and messages of nobody's transaction between.
	good := 0
	for round := range 3 {
		for i := range 20 {
			tx.Send(one, sboms, document("aborted", 100*round+i))
			tx.Send(two, sboms, document("kept", 100*round+i))
			good++
			if i%5 == 0 {
				c.Produce(t, sboms, document("plain", 100*round+i))
				good++
			}
		}
		tx.Send(one, vulns, fact(fmt.Sprint("ABORTED-", round)))
		tx.Send(one, events, event("aborted"), event("aborted"))
		tx.Send(two, vulns, fact(fmt.Sprint("KEPT-", round)))
		tx.Send(two, events, event("kept"))
		if round%2 == 0 {
			tx.Abort(one)
			tx.Commit(two)
		} else {
			tx.Commit(two)
			tx.Abort(one)
		}
		// The same producer, after it aborted.
		tx.Send(one, sboms, document("after", round))
		tx.Send(one, events, event("kept"))
		tx.Commit(one)
		good++
	}
	w.wait("documents", int64(good), countSBOMs)
	w.wait("facts", 3, `select count(*) from vex.vuln_fact`)
	w.wait("events", 6, `select count(*) from ingest.scan_run_event where event_type = 'kept'`)

	// An open transaction: it and what is behind it wait.
	tx.Send(three, sboms, document("late", 1))
	c.Produce(t, sboms, document("behind", 1))
	time.Sleep(2 * time.Second)
	if n := w.count(countSBOMs); n != int64(good) {
		t.Errorf("%d documents while a transaction is open, want %d", n, good)
	}
	if n := testutil.ToFloat64(consumer.metrics.lag.WithLabelValues(sboms, "0")); n < 2 {
		t.Errorf("the lag is %v while two messages wait for the end of a transaction", n)
	}
	tx.Commit(three)
	good += 2
	w.wait("documents after the open transaction", int64(good), countSBOMs)

	// At the end stand an aborted message and markers: they are passed, and no lag.
	tx.Send(one, sboms, document("aborted", 9999))
	tx.Abort(one)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(30 * time.Millisecond) {
		// The coordinator answers before the marker is in the topic: the end may still move.
		first, end, err := bounds(t.Context(), c.Broker.Client(), sboms, 0)
		if err != nil || first != 0 {
			t.Fatal(first, err)
		}
		place := w.count(`select next_offset from ingest.kafka_offset where topic = $1`, sboms)
		if place == end {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the place is %d, and %d is behind the last marker", place, end)
		}
	}
	for deadline := time.Now().Add(10 * time.Second); testutil.ToFloat64(consumer.metrics.lag.WithLabelValues(sboms, "0")) != 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the lag is %v with nothing left to read", testutil.ToFloat64(consumer.metrics.lag.WithLabelValues(sboms, "0")))
		}
	}
	if n := testutil.ToFloat64(consumer.metrics.aborted.WithLabelValues(sboms)); n != 61 {
		t.Errorf("%v aborted messages were counted, want 61", n)
	}

	// Another consumer goes on there, and finds the same topic.
	stop()
	c.Produce(t, sboms, document("restart", 1))
	w.run(w.consumer(nil))
	w.wait("documents after a restart", int64(good)+1, countSBOMs)
	for what, sql := range map[string]string{
		"aborted documents": `select count(*) from ingest.sbom_document where artifact_purl like '%aborted%'`,
		"aborted facts":     `select count(*) from vex.vuln_fact where external_id like 'ABORTED%'`,
		"aborted events":    `select count(*) from ingest.scan_run_event where event_type = 'aborted'`,
		"parked":            `select count(*) from ingest.parked`,
		"gaps":              `select count(*) from ingest.kafka_gap`,
	} {
		if n := w.count(sql); n != 0 {
			t.Errorf("%d %s", n, what)
		}
	}
}
