package maintenance

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/brief"
	"sluice/tenants"
)

const (
	expired = 500 // days: older than the policy of the tests
	policy  = `{"retention": {"documents": "400 days"}, "other": 1}`
)

// findings is what is derived, with the evidence: nothing of it may change.
func (w *world) findings() string {
	return strings.Join(list[string](w, `
		select 'open ' || artifact_purl || ' ' || package_purl || ' ' || vuln_id || ' ' || aliases::text || advisories::text || fixed_versions::text || coalesce(vex::text, '-') || evidence::text from vex.open_findings
		union all select 'suppressed ' || artifact_purl || ' ' || package_purl || ' ' || vuln_id || ' ' || aliases::text || advisories::text || fixed_versions::text || vex::text || evidence::text from vex.suppressed_findings
		union all select 'component ' || artifact_id || stream || component_id from ingest.sbom_component
		union all select 'unknown ' || subject_hash || kind from unknowns.unknown where valid_to is null
		order by 1`), "\n")
}

// more is what is derived and names documents.
func (w *world) more() string {
	return strings.Join(list[string](w, `
		select 'stream ' || artifact_id || stream || encode(content_hash, 'hex') || coalesce(document_time::text, '') || component_count from artifact.stream
		union all select 'match ' || package_id || vuln_id || fact_id from vex.package_vuln
		order by 1`), "\n")
}

// exports reads the original of every current document, as `document export` does.
func (w *world) exports() {
	w.Helper()
	rows, err := w.admin.Query(context.Background(), `
		select s.content_hash, d.content_hash, o.encoding, o.bytes, o.size, i.sbom_document_id is not null
		from artifact.stream s
		left join ingest.sbom_document d on d.tenant_id = s.tenant_id and d.id = s.document_id
		left join ingest.original o on o.tenant_id = d.tenant_id and o.content_hash = d.content_hash
		left join ingest.sbom_inventory i on i.tenant_id = d.tenant_id and i.sbom_document_id = d.id`)
	if err != nil {
		w.Fatal(err)
	}
	var named, hash, stored []byte
	var encoding *string
	var size *int64
	var inventory bool
	streams := 0
	_, err = pgx.ForEachRow(rows, []any{&named, &hash, &encoding, &stored, &size, &inventory}, func() error {
		streams++
		if encoding == nil || !inventory {
			w.Errorf("current document %x is not whole", named)
			return nil
		}
		b, err := ingest.Expand(*encoding, stored, *size)
		if sum := sha256.Sum256(b); err != nil || string(sum[:]) != string(hash) {
			w.Errorf("export of %x: %x, %v", hash, sum, err)
		}
		return nil
	})
	if err != nil || streams == 0 {
		w.Fatalf("%d streams, %v", streams, err)
	}
}

// orphans are rows of documents that are gone.
func (w *world) orphans() {
	w.Helper()
	for _, s := range list[string](w, `
		select 'inventory ' || sbom_document_id from ingest.sbom_inventory i where not exists (select from ingest.sbom_document d where d.id = i.sbom_document_id)
		union all select 'sbom ' || id from ingest.sbom_document d where not exists (select from ingest.original o where o.tenant_id = d.tenant_id and o.content_hash = d.content_hash)
		union all select 'alias of ' || document_id from ingest.document_alias a where not exists (select from ingest.original o where o.tenant_id = a.tenant_id and o.document_id = a.document_id)
		union all select 'vex ' || id from vex.vex_document d where not exists (select from ingest.original o where o.document_id = d.id)
		union all select 'statement ' || id from vex.vex_statement s where not exists (select from ingest.original o where o.document_id = s.document_id)
		union all select 'fact ' || id from vex.vuln_fact f where not exists (select from ingest.original o where o.document_id = f.document_id)
		union all select 'affected ' || fact_id from vex.vuln_affected a where not exists (select from vex.vuln_fact f where f.id = a.fact_id)
		union all select 'edge ' || fact_id from vex.vuln_alias a where not exists (select from vex.vuln_fact f where f.id = a.fact_id) and not exists (select from ingest.original o where o.document_id = a.fact_id)
		union all select 'verdict by ' || statement_id from vex.suppressed_findings f where statement_id is not null and not exists (select from vex.vex_statement s where s.id = f.statement_id)
		union all select 'document without content ' || document_id from ingest.original o where kind = 'sbom' and not exists (select from ingest.sbom_document d where d.content_hash = o.content_hash)`) {
		w.Errorf("left behind: %s", s)
	}
}

