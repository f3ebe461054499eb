package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	dto "github.com/prometheus/client_model/go"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/brokertest"
	"sluice/internal/test/dbtest"
	"sluice/outbox"
)

// BenchmarkRelay sends 100,000 receipts that lie in the outbox, in batches as ingest writes
// them and as a row each, and reports messages per second.
func BenchmarkRelay(b *testing.B) {
	const total = 100_000
	for name, each := range map[string]int{"batches": 500, "rows": 1} {
		b.Run(name, func(b *testing.B) {
			c := brokertest.New(b)
			db := dbtest.New(b)
			prefix, tenant, pool := c.Prefix(b), db.Tenant(b, "acme"), db.Pool(b, pg.Ingest)
			c.CreateTopic(b, prefix+".receipts", 6)
			relay := db.Pool(b, pg.Relay)
			var took time.Duration
			for b.Loop() {
				b.StopTimer()
				fill(b, db, pool.BeginTx, tenant, total, each)
				b.StartTimer()
				begin := time.Now()
				ctx, cancel := context.WithCancel(b.Context())
				done := make(chan error, 1)
				r := New(relay, c.Broker, Config{Prefix: prefix})
				settled := make(chan struct{}, 1)
				r.beforeSettle = func() {
					var m dto.Metric
					if r.metrics.sent.WithLabelValues(prefix+".receipts").Write(&m) == nil && m.GetCounter().GetValue() == total {
						settled <- struct{}{}
					}
				}
				go func() { done <- r.Run(ctx) }()
				<-settled
				for left := true; left; time.Sleep(time.Millisecond) { // the mark of the last
					if err := relay.QueryRow(ctx, `select exists (select from core.outbox where dispatched_at is null)`).Scan(&left); err != nil {
						b.Fatal(err)
					}
				}
				took += time.Since(begin)
				cancel()
				<-done
			}
			b.ReportMetric(float64(total*b.N)/took.Seconds(), "messages/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// fill writes n receipts.
func fill(b *testing.B, db *dbtest.DB, begin func(context.Context, pgx.TxOptions) (pgx.Tx, error), tenant id.ID, n, each int) {
	b.Helper()
	msgs := make([]outbox.Message, n)
	for i := range msgs {
		data, _ := json.Marshal(map[string]any{
			"origin": fmt.Sprintf("sluice.sbom/3@%d", i), "document_id": id.Derive(tenant, "d", fmt.Sprint(i)), "content_hash": fmt.Sprintf("sha256:%064x", i*7919),
			"format": "cyclonedx-json", "format_version": "1.5", "outcome": "accepted", "reason": "", "pointer": "", "warnings": []string{"/components/3: purl without a version"},
		})
		msgs[i] = outbox.Message{
			ID: id.Derive(tenant, "e", fmt.Sprint(i)).String(), Key: fmt.Append(nil, "pkg:oci/app-", i%1000), Type: "dev.sluice.receipt.v1", Time: time.Now(), Data: data,
			Subject: fmt.Sprintf("sluice.sbom/3@%d", i),
		}
	}
	var rows []outbox.Row
	for len(msgs) > 0 {
		k := min(each, len(msgs))
		r, err := outbox.Rows(outbox.Receipts, msgs[:k])
		if err != nil {
			b.Fatal(err)
		}
		rows, msgs = append(rows, r...), msgs[k:]
	}
	tx, err := begin(b.Context(), pgx.TxOptions{})
	if err == nil {
		err = pg.SetTenant(b.Context(), tx, tenant)
	}
	if err == nil {
		err = outbox.Insert(b.Context(), tx, tenant, rows)
	}
	if err == nil {
		err = tx.Commit(b.Context())
	}
	if err != nil {
		b.Fatal(err)
	}
	if _, err := db.Admin(b).Exec(b.Context(), `vacuum analyze core.outbox`); err != nil {
		b.Fatal(err)
	}
}
