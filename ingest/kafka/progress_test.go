package kafka

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"

	"sluice/ingest"
	"sluice/internal/test/brokertest"
	"sluice/internal/test/pgproxy"
)

// gauge is the value of a metric as it is scraped; absent where it has none.
func gauge(t *testing.T, r *prometheus.Registry, name, topic string) string {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && (topic == "" || m.GetLabel()[1].GetValue() == topic) {
				return fmt.Sprint(m.GetGauge().GetValue())
			}
		}
	}
	return absent
}

const absent = "absent"

// TestLagUnknown: while the broker does not answer, lag and age have no value, for 0 would
// say that nothing waits; lag_known says so. The same while the database does not.
func TestLagUnknown(t *testing.T) {
	t.Parallel()
	dir, port := t.TempDir(), 0
	up := func() *brokertest.Cluster {
		opts := []kfake.Opt{kfake.DataDir(dir)}
		if port != 0 {
			opts = append(opts, kfake.Ports(port))
		}
		c := brokertest.Fake(t, opts...)
		if _, err := fmt.Sscanf(c.Addr(), "127.0.0.1:%d", &port); err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := up()
	w := newWorldOn(t, c, 1)
	w.db.Tenant(t, "acme")
	registry := prometheus.NewRegistry()
	w.cfg.Registerer = registry
	proxy, url := pgproxy.New(t, w.db.URL, nil)
	consumer, err := New(w.cfg, w.through(url), ingest.Config{Formats: formats(), RetryMax: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	w.run(consumer)
	topic := w.cfg.Prefix + ".sbom"
	expect := func(when, known, lag, age string) {
		t.Helper()
		var got string
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			values := []string{
				gauge(t, registry, "sluice_kafka_lag_known", topic), gauge(t, registry, "sluice_kafka_lag_messages", topic),
				gauge(t, registry, "sluice_kafka_oldest_message_age_seconds", topic),
			}
			if values[2] != "0" && values[2] != absent {
				values[2] = "old"
			}
			if got = strings.Join(values, " "); got == strings.Join([]string{known, lag, age}, " ") {
				return
			}
		}
		t.Fatalf("%s: known, lag, age are %s, want %s %s %s", when, got, known, lag, age)
	}
	w.produce("sbom", 5, 0)
	w.wait("documents", 5, countSBOMs)
	expect("all is stored", "1", "0", "0")
	proxy.Down(true)
	w.produce("sbom", 3, 5)
	expect("the database is away", "1", "3", "old")
	proxy.Down(false)
	expect("the database is back", "1", "0", "0")
	c.Fake().Close()
	expect("the broker is away", "0", absent, absent)
	time.Sleep(w.cfg.SessionTimeout) // and the membership is gone
	expect("the broker is away for longer", "0", absent, absent)
	w.cluster = up()
	w.produce("sbom", 2, 8)
	w.wait("documents", 10, countSBOMs)
	expect("the broker is back", "1", "0", "0")
}
