package kafkaclient_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/internal/kafkaclient"
	"sluice/internal/secret"
	"sluice/internal/test/brief"
	"sluice/internal/test/brokertest"
	"sluice/internal/test/brokertest/apache"
)

func TestMistakes(t *testing.T) {
	t.Parallel()
	notPEM := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(notPEM, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	one := []string{"a:1"}
	for want, cfg := range map[string]kafkaclient.Config{
		"no Kafka broker is named":                            {Brokers: []string{"", " "}},
		`broker "a:b:c": it is HOST:PORT`:                     {Brokers: []string{"a:b:c"}},
		`broker ":9092": it is HOST:PORT`:                     {Brokers: []string{":9092"}},
		"TLS is not switched on":                              {Brokers: one, TLS: kafkaclient.TLS{ServerName: "x"}},
		"CA certificates: open no-such: ":                     {Brokers: one, TLS: kafkaclient.TLS{Enabled: true, CAFile: "no-such"}},
		"has no PEM certificate":                              {Brokers: one, TLS: kafkaclient.TLS{Enabled: true, CAFile: notPEM}},
		"given together or not at all":                        {Brokers: one, TLS: kafkaclient.TLS{Enabled: true, KeyFile: "x"}},
		"client certificate a with key b":                     {Brokers: one, TLS: kafkaclient.TLS{Enabled: true, CertFile: "a", KeyFile: "b"}},
		"but no SASL mechanism":                               {Brokers: one, SASL: kafkaclient.SASL{Password: "s3cret"}},
		"SASL scram-sha-512 needs a user name and a password": {Brokers: one, SASL: kafkaclient.SASL{Mechanism: kafkaclient.ScramSHA512, Username: "u"}},
		`SASL mechanism "gssapi": it is plain, scram-sha-256`: {Brokers: one, SASL: kafkaclient.SASL{Mechanism: "gssapi", Username: "u", Password: "s3cret"}},
		"characters that RFC 4013 does not allow":             {Brokers: one, SASL: kafkaclient.SASL{Mechanism: kafkaclient.ScramSHA256, Username: "u", Password: "s3cret\x00"}},
	} {
		if _, err := cfg.Open(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	b, err := kafkaclient.Config{Brokers: []string{" a", "b:1", "[::1]", "b:1", "[::1]:5"}}.Open()
	if err != nil || b.String() != "a:9092,b:1,[::1]:9092,[::1]:5" {
		t.Errorf("%v, %v", b, err)
	}
}

// TestSecret: no way of printing shows it.
func TestSecret(t *testing.T) {
	t.Parallel()
	cfg := kafkaclient.Config{Brokers: []string{"a:1"}, SASL: kafkaclient.SASL{Mechanism: kafkaclient.Plain, Username: "u", Password: "s3cret"}}
	b, err := cfg.Open()
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("x", "config", cfg, "sasl", cfg.SASL, "password", cfg.SASL.Password, "broker", b)
	}
	text, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	shown := log.String() + string(text) + fmt.Sprintf("%v %+v %#v %q %v %s %v", cfg, cfg, cfg, cfg.SASL.Password, cfg.SASL.Password, cfg.SASL.Password, b)
	if strings.Contains(shown, "s3cret") || !strings.Contains(shown, secret.Hidden) {
		t.Error(shown)
	}
}

// TestCheck names what is missing.
func TestCheck(t *testing.T) {
	t.Parallel()
	c := brokertest.New(t)
	prefix := c.Prefix(t)
	c.CreateTopic(t, prefix+".a", 2)
	if err := c.Broker.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if err := c.Broker.Check(t.Context(), prefix+".a"); err != nil {
		t.Error(err)
	}
	err := c.Broker.Check(t.Context(), prefix+".b", prefix+".a", prefix+".c")
	var unready *kafkaclient.UnreadyError
	if !errors.As(err, &unready) || strings.Join(unready.Missing, " ") != prefix+".b "+prefix+".c" || !strings.Contains(err.Error(), c.Addr()) {
		t.Errorf("the error is %v", err)
	}
	meta, err := c.Broker.Metadata(t.Context(), prefix+".a", prefix+".b")
	if err != nil || len(meta.Topics[0].Partitions) != 2 || !errors.Is(meta.Topics[1].Error, kafka.UnknownTopicOrPartition) {
		t.Errorf("%+v, %v", meta, err)
	}
}

// TestCheckLeaderless: a topic partition that nobody serves has a name.
func TestCheckLeaderless(t *testing.T) {
	t.Parallel()
	c := brokertest.Fake(t)
	c.CreateTopic(t, "a", 3)
	c.Fake().ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.Fake().KeepControl()
		res := req.ResponseKind().(*kmsg.MetadataResponse)
		topic := kmsg.NewMetadataResponseTopic()
		topic.Topic = kmsg.StringPtr("a")
		for i := range int32(3) {
			p := kmsg.NewMetadataResponseTopicPartition()
			p.Partition, p.Leader = i, -1
			p.ErrorCode = kerr.LeaderNotAvailable.Code
			topic.Partitions = append(topic.Partitions, p)
		}
		res.Topics = append(res.Topics, topic)
		host, port, _ := net.SplitHostPort(c.Addr())
		b := kmsg.NewMetadataResponseBroker()
		b.Host = host
		_, _ = fmt.Sscan(port, &b.Port)
		b.NodeID = 7
		res.Brokers = append(res.Brokers, b)
		return res, nil, true
	})
	err := c.Broker.Check(t.Context(), "a")
	if err == nil || !strings.Contains(err.Error(), "no leader for a/0, a/1, a/2") {
		t.Errorf("the error is %v", err)
	}
}