// history makes documents of all kinds: versions, repeats, statements about what is there
// and what is not. phase 1 comes after retention.
func (w *world) history(r *rand.Rand, phase int) (out []ingest.Envelope) {
	pkg := func() string { return fmt.Sprintf("pkg:npm/p%d@%d.0.0", r.IntN(6), 1+r.IntN(3)) }
	for i := range 4 {
		e := w.doc(fmt.Sprintf("feed%d-%d", phase, i), record(fmt.Sprintf("CVE-2026-%d", i), fmt.Sprintf("p%d", i), fmt.Sprintf("%d.0.0", 2+r.IntN(2)), phase*10+i))
		e.Tenant = id.Shared
		out = append(out, e)
	}
	for i := range 6 {
		name := fmt.Sprintf("GHSA-aaaa-bbbb-%04d", r.IntN(3))
		var aliases []string
		if r.IntN(2) == 0 {
			aliases = []string{fmt.Sprintf("CVE-2026-%d", 10+r.IntN(2))}
		}
		day := phase*40 + r.IntN(30)
		rec := record(name, fmt.Sprintf("p%d", r.IntN(6)), fmt.Sprintf("%d.0.0", 2+r.IntN(3)), day, aliases...)
		if r.IntN(3) == 0 { // counts, and covers nothing: without it an older version would
			rec["withdrawn"] = stamp(day)
		}
		out = append(out, w.doc(fmt.Sprintf("own%d-%d", phase, i), rec))
	}
	for i := range 12 {
		purls := []string{pkg(), pkg(), pkg()}
		slices.Sort(purls)
		artifact := fmt.Sprintf("pkg:oci/app%d@1", r.IntN(3))
		e := w.doc(fmt.Sprintf("sbom%d-%d", phase, i), sbom(artifact, fmt.Sprintf("00000000-0000-4000-8000-%012d", phase*100+i), phase*40+r.IntN(30), slices.Compact(purls)...))
		e.Stream = []string{"", "ci"}[r.IntN(2)]
		out = append(out, e)
		if r.IntN(3) == 0 { // says the same, at another time
			twin := e
			twin.Origin = "twin" + e.Origin
			twin.Bytes = w.doc("", sbom(artifact, fmt.Sprintf("00000000-0000-4000-9000-%012d", phase*100+i), phase*40+r.IntN(30), slices.Compact(purls)...)).Bytes
			out = append(out, twin)
		}
	}
	for i := range 8 {
		status := []string{"not_affected", "affected", "fixed"}[r.IntN(3)]
		k := r.IntN(4) // often the same one: some statements lose
		vuln, product := fmt.Sprintf("CVE-2026-%d", k), fmt.Sprintf("pkg:npm/p%d@1.0.0", k)
		var aliases []string
		if phase == 0 {
			switch r.IntN(4) {
			case 0:
				product = fmt.Sprintf("pkg:npm/nobody%d@1.0.0", i)
			case 1:
				vuln = fmt.Sprintf("CVE-1999-%d", i)
			case 2:
				aliases = []string{fmt.Sprintf("GHSA-aaaa-bbbb-%04d", r.IntN(3))}
			}
		}
		out = append(out, w.doc(fmt.Sprintf("vex%d-%d", phase, i), vex(phase*100+i, phase*40+r.IntN(30), vuln, product, status, aliases...)))
	}
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// TestRetentionKeepsWhatIsNeeded: whatever the history, deleting what has expired changes no finding; what
// is left gives the same when it is imported anew; and what comes later gives the same as if nothing
// had been deleted.
func TestRetentionKeepsWhatIsNeeded(t *testing.T) {
	t.Parallel()
	seeds := 4
	if brief.Run(t) {
		seeds = 1
	}
	deleted := map[string]int{}
	same := 0
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(seed), 5))
			w := newWorld(t)
			history := w.history(r, 0)
			// In pieces, so that arrival is not the order in which things are decided.
			for piece := range slices.Chunk(history, 10) {
				w.load(piece...)
				if r.IntN(2) == 0 {
					w.drain()
				}
			}
			w.drain()
			for _, e := range history {
				if r.IntN(4) > 0 {
					w.age(expired, e.Origin)
				}
			}
			w.policy(policy)
			before, names := w.findings(), w.more()
			kinds := func() map[string]int {
				out := map[string]int{}
				for _, k := range list[string](w, `select kind from ingest.original where tenant_id = $1`, w.tenant) {
					out[k]++
				}
				return out
			}
			was := kinds()
			out := w.twice(Retention(RetentionConfig{Batch: 1 + r.IntN(10)}))
			for k, n := range kinds() {
				deleted[k] += was[k] - n
			}
			t.Logf("seed %d: %s", seed, out.What)
			if after := w.findings(); after != before {
				t.Errorf("seed %d: retention changed findings:\n%s\nbefore:\n%s", seed, after, before)
			}
			if after := w.more(); after != names {
				t.Errorf("seed %d: retention changed what is current or matched:\n%s\nbefore:\n%s", seed, after, names)
			}
			w.exports()
			w.orphans()
			if out := w.run(Retention(RetentionConfig{}), false); out.Rows != 0 {
				t.Errorf("seed %d: a second run deletes %d more", seed, out.Rows)
			}

			// What is left, imported into an empty database.
			left := map[string]bool{}
			for _, h := range list[[]byte](w, `select content_hash from ingest.original union all select content_hash from ingest.document_alias`) {
				left[string(h)] = true
			}
			rebuilt, control := newWorld(t), newWorld(t)
			for _, e := range history {
				if h := sha256.Sum256(e.Bytes); left[string(h[:])] {
					rebuilt.load(e)
				}
			}
			rebuilt.drain()
			if got := rebuilt.findings(); got != before {
				t.Errorf("seed %d: what is left gives other findings:\n%s\nwant:\n%s", seed, got, before)
			}

			// And what comes later: new versions, and documents that were deleted, said again.
			later := w.history(r, 1)
			for _, e := range history {
				if strings.HasPrefix(e.Origin, "sbom") && r.IntN(4) == 0 {
					e.Origin = "again" + e.Origin
					later = append(later, e)
				}
			}
			control.load(history...)
			for _, x := range []*world{w, control} {
				x.load(later...)
				x.drain()
			}
			got, want := w.findings(), control.findings()
			if got == want {
				same++
			} else if !unappliedLater(w, control) {
				t.Errorf("seed %d: later documents give:\n%s\nwithout retention:\n%s", seed, got, want)
			}
			w.orphans()
			w.exports()
		})
	}
	if same == 0 {
		t.Errorf("not one of %d histories gave the same later: the test is blind", seeds)
	}
	t.Logf("%d of %d give the same later", same, seeds)
	for _, kind := range []string{"sbom", "vex", "vuln"} {
		if deleted[kind] == 0 {
			t.Errorf("not one document of kind %s was deleted in %d histories: the test is blind", kind, seeds)
		}
	}
}

