package kafka

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/brokertest"
	"sluice/internal/test/dbtest"
	"sluice/normalize"
	"sluice/normalize/cyclonedx"
	"sluice/normalize/openvex"
	"sluice/normalize/osv"
)

// world is a consumer with its database and its broker.
type world struct {
	t       *testing.T
	db      *dbtest.DB
	cluster *brokertest.Cluster
	cfg     Config
}

func newWorld(t *testing.T, partitions int) *world {
	t.Helper()
	return newWorldOn(t, brokertest.New(t), partitions)
}

func newWorldOn(t *testing.T, c *brokertest.Cluster, partitions int) *world {
	t.Helper()
	w := &world{t: t, db: dbtest.New(t), cluster: c}
	w.cfg = testConfig(t, w.cluster)
	w.cfg.SessionTimeout, w.cfg.HeartbeatInterval, w.cfg.RebalanceTimeout = 6*time.Second, 300*time.Millisecond, 6*time.Second
	w.cfg.WatchInterval = 300 * time.Millisecond
	w.cfg.StopTimeout = 3 * time.Second
	for _, topic := range Topics(w.cfg.Prefix) {
		w.cluster.CreateTopic(t, topic, partitions)
	}
	if testing.Verbose() {
		w.cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return w
}

func (w *world) pools() Pools {
	open := func(role pg.Role) *pgxpool.Pool { return w.db.Pool(w.t, role, ingest.PoolConfig(4)) }
	p := Pools{Ingest: open(pg.Ingest), Bulk: open(pg.Ingest), Events: open(pg.Ingest)}
	if w.cfg.Shared {
		p.Feed, p.BulkFeed = open(pg.Feed), open(pg.Feed)
	}
	return p
}

func formats() []normalize.Format {
	return []normalize.Format{cyclonedx.JSON{}, openvex.Format{}, osv.JSON{}}
}

// consumer makes a consumer; receive may be nil.
func (w *world) consumer(receive func([]ingest.Receipt)) *Consumer {
	w.t.Helper()
	c, err := New(w.cfg, w.pools(), ingest.Config{Formats: formats(), OnReceipts: receive})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// run runs a consumer until stop is called, which waits for its end.
func (w *world) run(c *Consumer) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = c.Run(ctx) }()
	stop = func() { cancel(); <-done }
	w.t.Cleanup(stop)
	return stop
}

func (w *world) count(sql string, args ...any) int64 {
	w.t.Helper()
	var n int64
	admin := w.db.Admin(w.t)
	defer admin.Close(context.Background())
	if err := admin.QueryRow(context.Background(), sql, args...).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *world) wait(what string, want int64, sql string, args ...any) {
	w.t.Helper()
	var got int64
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		if got = w.count(sql, args...); got == want {
			return
		}
	}
	w.t.Fatalf("%s: %d, want %d", what, got, want)
}

func message(key string, value []byte, headers ...string) kafka.Message {
	m := kafka.Message{Key: []byte(key), Value: value}
	for i := 0; i < len(headers); i += 2 {
		m.Headers = append(m.Headers, kafka.Header{Key: headers[i], Value: []byte(headers[i+1])})
	}
	return m
}

func sbom(name string, version int) []byte {
	return fmt.Appendf(nil, `{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,"serialNumber":"urn:uuid:%s","metadata":{"component":{"type":"application","name":%q,"version":"%d","purl":"pkg:generic/%s@%d"}},
		"components":[{"type":"library","name":"left-pad","version":"1.%d.0","purl":"pkg:npm/left-pad@1.%d.0"}]}`,
		id.Derive(id.ID{}, "test", name, fmt.Sprint(version)), name, version, name, version, version, version)
}

type receiptMessage struct {
	Key  string         `json:"key"`
	ID   string         `json:"id"`
	Data ingest.Receipt `json:"data"`
}

// receipts are those in the outbox, in their order.
func (w *world) receipts() []receiptMessage {
	w.t.Helper()
	admin := w.db.Admin(w.t)
	rows, err := admin.Query(w.t.Context(), `select payload from core.outbox where topic = 'receipts' order by seq`)
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	var all []receiptMessage
	for rows.Next() {
		var b []byte
		var list []receiptMessage
		if err := rows.Scan(&b); err != nil {
			w.t.Fatal(err)
		}
		if err := json.Unmarshal(b, &list); err != nil {
			w.t.Fatalf("%v: %s", err, b)
		}
		all = append(all, list...)
	}
	return all
}

