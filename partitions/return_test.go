package partitions_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/test/dbtest"
	"sluice/partitions"
)

// TestExportAndAttach: what comes back is what went, row by row, and is protected as before.
func TestExportAndAttach(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	owner, admin := days(t, db, 3000), db.Admin(t)
	const digest = `select md5(string_agg(r::text, '|' order by r::text)) from ingest.scan_run_event r`
	before := one[string](t, admin, digest)
	policy(t, owner, `retention = '5 days', on_expiry = 'export'`)
	dir := t.TempDir()
	maintain(t, owner, may2031, partitions.Config{ExportDir: dir})
	if n := one[int](t, admin, `select count(*) from ingest.scan_run_event`); n != 1500 {
		t.Fatalf("%d rows left", n)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.copy.zst"))
	if len(files) != 5 {
		t.Fatalf("files %v", files)
	}
	exec(t, owner, `alter table ingest.scan_run_event add column later text default 'new'`)
	for _, file := range files {
		_, m, err := partitions.ReadManifest(file)
		if err != nil || m.Rows != 300 || m.Key != "occurred_at" {
			t.Fatalf("manifest %+v, %v", m, err)
		}
		if _, err := partitions.Attach(t.Context(), owner, file, 0, partitions.Config{}); err != nil {
			t.Fatal(err)
		}
		if _, err := partitions.Attach(t.Context(), owner, file, time.Hour, partitions.Config{}); err == nil || !strings.Contains(err.Error(), "cover") {
			t.Fatalf("a second time: %v", err)
		}
	}
	exec(t, owner, `alter table ingest.scan_run_event drop column later`)
	if after := one[string](t, admin, digest); after != before {
		t.Error("the rows are not the same")
	}
	for _, s := range inspect(t, owner, may2031) {
		if len(s.Unprotected) > 0 || len(s.Gaps) > 0 || s.Held != 5 {
			t.Errorf("status %+v", s)
		}
	}
	if left := list(t, admin, `select conname::text from pg_constraint where conname = 'sluice_bounds'`); len(left) > 0 {
		t.Errorf("constraints are left: %v", left)
	}
	// Held, whatever the retention; when that is over it goes again, to another file.
	if got := kinds(maintain(t, owner, may2031, partitions.Config{ExportDir: dir})); got != nil {
		t.Errorf("the next pass did %q", got)
	}
	exec(t, owner, `update core.retired_partition set hold_until = '2031-01-01' where state = 'attached'`)
	maintain(t, owner, may2031, partitions.Config{ExportDir: dir})
	if again, _ := filepath.Glob(filepath.Join(dir, "*.copy.zst")); len(again) != 10 {
		t.Errorf("files of a second export: %v", again)
	}
}

// exported is the file of one day.
func exported(t *testing.T, dir, day string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "ingest.scan_run_event_"+day+"-????????.copy.zst"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files of %s: %v, %v", day, files, err)
	}
	return files[0]
}

// TestExportToNowhere: nothing is detached that could not be written.
func TestExportToNowhere(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	owner, admin := days(t, db, 100), db.Admin(t)
	policy(t, owner, `retention = '5 days', on_expiry = 'export', premake = 4`)
	for _, dir := range []string{"", filepath.Join(t.TempDir(), "missing")} {
		if _, err := partitions.Maintain(t.Context(), owner, may2031, partitions.Config{ExportDir: dir}); err == nil || !strings.Contains(err.Error(), "its policy exports") {
			t.Errorf("error is %v", err)
		}
		if got := attached(t, admin); len(got) != 15 { // one was made all the same
			t.Errorf("partitions %v", got)
		}
	}
}

