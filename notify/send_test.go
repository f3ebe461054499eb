package notify

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/secret"
)

// TestSignature: the recipe of Standard Webhooks, as docs/notifications.md prints it, accepts what is sent.
func TestSignature(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	_, key := w.add(t, w.acme, NewRule{URL: secret.Secret(r.URL), Existing: true})
	w.open(t, w.acme, finding{artifact: "pkg:oci/a@1", pkg: "pkg:npm/%40scope/a@1?x=1&y=<2>", vuln: "CVE-1"})
	w.once(t)
	g := r.requests()[0]
	id, timestamp, signatures := g.header.Get("webhook-id"), g.header.Get("webhook-timestamp"), g.header.Get("webhook-signature")
	k, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(string(key), "whsec_"))
	if err != nil || len(k) != 32 {
		t.Fatalf("%d bytes of a key: %v", len(k), err)
	}
	mac := hmac.New(sha256.New, k)
	mac.Write([]byte(id + "." + timestamp + "." + string(g.body)))
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); signatures != want {
		t.Errorf("signature %q, want %q", signatures, want)
	}
	if g.header.Get("content-type") != "application/json" || !strings.Contains(string(g.body), "x=1&y=<2>") {
		t.Errorf("%v\n%s", g.header, g.body)
	}
	// The example of the specification, so that it is not our own reading alone.
	const body = `{"test": 2432232314}`
	got, err := sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(body))
	if err != nil || got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestRecipe: what docs/notifications.md tells a receiver to do accepts what is sent, and nothing else.
func TestRecipe(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("the recipe is in Python, and there is none here; TestSignature does the same in Go")
	}
	text, err := os.ReadFile("../docs/notifications.md")
	if err != nil {
		t.Fatal(err)
	}
	_, recipe, _ := strings.Cut(string(text), "```python\n")
	recipe, _, ok := strings.Cut(recipe, "```")
	if !ok {
		t.Fatal("docs/notifications.md has no recipe")
	}
	key, now, body := newSecret(), time.Now(), `{"purl":"pkg:npm/a?b=c&d=<é>"}`
	signature, err := sign(key, "id", now, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	script := recipe + `
import json, sys
secret, at, signature, body = json.load(sys.stdin)
def says(at, signature, body): return verify(secret, {"webhook-id": "id", "webhook-timestamp": at, "webhook-signature": signature}, body.encode())
print(says(at, signature, body), says(at, "v1,x " + signature, body), says(at, signature, body + " "), says(str(int(at) - 1), signature, body), says(str(int(at) - 400), signature, body), says(at, "v1,", body))
`
	in, _ := json.Marshal([]string{string(key), strconv.FormatInt(now.Unix(), 10), signature, body})
	cmd := exec.Command("python3", "-c", script)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "True True False False False False" {
		t.Errorf("%v: %s", err, out)
	}
}

// TestRetried: what is not taken is tried again with the same id and the same body, and told once.
func TestRetried(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var n atomic.Int32
	r := newReceiver(t, func(rw http.ResponseWriter, _ *http.Request) {
		if n.Add(1) <= 2 {
			rw.WriteHeader(http.StatusInternalServerError)
		}
	})
	w.add(t, w.acme, NewRule{URL: secret.Secret(r.URL), Existing: true})
	w.open(t, w.acme, finding{artifact: "pkg:oci/a@1", pkg: "pkg:npm/a@1", vuln: "CVE-1"})
	stop := running(t, w.notifier())
	until(t, "sent", func() bool {
		return query[int64](t, w, `select count(*) from routing.notify_message where state = 'sent' and attempts = 3`)[0] == 1
	})
	// While it waited, nothing else of the rule went; what came meanwhile comes next.
	w.open(t, w.acme, finding{artifact: "pkg:oci/a@1", pkg: "pkg:npm/b@1", vuln: "CVE-2"})
	until(t, "the next one", func() bool { return len(r.requests()) == 4 })
	stop()
	all := r.requests()
	for _, g := range all[1:3] {
		if g.header.Get("webhook-id") != all[0].header.Get("webhook-id") || string(g.body) != string(all[0].body) {
			t.Error("a repetition has another id or body")
		}
	}
	if all[3].header.Get("webhook-id") == all[0].header.Get("webhook-id") || all[3].told(t) != "opened CVE-2" {
		t.Errorf("then %s", all[3].body)
	}
}

