// Package issuertest is an OpenID Connect issuer on loopback for tests: discovery, a set of keys
// that it signs with, and tokens for clients' credentials. Begin with New and Token.
//
//	issuer := issuertest.New(t)
//	token := issuer.Token(t, issuertest.Claims{"sub": "ana", "aud": "sluice"})
package issuertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Claims are what a token says. Those that New's issuer adds can be overwritten, by nil taken away.
type Claims map[string]any

// Issuer signs tokens with keys that it publishes.
type Issuer struct {
	URL string

	mu      sync.Mutex
	keys    []jose.JSONWebKey // the last one signs
	asked   int
	down    bool
	clients map[string]string
}

// New starts an issuer with one key, which ends with the test.
func New(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{clients: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		i.answer(w, map[string]any{
			"issuer": i.URL, "jwks_uri": i.URL + "/keys", "token_endpoint": i.URL + "/token", "authorization_endpoint": i.URL + "/auth",
			"id_token_signing_alg_values_supported": []string{"RS256", "ES256", "EdDSA", "HS256", "none"}, // as some say; we take no HS256
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		i.mu.Lock()
		i.asked++
		var public []any
		for _, k := range i.keys {
			public = append(public, k.Public())
		}
		i.mu.Unlock()
		// A key of a kind that nobody here knows, as real sets have them.
		public = append(public, map[string]string{"kty": "OKP", "crv": "X448", "kid": "strange", "x": "AAAA"})
		i.answer(w, map[string]any{"keys": public})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		client, given, _ := r.BasicAuth()
		i.mu.Lock()
		want, ok := i.clients[client]
		i.mu.Unlock()
		if !ok || given != want || r.PostFormValue("grant_type") != "client_credentials" {
			http.Error(w, `{"error":"invalid_client"}`, http.StatusUnauthorized)
			return
		}
		i.answer(w, map[string]any{
			"token_type": "Bearer", "expires_in": 300,
			"access_token": i.Token(t, Claims{"sub": "service-account-" + client, "azp": client, "aud": r.PostFormValue("audience")}),
		})
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	i.URL = server.URL
	i.Rotate(t, "RS256")
	return i
}

func (i *Issuer) answer(w http.ResponseWriter, v any) {
	i.mu.Lock()
	down := i.down
	i.mu.Unlock()
	if down {
		http.Error(w, "down", http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// Rotate makes a new key, by which tokens are signed from now on; the old ones stay published.
func (i *Issuer) Rotate(t testing.TB, algorithm string) {
	t.Helper()
	var key crypto.Signer
	var err error
	switch algorithm {
	case "ES256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = append(i.keys, jose.JSONWebKey{Key: key, KeyID: fmt.Sprintf("%s-%d", algorithm, len(i.keys)), Algorithm: algorithm, Use: "sig"})
}

// Withdraw publishes the newest key only.
func (i *Issuer) Withdraw() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = i.keys[len(i.keys)-1:]
}

// Key is the one that signs now.
func (i *Issuer) Key() jose.JSONWebKey {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[len(i.keys)-1]
}

// Asked is how often somebody asked for the keys.
func (i *Issuer) Asked() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked
}

// SetDown lets the issuer answer nobody, or again.
func (i *Issuer) SetDown(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

// Client lets a service have tokens for its credentials at POST /token.
func (i *Issuer) Client(id, secret string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.clients[id] = secret
}

// Payload completes claims: this issuer, issued now, good for five minutes.
func (i *Issuer) Payload(t testing.TB, c Claims) []byte {
	t.Helper()
	all := Claims{"iss": i.URL, "iat": time.Now().Unix(), "exp": time.Now().Add(5 * time.Minute).Unix()}
	for k, v := range c {
		all[k] = v
		if v == nil {
			delete(all, k)
		}
	}
	b, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Token signs claims with the newest key.
func (i *Issuer) Token(t testing.TB, c Claims) string {
	t.Helper()
	return Sign(t, i.Key(), i.Payload(t, c), nil)
}

// Sign signs a payload with any key; head is added to the header.
func Sign(t testing.TB, key jose.JSONWebKey, payload []byte, head map[jose.HeaderKey]any) string {
	t.Helper()
	options := &jose.SignerOptions{}
	for k, v := range head {
		options = options.WithHeader(k, v)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(key.Algorithm), Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}
