package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		fmt.Fprintf(w, "database: it does not answer\n")
	}))
	ask := func(args ...string) (int, string) {
		var out, errs strings.Builder
		code := run(t.Context(), append([]string{"health"}, args...), strings.NewReader(""), &out, &errs)
		return code, out.String() + errs.String()
	}
	if code, text := ask("--url", server.URL+"/readyz"); code != 0 || text != "database: it does not answer\n" {
		t.Errorf("ready: %d, %s", code, text)
	}
	status = http.StatusServiceUnavailable
	if code, text := ask("--url", server.URL+"/readyz"); code != 1 || !strings.Contains(text, "503 Service Unavailable: database: it does not answer") {
		t.Errorf("not ready: %d, %s", code, text)
	}
	server.Close()
	if code, text := ask("--url", server.URL+"/readyz"); code != 1 || !strings.Contains(text, "does `sluice serve` run") {
		t.Errorf("gone: %d, %s", code, text)
	}
	if code, text := ask("--url", "::"); code != 2 || !strings.Contains(text, "--url ::") {
		t.Errorf("no URL: %d, %s", code, text)
	}
}
