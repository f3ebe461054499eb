package kafka

import (
	"testing"

	"sluice/ingest"
	"sluice/internal/id"
)

// TestSameBytesForSeveralTenants: what several tenants that there are not were sent, the same bytes, and once more
// without any tenant, waits as several documents; each lands when its tenant is there.
func TestSameBytesForSeveralTenants(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	b := sbom("same", 1)
	w.run(w.consumer(nil))
	w.cluster.Produce(t, w.cfg.Prefix+".sbom",
		message("k", b, "tenant", "one"), message("k", b, "tenant", "two"), message("k", b), message("k", b, "tenant", "one"), message("k", b, "tenant", "three"))
	w.wait("rows of the operator", 4, `select count(*) from ingest.parked where tenant_id = 'ffffffff-ffff-ffff-ffff-ffffffffffff'`)
	one, two := w.db.Tenant(t, "one"), w.db.Tenant(t, "two")
	pools := w.pools()
	replay := func() {
		p, err := ingest.New(pools.Ingest, ingest.Config{Formats: formats()})
		if err != nil {
			t.Fatal(err)
		}
		src, err := ingest.NewReplay(t.Context(), pools.Ingest, id.Operator, 1, ingest.ParkedFilter{})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Run(t.Context(), src); err != nil {
			t.Fatal(err)
		}
	}
	replay()
	for name, tenant := range map[string]id.ID{"one": one, "two": two} {
		if n := w.count(`select count(*) from ingest.sbom_document where tenant_id = $1`, tenant); n != 1 {
			t.Errorf("tenant %s has %d documents, want 1", name, n)
		}
	}
	if n := w.count(`select count(*) from ingest.parked where tenant_id = $1`, id.Operator); n != 2 {
		t.Errorf("%d rows stay with the operator, want 2", n)
	}
	replay() // those that stay keep their rows
	if n := w.count(`select count(*) from ingest.parked`); n != 2 {
		t.Errorf("%d rows after another replay, want 2", n)
	}
}
