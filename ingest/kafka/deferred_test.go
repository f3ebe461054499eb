package kafka

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"sluice/ingest"
	"sluice/internal/test/brokertest"
	"sluice/internal/test/pgproxy"
	"sluice/normalize"
)

// store serves SBOMs by /NAME/VERSION, as the test says.
type store struct {
	*httptest.Server
	mu    sync.Mutex
	serve func(r *http.Request, asked int) int // status; 0: nothing comes until the client gives up
	asked map[string]int
	hang  chan struct{} // closed when what hangs fails
}

func newStore(t *testing.T, w *world, serve func(r *http.Request, asked int) int) *store {
	t.Helper()
	s := &store{serve: serve, asked: map[string]int{}, hang: make(chan struct{})}
	s.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked[r.URL.Path]++
		status := s.serve(r, s.asked[r.URL.Path])
		s.mu.Unlock()
		if status == 0 {
			select {
			case <-r.Context().Done():
			case <-s.hang:
			}
			status = http.StatusServiceUnavailable
		}
		rw.WriteHeader(status)
		if status == http.StatusOK {
			var name string
			var version int
			fmt.Sscanf(strings.ReplaceAll(r.URL.Path, "/", " "), "%s %d", &name, &version)
			_, _ = rw.Write(sbom(name, version))
		}
	}))
	t.Cleanup(s.Server.Close)
	refs, err := NewReferences([]string{s.URL + "/"}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	w.cfg.References = refs
	return s
}

func (s *store) say(serve func(r *http.Request, asked int) int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serve = serve
	close(s.hang)
}

// ref is a message that names a document.
func (s *store) ref(key, name string, version int) kafka.Message {
	return message(key, nil, "tenant", "acme", "document-ref", fmt.Sprintf("%s/%s/%d", s.URL, name, version),
		"document-sha256", fmt.Sprintf("%x", sha256.Sum256(sbom(name, version))))
}

// order is what became of the messages of a key, in the order of the receipts.
func (w *world) order(key string) string {
	w.t.Helper()
	var list []string
	for _, r := range w.receipts() {
		if r.Key == key {
			list = append(list, r.Data.Origin[strings.Index(r.Data.Origin, "@"):]+" "+string(r.Data.Outcome)+r.Data.Reason)
		}
	}
	return strings.Join(list, ", ")
}

const countDeferred = `select count(*) from ingest.deferred`

// TestDeferred: a document that does not come holds up its topic partition for its budget and
// no longer. The message waits, and later ones of its key behind it, through a restart; when the
// document comes they land in order, each once.
func TestDeferred(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.db.Tenant(t, "acme")
	registry := prometheus.NewRegistry()
	w.cfg.Registerer, w.cfg.ReferenceBudget = registry, 500*time.Millisecond
	s := newStore(t, w, func(*http.Request, int) int { return 0 })
	topic := w.cfg.Prefix + ".sbom"
	w.cluster.Produce(t, topic,
		s.ref("slow", "slow", 1), message("slow", sbom("slow", 2), "tenant", "acme"), message("other", sbom("other", 1), "tenant", "acme"),
		s.ref("", "nokey", 1), message("slow", sbom("slow", 3), "tenant", "acme"), message("other", sbom("other", 2), "tenant", "acme"))
	began := time.Now()
	stop := w.run(w.consumer(nil))
	w.wait("documents of the other key", 2, countSBOMs)
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("the topic partition stood still for %v", took)
	}
	w.wait("messages that wait", 4, countDeferred)
	w.wait("the place", 6, `select next_offset from ingest.kafka_offset where topic = $1`, topic)
	for end := time.Now().Add(time.Minute); gauge(t, registry, "sluice_kafka_deferred_messages", "") != "4"; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the metric says that %s wait", gauge(t, registry, "sluice_kafka_deferred_messages", ""))
		}
	}
	stop()
	w.cluster.Produce(t, topic, message("slow", sbom("slow", 4), "tenant", "acme"), message("other", sbom("other", 3), "tenant", "acme"))
	w.cfg.Registerer = nil
	w.run(w.consumer(nil))
	w.wait("documents of the other key after a restart", 3, countSBOMs)
	w.wait("messages that wait", 5, countDeferred)

	s.say(func(*http.Request, int) int { return http.StatusOK })
	w.wait("documents", 8, countSBOMs)
	w.wait("messages that wait", 0, countDeferred)
	w.cluster.Produce(t, topic, message("slow", sbom("slow", 5), "tenant", "acme"))
	w.wait("documents after that", 9, countSBOMs)
	w.wait("receipts", 9, countReceipts)
	if got, want := w.order("slow"), "@0 accepted, @1 accepted, @4 accepted, @6 accepted, @8 accepted"; got != want {
		t.Errorf("receipts of the key: %s\nwant %s", got, want)
	}
}