// unappliedLater: a statement that applied to nothing, and expired, would apply now. That is
// what the policy asks for; docs/operations.md says so.
func unappliedLater(w, control *world) bool {
	kept := map[string]bool{}
	for _, s := range list[string](w, `select id::text from vex.vex_statement`) {
		kept[s] = true
	}
	for _, s := range list[string](control, `select id::text from vex.vex_statement where outcome in ('applied', 'superseded')`) {
		if !kept[s] {
			return true
		}
	}
	return false
}

// three loads versions 1 to 3 of an artifact's SBOM, all of them expired.
func (w *world) three() {
	w.Helper()
	for i := 1; i <= 3; i++ {
		w.load(w.doc(fmt.Sprintf("v%d", i), sbom("pkg:oci/app@1", "", i, fmt.Sprintf("pkg:npm/p%d@1.0.0", i))))
	}
	w.drain()
	w.age(expired, "v")
	w.policy(policy)
}

func (w *world) origins() string {
	return strings.Join(list[string](w, `select origin from ingest.original order by 1`), " ")
}

func TestRetentionOfVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.three()
	out := w.twice(Retention(RetentionConfig{}))
	if got := w.origins(); got != "v3" || out.Rows != 2 || out.What != "acme: deleted 2 sbom, 1 expired ones are needed" {
		t.Errorf("%s are left; %+v", got, out)
	}
	if got := one[string](w, `select action || ' ' || jsonb_array_length(diff #> '{before,documents}') || ' ' || (diff #>> '{before,documents,0}' ~ '^sha256:[0-9a-f]{64}$') from authority.audit_log where tenant_id = $1`, w.tenant); got != "retention.delete 2 true" {
		t.Errorf("audit log: %s", got)
	}
	if got := one[string](w, `select what || '|' || rows || '|' || coalesce(last_error, '-') from core.maintenance where task = 'retention'`); got != out.What+"|2|-" {
		t.Errorf("noted: %s", got)
	}
}

