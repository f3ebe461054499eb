package projections

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/normalize"
	"sluice/normalize/spdx"
	"sluice/outbox"
)

// app is an SBOM of the artifact of the story, of the given day of January.
func app(day int, purls ...string) object {
	doc := sbomOf(object{"type": "container", "bom-ref": "main", "name": "app", "purl": "pkg:oci/app"}, fmt.Sprintf("00000000-0000-4000-8000-%012d", day), purls...)
	doc["metadata"].(object)["timestamp"] = fmt.Sprintf("2026-01-%02dT00:00:00Z", day)
	return doc
}

func statementOf(vuln, status, product string) object {
	s := object{"vulnerability": object{"name": vuln}, "products": []any{object{"@id": product}}, "status": status}
	if status == "not_affected" {
		s["justification"] = "vulnerable_code_not_in_execute_path"
	}
	return s
}

// step is what happens at once in a story: documents of one scan run, then a projection.
func (w *world) step(t testing.TB, run int64, envelopes ...ingest.Envelope) {
	t.Helper()
	for i := range envelopes {
		envelopes[i].ScanRun = run
	}
	w.load(t, envelopes...)
	w.drain(t)
}

// told are the events of all tenants in order, as "run tenant type payload". What varies is
// taken out after a look at it, documents go by their origin.
func (w *world) told(t testing.TB) []string {
	t.Helper()
	names := map[string]string{}
	for _, line := range query[[]string](t, w, `select array[document_id::text, origin] from ingest.original union select array[payload ->> 'document_id', payload ->> 'origin'] from ingest.scan_run_event where event_type in ('parked', 'unchanged')`) {
		names[line[0]] = line[1]
	}
	ids := map[string]bool{}
	var out []string
	for _, line := range query[[]string](t, w, `
		select array[e.scan_run_id::text, coalesce(t.name, e.tenant_id::text), e.event_type, e.payload::text, e.event_id::text]
		from ingest.scan_run_event e left join authority.tenant t using (tenant_id) order by e.occurred_at, e.ctid`) {
		var p map[string]any
		if err := json.Unmarshal([]byte(line[3]), &p); err != nil {
			t.Fatal(err)
		}
		if ids[line[4]] {
			t.Errorf("two events have the id %s", line[4])
		}
		ids[line[4]] = true
		if ms, ok := p["duration_ms"].(float64); !ok || ms < 0 || ms > 600_000 {
			t.Errorf("%s took %v ms", line[2], p["duration_ms"])
		}
		if waited, ok := p["waited_ms"].(float64); line[2] == "projected" && p["cause"] == "sbom" && (!ok || waited > 600_000) {
			t.Errorf("an SBOM waited %v ms", p["waited_ms"])
		}
		for _, varies := range []string{"duration_ms", "read_ms", "waited_ms", "received_at", "bytes", "jobs"} {
			delete(p, varies)
		}
		for _, k := range []string{"document_id", "by", "same_as"} {
			if v, ok := p[k].(string); ok {
				if names[v] == "" {
					t.Errorf("%s: no document %s", line[2], v)
				}
				p[k] = names[v]
			}
		}
		if p["origin"] == p["document_id"] {
			delete(p, "document_id") // the one says the other
		}
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, strings.Join([]string{line[0], line[1], line[2], string(text)}, " "))
	}
	return out
}

