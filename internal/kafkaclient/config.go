package kafkaclient

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"

	"sluice/internal/secret"
)

// Config says where Kafka is and who we are.
type Config struct {
	// Brokers are addresses to begin with, HOST:PORT each; the cluster names the others.
	// A port that is missing is 9092.
	Brokers []string
	// ClientID is the name that the brokers' logs and quotas know us by. Default "sluice".
	ClientID string
	TLS      TLS
	SASL     SASL
}

// TLS encrypts the connections. Files are PEM. TLS 1.2 is the oldest version spoken, and
// there is no way to skip the check of the broker's certificate.
type TLS struct {
	Enabled bool
	// CAFile holds the certificates that the brokers' are checked against; empty means
	// those of the system.
	CAFile string
	// CertFile and KeyFile are our own certificate and its key, where the brokers ask for one.
	CertFile, KeyFile string
	// ServerName is the name that the brokers' certificates must bear, where it is not the
	// host of their addresses.
	ServerName string
}

// The SASL mechanisms, by their names on the command line.
const (
	Plain       = "plain"
	ScramSHA256 = "scram-sha-256"
	ScramSHA512 = "scram-sha-512"
)

// Mechanisms lists the SASL mechanisms that Open knows.
var Mechanisms = []string{Plain, ScramSHA256, ScramSHA512}

// SASL says who we are to the brokers. With Plain the password travels as it is: use it
// with TLS only.
type SASL struct {
	Mechanism string // one of Mechanisms; empty means none
	Username  string
	Password  secret.Secret
}

// addresses checks the brokers' addresses and completes them with the usual port.
func (c Config) addresses() ([]string, error) {
	var list []string
	for _, b := range c.Brokers {
		b = strings.TrimSpace(b)
		if b == "" {
			continue
		}
		if scheme, rest, ok := strings.Cut(b, "://"); ok {
			return nil, fmt.Errorf("broker %q: it is HOST:PORT without %s://, here %s", b, scheme, rest)
		}
		if !strings.Contains(b, ":") || strings.HasSuffix(b, "]") {
			b += ":9092"
		}
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			return nil, fmt.Errorf("broker %q: it is HOST:PORT", b)
		}
		if !slices.Contains(list, b) {
			list = append(list, b)
		}
	}
	if len(list) == 0 {
		return nil, errors.New("no Kafka broker is named")
	}
	return list, nil
}

func (t TLS) config() (*tls.Config, error) {
	if !t.Enabled {
		if t != (TLS{}) {
			return nil, errors.New("certificates or a server name are given, but TLS is not switched on")
		}
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("CA certificates: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("CA certificates: %s has no PEM certificate", t.CAFile)
		}
	}
	switch {
	case t.CertFile != "" && t.KeyFile != "":
		cert, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("client certificate %s with key %s: %w", t.CertFile, t.KeyFile, err)
		}
		cfg.Certificates = []tls.Certificate{cert}
	case t.CertFile != "" || t.KeyFile != "":
		return nil, errors.New("a client certificate and its key are given together or not at all")
	}
	return cfg, nil
}

func (s SASL) mechanism() (sasl.Mechanism, error) {
	if s.Mechanism == "" {
		if s != (SASL{}) {
			return nil, errors.New("a user name or password is given, but no SASL mechanism: it is " + strings.Join(Mechanisms, ", "))
		}
		return nil, nil
	}
	if s.Username == "" || s.Password == "" {
		return nil, fmt.Errorf("SASL %s needs a user name and a password", s.Mechanism)
	}
	algorithm := scram.SHA256
	switch s.Mechanism {
	case Plain:
		return plain.Mechanism{Username: s.Username, Password: string(s.Password)}, nil
	case ScramSHA256:
	case ScramSHA512:
		algorithm = scram.SHA512
	default:
		return nil, fmt.Errorf("SASL mechanism %q: it is %s", s.Mechanism, strings.Join(Mechanisms, ", "))
	}
	m, err := scram.Mechanism(algorithm, s.Username, string(s.Password))
	if err != nil {
		// The library's error may quote what it was given.
		return nil, fmt.Errorf("SASL %s: the user name or password has characters that RFC 4013 does not allow", s.Mechanism)
	}
	return m, nil
}