// TestDeferredTooLong: a document that does not come for long is parked as unreachable, and
// what is behind it lands. A document that will never come is parked at once.
func TestDeferredTooLong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.db.Tenant(t, "acme")
	w.cfg.ReferenceWait = 3 * time.Second
	s := newStore(t, w, func(r *http.Request, _ int) int {
		if strings.HasPrefix(r.URL.Path, "/gone/") {
			return http.StatusNotFound
		}
		return http.StatusServiceUnavailable
	})
	w.cluster.Produce(t, w.cfg.Prefix+".sbom", s.ref("k", "never", 1), message("k", sbom("k", 2), "tenant", "acme"), s.ref("gone", "gone", 1))
	w.run(w.consumer(nil))
	w.wait("receipts", 3, countReceipts)
	if got, want := w.order("k"), "@0 parkedunreachable, @1 accepted"; got != want {
		t.Errorf("receipts of the key: %s\nwant %s", got, want)
	}
	if got, want := w.order("gone"), "@2 parked"+normalize.ReasonReference; got != want {
		t.Errorf("receipts of what is gone: %s\nwant %s", got, want)
	}
	if n := w.count(`select count(*) from ingest.parked where message like '%it waited for 3s and was tried % times: %503%'`); n != 1 {
		t.Errorf("%d parked that say how long they waited", n)
	}
	w.wait("messages that wait", 0, countDeferred)
}

// TestDeferredOnce: answers to COMMIT get lost while messages are put aside, tried again and
// land. Each lands once, in the order of its key.
func TestDeferredOnce(t *testing.T) {
	t.Parallel()
	w := newWorldOn(t, brokertest.New(t), 2)
	w.db.Tenant(t, "acme")
	s := newStore(t, w, func(_ *http.Request, asked int) int {
		if asked%2 == 1 {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(3, 3))
	lost := 0
	_, url := pgproxy.New(t, w.db.URL, func() pgproxy.Fate {
		mu.Lock()
		defer mu.Unlock()
		f := pgproxy.Fate(rng.IntN(4))
		if f == pgproxy.During || f == pgproxy.After {
			lost++
		}
		return f
	})
	const total = 60
	var list []kafka.Message
	for i := range total {
		name := fmt.Sprint("app-", i%6)
		if i%3 == 0 {
			list = append(list, s.ref(name, name, i))
		} else {
			list = append(list, message(name, sbom(name, i), "tenant", "acme"))
		}
	}
	w.cluster.Produce(t, w.cfg.Prefix+".sbom", list...)
	c, err := New(w.cfg, w.through(url), ingest.Config{Formats: formats(), BatchDocuments: 3, RetryFirst: time.Millisecond, RetryMax: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	w.run(c)
	w.exactlyOnce(total)
	w.wait("messages that wait", 0, countDeferred)
	mu.Lock()
	defer mu.Unlock()
	if lost < 10 {
		t.Errorf("only %d answers to COMMIT were lost", lost)
	}
}
