package ingest_test

import (
	"fmt"
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/internal/id"
)

// scores makes a daily file of EPSS; each line is "CVE-2026-1,0.1,0.2".
func scores(day string, lines ...string) []byte {
	head := ""
	if day != "" {
		head = "#model_version:v1,score_date:" + day + "T12:00:00Z\n"
	}
	return []byte(head + "cve,epss,percentile\n" + strings.Join(lines, "\n") + "\n")
}

// exploited makes a catalogue of known exploited vulnerabilities.
func exploited(released string, ids ...string) []byte {
	var list []string
	for _, id := range ids {
		id, name, _ := strings.Cut(id, "=")
		list = append(list, fmt.Sprintf(`{"cveID": %q, "vulnerabilityName": %q, "dateAdded": "2026-01-01", "dueDate": "2026-01-22", "requiredAction": "mend it", "knownRansomwareCampaignUse": "Known"}`, id, name))
	}
	return fmt.Appendf(nil, `{"catalogVersion": %q, "dateReleased": %q, "vulnerabilities": [%s]}`, released[:10], released, strings.Join(list, ","))
}

const (
	saidScores = `select coalesce(string_agg(concat_ws(' ', vuln_id, score, percentile), ', ' order by vuln_id), '') from vex.epss where tenant_id = $1`
	saidKEV    = `select coalesce(string_agg(concat_ws(' ', vuln_id, name, date_added, due_date, ransomware, action), ', ' order by vuln_id), '') from vex.kev where tenant_id = $1 and removed_at is null`
	saidFeeds  = `select coalesce(string_agg(concat_ws(' ', feed, released_at at time zone 'UTC', version, entries), ', ' order by feed), '') from vex.feed where tenant_id = $1`
	writtenOf  = `select count(*) from (select from vex.epss where xmin = $1::text::xid union all select from vex.kev where xmin = $1::text::xid) w`
)

// TestFeedsInAnyOrder: whatever order the documents of feeds arrive in, alone or several in a transaction,
// the tables say what the newest says.
func TestFeedsInAnyOrder(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	documents := [][]byte{
		scores("2026-02-01", "CVE-2026-1,0.1,0.2", "CVE-2026-2,0.3,0.4", "CVE-2026-4,0.4,0.5"),
		scores("2026-02-02", "CVE-2026-1,0.5,0.6", "CVE-2026-3,0.1,0.1"),
		// As on the first day: a row that the third does not write would take its score from the second.
		scores("2026-02-03", "CVE-2026-1,0.1,0.2", "CVE-2026-2,0.3,0.5", "CVE-2026-3,0.1,0.1"),
		scores("", "CVE-2026-9,1,1"), // of no day: before all others
		exploited("2026-02-01T10:00:00Z", "CVE-2026-1=one", "CVE-2026-2=two"),
		exploited("2026-02-01T11:00:00.1234567Z", "CVE-2026-1=one", "CVE-2026-3=three"),
		exploited("2026-02-02T10:00:00Z", "CVE-2026-1=One", "CVE-2026-2=two"),
		// The catalogue as CSV has no time of its own; this is of before the last.
		[]byte("cveID,dateAdded,vulnerabilityName\nCVE-2026-1,2026-02-02,1\nCVE-2026-8,2026-01-01,8\n"),
	}
	const (
		wantScores = "CVE-2026-1 0.1 0.2, CVE-2026-2 0.3 0.5, CVE-2026-3 0.1 0.1"
		wantKEV    = "CVE-2026-1 One 2026-01-01 2026-01-22 t mend it, CVE-2026-2 two 2026-01-01 2026-01-22 t mend it"
		wantFeeds  = "epss 2026-02-03 12:00:00 v1 3, kev 2026-02-02 10:00:00 2026-02-02 2"
	)
	for round, order := range [][]int{{0, 1, 2, 3, 4, 5, 6, 7}, {7, 6, 5, 4, 3, 2, 1, 0}, {2, 6, 0, 4, 1, 5, 3, 7}, {1, 5, 3, 7, 2, 6, 0, 4}} {
		for _, together := range []bool{false, true} {
			h.tenant = h.db.Tenant(t, fmt.Sprintf("round-%d-%v", round, together))
			cfg := ingest.Config{}
			if !together {
				cfg.BatchDocuments = 1
			}
			var in [][]byte
			for _, i := range order {
				in = append(in, documents[i])
			}
			if c := h.run(h.pipeline(cfg), h.list(in...)); c.Accepted != 8 {
				t.Fatalf("%+v", c)
			}
			for sql, want := range map[string]string{saidScores: wantScores, saidKEV: wantKEV, saidFeeds: wantFeeds} {
				if got := query[string](h, sql, h.tenant); got != want {
					t.Errorf("order %v, together %v: %s, want %s", order, together, got, want)
				}
			}
			wantCount(h, 8, `select count(*) from ingest.original where tenant_id = $1`, h.tenant)
		}
	}
}

