package authority

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// maxKeys bounds what an issuer says of its keys, which are some thousand bytes.
const maxKeys = 1 << 20

// staleAfter is how long keys are used when the issuer cannot be asked whether they still hold.
const staleAfter = 24 * time.Hour

// keys are an issuer's. go-oidc's own set keeps every key until a token names one that it does not
// know, so one that the issuer took back would hold for ever; and it asks anew for every
// token with an invented name, which anybody can send. This one asks when KeysFor is over, or for
// a name that it does not know, and never twice within KeysApart.
type keys struct {
	issuer string
	cfg    Config
	log    *slog.Logger

	mu      sync.Mutex // held while the issuer is asked, so that many tokens ask once
	list    []jose.JSONWebKey
	fetched time.Time // when list was
	tried   time.Time // when the issuer was asked last
	trouble error     // what came of that
}

// of returns the public keys with a name; without a name all, as a token may name none.
func (k *keys) of(ctx context.Context, keyID string) ([]crypto.PublicKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	found := k.named(keyID)
	if (len(found) == 0 || time.Since(k.fetched) >= k.cfg.KeysFor) && time.Since(k.tried) >= k.cfg.KeysApart {
		if list, err := k.fetch(ctx); err != nil {
			if ctx.Err() != nil {
				return nil, &outageError{ctx.Err()} // whoever asked went away: that says nothing of the issuer
			}
			k.trouble = err
			k.log.Warn("an issuer does not say what its keys are", "issuer", k.issuer, "error", err)
		} else {
			k.list, k.fetched, k.trouble = list, time.Now(), nil
		}
		k.tried = time.Now()
		found = k.named(keyID)
	}
	switch {
	case k.trouble != nil && (len(found) == 0 || time.Since(k.fetched) > staleAfter):
		return nil, &outageError{fmt.Errorf("keys of %s: %w", k.issuer, k.trouble)}
	case len(found) == 0:
		return nil, fmt.Errorf("%s has no key %q", k.issuer, keyID)
	}
	return found, nil
}

func (k *keys) named(keyID string) []crypto.PublicKey {
	var out []crypto.PublicKey
	for _, key := range k.list {
		if keyID == "" || key.KeyID == keyID {
			out = append(out, key.Key)
		}
	}
	return out
}

// fetch asks the issuer for its keys, by discovery.
func (k *keys) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, k.cfg.Client), k.issuer)
	if err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	var place struct {
		URL string `json:"jwks_uri"`
	}
	if err := provider.Claims(&place); err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	if err := checkURL(place.URL); err != nil {
		return nil, fmt.Errorf("jwks_uri %q: %w", place.URL, err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, place.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("jwks_uri: %w", err)
	}
	resp, err := k.cfg.Client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("jwks_uri: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxKeys+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("jwks_uri: %w", err)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("jwks_uri: %s answers %s", place.URL, resp.Status)
	case len(body) > maxKeys:
		return nil, fmt.Errorf("jwks_uri: %s has more than %d bytes", place.URL, maxKeys)
	}
	return parseKeys(body)
}

// parseKeys reads a set of keys (RFC 7517). Keys of other kinds than ours are passed over, as the
// standard asks for; so are those for something else, and private or shared ones.
func parseKeys(body []byte) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	var out []jose.JSONWebKey
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) == nil && key.IsPublic() && key.Valid() && !strings.EqualFold(key.Use, "enc") {
			out = append(out, key)
		}
	}
	if len(out) == 0 {
		return nil, errors.New("key set: there is no public key to check signatures with")
	}
	return out, nil
}
