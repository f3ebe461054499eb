package authority

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"sluice/internal/ask"
)

// algorithms are those by which a token may be signed: with a key that only the issuer has.
// Neither none, nor those whose key the issuer would have to share with us.
var algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512,
	oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

// issuer is an OpenID Connect issuer whose word is taken.
type issuer struct {
	url  string
	cfg  Config
	keys keys
}

// newIssuers checks the configuration. Nobody is asked before the first token.
func newIssuers(cfg Config, log *slog.Logger) ([]*issuer, error) {
	if len(cfg.Issuers) == 0 {
		return nil, nil
	}
	if cfg.Audience == "" {
		return nil, ask.Wrong("oidc-audience", "is empty: say what tokens of %s are issued for; one for another service is none for us", cfg.Issuers[0])
	}
	if cfg.Skew == 0 {
		cfg.Skew = time.Minute
	}
	if cfg.KeysFor == 0 {
		cfg.KeysFor = 10 * time.Minute
	}
	if cfg.KeysApart == 0 {
		cfg.KeysApart = 5 * time.Second
	}
	if cfg.Client == nil {
		cfg.Client = &http.Client{Timeout: 10 * time.Second}
	}
	var list []*issuer
	for _, text := range cfg.Issuers {
		if err := checkURL(text); err != nil {
			return nil, ask.Wrong("oidc-issuer", "%q: %w", text, err)
		}
		list = append(list, &issuer{url: text, cfg: cfg, keys: keys{issuer: text, cfg: cfg, log: log}})
	}
	return list, nil
}

// checkURL checks where keys come from.
func checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("it is a URL with a scheme, a host and a path, as it stands in its tokens")
	}
	if here := slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, u.Hostname()); u.Scheme != "https" && !(u.Scheme == "http" && here) {
		return errors.New("over http anybody on the way could give out keys: it is https, but on this machine")
	}
	return nil
}

// signed is what a token of an issuer says.
type signed struct {
	Identity
	Expires time.Time
	Limit   []Permission // what it permits at most; nil: it says nothing of that
}

// outageError says that an issuer could not be asked: nobody knows whether the token is good.
type outageError struct{ err error }

func (e *outageError) Error() string { return e.err.Error() }
func (e *outageError) Unwrap() error { return e.err }

// verify checks a token of an issuer.
func (a *Authority) verify(ctx context.Context, token string) (signed, error) {
	// Parsed for the sake of the issuer's name and the head; what it says counts for nothing yet.
	jws, err := jose.ParseSignedCompact(token, joseAlgorithms())
	if err != nil {
		return signed{}, fmt.Errorf("it is neither a token of ours nor a signed one: %w", err)
	}
	var claim struct {
		Issuer string `json:"iss"`
	}
	if err := json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &claim); err != nil || len(jws.Signatures) != 1 {
		return signed{}, errors.New("it is not one claim with one signature")
	}
	i := slices.IndexFunc(a.issuers, func(i *issuer) bool { return i.url == claim.Issuer })
	if i < 0 {
		return signed{}, fmt.Errorf("its issuer %q is none of --oidc-issuer", claim.Issuer)
	}
	head := jws.Signatures[0].Header
	if typ, ok := head.ExtraHeaders["typ"].(string); ok && !slices.Contains([]string{"jwt", "at+jwt", "application/at+jwt"}, strings.ToLower(typ)) {
		return signed{}, fmt.Errorf("it is a %q, which is no token to sign in with", typ)
	}
	return a.issuers[i].verify(ctx, head.KeyID, token)
}

func joseAlgorithms() []jose.SignatureAlgorithm {
	out := make([]jose.SignatureAlgorithm, len(algorithms))
	for i, alg := range algorithms {
		out[i] = jose.SignatureAlgorithm(alg)
	}
	return out
}

func (i *issuer) verify(ctx context.Context, keyID, token string) (signed, error) {
	public, err := i.keys.of(ctx, keyID)
	if err != nil {
		return signed{}, err
	}
	t, err := oidc.NewVerifier(i.url, &oidc.StaticKeySet{PublicKeys: public}, &oidc.Config{
		ClientID: i.cfg.Audience, SupportedSigningAlgs: algorithms,
		Now: func() time.Time { return time.Now().Add(-i.cfg.Skew) },
	}).Verify(ctx, token)
	switch {
	case err != nil:
		return signed{}, err
	case t.Subject == "":
		return signed{}, errors.New("it has no subject")
	case t.IssuedAt.After(time.Now().Add(i.cfg.Skew)):
		return signed{}, fmt.Errorf("it was issued at %s, which is still to come", t.IssuedAt.UTC().Format(time.RFC3339))
	}
	var claims struct {
		Scope     string   `json:"scope"` // RFC 8693: words
		Scopes    any      `json:"scp"`   // of some issuers: words or a list
		NotBefore *float64 `json:"nbf"`
	}
	if err := t.Claims(&claims); err != nil {
		return signed{}, fmt.Errorf("its claims: %w", err)
	}
	// The library gives it five minutes, whatever skew is meant.
	if claims.NotBefore != nil && time.Unix(int64(*claims.NotBefore), 0).After(time.Now().Add(i.cfg.Skew)) {
		return signed{}, fmt.Errorf("it does not count before %s", time.Unix(int64(*claims.NotBefore), 0).UTC().Format(time.RFC3339))
	}
	words := strings.Fields(claims.Scope)
	switch v := claims.Scopes.(type) {
	case string:
		words = append(words, strings.Fields(v)...)
	case []any:
		for _, w := range v {
			if w, ok := w.(string); ok {
				words = append(words, w)
			}
		}
	}
	out := signed{Identity: Identity{i.url, t.Subject}, Expires: t.Expiry}
	for _, w := range words {
		if p, ok := strings.CutPrefix(w, "sluice:"); ok {
			out.Limit = append(out.Limit, Permission(p))
		}
	}
	return out, nil
}
