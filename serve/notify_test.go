package serve

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluice/internal/ask"
	"sluice/internal/secret"
	"sluice/internal/test/dbtest"
	"sluice/notify"
)

// TestNotify: a service tells of a finding that opens while it runs, at a receiver that its operator allows, and of an example that
// somebody asks for meanwhile.
func TestNotify(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	acme := db.Tenant(t, "acme")
	bodies := make(chan string, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- string(body)
	}))
	t.Cleanup(receiver.Close)
	d := NewDatabase(DatabaseConfig{URL: db.URL})
	t.Cleanup(d.Close)
	var wrong *ask.WrongError
	if _, err := New(t.Context(), Config{Database: d, Notify: &Notify{Networks: []string{"inside"}}}); !errors.As(err, &wrong) {
		t.Errorf("a network called inside: %v", err)
	}
	s, err := New(t.Context(), Config{Database: d, Notify: &Notify{Networks: []string{"127.0.0.0/8"}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })

	store, err := d.Notifications(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.Add(t.Context(), acme, notify.NewRule{Rule: notify.Rule{Name: "urgent", Severity: "high"}, URL: secret.Secret(receiver.URL)}); err != nil {
		t.Fatal(err)
	}
	of, err := store.Test(t.Context(), acme, "urgent")
	if err != nil {
		t.Fatal(err)
	}
	next := func(says string) {
		t.Helper()
		select {
		case body := <-bodies:
			if !strings.Contains(body, says) {
				t.Errorf("%s does not say %s", body, says)
			}
		case <-time.After(time.Minute):
			t.Fatalf("nothing comes that says %s", says)
		}
	}
	next(`"test":true`)
	_, err = db.Admin(t).Exec(t.Context(), `insert into vex.open_findings (tenant_id, artifact_purl, artifact_id, package_purl, package_id, vuln_id, severity, evidence)
		values ($1, 'pkg:oci/app@1', gen_random_uuid(), 'pkg:npm/a@1', gen_random_uuid(), 'CVE-2026-1', 'critical', '{}')`, acme)
	if err != nil {
		t.Fatal(err)
	}
	next(`"vulnerability":"CVE-2026-1"`)
	if o, err := store.Outcome(t.Context(), acme, of); err != nil || o.State != "sent" || *o.Status != 200 {
		t.Errorf("%+v: %v", o, err)
	}
}
