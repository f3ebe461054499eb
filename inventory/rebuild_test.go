package inventory_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/inventory"
	"sluice/normalize"
	"sluice/projections"
)

// projectAgain is project by workers that can read documents again, as those of serve can.
func (w *world) projectAgain() {
	w.t.Helper()
	reread := func(ctx context.Context, tx pgx.Tx, tenant id.ID, documents []id.ID) (projections.Remade, error) {
		cfg := pipeline()
		cfg.Limits = normalize.Limits{MaxBytes: math.MaxInt32, MaxComponents: math.MaxInt32}
		m, err := ingest.Reread(ctx, tx, tenant, documents, cfg)
		made := projections.Remade{Packages: m.Packages, Records: m.Records, Names: m.Names}
		for _, s := range m.Streams {
			made.Streams = append(made.Streams, projections.Stream(s))
		}
		return made, err
	}
	worker := projections.New(w.db.Pool(w.t, pg.Projector, projections.PoolConfig(4)), projections.Config{Reread: reread})
	if err := worker.Drain(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// derived is everything that follows from the documents of all tenants, without times at which it
// was worked out.
func (w *world) derived(admin *pgx.Conn) []string {
	w.t.Helper()
	rows, err := admin.Query(w.t.Context(), `
		select 'stream ' || (to_jsonb(s) - 'projected_at')::text from artifact.stream s
		union all select 'component ' || (to_jsonb(c) - 'first_seen' - 'created_at' - 'updated_at')::text from ingest.sbom_component c
		union all select 'package ' || (to_jsonb(p) - 'created_at' - 'updated_at')::text from vex.package p
		union all select 'affected ' || (to_jsonb(a) - 'id' - 'created_at' - 'updated_at')::text from vex.vuln_affected a
		union all select 'match ' || (to_jsonb(v) - 'created_at' - 'updated_at')::text from vex.package_vuln v
		union all select 'open ' || (to_jsonb(f) - 'id' - 'first_seen' - 'last_changed' - 'created_at' - 'updated_at')::text from vex.open_findings f
		union all select 'suppressed ' || (to_jsonb(f) - 'id' - 'first_seen' - 'last_changed' - 'created_at' - 'updated_at')::text from vex.suppressed_findings f
		union all select 'statement ' || (to_jsonb(t) - 'created_at' - 'updated_at')::text from vex.vex_statement t
		union all select 'unknown ' || coalesce(u.context ->> 'name', '') || ' ' || u.kind from unknowns.current u
		order by 1`)
	if err != nil {
		w.t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// TestRebuild: whatever happened to the derived rows, and to those that were read from documents, a
// rebuild makes them what the documents say; it touches nothing where they are right.
func TestRebuild(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.load(id.Shared, fact)
	w.load(w.acme, sbom, again, vex, `{"id": "ACME-1", "modified": "2026-01-01T00:00:00Z",
		"affected": [{"package": {"ecosystem": "npm", "name": "right"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}]}]}`)
	w.load(w.rival, sbom)
	w.projectAgain()
	admin := w.db.Admin(t)
	want := w.derived(admin)
	exec := func(sql string) {
		t.Helper()
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	history := func() (n int64) {
		t.Helper()
		if err := admin.QueryRow(t.Context(), `select count(*) from vex.finding_history`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	rebuild := func(r inventory.Rebuild) {
		t.Helper()
		for _, tenant := range []id.ID{id.Shared, w.acme, w.rival} {
			jobs, err := w.inv.Rebuild(t.Context(), tenant, r)
			if err != nil || jobs.Asked == 0 || jobs.Left != jobs.Asked {
				t.Fatalf("%+v, %v", jobs, err)
			}
			if more, err := w.inv.Rebuild(t.Context(), tenant, r); err != nil || more.Asked != 0 || more.Left != jobs.Left {
				t.Errorf("asked again: %+v, %v; want the one that goes on", more, err)
			}
		}
		w.projectAgain()
		if jobs, err := w.inv.RebuildLeft(t.Context(), w.acme); err != nil || jobs.Left != 0 {
			t.Errorf("left: %+v, %v", jobs, err)
		}
	}
	for name, c := range map[string]struct {
		damage  []string
		rebuild inventory.Rebuild
	}{
		"nothing":              {nil, inventory.Rebuild{}},
		"nothing, derived":     {nil, inventory.Rebuild{Derived: true}},
		"components gone":      {[]string{`delete from ingest.sbom_component`}, inventory.Rebuild{Derived: true}},
		"a stream gone":        {[]string{`delete from artifact.stream`}, inventory.Rebuild{Derived: true}},
		"a foreign component":  {[]string{`update ingest.sbom_component set package_id = gen_random_uuid(), component_id = gen_random_uuid() where package_id is not null`}, inventory.Rebuild{Derived: true}},
		"matches gone":         {[]string{`delete from vex.package_vuln`}, inventory.Rebuild{Derived: true}},
		"a match that is none": {[]string{`update vex.package_vuln set package_id = (select id from vex.package p where p.tenant_id = package_vuln.tenant_id and p.id <> package_id limit 1)`}, inventory.Rebuild{Derived: true}},
		"findings gone":        {[]string{`delete from vex.open_findings`, `delete from vex.suppressed_findings`}, inventory.Rebuild{Derived: true}},
		"findings that are none": {[]string{
			`update vex.open_findings set vuln_id = 'CVE-2026-77'`, `update vex.suppressed_findings set vuln_id = 'CVE-2026-78'`,
		}, inventory.Rebuild{Derived: true}},
		"unknowns gone":   {[]string{`delete from unknowns.unknown`}, inventory.Rebuild{Derived: true}},
		"statements gone": {[]string{`delete from vex.vex_statement`}, inventory.Rebuild{}},
		"records wrong":   {[]string{`delete from vex.vuln_affected`}, inventory.Rebuild{}},
		"all at once": {[]string{
			`delete from ingest.sbom_component`, `delete from artifact.stream`, `delete from vex.package_vuln`, `delete from vex.open_findings`, `delete from vex.suppressed_findings`,
			`delete from unknowns.unknown`, `delete from vex.vex_statement`, `delete from vex.vuln_affected`, `update vex.package set match_key = 'npm|other', match_version = '0'`,
		}, inventory.Rebuild{}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, sql := range c.damage {
				exec(sql)
			}
			if have := w.derived(admin); (len(c.damage) > 0) == cmp.Equal(have, want) {
				t.Fatalf("the damage: %v", c.damage)
			}
			before := history()
			rebuild(c.rebuild)
			if d := cmp.Diff(want, w.derived(admin)); d != "" {
				t.Errorf("not what it was (-want +got):\n%s", d)
			}
			if after := history(); len(c.damage) == 0 && after != before {
				t.Errorf("%d rows of history, %d before: findings that were right were touched", after, before)
			}
		})
	}
	// An import in the middle, and a rebuild of what came out of that.
	if _, err := w.inv.Rebuild(t.Context(), w.acme, inventory.Rebuild{}); err != nil {
		t.Fatal(err)
	}
	w.load(w.acme, strings.ReplaceAll(sbom, "2026-01-01", "2026-02-01"), strings.ReplaceAll(sbom, "left", "middle"))
	w.projectAgain()
	want = w.derived(admin)
	rebuild(inventory.Rebuild{})
	if d := cmp.Diff(want, w.derived(admin)); d != "" {
		t.Errorf("an import in the middle left what a rebuild mends (-want +got):\n%s", d)
	}
	var audited int64
	if err := admin.QueryRow(t.Context(), `select count(*) from authority.audit_log where action = 'tenant.rebuild'`).Scan(&audited); err != nil || audited == 0 {
		t.Errorf("%d rows in the audit log, %v", audited, err)
	}
}