const countReceipts = `select coalesce(sum(jsonb_array_length(payload)), 0) from core.outbox where topic = 'receipts'`

// TestMessages sends one message of every sort and looks at what became of it.
func TestMessages(t *testing.T) {
	t.Parallel()
	inbox := t.TempDir()
	large := sbom("by-reference", 1)
	if err := os.WriteFile(filepath.Join(inbox, "large.json"), large, 0o644); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "secret.json")
	if err := os.WriteFile(outside, large, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(inbox, "link.json")); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, 1)
	acme := w.db.Tenant(t, "acme")
	refs, err := NewReferences([]string{inbox}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	refs.pause = time.Millisecond
	w.cfg.References, w.cfg.ReferenceWait = refs, 100*time.Millisecond
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(sbom("zipped", 1))
	_ = z.Close()
	hash := func(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }
	event := func(data string) []byte {
		return fmt.Appendf(nil, `{"specversion":"1.0","id":"1","source":"/ci","type":"sbom","tenant":"acme","data":%s}`, data)
	}

	for _, tc := range []struct {
		name, topic     string
		m               kafka.Message
		outcome, reason string
	}{
		{"plain", "sbom", message("plain", sbom("plain", 1), "tenant", "acme", "stream", "ci"), "accepted", ""},
		{"tenant by id", "sbom", message("id", sbom("id", 1), "tenant", acme.String()), "accepted", ""},
		{"gzip", "sbom", message("gzip", zipped.Bytes(), "tenant", "acme", "content-encoding", "gzip"), "accepted", ""},
		{"cloudevent binary", "sbom.bulk", message("ceb", sbom("ceb", 1), "ce_specversion", "1.0", "ce_tenant", "acme", "ce_subject", "pkg:oci/app@1"), "accepted", ""},
		{"cloudevent structured", "sbom", message("ces", event(string(sbom("ces", 1))), "content-type", "application/cloudevents+json; charset=utf-8"), "accepted", ""},
		{"by reference", "sbom", message("ref", nil, "tenant", "acme", "document-ref", "file://"+inbox+"/large.json", "document-sha256", hash(large)), "accepted", ""},
		{"checked", "sbom", message("sum", sbom("sum", 1), "tenant", "acme", "document-sha256", hash(sbom("sum", 1))), "accepted", ""},
		{"checked after unpacking", "sbom", message("sum2", zipped.Bytes(), "tenant", "acme", "document-sha256", hash(sbom("zipped", 1))), "duplicate", ""},
		{"bad time", "sbom", message("time", sbom("time", 1), "tenant", "acme", "observed-at", "yesterday"), "accepted", ""},
		{"vex", "vex", message("vex", []byte(`{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://x/1","author":"me","timestamp":"2026-01-01T00:00:00Z","version":1,"statements":[{"vulnerability":{"name":"CVE-2026-1"},"products":[{"@id":"pkg:npm/left-pad@1.1.0"}],"status":"not_affected","justification":"component_not_present"}]}`), "tenant", "acme"), "accepted", ""},
		{"vuln", "vuln", message("vuln", []byte(`{"id":"OSV-1","modified":"2026-01-02T03:04:05Z","affected":[]}`), "tenant", "acme"), "accepted", ""},

		{"no tenant", "sbom", message("nobody", sbom("nobody", 1)), "parked", normalize.ReasonTenant},
		{"unknown tenant", "sbom", message("umbrella", sbom("umbrella", 1), "tenant", "umbrella"), "parked", normalize.ReasonTenant},
		{"shared without leave", "vuln", message("shared", []byte(`{"id":"OSV-2","modified":"2026-01-02T03:04:05Z","affected":[]}`), "tenant", "shared"), "parked", normalize.ReasonTenant},
		{"null", "sbom", message("null", nil, "tenant", "acme"), "parked", normalize.ReasonEmpty},
		{"null again", "sbom", message("null", nil, "tenant", "acme"), "parked", normalize.ReasonEmpty},
		{"no json", "sbom", message("syntax", []byte(`{"bomFormat":"CycloneDX",`), "tenant", "acme"), "parked", normalize.ReasonSyntax},
		{"no json again", "sbom", message("syntax", []byte(`{"bomFormat":"CycloneDX",`), "tenant", "acme"), "parked", normalize.ReasonSyntax},
		{"nul", "sbom", message("nul", bytes.Replace(sbom("nul", 1), []byte("left-pad"), []byte(`left\u0000pad`), 1), "tenant", "acme"), "parked", normalize.ReasonNUL},
		{"other format", "sbom", message("other", []byte(`{"hello":"world"}`), "tenant", "acme"), "parked", normalize.ReasonUnknownFormat},
		{"wrong hash", "sbom", message("badsum", sbom("badsum", 1), "tenant", "acme", "document-sha256", hash([]byte("x"))), "parked", normalize.ReasonHash},
		{"no hash", "sbom", message("nosum", sbom("nosum", 1), "tenant", "acme", "document-sha256", "123"), "parked", normalize.ReasonHeader},
		{"reference elsewhere", "sbom", message("elsewhere", nil, "tenant", "acme", "document-ref", outside, "document-sha256", hash(large)), "parked", normalize.ReasonReference},
		{"reference by link", "sbom", message("link", nil, "tenant", "acme", "document-ref", inbox+"/link.json", "document-sha256", hash(large)), "parked", normalize.ReasonReference},
		{"reference by dots", "sbom", message("dots", nil, "tenant", "acme", "document-ref", inbox+"/../"+filepath.Base(filepath.Dir(outside))+"/secret.json", "document-sha256", hash(large)), "parked", normalize.ReasonReference},
		{"reference to nothing", "sbom", message("nothing", nil, "tenant", "acme", "document-ref", inbox+"/none.json", "document-sha256", hash(large)), "parked", normalize.ReasonReference},
		{"wrong topic", "vex", message("wrong", sbom("wrong", 1), "tenant", "acme"), "parked", normalize.ReasonInvalid},
		{"truncated gzip", "sbom", message("cut", zipped.Bytes()[:zipped.Len()/2], "tenant", "acme"), "parked", normalize.ReasonCorruptArchive},
		{"bad artifact", "sbom", message("artifact", sbom("artifact", 1), "tenant", "acme", "artifact-purl", "no purl"), "parked", normalize.ReasonInvalid},
	} {
		w.cluster.Produce(t, w.cfg.Prefix+"."+tc.topic, tc.m)
		defer func() {
			t.Helper()
			for _, r := range w.receipts() {
				if r.Key == string(tc.m.Key) {
					if string(r.Data.Outcome) != tc.outcome || (tc.reason != "" && r.Data.Reason != tc.reason) {
						t.Errorf("%s: %s %s %s (%s), want %s %s", tc.name, r.Data.Outcome, r.Data.Reason, r.Data.Pointer, r.Data.Message, tc.outcome, tc.reason)
					}
					return
				}
			}
			t.Errorf("%s: no receipt", tc.name)
		}()
	}
	w.run(w.consumer(nil))
	w.wait("receipts", 29, countReceipts)
	if n := w.count(`select count(*) from ingest.parked where tenant_id = $1`, id.Operator); n != 3 {
		t.Errorf("%d parked for the operator, want 3", n)
	}
	if n := w.count(`select count(*) from ingest.parked where tenant_id = $1`, acme); n != 14 {
		t.Errorf("%d parked of acme, want 14: two were the same bytes", n)
	}
	if n := w.count(`select count(*) from ingest.sbom_document where tenant_id = $1 and stream = 'ci'`, acme); n != 1 {
		t.Errorf("%d in stream ci", n)
	}
	if n := w.count(`select count(*) from ingest.sbom_document where artifact_purl = 'pkg:oci/app@1'`); n != 1 {
		t.Errorf("%d of the artifact that ce_subject names", n)
	}
}

