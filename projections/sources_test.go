package projections

import (
	"fmt"
	"testing"
)

// TestSourcesStandBesideEachOther: what the CVE list, NVD, GitHub and rubysec say about one CVE are facts of
// their own. A newer record, a rejected one too, replaces its own source's and takes nothing from another's.
func TestSourcesStandBesideEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tenant := w.db.Tenant(t, "acme")
	n := 0
	load := func(documents ...any) {
		t.Helper()
		for _, d := range documents {
			n++
			w.load(t, envelope(t, tenant, fmt.Sprint(n), "", d))
		}
		w.drain(t)
	}
	list := func(state, updated string) object {
		return object{
			"dataType": "CVE_RECORD", "dataVersion": "5.1", "cveMetadata": object{"cveId": "CVE-2026-1", "state": state, "dateUpdated": updated},
			"containers": object{"cna": object{"affected": []object{{"packageURL": "pkg:gem/left", "defaultStatus": "unaffected", "versions": []object{{"version": "0", "lessThan": "1.0.5", "status": "affected"}}}}}},
		}
	}
	nvd := func(status, modified string) object {
		return object{"id": "CVE-2026-1", "vulnStatus": status, "lastModified": modified, "metrics": object{"cvssMetricV31": []object{
			{"type": "Primary", "cvssData": object{"vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}},
		}}}
	}
	gem := object{"schema_version": "1.7.0", "id": "GHSA-aaaa-bbbb-cccc", "modified": "2026-01-02T00:00:00Z", "aliases": []string{"CVE-2026-1"}, "affected": []object{
		{"package": object{"ecosystem": "RubyGems", "name": "left"}, "ranges": []object{{"type": "ECOSYSTEM", "events": []object{{"introduced": "0"}, {"fixed": "1.0.2"}}}}},
	}}
	load(sbomOf(object{"type": "application", "name": "app", "purl": "pkg:oci/app@1"}, "", "pkg:gem/left@1.0.0"),
		list("PUBLISHED", "2026-01-03T00:00:00Z"), nvd("Analyzed", "2026-01-09T00:00:00"), gem)

	admin := w.db.Admin(t)
	check := func(step, sources, score string) {
		t.Helper()
		var got *string
		var tenths *int16
		err := admin.QueryRow(t.Context(), `
			select string_agg(f ->> 'source', ', ' order by f ->> 'source'), max(score) from vex.open_findings, jsonb_array_elements(evidence -> 'facts') f
			where tenant_id = $1 and vuln_id = 'CVE-2026-1'`, tenant).Scan(&got, &tenths)
		if err != nil {
			t.Fatalf("%s: %v", step, err)
		}
		said := "none"
		if tenths != nil {
			said = fmt.Sprint(*tenths)
		}
		if got == nil || *got != sources || said != score {
			t.Errorf("%s: %v with score %s, want %s with %s", step, got, said, sources, score)
		}
	}
	check("all of them", "cve.org, ghsa", "98")
	load(nvd("Rejected", "2026-02-01T00:00:00"))
	check("NVD takes its own back, and what it said about the score", "cve.org, ghsa", "none")
	load(list("REJECTED", "2026-02-02T00:00:00Z"))
	check("so does the list", "ghsa", "none")
	load(list("PUBLISHED", "2026-02-01T00:00:00Z"))
	check("an older record changes nothing", "ghsa", "none")
	load(list("PUBLISHED", "2026-02-03T00:00:00Z"))
	check("a newer one does", "cve.org, ghsa", "none")
	withdrawn := object{}
	for k, v := range gem {
		withdrawn[k] = v
	}
	withdrawn["modified"], withdrawn["withdrawn"] = "2026-02-04T00:00:00Z", "2026-02-04T00:00:00Z"
	load(withdrawn)
	check("GitHub's is withdrawn", "cve.org", "none")
}
