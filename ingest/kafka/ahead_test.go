package kafka

import (
	"fmt"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"sluice/internal/test/brief"
)

// crowd sends n SBOMs of acme, ten versions of each artifact, and among the later half few of four
// other tenants, by keys that come again.
func (w *world) crowd(n, few int) (total int) {
	w.t.Helper()
	var list []kafka.Message
	for i := range n {
		name := fmt.Sprintf("app-%d", i/10)
		list = append(list, message(name, sbom(name, i), "tenant", "acme"))
		if every := n / 2 / few; i > n/2 && i%every == 0 {
			tenant := fmt.Sprintf("small-%d", i/every%4)
			list = append(list, message(tenant, sbom(tenant, i), "tenant", tenant))
		}
	}
	w.cluster.Produce(w.t, w.cfg.Prefix+".sbom", list...)
	return len(list)
}

// TestAhead: documents of others are taken out of a backlog, in the order of their keys, and
// count once, while consumers come and go; what is left in ingest.kafka_ahead in the end is nothing.
func TestAhead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	for _, name := range []string{"acme", "small-0", "small-1", "small-2", "small-3"} {
		w.db.Tenant(t, name)
	}
	n := 2000
	if brief.Run(t) {
		n = 600
	}
	total := w.crowd(n, 40)
	const rows = `select count(*) from ingest.kafka_ahead`
	most := int64(0)
	for i := range 4 {
		stop := w.run(w.consumer(nil))
		for began := time.Now(); time.Since(began) < 2*time.Second || i == 0 && most == 0 && w.count(countSBOMs) < int64(total); time.Sleep(30 * time.Millisecond) {
			most = max(most, w.count(rows))
		}
		stop()
	}
	t.Logf("after four stops: %d of %d documents are stored; up to %d were ahead", w.count(countSBOMs), total, most)
	if most == 0 {
		t.Error("nothing was taken ahead")
	}
	w.run(w.consumer(nil))
	w.exactlyOnce(int64(total))
	w.wait("the place", int64(total), `select next_offset from ingest.kafka_offset where topic = $1`, w.cfg.Prefix+".sbom")
	w.wait("rows of what was taken ahead", 0, rows)
}