// TestCrash: a process that ends between the receiver's answer and writing it down sends again, with the same id.
func TestCrash(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	w.add(t, w.acme, NewRule{URL: secret.Secret(r.URL), Existing: true})
	w.open(t, w.acme, finding{artifact: "pkg:oci/a@1", pkg: "pkg:npm/a@1", vuln: "CVE-1"})
	killed := errors.New("killed")
	n := w.notifier()
	n.beforeSettle = func(landed) error { return killed }
	if _, err := n.Once(t.Context()); !errors.Is(err, killed) {
		t.Fatal(err)
	}
	if tally := w.once(t); tally.Sent != 1 || tally.Told != 0 {
		t.Errorf("%+v", tally)
	}
	all := r.requests()
	if len(all) != 2 || all[0].header.Get("webhook-id") != all[1].header.Get("webhook-id") || string(all[0].body) != string(all[1].body) {
		t.Errorf("%d requests, of which the second is another one", len(all))
	}
}

// TestGivenUp: a message whose receiver is down for too long, or will never take it, stays to be looked at, is sent again by
// hand, with its id, or is dropped. Meanwhile nothing is lost: the next message tells of what came.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var status atomic.Int32
	status.Store(http.StatusServiceUnavailable)
	r := newReceiver(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.WriteHeader(int(status.Load()))
		_, _ = rw.Write([]byte("down\x1b[31m for\n repair " + strings.Repeat("x", 10_000)))
	})
	w.add(t, w.acme, NewRule{URL: secret.Secret(r.URL), Existing: true})
	w.open(t, w.acme, finding{artifact: "pkg:oci/a@1", pkg: "pkg:npm/a@1", vuln: "CVE-1"})
	if tally := w.once(t); tally != (Tally{Told: 1, Waiting: 1}) {
		t.Fatalf("%+v", tally)
	}
	w.open(t, w.acme, finding{artifact: "pkg:oci/a@1", pkg: "pkg:npm/b@1", vuln: "CVE-2"})
	w.exec(t, `update routing.notify_message set waiting_since = now() - interval '25 hours'`)
	if tally := w.once(t); tally != (Tally{Failed: 1}) { // CVE-2 waits for the message before
		t.Fatalf("%+v", tally)
	}
	list, err := w.store.Failed(t.Context(), w.acme, "r", 10)
	if err != nil || len(list) != 1 || list[0].Attempts != 2 || *list[0].Status != 503 || !strings.HasPrefix(list[0].Error, "HTTP 503 Service Unavailable: down [31m for repair xxx") || len(list[0].Error) > 300 {
		t.Fatalf("%v: %+v", err, list)
	}
	status.Store(http.StatusOK)
	if tally := w.once(t); tally != (Tally{Told: 1, Sent: 1}) {
		t.Fatalf("%+v", tally)
	}
	if got := r.requests()[2].told(t); got != "opened CVE-2" {
		t.Errorf("told %q", got)
	}
	again, err := w.store.Retry(t.Context(), w.acme, Pick{})
	if err != nil || len(again) != 1 || again[0] != list[0].ID {
		t.Fatalf("%v: %v", again, err)
	}
	if tally := w.once(t); tally != (Tally{Sent: 1}) {
		t.Fatalf("%+v", tally)
	}
	if g := r.requests()[3]; g.header.Get("webhook-id") != list[0].ID.String() || g.told(t) != "opened CVE-1" {
		t.Errorf("%v %s", g.header, g.body)
	}
	// Refused for good: given up at once.
	status.Store(http.StatusBadRequest)
	w.open(t, w.acme, finding{artifact: "pkg:oci/a@1", pkg: "pkg:npm/c@1", vuln: "CVE-3"})
	if tally := w.once(t); tally != (Tally{Told: 1, Failed: 1}) {
		t.Fatalf("%+v", tally)
	}
	if dropped, err := w.store.Drop(t.Context(), w.acme, Pick{Rule: "r"}); err != nil || len(dropped) != 1 {
		t.Errorf("%v: %v", dropped, err)
	}
	if again, err := w.store.Retry(t.Context(), w.acme, Pick{}); err != nil || len(again) != 0 {
		t.Errorf("%v: %v", again, err)
	}
}

