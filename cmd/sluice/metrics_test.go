package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/segmentio/kafka-go"

	"sluice/internal/test/brief"
	"sluice/internal/test/brokertest"
	"sluice/internal/test/dbtest"
	"sluice/internal/test/debpkg"
)

// scrape reads /metrics.
func scrape(addr string) (map[string]*dto.MetricFamily, error) {
	resp, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(resp.Body)
}

// value is the value of one series, NaN where there is none.
func value(families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	f := families[name]
	if f == nil {
		return math.NaN()
	}
	for _, m := range f.Metric {
		got := map[string]string{}
		for _, l := range m.Label {
			got[l.GetName()] = l.GetValue()
		}
		all := true
		for i := 0; i < len(labels); i += 2 {
			all = all && got[labels[i]] == labels[i+1]
		}
		if all {
			switch f.GetType() {
			case dto.MetricType_COUNTER:
				return m.GetCounter().GetValue()
			case dto.MetricType_HISTOGRAM:
				return float64(m.GetHistogram().GetSampleCount())
			}
			return m.GetGauge().GetValue()
		}
	}
	return math.NaN()
}

// documented is a row of docs/metrics.md.
type documented struct {
	kind, shown string
	labels      []string
}

func documentedMetrics(t *testing.T) map[string]documented {
	t.Helper()
	b, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]documented{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (\\w+) \\| ([^|]+) \\| ([^|]*)\\| (\\w+) \\| (.+) \\|$").FindAllStringSubmatch(string(b), -1) {
		d := documented{kind: row[2], shown: row[5]}
		for _, l := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(row[4], -1) {
			d.labels = append(d.labels, l[1])
		}
		slices.Sort(d.labels)
		out[row[1]] = d
	}
	if len(out) < 60 {
		t.Fatalf("docs/metrics.md has %d metrics: the test is blind", len(out))
	}
	return out
}

// essential are the names of the specification (14.1).
var essential = []string{
	"postgres_connections_active", "postgres_connections_idle", "postgres_transaction_duration_seconds", "postgres_query_duration_seconds",
	"postgres_cache_hit_ratio", "postgres_table_size_bytes", "postgres_index_size_bytes", "postgres_slow_queries_total",
}

// compareWithDocs holds docs/metrics.md to what is shown. other: rows with that word need not be there.
func compareWithDocs(t *testing.T, families map[string]*dto.MetricFamily, other ...string) {
	t.Helper()
	docs := documentedMetrics(t)
	for name, f := range families {
		if strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") {
			continue
		}
		d, ok := docs[name]
		if !ok {
			t.Errorf("docs/metrics.md does not have %s: %s", name, f.GetHelp())
			continue
		}
		if kind := strings.ToLower(f.GetType().String()); kind != d.kind {
			t.Errorf("%s is a %s, and docs/metrics.md says %s", name, kind, d.kind)
		}
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName())
			}
			slices.Sort(labels)
			if !slices.Equal(labels, d.labels) {
				t.Errorf("%s has the labels %v, and docs/metrics.md says %v", name, labels, d.labels)
				break
			}
		}
		if f.GetHelp() == "" {
			t.Errorf("%s has no help", name)
		}
	}
	for name, d := range docs {
		if families[name] == nil && !slices.Contains(other, d.shown) {
			t.Errorf("%s is in docs/metrics.md (shown: %s), and not in /metrics", name, d.shown)
		}
	}
	for _, name := range essential {
		if families[name] == nil {
			t.Errorf("no %s, which the specification (14.1) asks for", name)
		}
	}
}

