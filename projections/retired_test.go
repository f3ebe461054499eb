package projections

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/internal/id"
)

// retire retires an artifact as `sluice artifact retire` does.
func (w *world) retire(t testing.TB, tenant id.ID, artifact, asOf string) {
	t.Helper()
	a := id.Derive(tenant, "artifact", artifact)
	w.exec(t, `update artifact.artifact set state = 'retired', state_reason = 'switched off', retired_by = 'command', retired_at = now(), retired_as_of = $3
		where tenant_id = $1 and id = $2`, tenant, a, asOf)
	w.exec(t, `insert into core.job_queue (tenant_id, kind, payload) values ($1, 'artifact', jsonb_build_object('artifact', $2::uuid))`, tenant, a)
}

// TestRetiredAnyOrder: a retirement, documents that are older and documents that are newer than it, in
// every order and with a projection after each or one at the end, end in the same state.
func TestRetiredAnyOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	app := object{"type": "application", "name": "app", "version": "1", "purl": "pkg:oci/app@1", "bom-ref": "main"}
	at := func(day int, packages ...string) string {
		return string(mustJSON(with(sbomOf(app, "", packages...), "serialNumber", nil, "metadata.timestamp", fmt.Sprintf("2026-02-%02dT00:00:00Z", day))))
	}
	const thing, other = "pkg:npm/thing@1.0.0", "pkg:npm/other@1.0.0"
	fact := npmRecord("CVE-2099-1", "2026-01-01T00:00:00Z", "thing", "2.0.0", "")
	for n, c := range []struct {
		name      string
		documents []string
		want      []string // findings at the end
		state     string
	}{
		{"all are older", []string{at(1, thing), at(9, thing, other)}, nil, "retired"},
		{"one is newer", []string{at(1, thing), at(11, thing, other)}, []string{"open pkg:oci/app@1 " + thing + " CVE-2099-1"}, "active"},
		{"as new as the retirement is not newer", []string{at(10, thing), at(3, other)}, nil, "retired"},
		{"the newest says the same as an older one", []string{at(1, thing), at(12, thing)}, []string{"open pkg:oci/app@1 " + thing + " CVE-2099-1"}, "active"},
	} {
		for _, order := range permutations(len(c.documents)) {
			for after := 1; after <= len(order); after++ { // how many documents come before the retirement; without one there is nothing to retire
				for _, steps := range []bool{true, false} {
					tenant := w.db.Tenant(t, fmt.Sprintf("t%d-%d-%d-%v", n, order[0], after, steps))
					w.load(t, enveloped(tenant, fact))
					for i, d := range order {
						w.load(t, enveloped(tenant, c.documents[d]))
						if steps {
							w.drain(t)
						}
						if i+1 == after {
							w.retire(t, tenant, "pkg:oci/app@1", "2026-02-10T00:00:00Z")
							if steps {
								w.drain(t)
							}
						}
					}
					w.drain(t)
					got := query[string](t, w, `select 'open ' || artifact_purl || ' ' || package_purl || ' ' || vuln_id from vex.open_findings where tenant_id = $1`, tenant)
					state := query[string](t, w, `select state from artifact.artifact where tenant_id = $1`, tenant)[0]
					if !slices.Equal(got, c.want) || state != c.state {
						t.Fatalf("%s, order %v, retired after %d, in steps %v: %q and %s, want %q and %s", c.name, order, after, steps, got, state, c.want, c.state)
					}
				}
			}
		}
	}
	w.noneParked(t)
}

// TestRetiredHistory: why findings closed and came back is in their history, and in the audit log when
// a document did it.
func TestRetiredHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tenant := w.db.Tenant(t, "acme")
	app := object{"type": "application", "name": "app", "version": "1", "purl": "pkg:oci/app@1", "bom-ref": "main"}
	at := func(day int) string {
		return string(mustJSON(with(sbomOf(app, "", "pkg:npm/thing@1.0.0"), "serialNumber", nil, "metadata.timestamp", fmt.Sprintf("2026-02-%02dT00:00:00Z", day), "version", day)))
	}
	w.load(t, enveloped(tenant, at(1)), enveloped(tenant, npmRecord("CVE-2099-1", "2026-01-01T00:00:00Z", "thing", "2.0.0", "")))
	w.drain(t)
	w.retire(t, tenant, "pkg:oci/app@1", "2026-02-10T00:00:00Z")
	w.drain(t)
	// What comes about a retired artifact's package in between is none of its findings.
	w.load(t, enveloped(tenant, npmRecord("CVE-2099-2", "2026-01-01T00:00:00Z", "thing", "2.0.0", "")))
	w.drain(t)
	w.load(t, enveloped(tenant, at(20)))
	w.drain(t)
	got := query[string](t, w, `select vuln_id || ' ' || event || ': ' || reason from vex.finding_history where tenant_id = $1 order by at, vuln_id`, tenant)
	want := []string{
		"CVE-2099-1 opened: a fact covers a component",
		"CVE-2099-1 closed: the artifact was retired: switched off",
		"CVE-2099-1 reopened: the artifact is not retired any more",
		"CVE-2099-2 opened: the artifact is not retired any more",
	}
	if !slices.Equal(got, want) {
		t.Errorf("history\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if n := query[int64](t, w, `select count(*) from authority.audit_log where tenant_id = $1 and action = 'artifact.revive' and diff #>> '{after,by}' = 'document'`, tenant)[0]; n != 1 {
		t.Errorf("%d entries say that a document revived it", n)
	}
	if got := query[string](t, w, `select payload ->> 'cause' from ingest.scan_run_event where tenant_id = $1 and event_type = 'findings_closed'`, tenant); !slices.Equal(got, []string{"artifact"}) {
		t.Errorf("events of what closed: %q", got)
	}
}
