package telemetry

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// The tests here are not parallel: tracing is on for the whole process.

// taken is what a collector got.
type taken struct {
	mu       sync.Mutex
	spans    map[string]*traces.Span // by name
	resource map[string]string
	headers  http.Header
	path     string
	answers  []int // statuses to begin with
	requests int
}

func (c *taken) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	if len(c.answers) > 0 {
		w.WriteHeader(c.answers[0])
		c.answers = c.answers[1:]
		return
	}
	body, err := io.ReadAll(r.Body)
	if err == nil && r.Header.Get("Content-Encoding") == "gzip" {
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(body)); err == nil {
			body, err = io.ReadAll(z)
		}
	}
	var req collector.ExportTraceServiceRequest
	if err != nil || proto.Unmarshal(body, &req) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.headers, c.path = r.Header, r.URL.Path
	for _, rs := range req.ResourceSpans {
		for _, a := range rs.Resource.Attributes {
			c.resource[a.Key] = a.Value.GetStringValue()
		}
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				c.spans[s.Name] = s
			}
		}
	}
}

func newCollector(t *testing.T, answers ...int) (*taken, string) {
	c := &taken{spans: map[string]*traces.Span{}, resource: map[string]string{}, answers: answers}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	return c, server.URL
}

// traced traces what fn does, with this environment, and returns what was logged.
func traced(t *testing.T, env map[string]string, fn func()) string {
	t.Helper()
	for name, v := range env {
		t.Setenv(name, v) // the SDK looks at it too
	}
	var log bytes.Buffer
	stop := StartTracing(t.Context(), func(name string) string { return env[name] }, "1.2.3", slog.New(slog.NewTextHandler(&log, nil)))
	fn()
	stop()
	return log.String()
}

const remote = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// TestTraces: what a collector gets is what was done: parents, links, times, attributes, failures.
func TestTraces(t *testing.T) {
	c, url := newCollector(t)
	began := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	logged := traced(t, map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": url + "/prefix/", "OTEL_SERVICE_NAME": "importer", "OTEL_RESOURCE_ATTRIBUTES": "team=blue",
		"OTEL_EXPORTER_OTLP_HEADERS": "x-key=a%20b,x-other=c", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
	}, func() {
		ctx, parent := Work{Name: "parent", Kind: Consumer, Parent: remote, Began: began, Links: []string{remote, "nonsense"}}.Start(t.Context())
		parent.Set("text", "a\xffb")
		parent.Set("number", 7)
		parent.Set("list", []string{"x", "y"})
		_, child := Start(ctx, "child")
		if !strings.HasPrefix(child.Traceparent(), "00-4bf92f3577b34da6a3ce929d0e0e4736-") || !strings.HasSuffix(child.Traceparent(), "-01") {
			t.Errorf("the child's traceparent is %q", child.Traceparent())
		}
		if e := Exemplar(ctx); e["trace_id"] != "4bf92f3577b34da6a3ce929d0e0e4736" {
			t.Errorf("exemplar: %v", e)
		}
		child.End(errors.New("it broke"))
		parent.End(nil)
		_, alone := Work{Name: "alone", Parent: "00-zz"}.Start(t.Context())
		alone.End(nil)
		var text bytes.Buffer
		slog.New(LogHandler(slog.NewTextHandler(&text, nil))).With("a", 1).WarnContext(ctx, "said")
		if !strings.Contains(text.String(), "trace_id=4bf92f3577b34da6a3ce929d0e0e4736") || !strings.Contains(text.String(), "span_id=") || !strings.Contains(text.String(), "a=1") {
			t.Errorf("logged: %s", text.String())
		}
	})
	if strings.Contains(logged, "WARN") || c.path != "/prefix/v1/traces" || c.headers.Get("X-Key") != "a b" || c.headers.Get("X-Other") != "c" || c.headers.Get("Content-Type") != "application/x-protobuf" {
		t.Errorf("%s %v %s", c.path, c.headers, logged)
	}
	if c.resource["service.name"] != "importer" || c.resource["service.version"] != "1.2.3" || c.resource["team"] != "blue" {
		t.Errorf("resource: %v", c.resource)
	}
	p, child, alone := c.spans["parent"], c.spans["child"], c.spans["alone"]
	if p == nil || child == nil || alone == nil {
		t.Fatalf("spans: %v", c.spans)
	}
	if traceparent(p.TraceId, p.ParentSpanId) != remote || p.Kind != traces.Span_SPAN_KIND_CONSUMER || p.StartTimeUnixNano != uint64(began.UnixNano()) || p.EndTimeUnixNano <= p.StartTimeUnixNano {
		t.Errorf("parent: %v", p)
	}
	if p.Flags&0x300 != 0x300 || child.Flags&0x300 != 0x100 {
		t.Errorf("flags: %x %x", p.Flags, child.Flags)
	}
	if len(p.Links) != 1 || traceparent(p.Links[0].TraceId, p.Links[0].SpanId) != remote {
		t.Errorf("links: %v", p.Links)
	}
	attributes := map[string]string{}
	for _, a := range p.Attributes {
		attributes[a.Key] = a.Value.String()
	}
	if len(attributes) != 3 || !strings.Contains(attributes["text"], "a\uFFFDb") || !strings.Contains(attributes["number"], "7") {
		t.Errorf("attributes: %v", attributes)
	}
	if !bytes.Equal(child.ParentSpanId, p.SpanId) || child.Status.Code != traces.Status_STATUS_CODE_ERROR || child.Status.Message != "it broke" {
		t.Errorf("child: %v", child)
	}
	if len(alone.ParentSpanId) != 0 || bytes.Equal(alone.TraceId, p.TraceId) {
		t.Errorf("alone: %v", alone)
	}
	if On() || Sampled(remote) {
		t.Error("it is still on")
	}
}

func traceparent(trace, span []byte) string {
	const digits = "0123456789abcdef"
	hex := func(b []byte) (s string) {
		for _, x := range b {
			s += string(digits[x>>4]) + string(digits[x&15])
		}
		return s
	}
	return "00-" + hex(trace) + "-" + hex(span) + "-01"
}

// TestEnvironment: which variables switch traces on, off, and what is said of the others.
func TestEnvironment(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string // beside the endpoint
		sent bool
		says string
	}{
		"endpoint":         {map[string]string{}, true, ""},
		"disabled":         {map[string]string{"OTEL_SDK_DISABLED": "true"}, false, ""},
		"not disabled":     {map[string]string{"OTEL_SDK_DISABLED": "false"}, true, ""},
		"no exporter":      {map[string]string{"OTEL_TRACES_EXPORTER": "none"}, false, ""},
		"other exporter":   {map[string]string{"OTEL_TRACES_EXPORTER": "zipkin"}, false, "OTEL_TRACES_EXPORTER=zipkin"},
		"grpc":             {map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, false, "port 4318"},
		"grpc but not us":  {map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"}, true, ""},
		"never sampled":    {map[string]string{"OTEL_TRACES_SAMPLER": "always_off"}, false, ""},
		"ratio of nothing": {map[string]string{"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}, false, ""},
		"bad endpoint":     {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "localhost:4317"}, false, "http://localhost:4318"},
		"bad time":         {map[string]string{"OTEL_EXPORTER_OTLP_TIMEOUT": "10s"}, false, "milliseconds"},
		"bad headers":      {map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "secret"}, false, "NAME=VALUE"},
		"bad compression":  {map[string]string{"OTEL_EXPORTER_OTLP_COMPRESSION": "br"}, false, "gzip"},
		"bad certificate":  {map[string]string{"OTEL_EXPORTER_OTLP_CERTIFICATE": "/nowhere"}, false, "OTEL_EXPORTER_OTLP_CERTIFICATE"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			got, url := newCollector(t)
			env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": url}
			maps.Copy(env, c.env)
			logged := traced(t, env, func() {
				_, s := Start(t.Context(), "work")
				s.End(nil)
			})
			if sent := got.spans["work"] != nil; sent != c.sent {
				t.Errorf("sent: %v, want %v; it says %s", sent, c.sent, logged)
			}
			if c.says == "" && strings.Contains(logged, "WARN") || !strings.Contains(logged, c.says) || strings.Contains(logged, "secret") {
				t.Errorf("it says %s, want %q", logged, c.says)
			}
		})
	}
	// Without an endpoint nothing is made.
	stop := StartTracing(t.Context(), func(string) string { return "" }, "", slog.New(slog.DiscardHandler))
	defer stop()
	if ctx, s := Start(t.Context(), "x"); On() || s.Recorded() || ctx != t.Context() || s.Traceparent() != "" {
		t.Error("a span of nothing")
	}
}

// TestCollectorInTrouble: what it cannot take now comes again; what it refuses does not.
func TestCollectorInTrouble(t *testing.T) {
	for name, c := range map[string]struct {
		answers  []int
		requests int
		sent     bool
	}{
		"busy":    {[]int{503, 429}, 3, true},
		"refused": {[]int{400}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, url := newCollector(t, c.answers...)
			logged := traced(t, map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": url}, func() {
				_, s := Start(t.Context(), "work")
				s.End(nil)
			})
			if got.requests != c.requests || (got.spans["work"] != nil) != c.sent {
				t.Errorf("%d requests, %v", got.requests, got.spans)
			}
			if c.sent == strings.Contains(logged, "WARN") {
				t.Errorf("it says %s", logged)
			}
		})
	}
}

// TestNobodyThere: the end of the process does not wait for a collector for ever.
func TestNobodyThere(t *testing.T) {
	start := time.Now()
	logged := traced(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_TIMEOUT": "300"}, func() {
		_, s := Start(t.Context(), "work")
		s.End(nil)
	})
	if took := time.Since(start); took > stopPatience+time.Second || !strings.Contains(logged, "WARN") {
		t.Errorf("it took %s and says %s", took, logged)
	}
}

// BenchmarkOff is what tracing costs where nobody wants it.
func BenchmarkOff(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, s := Start(b.Context(), "work")
		s.Set("a", "b")
		s.End(nil)
	}
}