func TestRetentionKeeps(t *testing.T) {
	t.Parallel()
	serial := "00000000-0000-4000-8000-000000000001"
	for _, c := range []struct {
		name    string
		arrange func(w *world)
		left    string // origins
	}{
		{"everything without a policy", func(w *world) { w.policy(`{}`) }, "v1 v2 v3"},
		{"everything under legal hold", func(w *world) { w.policy(`{"retention": {"documents": "400 days"}, "legal_hold": true}`) }, "v1 v2 v3"},
		{"everything under a hold that is spelled oddly", func(w *world) { w.policy(`{"retention": {"documents": "400 days"}, "legal_hold": "case 7"}`) }, "v1 v2 v3"},
		{"kinds that say otherwise", func(w *world) { w.policy(`{"retention": {"documents": "400 days", "sbom": "600 days"}}`) }, "v1 v2 v3"},
		{"what is not old enough", func(w *world) { w.age(399, "v1") }, "v1 v3"},
		{"what is current because it was said again", func(w *world) {
			w.load(w.doc("v1twin", sbom("pkg:oci/app@1", serial, 9, "pkg:npm/p1@1.0.0")))
			w.drain()
			w.age(expired, "v")
		}, "v1 v3"}, // and the newest that says it for the first time
		{"what will be current when it is projected", func(w *world) {
			w.load(w.doc("v1twin", sbom("pkg:oci/app@1", serial, 9, "pkg:npm/p1@1.0.0")))
			w.age(expired, "v")
		}, "v1 v3"},
		{"what is the newest and not projected yet", func(w *world) {
			w.load(w.doc("v4", sbom("pkg:oci/app@1", "", 4, "pkg:npm/p4@1.0.0")))
			w.age(expired, "v")
		}, "v3 v4"},
		{"what was never projected", func(w *world) {
			w.load(w.doc("x1", sbom("pkg:oci/other@1", "", 1, "pkg:npm/p4@1.0.0")), w.doc("x2", sbom("pkg:oci/other@1", "", 2, "pkg:npm/p5@1.0.0")))
			w.age(expired, "x")
		}, "v3 x1 x2"},
		{"what was said again lately", func(w *world) {
			w.load(w.doc("v2twin", sbom("pkg:oci/app@1", serial, 0, "pkg:npm/p2@1.0.0")))
			w.drain()
		}, "v2 v3"},
		{"what a decision names by hash", func(w *world) {
			w.exec(`insert into vex.vex_decision (tenant_id, package_id, vuln_id, proof_ref)
				select tenant_id, gen_random_uuid(), 'CVE-1', 'see sha256:' || upper(encode(content_hash, 'hex')) from ingest.original where origin = 'v1'`)
		}, "v1 v3"},
		{"what a decision names by id", func(w *world) {
			w.exec(`insert into vex.vex_decision (tenant_id, package_id, vuln_id, rationale)
				select tenant_id, gen_random_uuid(), 'CVE-1', 'document ' || document_id || '.' from ingest.original where origin = 'v2'`)
		}, "v2 v3"},
		{"what a statement links to", func(w *world) {
			w.load(w.doc("v0", sbom("pkg:oci/app@1", serial, 0, "pkg:npm/p0@1.0.0")))
			w.load(w.doc("link", object{
				"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
				"vulnerabilities": []any{object{"id": "CVE-2026-1", "analysis": object{"state": "not_affected", "justification": "code_not_present"}, "affects": []any{object{"ref": "urn:cdx:" + serial + "/1#ref0"}}}},
			}))
			w.drain()
			w.age(expired, "v")
		}, "link v0 v3"},
		{"a tenant whose settings nobody understands", nil, "v1 v2 v3"},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.three()
			if c.arrange == nil {
				w.policy(`{"retention": {"document": "400 days"}}`)
				out, err := Once(t.Context(), w.pool, Retention(RetentionConfig{}), false)
				if err == nil || !strings.Contains(err.Error(), "retention.document") || !strings.Contains(out.Error, "tenant acme") {
					t.Errorf("%+v, %v", out, err)
				}
			} else {
				c.arrange(w)
				w.twice(Retention(RetentionConfig{}))
			}
			if got := w.origins(); got != c.left {
				t.Errorf("left: %s, want %s", got, c.left)
			}
			w.orphans()
		})
	}
}

