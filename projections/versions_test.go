package projections

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/internal/test/brief"
)

// with is a copy of a document with other members; a path of them is joined by dots.
func with(doc object, members ...any) object {
	b, _ := json.Marshal(doc)
	var out object
	if err := json.Unmarshal(b, &out); err != nil {
		panic(err)
	}
	for i := 0; i < len(members); i += 2 {
		at, path := out, strings.Split(members[i].(string), ".")
		for _, name := range path[:len(path)-1] {
			at = at[name].(object)
		}
		if last := path[len(path)-1]; members[i+1] == nil {
			delete(at, last)
		} else {
			at[last] = members[i+1]
		}
	}
	return out
}

// permutations are all orders of the numbers below n.
func permutations(n int) (out [][]int) {
	if n == 0 {
		return [][]int{nil}
	}
	for _, p := range permutations(n - 1) {
		for i := range n {
			out = append(out, slices.Insert(slices.Clone(p), i, n-1))
		}
	}
	return out
}

// TestVersionsOfDocuments tries small stories of documents with versions, twins and parts that
// cannot be read, in every order of arrival. Each has what is right at its end, by hand.
func TestVersionsOfDocuments(t *testing.T) {
	t.Parallel()
	const (
		serial, other = "3e671687-395b-41f5-a30f-a58921a69b79", "4e671687-395b-41f5-a30f-a58921a69b79"
		third         = "5e671687-395b-41f5-a30f-a58921a69b79"
		thing         = "pkg:npm/thing@1.0.0"
		finding       = "pkg:oci/app@1 " + thing + " CVE-2026-1"
	)
	day := func(n int) string { return fmt.Sprintf("2026-02-%02dT00:00:00Z", n) }
	app := object{"type": "application", "name": "app", "version": "1", "purl": "pkg:oci/app@1", "bom-ref": "main"}
	sbom := sbomOf(app, other, thing)

	// What is said about the CVE, in each format; "elsewhere" is a statement about another one.
	cdx := func(vuln, ref string) []any {
		return []any{object{"id": vuln, "analysis": object{"state": "not_affected"}, "affects": []any{object{"ref": ref}}}}
	}
	bom := func(version, d int, vulnerabilities []any) object {
		return object{
			"bomFormat": "CycloneDX", "specVersion": "1.5", "serialNumber": "urn:uuid:" + serial, "version": version,
			"metadata": object{"timestamp": day(d)}, "vulnerabilities": vulnerabilities,
		}
	}
	says := func(vuln, status, product string) object {
		return object{"vulnerability": object{"name": vuln}, "products": []any{object{"@id": product}}, "status": status}
	}
	open := func(version, d int, statements ...any) object {
		return with(openVEX(statements...), "version", version, "timestamp", day(d))
	}
	csaf := func(version, status string, d int, vuln, product string) object {
		return object{
			"document": object{
				"category": "csaf_vex", "csaf_version": "2.0", "title": "t", "publisher": object{"category": "vendor", "name": "v", "namespace": "https://example.com"},
				"tracking": object{"id": "V-1", "current_release_date": day(d), "initial_release_date": day(1), "status": status, "version": version},
			},
			"product_tree": object{"full_product_names": []any{
				object{"name": "x", "product_id": "P", "product_identification_helper": object{"purl": product}},
			}},
			"vulnerabilities": []any{object{"cve": vuln, "product_status": object{"known_not_affected": []any{"P"}}}},
		}
	}
	const cve, elsewhere, no = "CVE-2026-1", "CVE-2026-9", "not_affected"
	embedded := with(sbom, "vulnerabilities", cdx(cve, "ref0"))
	nameless := with(with(sbom, "metadata.component", nil), "vulnerabilities", cdx(cve, "ref0"), "serialNumber", "urn:uuid:"+third)

	stories := []struct {
		name string
		docs []object
		want string // of finding; "" for none
	}{
		{"cyclonedx: version 2 does not say it", []object{sbom, bom(1, 1, cdx(cve, thing)), bom(2, 5, cdx(elsewhere, thing))}, "open -"},
		{"cyclonedx: version 2 says nothing at all", []object{sbom, bom(1, 1, cdx(cve, thing)), bom(2, 5, []any{})}, "open -"},
		{"cyclonedx: the version counts, not the time", []object{sbom, bom(1, 9, cdx(cve, thing)), bom(2, 5, cdx(elsewhere, thing))}, "open -"},
		{"cyclonedx: version 10 is newer than 9", []object{sbom, bom(9, 9, cdx(elsewhere, thing)), bom(10, 5, cdx(cve, thing))}, "suppressed not_affected"},
		{"cyclonedx: version 3 says it again", []object{sbom, bom(1, 1, cdx(cve, thing)), bom(2, 5, cdx(elsewhere, thing)), bom(3, 6, cdx(cve, thing))}, "suppressed not_affected"},
		{"cyclonedx: no serial number, two documents", []object{sbom, with(bom(1, 1, cdx(cve, thing)), "serialNumber", nil), with(bom(2, 5, cdx(elsewhere, thing)), "serialNumber", nil)}, "suppressed not_affected"},
		{"openvex: version 2 does not say it", []object{sbom, open(1, 1, says(cve, no, thing)), open(2, 5, says(elsewhere, no, thing))}, "open -"},
		{"openvex: the older version comes late, with a newer time", []object{sbom, open(1, 9, says(cve, no, thing)), open(2, 5, says(elsewhere, no, thing))}, "open -"},
		{"openvex: an equal version, updated later", []object{sbom, open(1, 1, says(cve, no, thing)), with(open(1, 1, says(elsewhere, no, thing)), "last_updated", day(5))}, "open -"},
		{"openvex: another id is another document", []object{sbom, open(1, 1, says(cve, no, thing)), with(open(2, 5, says(elsewhere, no, thing)), "@id", "https://example.com/other")}, "suppressed not_affected"},
		{"csaf: 1.10.0 is newer than 1.9.0", []object{sbom, csaf("1.9.0", "final", 9, cve, thing), csaf("1.10.0", "final", 5, elsewhere, thing)}, "open -"},
		{"csaf: interim replaces final", []object{sbom, csaf("1", "final", 1, cve, thing), csaf("2", "interim", 5, elsewhere, thing)}, "open -"},
		{"csaf: a draft replaces nothing", []object{sbom, csaf("1", "final", 1, cve, thing), csaf("2", "draft", 5, elsewhere, thing)}, "suppressed not_affected"},
		{"csaf: a draft alone counts", []object{sbom, csaf("2", "draft", 5, cve, thing)}, "suppressed not_affected"},

		{"sbom: of one serial number the higher version, though older", []object{with(sbom, "version", 2, "metadata.timestamp", day(1), "components", []any{}), with(sbom, "metadata.timestamp", day(9))}, ""},
		{"sbom: of two serial numbers the newer", []object{with(sbom, "version", 2, "metadata.timestamp", day(1), "components", []any{}), with(sbom, "serialNumber", "urn:uuid:"+serial, "metadata.timestamp", day(9))}, "open -"},
		{
			"sbom: first the highest version of each, then the newest",
			[]object{
				with(sbom, "metadata.timestamp", day(9)),
				with(sbom, "version", 2, "metadata.timestamp", day(1)),
				with(sbom, "serialNumber", "urn:uuid:"+serial, "metadata.timestamp", day(5), "components", []any{}),
			},
			"",
		},
		{"embedded: the newer SBOM does not say it", []object{embedded, with(sbom, "metadata.timestamp", day(5), "serialNumber", "urn:uuid:"+serial)}, "open -"},
		{"embedded: the older SBOM did not say it", []object{sbom, with(embedded, "metadata.timestamp", day(5), "serialNumber", "urn:uuid:"+serial)}, "suppressed not_affected"},
		{
			"embedded: a twin of the older one makes it current again",
			[]object{embedded, with(sbom, "metadata.timestamp", day(5), "serialNumber", "urn:uuid:"+serial), with(embedded, "metadata.timestamp", day(7), "serialNumber", "urn:uuid:"+third)},
			"suppressed not_affected",
		},
		{
			"twin: what it says is as new as the newest of the two",
			[]object{with(embedded, "metadata.timestamp", day(3)), with(embedded, "metadata.timestamp", day(7), "serialNumber", "urn:uuid:"+third), openVEXAbout("affected", "pkg:oci/app@1", thing, day(5))},
			"suppressed not_affected",
		},
		{
			"twin: and no newer",
			[]object{with(embedded, "metadata.timestamp", day(3)), with(embedded, "metadata.timestamp", day(4), "serialNumber", "urn:uuid:"+third), openVEXAbout("affected", "pkg:oci/app@1", thing, day(5))},
			"open affected",
		},
		{
			"twin: a BOM-Link by either serial number",
			[]object{sbom, with(sbom, "metadata.timestamp", day(7), "serialNumber", "urn:uuid:"+third), bom(1, 1, cdx(cve, "urn:cdx:"+third+"/1#ref0"))},
			"suppressed not_affected",
		},
		{
			"twin: of the version that is current no more",
			[]object{with(embedded, "metadata.timestamp", day(1)), with(sbom, "version", 2, "metadata.timestamp", day(2)), with(embedded, "metadata.timestamp", day(9))},
			"open -",
		},

		{"unreadable: a subcomponent of OpenVEX", []object{sbom, openVEXAbout(no, "pkg:oci/app@1", "pkg:golang/@%28devel%29", day(5))}, "open -"},
		{"unreadable: a subcomponent past all limits", []object{sbom, openVEXAbout(no, "pkg:oci/app@1", "pkg:npm/"+strings.Repeat("x", 5000), day(5))}, "open -"},
		{"unreadable: a product of CSAF", []object{sbom, csaf("1", "final", 5, cve, "pkg:npm/")}, "open -"},
		{"unreadable: a reference of CycloneDX that leads nowhere", []object{with(sbom, "vulnerabilities", cdx(cve, "nowhere"))}, "open -"},

		{"order: the last one of one document", []object{sbom, open(1, 5, says(cve, "affected", "pkg:oci/app@1"), says(cve, no, "pkg:oci/app@1"))}, "suppressed not_affected"},
		{"order: one that repeats the first", []object{sbom, open(1, 5, says(cve, "affected", "pkg:oci/app@1"), says(cve, no, "pkg:oci/app@1"), says(cve, "affected", "pkg:oci/app@1"))}, "open affected"},
		{
			"order: by their own times",
			[]object{sbom, open(
				1, 9, with(says(cve, no, "pkg:oci/app@1"), "timestamp", day(3)), with(says(cve, "affected", "pkg:oci/app@1"), "timestamp", day(2)),
				with(says(cve, no, "pkg:oci/app@1"), "timestamp", day(1)),
			)},
			"suppressed not_affected",
		},

		{"nameless: an SBOM without a main component speaks of itself only", []object{sbom, nameless}, "open -"},
	}
	// All in one database, each order of each story in a tenant of its own.
	type run struct {
		story  int
		order  []int
		tenant id.ID
	}
	w := newWorld(t)
	var runs []run
	for i, c := range stories {
		orders := permutations(len(c.docs))
		if len(orders) > 6 {
			orders = [][]int{orders[0], orders[len(orders)/3], orders[len(orders)-1]}
		}
		if brief.Run(t) {
			orders = [][]int{orders[0], orders[len(orders)-1]}
		}
		for n, order := range orders {
			runs = append(runs, run{i, order, w.db.Tenant(t, fmt.Sprintf("story-%d-%d", i, n))})
		}
	}
	w.load(t, envelope(t, id.Shared, "fact", "", record("GHSA-aaaa-bbbb-cccc", "thing", cve)))
	for step := range 4 {
		var batch []ingest.Envelope
		for _, r := range runs {
			if step < len(r.order) {
				n := r.order[step]
				batch = append(batch, envelope(t, r.tenant, fmt.Sprint("doc", n), "", stories[r.story].docs[n]))
			}
		}
		w.load(t, batch...)
		w.drain(t)
	}
	w.noneParked(t)
	for _, r := range runs {
		if got := w.statusOf(t, r.tenant); got[finding] != stories[r.story].want {
			t.Errorf("%s, in the order %v: %q, want %q (all: %v)", stories[r.story].name, r.order, got[finding], stories[r.story].want, slices.Sorted(maps.Keys(got)))
		}
	}
}