// TestAttachDamaged: a file that is not what its manifest says never gets near the table.
func TestAttachDamaged(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	owner, admin := days(t, db, 3000), db.Admin(t)
	policy(t, owner, `retention = '9 days', on_expiry = 'export'`)
	dir := t.TempDir()
	maintain(t, owner, may2031, partitions.Config{ExportDir: dir})
	file := exported(t, dir, "2031_05_07")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before := attached(t, admin)
	for name, bad := range map[string][]byte{
		"a bit":  slices.Concat(good[:len(good)/2], []byte{good[len(good)/2] ^ 1}, good[len(good)/2+1:]),
		"short":  good[:len(good)-10],
		"longer": append(slices.Clone(good), good...),
		"empty":  nil,
	} {
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := partitions.Attach(t.Context(), owner, file, 0, partitions.Config{}); err == nil {
			t.Errorf("%s: attached", name)
		}
	}
	if after := attached(t, admin); !slices.Equal(before, after) {
		t.Errorf("partitions are %v", after)
	}
	if err := os.WriteFile(file, good, 0o600); err != nil {
		t.Fatal(err)
	}
	// A column that is gone: it says so, and the definition is in the manifest.
	exec(t, owner, `alter table ingest.scan_run_event rename column event_type to kind`)
	if _, err := partitions.Attach(t.Context(), owner, file, 0, partitions.Config{}); err == nil || !strings.Contains(err.Error(), "event_type") {
		t.Errorf("error is %v", err)
	}
	exec(t, owner, `alter table ingest.scan_run_event rename column kind to event_type`)
	if _, err := partitions.Attach(t.Context(), owner, file+".json", 0, partitions.Config{}); err != nil {
		t.Error(err)
	}
	_, m, err := partitions.ReadManifest(file)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, owner, strings.ReplaceAll(m.Definition, m.Partition[len("ingest."):], "by_hand"))
}

// TestAttachKept: a table that was detached and kept comes back by its name.
func TestAttachKept(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	owner, admin := days(t, db, 1000), db.Admin(t)
	policy(t, owner, `retention = '9 days', on_expiry = 'detach'`)
	maintain(t, owner, may2031, partitions.Config{})
	if n := one[int](t, admin, `select count(*) from ingest.scan_run_event`); n != 900 {
		t.Fatalf("%d rows", n)
	}
	if _, err := partitions.Attach(t.Context(), owner, "ingest.scan_run_event_2031_05_07", 0, partitions.Config{}); err != nil {
		t.Fatal(err)
	}
	if n := one[int](t, admin, `select count(*) from ingest.scan_run_event`); n != 1000 {
		t.Errorf("%d rows", n)
	}
	if got := kinds(maintain(t, owner, may2031, partitions.Config{})); got != nil {
		t.Errorf("the next pass did %q to what is held for ever", got)
	}
	if _, err := partitions.Attach(t.Context(), owner, "ingest.sbom_document", 0, partitions.Config{}); err == nil {
		t.Error("any table can be attached")
	}
}

// TestOpenEnds: partitions from MINVALUE and to MAXVALUE, as other tools make them, are listed,
// detached, exported and attached like others.
func TestOpenEnds(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	owner, admin := days(t, db, 100), db.Admin(t)
	exec(t, owner, `create table ingest."Before All" partition of ingest.scan_run_event for values from (minvalue) to ('2031-05-07Z')`)
	exec(t, owner, `create table ingest.after_all partition of ingest.scan_run_event for values from ('2031-05-21Z') to (maxvalue)`)
	if err := event(t, admin, may2031.AddDate(-20, 0, 0)); err != nil {
		t.Fatal(err)
	}
	policy(t, owner, `retention = '10 days', on_expiry = 'export'`)
	dir := t.TempDir()
	if got := kinds(maintain(t, owner, may2031, partitions.Config{ExportDir: dir}), partitions.Exports); !slices.Equal(got, []string{"export ingest.Before All"}) {
		t.Errorf("did %q", got)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.zst"))
	if len(files) != 1 {
		t.Fatalf("files %v", files)
	}
	if _, err := partitions.Attach(t.Context(), owner, files[0], 0, partitions.Config{}); err != nil {
		t.Fatal(err)
	}
	pendingDetach(t, db, "after_all")
	maintain(t, owner, may2031, partitions.Config{ExportDir: dir})
	if _, err := partitions.Attach(t.Context(), owner, "ingest.after_all", 0, partitions.Config{}); err != nil {
		t.Fatal(err)
	}
	if n := one[int](t, admin, `select count(*) from ingest.scan_run_event`); n != 101 {
		t.Errorf("%d rows", n)
	}
	s := inspect(t, owner, may2031)
	all, err := partitions.List(t.Context(), owner, "ingest.scan_run_event")
	gone, err2 := partitions.Retired(t.Context(), owner, "")
	if _, jerr := json.Marshal([]any{s, all, gone}); err != nil || err2 != nil || jerr != nil || len(all) != 16 || all[0].From != nil || all[15].To != nil || len(gone) != 3 {
		t.Errorf("%+v\n%+v, %v, %v, %v", all, gone, err, err2, jerr)
	}
}
