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
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

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

// newExporter is OpenTelemetry's own, which makes the messages, over a client of ours: its client for
// HTTP brings gRPC with it, and the program would be half as large again (0028 of docs/design).
func newExporter(ctx context.Context, cfg otlp) (*otlptrace.Exporter, error) {
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
	return otlptrace.New(ctx, &client{cfg: cfg, http: &http.Client{Transport: transport}})
}

// client posts messages to a collector by OTLP over HTTP, as protobuf. It implements otlptrace.Client.
type client struct {
	cfg  otlp
	http *http.Client
}

func (c *client) Start(context.Context) error { return nil }

func (c *client) Stop(context.Context) error {
	c.http.CloseIdleConnections()
	return nil
}

// UploadTraces implements otlptrace.Client. Calls do not overlap.
func (c *client) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	// What a collector is sent has a type of its own, ExportTraceServiceRequest, with the same one field.
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return fmt.Errorf("encode spans: %w", err)
	}
	if c.cfg.gzip {
		var buf bytes.Buffer
		z := gzip.NewWriter(&buf)
		_, err := z.Write(body)
		if err = errors.Join(err, z.Close()); err != nil {
			return fmt.Errorf("compress spans: %w", err)
		}
		body = buf.Bytes()
	}
	// One time for all tries, as the standard has it.
	ctx, cancel := context.WithTimeout(ctx, c.cfg.timeout)
	defer cancel()
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval = 250 * time.Millisecond
	_, err = backoff.Retry(ctx, func() (struct{}, error) { return struct{}{}, c.post(ctx, body) }, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(0))
	if err != nil {
		return fmt.Errorf("send spans: %w", err)
	}
	return nil
}

// post makes one request. Its errors say whether there may be another one, and when.
func (c *client) post(ctx context.Context, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cfg.endpoint, bytes.NewReader(body))
	if err != nil {
		return backoff.Permanent(err)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("User-Agent", "sluice")
	if c.cfg.gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	for name, value := range c.cfg.headers {
		req.Header.Set(name, value)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return err
	}
	switch resp.StatusCode {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		if err := partial(answer); err != nil {
			return backoff.Permanent(err)
		}
		return nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		if seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After")); seconds > 0 {
			return backoff.RetryAfter(seconds)
		}
		return fmt.Errorf("the collector says %s", resp.Status)
	}
	return backoff.Permanent(fmt.Errorf("the collector says %s", resp.Status))
}

// partial is what a collector's answer, an ExportTraceServiceResponse, says about spans that it did not take:
// field 1 is a message with their number in field 1 and the reason in field 2.
func partial(answer []byte) error {
	var rejected uint64
	var why string
	_ = fields(answer, func(number protowire.Number, _ uint64, message []byte) {
		if number == 1 {
			_ = fields(message, func(number protowire.Number, n uint64, text []byte) {
				switch number {
				case 1:
					rejected = n
				case 2:
					why = string(text)
				}
			})
		}
	})
	if rejected == 0 {
		return nil
	}
	return fmt.Errorf("the collector took all but %d spans: %s", rejected, why)
}

// fields calls each with the fields of a message that are numbers or bytes.
func fields(message []byte, each func(protowire.Number, uint64, []byte)) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		var value uint64
		var content []byte
		switch kind {
		case protowire.VarintType:
			value, n = protowire.ConsumeVarint(message)
		case protowire.BytesType:
			content, n = protowire.ConsumeBytes(message)
		default:
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		each(number, value, content)
		message = message[n:]
	}
	return nil
}
