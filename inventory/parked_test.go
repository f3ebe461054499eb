package inventory_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/ingest"
	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/inventory"
	"sluice/normalize"
	"sluice/normalize/spdx"
)

// TestParked shows, replays and drops what is parked, of the tenant and of the shared feed.
func TestParked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.load(w.acme, vex, "{", "[")
	w.load(id.Shared, "{")
	list := must(w.inv.Parked(ctx, w.acme, "syntax"))(t)
	if len(list) != 2 || !list[0].HasBytes || list[0].Size != 1 || list[0].Attempts != 1 || list[0].Origin == "" {
		t.Fatalf("%+v", list)
	}
	if b := must(w.inv.ParkedBytes(ctx, w.acme, list[0].ID))(t); string(b) != "{" {
		t.Errorf("%q", b)
	}
	for _, tenant := range []id.ID{w.rival, id.Operator} {
		if got := must(w.inv.Parked(ctx, tenant, ""))(t); len(got) != 0 {
			t.Errorf("somebody else's: %+v", got)
		}
		var missing *ask.NotFoundError
		if _, err := w.inv.ParkedBytes(ctx, tenant, list[0].ID); !errors.As(err, &missing) {
			t.Errorf("somebody else's: %v", err)
		}
		if dropped, err := w.inv.DropParked(ctx, tenant, ingest.ParkedFilter{IDs: []int64{list[0].ID}}); dropped != 0 || !errors.As(err, &missing) {
			t.Errorf("somebody else's: %d, %v", dropped, err)
		}
	}

	// No fix, so it stays, with one more attempt.
	replay := inventory.ReplayConfig{Ingest: pipeline(), Importer: func(_ context.Context, role pg.Role) (*pgxpool.Pool, error) { return w.pools[role], nil }}
	did := must(w.inv.Replay(ctx, w.acme, ingest.ParkedFilter{}, replay))(t)
	if did.Counts.Documents != 2 || did.Counts.Parked != 2 || did.Run == 0 {
		t.Errorf("%+v", did)
	}
	again := must(w.inv.Parked(ctx, w.acme, ""))(t)
	if attempts := each(again, func(p inventory.Parked) string { return string(rune('0' + p.Attempts)) }); !slices.Equal(attempts, []string{"2", "2"}) {
		t.Errorf("attempts %v", attempts)
	}
	var missing *ask.NotFoundError
	if _, err := w.inv.Replay(ctx, w.acme, ingest.ParkedFilter{IDs: []int64{999}}, replay); !errors.As(err, &missing) {
		t.Errorf("one that is not there: %v", err)
	}

	if dropped, err := w.inv.DropParked(ctx, w.acme, ingest.ParkedFilter{IDs: []int64{list[0].ID, 999}}); dropped != 1 || !errors.As(err, &missing) {
		t.Errorf("%d, %v", dropped, err)
	}
	if dropped := must(w.inv.DropParked(ctx, w.acme, ingest.ParkedFilter{Reason: "syntax"}))(t); dropped != 1 {
		t.Errorf("%d dropped", dropped)
	}
	if dropped := must(w.inv.DropParked(ctx, id.Shared, ingest.ParkedFilter{}))(t); dropped != 1 {
		t.Errorf("%d dropped of the shared feed", dropped)
	}
}

// TestReplayLands: what was parked for want of a reader lands when there is one.
func TestReplayLands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	cfg := pipeline()
	w.load(w.acme, `{"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "app", "packages": [{"SPDXID": "SPDXRef-left", "name": "left", "versionInfo": "1.0.0"}]}`)
	w.load(w.acme, sbom)
	if n := len(must(w.inv.Parked(ctx, w.acme, normalize.ReasonUnknownFormat))(t)); n != 1 {
		t.Fatalf("%d parked", n)
	}
	cfg.Formats = append(cfg.Formats, spdx.JSON{})
	did := must(w.inv.Replay(ctx, w.acme, ingest.ParkedFilter{Reason: normalize.ReasonUnknownFormat}, inventory.ReplayConfig{
		Ingest: cfg, Importer: func(_ context.Context, role pg.Role) (*pgxpool.Pool, error) { return w.pools[role], nil },
	}))(t)
	if did.Counts.Accepted != 1 || did.Counts.Parked != 0 {
		t.Errorf("%+v", did.Counts)
	}
	if list := must(w.inv.Parked(ctx, w.acme, ""))(t); len(list) != 0 {
		t.Errorf("still parked: %+v", list)
	}
}
