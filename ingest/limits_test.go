package ingest_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/internal/id"
)

// ration allows so many documents of a tenant per turn; a turn passes with each refusal.
type ration struct {
	mu    sync.Mutex
	of    map[id.ID]int // nothing: as many as come
	left  map[id.ID]int
	asked []ingest.Size
}

func (r *ration) Allow(_ context.Context, tenant id.ID, list []ingest.Size) (int, time.Duration, string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	turn, limited := r.of[tenant]
	if !limited {
		return len(list), 0, "", nil
	}
	if r.left == nil {
		r.left = map[id.ID]int{tenant: turn}
	}
	n := min(r.left[tenant], len(list))
	r.left[tenant] -= n
	r.asked = append(r.asked, list[:n]...)
	if n < len(list) {
		r.left[tenant] = turn
		return n, 20 * time.Millisecond, "enough", nil
	}
	return n, 0, "", nil
}

// TestLimitsHoldUp: what a limit does not allow waits, in its order; nothing is lost, parked or counted
// twice, duplicates take nothing, and what comes before it of another tenant is stored at once.
func TestLimitsHoldUp(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	beta := h.db.Tenant(t, "beta")
	r := &ration{of: map[id.ID]int{h.tenant: 3}}
	var documents [][]byte
	for i := range 20 {
		documents = append(documents, sbom(fmt.Sprint("app", i), serial(i), "2026-01-01T00:00:00Z", "pkg:npm/a@1", "pkg:npm/b@1"))
	}
	src := h.list(documents...)
	for _, i := range []int{0, 7, 13} {
		src.envelopes[i].Tenant = beta
	}
	var order []string
	cfg := ingest.Config{Allowance: r, BytesInFlight: 64 << 10, OnReceipts: func(list []ingest.Receipt) {
		for _, one := range list {
			order = append(order, one.Origin)
		}
	}}
	p := h.pipeline(cfg)
	if c := h.run(p, src); c.Accepted != 20 || c.Parked != 0 {
		t.Fatalf("%+v", c)
	}
	if want := func() (w []string) {
		for i := range 20 {
			w = append(w, fmt.Sprintf("memory/%d", i))
		}
		return w
	}(); !slices.Equal(order, want) {
		t.Errorf("stored in the order %v", order)
	}
	if len(r.asked) != 17 {
		t.Errorf("%d documents were counted, of 17", len(r.asked))
	}
	for _, s := range r.asked {
		if s.Components != 2 || s.Bytes < 100 {
			t.Errorf("counted as %+v", s)
		}
	}
	if n, bytes := p.InFlight(); n != 0 || bytes != 0 {
		t.Errorf("%d documents, %d bytes are in flight", n, bytes)
	}
	if c := h.run(p, src.again()); c.Duplicate != 20 || len(r.asked) != 17 {
		t.Errorf("again: %+v, %d counted", c, len(r.asked))
	}
}

// TestLimitsAndStop: a stop ends the waiting; what was allowed is stored, the rest comes again.
func TestLimitsAndStop(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	ctx, cancel := context.WithCancel(t.Context())
	r := &ration{of: map[id.ID]int{h.tenant: 0}}
	src := h.list(sbom("app", serial(1), "2026-01-01T00:00:00Z"))
	p := h.pipeline(ingest.Config{Allowance: r})
	done := make(chan error)
	go func() { done <- p.Run(ctx, src) }()
	time.AfterFunc(200*time.Millisecond, cancel)
	if err := <-done; ctx.Err() == nil || err == nil {
		t.Errorf("%v", err)
	}
	wantCount(h, 0, `select count(*) from ingest.original`)
	r.of[h.tenant] = 5
	if c := h.run(p, src.again()); c.Accepted != 1 {
		t.Errorf("%+v", c)
	}
}
