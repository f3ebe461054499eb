package ingest_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/normalize"
)

// switches are Flags that a test sets.
type switches struct {
	formatOff   string
	receiptsOff bool
}

func (s switches) Format(name string) bool { return name != s.formatOff }
func (s switches) Receipts() bool          { return !s.receiptsOff }

// TestFormatSwitchedOff: a document of it is parked with the reason and its bytes, again while it is
// off, and lands once it is on: by a replay, or by coming again.
func TestFormatSwitchedOff(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	var now switches
	cfg := ingest.Config{Flags: func(context.Context, id.ID) (ingest.Flags, error) { return now, nil }}
	one, two := sbom("one", serial(1), "2026-01-01T00:00:00Z"), sbom("two", serial(2), "2026-01-01T00:00:00Z")
	now.formatOff = "cyclonedx-json"
	for range 2 {
		if c := h.run(h.pipeline(cfg), h.list(one, two)); c.Parked != 2 || c.ByReason[normalize.ReasonSwitchedOff] != 2 {
			t.Fatalf("%+v", c)
		}
	}
	if r := h.receipt("memory/0"); r.Format != "cyclonedx-json" || !strings.Contains(r.Message, "flag format.cyclonedx-json") || !strings.Contains(r.Message, "parked replay --reason switched-off") {
		t.Errorf("%+v", r)
	}
	now.formatOff = "openvex"
	if c := h.run(h.pipeline(cfg), h.list(one)); c.Accepted != 1 {
		t.Errorf("it comes again: %+v", c)
	}
	replay, err := ingest.NewReplay(t.Context(), h.pool, h.tenant, 1, ingest.ParkedFilter{Reason: normalize.ReasonSwitchedOff})
	if err != nil {
		t.Fatal(err)
	}
	if c := h.run(h.pipeline(cfg), replay); c.Documents != 1 || c.Accepted != 1 {
		t.Errorf("replayed: %+v", c)
	}
	wantCount(h, 0, `select count(*) from ingest.parked`)
}

// TestReceiptsSwitchedOff: no receipt is written, and parked documents are still told of.
func TestReceiptsSwitchedOff(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	now := switches{receiptsOff: true}
	cfg := ingest.Config{Flags: func(context.Context, id.ID) (ingest.Flags, error) { return now, nil }}
	send := func(b []byte) {
		l := h.list(b)
		l.envelopes[0].Reply = &ingest.Reply{Key: []byte("k")}
		h.run(h.pipeline(cfg), l)
	}
	send(sbom("one", serial(1), "2026-01-01T00:00:00Z"))
	wantCount(h, 0, `select count(*) from core.outbox where topic = 'receipts'`)
	now.receiptsOff = false
	send(sbom("two", serial(2), "2026-01-01T00:00:00Z"))
	wantCount(h, 1, `select count(*) from core.outbox where topic = 'receipts'`)
}

// TestFlagsAway: where nobody knows what is switched on, because the database is away, the batch waits.
func TestFlagsAway(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	var asked atomic.Int32
	cfg := ingest.Config{RetryFirst: 1, Flags: func(context.Context, id.ID) (ingest.Flags, error) {
		if asked.Add(1) < 3 {
			return nil, &pgconn.PgError{Code: "57P01"} // admin_shutdown
		}
		return switches{}, nil
	}}
	if c := h.run(h.pipeline(cfg), h.list(sbom("one", serial(1), "2026-01-01T00:00:00Z"))); c.Accepted != 1 {
		t.Errorf("%+v", c)
	}
	broken := errors.New("broken")
	cfg.Flags = func(context.Context, id.ID) (ingest.Flags, error) { return nil, broken }
	if err := h.pipeline(cfg).Run(t.Context(), h.list(sbom("two", serial(2), "2026-01-01T00:00:00Z"))); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}
