package inventory_test

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/inventory"
	"sluice/inventory/report"
)

func record(vuln, pkg, vector, fixed string) string {
	events := `{"introduced": "0"}`
	if fixed != "" {
		events += `, {"fixed": "` + fixed + `"}`
	}
	severity := ""
	if vector != "" {
		severity = `"severity": [{"type": "CVSS_V3", "score": "` + vector + `"}],`
	}
	return fmt.Sprintf(`{"id": %q, "modified": "2026-01-01T00:00:00Z", %s "affected": [{"package": {"ecosystem": "npm", "name": %q}, "ranges": [{"type": "SEMVER", "events": [%s]}]}]}`, vuln, severity, pkg, events)
}

const (
	criticalVector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
	mediumVector   = "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N"
)

// TestTriage: the order of the list, each reason against the next, and what changed since yesterday.
func TestTriage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	admin := w.db.Admin(t)
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := admin.Exec(ctx, sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	w.load(id.Shared,
		record("CVE-2026-1", "exploited", mediumVector, ""),    // known to be exploited beats everything
		record("CVE-2026-2", "likely", mediumVector, ""),       // EPSS of a half
		record("CVE-2026-3", "critical", criticalVector, ""),   // EPSS of a tenth, critical
		record("CVE-2026-4", "lessbad", mediumVector, ""),      // a higher EPSS in the same band, less severe
		record("CVE-2026-5", "fixed", criticalVector, "9.0.0"), // no EPSS, critical, a fix
		record("CVE-2026-6", "exposed", criticalVector, ""),    // no fix, exposed
		record("CVE-2026-7", "hidden", criticalVector, ""),     // the same, and not exposed
		record("CVE-2026-8", "unrated", "", ""))                // nothing is known
	w.load(w.acme,
		versionOf(1, "amd64", "2026-01-01", "exploited@1.0.0", "likely@1.0.0", "critical@1.0.0", "lessbad@1.0.0", "fixed@1.0.0", "hidden@1.0.0", "unrated@1.0.0"),
		versionOf(2, "amd64", "2026-01-01", "exposed@1.0.0"))
	exec(`insert into vex.kev (tenant_id, vuln_id, name, date_added, due_date, document_id) values ($1, 'CVE-2026-1', 'Old', current_date, current_date + 14, gen_random_uuid()), ($1, 'CVE-2026-7', 'Gone', '2020-01-01', null, gen_random_uuid())`, id.Shared)
	exec(`update vex.kev set removed_at = now() where vuln_id = 'CVE-2026-7'`)
	exec(`insert into vex.epss (tenant_id, vuln_id, score, percentile) values ($1, 'CVE-2026-2', 0.9, 0.99), ($1, 'CVE-2026-3', 0.11, 0.9), ($1, 'CVE-2026-4', 0.42, 0.95)`, id.Shared)
	must(w.inv.Tag(ctx, w.acme, inventory.Tagging{Tag: "internet-facing", Artifact: imageOf(2)}))(t)
	w.project()

	order := func() (list []string) {
		for _, u := range must(w.inv.Triage(ctx, w.acme, inventory.TriageFilter{}))(t).List {
			list = append(list, u.Vulnerability)
		}
		return list
	}
	want := []string{"CVE-2026-1", "CVE-2026-2", "CVE-2026-3", "CVE-2026-4", "CVE-2026-5", "CVE-2026-6", "CVE-2026-7", "CVE-2026-8"}
	if got := order(); !slices.Equal(got, want) {
		t.Fatalf("%q, want %q", got, want)
	}
	day := must(w.inv.Triage(ctx, w.acme, inventory.TriageFilter{Limit: 2}))(t)
	if len(day.List) != 2 || len(day.New) != 2 || !day.List[0].KEV || !day.List[0].New || len(day.KEV) != 1 || day.KEV[0].Due == "" || len(day.Gone) != 0 {
		t.Errorf("%+v", day)
	}
	if got := must(w.inv.Triage(ctx, w.rival, inventory.TriageFilter{}))(t); len(got.List)+len(got.New)+len(got.Gone)+len(got.KEV) != 0 {
		t.Errorf("somebody else's list: %+v", got)
	}

	// A feed that says something new is in the list although no finding changed; so is a tag that moved.
	exec(`update vex.epss set score = 0.6 where vuln_id = 'CVE-2026-4'`)
	exec(`insert into vex.feed (tenant_id, feed, content_hash, document_id, entries) values ($1, 'epss', '\x01', gen_random_uuid(), 3)`, id.Shared)
	must(w.inv.Untag(ctx, w.acme, inventory.Tagging{Tag: "internet-facing", Artifact: imageOf(2)}))(t)
	must(w.inv.Tag(ctx, w.acme, inventory.Tagging{Tag: "production", Artifact: imageOf(1)}))(t)
	w.project()
	if got, want := order(), []string{"CVE-2026-1", "CVE-2026-2", "CVE-2026-4", "CVE-2026-3", "CVE-2026-5", "CVE-2026-7", "CVE-2026-6", "CVE-2026-8"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}

	// What is suppressed or closed went; what is left in another artifact did not.
	if err := w.inv.Decide(ctx, w.acme, inventory.Decision{Package: "pkg:npm/likely@1.0.0", Vuln: "CVE-2026-2", Status: "not_affected", Rationale: "unused"}); err != nil {
		t.Fatal(err)
	}
	must(w.inv.Retire(ctx, w.acme, inventory.Retirement{Artifact: imageOf(2), Reason: "sold"}))(t)
	w.project()
	day = must(w.inv.Triage(ctx, w.acme, inventory.TriageFilter{}))(t)
	gone := each(day.Gone, func(g inventory.Gone) string { return g.Vulnerability + ": " + g.Reason })
	if want := []string{"CVE-2026-2: a statement or decision says so", "CVE-2026-6: the artifact was retired: sold"}; !slices.Equal(gone, want) || day.GoneTotal != 2 {
		t.Errorf("%q, want %q", gone, want)
	}
	if got := must(w.inv.Triage(ctx, w.acme, inventory.TriageFilter{Since: time.Now().Add(time.Hour)}))(t); len(got.New)+len(got.Gone) != 0 || len(got.List) != 6 {
		t.Errorf("since a moment to come: %+v", got)
	}

	// The report counts the same, and its trend ends where the list is.
	d := must(w.inv.Report(ctx, w.acme, inventory.ReportFilter{Days: 7}))(t)
	last, before := d.Trend[6], d.Trend[5]
	if d.Open() != 6 || d.Known != 1 || d.Artifacts != 1 || d.Retired != 1 || d.Suppressed != 1 || d.OfSeverity(0) != 3 || d.OfAge(0) != 6 ||
		last.Open != 6 || last.Opened != 8 || last.Ended != 2 || before.Open != 0 || len(d.Packages) != 6 || len(d.Worst) != 1 || d.Worst[0].Tags != "production" {
		t.Errorf("%+v", d)
	}
	var page bytes.Buffer
	if err := report.Write(&page, d); err != nil || !strings.Contains(page.String(), "CVE-2026-1") {
		t.Error(err)
	}
}

