package kafka

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"sluice/internal/id"
	"sluice/normalize"
)

func TestHeaders(t *testing.T) {
	t.Parallel()
	sent := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	sum := strings.Repeat("ab", 32)
	for _, tc := range []struct {
		name    string
		headers []string
		want    meta
	}{
		{"nothing", nil, meta{observedAt: sent}},
		{
			"own",
			[]string{"tenant", " acme ", "Artifact-Purl", "pkg:oci/a@1", "stream", "ci", "scan-run-id", "7", "observed-at", "2026-01-02T03:04:05+02:00", "traceparent", "00-x"},
			meta{tenant: "acme", artifact: "pkg:oci/a@1", stream: "ci", scanRun: 7, observedAt: time.Date(2026, 1, 2, 1, 4, 5, 0, time.UTC), traceparent: "00-x"},
		},
		{
			"cloudevents",
			[]string{"ce_tenant", "acme", "ce_artifactpurl", "pkg:oci/a@1", "ce_scanrunid", "7", "ce_time", "2026-01-02T03:04:05Z", "ce_subject", "pkg:oci/other", "ce_datacontenttype", "x/y"},
			meta{tenant: "acme", artifact: "pkg:oci/a@1", scanRun: 7, observedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), contentType: "x/y"},
		},
		{
			"own win",
			[]string{"ce_tenant", "other", "tenant", "acme", "ce_time", "2020-01-01T00:00:00Z", "observed-at", "2026-01-02T03:04:05Z"},
			meta{tenant: "acme", observedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		},
		{"subject that is a purl", []string{"ce_subject", "pkg:oci/a@1"}, meta{artifact: "pkg:oci/a@1", observedAt: sent}},
		{"subject that is none", []string{"ce_subject", "build 7"}, meta{observedAt: sent}},
		{"last of several", []string{"tenant", "a", "tenant", "b"}, meta{tenant: "b", observedAt: sent}},
		{"hash", []string{"document-sha256", "sha256:" + strings.ToUpper(sum)}, meta{observedAt: sent, sha256: []byte(strings.Repeat("\xab", 32))}},
	} {
		m := kafka.Message{Time: sent}
		for i := 0; i < len(tc.headers); i += 2 {
			m.Headers = append(m.Headers, kafka.Header{Key: tc.headers[i], Value: []byte(tc.headers[i+1])})
		}
		got := readHeaders(&m)
		if fmt.Sprint(got) != fmt.Sprint(tc.want) {
			t.Errorf("%s:\n%+v, want\n%+v", tc.name, got, tc.want)
		}
	}
}

func TestOddHeaders(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		header, value string
		parks         bool
	}{
		{"scan-run-id", "seven", false},
		{"scan-run-id", "-1", false},
		{"observed-at", "yesterday", false},
		{"ce_time", "2026", false},
		{"document-sha256", "abc", true},
		{"document-ref", "/srv/x.json", true}, // without a hash
	} {
		got := readHeaders(&kafka.Message{Headers: []kafka.Header{{Key: tc.header, Value: []byte(tc.value)}}})
		if (got.park != nil) != tc.parks || (len(got.warnings) == 1) == tc.parks {
			t.Errorf("%s: %q: parked by %v, warnings %v", tc.header, tc.value, got.park, got.warnings)
		}
	}
}

