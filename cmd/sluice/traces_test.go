package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"sluice/internal/test/brokertest"
	"sluice/internal/test/dbtest"
)

// spans is a collector of OpenTelemetry in the test itself.
type spans struct {
	mu   sync.Mutex
	list []*traces.Span
}

func collect(t *testing.T) (*spans, string) {
	t.Helper()
	s := &spans{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var req collector.ExportTraceServiceRequest
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &req) != nil {
			t.Errorf("%s: %v", r.URL.Path, err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, rs := range req.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				s.list = append(s.list, ss.Spans...)
			}
		}
	}))
	t.Cleanup(server.Close)
	return s, server.URL
}

// of are the spans of a trace.
func (s *spans) of(trace string) (list []*traces.Span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sp := range s.list {
		if fmt.Sprintf("%x", sp.TraceId) == trace {
			list = append(list, sp)
		}
	}
	return list
}

func named(list []*traces.Span, name string) []*traces.Span {
	return slices.DeleteFunc(slices.Clone(list), func(s *traces.Span) bool { return s.Name != name })
}

// paths are the names of spans with those of all that they lie in: document/batch/transaction.
func paths(list []*traces.Span) []string {
	byID := map[string]*traces.Span{}
	for _, s := range list {
		byID[string(s.SpanId)] = s
	}
	var out []string
	for _, s := range list {
		path := s.Name
		for up := byID[string(s.ParentSpanId)]; up != nil; up = byID[string(up.ParentSpanId)] {
			path = up.Name + "/" + path
		}
		out = append(out, path)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func attribute(s *traces.Span, key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.GetStringValue()
		}
	}
	return ""
}

func wantPaths(t *testing.T, list []*traces.Span, want ...string) {
	t.Helper()
	got := paths(list)
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("no span %s among\n%s", w, strings.Join(got, "\n"))
		}
	}
}

const (
	sbomLeft = `{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,"metadata":{"component":{"type":"application","name":"app","version":"1","purl":"pkg:generic/app@1"}},"components":[{"type":"library","name":"left","version":"1.0.0","purl":"pkg:npm/left@1.0.0"}]}`
	factLeft = `{"id":"OSV-1","modified":"2026-01-02T03:04:05Z","affected":[{"package":{"ecosystem":"npm","name":"left"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}]}]}`
)

