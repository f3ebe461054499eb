package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	dto "github.com/prometheus/client_model/go"

	"sluice/backup"
	"sluice/fixtures"
	"sluice/internal/test/brief"
)

// drillDocuments is how many documents are imported on either side of the moment: SLUICE_DRILL_DOCUMENTS in all.
func drillDocuments(t *testing.T) int {
	text := os.Getenv("SLUICE_DRILL_DOCUMENTS")
	if text == "" {
		return 40
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 4 {
		t.Fatalf("SLUICE_DRILL_DOCUMENTS=%s is not a number of documents", text)
	}
	return n
}

// TestDrillBetweenImports: a backup, an import, a moment, another import. A restore to the moment has exactly
// the documents of the first with their findings, and a drill finds nothing wrong with it.
func TestDrillBetweenImports(t *testing.T) {
	if brief.Run(t) {
		t.Skip("short: starts three servers of its own")
	}
	t.Parallel()
	size := drillDocuments(t)
	dir := t.TempDir()
	homes, err := os.MkdirTemp("", "sluice-drill-test-*") // that the server's user can reach
	if err == nil {
		err = os.Chmod(homes, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(homes) })
	home, restored, scratch := filepath.Join(homes, "live"), filepath.Join(homes, "restored"), filepath.Join(homes, "scratch")
	sluice := func(home string, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if status := run(t.Context(), append(args, "--home", home, "--output", "json"), strings.NewReader(""), &out, &errs); status != 0 && status != 3 {
			t.Fatalf("sluice %s: status %d\n%s%s", strings.Join(args, " "), status, out.String(), errs.String())
		}
		return out.String()
	}

	halves := [2]string{filepath.Join(dir, "first"), filepath.Join(dir, "second")}
	writeHalves(t, size, halves)
	store, key := filepath.Join(dir, "store"), filepath.Join(dir, "key")
	recipient, err := backup.NewKey(key)
	if err != nil {
		t.Fatal(err)
	}

	sluice(home, "ingest", "file", filepath.Join(fixturesDir, "feed"), filepath.Join(dir, "facts"), "--shared", "--wait")
	sluice(home, "ingest", "file", filepath.Join(fixturesDir, "documents"), "--wait")
	made := sluice(home, "backup", "run", "--backup-to", store, "--backup-recipient", recipient)
	sluice(home, "ingest", "file", halves[0], "--wait")
	documents, findings := documentsOf(t, sluice(home, "document", "list", "--limit", "1000000")), findingsOf(t, sluice(home, "findings", "--status", "all"))
	at := clockOf(t, strings.TrimSpace(sluice(home, "database", "url")))
	sluice(home, "ingest", "file", halves[1], "--wait")
	archiveByServe(t, home, store, recipient)
	sluice(home, "backup", "wal", "--once", "--backup-to", store, "--backup-recipient", recipient)
	if len(documents) < size/2 || len(findings) < 16 {
		t.Fatalf("%d documents, %d findings: too few to lose", len(documents), len(findings))
	}

	began := time.Now()
	sluice(home, "backup", "verify", "--backup-to", store, "--backup-identity", key)
	t.Logf("%s, verified in %s", strings.TrimSpace(made), time.Since(began).Round(time.Millisecond))

	began = time.Now()
	sluice(restored, "backup", "restore", "--backup-to", store, "--backup-identity", key, "--at", at)
	t.Logf("restored in %s", time.Since(began).Round(time.Millisecond))
	if got := documentsOf(t, sluice(restored, "document", "list", "--limit", "1000000")); !slices.Equal(got, documents) {
		t.Errorf("%d documents are restored, there were %d: %s", len(got), len(documents), firstDifference(got, documents))
	}
	if got := findingsOf(t, sluice(restored, "findings", "--status", "all")); !slices.Equal(got, findings) {
		t.Errorf("%d findings are restored, there were %d: %s", len(got), len(findings), firstDifference(got, findings))
	}

	text := sluice(home, "backup", "drill", "--backup-to", store, "--backup-identity", key, "--at", at, "--drill-home", scratch)
	var d backup.Drilled
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	t.Log(text)
	if d.Originals == 0 || d.Rows["ingest.original"] != d.Originals || len(d.Failed) > 0 || d.Open == 0 || d.Partitions == 0 || d.Indexes == 0 {
		t.Errorf("the drill says %s", text)
	}
	if last, err := time.Parse(time.RFC3339Nano, at); err != nil || d.LastCommit.After(last) || d.LastCommit.IsZero() {
		t.Errorf("restored to %s, asked for %s", d.LastCommit, at)
	}
	if _, err := os.Stat(scratch); !os.IsNotExist(err) {
		t.Errorf("the scratch server is left: %v", err)
	}
	noted(t, home, strings.TrimSpace(sluice(home, "database", "url")), d)
}

// archiveByServe has serve archive WAL until its metrics say that it does, and what they say of the backup.
func archiveByServe(t *testing.T, home, store, recipient string) {
	t.Helper()
	addr := freeAddress(t)
	p := launch(t, []string{"SLUICE_HOME=" + home, "SLUICE_BACKUP_TO=" + store, "SLUICE_BACKUP_RECIPIENT=" + recipient}, "serve", "--listen", addr, "--metrics-every", "1s")
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		got, err := scrape(addr)
		if err == nil && value(got, "sluice_backup_wal_failing") == 0 && value(got, "sluice_backup_last_success_timestamp_seconds", "kind", "base") > 0 &&
			value(got, "sluice_backup_last_failure_timestamp_seconds", "kind", "base") == 0 && value(got, "sluice_backup_wal_behind_bytes") >= 0 {
			compareBackupMetrics(t, got)
			break
		}
		if time.Now().After(end) {
			t.Fatalf("serve does not say that it archives: %v, %s", err, tail(p.err.String()))
		}
	}
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	p.finish(t, time.Minute)
}