// TestRetentionOfStatements: what decides a finding stays, and what lost one; what is about
// nothing that is there goes, once the queue is empty.
func TestRetentionOfStatements(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.load(
		w.doc("fact1", record("CVE-2026-1", "p1", "2.0.0", 1)),
		w.doc("sbom1", sbom("pkg:oci/app@1", "", 1, "pkg:npm/p1@1.0.0")),
		w.doc("loser", vex(1, 1, "CVE-2026-1", "pkg:npm/p1@1.0.0", "affected")),
		w.doc("winner", vex(2, 2, "CVE-2026-1", "pkg:npm/p1@1.0.0", "not_affected")),
		w.doc("noproduct", vex(3, 2, "CVE-2026-1", "pkg:npm/other@1.0.0", "not_affected")),
		w.doc("novuln", vex(4, 2, "CVE-2026-9", "pkg:npm/p1@1.0.0", "not_affected")),
		w.doc("edge", vex(5, 2, "CVE-2026-1", "pkg:npm/other@1.0.0", "not_affected", "GHSA-aaaa-bbbb-cccc")),
	)
	w.age(expired, "")
	w.policy(policy)
	if out := w.twice(Retention(RetentionConfig{})); out.Rows != 0 {
		t.Errorf("before it is projected: %+v", out)
	}
	w.drain()
	before := w.findings()
	w.twice(Retention(RetentionConfig{}))
	if got := w.origins(); got != "edge fact1 loser sbom1 winner" {
		t.Errorf("left: %s", got)
	}
	if after := w.findings(); after != before || !strings.Contains(after, "suppressed") {
		t.Errorf("findings: %s\nbefore: %s", after, before)
	}
	w.orphans()
}

