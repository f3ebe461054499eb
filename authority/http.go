package authority

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sluice/internal/ask"
)

// TenantHeader says where a request is to act: a tenant by name or id. A token of ours names
// its tenant itself.
const TenantHeader = "Sluice-Tenant"

// Require lets those pass who have a permission, and acts as them: r.Context() carries the
// decision ([From]) and the actor. what is the route, as it is logged.
func (a *Authority) Require(needs Permission, what string, next http.Handler) http.Handler {
	if needs == Open {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		credential, ok := bearer(r)
		if !ok {
			w.Header().Set("WWW-Authenticate", `Bearer realm="sluice"`)
			problem(w, http.StatusUnauthorized, "unauthorized", "send a token: Authorization: Bearer …", "")
			return
		}
		ctx, _, err := a.Decide(r.Context(), Request{Credential: credential, Tenant: r.Header.Get(TenantHeader), Needs: needs, What: what})
		if err != nil {
			a.answer(w, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// bearer returns the token of a request: of its head only, as addresses are logged by everybody
// on the way.
func bearer(r *http.Request) (string, bool) {
	list := r.Header.Values("Authorization")
	if len(list) != 1 {
		return "", false
	}
	scheme, token, _ := strings.Cut(list[0], " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}

// answer says why somebody is not let in, in the words of RFC 6750.
func (a *Authority) answer(w http.ResponseWriter, err error) {
	var refused *RefusedError
	var lacks *MissingError
	switch {
	case errors.As(err, &refused):
		w.Header().Set("WWW-Authenticate", `Bearer realm="sluice", error="invalid_token"`)
		problem(w, http.StatusUnauthorized, "invalid_token", "the credential is not accepted", refused.Reference)
	case errors.As(err, &lacks):
		w.Header().Set("WWW-Authenticate", `Bearer realm="sluice", error="insufficient_scope", scope="`+string(lacks.Needs)+`"`)
		problem(w, http.StatusForbidden, "insufficient_scope", lacks.Error(), "")
	default:
		a.log.Error("whether somebody is let in cannot be decided", "error", err)
		w.Header().Set("Retry-After", "5")
		problem(w, http.StatusServiceUnavailable, "temporarily_unavailable", "the database or the issuer does not answer", "")
	}
}

// problem writes an error as OAuth 2 does.
func problem(w http.ResponseWriter, status int, code, description, reference string) {
	respond(w, status, struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Reference   string `json:"reference,omitempty"`
	}{code, description, reference})
}

func respond(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // who asked may be gone
}

// Self is what somebody is told of himself.
type Self struct {
	ID          string       `json:"id"`
	Name        string       `json:"name"`
	Kind        string       `json:"kind"` // user, client or operator
	Tenant      string       `json:"tenant"`
	TenantID    string       `json:"tenant_id"`
	Roles       []string     `json:"roles"`
	Permissions []Permission `json:"permissions"`
	Expires     *time.Time   `json:"expires_at"`
}

// Self returns who acts by a decision.
func (d Decision) Self() Self {
	return Self{
		ID: d.Actor.User.String(), Name: d.Actor.Name, Kind: d.Kind, Tenant: d.TenantName, TenantID: d.Tenant.String(),
		Roles: append([]string{}, d.Actor.Roles...), Permissions: append([]Permission{}, d.Permissions...), Expires: d.Expires,
	}
}

// WhoAmI answers GET /v1/whoami. It stands behind Require.
func (a *Authority) WhoAmI(w http.ResponseWriter, r *http.Request) {
	d, _ := From(r.Context())
	respond(w, http.StatusOK, d.Self())
}

// maxForm bounds a request for a token.
const maxForm = 16 << 10

// Token answers POST /v1/oauth/token: a client's credentials for a token of an hour (RFC 6749,
// section 4.4), by HTTP Basic or in the form.
func (a *Authority) Token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil || r.URL.RawQuery != "" {
		problem(w, http.StatusBadRequest, "invalid_request", "send a form of at most 16 KiB in the body, and nothing in the address", "")
		return
	}
	if got := r.PostForm.Get("grant_type"); got != "client_credentials" {
		problem(w, http.StatusBadRequest, "unsupported_grant_type", "the grant_type is client_credentials", "")
		return
	}
	client, clientSecret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if user, password, ok := r.BasicAuth(); ok {
		// Section 2.3.1: both are form-encoded first. Ours are the same either way.
		user, err1 := url.QueryUnescape(user)
		password, err2 := url.QueryUnescape(password)
		if err1 != nil || err2 != nil || clientSecret != "" {
			problem(w, http.StatusBadRequest, "invalid_request", "show the secret in one way", "")
			return
		}
		client, clientSecret = user, password
	}
	access, err := a.Exchange(r.Context(), client, clientSecret, Permissions(strings.Fields(r.PostForm.Get("scope"))))
	var refused *RefusedError
	var wrong *ask.WrongError
	switch {
	case errors.As(err, &refused):
		w.Header().Set("WWW-Authenticate", `Basic realm="sluice"`)
		problem(w, http.StatusUnauthorized, "invalid_client", "the credentials are not accepted", refused.Reference)
	case errors.As(err, &wrong):
		problem(w, http.StatusBadRequest, "invalid_scope", wrong.Error(), "")
	case err != nil:
		a.answer(w, err)
	default:
		respond(w, http.StatusOK, struct {
			Token   string `json:"access_token"`
			Type    string `json:"token_type"`
			Expires int64  `json:"expires_in"`
			Scope   string `json:"scope"`
		}{access.Token, "Bearer", int64(AccessFor.Seconds()), strings.ReplaceAll(join(access.Scopes), ",", "")})
	}
}
