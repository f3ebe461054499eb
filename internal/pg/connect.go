package pg

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/secret"
)

// safeAuth are the ways to log in that a password survives: not those that send it as it is,
// or as an MD5 hash that is as good as the password. require_auth in the URL, or PGREQUIREAUTH, says
// otherwise, as with libpq: a database that takes tokens for passwords (RDS, Azure) wants require_auth=password.
const safeAuth = "!md5,!password"

// connectTimeout bounds the making of a connection, unless the URL (connect_timeout) or the operator
// has another.
const connectTimeout = 5 * time.Second

// Connect opens one connection as the user of the URL, without a role. Before may change where
// to connect to, and with which password; nil changes nothing.
func Connect(ctx context.Context, url string, before func(context.Context, *pgx.ConnConfig) error) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, urlError(url, err)
	}
	careful(cfg)
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = connectTimeout
	}
	if before != nil {
		if err := before(ctx, cfg); err != nil {
			return nil, err
		}
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := CheckVersion(conn.PgConn()); err != nil {
		conn.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return conn, nil
}

// parsePool is pgxpool.ParseConfig, careful with passwords.
func parsePool(url string) (*pgxpool.Config, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, urlError(url, err)
	}
	careful(cfg.ConnConfig)
	return cfg, nil
}

func careful(cfg *pgx.ConnConfig) {
	if cfg.RequireAuth == "" {
		cfg.RequireAuth = safeAuth
	}
}

// AuditorURL reports whether a URL has the login of an auditor, sluice_reader_ and the id of a tenant. What
// cannot be read has none; connecting says so.
func AuditorURL(url string) bool {
	cfg, err := pgx.ParseConfig(url)
	return err == nil && strings.HasPrefix(cfg.User, "sluice_reader_")
}

// URLError is a URL that cannot be read. Its text shows nothing of a URL that may hold a
// password: one that cannot be read cannot be cleaned either.
type URLError struct{ why string }

func (e *URLError) Error() string { return "database URL: " + e.why }

func urlError(url string, err error) error {
	scheme, authority, ok := strings.Cut(url, "://")
	if ok && scheme != "postgres" && scheme != "postgresql" && !strings.ContainsAny(scheme, " =@:/") {
		return &URLError{fmt.Sprintf("%.20q is no PostgreSQL, and nothing else will do. It is like postgres://USER@HOST:PORT/DATABASE", scheme+"://")}
	}
	if ok && !strings.Contains(authority, "@") && !strings.Contains(strings.ToLower(url), "pass") {
		return &URLError{strings.TrimPrefix(err.Error(), "database URL: ")}
	}
	return &URLError{"it cannot be read. It is like postgres://USER:PASSWORD@HOST:PORT/DATABASE; in a password, write % / ? # @ : and blanks as %25 %2F %3F %23 %40 %3A %20, " +
		"or keep it out of the URL (--database-password-file)"}
}

// loginAdvice says what to do about a connection that failed before a server knew us: TLS
// and ways to log in that we refuse. It is empty for every other error.
func loginAdvice(err error) string {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var unverified *tls.CertificateVerificationError
	switch text := err.Error(); {
	case errors.As(err, &unknown):
		return "the server's certificate is signed by nobody that is trusted here: name the CA's certificate with sslrootcert=FILE in --database-url (or PGSSLROOTCERT). sslmode=require without it checks no certificate"
	case errors.As(err, &host):
		return "the server's certificate is for another name than the host of --database-url: use a name that it bears, or have it made for this one; sslmode=verify-ca checks the CA and not the name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the server's certificate has expired or is not valid yet: renew it, and look at both clocks"
	case errors.As(err, &invalid), errors.As(err, &unverified):
		return "the server's certificate is refused: have it made anew by the CA of sslrootcert"
	case strings.Contains(text, "server refused TLS connection"):
		return "--database-url asks for TLS (sslmode) and the server has it switched off: set ssl = on there"
	case strings.Contains(text, "server requested md5 authentication"):
		return "the server asks for the password's MD5 hash, which whoever sees it can log in with: there, set password_encryption = 'scram-sha-256', set the user's password again, and write scram-sha-256 for md5 in pg_hba.conf. " +
			"Until then require_auth=md5 in --database-url lets it pass"
	case strings.Contains(text, "server requested password authentication"):
		return "the server asks for the password as it is: there, write scram-sha-256 in pg_hba.conf. Where it takes tokens for passwords (RDS, Azure), say so with sslmode=verify-full and require_auth=password in --database-url"
	case strings.Contains(text, "require_auth check failed"), strings.Contains(text, "channel binding"):
		return "the server logs in by another way than require_auth or channel_binding in --database-url allow"
	}
	return ""
}

// refused reports whether a connection failed for what only its owner can mend: certificates,
// and ways to log in. The server's own refusals have SQLSTATEs.
func refused(err error) bool {
	var connecting *pgconn.ConnectError
	return errors.As(err, &connecting) && loginAdvice(err) != ""
}

// passwordError: whoever keeps the password does not give it. They are part of the way to the
// database, and may be back in a moment.
type passwordError struct{ err error }

func (e *passwordError) Error() string { return "password of the database: " + e.err.Error() }

func (e *passwordError) Unwrap() error { return e.err }

// WithPassword is for before of Connect, and BeforeConnect of a Config: it takes the password
// anew for every connection, so that one that was changed counts without a restart. A file and
// a command come before the password of the URL, a value at hand after it.
func WithPassword(src secret.Source) func(context.Context, *pgx.ConnConfig) error {
	if src.None() {
		return nil
	}
	return func(ctx context.Context, cfg *pgx.ConnConfig) error {
		if src.File == "" && src.Command == "" && cfg.Password != "" {
			return nil
		}
		password, err := src.Get(ctx)
		if err != nil {
			return &passwordError{err}
		}
		cfg.Password = string(password)
		return nil
	}
}