// TestReportIsFast writes the report over many findings: SLUICE_REPORT_FINDINGS, by default few. The server counts,
// so the program's memory does not grow with them.
func TestReportIsFast(t *testing.T) {
	t.Parallel()
	findings := 2_000
	if s := os.Getenv("SLUICE_REPORT_FINDINGS"); s != "" {
		findings, _ = strconv.Atoi(s)
	}
	w := newWorld(t)
	ctx := t.Context()
	admin := w.db.Admin(t)
	for _, sql := range []string{
		`insert into artifact.artifact (tenant_id, id, purl, name_key) select $1, md5('a' || i)::uuid, 'pkg:oci/app-' || i || '@1', 'oci//app-' || i from generate_series(1, 500) i where $2 > 0`,
		`insert into vex.package (tenant_id, id, purl, type, name, version) select $1, md5('p' || i)::uuid, 'pkg:npm/lib-' || i || '@1.0.0', 'npm', 'lib-' || i, '1.0.0' from generate_series(1, 4000) i where $2 > 0`,
		`insert into vex.open_findings (tenant_id, artifact_purl, package_id, vuln_id, artifact_id, package_purl, score, severity, evidence, first_seen)
			select $1, 'pkg:oci/app-' || (i % 500 + 1) || '@1', md5('p' || (i / 500 % 4000 + 1))::uuid, 'CVE-2026-' || (i / 2000000), md5('a' || (i % 500 + 1))::uuid, 'pkg:npm/lib-' || (i / 500 % 4000 + 1) || '@1.0.0',
			(i % 100)::smallint, (array['critical', 'high', 'medium', 'low', ''])[i % 5 + 1], '{}', now() - make_interval(hours => i % 2000)
			from generate_series(0, $2 - 1) i`,
		`insert into vex.finding_history (tenant_id, artifact_purl, artifact_id, package_id, vuln_id, event, reason, at)
			select tenant_id, artifact_purl, artifact_id, package_id, vuln_id, 'opened', 'test', greatest(first_seen, date_trunc('month', now())) from vex.open_findings where tenant_id = $1 and $2 > 0`,
	} {
		if _, err := admin.Exec(ctx, sql, w.acme, findings); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	if _, err := admin.Exec(ctx, `insert into core.job_queue (tenant_id, kind, payload) values (null, 'views', '{}')`); err != nil {
		t.Fatal(err)
	}
	w.project()
	if _, err := admin.Exec(ctx, `analyze`); err != nil {
		t.Fatal(err)
	}
	_ = w.pools[pg.Reader].Ping(ctx)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	d := must(w.inv.Report(ctx, w.acme, inventory.ReportFilter{}))(t)
	var page bytes.Buffer
	if err := report.Write(&page, d); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	start = time.Now()
	must(w.inv.Triage(ctx, w.acme, inventory.TriageFilter{Limit: 20}))(t)
	list := time.Since(start)
	t.Logf("%d findings: a page of %d bytes in %s, %d kB allocated; the triage list in %s", d.Open(), page.Len(), took, (after.TotalAlloc-before.TotalAlloc)>>10, list)
	if d.Open() != int64(findings) || d.Trend[len(d.Trend)-1].Open != int64(findings) {
		t.Errorf("%d open, want %d", d.Open(), findings)
	}
	if took > 5*time.Second {
		t.Errorf("the report took %s", took)
	}
	if after.TotalAlloc-before.TotalAlloc > 50<<20 && os.Getenv("SLUICE_REPORT_FINDINGS") != "" {
		t.Errorf("%d MB were allocated", (after.TotalAlloc-before.TotalAlloc)>>20)
	}
}