func TestFetch(t *testing.T) {
	t.Parallel()
	doc := []byte(`{"a":1}`)
	sum := sha256.Sum256(doc)
	tries := 0
	mux := http.NewServeMux()
	mux.HandleFunc("/ok/doc.json", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(doc) })
	mux.HandleFunc("/ok/later.json", func(w http.ResponseWriter, _ *http.Request) {
		if tries++; tries < 3 {
			http.Error(w, "busy", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write(doc)
	})
	mux.HandleFunc("/ok/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/secret/doc.json", http.StatusFound)
	})
	mux.HandleFunc("/ok/inside", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ok/doc.json", http.StatusFound) })
	mux.HandleFunc("/ok/large", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2000)) })
	mux.HandleFunc("/secret/doc.json", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(doc) })
	mux.HandleFunc("/okay/doc.json", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(doc) })
	server := httptest.NewServer(mux)
	defer server.Close()
	inbox := t.TempDir()
	if err := os.WriteFile(filepath.Join(inbox, "doc.json"), doc, 0o600); err != nil {
		t.Fatal(err)
	}
	refs, err := NewReferences([]string{server.URL + "/ok", inbox}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	refs.pause = time.Millisecond
	for _, tc := range []struct{ ref, reason string }{
		{server.URL + "/ok/doc.json", ""},
		{server.URL + "/ok/later.json", ""},
		{server.URL + "/ok/inside", ""},
		{"file://" + inbox + "/doc.json", ""},
		{inbox + "/doc.json", ""},
		{server.URL + "/ok/away", normalize.ReasonReference},
		{server.URL + "/ok/none.json", normalize.ReasonReference},
		{server.URL + "/ok/large", normalize.ReasonTooLarge},
		{server.URL + "/okay/doc.json", normalize.ReasonReference},
		{server.URL + "/ok/../secret/doc.json", normalize.ReasonReference},
		{server.URL + "/ok/%2e%2e/secret/doc.json", normalize.ReasonReference},
		{strings.Replace(server.URL, "http://", "http://user:secret@", 1) + "/ok/doc.json", normalize.ReasonReference},
		{"ftp://example.org/doc.json", normalize.ReasonReference},
		{"file://elsewhere" + inbox + "/doc.json", normalize.ReasonReference},
		{"doc.json", normalize.ReasonReference},
		{inbox, normalize.ReasonReference},
		{"/etc/passwd", normalize.ReasonReference},
		{"\x7f://", normalize.ReasonReference},
	} {
		b, park, err := refs.Fetch(t.Context(), id.ID{1}, tc.ref, sum[:])
		switch {
		case err != nil:
			t.Errorf("%s: %v", tc.ref, err)
		case tc.reason == "" && (park != nil || string(b) != string(doc)):
			t.Errorf("%s: %q, %v", tc.ref, b, park)
		case tc.reason != "" && (park == nil || park.Reason != tc.reason):
			t.Errorf("%s: %q, %v, want %s", tc.ref, b, park, tc.reason)
		case park != nil && strings.Contains(park.Err.Error(), "secret@"):
			t.Errorf("%s: the password is shown: %v", tc.ref, park.Err)
		}
	}
	if _, park, _ := refs.Fetch(t.Context(), id.ID{1}, inbox+"/doc.json", make([]byte, 32)); park == nil || park.Reason != normalize.ReasonHash {
		t.Errorf("another hash: %v", park)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := refs.Fetch(ended, id.ID{1}, inbox+"/none.json", sum[:]); err == nil {
		t.Error("no error after the end of the context")
	}
}

// TestPlacesOfTenants: with {tenant} in a prefix each tenant has a place of its own, and is told the
// same of what lies in another's as of what is nowhere; so it is of all that lies outside.
func TestPlacesOfTenants(t *testing.T) {
	t.Parallel()
	a, b := id.ID{0xa}, id.ID{0xb}
	doc := []byte(`{"openvex":"x"}`)
	sum := sha256.Sum256(doc)
	inbox := t.TempDir()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(doc) }))
	defer server.Close()
	refs, err := NewReferences([]string{inbox + "/{tenant}", server.URL + "/of/{tenant}/"}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	refs.pause = time.Millisecond
	for _, tenant := range []id.ID{a, b} { // made after the start
		if err := os.MkdirAll(filepath.Join(inbox, tenant.String()), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	ofA := filepath.Join(inbox, a.String(), "doc.json")
	if err := os.WriteFile(ofA, doc, 0o600); err != nil {
		t.Fatal(err)
	}
	said := func(tenant id.ID, ref string) string {
		got, park, err := refs.Fetch(t.Context(), tenant, ref, sum[:])
		switch {
		case err != nil:
			t.Errorf("%s: %v", ref, err)
		case park != nil:
			return strings.ReplaceAll(park.Error(), strings.TrimPrefix(ref, "file://"), "REF")
		}
		return string(got)
	}
	for _, ref := range []string{ofA, "file://" + ofA, server.URL + "/of/" + a.String() + "/doc.json"} {
		if got := said(a, ref); got != string(doc) {
			t.Errorf("A's own %s: %s", ref, got)
		}
	}
	for theirs, nobodys := range map[string]string{
		ofA: filepath.Join(inbox, a.String(), "none.json"),
		server.URL + "/of/" + a.String() + "/doc.json":                                   server.URL + "/of/" + id.ID{0xc}.String() + "/doc.json",
		filepath.Join(inbox, b.String(), "..", a.String(), "doc.json"):                   filepath.Join(inbox, b.String(), "..", "none.json"),
		"file://" + filepath.Join(inbox, b.String()) + "/../" + a.String() + "/doc.json": "file://" + filepath.Join(inbox, b.String()) + "/../none.json",
		"/etc/passwd": "/etc/no-such-file",
	} {
		got, want := said(b, theirs), said(b, nobodys)
		if got != want || !strings.Contains(got, "under no allowed prefix") {
			t.Errorf("B is told of %s: %s; of what is nowhere: %s", theirs, got, want)
		}
	}
}

// TestReadMessage: an event in structured mode names a document too, when it is tried again as at first.
func TestReadMessage(t *testing.T) {
	t.Parallel()
	m := &kafka.Message{
		Headers: []kafka.Header{{Key: "content-type", Value: []byte("application/cloudevents+json")}},
		Value:   []byte(`{"specversion":"1.0","tenant":"acme","documentref":"file:///x","documentsha256":"` + strings.Repeat("ab", 32) + `"}`),
	}
	if d, value := readMessage(m); d.park != nil || d.tenant != "acme" || d.ref != "file:///x" || len(d.sha256) != 32 || len(value) != 0 {
		t.Errorf("read as %+v, %q", d, value)
	}
}

func TestPrefixes(t *testing.T) {
	t.Parallel()
	for _, p := range []string{"relative/path", "https://", "https://user:pw@host/", "/no/such/folder", "https://host/x?y=z"} {
		if _, err := NewReferences([]string{p}, 1); err == nil {
			t.Errorf("%q is taken for a prefix", p)
		}
	}
}

func FuzzEvent(f *testing.F) {
	for _, s := range []string{
		`{"scan_run_id":7,"occurred_at":"2026-01-01T00:00:00Z","event_type":"x","a":{"b":[1]}}`, `{"payload":{"a":1},"b":2}`, `{"payload":1}`, `[]`, `{"a":`, `{"a":1}{}`, ``,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m := &kafka.Message{Topic: "t", Value: b}
		one, two := newEventReader().read(m), newEventReader().read(m)
		if fmt.Sprint(one.payload, one.kind, one.at, one.scanRun, one.park != nil) != fmt.Sprint(two.payload, two.kind, two.at, two.scanRun, two.park != nil) {
			t.Errorf("read twice: %+v, %+v", one, two)
		}
	})
}

func FuzzMessage(f *testing.F) {
	f.Add("tenant", "acme", "application/cloudevents+json", []byte(`{"specversion":"1.0","data":{"a":1},"tenant":"x"}`))
	f.Add("observed-at", "x", "", []byte(`{"data_base64":"e30="}`))
	f.Fuzz(func(t *testing.T, name, value, contentType string, body []byte) {
		d := readHeaders(&kafka.Message{Headers: []kafka.Header{{Key: name, Value: []byte(value)}, {Key: "content-type", Value: []byte(contentType)}}})
		if d.structured() {
			_, _ = d.openEvent(body)
		}
		for _, v := range d.hints() {
			if strings.ContainsRune(v, 0) {
				t.Errorf("%q cannot be stored", v)
			}
		}
	})
}
