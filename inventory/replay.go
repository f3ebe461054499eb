package inventory

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/ingest"
	"sluice/internal/ask"
	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/normalize"
)

// ReplayConfig says how parked documents are tried again.
type ReplayConfig struct {
	// Importer returns connections that act as role, made with ingest.PoolConfig. Required:
	// a replay is an import, and takes three of them.
	Importer func(ctx context.Context, role pg.Role) (*pgxpool.Pool, error)
	// Ingest tunes the import; its formats and limits decide what lands. Required. Its
	// OnReceipts is called too.
	Ingest ingest.Config
	// Fetch gets a document that a message only named. nil leaves these parked.
	Fetch func(ctx context.Context, tenant id.ID, ref string, sum []byte) ([]byte, *normalize.ParkError, error)
	// Events tries parked events again, as kafka.ReplayEvents does, and Cover makes the
	// partition that the time of one needs. nil leaves events parked.
	Events func(context.Context, *pgxpool.Pool, id.ID, ingest.ParkedFilter, func(context.Context, time.Time) error) (landed, stay int, err error)
	Cover  func(context.Context, time.Time) error
}

// Replayed says what became of parked documents that were tried again.
type Replayed struct {
	Run          int64         // the scan run of the replay
	Counts       ingest.Counts // of the documents
	EventsLanded int
	EventsStay   int
	Took         time.Duration // of the documents
}

// noteReplay writes to the audit log that somebody has these tried again, before anything is: a replay is
// many transactions. What became of each document is in the events of its run.
func (inv *Inventory) noteReplay(ctx context.Context, tenant id.ID, f ingest.ParkedFilter, ids []int64) error {
	before := map[string]any{"documents": len(ids), "ids": ids[:min(len(ids), noteLimit)], "reason": f.Reason}
	return inv.as(ctx, writer(tenant), tenant, func(tx pgx.Tx) error {
		return audit.Note(ctx, tx, tenant, audit.Entry{Action: "parked.replay", Entity: "parked", Diff: audit.Change(before, nil)})
	})
}

// Replay hands parked documents to the importer once more, in a scan run of its own. What
// lands is no longer parked, in the same transaction; what does not, stays, with one more
// attempt counted.
func (inv *Inventory) Replay(ctx context.Context, tenant id.ID, f ingest.ParkedFilter, cfg ReplayConfig) (out Replayed, err error) {
	if cfg.Importer == nil {
		return out, errors.New("inventory: ReplayConfig.Importer is required")
	}
	pool, err := cfg.Importer(ctx, writer(tenant))
	if err != nil {
		return out, err
	}
	found, err := ingest.NewReplay(ctx, pool, tenant, 0, f)
	if err != nil {
		return out, err
	}
	if err := inv.noteReplay(ctx, tenant, f, found.IDs()); err != nil {
		return out, err
	}
	if cfg.Events != nil {
		if out.EventsLanded, out.EventsStay, err = cfg.Events(ctx, pool, tenant, f, cfg.Cover); err != nil {
			return out, err
		}
	}
	if missing := len(f.IDs) - found.Len() - out.EventsLanded - out.EventsStay; missing > 0 {
		return out, ask.NotFound("%d of the %d ids are not parked documents of this tenant whose bytes are kept; see `sluice parked list`", missing, len(f.IDs))
	}
	if out.Run, err = ingest.StartRun(ctx, pool, tenant, "replay", nil); err != nil {
		return out, err
	}
	src, err := ingest.NewReplay(ctx, pool, tenant, out.Run, f)
	if err != nil {
		return out, err
	}
	src.Configure(ingest.ReplayConfig{Fetch: cfg.Fetch, Limits: cfg.Ingest.Limits})
	start := time.Now()
	out.Counts.Add() // so that its lists are not null
	given := cfg.Ingest.OnReceipts
	cfg.Ingest.OnReceipts = func(list []ingest.Receipt) {
		out.Counts.Add(list...)
		if given != nil {
			given(list)
		}
	}
	pipeline, err := ingest.New(pool, cfg.Ingest)
	if err != nil {
		return out, err
	}
	if err := pipeline.Run(ctx, src); err != nil {
		end := context.WithoutCancel(ctx)
		_ = ingest.EndRun(end, pool, tenant, out.Run, "failed", out.Counts)
		_ = src.EndRuns(end, "failed")
		return out, err
	}
	if err := src.EndRuns(ctx, "done"); err != nil {
		return out, err
	}
	out.Took = time.Since(start)
	return out, ingest.EndRun(ctx, pool, tenant, out.Run, "done", out.Counts)
}