// produce sends n SBOMs, of which every tenth is the next version of the same artifact.
func (w *world) produce(topic string, n, from int) {
	w.t.Helper()
	list := make([]kafka.Message, n)
	for i := range list {
		name := fmt.Sprintf("app-%d", (from+i)/10)
		list[i] = message(name, sbom(name, from+i), "tenant", "acme")
	}
	w.cluster.Produce(w.t, w.cfg.Prefix+"."+topic, list...)
}

const countSBOMs = `select count(*) from ingest.sbom_document`

// exactlyOnce checks that all n documents are stored, each with one receipt that says
// accepted, and that the receipts of a key are in the order of its messages.
func (w *world) exactlyOnce(n int64) {
	w.t.Helper()
	w.wait("documents", n, countSBOMs)
	w.wait("receipts", n, countReceipts)
	if got := w.count(`select count(*) from ingest.scan_run_event where event_type = 'accepted'`); got != n {
		w.t.Errorf("%d events, want %d", got, n)
	}
	type place struct{ partition, offset int64 }
	last := map[string]place{}
	for _, r := range w.receipts() {
		if r.Data.Outcome != ingest.Accepted {
			w.t.Errorf("%s: %s %s", r.Data.Origin, r.Data.Outcome, r.Data.Reason)
		}
		var p place
		if _, err := fmt.Sscanf(r.Data.Origin[len(w.cfg.Prefix+".sbom/"):], "%d@%d", &p.partition, &p.offset); err != nil {
			w.t.Fatal(err)
		}
		if before, ok := last[r.Key]; ok && before.offset >= p.offset {
			w.t.Errorf("key %s: the receipt of offset %d comes after that of %d", r.Key, p.offset, before.offset)
		}
		last[r.Key] = p
	}
}

