package serve

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice/authority"
	"sluice/internal/id"
)

// credential makes a user who may all of his tenant, and a token of his with one scope.
func credential(t *testing.T, auth *authority.Authority, tenant id.ID, scope authority.Permission) string {
	t.Helper()
	role := "admin"
	if tenant == id.Operator {
		role = "operator"
	}
	subject := "user of " + string(scope)
	if _, err := auth.AddUser(t.Context(), tenant, authority.User{Subject: subject, Roles: []string{role}}); err != nil {
		t.Fatal(err)
	}
	_, token, err := auth.AddToken(t.Context(), tenant, authority.NewToken{User: subject, Scopes: []authority.Permission{scope}})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// TestRoutesTakeWhatTheySay: each route that there is, ours and those mounted, lets in whom it
// says and nobody else.
func TestRoutesTakeWhatTheySay(t *testing.T) {
	t.Parallel()
	db := open(t)
	cfg := Config{Database: db, Listen: "127.0.0.1:0", ProtectMetrics: true}
	for _, p := range authority.AllPermissions() {
		// What an API would mount.
		cfg.Routes = append(cfg.Routes, Route{"GET /v1/test/" + string(p), p, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			who, ok := authority.From(r.Context())
			if !ok || !who.May(p) {
				t.Errorf("%s is answered to %+v", p, who)
			}
			w.WriteHeader(http.StatusNoContent)
		})})
	}
	s, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	acme, err := db.Tenant(t.Context(), "acme", true)
	if err != nil {
		t.Fatal(err)
	}
	tokens := map[authority.Permission]string{
		authority.Read:    credential(t, s.access, acme, authority.Read),
		authority.Metrics: credential(t, s.access, id.Operator, authority.Metrics),
	}
	routes := s.routes(cfg)
	if len(routes) != 5+len(authority.AllPermissions()) {
		t.Errorf("there are %d routes", len(routes))
	}
	ask := func(route Route, head string) int {
		method, path, _ := strings.Cut(route.Pattern, " ")
		r := httptest.NewRequest(method, path, nil)
		if head != "" {
			r.Header.Set("Authorization", head)
		}
		w := httptest.NewRecorder()
		s.answers.ServeHTTP(w, r)
		return w.Code
	}
	for _, route := range routes {
		open := route.Needs == authority.Open
		for _, head := range []string{"", "Bearer x", "Bearer " + tokens[authority.Read] + "x", "Basic eDp4"} {
			if got := ask(route, head); (got == http.StatusUnauthorized) == open && !strings.HasPrefix(route.Pattern, "POST /v1/oauth") {
				t.Errorf("%s, which takes %s, answers %d to %q", route.Pattern, route.Needs, got, head)
			}
		}
		for scope, token := range tokens {
			may := open || route.Needs == authority.Anyone || route.Needs == scope
			if got := ask(route, "Bearer "+token); (got == http.StatusForbidden) == may || got == http.StatusUnauthorized {
				t.Errorf("%s, which takes %s, answers %d to the scope %s", route.Pattern, route.Needs, got, scope)
			}
		}
	}

	// Without the protection everybody reads figures; that is the default.
	cfg.ProtectMetrics = false
	if got := s.routes(cfg)[0]; got.Pattern != "GET /metrics" || got.Needs != authority.Open {
		t.Errorf("%s takes %s", got.Pattern, got.Needs)
	}
	for _, wrong := range []Route{{"GET /v1/x", "", http.NotFoundHandler()}, {"/v1/x", authority.Read, http.NotFoundHandler()}} {
		if _, err := s.handler([]Route{wrong}); err == nil {
			t.Errorf("%+v is mounted", wrong)
		}
	}
}