// TestEvents tells a small story: each step of each document, and what came of it.
func TestEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	acme := w.db.Tenant(t, "acme")
	doc := func(origin string, doc any) ingest.Envelope { return envelope(t, acme, origin, "", doc) }
	left, right := "pkg:npm/left@1.0.0", "pkg:npm/right@1.0.0"

	feed := []ingest.Envelope{envelope(t, id.Shared, "feed/left", "", record("GHSA-left", "left", "CVE-2026-1")), envelope(t, id.Shared, "feed/right", "", record("GHSA-right", "right", "CVE-2026-2"))}
	w.step(t, 1, feed...)
	w.step(t, 2, doc("sbom-1", app(1, left, right)))
	// A statement that is about nothing yet waits; one decides a finding.
	w.step(t, 3, doc("vex-1", openVEX(statementOf("CVE-2026-1", "not_affected", "pkg:oci/app"), statementOf("CVE-2026-3", "not_affected", "pkg:npm/later"))))
	// Another version: right is gone, later came, and with it a record of the tenant's own.
	w.step(t, 4, doc("sbom-2", app(2, left, "pkg:npm/later@1.0.0")))
	w.step(t, 5, doc("fact-1", record("ACME-3", "later", "CVE-2026-3")))
	w.step(t, 6, doc("sbom-2 again", app(2, left, "pkg:npm/later@1.0.0")))
	again := app(3, left, "pkg:npm/later@1.0.0")
	w.step(t, 7, doc("sbom-3", again))
	// Decided otherwise, and the shared record in a newer version.
	w.decide(t, decided{tenant: acme, pkg: left, vuln: "CVE-2026-1", status: "affected", at: time.Date(2026, 1, 4, 0, 0, 0, 0, time.UTC)})
	w.drain(t)
	newer := record("GHSA-left", "left", "CVE-2026-1")
	newer["modified"], newer["affected"] = "2026-01-05T00:00:00Z", []any{}
	w.step(t, 8, envelope(t, id.Shared, "feed/left newer", "", newer))
	// Parked by a program that does not know the format, replayed by one that does.
	old, err := ingest.New(w.ingesting, ingest.Config{Formats: []normalize.Format{spdx.JSON{}}})
	if err != nil {
		t.Fatal(err)
	}
	fact := doc("fact-2", record("ACME-3", "later"))
	fact.ScanRun = 9
	if err := old.Run(t.Context(), &source{list: []ingest.Envelope{fact}}); err != nil {
		t.Fatal(err)
	}
	replay, err := ingest.NewReplay(t.Context(), w.ingesting, acme, 10, ingest.ParkedFilter{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.importer.Run(t.Context(), replay); err != nil {
		t.Fatal(err)
	}
	w.drain(t)

	const shared = "00000000-0000-0000-0000-000000000000"
	want := []string{
		`1 ` + shared + ` accepted {"format":"osv-json","origin":"feed/left"}`,
		`1 ` + shared + ` accepted {"format":"osv-json","origin":"feed/right"}`,
		`1 ` + shared + ` projected {"cause":"vuln","records":2}`,

		`2 acme accepted {"format":"cyclonedx-json","origin":"sbom-1"}`,
		`2 acme projected {"added":2,"artifact":"pkg:oci/app","cause":"sbom","components":2,"origin":"sbom-1","removed":0}`,
		`2 acme findings_opened {"artifact":"pkg:oci/app","artifacts":1,"cause":"sbom","count":2,"origin":"sbom-1"}`,

		`3 acme accepted {"format":"openvex","origin":"vex-1"}`,
		`3 acme projected {"cause":"vex","origin":"vex-1"}`,
		`3 acme findings_suppressed {"artifacts":1,"cause":"vex","count":1,"origin":"vex-1"}`,
		`3 acme statements_applied {"cause":"vex","count":1,"origin":"vex-1"}`,
		`3 acme statements_waiting {"cause":"vex","count":1,"no_such_product":1,"origin":"vex-1"}`,

		`4 acme accepted {"format":"cyclonedx-json","origin":"sbom-2"}`,
		`4 acme projected {"added":1,"artifact":"pkg:oci/app","cause":"sbom","components":2,"origin":"sbom-2","removed":1}`,
		`4 acme retired {"artifact":"pkg:oci/app","by":"sbom-2","cause":"sbom","origin":"sbom-1"}`,
		`4 acme findings_closed {"artifact":"pkg:oci/app","artifacts":1,"cause":"sbom","count":1,"origin":"sbom-2"}`,
		`3 acme statements_waiting {"cause":"vex","count":1,"no_such_vulnerability":1,"origin":"vex-1"}`,

		`5 acme accepted {"format":"osv-json","origin":"fact-1"}`,
		`5 acme projected {"cause":"vuln","records":1}`,
		`3 acme statements_applied {"cause":"vex","count":1,"origin":"vex-1"}`,
		`5 acme findings_suppressed {"artifacts":1,"cause":"vuln","count":1}`,

		`6 acme duplicate {"document_id":"sbom-2","origin":"sbom-2 again"}`,
		`7 acme unchanged {"format":"cyclonedx-json","origin":"sbom-3","same_as":"sbom-2"}`,

		`0 acme findings_reopened {"artifacts":1,"cause":"decision","count":1}`,
		`3 acme statements_superseded {"cause":"vex","count":1,"origin":"vex-1"}`,

		`8 ` + shared + ` accepted {"format":"osv-json","origin":"feed/left newer"}`,
		`8 ` + shared + ` projected {"cause":"vuln","records":1}`,
		`8 ` + shared + ` retired {"cause":"vuln","versions":1}`,
		`8 acme projected {"cause":"feed","records":1}`,
		`8 acme findings_closed {"artifacts":1,"cause":"feed","count":1}`,
		`3 acme statements_waiting {"cause":"vex","count":1,"no_such_vulnerability":1,"origin":"vex-1"}`,

		`9 acme parked {"origin":"fact-2","reason":"unknown-format"}`,
		`10 acme replayed {"origin":"fact-2","outcome":"accepted","parked_id":1}`,
		`10 acme accepted {"format":"osv-json","origin":"fact-2"}`,
		`10 acme projected {"cause":"vuln","records":1}`,
		`10 acme retired {"cause":"vuln","versions":1}`,
	}
	if diff := cmp.Diff(want, w.told(t)); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

// sent are the messages in the outbox, in order, with what they say of findings.
func (w *world) sent(t testing.TB) (list []outbox.Message) {
	t.Helper()
	for _, payload := range query[string](t, w, `select payload::text from core.outbox where topic = 'findings' and aggregate_type = 'batch' order by seq`) {
		var part []outbox.Message
		if err := json.Unmarshal([]byte(payload), &part); err != nil {
			t.Fatal(err)
		}
		if len(part) == 0 || len(part) > 500 {
			t.Errorf("a row of %d messages", len(part))
		}
		list = append(list, part...)
	}
	return list
}

// TestFindingsOutbox: with its route on, the outbox tells what the history tells, in its
// order; with it off, nothing.
func TestFindingsOutbox(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	acme := w.db.Tenant(t, "acme")
	listener := w.db.Conn(t, pg.Relay)
	if _, err := listener.Exec(t.Context(), `listen `+outbox.Channel); err != nil {
		t.Fatal(err)
	}
	doc := func(origin string, doc any) ingest.Envelope { return envelope(t, acme, origin, "", doc) }
	var purls []string
	var facts []ingest.Envelope
	for i := range 700 { // more than a row holds
		purls = append(purls, fmt.Sprintf("pkg:npm/p%d@1.0.0", i))
		names := []string{fmt.Sprintf("CVE-2026-%d", 1000+i)}
		if i == 5 {
			names = nil
		}
		facts = append(facts, doc(fmt.Sprintf("fact-%d", i), record(fmt.Sprintf("ACME-%d", i), fmt.Sprintf("p%d", i), names...)))
	}
	w.step(t, 1, facts...)
	w.step(t, 2, doc("before", app(1, purls[0])))
	if n := query[int64](t, w, `select count(*) from core.outbox`)[0]; n != 0 {
		t.Fatalf("%d rows in the outbox and nobody wants them", n)
	}
	w.exec(t, `update core.outbox_route set enabled = true where name = 'findings'`)
	since := query[time.Time](t, w, `select now()`)[0]
	w.step(t, 3, doc("all", app(2, purls...)))
	w.step(t, 4, doc("vex", openVEX(statementOf("CVE-2026-1000", "not_affected", "pkg:oci/app"), statementOf("CVE-2026-1001", "fixed", "pkg:npm/p1"))))
	w.step(t, 5, doc("fewer", app(3, purls[:10]...)))
	w.step(t, 6, doc("vex later", openVEXAt("2026-01-09T00:00:00Z", statementOf("CVE-2026-1000", "affected", "pkg:oci/app"))))
	w.step(t, 7, doc("more again", app(4, purls[:20]...)))
	// A vulnerability gets a CVE: what is found by it is renamed.
	named := record("ACME-5", "p5", "CVE-2026-1005")
	named["modified"] = "2026-01-05T00:00:00Z"
	w.step(t, 8, doc("named", named))

	type told struct{ Type, Artifact, Package, Vuln, Reason string }
	var want, got []told
	for _, h := range query[[]string](t, w, `
		select array[h.event, h.artifact_purl, p.purl, h.vuln_id, h.reason] from vex.finding_history h join vex.package p on p.id = h.package_id
		where h.event <> 'changed' and h.at > $1 order by h.at, h.ctid`, since) {
		want = append(want, told{"dev.sluice.finding." + h[0] + ".v1", h[1], h[2], h[3], h[4]})
	}
	ids, kinds := map[string]bool{}, map[string]int{}
	at := map[string]time.Time{}
	for _, line := range query[[]string](t, w, `select array[artifact_purl || ' ' || vuln_id || ' ' || event, to_jsonb(max(at)) #>> '{}'] from vex.finding_history group by artifact_purl, vuln_id, event`) {
		when, err := time.Parse(time.RFC3339, line[1])
		if err != nil {
			t.Fatal(err)
		}
		at[line[0]] = when
	}
	for _, m := range w.sent(t) {
		var d struct {
			Artifact, Package, Vulnerability, Status, Severity, Reason string
			Aliases, Advisories                                        []string
			Fixed                                                      []string `json:"fixed_versions"`
			Score                                                      *float64
			At                                                         time.Time
		}
		if err := json.Unmarshal(m.Data, &d); err != nil {
			t.Fatal(err)
		}
		got = append(got, told{m.Type, d.Artifact, d.Package, d.Vulnerability, d.Reason})
		if ids[m.ID] || string(m.Key) != d.Artifact || m.Subject != d.Artifact || d.Aliases == nil || d.Advisories == nil || d.Fixed == nil {
			t.Errorf("message: %+v %+v", m, d)
		}
		ids[m.ID] = true
		kind := strings.Split(m.Type, ".")[3]
		kinds[kind+" "+d.Status]++
		if !m.Time.Equal(d.At) || m.Time.After(at[d.Artifact+" "+d.Vulnerability+" "+kind]) {
			t.Errorf("%s of %s at %v, its data say %v, the history %v", kind, d.Vulnerability, m.Time, d.At, at[d.Artifact+" "+d.Vulnerability+" "+kind])
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("history -, outbox +:\n%s", diff)
	}
	for _, kind := range []string{"opened open", "closed closed", "suppressed suppressed", "reopened open", "renamed open"} {
		if kinds[kind] == 0 {
			t.Errorf("nothing was %s: %v", kind, kinds)
		}
	}
	if n, err := listener.WaitForNotification(t.Context()); err != nil || n.Channel != outbox.Channel {
		t.Errorf("the relay was not called: %v", err)
	}
	checkTallies(t, w, acme)
}

func openVEXAt(at string, statements ...any) object {
	doc := openVEX(statements...)
	doc["timestamp"] = at
	return doc
}

// checkTallies compares the sums in the events with the history.
func checkTallies(t testing.TB, w *world, tenant id.ID) {
	t.Helper()
	want := query[string](t, w, `select 'findings_' || event || ' ' || count(*) from vex.finding_history where tenant_id = $1 group by event order by 1`, tenant)
	got := query[string](t, w, `
		select event_type || ' ' || sum((payload ->> 'count')::int) from ingest.scan_run_event where tenant_id = $1 and event_type like 'findings%' group by event_type order by 1`, tenant)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("history -, events +:\n%s", diff)
	}
}

// TestBatchAgain: a batch that could not be finished has told nothing; done again, it tells
// everything once, with the ids that it would have had.
func TestBatchAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	acme := w.db.Tenant(t, "acme")
	w.exec(t, `update core.outbox_route set enabled = true where name = 'findings'`)
	w.step(t, 1, envelope(t, acme, "fact", "", record("ACME-1", "left", "CVE-2026-1")))
	told := len(w.told(t))
	w.load(t, envelope(t, acme, "sbom", "", app(1, "pkg:npm/left@1.0.0")), envelope(t, acme, "vex", "", openVEX(statementOf("CVE-2026-1", "affected", "pkg:oci/app"))))
	told += 2 // accepted
	worker := w.worker()
	lease, err := worker.queue.Claim(t.Context(), acme, 500)
	if err != nil || len(lease.Jobs) != 2 {
		t.Fatalf("%d jobs: %v", len(lease.Jobs), err)
	}
	stolen := lease
	stolen.Token[0] ^= 1 // as if the lease had run out: the last statement of the batch finds out
	if err := worker.project(t.Context(), stolen); err == nil {
		t.Fatal("a batch without a lease was committed")
	}
	if n := len(w.told(t)); n != told {
		t.Errorf("%d events, %d before: %v", n, told, w.told(t))
	}
	if m := w.sent(t); len(m) != 0 {
		t.Errorf("in the outbox: %v", m)
	}
	if err := worker.project(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, line := range w.told(t)[told:] {
		names = append(names, strings.Fields(line)[2])
	}
	if want := []string{"projected", "projected", "findings_opened", "statements_applied"}; !slices.Equal(names, want) {
		t.Errorf("events %v, want %v", names, want)
	}
	if m := w.sent(t); len(m) != 1 {
		t.Errorf("in the outbox: %v", m)
	}
	w.drain(t)
	checkTallies(t, w, acme)
}

// checkMessages plays a consumer of the findings topic: what it keeps, by the messages alone
// and in their order, must be the findings that there are. And there is one for each row of
// the history.
func (w *world) checkMessages(t testing.TB) {
	t.Helper()
	told, kept := map[string]int{}, map[string]string{}
	for _, line := range query[[]string](t, w, `
		select array[o.tenant_id::text, m ->> 'type', d ->> 'artifact', d ->> 'package', d ->> 'vulnerability', d ->> 'status', coalesce(d ->> 'renamed_from', ''), d ->> 'reason']
		from core.outbox o, jsonb_array_elements(o.payload) with ordinality as e (m, n), lateral (select m -> 'data' as d) as x order by o.seq, e.n`) {
		told[strings.Join([]string{line[0], strings.Split(line[1], ".")[3], line[2], line[3], line[4], line[7]}, "|")]++
		at := line[0] + "|" + line[2] + "|" + line[3] + "|"
		if line[6] != "" {
			delete(kept, at+line[6])
		}
		if line[5] == "closed" {
			delete(kept, at+line[4])
		} else {
			kept[at+line[4]] = line[5]
		}
	}
	for _, row := range query[string](t, w, `
		select concat_ws('|', h.tenant_id, h.event, h.artifact_purl, p.purl, h.vuln_id, h.reason) from vex.finding_history h join vex.package p on (p.tenant_id, p.id) = (h.tenant_id, h.package_id)
		where h.event <> 'changed'`) {
		if told[row]--; told[row] < 0 {
			t.Errorf("no message of %s", row)
		}
	}
	for row, n := range told {
		if n > 0 {
			t.Errorf("%d messages more than history of %s", n, row)
		}
	}
	are := map[string]string{}
	for _, f := range query[[]string](t, w, `
		select array[concat_ws('|', tenant_id, artifact_purl, package_purl, vuln_id), 'open'] from vex.open_findings
		union all select array[concat_ws('|', tenant_id, artifact_purl, package_purl, vuln_id), 'suppressed'] from vex.suppressed_findings`) {
		are[f[0]] = f[1]
	}
	if diff := cmp.Diff(are, kept); diff != "" {
		t.Errorf("findings -, what the messages make +:\n%s", diff)
	}
}