// TestSlow: receivers that keep us waiting, more of one tenant's than may be sent to at a time, hold up no other tenant's, nor
// messages for the topic.
func TestSlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(t, `update core.outbox_route set enabled = true where name = 'findings'`)
	other := w.db.Tenant(t, "other")
	hang := make(chan struct{})
	slow := newReceiver(t, func(http.ResponseWriter, *http.Request) { <-hang })
	quick := newReceiver(t, nil)
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		w.add(t, w.acme, NewRule{Rule: Rule{Name: name}, URL: secret.Secret(slow.URL), Existing: true})
	}
	w.add(t, w.acme, NewRule{Rule: Rule{Name: "topic", Target: Topic}, Existing: true})
	w.open(t, w.acme, finding{artifact: "pkg:oci/a@1", pkg: "pkg:npm/a@1", vuln: "CVE-1"})
	stop := running(t, w.notifier(func(c *Config) { c.Timeout = time.Minute }))
	until(t, "the slow one is busy", func() bool { return len(slow.requests()) == maxOfTenant })
	w.add(t, other, NewRule{URL: secret.Secret(quick.URL), Existing: true})
	w.open(t, other, finding{artifact: "pkg:oci/b@1", pkg: "pkg:npm/b@1", vuln: "CVE-2"})
	until(t, "the other tenant's", func() bool { return len(quick.requests()) == 1 })
	until(t, "the topic's", func() bool { return query[int64](t, w, `select count(*) from core.outbox`)[0] == 1 })
	if n := len(slow.requests()); n != maxOfTenant {
		t.Errorf("%d at a time for one tenant", n)
	}
	close(hang)
	until(t, "the slow ones", func() bool { return len(slow.requests()) == 6 })
	stop()
}

// TestTwo: of two notifiers one sends; the other takes over when it ends.
func TestTwo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	w.add(t, w.acme, NewRule{URL: secret.Secret(r.URL), Existing: true})
	first := running(t, w.notifier())
	until(t, "one leads", func() bool {
		return query[int64](t, w, `select count(*) from core.lead where job = 'notifications'`)[0] == 1
	})
	if _, err := w.notifier().Once(t.Context()); !errors.Is(err, ErrElsewhere) {
		t.Errorf("beside another: %v", err)
	}
	running(t, w.notifier())
	w.open(t, w.acme, finding{artifact: "pkg:oci/a@1", pkg: "pkg:npm/a@1", vuln: "CVE-1"})
	until(t, "told", func() bool { return len(r.requests()) == 1 })
	first()
	w.open(t, w.acme, finding{artifact: "pkg:oci/a@1", pkg: "pkg:npm/b@1", vuln: "CVE-2"})
	until(t, "told by the other", func() bool { return len(r.requests()) == 2 })
	if got := r.last(t, 2); got != "opened CVE-2" {
		t.Errorf("told %q", got)
	}
}