// TestMembersComeAndGo: three members of a group over twelve topic partitions, one of them
// leaving or joining all the time.
func TestMembersComeAndGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 12)
	w.db.Tenant(t, "acme")
	const total, step = 2400, 200
	stops := []func(){w.run(w.consumer(nil)), w.run(w.consumer(nil)), w.run(w.consumer(nil))}
	for sent := 0; sent < total; sent += step {
		w.produce("sbom", step, sent)
		i := sent / step % 3
		if stops[i] != nil {
			stops[i]()
			stops[i] = nil
		} else {
			stops[i] = w.run(w.consumer(nil))
		}
		time.Sleep(300 * time.Millisecond)
	}
	w.run(w.consumer(nil))
	w.exactlyOnce(total)
}

// TestZombie: an owner that was cut off from everything but the database can store nothing.
func TestZombie(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.db.Tenant(t, "acme")
	w.produce("sbom", 10, 0)
	pools := w.pools()
	zombie := OpenSource(w.cfg, pools.Ingest, w.cfg.Prefix+".sbom", 0)
	defer zombie.Close()
	if _, err := zombie.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.run(w.consumer(nil))
	w.wait("documents", 10, countSBOMs)
	p, err := ingest.New(pools.Ingest, ingest.Config{Formats: formats()})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(t.Context(), zombie); !errors.Is(err, ingest.ErrFenced) {
		t.Errorf("the zombie ends with %v, want ErrFenced", err)
	}
	w.exactlyOnce(10)
}

