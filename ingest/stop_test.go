package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sluice/ingest"
)

// TestStop: the batch in hand is finished, nothing else is stored, and the room of what
// was read in vain is given back.
func TestStop(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for i := range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		var docs [][]byte
		for j := range 40 {
			docs = append(docs, fact(fmt.Sprintf("%d-%d", i, j)))
		}
		l := h.list(docs...)
		l.parallel = 1 + i%3
		before := len(h.receipts)
		batches := 0
		// Room for two batches: what is not given back blocks the next round.
		p := h.pipeline(ingest.Config{BatchDocuments: 4, BytesInFlight: 8 * 4400})
		l.advance = func(context.Context, pgx.Tx, []ingest.Envelope) error {
			if batches++; batches == 3 {
				cancel()
			}
			return nil
		}
		if l.parallel > 1 {
			l.advance = func(context.Context, pgx.Tx, []ingest.Envelope) error { cancel(); return nil }
		}
		if err := p.Run(ctx, l); !errors.Is(err, context.Canceled) {
			t.Fatalf("Run: %v", err)
		}
		got := len(h.receipts) - before
		if l.parallel == 1 && got != 12 {
			t.Errorf("%d receipts, want those of three batches", got)
		}
		// What has a receipt is stored, and nothing else is.
		wantCount(h, int64(got), `select count(*) from ingest.original where document_id in (select document_id from vex.vuln_fact where external_id like $1)`, fmt.Sprintf("%d-%%", i))
		rest := h.list(docs...)
		if c := h.run(p, rest); int(c.Duplicate) != got || int(c.Accepted) != 40-got {
			t.Errorf("going on: %+v, %d were stored before", c, got)
		}
	}
}

// TestStopDuringAnOutage ends although the database does not come back.
func TestStopDuringAnOutage(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	ctx, cancel := context.WithCancel(t.Context())
	l := h.list(fact("A"))
	l.advance = func(context.Context, pgx.Tx, []ingest.Envelope) error {
		return &pgconn.PgError{Code: "53100", Message: "could not extend file: No space left on device"}
	}
	p := h.pipeline(ingest.Config{OnOutage: func(error) { cancel() }, RetryFirst: time.Hour, RetryMax: time.Hour})
	start := time.Now()
	err := p.Run(ctx, l)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "No space left") {
		t.Errorf("Run: %v", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	wantCount(h, 0, `select count(*) from ingest.original`)
	wantCount(h, 0, `select count(*) from ingest.parked`)
}