// TestMetrics: /metrics with Kafka and without is what docs/metrics.md says, its figures are
// right, no label has a value of a document, and every query of every dashboard has an answer
// from a Prometheus that scrapes it.
func TestMetrics(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("short: runs a whole serve; serve and its rooms are tested by themselves")
	}
	db := dbtest.New(t)
	db.Tenant(t, "acme")
	db.Tenant(t, "rival")
	cluster := brokertest.Fake(t)
	prefix := cluster.Prefix(t)
	addr, bare := freeAddress(t), freeAddress(t)
	env := []string{"SLUICE_DATABASE_URL=" + db.URL, "SLUICE_TOPIC_PREFIX=" + prefix}
	withKafka := append(slices.Clone(env), "SLUICE_KAFKA_BROKERS="+cluster.Addr())
	must(t, withKafka, time.Minute, 0, "topics", "create", "--partitions", "1")
	// The second one has no Kafka: it shows what is in the database all the same.
	p := launch(t, withKafka, "serve", "--listen", addr, "--metrics-every", "1s", "--metrics-tenants", "1", "--slow-query", "1ns")
	q := launch(t, env, "serve", "--listen", bare, "--metrics-every", "1s")
	await := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(90 * time.Second); !ok(); time.Sleep(100 * time.Millisecond) {
			for _, p := range []*process{p, q} {
				select {
				case <-p.ended:
					t.Fatalf("serve ended: %s", tail(p.err.String()))
				default:
				}
			}
			if time.Now().After(end) {
				t.Fatalf("%s: not within 90 s", what)
			}
		}
	}
	prometheus := startPrometheus(t, addr, bare)
	// Some backups, for the panels that show them.
	if _, err := db.Admin(t).Exec(t.Context(), `insert into core.maintenance (task, last_success) values ('backup', now()), ('drill', now())`); err != nil {
		t.Fatal(err)
	}

	send := func(topic, key, tenant, value string) {
		cluster.Produce(t, prefix+"."+topic, kafka.Message{Key: []byte(key), Value: []byte(value), Headers: []kafka.Header{{Key: "tenant", Value: []byte(tenant)}}})
	}
	fact := `{"id":"OSV-1","modified":"2026-01-02T03:04:05Z","affected":[{"package":{"ecosystem":"npm","name":"left"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}]}]}`
	sbom := `{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,"metadata":{"component":{"type":"application","name":"app","version":"1","purl":"pkg:generic/app@1"}},"components":[{"type":"library","name":"left","version":"1.0.0","purl":"pkg:npm/left@1.0.0"}]}`
	send("vuln", "fact", "acme", fact)
	send("sbom", "app", "acme", sbom)
	send("sbom", "again", "acme", sbom)
	send("sbom", "app", "rival", strings.Replace(sbom, `"app"`, `"secret-name"`, 1))
	send("sbom", "bad", "rival", "{")
	send("events", "e", "acme", `{"scan_run_id":1,"event_type":"x","occurred_at":"2026-11-01T00:00:00Z","payload":{}}`)
	cluster.Consume(t, prefix+".receipts", 5)
	cluster.Consume(t, prefix+".findings", 1)

	var got, without map[string]*dto.MetricFamily
	await("figures of all of it", func() bool {
		var err, err2 error
		got, err = scrape(addr)
		without, err2 = scrape(bare)
		return err == nil && err2 == nil && value(got, "sluice_projection_delay_seconds")+value(without, "sluice_projection_delay_seconds") >= 2 &&
			value(without, "sluice_parked_documents", "reason", "syntax") == 1 && value(got, "sluice_parked_documents", "reason", "syntax") == 1 &&
			value(got, "sluice_kafka_lag_messages", "topic", prefix+".sbom") == 0 && value(got, "sluice_kafka_deferred_messages") == 0 &&
			value(without, "sluice_documents_stored", "kind", "sbom") == 2 && value(without, "sluice_documents_stored", "kind", "vuln") == 1 &&
			value(got, "sluice_maintenance_failed", "task", "partitions") == 0 && value(without, "sluice_maintenance_failed", "task", "partitions") == 0
	})
	compareWithDocs(t, got, "happened")
	compareWithDocs(t, without, "happened", "Kafka")
	for _, c := range []struct {
		name   string
		labels []string
		want   float64
	}{
		{"sluice_documents_total", []string{"source", "kafka", "outcome", "accepted"}, 3},
		{"sluice_documents_total", []string{"source", "kafka", "outcome", "duplicate"}, 1},
		{"sluice_documents_total", []string{"source", "kafka", "outcome", "parked"}, 1},
		{"sluice_documents_total", []string{"source", "files", "outcome", "accepted"}, 0},
		{"sluice_documents_parked_total", []string{"source", "kafka", "reason", "syntax"}, 1},
		{"sluice_documents_parked_total", []string{"source", "kafka", "reason", "empty"}, 0},
		{"sluice_tenant_documents_total", []string{"tenant", "acme", "outcome", "accepted"}, 2},
		{"sluice_tenant_documents_total", []string{"tenant", "other", "outcome", "accepted"}, 1},
		{"sluice_tenant_parked_documents", []string{"tenant", "other"}, 1},
		{"sluice_jobs_given_up", []string{"kind", "sbom"}, 0},
		{"sluice_partitions_ahead", []string{"table", "ingest.scan_run_event"}, 3},
		{"sluice_kafka_stored_offset", []string{"topic", prefix + ".sbom", "partition", "0"}, 4},
		{"sluice_figures_known", []string{"set", "queues"}, 1},
	} {
		if v := value(got, c.name, c.labels...); v != c.want {
			t.Errorf("%s%v is %v, want %v", c.name, c.labels, v, c.want)
		}
	}
	opened := value(got, "sluice_findings_changes_total", "change", "opened") + value(without, "sluice_findings_changes_total", "change", "opened")
	if opened != 1 {
		t.Errorf("%v findings opened", opened)
	}
	for _, name := range []string{"postgres_slow_queries_total", "postgres_query_duration_seconds", "postgres_connections_idle", "postgres_transaction_duration_seconds"} {
		if v := value(got, name, "role", "ingest"); !(v > 0) {
			t.Errorf("%s of ingest is %v", name, v)
		}
	}
	for name, f := range got {
		for _, m := range f.Metric {
			for _, l := range m.Label {
				if v := l.GetValue(); strings.Contains(v, "pkg:") || strings.Contains(v, "secret") || strings.Contains(v, "OSV-1") || v == "rival" || strings.Contains(v, "@") {
					t.Errorf("%s{%s=%q}: it came out of a document, or is a tenant too many", name, l.GetName(), v)
				}
			}
		}
	}
	if prometheus != "" {
		n := 0
		checkDashboards(t, prometheus, func() {
			n++
			send("sbom", "app", "acme", strings.Replace(sbom, `"version":"1.0.0"`, fmt.Sprintf(`"version":"1.0.%d"`, n), 1))
		})
	}
}

