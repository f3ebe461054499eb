package pg_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/embedpg"
	"sluice/internal/pg"
	"sluice/internal/secret"
	"sluice/internal/test/dbtest"
	"sluice/internal/test/pgtest"
)

// authority signs certificates for a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // PEM of the certificate
}

func newAuthority(t *testing.T, dir, name string) *authority {
	t.Helper()
	a := &authority{file: filepath.Join(dir, name+".pem")}
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, _ := a.sign(t, a.cert, nil)
	write(t, a.file, "CERTIFICATE", der, 0o644)
	return a
}

// sign makes a key and a certificate of it; the first one of an authority is its own.
func (a *authority) sign(t *testing.T, cert *x509.Certificate, dnsNames []string) (der, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer := a.key
	if signer == nil {
		a.key, signer = k, k
	}
	cert.DNSNames = dnsNames
	if der, err = x509.CreateCertificate(rand.Reader, cert, a.cert, k.Public(), signer); err != nil {
		t.Fatal(err)
	}
	if key, err = x509.MarshalPKCS8PrivateKey(k); err != nil {
		t.Fatal(err)
	}
	return der, key
}

// serve gives a server a certificate for localhost.
func (a *authority) serve(t *testing.T, data string, notAfter time.Time) {
	t.Helper()
	der, key := a.sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: notAfter,
	}, []string{"localhost"})
	info, err := os.Stat(data)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]struct {
		kind string
		der  []byte
	}{"server.crt": {"CERTIFICATE", der}, "server.key": {"PRIVATE KEY", key}} {
		path := filepath.Join(data, name)
		write(t, path, block.kind, block.der, 0o600)
		if s, ok := info.Sys().(*syscall.Stat_t); ok { // root runs the tests: the server is another user
			if err := os.Chown(path, int(s.Uid), int(s.Gid)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func write(t *testing.T, path, kind string, der []byte, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode); err != nil {
		t.Fatal(err)
	}
}

// reload has the server read its settings again, and waits until it has.
func reload(t *testing.T, admin *pgx.Conn) {
	t.Helper()
	before := value(t, admin, `select pg_conf_load_time()::text`)
	value(t, admin, `select pg_reload_conf()::text`)
	for deadline := time.Now().Add(30 * time.Second); value(t, admin, `select pg_conf_load_time()::text`) == before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the server does not read its settings again")
		}
	}
}