// TestFeedsWriteWhatDiffers: a row that says the same is not written, what left the catalogue is marked,
// and what came back is not any more.
func TestFeedsWriteWhatDiffers(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	p := h.pipeline(ingest.Config{})
	written := func(document []byte) (n int64) {
		t.Helper()
		if c := h.run(p, h.list(document)); c.Accepted != 1 {
			t.Fatalf("%+v", c)
		}
		return query[int64](h, writtenOf, query[string](h, `select xmin::text from ingest.original order by xmin::text::bigint desc limit 1`))
	}
	for i, step := range []struct {
		document []byte
		want     int64 // rows of epss and kev
	}{
		{scores("2026-02-01", "CVE-2026-1,0.1,0.2", "CVE-2026-2,0.3,0.4", "CVE-2026-3,0.4,0.5"), 3},
		{scores("2026-02-02", "CVE-2026-1,0.1,0.2", "CVE-2026-2,0.31,0.4", "CVE-2026-3,0.4,0.5"), 1},
		{scores("2026-02-03", "CVE-2026-2,0.31,0.4", "CVE-2026-1,0.1,0.2", "CVE-2026-3,0.4,0.5"), 0},
		{scores("2026-01-31", "CVE-2026-1,0.9,0.9"), 0},
		{exploited("2026-02-01T10:00:00Z", "CVE-2026-1=one", "CVE-2026-2=two"), 2},
		{exploited("2026-02-02T10:00:00Z", "CVE-2026-1=one", "CVE-2026-2=two"), 0},
		{exploited("2026-02-03T10:00:00Z", "CVE-2026-2=two"), 1},
		{exploited("2026-02-04T10:00:00Z", "CVE-2026-2=two"), 0},
		{exploited("2026-02-05T10:00:00Z", "CVE-2026-1=one", "CVE-2026-2=two"), 1},
		{exploited("2026-02-06T10:00:00Z", "CVE-2026-1=one"), 1},
	} {
		if got := written(step.document); got != step.want {
			t.Errorf("step %d wrote %d rows, want %d", i, got, step.want)
		}
	}
	// The same bytes again are a duplicate.
	if c := h.run(p, h.list(scores("2026-02-03", "CVE-2026-2,0.31,0.4", "CVE-2026-1,0.1,0.2", "CVE-2026-3,0.4,0.5"))); c.Duplicate != 1 {
		t.Errorf("%+v", c)
	}
	wantCount(h, 1, `select count(*) from vex.kev where vuln_id = 'CVE-2026-2' and removed_at = '2026-02-06T10:00:00Z'`)
	wantCount(h, 1, `select count(*) from vex.kev where vuln_id = 'CVE-2026-1' and removed_at is null`)
	wantCount(h, 1, `select count(*) from vex.epss where vuln_id = 'CVE-2026-1' and score_date = '2026-02-01'`)
	wantCount(h, 1, `select count(*) from vex.epss where vuln_id = 'CVE-2026-2' and score_date = '2026-02-02'`)
	wantCount(h, 0, `select count(*) from core.job_queue`) // no finding is looked at for it
}

// TestFeedsOfTenants: the shared feed and a tenant's own stay apart, in one transaction too.
func TestFeedsOfTenants(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	l := h.list(scores("2026-02-01", "CVE-2026-1,0.1,0.2"), scores("2026-02-02", "CVE-2026-2,0.3,0.4"), exploited("2026-02-01T10:00:00Z", "CVE-2026-1=one"))
	other := h.db.Tenant(t, "other")
	l.envelopes[1].Tenant = other
	if c := h.run(h.pipeline(ingest.Config{}), l); c.Accepted != 3 {
		t.Fatalf("%+v", c)
	}
	for tenant, want := range map[id.ID]string{h.tenant: "CVE-2026-1 0.1 0.2", other: "CVE-2026-2 0.3 0.4"} {
		if got := query[string](h, saidScores, tenant); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	wantCount(h, 1, `select count(*) from vex.kev`)
}
