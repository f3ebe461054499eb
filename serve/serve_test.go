package serve

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/ingest/files"
	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/test/dbtest"
	"sluice/inventory"
	"sluice/normalize"
	"sluice/normalize/cyclonedx"
	"sluice/normalize/osv"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func open(t *testing.T) *Database {
	t.Helper()
	d := NewDatabase(DatabaseConfig{URL: dbtest.New(t).URL})
	t.Cleanup(d.Close)
	return d
}

// TestConfigs: what makes no sense names the flag, before anything is connected to.
func TestConfigs(t *testing.T) {
	t.Parallel()
	nowhere := NewDatabase(DatabaseConfig{URL: "postgres://nobody@127.0.0.1:1/none"})
	maintain := Maintenance{Checkpoints: time.Hour, StaleAfter: time.Hour}
	short, failed := maintain, maintain
	short.StaleAfter, failed.FailedJobs = time.Minute, time.Second
	consume := Consume{MaxDocument: 1, Session: time.Minute}
	large, hasty := consume, consume
	large.MaxDocument, hasty.Session = 1<<30+1, time.Millisecond
	for field, cfg := range map[string]Config{
		"workers":            {Database: nowhere, Projectors: 65},
		"stale-after":        {Database: nowhere, Maintenance: &short},
		"keep-failed-jobs":   {Database: nowhere, Maintenance: &failed},
		"keep-checkpoints":   {Database: nowhere, Maintenance: &Maintenance{}},
		"max-document-bytes": {Database: nowhere, Consume: &large},
		"session-timeout":    {Database: nowhere, Consume: &hasty},
	} {
		var wrong *ask.WrongError
		if _, err := New(t.Context(), cfg); !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := New(t.Context(), Config{}); err == nil {
		t.Error("a service without a database")
	}
	good := Import{Files: files.Config{Parallel: 1, Limits: normalize.DefaultLimits}, Ingest: ingest.Config{BatchBytes: 1}}
	for field, change := range map[string]func(*Import){
		"workers": func(i *Import) { i.Files.Parallel = 0 }, "max-document-bytes": func(i *Import) { i.Files.Limits.MaxBytes = 0 },
		"batch-bytes": func(i *Import) { i.Ingest.BatchBytes = 0 },
	} {
		bad := good
		change(&bad)
		var wrong *ask.WrongError
		if _, err := nowhere.Import(t.Context(), bad); !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// TestImport imports, projects and answers: what `ingest file --wait` and `findings` do.
func TestImport(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := t.Context()
	cfg := ingest.Config{Formats: []normalize.Format{cyclonedx.JSON{}, osv.JSON{}}, BatchBytes: 1 << 20}
	load := func(document string, shared bool) Imported {
		t.Helper()
		begun := int64(0)
		out, err := d.Import(ctx, Import{
			Files:  files.Config{Paths: []string{"-"}, Stdin: strings.NewReader(document), Limits: normalize.DefaultLimits, Parallel: 1},
			Tenant: "acme", CreateTenant: true, Shared: shared, Ingest: cfg, Wait: true,
			OnStart: func(run int64, _ *files.Source) error { begun = run; return nil },
		})
		if err != nil || !out.Begun || !out.Stored || out.ScanRun == 0 || begun != out.ScanRun {
			t.Fatalf("%+v, %v", out, err)
		}
		return out
	}
	load(`{"id": "GHSA-left", "modified": "2026-01-01T00:00:00Z", "aliases": ["CVE-2026-1"], "affected": [{"package": {"ecosystem": "npm", "name": "left"}, "versions": ["1.0.0"]}]}`, true)
	out := load(`{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "library", "name": "left", "version": "1.0.0", "purl": "pkg:npm/left@1.0.0"}]}`, false)
	if out.Counts.Accepted != 1 || out.Counts.Parked != 0 {
		t.Errorf("%+v", out.Counts)
	}
	acme, err := d.Tenant(ctx, "acme", false)
	if err != nil || acme != id.Derive(id.Shared, "tenant", "acme") {
		t.Fatalf("%s, %v", acme, err)
	}
	inv, err := d.Inventory()
	if err != nil {
		t.Fatal(err)
	}
	if found, err := inv.Findings(ctx, acme, inventory.FindingFilter{}); err != nil || len(found) != 1 {
		t.Errorf("%+v, %v", found, err)
	}

	// What cannot be started leaves a run to go on with, and says which.
	odd := errors.New("no room for receipts")
	broken, err := d.Import(ctx, Import{
		Files: files.Config{Paths: []string{"-"}, Stdin: strings.NewReader("{}"), Limits: normalize.DefaultLimits, Parallel: 1}, Tenant: "acme", CreateTenant: true, Ingest: cfg,
		OnStart: func(int64, *files.Source) error { return odd },
	})
	if !errors.Is(err, odd) || broken.Begun || broken.Stored || broken.ScanRun == 0 {
		t.Errorf("%+v, %v", broken, err)
	}
}

// TestTenant: `default` is made when it is missing, another name only where that is asked for.
func TestTenant(t *testing.T) {
	t.Parallel()
	d := open(t)
	if _, err := d.Tenant(t.Context(), "default", false); err != nil {
		t.Error(err)
	}
	var missing *ask.NotFoundError
	if _, err := d.Tenant(t.Context(), "acme", false); !errors.As(err, &missing) {
		t.Errorf("%v", err)
	}
	if _, err := d.Tenant(t.Context(), "00000000-0000-4000-8000-000000000000", true); !errors.As(err, &missing) {
		t.Errorf("an id cannot be made: %v", err)
	}
	if made, err := d.Tenant(t.Context(), "acme", true); err != nil || made != id.Derive(id.Shared, "tenant", "acme") {
		t.Errorf("%s, %v", made, err)
	}
}

// TestService runs parts together: when one cannot go on, all end, with its error.
func TestService(t *testing.T) {
	t.Parallel()
	s, err := New(t.Context(), Config{Database: open(t), Listen: "127.0.0.1:0", Projectors: 1, Maintenance: &Maintenance{Checkpoints: time.Hour, StaleAfter: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	fail := make(chan struct{})
	s.add("odd part", func(ctx context.Context) error {
		select {
		case <-fail:
			return broken
		case <-ctx.Done():
			return nil
		}
	})
	asked := errors.New("it does not answer")
	s.ready("odd part", func(context.Context) error { return asked })
	url := "http://" + s.listener.Addr().String()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(t.Context()) }()
	get := func(path string) (int, string) {
		res, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(b)
	}
	if code, body := get("/healthz"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("%d %s", code, body)
	}
	if code, body := get("/readyz"); code != http.StatusServiceUnavailable || body != "odd part: it does not answer\n" {
		t.Errorf("%d %s", code, body)
	}
	if _, body := get("/metrics"); !strings.Contains(body, "sluice_maintenance_leader") || !strings.Contains(body, "go_goroutines") {
		t.Errorf("metrics: %.300s", body)
	}
	close(fail)
	select {
	case err := <-ended:
		if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "odd part: ") {
			t.Errorf("%v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the others go on")
	}
	if _, err := http.Get(url + "/healthz"); err == nil {
		t.Error("it still listens")
	}
}