// TestRetentionOfRecords: versions that a newer one replaced, once nothing matches by them.
func TestRetentionOfRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.load(w.doc("fact1", record("CVE-2026-1", "p1", "2.0.0", 1)), w.doc("sbom1", sbom("pkg:oci/app@1", "", 1, "pkg:npm/p1@1.0.0")))
	w.drain()
	w.load(w.doc("fact2", record("CVE-2026-1", "p1", "1.5.0", 2)))
	w.age(expired, "")
	w.policy(policy)
	if out := w.twice(Retention(RetentionConfig{})); out.Rows != 0 {
		t.Errorf("before it is projected: %+v", out)
	}
	w.drain()
	if out := w.twice(Retention(RetentionConfig{})); out.What != "acme: deleted 1 vuln, 2 expired ones are needed" || w.origins() != "fact2 sbom1" {
		t.Errorf("%+v; left: %s", out, w.origins())
	}
	w.orphans()
}

// TestRetentionOfWithdrawnRecords: the version that withdrew a record counts, though it covers
// nothing: without it an older version would open findings.
func TestRetentionOfWithdrawnRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	withdrawn := record("CVE-2026-1", "p1", "2.0.0", 2)
	withdrawn["withdrawn"] = stamp(2)
	w.load(w.doc("fact1", record("CVE-2026-1", "p1", "2.0.0", 1)), w.doc("fact2", withdrawn), w.doc("sbom1", sbom("pkg:oci/app@1", "", 1, "pkg:npm/p1@1.0.0")))
	w.drain()
	w.age(expired, "fact2")
	w.policy(policy)
	if w.twice(Retention(RetentionConfig{})); w.origins() != "fact1 fact2 sbom1" {
		t.Errorf("left: %s", w.origins())
	}
	w.age(expired, "fact1")
	if w.twice(Retention(RetentionConfig{})); w.origins() != "fact2 sbom1" {
		t.Errorf("left: %s", w.origins())
	}
}

func TestRetentionOfParked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(`insert into ingest.parked (tenant_id, content_hash, document_id, origin, reason, size, scan_run_id, updated_at)
		select $1, sha256(i::text::bytea), gen_random_uuid(), 'parked' || i, 'syntax', 10, 1, now() - make_interval(days => i * 10) from generate_series(1, 20) i`, w.tenant)
	w.policy(policy)
	if out := w.twice(Retention(RetentionConfig{})); out.Rows != 0 {
		t.Errorf("documents are no parked ones: %+v", out)
	}
	w.policy(`{"retention": {"parked": "95 days"}}`)
	out := w.twice(Retention(RetentionConfig{Batch: 3}))
	if left := one[int](w, `select count(*) from ingest.parked`); left != 9 || out.Rows != 11 || out.Bytes != 110 {
		t.Errorf("%d left, %+v", left, out)
	}
	if n := one[int](w, `select sum(jsonb_array_length(diff #> '{before,documents}')) from authority.audit_log where entity_type = 'parked'`); n != 11 {
		t.Errorf("the audit log tells of %d", n)
	}
}

// TestRetentionCrash: a batch whose process dies is as if it had never begun, the ones
// before it are done, and the next run does the rest.
func TestRetentionCrash(t *testing.T) {
	t.Parallel()
	for _, point := range []string{"deleted", "committed"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for i := range 10 {
				w.load(w.doc(fmt.Sprintf("v%d", i), sbom("pkg:oci/app@1", "", i, fmt.Sprintf("pkg:npm/p%d@1.0.0", i))))
			}
			w.drain()
			for i := range 10 {
				w.age(expired-i, fmt.Sprintf("v%d", i))
			}
			w.policy(policy)
			batches := 0
			task := Retention(RetentionConfig{Batch: 3, fault: func(at string) {
				if at == point {
					if batches++; batches == 2 {
						panic("crash")
					}
				}
			}})
			out, err := Once(t.Context(), w.pool, task, false)
			if err == nil || !strings.Contains(out.Error, "crash") {
				t.Fatalf("%+v, %v", out, err)
			}
			want := map[string]int{"deleted": 7, "committed": 4}[point]
			if left := one[int](w, `select count(*) from ingest.original`); left != want {
				t.Errorf("%d left after the crash, want %d", left, want)
			}
			if logged := one[int](w, `select coalesce(sum(jsonb_array_length(diff #> '{before,documents}')), 0) from authority.audit_log`); logged != 10-want {
				t.Errorf("the audit log tells of %d", logged)
			}
			w.orphans()
			w.run(Retention(RetentionConfig{Batch: 3}), false)
			if got := w.origins(); got != "v9" {
				t.Errorf("left: %s", got)
			}
			w.exports()
		})
	}
}

