package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"sluice/internal/test/brokertest"
	"sluice/internal/test/dbtest"
	"sluice/internal/test/pgproxy"
)

// TestServe runs the whole service: it says what is missing, imports what comes, answers,
// projects, and stops in time.
func TestServe(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	db.Tenant(t, "acme")
	cluster := brokertest.Fake(t)
	prefix := cluster.Prefix(t)
	addr := freeAddress(t)
	env := []string{"SLUICE_DATABASE_URL=" + db.URL, "SLUICE_KAFKA_BROKERS=" + cluster.Addr(), "SLUICE_TOPIC_PREFIX=" + prefix, "SLUICE_LISTEN=" + addr}
	p := launch(t, env, "serve")
	get := func(path string) (int, string) {
		resp, err := http.Get("http://" + addr + path)
		if err != nil {
			return 0, err.Error()
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}
	await := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); !ok(); time.Sleep(50 * time.Millisecond) {
			select {
			case <-p.ended:
				t.Fatalf("serve ended: %s", tail(p.err.String()))
			default:
			}
			if time.Now().After(end) {
				code, body := get("/readyz")
				t.Fatalf("%s: not within a minute; /readyz says %d %s; %s", what, code, body, tail(p.err.String()))
			}
		}
	}
	await("a missing topic is named", func() bool {
		code, body := get("/readyz")
		return code == http.StatusServiceUnavailable && strings.Contains(body, prefix+".sbom")
	})
	if code, _ := get("/healthz"); code != http.StatusOK {
		t.Errorf("/healthz: %d", code)
	}
	must(t, env, time.Minute, 0, "topics", "create", "--partitions", "2")
	await("it is ready", func() bool { code, _ := get("/readyz"); return code == http.StatusOK })

	cluster.Produce(t, prefix+".vuln", kafka.Message{
		Key: []byte("fact"), Headers: []kafka.Header{{Key: "tenant", Value: []byte("acme")}},
		Value: []byte(`{"id":"OSV-1","modified":"2026-01-02T03:04:05Z","affected":[{"package":{"ecosystem":"npm","name":"left"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}]}]}`),
	})
	cluster.Produce(t, prefix+".sbom", kafka.Message{
		Key: []byte("app"), Headers: []kafka.Header{{Key: "tenant", Value: []byte("acme")}},
		Value: []byte(`{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,"metadata":{"component":{"type":"application","name":"app","version":"1","purl":"pkg:generic/app@1"}},"components":[{"type":"library","name":"left","version":"1.0.0","purl":"pkg:npm/left@1.0.0"}]}`),
	}, kafka.Message{Key: []byte("bad"), Value: []byte("{"), Headers: []kafka.Header{{Key: "tenant", Value: []byte("acme")}}})
	got := map[string]string{}
	for _, m := range append(cluster.Consume(t, prefix+".receipts", 3), cluster.Consume(t, prefix+".parked", 1)...) {
		got[brokertest.Header(m, "ce_type")+" "+string(m.Key)] = string(m.Value)
	}
	for key, want := range map[string]string{
		"dev.sluice.receipt.v1 fact": `"outcome": "accepted"`, "dev.sluice.receipt.v1 app": `"outcome": "accepted"`,
		"dev.sluice.receipt.v1 bad": `"reason": "syntax"`, "dev.sluice.parked.v1 bad": `"reason": "syntax"`,
	} {
		if !strings.Contains(got[key], want) {
			t.Errorf("%s: %s, want %s", key, got[key], want)
		}
	}
	finding := cluster.Consume(t, prefix+".findings", 1)[0]
	if typ := brokertest.Header(finding, "ce_type"); typ != "dev.sluice.finding.opened.v1" || !strings.Contains(string(finding.Value), "OSV-1") {
		t.Errorf("%s: %s", typ, finding.Value)
	}
	_, metrics := get("/metrics")
	for _, name := range []string{
		`sluice_kafka_documents_total{outcome="accepted",reason=""} 2`, `sluice_kafka_documents_total{outcome="parked",reason="syntax"} 1`,
		`sluice_partitions_ahead{table="ingest.scan_run_event"} 3`, `sluice_partitions_alarms{table="vex.finding_history"} 0`,
		`sluice_paused{part="projections"} 0`, `sluice_jobs_given_up{kind="sbom"} 0`, "sluice_kafka_lag_messages", "sluice_kafka_bytes_in_flight 0", "sluice_kafka_rebalances_total", "sluice_outbox_",
	} {
		if !strings.Contains(metrics, name) {
			t.Errorf("no metric %s", name)
		}
	}

	// A right is taken: the part that needs it waits and tells, the others go on.
	if err := asAdmin(db, `revoke insert on vex.open_findings from sluice_projector`); err != nil {
		t.Fatal(err)
	}
	cluster.Produce(t, prefix+".sbom", kafka.Message{
		Key: []byte("other"), Headers: []kafka.Header{{Key: "tenant", Value: []byte("acme")}},
		Value: []byte(`{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,"metadata":{"component":{"type":"application","name":"other","version":"1","purl":"pkg:generic/other@1"}},"components":[{"type":"library","name":"left","version":"1.0.0","purl":"pkg:npm/left@1.0.0"}]}`),
	})
	cluster.Consume(t, prefix+".receipts", 4)
	await("the right is named", func() bool {
		code, body := get("/readyz")
		return code == http.StatusServiceUnavailable && strings.Contains(body, "projections: paused: ") && strings.Contains(body, "the role sluice_projector lacks a right")
	})
	if _, metrics := get("/metrics"); !strings.Contains(metrics, `sluice_paused{part="projections"} 1`) || !strings.Contains(metrics, `sluice_paused{part="relay"} 0`) {
		t.Error("no metric says that projections are paused, and nothing else")
	}
	if err := asAdmin(db, `grant insert on vex.open_findings to sluice_projector`); err != nil {
		t.Fatal(err)
	}
	cluster.Consume(t, prefix+".findings", 2)
	await("it is ready again", func() bool { code, _ := get("/readyz"); return code == http.StatusOK })

	began := time.Now()
	_ = p.Process.Signal(syscall.SIGTERM)
	if status := p.finish(t, time.Minute); status != 143 {
		t.Errorf("status %d: %s", status, tail(p.err.String()))
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s to stop", took)
	}
}

// TestServeWaitsForItsDatabase: both may be starting.
func TestServeWaitsForItsDatabase(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	proxy, url := pgproxy.New(t, db.URL, nil)
	proxy.Down(true)
	addr := freeAddress(t)
	p := launch(t, []string{"SLUICE_DATABASE_URL=" + url, "SLUICE_LISTEN=" + addr}, "serve")
	time.Sleep(2 * time.Second)
	proxy.Down(false)
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		resp, err := http.Get("http://" + addr + "/readyz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				break
			}
		}
		select {
		case <-p.ended:
			t.Fatalf("serve ended: %s", tail(p.err.String()))
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("not ready: %v; %s", err, tail(p.err.String()))
		}
	}
	if !strings.Contains(p.err.String(), "database outage: waiting") {
		t.Errorf("it does not say that it waits: %s", p.err.String())
	}
	// One that does not exist is no outage.
	q := launch(t, []string{"SLUICE_DATABASE_URL=" + strings.Replace(url, "?", "x?", 1), "SLUICE_LISTEN=" + freeAddress(t)}, "serve")
	if status := q.finish(t, 30*time.Second); status != 1 {
		t.Errorf("status %d for a database that is not there: %s", status, tail(q.err.String()))
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr())
}
