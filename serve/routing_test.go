package serve

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/ingest/files"
	"sluice/internal/redisclient"
	"sluice/internal/test/dbtest"
	"sluice/internal/test/redistest"
	"sluice/normalize"
	"sluice/normalize/cyclonedx"
	"sluice/routing/flags"
	"sluice/routing/limits"
)

// TestRedisKilledUnderAnImport: Redis dies in the middle of an import that flags and limits bind, and
// comes back before its end. No document is lost, parked or counted twice.
func TestRedisKilledUnderAnImport(t *testing.T) {
	server := redistest.Start(t)
	client, err := redisclient.New(redisclient.Config{URL: server.URL, Pause: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	d := NewDatabase(DatabaseConfig{URL: dbtest.New(t).URL, Redis: client})
	t.Cleanup(d.Close)
	acme, err := d.Tenant(t.Context(), "acme", true)
	if err != nil {
		t.Fatal(err)
	}
	operator, err := d.Operator(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const documents = 300
	if _, err := flags.Put(t.Context(), operator, acme, flags.Change{Key: flags.Receipts, Rules: []byte(`{"rules": [{"if": [{"percentage": 50}], "then": true}], "else": false}`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := limits.Put(t.Context(), operator, acme, limits.Limit{Key: limits.Documents, Amount: documents + 5, Interval: 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for i := range documents {
		text := fmt.Sprintf(`{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": {"type": "application", "name": "app%d", "purl": "pkg:oci/app%d@1"}}, "components": []}`, i, i)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.json", i)), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var kill, again sync.Once
	stored := 0
	out, err := d.Import(t.Context(), Import{
		Files:  files.Config{Paths: []string{dir}, Parallel: 2, Limits: normalize.DefaultLimits},
		Tenant: "acme", CreateTenant: true,
		Ingest: ingest.Config{Formats: []normalize.Format{cyclonedx.JSON{}}, BatchBytes: 1 << 20, BatchDocuments: 10, OnReceipts: func(list []ingest.Receipt) {
			stored += len(list)
			if stored > documents/3 {
				kill.Do(server.Kill)
			}
			if stored > documents*2/3 {
				again.Do(server.Again)
			}
		}},
	})
	if err != nil || out.Counts.Accepted != documents || out.Counts.Parked != 0 {
		t.Fatalf("%+v, %v", out.Counts, err)
	}
	l, err := d.Limits(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n, refusal, err := l.Allow(t.Context(), acme, make([]limits.Item, 20))
	if err != nil || n != 5 || refusal == nil {
		t.Errorf("of %d documents %d more are allowed, not 5: %v, %v", documents+5, n, refusal, err)
	}
}