// TestRetentionAndTwins: an import that finds a stored document says the same as a new one either
// comes before retention, and the document stays, or after, and stores the new one.
func TestRetentionAndTwins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.three()
	conn := w.db.Conn(t, pg.Ingest)
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	// What an import with a twin of v1 does first.
	if err := pg.SetTenant(t.Context(), tx, w.tenant); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `select pg_advisory_xact_lock_shared(hashtextextended('sluice.retention.' || $1, 0))`, w.tenant.String()); err != nil {
		t.Fatal(err)
	}
	task := Retention(RetentionConfig{LockTimeout: 50 * time.Millisecond})
	if out, err := Once(t.Context(), w.pool, task, false); err == nil || !strings.Contains(out.Error, "wait for imports") || w.origins() != "v1 v2 v3" {
		t.Errorf("beside an import: %+v, %v; left: %s", out, err, w.origins())
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}

	// The other way round, with a real import: retention has decided and not committed.
	twin := w.doc("twin", sbom("pkg:oci/app@1", "00000000-0000-4000-8000-000000000001", 9, "pkg:npm/p1@1.0.0"))
	imported := make(chan error, 1)
	task = Retention(RetentionConfig{fault: func(at string) {
		if at != "deleted" {
			return
		}
		go func() { imported <- w.importer.Run(context.Background(), &source{[]ingest.Envelope{twin}}) }()
		for range 200 { // until the import waits
			var waits bool
			if err := w.pool.QueryRow(context.Background(), `select exists (select from pg_locks where locktype = 'advisory' and not granted)`).Scan(&waits); err != nil || waits {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Error("the import did not wait")
	}})
	if _, err := Once(t.Context(), w.pool, task, false); err != nil {
		t.Error(err)
	}
	if err := <-imported; err != nil {
		t.Error(err)
	}
	w.drain()
	if got := w.origins(); got != "twin v3" {
		t.Errorf("left: %s", got)
	}
	w.orphans()
	w.exports()
	if got := one[string](w, `select encode(content_hash, 'hex') from artifact.stream`); got != fmt.Sprintf("%x", sha256.Sum256(twin.Bytes)) {
		t.Errorf("current is %s", got)
	}
}

// TestHoldStopsRetention: a hold that is set while retention runs stops it at the next batch.
func TestHoldStopsRetention(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 6 {
		w.load(w.doc(fmt.Sprintf("v%d", i), sbom("pkg:oci/app@1", "", i, fmt.Sprintf("pkg:npm/p%d@1.0.0", i))))
	}
	w.drain()
	for i := range 6 {
		w.age(expired-i, fmt.Sprintf("v%d", i))
	}
	w.policy(policy)
	hold := true
	task := Retention(RetentionConfig{Batch: 2, fault: func(at string) {
		if at == "committed" {
			if _, err := tenants.SetPolicy(context.Background(), w.pool, w.tenant, tenants.Change{LegalHold: &hold}); err != nil {
				t.Error(err)
			}
		}
	}})
	if out := w.run(task, false); out.Rows != 2 || w.origins() != "v2 v3 v4 v5" {
		t.Errorf("%+v; left: %s", out, w.origins())
	}
}