// startPrometheus scrapes addresses every second. "" where the machine cannot have a Prometheus.
func startPrometheus(t *testing.T, addresses ...string) (url string) {
	t.Helper()
	if brief.Run(t) {
		return "" // the queries of sixty panels take their time
	}
	dir := ""
	t.Run("fetch", func(t *testing.T) { dir = debpkg.Dir(t, "prometheus") })
	if dir == "" {
		return ""
	}
	home := t.TempDir()
	rules, err := filepath.Abs(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(home, "prometheus.yml")
	text := fmt.Sprintf("global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [%q]\nscrape_configs:\n  - {job_name: sluice, static_configs: [{targets: [%s]}]}\n", rules, strings.Join(addresses, ", "))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	listen := freeAddress(t)
	cmd := exec.Command(filepath.Join(dir, "usr", "bin", "prometheus"), "--config.file="+config, "--storage.tsdb.path="+filepath.Join(home, "data"), "--web.listen-address="+listen, "--enable-feature=exemplar-storage")
	log, err := os.Create(filepath.Join(home, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		log.Close()
		if t.Failed() {
			b, _ := os.ReadFile(log.Name())
			t.Logf("Prometheus says: %s", tail(string(b)))
		}
	})
	return "http://" + listen
}

// promQL is an answer of Prometheus: the values that are numbers.
func promQL(base, query string) ([]float64, error) {
	resp, err := http.Get(base + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if answer.Status != "success" {
		return nil, fmt.Errorf("%s", answer.Error)
	}
	var out []float64
	for _, r := range answer.Data.Result {
		if s, ok := r.Value[1].(string); ok {
			if v, err := strconv.ParseFloat(s, 64); err == nil && !math.IsNaN(v) {
				out = append(out, v)
			}
		}
	}
	return out, nil
}

// checkDashboards has Prometheus answer every query of every panel. more makes something happen.
func checkDashboards(t *testing.T, prometheus string, more func()) {
	t.Helper()
	open := map[string]string{} // query -> panel that has no answer yet
	files, err := filepath.Glob("../../deploy/grafana/*.json")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var dashboard struct {
			UID, Title string
			Panels     []struct {
				Title, Description string
				Targets            []struct{ Expr string }
			}
		}
		if err := json.Unmarshal(b, &dashboard); err != nil || len(dashboard.Panels) < 10 || dashboard.UID == "" {
			t.Fatalf("%s: %d panels, %v", file, len(dashboard.Panels), err)
		}
		for _, p := range dashboard.Panels {
			if len(p.Targets) == 0 || p.Description == "" {
				t.Errorf("%s, %s: no query, or nothing that explains it", dashboard.Title, p.Title)
			}
			for _, target := range p.Targets {
				query := strings.NewReplacer("$__rate_interval", "20s", "$instance", ".*").Replace(target.Expr)
				open[query] = dashboard.Title + ", " + p.Title
			}
		}
	}
	asked := len(open)
	for end := time.Now().Add(time.Minute); len(open) > 0 && time.Now().Before(end); time.Sleep(time.Second) {
		more()
		for query := range maps.Clone(open) {
			if values, err := promQL(prometheus, query); err == nil && len(values) > 0 {
				delete(open, query)
			} else if err != nil && strings.Contains(err.Error(), "parse error") {
				t.Fatalf("%s: %s: %v", open[query], query, err)
			}
		}
	}
	for query, panel := range open {
		t.Errorf("%s: no data for %s", panel, query)
	}
	if asked < 60 {
		t.Errorf("only %d queries", asked)
	}
	if firing, err := promQL(prometheus, `count(ALERTS{alertstate="firing"})`); err != nil || len(firing) > 0 {
		t.Errorf("an alert fires although all is well: %v, %v", firing, err)
	}
}