// openVEXAbout is a document of its own about a package in a product.
func openVEXAbout(status, product, sub, at string) object {
	doc := openVEX(object{
		"vulnerability": object{"name": "CVE-2026-1"}, "status": status,
		"products": []any{object{"@id": product, "subcomponents": []any{object{"@id": sub}}}},
	})
	return with(doc, "timestamp", at)
}

// TestEndedStatements: the history says why a finding is open again, and the statement what
// became of it; in the end of both ways there and back.
func TestEndedStatements(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tenant := w.db.Tenant(t, "acme")
	app := object{"type": "application", "name": "app", "version": "1", "purl": "pkg:oci/app@1"}
	says := func(vuln string) object {
		return object{"vulnerability": object{"name": vuln}, "products": []any{object{"@id": "pkg:npm/thing@1.0.0"}}, "status": "not_affected"}
	}
	w.load(t, envelope(t, id.Shared, "fact", "", record("CVE-2026-1", "thing")), envelope(t, tenant, "sbom", "", sbomOf(app, "", "pkg:npm/thing@1.0.0")))
	for version, doc := range []object{openVEX(says("CVE-2026-1")), openVEX(says("CVE-2026-2")), openVEX(says("CVE-2026-1"))} {
		w.load(t, envelope(t, tenant, fmt.Sprint("vex", version+1), "", with(doc, "version", version+1)))
		w.drain(t)
	}
	got := query[string](t, w, `select event || ' ' || coalesce(detail ->> 'why', '') from vex.finding_history where tenant_id = $1 order by at, ctid`, tenant)
	if want := []string{"suppressed ", "reopened vex_superseded_version", "suppressed "}; !slices.Equal(got, want) {
		t.Errorf("history %q, want %q", got, want)
	}
	got = query[string](t, w, `select d.version || ' ' || s.outcome from vex.vex_statement s join vex.vex_document d on (d.tenant_id, d.id) = (s.tenant_id, s.document_id)
		where s.tenant_id = $1 order by 1`, tenant)
	if want := []string{"1 ended", "2 ended", "3 applied"}; !slices.Equal(got, want) {
		t.Errorf("outcomes %q, want %q", got, want)
	}
}
