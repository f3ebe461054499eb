package projections

import (
	"fmt"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/internal/test/brief"
)

// TestLargeVEX applies one document of 24,000 statements over 1,000 artifacts, and then the
// version of it that takes half of them back. The goal is 10 s on two cores that nobody else
// uses; the bound is for machines that others use too, and finds work that grows with the square.
func TestLargeVEX(t *testing.T) {
	if brief.Run(t) {
		t.Skip("takes some seconds")
	}
	const artifacts, packages, bound = 1000, 24, 5 * time.Minute
	w := newWorld(t)
	tenant := w.db.Tenant(t, "acme")
	var docs []ingest.Envelope
	for n := range packages {
		docs = append(docs, envelope(t, id.Shared, fmt.Sprint("fact", n), "", record(fmt.Sprintf("CVE-2026-%d", 1000+n), fmt.Sprint("thing", n))))
	}
	w.load(t, docs...)
	docs = nil
	var all, half []any
	for i := range artifacts {
		product := fmt.Sprintf("pkg:oci/app%d@1.%d", i%10, i)
		var purls []string
		for n := range packages {
			purl := fmt.Sprintf("pkg:npm/thing%d@1.0.0", n)
			purls = append(purls, purl)
			s := object{
				"vulnerability": object{"name": fmt.Sprintf("CVE-2026-%d", 1000+n)}, "status": "not_affected", "justification": "vulnerable_code_not_present",
				"products": []any{object{"@id": product, "subcomponents": []any{object{"@id": purl}}}},
			}
			if all = append(all, s); n%2 == 0 {
				half = append(half, s)
			}
		}
		docs = append(docs, envelope(t, tenant, fmt.Sprint("sbom", i), "", sbomOf(object{"type": "container", "name": "app", "purl": product}, "", purls...)))
	}
	w.load(t, docs...)
	w.drain(t)
	for version, statements := range [][]any{all, half} {
		doc := envelope(t, tenant, fmt.Sprint("vex", version), "", with(openVEX(statements...), "version", version+1))
		start := time.Now()
		w.load(t, doc)
		stored := time.Since(start)
		w.drain(t)
		took := time.Since(start)
		t.Logf("version %d: %d statements over %d artifacts stored in %.1f s, applied after %.1f s", version+1, len(statements), artifacts, stored.Seconds(), took.Seconds())
		if took > bound {
			t.Errorf("%d statements were applied after %.1f s", len(statements), took.Seconds())
		}
		got := query[int64](t, w, `select count(*) from vex.suppressed_findings where tenant_id = $1`, tenant)[0]
		if got != int64(len(statements)) {
			t.Errorf("version %d: %d findings are suppressed, want %d", version+1, got, len(statements))
		}
	}
	w.noneParked(t)
}
