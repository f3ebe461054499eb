package projections

import (
	"slices"
	"strings"
	"testing"
)

// TestReread: what an older program stored about an SBOM is worked out anew from its original,
// and ends in what an import of today makes of it.
func TestReread(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tenant := w.db.Tenant(t, "acme")
	w.load(t, enveloped(tenant, `{"id":"ALSA-2099:1","modified":"2099-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"AlmaLinux:8","name":"postgresql"},
		"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"9.6.23-1.module_el8.5.0+1+2"}]}]}]}`))
	w.load(t, enveloped(tenant, npmRecord("CVE-2099-1", "2099-01-01T00:00:00Z", "app", "2.0.0", "")))
	w.load(t, enveloped(tenant, `{"bomFormat":"CycloneDX","specVersion":"1.5","metadata":{"timestamp":"2099-01-01T00:00:00Z","tools":[{"name":"mkbom","version":"1.2"}],"component":{"type":"application","name":"app","purl":"pkg:npm/app@1.0.0"}},
		"components":[{"type":"library","name":"postgresql","purl":"pkg:rpm/almalinux/postgresql@9.6.22-1.module_el8.5.0%2B826?arch=x86_64"},
		              {"type":"library","name":"cloud","scope":"unheard","purl":"pkg:maven/cloud@1.0"}]}`))
	w.drain(t)
	unknowns := func() []string {
		return query[string](t, w, `select context ->> 'purl' || ' ' || kind from unknowns.current where tenant_id = $1 order by 1`, tenant)
	}
	findings, unmatched := w.findingsOf(t, tenant), unknowns()
	if len(findings) != 2 || len(unmatched) != 1 {
		t.Fatalf("%q, %q: nothing to lose", findings, unmatched)
	}

	said := func() []string {
		return query[string](t, w, `select tool || ' ' || tool_version || ' ' || (quality - 'timestamp')::text || ' ' || coalesce(warnings::text, '') from ingest.original where kind = 'sbom'`)
	}
	wantSaid := said()
	if len(wantSaid) != 1 || !strings.HasPrefix(wantSaid[0], `mkbom 1.2 {"name": 3, `) || !strings.Contains(wantSaid[0], "unknown-scope") {
		t.Fatalf("the SBOM says %q", wantSaid)
	}

	// As the previous release left it: nothing about the tool, no main component, no module release, a key for what no record names.
	w.exec(t, `update ingest.original set tool = '', tool_version = '', quality = null, warnings = null where kind = 'sbom'`)
	w.exec(t, `update ingest.sbom_inventory i set package_ids = (
		select array_agg(p order by p) from unnest(i.package_ids) as p where p not in (select id from vex.package where name = 'app'))`)
	w.exec(t, `delete from ingest.sbom_component where package_id in (select id from vex.package where name = 'app')`)
	w.exec(t, `delete from vex.package where name = 'app'`)
	w.exec(t, `update vex.package set ecosystem = 'AlmaLinux', match_key = '', unmatched_reason = 'unknown-distro' where name = 'postgresql'`)
	w.exec(t, `update vex.package set match_key = 'Maven|cloud', unmatched_reason = '' where name = 'cloud'`)
	w.exec(t, `insert into vex.package_key (tenant_id, match_key, package_id) select tenant_id, 'Maven|other', id from vex.package where name = 'cloud'`)
	w.exec(t, `delete from vex.package_vuln`)
	w.exec(t, `delete from vex.open_findings`)
	w.exec(t, `delete from unknowns.unknown`)

	w.exec(t, `insert into core.job_queue (tenant_id, kind, payload, dedup_key)
		select tenant_id, 'reread', jsonb_build_object('document', document_id), document_id from ingest.original`)
	w.drain(t)
	if got := w.findingsOf(t, tenant); !slices.Equal(got, findings) {
		t.Errorf("findings %q, want %q", got, findings)
	}
	if got := said(); !slices.Equal(got, wantSaid) {
		t.Errorf("the SBOM says %q, want %q", got, wantSaid)
	}
	if got := unknowns(); !slices.Equal(got, unmatched) {
		t.Errorf("unknowns %q, want %q", got, unmatched)
	}
	if n := query[int64](t, w, `select count(*) from vex.package_key where match_key = 'Maven|other'`)[0]; n != 0 {
		t.Error("a key of what it was matched by before is left")
	}
	// Once more changes nothing.
	before := query[int64](t, w, `select count(*) from vex.finding_history`)[0]
	w.exec(t, `insert into core.job_queue (tenant_id, kind, payload, dedup_key)
		select tenant_id, 'reread', jsonb_build_object('document', document_id), document_id from ingest.original`)
	w.drain(t)
	if n := query[int64](t, w, `select count(*) from vex.finding_history`)[0]; n != before {
		t.Errorf("%d rows of history, %d before", n, before)
	}
}
