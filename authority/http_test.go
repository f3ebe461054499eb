package authority

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"sluice/internal/id"
	"sluice/internal/test/issuertest"
)

// door is a server with a route for each permission.
func (d *desk) door(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	for _, p := range append(AllPermissions(), Anyone, Open) {
		mux.Handle("GET /"+string(p), d.Require(p, "GET /"+string(p), http.HandlerFunc(d.WhoAmI)))
	}
	mux.HandleFunc("POST /token", d.Token)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

type answered struct {
	status int
	head   http.Header
	body   map[string]any
}

func call(t *testing.T, method, address string, head http.Header, form url.Values) answered {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if head != nil {
		r.Header = head
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	a := answered{status: resp.StatusCode, head: resp.Header}
	if err := json.NewDecoder(resp.Body).Decode(&a.body); err != nil {
		t.Fatalf("%s %s: %v", method, address, err)
	}
	return a
}

func bearing(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// TestHTTP: who is let in by which route, and in which words the others are turned away.
func TestHTTP(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	d, issuer := signedDesk(t, Config{Registerer: registry})
	s := d.door(t)
	d.user(t, User{Subject: "bob", Roles: []string{"admin"}})
	_, reads := d.token(t, "bob", time.Hour, Read)
	_, expired := d.token(t, "bob", time.Nanosecond, Read)

	for _, p := range append(AllPermissions(), Anyone, Open) {
		want := http.StatusForbidden
		if p == Read || p == Anyone || p == Open {
			want = http.StatusOK
		}
		a := call(t, http.MethodGet, s.URL+"/"+string(p), bearing(reads), nil)
		if a.status != want {
			t.Errorf("with the scope read, %s is %d", p, a.status)
		}
		if want == http.StatusForbidden && (a.body["error"] != "insufficient_scope" || !strings.Contains(a.head.Get("WWW-Authenticate"), `scope="`+string(p)+`"`)) {
			t.Errorf("%s: %v %s", p, a.body, a.head)
		}
	}
	a := call(t, http.MethodGet, s.URL+"/anyone", bearing(reads), nil)
	if a.body["name"] != "bob" || a.body["tenant"] != "acme" || a.body["tenant_id"] != d.acme.String() || a.body["expires_at"] == nil || a.head.Get("Cache-Control") != "no-store" {
		t.Errorf("bob is %v", a.body)
	}
	// Without a tenant's name ana is looked for in the tenant default.
	signed := bearing(issuer.Token(t, issuertest.Claims{"sub": "ana", "aud": audience}))
	signed.Set(TenantHeader, "acme")
	if a := call(t, http.MethodGet, s.URL+"/read", signed, nil); a.status != http.StatusOK || a.body["name"] != "ana" {
		t.Errorf("ana: %d %v", a.status, a.body)
	}
	signed.Del(TenantHeader)
	if a := call(t, http.MethodGet, s.URL+"/read", signed, nil); a.status != http.StatusUnauthorized {
		t.Errorf("ana in default: %d %v", a.status, a.body)
	}

	// Strangers hear the same.
	said := map[string][]string{}
	for name, token := range map[string]string{
		"expired": expired, "never made": newSecret(prefixToken, d.acme).text, "of no tenant": newSecret(prefixToken, id.Derive(id.Shared, "x")).text,
		"unsigned": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbmEifQ.", "wrong audience": issuer.Token(t, issuertest.Claims{"sub": "ana", "aud": "x"}), "anything": "x",
	} {
		a := call(t, http.MethodGet, s.URL+"/read", bearing(token), nil)
		if a.body["reference"] == "" {
			t.Errorf("%s: no reference", name)
		}
		delete(a.body, "reference")
		text, _ := json.Marshal([]any{a.status, a.body, a.head.Get("WWW-Authenticate")})
		said[string(text)] = append(said[string(text)], name)
	}
	if len(said) != 1 {
		t.Errorf("they can be told apart: %v", said)
	}
	// What is no credential at all is told how to send one.
	for name, head := range map[string]http.Header{
		"nothing": {}, "basic": {"Authorization": {"Basic eDp5"}}, "no token": {"Authorization": {"Bearer "}}, "two": {"Authorization": {"Bearer " + reads, "Bearer " + reads}},
	} {
		if a := call(t, http.MethodGet, s.URL+"/read?access_token="+reads, head, nil); a.status != http.StatusUnauthorized || a.body["error"] != "unauthorized" {
			t.Errorf("%s: %d %v", name, a.status, a.body)
		}
	}
	// Nobody is let in when nobody can say who it is.
	issuer.SetDown(true)
	issuer.Rotate(t, "ES256")
	if a := call(t, http.MethodGet, s.URL+"/read", bearing(issuer.Token(t, issuertest.Claims{"sub": "ana", "aud": audience})), nil); a.status != http.StatusServiceUnavailable || a.head.Get("Retry-After") == "" {
		t.Errorf("an issuer that is down: %d %v", a.status, a.body)
	}
	d.pool.Close()
	if a := call(t, http.MethodGet, s.URL+"/read", bearing(reads), nil); a.status != http.StatusServiceUnavailable || strings.Contains(a.body["error_description"].(string), "pool") {
		t.Errorf("without a database: %d %v", a.status, a.body)
	}
	for outcome, want := range map[string]float64{"admitted": 4, "refused": 7, "lacking": 5, "failed": 2} {
		if got := testutil.ToFloat64(d.metrics.decisions.WithLabelValues(outcome)); got != want {
			t.Errorf("%v are %s, want %v", got, outcome, want)
		}
	}
	if n, err := testutil.GatherAndCount(registry, "sluice_access_decisions_total"); err != nil || n != 4 {
		t.Errorf("%d outcomes are shown, %v", n, err)
	}
}

// TestClientCredentials: RFC 6749, section 4.4.
func TestClientCredentials(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Config{})
	s := d.door(t)
	ctx := t.Context()
	c, secret, err := d.AddClient(ctx, d.acme, Client{ClientID: "ci/build@acme", Scopes: []Permission{Ingest, Read}})
	if err != nil {
		t.Fatal(err)
	}
	exchange := func(basic, form url.Values) answered {
		t.Helper()
		all := url.Values{"grant_type": {"client_credentials"}}
		for k, v := range form {
			all[k] = v
		}
		head := http.Header{}
		if basic != nil {
			r := &http.Request{Header: head}
			r.SetBasicAuth(url.QueryEscape(basic.Get("id")), url.QueryEscape(basic.Get("secret")))
		}
		return call(t, http.MethodPost, s.URL+"/token", head, all)
	}
	right := url.Values{"id": {"ci/build@acme"}, "secret": {secret}}
	a := exchange(right, nil)
	if a.status != http.StatusOK || a.body["token_type"] != "Bearer" || a.body["expires_in"] != 3600.0 || a.body["scope"] != "ingest read" || a.head.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", a.status, a.body)
	}
	token := a.body["access_token"].(string)
	if _, who, err := d.ask(t, token, Ingest); err != nil || who.Kind != "client" || who.Actor.User != c.ID || who.Actor.Name != "ci/build@acme" {
		t.Errorf("%+v, %v", who, err)
	}
	if a := exchange(nil, url.Values{"client_id": {"ci/build@acme"}, "client_secret": {secret}, "scope": {"read"}}); a.status != http.StatusOK || a.body["scope"] != "read" {
		t.Errorf("by the form: %d %v", a.status, a.body)
	} else if _, _, err := d.ask(t, a.body["access_token"].(string), Ingest); err == nil {
		t.Error("a token for less permits all")
	}
	for name, try := range map[string]struct {
		basic, form url.Values
		status      int
		says        string
	}{
		"another secret":  {url.Values{"id": {"ci/build@acme"}, "secret": {newSecret(prefixSecret, d.acme).text}}, nil, 401, "invalid_client"},
		"another client":  {url.Values{"id": {"cd"}, "secret": {secret}}, nil, 401, "invalid_client"},
		"no secret":       {url.Values{"id": {"ci/build@acme"}}, nil, 401, "invalid_client"},
		"nothing":         {nil, nil, 401, "invalid_client"},
		"too much":        {right, url.Values{"scope": {"admin"}}, 400, "invalid_scope"},
		"in two ways":     {right, url.Values{"client_secret": {secret}}, 400, "invalid_request"},
		"another grant":   {right, url.Values{"grant_type": {"password"}}, 400, "unsupported_grant_type"},
		"too large":       {right, url.Values{"x": {strings.Repeat("x", maxForm)}}, 400, "invalid_request"},
		"of no tenant":    {url.Values{"id": {"ci/build@acme"}, "secret": {newSecret(prefixSecret, id.Derive(id.Shared, "x")).text}}, nil, 401, "invalid_client"},
		"a token instead": {url.Values{"id": {"ci/build@acme"}, "secret": {token}}, nil, 401, "invalid_client"},
	} {
		if a := exchange(try.basic, try.form); a.status != try.status || a.body["error"] != try.says {
			t.Errorf("%s: %d %v", name, a.status, a.body)
		}
	}
	if a := call(t, http.MethodPost, s.URL+"/token?client_secret="+secret, nil, url.Values{"grant_type": {"client_credentials"}}); a.status != http.StatusBadRequest {
		t.Errorf("in the address: %d %v", a.status, a.body)
	}
	// A new secret: both count for a while, then one; what was given for the one before ends.
	_, second, err := d.RotateClient(ctx, d.acme, "ci/build@acme", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string]string{"old": secret, "new": second} {
		if a := exchange(url.Values{"id": {"ci/build@acme"}, "secret": {secret}}, nil); a.status != http.StatusOK {
			t.Errorf("the %s secret: %d %v", name, a.status, a.body)
		}
	}
	if _, _, err := d.ask(t, token, Read); err != nil {
		t.Errorf("within the overlap: %v", err)
	}
	_, third, err := d.RotateClient(ctx, d.acme, "ci/build@acme", 0)
	if err != nil {
		t.Fatal(err)
	}
	if a := exchange(url.Values{"id": {"ci/build@acme"}, "secret": {second}}, nil); a.status != http.StatusUnauthorized {
		t.Errorf("the secret before: %d %v", a.status, a.body)
	}
	if _, _, err := d.ask(t, token, Read); err == nil {
		t.Error("a token for a secret that was replaced counts")
	}
	a = exchange(url.Values{"id": {"ci/build@acme"}, "secret": {third}}, nil)
	token = a.body["access_token"].(string)
	// What a client may no longer, no token of it permits; nor one that is disabled.
	if _, err := d.SetClient(ctx, d.acme, "ci/build@acme", nil, []Permission{Read}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.ask(t, token, Ingest); err == nil {
		t.Error("a scope that was taken away counts")
	}
	no := false
	if _, err := d.SetClient(ctx, d.acme, "ci/build@acme", &no, nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.ask(t, token, Read); err == nil {
		t.Error("a client that was disabled acts")
	}
	if a := exchange(url.Values{"id": {"ci/build@acme"}, "secret": {third}}, nil); a.status != http.StatusUnauthorized {
		t.Errorf("disabled: %d %v", a.status, a.body)
	}
}
