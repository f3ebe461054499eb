package apache

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// Who may log in at the secure listener, by every mechanism.
const (
	Username = "sluice"
	Password = "s3cret with spaces"
)

// ServerName is the name in the broker's certificate. It is not its address, so that a
// client must be told.
const ServerName = "kafka.test"

// Certificates are files in PEM that both sides of a TLS connection need.
type Certificates struct {
	CA          string // that signed the others
	Server      string // key and certificate in one
	Client, Key string
}

// NewCertificates writes certificates that are good for a day into dir.
func NewCertificates(dir string) (Certificates, error) {
	c := Certificates{
		CA: filepath.Join(dir, "ca.pem"), Server: filepath.Join(dir, "server.pem"), Client: filepath.Join(dir, "client.pem"), Key: filepath.Join(dir, "client.key"),
	}
	now := time.Now()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA of Sluice's tests"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return c, err
	}
	sign := func(serial int64, name string) (cert, key []byte, err error) {
		own := caKey
		template := ca
		if serial > 1 {
			if own, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
				return nil, nil, err
			}
			template = &x509.Certificate{
				SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
				KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
			}
		}
		der, err := x509.CreateCertificate(rand.Reader, template, ca, &own.PublicKey, caKey)
		if err != nil {
			return nil, nil, err
		}
		pkcs8, err := x509.MarshalPKCS8PrivateKey(own)
		if err != nil {
			return nil, nil, err
		}
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), nil
	}
	caCert, _, err := sign(1, "")
	if err != nil {
		return c, err
	}
	serverCert, serverKey, err := sign(2, ServerName)
	if err != nil {
		return c, err
	}
	clientCert, clientKey, err := sign(3, "client.test")
	if err != nil {
		return c, err
	}
	for path, content := range map[string][]byte{c.CA: caCert, c.Server: append(serverKey, serverCert...), c.Client: clientCert, c.Key: clientKey} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return c, err
		}
	}
	return c, nil
}

// secureListener is the part of server.properties about a listener with TLS, certificates
// of clients and every SASL mechanism that broker knows.
func secureListener(certs Certificates) map[string]string {
	const jaas = "org.apache.kafka.common.security."
	settings := map[string]string{
		"sasl.enabled.mechanisms":        "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
		"plain.sasl.jaas.config":         fmt.Sprintf("%splain.PlainLoginModule required user_%s=\"%s\";", jaas, Username, Password),
		"scram-sha-256.sasl.jaas.config": jaas + "scram.ScramLoginModule required;",
		"scram-sha-512.sasl.jaas.config": jaas + "scram.ScramLoginModule required;",
		"ssl.keystore.type":              "PEM",
		"ssl.keystore.location":          certs.Server,
		"ssl.truststore.type":            "PEM",
		"ssl.truststore.location":        certs.CA,
		"ssl.client.auth":                "required",
	}
	out := map[string]string{}
	for name, value := range settings {
		out["listener.name.secure."+name] = value
	}
	return out
}
