package kafka

import (
	"testing"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/normalize"
	producers "sluice/tenants"
)

// TestProducersMustBeAllowed: a message that names a tenant whose documents its topic may not carry waits with the
// operator, whatever is in it; what is allowed or denied meanwhile is seen within seconds, and a replay of
// everything lets nothing in that is still not allowed.
func TestProducersMustBeAllowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.cfg.MustBeAllowed = true
	acme, rival := w.db.Tenant(t, "acme"), w.db.Tenant(t, "rival")
	maintainer := w.db.Pool(t, pg.Maintainer)
	change := func(set producers.SetTopic, tenant id.ID, topic string) {
		t.Helper()
		if changed, err := set(t.Context(), maintainer, tenant, topic); err != nil || !changed {
			t.Fatalf("%s: %v, %v", topic, changed, err)
		}
	}
	change(producers.AllowTopic, acme, w.cfg.Prefix+".*")
	change(producers.AllowTopic, rival, w.cfg.Prefix+".vex") // another topic is no help
	w.run(w.consumer(nil))
	topic := w.cfg.Prefix + ".sbom"
	send := func(tenant string, n int) {
		w.cluster.Produce(t, topic, message("k", sbom(tenant, n), "tenant", tenant))
	}
	documents := func(of id.ID, want int64) {
		t.Helper()
		if n := w.count(`select count(*) from ingest.sbom_document where tenant_id = $1`, of); n != want {
			t.Errorf("%d documents, want %d", n, want)
		}
	}
	const waiting = `select count(*) from ingest.parked where tenant_id = 'ffffffff-ffff-ffff-ffff-ffffffffffff' and reason = 'producer-not-allowed'`
	send("rival", 1)
	w.cluster.Produce(t, topic, message("k", []byte("no document"), "tenant", "rival")) // not even its trouble gets to rival
	w.cluster.Produce(t, w.cfg.Prefix+".events", message("k", []byte(`{"event_type": "x", "occurred_at": "2026-11-30T10:00:00Z"}`), "tenant", "acme"))
	send("acme", 1)
	w.wait("what is allowed", 1, countSBOMs)
	w.wait("what is not", 2, waiting)
	documents(acme, 1)
	documents(rival, 0)
	if n := w.count(`select count(*) from ingest.parked where tenant_id = $1`, rival); n != 0 {
		t.Errorf("%d parked of the tenant that was named", n)
	}
	if n := w.count(`select count(*) from ingest.parked where message ~ 'topic [^ ]+ may not carry what is of tenant "rival".*topics allow'`); n != 2 {
		t.Errorf("%d with the reason and what to do", n)
	}

	pools := w.pools()
	replay := func() {
		t.Helper()
		p, err := ingest.New(pools.Ingest, ingest.Config{Formats: formats()})
		if err != nil {
			t.Fatal(err)
		}
		src, err := ingest.NewReplay(t.Context(), pools.Ingest, id.Operator, 1, ingest.ParkedFilter{Reason: normalize.ReasonProducer})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Run(t.Context(), src); err != nil {
			t.Fatal(err)
		}
	}
	replay()
	documents(rival, 0)
	w.wait("what is still not allowed", 2, waiting)

	change(producers.AllowTopic, rival, topic)
	replay()
	documents(rival, 1)
	change(producers.DenyTopic, acme, w.cfg.Prefix+".*")
	for n := 2; w.count(waiting) == 0; n++ { // believed for two seconds
		if send("acme", n); n > 500 {
			t.Fatal("what was denied is not seen")
		}
		w.wait("the message", int64(n)+1, `select count(*) from (select id from ingest.sbom_document union all select id from ingest.parked where reason = 'producer-not-allowed') x`)
	}
}