// TestCheckUnreachable: a broker that is down, or that accepts and says nothing, does not hold up the caller.
func TestCheckUnreachable(t *testing.T) {
	t.Parallel()
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mute.Close() })
	for _, addr := range []string{"127.0.0.1:1", mute.Addr().String()} {
		b, err := kafkaclient.Config{Brokers: []string{addr}}.Open()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		begin := time.Now()
		err = b.Check(ctx, "a")
		cancel()
		var unready *kafkaclient.UnreadyError
		if !errors.As(err, &unready) || unready.Err == nil || !strings.Contains(err.Error(), "no broker of "+addr+" answers") {
			t.Errorf("%s: %v", addr, err)
		}
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("%s: after %v", addr, took)
		}
		b.Close()
	}
}

// TestCheckTellsTheTruth: when the broker goes away, so does readiness; the library's
// own metadata stay as they were.
func TestCheckTellsTheTruth(t *testing.T) {
	t.Parallel()
	c := brokertest.Fake(t)
	c.CreateTopic(t, "a", 1)
	if err := c.Broker.Check(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	c.Fake().Close()
	if err := c.Broker.Check(t.Context(), "a"); err == nil {
		t.Error("a broker that is gone is said to be there")
	}
}

// TestClose: no goroutine of the library stays.
func TestClose(t *testing.T) { // not parallel: it counts goroutines
	c := brokertest.Fake(t)
	c.CreateTopic(t, "a", 1)
	b, err := kafkaclient.Config{Brokers: []string{c.Addr()}}.Open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Client().Metadata(t.Context(), &kafka.MetadataRequest{}); err != nil {
		t.Fatal(err)
	}
	if err := b.Check(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	b.Close()
	c.Broker.Close()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		buf := make([]byte, 1<<20)
		stacks := string(buf[:runtime.Stack(buf, true)])
		if !strings.Contains(stacks, "segmentio/kafka-go") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("goroutines stay:\n%s", stacks)
		}
	}
}

// secured logs in with every mechanism, over the Client and over a Dialer, and is refused
// with a wrong password, without TLS, and by a name that is not in the certificate.
func secured(t *testing.T, addr string, certs apache.Certificates) {
	t.Helper()
	good := kafkaclient.Config{Brokers: []string{addr}, TLS: kafkaclient.TLS{
		Enabled: true, CAFile: certs.CA, CertFile: certs.Client, KeyFile: certs.Key, ServerName: apache.ServerName,
	}}
	try := func(cfg kafkaclient.Config) error {
		b, err := cfg.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if err := b.Check(ctx); err != nil {
			return err
		}
		if _, err := b.Client().Metadata(ctx, &kafka.MetadataRequest{}); err != nil {
			t.Errorf("client: %v", err)
		}
		conn, err := b.Dialer().DialContext(ctx, "tcp", addr)
		if err != nil {
			t.Errorf("dialer: %v", err)
			return nil
		}
		defer conn.Close()
		if _, err := conn.Brokers(); err != nil {
			t.Errorf("dialer: %v", err)
		}
		return nil
	}
	for _, mechanism := range kafkaclient.Mechanisms {
		cfg := good
		cfg.SASL = kafkaclient.SASL{Mechanism: mechanism, Username: apache.Username, Password: apache.Password}
		if err := try(cfg); err != nil {
			t.Errorf("%s: %v", mechanism, err)
		}
		cfg.SASL.Password = "wr0ng"
		if err := try(cfg); err == nil || strings.Contains(err.Error(), "wr0ng") {
			t.Errorf("%s with a wrong password: %v", mechanism, err)
		}
	}
	plain := kafkaclient.SASL{Mechanism: kafkaclient.Plain, Username: apache.Username, Password: apache.Password}
	for what, spoil := range map[string]func(*kafkaclient.Config){
		"no TLS":         func(c *kafkaclient.Config) { c.TLS = kafkaclient.TLS{} },
		"another CA":     func(c *kafkaclient.Config) { c.TLS.CAFile = "" },
		"another name":   func(c *kafkaclient.Config) { c.TLS.ServerName = "other.test" },
		"no name":        func(c *kafkaclient.Config) { c.TLS.ServerName = "" },
		"no SASL":        func(c *kafkaclient.Config) { c.SASL = kafkaclient.SASL{} },
		"no certificate": func(c *kafkaclient.Config) { c.TLS.CertFile, c.TLS.KeyFile = "", "" },
	} {
		cfg := good
		cfg.SASL = plain
		spoil(&cfg)
		if err := try(cfg); err == nil || strings.Contains(err.Error(), apache.Password) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestSecurity(t *testing.T) {
	t.Parallel()
	certs, err := apache.NewCertificates(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(certs.Server, certs.Server)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(certs.CA)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	c := brokertest.Fake(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}), kfake.EnableSASL(),
		kfake.Superuser("PLAIN", apache.Username, apache.Password), kfake.Superuser("SCRAM-SHA-256", apache.Username, apache.Password),
		kfake.Superuser("SCRAM-SHA-512", apache.Username, apache.Password))
	secured(t, c.Addr(), certs)
}

func TestSecurityOfKafka(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("starts an Apache Kafka, which takes 8 s")
	}
	k := brokertest.StartSecureKafka(t)
	secured(t, k.SecureAddr(), k.Certificates)
}
