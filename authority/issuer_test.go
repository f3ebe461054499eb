package authority

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"sluice/internal/ask"
	"sluice/internal/pg"
	"sluice/internal/test/issuertest"
)

const audience = "https://sluice.example"

// signedDesk knows ana, by an issuer.
func signedDesk(t *testing.T, cfg Config) (*desk, *issuertest.Issuer) {
	t.Helper()
	issuer := issuertest.New(t)
	cfg.Issuers, cfg.Audience = append(cfg.Issuers, issuer.URL), audience
	if cfg.KeysApart == 0 {
		cfg.KeysApart = time.Nanosecond
	}
	d := newDesk(t, cfg)
	d.user(t, User{Subject: "ana", Issuer: issuer.URL, Roles: []string{"analyst"}})
	return d, issuer
}

func raw(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// TestSignedTokensThatCount: by each kind of key, within the skew of clocks.
func TestSignedTokensThatCount(t *testing.T) {
	t.Parallel()
	d, issuer := signedDesk(t, Config{})
	now := time.Now()
	try := func(name string, claims issuertest.Claims, permissions string) {
		t.Helper()
		all := issuertest.Claims{"sub": "ana", "aud": audience}
		for k, v := range claims {
			all[k] = v
		}
		_, who, err := d.Decide(t.Context(), Request{Credential: issuer.Token(t, all), Tenant: "acme", Needs: Read, What: "a test"})
		if err != nil || who.Actor.Name != "ana" || join(who.Permissions) != permissions || who.Expires == nil {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
	try("RS256", nil, "decide, read")
	try("several audiences", issuertest.Claims{"aud": []string{"other", audience}}, "decide, read")
	try("expired within the skew", issuertest.Claims{"exp": now.Add(-30 * time.Second).Unix()}, "decide, read")
	try("not yet, within the skew", issuertest.Claims{"nbf": now.Add(30 * time.Second).Unix(), "iat": now.Add(30 * time.Second).Unix()}, "decide, read")
	try("scopes of others", issuertest.Claims{"scope": "openid profile"}, "decide, read")
	try("our scopes", issuertest.Claims{"scope": "openid sluice:read sluice:admin"}, "read")
	try("a list of scopes", issuertest.Claims{"scp": []string{"sluice:read"}}, "read")
	for _, alg := range []string{"ES256", "EdDSA", "PS512"} {
		issuer.Rotate(t, alg)
		try(alg, nil, "decide, read")
	}
}

// TestSignedTokensThatDoNotCount: all are refused alike, and each for its own reason.
func TestSignedTokensThatDoNotCount(t *testing.T) {
	t.Parallel()
	other := issuertest.New(t)
	d, issuer := signedDesk(t, Config{})
	d.user(t, User{Subject: "gone", Issuer: issuer.URL, Roles: []string{"analyst"}})
	d.user(t, User{Subject: "local", Roles: []string{"analyst"}})
	if _, err := d.SetUser(t.Context(), d.acme, "gone", false); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	claims := func(c issuertest.Claims) issuertest.Claims {
		all := issuertest.Claims{"sub": "ana", "aud": audience}
		for k, v := range c {
			all[k] = v
		}
		return all
	}
	token := func(c issuertest.Claims) string { return issuer.Token(t, claims(c)) }
	good := token(nil)
	part := strings.Split(good, ".")
	payload := issuer.Payload(t, claims(nil))
	key := issuer.Key()
	forged := other.Key()
	forged.KeyID = key.KeyID
	// The public key, as anybody has it, taken for the secret of an HMAC.
	public, err := x509.MarshalPKIXPublicKey(key.Key.(*rsa.PrivateKey).Public())
	if err != nil {
		t.Fatal(err)
	}
	shared := jose.JSONWebKey{Key: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), KeyID: key.KeyID, Algorithm: "HS256"}
	attacker := other.Key()
	attached := attacker.Public()
	d.strangers(t, "acme", map[string]struct{ credential, reason string }{
		"expired":          {token(issuertest.Claims{"exp": now.Add(-2 * time.Minute).Unix()}), "expired"},
		"without an end":   {token(issuertest.Claims{"exp": nil}), "expired"},
		"not yet":          {token(issuertest.Claims{"nbf": now.Add(2 * time.Minute).Unix()}), "does not count before"},
		"from the future":  {token(issuertest.Claims{"iat": now.Add(2 * time.Minute).Unix()}), "still to come"},
		"wrong audience":   {token(issuertest.Claims{"aud": "https://other.example"}), "expected audience"},
		"no audience":      {token(issuertest.Claims{"aud": nil}), "expected audience"},
		"wrong issuer":     {other.Token(t, claims(nil)), "none of --oidc-issuer"},
		"no issuer":        {token(issuertest.Claims{"iss": nil}), "none of --oidc-issuer"},
		"another's claim":  {other.Token(t, claims(issuertest.Claims{"iss": issuer.URL})), "has no key|verify"},
		"no subject":       {token(issuertest.Claims{"sub": nil}), "no subject"},
		"unknown subject":  {token(issuertest.Claims{"sub": "eve"}), `no user or client with issuer .* and subject ."?eve`},
		"a local user":     {token(issuertest.Claims{"sub": "local"}), "no user or client with issuer"},
		"disabled":         {token(issuertest.Claims{"sub": "gone"}), "gone: disabled"},
		"alg none":         {raw(`{"alg":"none","typ":"JWT"}`) + "." + raw(string(payload)) + ".", "neither a token of ours nor a signed one"},
		"alg None":         {raw(`{"alg":"None"}`) + "." + raw(string(payload)) + "." + part[2], "neither a token of ours nor a signed one"},
		"unsigned":         {part[0] + "." + part[1] + ".", "neither a token|verify"},
		"two parts":        {part[0] + "." + part[1], "neither a token of ours nor a signed one"},
		"changed":          {part[0] + "." + raw(strings.Replace(string(payload), "ana", "eve", 1)) + "." + part[2], "verify"},
		"forged":           {issuertest.Sign(t, forged, payload, nil), "verify"},
		"shared key":       {issuertest.Sign(t, shared, payload, nil), "neither a token of ours nor a signed one"},
		"brings its key":   {issuertest.Sign(t, forged, payload, map[jose.HeaderKey]any{"jwk": attached}), "verify"},
		"names its keys":   {issuertest.Sign(t, forged, payload, map[jose.HeaderKey]any{"jku": other.URL + "/keys"}), "verify"},
		"for a log-out":    {issuertest.Sign(t, key, payload, map[jose.HeaderKey]any{"typ": "logout+jwt"}), "no token to sign in with"},
		"understands crit": {issuertest.Sign(t, key, payload, map[jose.HeaderKey]any{"crit": []string{"x"}, "x": 1}), "crit|verify"},
		"no claims":        {issuertest.Sign(t, key, []byte(`[]`), nil), "not one claim"},
		"encrypted":        {"a.b.c.d.e", "neither a token of ours nor a signed one"},
	})
	d.strangers(t, "nowhere", map[string]struct{ credential, reason string }{
		"of a tenant that is not there": {good, `tenant .*nowhere.* has no user`},
	})
}

// TestKeyRotation: a new key counts at once, one that the issuer took back no longer than
// KeysFor; an issuer that is down stops nobody whose key is known.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	d, issuer := signedDesk(t, Config{KeysFor: 300 * time.Millisecond})
	ask := func(token string) error {
		_, _, err := d.Decide(t.Context(), Request{Credential: token, Tenant: "acme", Needs: Read, What: "a test"})
		return err
	}
	claims := issuertest.Claims{"sub": "ana", "aud": audience}
	old := issuer.Token(t, claims)
	if err := ask(old); err != nil {
		t.Fatal(err)
	}
	issuer.Rotate(t, "ES256")
	if err := ask(issuer.Token(t, claims)); err != nil {
		t.Errorf("a new key: %v", err)
	}
	if err := ask(old); err != nil {
		t.Errorf("the old key, which is still published: %v", err)
	}
	issuer.SetDown(true)
	deadline := time.Now().Add(400 * time.Millisecond) // KeysFor is over
	for time.Now().Before(deadline) {
		if err := ask(old); err != nil {
			t.Fatalf("while the issuer is down: %v", err)
		}
	}
	issuer.Rotate(t, "EdDSA")
	var outage *outageError
	if err := ask(issuer.Token(t, claims)); !errors.As(err, &outage) {
		t.Errorf("a key that nobody can ask about: %v", err)
	}
	issuer.SetDown(false)
	issuer.Withdraw()
	if err := ask(issuer.Token(t, claims)); err != nil {
		t.Errorf("back again: %v", err)
	}
	var refused *RefusedError
	if err := ask(old); !errors.As(err, &refused) {
		t.Errorf("a key that was taken back: %v", err)
	}
}

// TestInventedKeys: whatever tokens name, the issuer is asked no oftener than KeysApart says.
func TestInventedKeys(t *testing.T) {
	t.Parallel()
	d, issuer := signedDesk(t, Config{KeysApart: time.Hour})
	forged := issuertest.New(t).Key()
	for i := range 50 {
		forged.KeyID = strings.Repeat("x", i+1)
		token := issuertest.Sign(t, forged, issuer.Payload(t, issuertest.Claims{"sub": "ana", "aud": audience}), nil)
		var refused *RefusedError
		if _, _, err := d.Decide(t.Context(), Request{Credential: token, Tenant: "acme", Needs: Read}); !errors.As(err, &refused) {
			t.Fatal(err)
		}
	}
	if n := issuer.Asked(); n != 1 {
		t.Errorf("50 invented keys asked the issuer %d times", n)
	}
}

// TestSameSubjectOfAnotherIssuer is somebody else.
func TestSameSubjectOfAnotherIssuer(t *testing.T) {
	t.Parallel()
	second := issuertest.New(t)
	d, first := signedDesk(t, Config{Issuers: []string{second.URL}})
	claims := issuertest.Claims{"sub": "ana", "aud": audience}
	for name, c := range map[string]struct {
		issuer *issuertest.Issuer
		ok     bool
	}{"hers": {first, true}, "the other": {second, false}} {
		_, who, err := d.Decide(t.Context(), Request{Credential: c.issuer.Token(t, claims), Tenant: "acme", Needs: Read, What: "a test"})
		if (err == nil) != c.ok {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
}

// TestClientOfAnIssuer: a service gets its token from the issuer for its credentials.
func TestClientOfAnIssuer(t *testing.T) {
	t.Parallel()
	d, issuer := signedDesk(t, Config{})
	issuer.Client("scanner", "s3cret")
	made, shown, err := d.AddClient(t.Context(), d.acme, Client{ClientID: "scanner", Scopes: []Permission{Ingest}, Issuer: issuer.URL, Subject: "service-account-scanner"})
	if err != nil || shown != "" || made.Secret {
		t.Fatalf("%+v, %q, %v", made, shown, err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, issuer.URL+"/token", strings.NewReader(url.Values{"grant_type": {"client_credentials"}, "audience": {audience}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("scanner", "s3cret")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s %v", resp.Status, body, err)
	}
	_, token, _ := strings.Cut(string(body), `"access_token":"`)
	token, _, _ = strings.Cut(token, `"`)
	for needs, may := range map[Permission]bool{Ingest: true, Read: false} {
		_, who, err := d.Decide(t.Context(), Request{Credential: token, Tenant: "acme", Needs: needs, What: "a test"})
		if may != (err == nil) || may && (who.Kind != "client" || who.Actor.User != made.ID) {
			t.Errorf("%s: %+v, %v", needs, who, err)
		}
	}
	// The people who sign in at the same issuer through the service are not the service.
	if _, _, err := d.Decide(t.Context(), Request{Credential: issuer.Token(t, issuertest.Claims{"sub": "eve", "azp": "scanner", "aud": audience}), Tenant: "acme", Needs: Ingest}); err == nil {
		t.Error("somebody acts as the client that he signed in by")
	}
}

// TestPrincipalOfKafka: whom a broker vouches for is found like whom an issuer does.
func TestPrincipalOfKafka(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Config{})
	if _, _, err := d.AddClient(t.Context(), d.acme, Client{ClientID: "team-a", Scopes: []Permission{Ingest}, Issuer: "kafka", Subject: "User:team-a"}); err != nil {
		t.Fatal(err)
	}
	for subject, may := range map[string]bool{"User:team-a": true, "User:team-b": false} {
		ctx, who, err := d.Decide(t.Context(), Request{Known: &Identity{Issuer: "kafka", Subject: subject}, Tenant: "acme", Needs: Ingest, What: "a message"})
		if _, acts := pg.ActorOf(ctx); may != (err == nil) || acts != may {
			t.Errorf("%s: %+v, %v", subject, who, err)
		}
	}
}

func TestConfigOfIssuers(t *testing.T) {
	t.Parallel()
	for issuer, ok := range map[string]bool{
		"https://id.example.com": true, "https://id.example.com/realms/x": true, "http://127.0.0.1:8080": true, "http://localhost/x": true,
		"http://id.example.com": false, "http://127.0.0.1.example.com": false, "id.example.com": false, "ftp://id.example.com": false,
		"https://u:p@id.example.com": false, "https://id.example.com?x=1": false, "": false,
	} {
		var wrong *ask.WrongError
		if _, err := New(nil, Config{Issuers: []string{issuer}, Audience: "x"}); ok != (err == nil) || err != nil && !errors.As(err, &wrong) {
			t.Errorf("%q: %v", issuer, err)
		}
	}
	if _, err := New(nil, Config{Issuers: []string{"https://id.example.com"}}); err == nil || !strings.Contains(err.Error(), "audience") {
		t.Errorf("without an audience: %v", err)
	}
}

// TestIssuerThatLies: discovery that names another issuer, or keys over http, is not believed.
func TestIssuerThatLies(t *testing.T) {
	t.Parallel()
	issuer := issuertest.New(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(issuer.URL, "http://"), ":")
	d := newDesk(t, Config{Issuers: []string{"http://localhost:" + port}, Audience: audience})
	var outage *outageError
	token := issuer.Token(t, issuertest.Claims{"iss": "http://localhost:" + port, "sub": "ana", "aud": audience})
	if _, _, err := d.Decide(context.Background(), Request{Credential: token, Tenant: "acme", Needs: Read}); !errors.As(err, &outage) {
		t.Errorf("an issuer that says it is another: %v", err)
	}
}

// TestKeysThatWereTakenBack count no longer than KeysFor, though no token names a new one.
func TestKeysThatWereTakenBack(t *testing.T) {
	t.Parallel()
	d, issuer := signedDesk(t, Config{KeysFor: time.Nanosecond})
	old := issuer.Token(t, issuertest.Claims{"sub": "ana", "aud": audience})
	ask := func() error {
		_, _, err := d.Decide(t.Context(), Request{Credential: old, Tenant: "acme", Needs: Read, What: "a test"})
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	issuer.Rotate(t, "ES256")
	issuer.Withdraw()
	var refused *RefusedError
	if err := ask(); !errors.As(err, &refused) {
		t.Errorf("it was taken back: %v", err)
	}
}