// TestGaps: messages that are gone, and topics that are other ones.
func TestGaps(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, reason string
		running      bool // while a consumer runs
		change       func(w *world, topic string)
		stored, gaps int64
	}{
		{"retention", gapRetention, false, func(w *world, topic string) {
			w.produce("sbom", 10, 10)
			w.deleteUpTo(topic, 15)
		}, 15, 1},
		{"retention of everything", gapRetention, false, func(w *world, topic string) {
			w.produce("sbom", 10, 10)
			w.deleteUpTo(topic, 20)
			w.produce("sbom", 5, 20)
		}, 15, 1},
		{"recreated, shorter", gapRecreated, false, func(w *world, topic string) {
			w.recreate(topic)
			w.produce("sbom", 5, 10)
		}, 15, 1},
		{"recreated, longer", gapRecreated, false, func(w *world, topic string) {
			w.recreate(topic)
			w.produce("sbom", 15, 10)
		}, 25, 1},
		{"recreated under a consumer, shorter", gapRecreated, true, func(w *world, topic string) {
			w.recreate(topic)
			w.produce("sbom", 5, 10)
		}, 15, 1},
		{"recreated under a consumer, longer", gapRecreated, true, func(w *world, topic string) {
			w.recreate(topic)
			w.produce("sbom", 15, 10)
		}, 25, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			w.db.Tenant(t, "acme")
			w.produce("sbom", 10, 0)
			stop := w.run(w.consumer(nil))
			w.wait("documents before", 10, countSBOMs)
			if !tc.running {
				stop()
			}
			tc.change(w, w.cfg.Prefix+".sbom")
			if !tc.running {
				w.run(w.consumer(nil))
			}
			w.wait("documents after", tc.stored, countSBOMs)
			w.wait("gaps", tc.gaps, `select count(*) from ingest.kafka_gap where reason = $1`, tc.reason)
			if n := w.count(`select count(*) from ingest.kafka_gap`); n != tc.gaps {
				t.Errorf("%d gaps in all, want %d", n, tc.gaps)
			}
		})
	}
}

func (w *world) recreate(topic string) {
	w.t.Helper()
	resp, err := w.cfg.Broker.Client().DeleteTopics(w.t.Context(), &kafka.DeleteTopicsRequest{Topics: []string{topic}})
	if err == nil {
		err = resp.Errors[topic]
	}
	if err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond) // a real broker deletes in the background
	w.cluster.CreateTopic(w.t, topic, 1)
}

// deleteUpTo removes the messages before offset, as retention does.
func (w *world) deleteUpTo(topic string, offset int64) {
	w.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.cluster.Addr()))
	if err != nil {
		w.t.Fatal(err)
	}
	defer client.Close()
	req := kmsg.NewPtrDeleteRecordsRequest()
	rt := kmsg.NewDeleteRecordsRequestTopic()
	rp := kmsg.NewDeleteRecordsRequestTopicPartition()
	rp.Offset, rt.Topic = offset, topic
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	req.TimeoutMillis = 5000
	resp, err := client.Request(w.t.Context(), req)
	if err != nil {
		w.t.Fatal(err)
	}
	if code := resp.(*kmsg.DeleteRecordsResponse).Topics[0].Partitions[0].ErrorCode; code != 0 {
		w.t.Fatalf("DeleteRecords: error %d", code)
	}
}

// TestArchiveInAMessage: a message may hold several documents, and a stop between two of
// them costs nothing.
func TestArchiveInAMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.db.Tenant(t, "acme")
	var tarred bytes.Buffer
	tw := tar.NewWriter(&tarred)
	const n = 7
	for i := range n {
		b := sbom("packed", i)
		_ = tw.WriteHeader(&tar.Header{Name: fmt.Sprintf("%d.json", i), Size: int64(len(b)), Mode: 0o644})
		_, _ = tw.Write(b)
	}
	_ = tw.Close()
	w.cluster.Produce(t, w.cfg.Prefix+".sbom", message("a", tarred.Bytes(), "tenant", "acme"), message("b", sbom("after", 1), "tenant", "acme"))
	pools := w.pools()
	p, err := ingest.New(pools.Ingest, ingest.Config{Formats: formats(), BatchDocuments: 2})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n + 1 {
		src := OpenSource(w.cfg, pools.Ingest, w.cfg.Prefix+".sbom", 0)
		if err := p.Run(t.Context(), &first{Source: src, n: 1}); err != nil {
			t.Fatalf("document %d: %v", i, err)
		}
		src.Close()
		if got := w.count(countSBOMs); got != int64(i+1) {
			t.Fatalf("%d documents after %d", got, i+1)
		}
	}
	if n := w.count(`select next_offset * 10 + next_entry from ingest.kafka_offset`); n != 20 {
		t.Errorf("the place is %d", n)
	}
}

// first is the beginning of a source.
type first struct {
	ingest.Source
	n int
}

func (f *first) Next(ctx context.Context) (ingest.Envelope, error) {
	if f.n == 0 {
		return ingest.Envelope{}, io.EOF
	}
	f.n--
	return f.Source.Next(ctx)
}

// hashOf is the content hash of a document as receipts have it.
func hashOf(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }
