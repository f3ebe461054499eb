package telemetry

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// exporter sends spans to a collector by OTLP over HTTP, as protobuf. OpenTelemetry's own
// exporter is as good, and brings gRPC with it, also for HTTP: 7.5 MB of program (0025 of
// docs/design).
type exporter struct {
	cfg    otlp
	client *http.Client
}

// tracesURL is where traces go: the endpoint of traces as it is, or the one of all signals with
// the path of traces behind it.
func tracesURL(getenv func(string) string) (string, error) {
	name, path := "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", ""
	text := strings.TrimSpace(getenv(name))
	if text == "" {
		name, path = "OTEL_EXPORTER_OTLP_ENDPOINT", "v1/traces"
		text = strings.TrimSpace(getenv(name))
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "", fmt.Errorf("%s: it is a URL like http://localhost:4318", name) // not shown: it may hold a password
	}
	if path != "" {
		u = u.JoinPath(path)
	}
	return u.String(), nil
}

// headers reads NAME=VALUE,…, the values as in a URL.
func headers(text string) (map[string]string, error) {
	out := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if name = strings.TrimSpace(name); !ok || name == "" || err != nil {
			return nil, errors.New("OTEL_EXPORTER_OTLP_HEADERS: it is NAME=VALUE,NAME=VALUE with values escaped as in a URL")
		}
		out[name] = value
	}
	return out, nil
}

func newExporter(cfg otlp) (*exporter, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if cfg.certificate != "" {
		pem, err := os.ReadFile(cfg.certificate)
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %s holds no certificate", cfg.certificate)
		}
	}
	if cfg.clientCert != "" || cfg.client != "" {
		pair, err := tls.LoadX509KeyPair(cfg.clientCert, cfg.client)
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and _CLIENT_KEY: %w", err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	transport.TLSClientConfig = conf
	return &exporter{cfg: cfg, client: &http.Client{Transport: transport}}, nil
}

// ExportSpans implements sdk.SpanExporter. Calls do not overlap.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	body, err := proto.Marshal(request(spans))
	if err != nil {
		return fmt.Errorf("encode %d spans: %w", len(spans), err)
	}
	if e.cfg.gzip {
		var buf bytes.Buffer
		z := gzip.NewWriter(&buf)
		_, err := z.Write(body)
		if err = errors.Join(err, z.Close()); err != nil {
			return fmt.Errorf("compress %d spans: %w", len(spans), err)
		}
		body = buf.Bytes()
	}
	// One time for all tries, as the standard has it.
	ctx, cancel := context.WithTimeout(ctx, e.cfg.timeout)
	defer cancel()
	for pause := 250 * time.Millisecond; ; pause *= 2 {
		wait, err := e.post(ctx, body)
		if err == nil {
			return nil
		}
		var again *laterError
		if !errors.As(err, &again) || ctx.Err() != nil {
			return fmt.Errorf("send %d spans: %w", len(spans), err)
		}
		if wait == 0 {
			wait = pause/2 + rand.N(pause)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("send %d spans: %w", len(spans), err)
		}
	}
}

// laterError: the same request may be taken later.
type laterError struct{ error }

func (e *laterError) Unwrap() error { return e.error }

// post makes one request; wait is what the collector asks for before the next one.
func (e *exporter) post(ctx context.Context, body []byte) (wait time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.cfg.endpoint, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("User-Agent", "sluice")
	if e.cfg.gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	for name, value := range e.cfg.headers {
		req.Header.Set(name, value)
	}
	resp, err := e.client.Do(req)
	if err != nil {
		return 0, &laterError{err}
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return 0, &laterError{err}
	}
	switch resp.StatusCode {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		var partial collector.ExportTraceServiceResponse
		if proto.Unmarshal(answer, &partial) == nil && partial.GetPartialSuccess().GetRejectedSpans() > 0 {
			return 0, fmt.Errorf("the collector took all but %d spans: %s", partial.GetPartialSuccess().GetRejectedSpans(), partial.GetPartialSuccess().GetErrorMessage())
		}
		return 0, nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return time.Duration(max(0, seconds)) * time.Second, &laterError{fmt.Errorf("the collector says %s", resp.Status)}
	}
	return 0, fmt.Errorf("the collector says %s", resp.Status)
}

// Shutdown implements sdk.SpanExporter.
func (e *exporter) Shutdown(context.Context) error {
	e.client.CloseIdleConnections()
	return nil
}
