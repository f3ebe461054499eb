package serve

import (
	"cmp"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sluice/fixtures"
	"sluice/ingest"
	"sluice/ingest/files"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/telemetry"
	"sluice/internal/test/brief"
	"sluice/internal/test/dbtest"
	"sluice/normalize"
	"sluice/normalize/cyclonedx"
	"sluice/projections"
)

// TestWatchingCosts imports the same documents watched (metrics, and traces of everything) and not,
// in turn. SLUICE_WATCH_ROUNDS is how many pairs, SLUICE_WATCH_DOCUMENTS how many documents each; with
// ten pairs or more the median of the pairs has to be below 2 % of processor time of this process,
// which is where watching is done. What it says is in docs/tracing.md.
func TestWatchingCosts(t *testing.T) {
	if brief.Run(t) {
		t.Skip("it measures")
	}
	number := func(name string, standard int) int {
		n, _ := strconv.Atoi(os.Getenv(name))
		return cmp.Or(n, standard)
	}
	rounds, documents := number("SLUICE_WATCH_ROUNDS", 1), number("SLUICE_WATCH_DOCUMENTS", 20)
	dir := t.TempDir()
	err := fixtures.Load{Documents: documents, Components: number("SLUICE_WATCH_COMPONENTS", 40)}.Each(func(name string, doc []byte) error {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		return os.WriteFile(path, doc, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	var sent atomic.Int64
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		sent.Add(n)
	}))
	defer sink.Close()
	url := dbtest.New(t).URL

	// load imports everything into a tenant of its own and returns what that took.
	tenants := 0
	load := func(watched bool) (cpu, wall time.Duration) {
		t.Helper()
		tenants++
		d := NewDatabase(DatabaseConfig{URL: url})
		defer d.Close()
		stop := func() {}
		var reg *prometheus.Registry
		start, before := time.Now(), processorTime(t)
		if watched {
			reg = prometheus.NewRegistry()
			d.queries, d.project = pg.NewMetrics(reg, time.Second), projections.NewMetrics(reg)
			d.imports = ingest.NewMetrics(reg, func(id.ID) string { return "all" })
			stop = telemetry.StartTracing(t.Context(), func(name string) string {
				return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": sink.URL}[name]
			}, "test", slog.New(slog.DiscardHandler))
		}
		out, err := d.Import(t.Context(), Import{
			Files:  files.Config{Paths: []string{dir}, Limits: normalize.DefaultLimits, Parallel: 2},
			Tenant: "t" + strconv.Itoa(tenants), CreateTenant: true, Ingest: ingest.Config{Formats: []normalize.Format{cyclonedx.JSON{}}, BatchBytes: 4 << 20},
		})
		stop()
		cpu, wall = processorTime(t)-before, time.Since(start)
		if err != nil || out.Counts.Accepted != int64(documents) {
			t.Fatalf("%+v, %v", out.Counts, err)
		}
		if watched {
			families, err := reg.Gather()
			if err != nil || len(families) < 10 {
				t.Errorf("%d metrics, %v", len(families), err)
			}
		}
		return cpu, wall
	}
	load(false)
	load(true) // warm
	if sent.Load() == 0 {
		t.Error("no traces were sent")
	}
	var cpus, walls []float64
	least := map[bool]time.Duration{} // what else runs on the machine only adds to it
	for i := range rounds {
		a, b := i%2 == 0, i%2 != 0 // each goes first as often
		cpuA, wallA := load(a)
		cpuB, wallB := load(b)
		for watched, cpu := range map[bool]time.Duration{a: cpuA, b: cpuB} {
			if least[watched] == 0 || cpu < least[watched] {
				least[watched] = cpu
			}
		}
		if b {
			cpuA, cpuB, wallA, wallB = cpuB, cpuA, wallB, wallA
		}
		cpus, walls = append(cpus, float64(cpuA)/float64(cpuB)), append(walls, float64(wallA)/float64(wallB))
	}
	slices.Sort(cpus)
	slices.Sort(walls)
	middle := cpus[rounds/2]
	t.Logf("watched / not watched, %d pairs of %d documents: processor time %.3f (%.3f to %.3f), of the least of each %.3f; wall %.3f (%.3f to %.3f)",
		rounds, documents, middle, cpus[0], cpus[rounds-1], float64(least[true])/float64(least[false]), walls[rounds/2], walls[0], walls[rounds-1])
	if rounds >= 10 && middle > 1.02 {
		t.Errorf("watching costs %.1f %%", 100*(middle-1))
	}
}

// processorTime is what this process has taken.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