// TestTracesOfMessages: a message's trace goes on through batch, transaction and projection to
// the receipt and to the finding, whether the trace is named as W3C or as CloudEvents have it; what
// is logged about it bears its id, and an exemplar leads to it.
func TestTracesOfMessages(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	db.Tenant(t, "acme")
	cluster := brokertest.Fake(t)
	prefix := cluster.Prefix(t)
	got, endpoint := collect(t)
	addr := freeAddress(t)
	env := []string{
		"SLUICE_DATABASE_URL=" + db.URL, "SLUICE_KAFKA_BROKERS=" + cluster.Addr(), "SLUICE_TOPIC_PREFIX=" + prefix, "SLUICE_LISTEN=" + addr,
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + endpoint, "OTEL_BSP_SCHEDULE_DELAY=100", "OTEL_SERVICE_NAME=importer",
	}
	must(t, env, time.Minute, 0, "topics", "create", "--partitions", "1")
	p := launch(t, env, "serve", "--log-format", "json")

	const w3c, ce, unsampled = "11112222333344445555666677778888", "aaaabbbbccccddddeeeeffff00001111", "99990000999900009999000099990000"
	send := func(topic, key, value string, headers ...string) {
		m := kafka.Message{Key: []byte(key), Value: []byte(value), Headers: []kafka.Header{{Key: "tenant", Value: []byte("acme")}}}
		for i := 0; i < len(headers); i += 2 {
			m.Headers = append(m.Headers, kafka.Header{Key: headers[i], Value: []byte(headers[i+1])})
		}
		cluster.Produce(t, prefix+"."+topic, m)
	}
	send("vuln", "fact", factLeft, "ce_traceparent", "00-"+ce+"-00f067aa0ba902b7-01")
	cluster.Consume(t, prefix+".receipts", 1)
	send("sbom", "app", sbomLeft, "traceparent", "00-"+w3c+"-00f067aa0ba902b7-01")
	send("sbom", "bad", "{", "traceparent", "00-"+unsampled+"-00f067aa0ba902b7-00")
	receipts := cluster.Consume(t, prefix+".receipts", 3)
	finding := cluster.Consume(t, prefix+".findings", 1)[0]

	// Messages go on in the trace; a trace that nobody records is handed on as it came.
	last := map[string]string{}
	for _, m := range append(receipts, finding) {
		last[brokertest.Header(m, "ce_type")+" "+string(m.Key)] = brokertest.Header(m, "traceparent")
	}
	for key, trace := range map[string]string{"dev.sluice.receipt.v1 app": w3c, "dev.sluice.receipt.v1 fact": ce, "dev.sluice.finding.opened.v1 pkg:generic/app@1": w3c} {
		if tp := last[key]; !strings.HasPrefix(tp, "00-"+trace+"-") || !strings.HasSuffix(tp, "-01") || strings.Contains(tp, "00f067aa0ba902b7") {
			t.Errorf("%s names the trace %q, want a span of ours in %s", key, tp, trace)
		}
	}
	if tp := last["dev.sluice.receipt.v1 bad"]; tp != "00-"+unsampled+"-00f067aa0ba902b7-00" {
		t.Errorf("a trace that nobody records is handed on as %q", tp)
	}

	// The metric's example is one of the traces.
	req, _ := http.NewRequest(http.MethodGet, "http://"+addr+"/metrics", nil)
	req.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	for _, name := range []string{"sluice_ingest_batch_duration_seconds", "sluice_projection_batch_duration_seconds", "postgres_query_duration_seconds", "postgres_transaction_duration_seconds"} {
		if !slices.ContainsFunc(strings.Split(string(text), "\n"), func(line string) bool {
			return strings.HasPrefix(line, name+"_bucket") && strings.Contains(line, `# {`) && strings.Contains(line, `trace_id="`)
		}) {
			t.Errorf("no exemplar of %s", name)
		}
	}

	stop(t, p) // sends what is left
	trace := got.of(w3c)
	document := named(trace, "document")
	if len(document) != 1 || fmt.Sprintf("%x", document[0].ParentSpanId) != "00f067aa0ba902b7" || attribute(document[0], "sluice.outcome") != "accepted" || !strings.Contains(attribute(document[0], "sluice.origin"), ".sbom/0@0") {
		t.Errorf("the document's span: %v", document)
	}
	wantPaths(t, trace, "document", "document/project", "document/send", "document/project/send")
	if project := named(trace, "project"); len(project) == 1 && len(project[0].Links) == 1 {
		// Projected together with the record: what was done for both is in a trace of its own.
		wantPaths(t, got.of(fmt.Sprintf("%x", project[0].Links[0].TraceId)), "project/findings")
	} else {
		wantPaths(t, trace, "document/project/findings")
	}
	if batches := named(trace, "batch"); len(batches) == 1 {
		// Alone in its batch: the batch is within the document's span.
		wantPaths(t, trace, "document/batch/read", "document/batch/transaction/insert_sbom", "document/batch/transaction/commit")
	} else {
		wantPaths(t, trace, "document/transaction")
		if len(document[0].Links) != 1 || len(named(got.of(fmt.Sprintf("%x", document[0].Links[0].TraceId)), "batch")) != 1 {
			t.Errorf("the document is not tied to its batch: %v", paths(got.of(fmt.Sprintf("%x", document[0].Links[0].TraceId))))
		}
	}
	wantPaths(t, got.of(ce), "document", "document/project", "document/send")
	if list := got.of(unsampled); len(list) > 0 {
		t.Errorf("spans of a trace that nobody records: %v", paths(list))
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// stop ends a process as an operator does.
func stop(t *testing.T, p *process) {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if status := p.finish(t, time.Minute); status != 130 {
		t.Errorf("status %d: %s", status, tail(p.err.String()))
	}
}

// TestTracesOfFiles: what comes from files has a trace per batch, that of the batch's documents
// and of the projection too; without an endpoint the jobs bear no trace.
func TestTracesOfFiles(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	got, endpoint := collect(t)
	dir := t.TempDir()
	write(t, dir, "a.cdx.json", sbomLeft)
	write(t, dir, "b.cdx.json", strings.ReplaceAll(sbomLeft, "app", "other"))
	write(t, dir, "fact.osv.json", factLeft)
	write(t, dir, "broken.cdx.json", "{")
	env := []string{"SLUICE_DATABASE_URL=" + db.URL}
	must(t, append(env, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="+endpoint+"/v1/traces"), time.Minute, 3, "ingest", "file", dir, "--workers", "1", "--wait")
	trace := got.list // of one batch or, on a busy machine, of several
	wantPaths(t, trace, "batch/document", "batch/read", "batch/look_up", "batch/transaction/statements", "batch/transaction/commit", "batch/document/project")
	outcomes := map[string]int{}
	for _, d := range named(trace, "document") {
		outcomes[attribute(d, "sluice.outcome")+" "+d.Status.GetMessage()]++
	}
	if outcomes["accepted "] != 3 || outcomes["parked parked: syntax"] != 1 || len(outcomes) != 2 {
		t.Errorf("documents: %v", outcomes)
	}
	// Three jobs, three documents: the projection has a trace of its own, tied to them, and a place in each.
	var own []*traces.Span
	for _, s := range named(got.list, "project") {
		if len(s.Links) >= 2 {
			own = append(own, s)
		}
	}
	if len(own) != 1 {
		t.Errorf("%d projections of several documents", len(own))
	}

	before := len(got.list)
	write(t, dir, "a.cdx.json", strings.ReplaceAll(sbomLeft, "1.0.0", "1.0.1"))
	must(t, append(env, "OTEL_SDK_DISABLED=true", "OTEL_EXPORTER_OTLP_ENDPOINT="+endpoint), time.Minute, 0, "ingest", "file", dir+"/a.cdx.json")
	var payload string
	if err := db.Admin(t).QueryRow(t.Context(), `select payload::text from core.job_queue where kind = 'sbom'`).Scan(&payload); err != nil || strings.Contains(payload, "trace") {
		t.Errorf("%s, %v", payload, err)
	}
	if len(got.list) != before {
		t.Error("spans, although it is off")
	}
}