// compareBackupMetrics: what is shown only where backups are is in docs/metrics.md too.
func compareBackupMetrics(t *testing.T, families map[string]*dto.MetricFamily) {
	t.Helper()
	docs := documentedMetrics(t)
	for name := range families {
		if strings.HasPrefix(name, "sluice_backup_") && docs[name].shown == "" {
			t.Errorf("docs/metrics.md does not have %s", name)
		}
	}
}

const fixturesDir = "../../fixtures"

// writeHalves writes SBOMs into two folders, and facts about some of their packages into a third beside them.
func writeHalves(t *testing.T, size int, halves [2]string) {
	t.Helper()
	n := 0
	err := fixtures.Load{Documents: size, Components: 20, Packages: 500}.Each(func(name string, doc []byte) error {
		path := filepath.Join(halves[n*2/size], filepath.FromSlash(name))
		n++
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return os.WriteFile(path, doc, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	facts := filepath.Join(filepath.Dir(halves[0]), "facts")
	err = fixtures.Facts{Records: 200, Packages: 500}.Each(func(name string, doc []byte) error {
		path := filepath.Join(facts, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return os.WriteFile(path, doc, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// documentsOf are the hashes of the documents that a list has.
func documentsOf(t *testing.T, list string) []string {
	t.Helper()
	var all []map[string]any
	if err := json.Unmarshal([]byte(list), &all); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range all {
		out = append(out, fmt.Sprint(d["content_hash"]))
	}
	slices.Sort(out)
	return out
}

func findingsOf(t *testing.T, list string) []string {
	t.Helper()
	var all []json.RawMessage
	if err := json.Unmarshal([]byte(list), &all); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range all {
		out = append(out, string(f))
	}
	slices.Sort(out)
	return out
}

func firstDifference(got, want []string) string {
	for _, x := range got {
		if !slices.Contains(want, x) {
			return "more: " + x
		}
	}
	for _, x := range want {
		if !slices.Contains(got, x) {
			return "less: " + x
		}
	}
	return "the same ones"
}

// clockOf is the server's time.
func clockOf(t *testing.T, url string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var at time.Time
	if err := conn.QueryRow(t.Context(), `select clock_timestamp()`).Scan(&at); err != nil {
		t.Fatal(err)
	}
	return at.UTC().Format(time.RFC3339Nano)
}

// noted looks for what came of the backup and the drill in the audit log and in what the metrics read.
func noted(t *testing.T, home, address string, d backup.Drilled) {
	t.Helper()
	// The operator's rows are for nobody who asks as a tenant.
	var passwords struct{ Postgres string }
	b, err := os.ReadFile(filepath.Join(home, "postgres-passwords.json"))
	if err == nil {
		err = json.Unmarshal(b, &passwords)
	}
	if err != nil {
		t.Fatal(err)
	}
	admin, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	admin.User = url.UserPassword("postgres", passwords.Postgres)
	conn, err := pgx.Connect(t.Context(), admin.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	got := map[string]string{}
	rows, err := conn.Query(t.Context(), `select action, diff -> 'after' ->> case action when 'backup.run' then 'id' else 'backup' end from authority.audit_log where entity_type = 'backup'`)
	if err != nil {
		t.Fatal(err)
	}
	var action, id string
	if _, err := pgx.ForEachRow(rows, []any{&action, &id}, func() error { got[action] = id; return nil }); err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"backup.run": d.Backup, "backup.drill": d.Backup}; !maps.Equal(got, want) {
		t.Errorf("audit log: %v, want %v", got, want)
	}
	var n int
	if err := conn.QueryRow(t.Context(), `select count(*) from core.maintenance where task in ('backup', 'drill') and last_success is not null and last_error is null and rows > 0`).Scan(&n); err != nil || n != 2 {
		t.Errorf("%d of 2 tasks are noted, %v", n, err)
	}
}