// TestGuard: webhooks reach what is public and what the operator allows, whatever the name resolves to; no redirect is
// followed; no certificate that is not trusted is accepted.
func TestGuard(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		network, addr string
		plain, ok     bool
	}{
		{"", "8.8.8.8", false, true},
		{"", "2606:4700::1", false, true},
		{"", "8.8.8.8", true, false},
		{"", "127.0.0.1", false, false},
		{"", "169.254.169.254", false, false},
		{"", "::ffff:169.254.169.254", false, false},
		{"", "64:ff9b::a9fe:a9fe", false, false},
		{"", "2002:a9fe:a9fe::1", false, false},
		{"", "fe80::1%eth0", false, false},
		{"", "fd00:ec2::254", false, false},
		{"", "10.0.0.1", false, false},
		{"", "100.100.100.200", false, false},
		{"", "0.0.0.0", false, false},
		{"", "::", false, false},
		{"", "::1", false, false},
		{"10.1.0.0/16", "10.1.2.3", false, true},
		{"10.1.0.0/16", "10.1.2.3", true, true},
		{"10.1.0.0/16", "10.2.0.1", false, false},
		{"10.1.2.3", "10.1.2.3", true, true},
		{"10.1.0.0/16", "169.254.169.254", false, false},
	} {
		var networks []string
		if tc.network != "" {
			networks = []string{tc.network}
		}
		allowed, err := ParseNetworks(networks)
		if err != nil {
			t.Fatal(err)
		}
		if err := (guard{allowed, tc.plain}).check(netip.MustParseAddr(tc.addr)); (err == nil) != tc.ok {
			t.Errorf("%s with %q, plain %v: %v", tc.addr, tc.network, tc.plain, err)
		}
	}
	if _, err := ParseNetworks([]string{"10.1.0.0/33"}); err == nil {
		t.Error("a network of 33 bits")
	}

	reached := newReceiver(t, nil)
	redirecting := newReceiver(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, reached.URL, http.StatusTemporaryRedirect)
	})
	sealed := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(sealed.Close)
	roots := x509.NewCertPool()
	roots.AddCert(sealed.Certificate())
	allowed, _ := ParseNetworks([]string{"127.0.0.0/8"})
	for name, tc := range map[string]struct {
		c    *client
		url  string
		says string
	}{
		"not allowed":       {newClient(time.Second, nil, nil), "https" + strings.TrimPrefix(reached.URL, "http") + "/?secret", "127.0.0.1 is no public address"},
		"by name":           {newClient(time.Second, nil, nil), strings.Replace(sealed.URL, "127.0.0.1", "localhost", 1), "is no public address"},
		"plain":             {newClient(time.Second, nil, nil), reached.URL, "use https://"},
		"redirect":          {newClient(time.Second, allowed, nil), redirecting.URL, "redirects are not followed"},
		"certificate":       {newClient(time.Second, allowed, nil), sealed.URL, "certificate"},
		"known certificate": {newClient(time.Second, allowed, roots), sealed.URL, ""},
		"allowed":           {newClient(time.Second, allowed, nil), reached.URL, ""},
	} {
		o := tc.c.post(t.Context(), delivery{url: secret.Secret(tc.url), body: "{}"}, time.Now())
		switch {
		case tc.says == "" && o.err != nil:
			t.Errorf("%s: %v", name, o.err)
		case tc.says != "" && (o.err == nil || !strings.Contains(o.err.Error(), tc.says) || strings.Contains(o.err.Error(), "secret")):
			t.Errorf("%s: %v does not say %q", name, o.err, tc.says)
		}
		tc.c.close()
	}
	if n := len(reached.requests()); n != 1 {
		t.Errorf("%d requests came through", n)
	}
}

// TestWaits: waits grow, spread, and are no shorter than a receiver asks for, within reason.
func TestWaits(t *testing.T) {
	t.Parallel()
	cfg := Config{}.withDefaults()
	for attempts, want := range map[int32]time.Duration{1: 5 * time.Second, 2: 30 * time.Second, 7: time.Hour, 30: time.Hour} {
		seen := map[time.Duration]bool{}
		for range 100 {
			d := cfg.wait(attempts, 0)
			if d < want*3/4 || d > want*5/4 {
				t.Fatalf("attempt %d: %s", attempts, d)
			}
			seen[d] = true
		}
		if len(seen) < 50 {
			t.Errorf("attempt %d: only %d different waits of 100", attempts, len(seen))
		}
	}
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{"": 0, "120": 2 * time.Minute, "-5": 0, "soon": 0, "Mon, 30 Nov 2026 12:05:00 GMT": 5 * time.Minute, "Mon, 30 Nov 2026 11:05:00 GMT": 0} {
		if got := after(value, now); got != want {
			t.Errorf("Retry-After %q: %s, want %s", value, got, want)
		}
	}
	if d := cfg.wait(1, 2*time.Minute); d != 2*time.Minute {
		t.Errorf("asked for 2m: %s", d)
	}
	if d := cfg.wait(1, 1000*time.Hour); d != maxRetryAfter {
		t.Errorf("asked for 1000h: %s", d)
	}
	for status, final := range map[int32]bool{200: false, 204: false, 302: false, 400: true, 401: false, 404: false, 408: false, 410: true, 413: true, 422: true, 429: false, 500: false, 503: false} {
		if o := judge(status, "", nil, now); o.final != final || (o.err == nil) != (status < 300) {
			t.Errorf("HTTP %d: final %v, %v", status, o.final, o.err)
		}
	}
}