// TestLogin: a server with a certificate of its own CA, and users who log in by SCRAM, by MD5 and
// with the bare password. What is refused says what to do, and is a defect: nobody tries it
// again for ever.
func TestLogin(t *testing.T) {
	t.Parallel()
	server := pgtest.Private(t, func(c *embedpg.Config) { c.Settings = map[string]string{"fsync": "off", "shared_buffers": "16MB"} })
	admin, err := pgx.Connect(t.Context(), server.AdminURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { admin.Close(context.Background()) })
	dir := t.TempDir()
	ours, others := newAuthority(t, dir, "ours"), newAuthority(t, dir, "others")
	ours.serve(t, server.DataDir(), time.Now().Add(time.Hour))
	const hba = `hostssl   all tls  all scram-sha-256
hostnossl all tls  all reject
host      all md5  all md5
host      all bare all password
host      all all  all scram-sha-256
`
	if err := os.WriteFile(filepath.Join(server.DataDir(), "pg_hba.conf"), []byte(hba), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		`create role tls login password 'hush'`, `create role bare login password 'hush'`,
		`set password_encryption = 'md5'`, `create role md5 login password 'hush'`, `alter system set ssl = on`,
	} {
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	reload(t, admin)

	type login struct {
		user, host, params string
		want               string // what the error says; empty: none
		tls                bool
	}
	try := func(t *testing.T, l login) {
		t.Helper()
		u, err := url.Parse(server.AdminURL())
		if err != nil {
			t.Fatal(err)
		}
		u.User, u.Host, u.RawQuery = url.UserPassword(l.user, "hush"), l.host+":"+u.Port(), l.params
		conn, err := pg.Connect(t.Context(), u.String(), nil)
		if err == nil {
			defer conn.Close(t.Context())
			if got := value(t, conn, `select ssl::text from pg_stat_ssl where pid = pg_backend_pid()`) == "true"; got != l.tls {
				t.Errorf("%+v: TLS is %v", l, got)
			}
		}
		if l.want == "" {
			if err != nil {
				t.Errorf("%+v: %v", l, err)
			}
			return
		}
		if told := pg.Tell("", err); told == nil || !strings.Contains(told.Error(), l.want) || pg.FaultOf(err) != pg.FaultDefect || strings.Contains(told.Error(), "hush") {
			t.Errorf("%+v: %q is told as %v", l, pg.FaultOf(err), told)
		}
		if _, err := pg.Open(t.Context(), u.String(), pg.Reader, pg.Config{MaxConns: 1}); pg.FaultOf(err) != pg.FaultDefect {
			t.Errorf("%+v: a pool: %v is %q", l, err, pg.FaultOf(err))
		}
	}
	for _, l := range []login{
		{"tls", "127.0.0.1", "sslmode=require", "", true},
		{"tls", "127.0.0.1", "", "", true}, // prefer
		{"tls", "localhost", "sslmode=verify-full&sslrootcert=" + ours.file, "", true},
		{"tls", "localhost", "sslmode=verify-full&channel_binding=require&sslrootcert=" + ours.file, "", true},
		{"tls", "127.0.0.1", "sslmode=verify-ca&sslrootcert=" + ours.file, "", true},
		{"tls", "127.0.0.1", "sslmode=verify-full&sslrootcert=" + ours.file, "for another name than the host of --database-url", false},
		{"tls", "localhost", "sslmode=verify-full&sslrootcert=" + others.file, "name the CA's certificate with sslrootcert=FILE", false},
		{"tls", "localhost", "sslmode=verify-ca&sslrootcert=" + others.file, "name the CA's certificate with sslrootcert=FILE", false},
		{"tls", "localhost", "sslmode=require&sslrootcert=" + others.file, "name the CA's certificate with sslrootcert=FILE", false},
		{"tls", "localhost", "sslmode=verify-full", "name the CA's certificate with sslrootcert=FILE", false},
		{"tls", "127.0.0.1", "sslmode=disable", "lets nobody in without TLS", false},
		{"md5", "127.0.0.1", "sslmode=require", "set password_encryption = 'scram-sha-256'", true},
		{"md5", "127.0.0.1", "sslmode=require&require_auth=md5", "", true},
		{"bare", "127.0.0.1", "sslmode=require", "the server asks for the password as it is", true},
		{"bare", "localhost", "sslmode=verify-full&require_auth=password&sslrootcert=" + ours.file, "", true},
		{"tls", "127.0.0.1", "sslmode=require&require_auth=gss", "another way than require_auth", true},
		{"nobody", "127.0.0.1", "sslmode=require", "does not let this user in", true},
	} {
		try(t, l)
	}
	t.Run("expired", func(t *testing.T) {
		ours.serve(t, server.DataDir(), time.Now().Add(-time.Hour))
		reload(t, admin)
		try(t, login{"tls", "localhost", "sslmode=verify-full&sslrootcert=" + ours.file, "has expired", false})
	})
	t.Run("no TLS", func(t *testing.T) {
		if _, err := admin.Exec(t.Context(), `alter system set ssl = off`); err != nil {
			t.Fatal(err)
		}
		reload(t, admin)
		try(t, login{"bare", "127.0.0.1", "sslmode=require", "set ssl = on there", false})
	})
}

// TestPasswordKept: a password that is kept elsewhere is fetched for each connection, so that one
// that was changed counts at once; whoever keeps it may be away for a while.
func TestPasswordKept(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	u, err := url.Parse(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	right, _ := u.User.Password()
	u.User = url.User(u.User.Username())
	file := filepath.Join(t.TempDir(), "password")
	keep := func(password string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	connect := func(src secret.Source) error {
		conn, err := pg.Connect(t.Context(), u.String(), pg.WithPassword(src))
		if err == nil {
			err = conn.Close(t.Context())
		}
		return err
	}
	keep("wrong-hush")
	if err := connect(secret.Source{File: file}); pg.FaultOf(err) != pg.FaultDefect || strings.Contains(err.Error(), "hush") {
		t.Errorf("the wrong password: %v is %q", err, pg.FaultOf(err))
	}
	keep(right)
	for name, src := range map[string]secret.Source{
		"a file": {File: file}, "a command": {Command: "cat " + file}, "the environment": {Value: secret.Secret(right)},
	} {
		if err := connect(src); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	pool, err := pg.Open(t.Context(), u.String(), pg.Reader, pg.Config{MaxConns: 1, BeforeConnect: pg.WithPassword(secret.Source{File: file})})
	if err != nil {
		t.Fatal(err)
	}
	pool.Close()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := connect(secret.Source{File: file}); pg.FaultOf(err) != pg.FaultOutage || !strings.Contains(err.Error(), file) {
		t.Errorf("no file: %v is %q", err, pg.FaultOf(err))
	}
	u.User = url.UserPassword(u.User.Username(), right)
	if err := connect(secret.Source{Value: "of another program"}); err != nil {
		t.Errorf("the password of the URL gives way to the environment: %v", err)
	}
}

// TestURLError: a URL that cannot be read is not shown where it may hold a password.
func TestURLError(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://sluice:hu/hush@host/db", "postgres://sluice:%zzhush@host/db", "postgres://sluice:hush@host:port/db", "host=h password='hush dbname=d",
		"postgres://sluice@host:port/db?password=hush",
	} {
		for _, err := range []error{
			func() error { _, err := pg.Open(t.Context(), url, pg.Reader, pg.Config{}); return err }(),
			func() error { _, err := pg.Connect(t.Context(), url, nil); return err }(),
		} {
			if err == nil || strings.Contains(err.Error(), "hush") || !strings.Contains(err.Error(), "--database-password-file") {
				t.Errorf("%s: %v", url, err)
			}
		}
	}
	if _, err := pg.Connect(t.Context(), "postgres://host:port/db", nil); err == nil || !strings.Contains(err.Error(), "port") {
		t.Errorf("a port that is none: %v", err)
	}
}

// TestEmbeddedAsksForSCRAM: the server that we start has no password as an MD5 hash, and no
// other way in.
func TestEmbeddedAsksForSCRAM(t *testing.T) {
	t.Parallel()
	if os.Getenv("TEST_DATABASE_URL") != "" {
		t.Skip("TEST_DATABASE_URL names a server of somebody else's")
	}
	admin := dbtest.New(t).Admin(t)
	if got := value(t, admin, `show password_encryption`); got != "scram-sha-256" {
		t.Errorf("passwords are kept as %s", got)
	}
	if got := value(t, admin, `select string_agg(rolname, ' ') from pg_authid where rolcanlogin and rolpassword !~ '^SCRAM-SHA-256\$'`); got != "null" {
		t.Errorf("not kept as SCRAM: %s", got)
	}
	if got := value(t, admin, `select string_agg(distinct auth_method, ' ') from pg_hba_file_rules`); got != "scram-sha-256" {
		t.Errorf("it asks for %s", got)
	}
}
