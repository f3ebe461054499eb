package ingest_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/ingest"
)

// TestEvents: each document has one event with its outcome, when it was received and how
// long it took; one that is replayed has one more.
func TestEvents(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	before := time.Now().Add(-time.Minute)
	first := sbom("app", serial(1), "2026-01-01T00:00:00Z", "pkg:npm/left-pad@1.0.0")
	again := sbom("app", serial(2), "2026-01-02T00:00:00Z", "pkg:npm/left-pad@1.0.0")
	bad := []byte(`{"bomFormat": "CycloneDX"`)
	h.run(h.pipeline(ingest.Config{}), h.list(first, again, first, bad))
	replay, err := ingest.NewReplay(t.Context(), h.pool, h.tenant, 2, ingest.ParkedFilter{})
	if err != nil {
		t.Fatal(err)
	}
	h.run(h.pipeline(ingest.Config{}), replay)

	type event struct {
		Run     int64
		Type    string
		ID      string
		Payload map[string]any
	}
	var got []event
	if err := json.Unmarshal(query[[]byte](h, `
		select jsonb_agg(jsonb_build_object('run', scan_run_id, 'type', event_type, 'id', event_id, 'payload', payload) order by occurred_at, ctid) from ingest.scan_run_event`), &got); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for i, e := range got {
		if ids[e.ID] {
			t.Errorf("two events have the id %s", e.ID)
		}
		ids[e.ID] = true
		if ms, ok := e.Payload["duration_ms"].(float64); !ok || ms < 0 || ms > 600_000 {
			t.Errorf("%s took %v ms", e.Type, e.Payload["duration_ms"])
		}
		if e.Type != "replayed" {
			at, err := time.Parse(time.RFC3339, e.Payload["received_at"].(string))
			if err != nil || at.Before(before) || at.After(time.Now().Add(time.Minute)) {
				t.Errorf("%s was received at %v", e.Type, e.Payload["received_at"])
			}
		}
		for _, varies := range []string{"duration_ms", "read_ms", "received_at"} {
			delete(e.Payload, varies)
		}
		got[i].ID = ""
	}
	id := func(origin string) string { return h.receipt(origin).DocumentID }
	hashed := query[string](h, `select payload ->> 'document_id' from ingest.scan_run_event where event_type = 'unchanged'`)
	parked := float64(query[int64](h, `select id from ingest.parked`))
	want := []event{
		{1, "accepted", "", map[string]any{"origin": "memory/0", "document_id": id("memory/0"), "format": "cyclonedx-json", "bytes": float64(len(first))}},
		{1, "unchanged", "", map[string]any{"origin": "memory/1", "document_id": hashed, "same_as": id("memory/0"), "format": "cyclonedx-json", "bytes": float64(len(again))}},
		{1, "duplicate", "", map[string]any{"origin": "memory/2", "document_id": id("memory/0"), "bytes": float64(len(first))}},
		{1, "parked", "", map[string]any{"origin": "memory/3", "document_id": id("memory/3"), "reason": "syntax", "bytes": float64(len(bad))}},
		{2, "replayed", "", map[string]any{"origin": "memory/3", "document_id": id("memory/3"), "parked_id": parked, "outcome": "parked"}},
		{2, "parked", "", map[string]any{"origin": "memory/3", "document_id": id("memory/3"), "reason": "syntax", "bytes": float64(len(bad))}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}
