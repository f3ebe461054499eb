package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"sluice/internal/test/brief"
	"sluice/internal/test/dbtest"
)

// TestUpgradedFindings takes the database of the last release to today's schema and projects
// it: no job fails, and the findings and unknowns of both tenants are those of a new database
// into which the same documents were imported in the same order.
func TestUpgradedFindings(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("short: projects a database of the last release twice")
	}
	sluice := sluiceIn(t, t.TempDir())
	run := func(db *dbtest.DB, args ...string) []byte { // 3: documents were parked
		t.Helper()
		cmd := exec.CommandContext(t.Context(), sluice, args...)
		cmd.Env = append(os.Environ(), "SLUICE_DATABASE_URL="+db.URL)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if code := cmd.ProcessState.ExitCode(); code != 0 && code != 3 {
			t.Fatalf("sluice %v: %v\n%s", args, err, &stderr)
		}
		return out
	}

	old := dbtest.Upgraded(t)
	run(old, "project", "--once")
	fresh := dbtest.New(t)
	again(t, old, fresh, run)
	for name, db := range map[string]*dbtest.DB{"upgraded": old, "new": fresh} {
		var jobs []json.RawMessage
		for _, tenant := range []string{"example", "field"} {
			if err := json.Unmarshal(run(db, "jobs", "list", "--tenant", tenant, "--output", "json"), &jobs); err != nil {
				t.Fatal(err)
			}
			for _, job := range jobs {
				t.Errorf("%s: a job that failed: %s", name, job)
			}
		}
	}
	for _, tenant := range []string{"example", "field"} {
		for _, list := range [][]string{{"findings", "--status", "all"}, {"unknowns"}} {
			args := append(list, "--tenant", tenant, "--output", "json")
			got, want := timeless(t, run(old, args...)), timeless(t, run(fresh, args...))
			if len(want) == 0 {
				t.Errorf("tenant %s has no %s", tenant, list[0])
			}
			for _, line := range got {
				if !slices.Contains(want, line) {
					t.Errorf("tenant %s, %s, only after the upgrade:\n%s", tenant, list[0], line)
				}
			}
			for _, line := range want {
				if !slices.Contains(got, line) {
					t.Errorf("tenant %s, %s, only in the new database:\n%s", tenant, list[0], line)
				}
			}
		}
	}
}

// again imports what old holds into fresh, a document at a time in the order in which they
// came, and decides what was decided there.
func again(t *testing.T, old, fresh *dbtest.DB, run func(*dbtest.DB, ...string) []byte) {
	t.Helper()
	admin := old.Admin(t)
	for _, tenant := range []string{"example", "field"} {
		run(fresh, "tenant", "create", tenant)
	}
	rows, err := admin.Query(t.Context(), `
		select coalesce(t.name, ''), o.encoding, o.bytes
		from (select tenant_id, scan_run_id, encoding, bytes, received_at, document_id from ingest.original
		      union all select tenant_id, scan_run_id, encoding, bytes, created_at, document_id from ingest.parked) o
		left join authority.tenant t using (tenant_id)
		order by o.scan_run_id, o.received_at, o.document_id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	z, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	dir := t.TempDir()
	var paths []string
	flush := func(flags ...string) {
		if len(paths) > 0 {
			run(fresh, slices.Concat([]string{"ingest", "file", "--workers", "1"}, paths, flags)...)
		}
		paths = nil
	}
	last := "-"
	for n := 0; rows.Next(); n++ {
		var tenant, encoding string
		var text []byte
		if err := rows.Scan(&tenant, &encoding, &text); err != nil {
			t.Fatal(err)
		}
		if encoding == "zstd" {
			if text, err = z.DecodeAll(text, nil); err != nil {
				t.Fatal(err)
			}
		}
		if tenant != last {
			flush(flagsOf(last)...)
			last = tenant
		}
		path := filepath.Join(dir, fmt.Sprintf("%03d", n))
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	flush(flagsOf(last)...)

	rows, err = admin.Query(t.Context(), `
		select t.name, p.purl, d.vuln_id, d.status, d.rationale, coalesce(d.proof_ref, '') from vex.vex_decision d
		join authority.tenant t using (tenant_id) join vex.package p on p.tenant_id = d.tenant_id and p.id = d.package_id order by d.decided_at`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var tenant, purl, vuln, status, why, proof string
		if err := rows.Scan(&tenant, &purl, &vuln, &status, &why, &proof); err != nil {
			t.Fatal(err)
		}
		run(fresh, "vex", "decide", "--ahead", "--tenant", tenant, "--package", purl, "--vuln", vuln, "--status", status, "--rationale", why, "--proof", proof)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	run(fresh, "project", "--once")
}

// flagsOf names the tenant, "" for what every tenant reads.
func flagsOf(tenant string) []string {
	if tenant == "" {
		return []string{"--shared"}
	}
	return []string{"--tenant", tenant}
}

// timeless are the elements of a JSON array, without the times at which we have seen them.
func timeless(t *testing.T, text []byte) []string {
	t.Helper()
	var all []map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	var lines []string
	for _, item := range all {
		for _, name := range []string{"id", "first_seen", "last_changed", "since", "valid_from", "sys_from"} {
			delete(item, name)
		}
		if vex, ok := item["vex"].(map[string]any); ok && vex["source"] == "decision" {
			delete(vex, "time")
		}
		line, err := json.Marshal(item)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
	}
	slices.Sort(lines)
	return lines
}
