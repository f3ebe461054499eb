package serve

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sluice/authority"
)

// Route is something that is answered over HTTP. There is no other way to be answered, so none
// goes without saying what it takes.
type Route struct {
	Pattern string // of http.ServeMux, with the method: GET /v1/whoami
	Needs   authority.Permission
	Handler http.Handler
}

// routes are all routes of a service.
func (s *Service) routes(cfg Config) []Route {
	figures := authority.Open
	if cfg.ProtectMetrics {
		figures = authority.Metrics
	}
	return append([]Route{
		{"GET /metrics", figures, promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{EnableOpenMetrics: true})},
		{"GET /healthz", authority.Open, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })},
		{"GET /readyz", authority.Open, http.HandlerFunc(s.answerReady)},
		{"GET /v1/whoami", authority.Anyone, http.HandlerFunc(s.access.WhoAmI)},
		{"POST /v1/oauth/token", authority.Open, http.HandlerFunc(s.access.Token)},
	}, cfg.Routes...)
}

// handler answers the routes to those who may ask.
func (s *Service) handler(routes []Route) (http.Handler, error) {
	mux := http.NewServeMux()
	for _, r := range routes {
		if method, _, ok := strings.Cut(r.Pattern, " "); !ok || method != strings.ToUpper(method) || r.Needs == "" {
			return nil, fmt.Errorf("serve: route %q: say its method and what it takes", r.Pattern)
		}
		mux.Handle(r.Pattern, s.access.Require(r.Needs, r.Pattern, r.Handler))
	}
	return mux, nil
}

// answerReady says whether all that the process needs answers: it is alive as long as it answers
// at all, and ready when they do.
func (s *Service) answerReady(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	var wrong []string
	for _, c := range s.checks {
		if err := c.ask(ctx); err != nil {
			wrong = append(wrong, c.name+": "+err.Error())
		}
	}
	if wrong != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, strings.Join(wrong, "\n"))
		return
	}
	fmt.Fprintln(w, "ready")
}
