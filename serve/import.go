package serve

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/ingest"
	"sluice/ingest/files"
	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/normalize/purl"
)

// Import is one import of files, in a scan run of its own.
type Import struct {
	// Files says what to read. Tenant, ScanRun and Checkpoints are found out. Parallel is how
	// many batches are read and written at the same time, 1 to 64: each takes a connection
	// and up to BatchBytes of memory.
	Files files.Config
	// Tenant is whose documents they are, by name or id. Where there is none of the name it is an error,
	// unless CreateTenant is set: a typing error shall not open a tenant.
	Tenant       string
	CreateTenant bool
	// Shared: vulnerability facts for every tenant. Tenant does not count then.
	Shared bool
	// ScanRun is an earlier run to take up again; 0 is a new one.
	ScanRun int64
	// Formats and BatchBytes tune the pipeline, and OnReceipts is told what became of the
	// documents. Limits are those of Files, the logger and OnOutage the database's.
	Ingest ingest.Config
	// Wait: end when the findings show all of it.
	Wait bool
	// OnStart, if set, is called when the scan run is open, before the first document.
	OnStart func(run int64, src *files.Source) error
	// OnRead, if set, is called after the last document, or the one that it broke off at.
	OnRead func()
	// OnProject, if set, is called with Wait, after OnRead: how many jobs of projection are done, and how many are left.
	OnProject func(done, left int64)
}

// Where documents come from, as a label.
const (
	sourceFiles = "files"
	sourceKafka = "kafka"
)

// Check returns an *ask.WrongError where the import makes no sense.
func (i Import) Check() error {
	if w := i.Files.Parallel; w < 1 || w > 64 {
		return ask.Wrong("workers", "%d: it is 1 to 64", w)
	}
	if err := checkMaxDocument(i.Files.Limits.MaxBytes); err != nil {
		return err
	}
	if a := i.Files.Artifact; a != "" {
		if _, err := purl.Parse(a); err != nil {
			return ask.Wrong("artifact", "%q: it is a purl, such as pkg:oci/app@1.2: %w", a, err)
		}
	}
	if s := i.Files.Stream; !ingest.GoodStream(s) {
		return ask.Wrong("stream", "%.50q: it is text of up to %d bytes", s, ingest.MaxStream)
	}
	if i.Ingest.BatchBytes < 1 {
		return ask.Wrong("batch-bytes", "%d: it is at least 1", i.Ingest.BatchBytes)
	}
	return nil
}

// Imported says what became of an import.
type Imported struct {
	Counts  ingest.Counts
	ScanRun int64 // 0: there is none to go on with
	Skipped int64 // documents that the scan run had stored before
	// PassedOver counts what belongs to documents and is none, and Passed lists the first of it.
	PassedOver int64
	Passed     []files.Passed
	Took       time.Duration // all of it
	Projecting time.Duration // the part of it after the import, with Wait
	Jobs       int64         // of projection that were done in it
	Begun      bool          // documents were looked for
	Stored     bool          // every document has its receipt
}

// Import imports files. What it returns is right whether or not it failed. A database that
// cannot be reached at the start is a mistake to report, one that goes away later an outage
// to wait for.
func (d *Database) Import(ctx context.Context, in Import) (out Imported, err error) {
	if err := in.Check(); err != nil {
		return out, err
	}
	if err := d.Connect(ctx); err != nil {
		return out, err
	}
	var pool *pgxpool.Pool
	if err := d.Persist(ctx, func() error { pool, err = d.openRun(ctx, &in); return err }); err != nil {
		if ctx.Err() != nil {
			out.ScanRun = in.ScanRun // it was stopped before it was taken up again
		}
		return out, err
	}
	out.ScanRun = in.Files.ScanRun
	in.Files.Holds = holdMemory
	src, err := files.Open(ctx, in.Files)
	if err != nil {
		return out, err
	}
	defer src.Close()
	if in.OnStart != nil {
		if err := in.OnStart(out.ScanRun, src); err != nil {
			return out, err
		}
	}
	out.Counts.Add() // so that its lists are not null
	cfg := in.Ingest
	cfg.Limits, cfg.Logger, cfg.OnOutage = in.Files.Limits, d.log, d.Revive
	cfg.Metrics, cfg.Source = d.imports, sourceFiles
	cfg.Flags, cfg.Allowance = d.importFlags, importLimits{d}
	cfg.OnReceipts = func(list []ingest.Receipt) {
		out.Counts.Add(list...)
		if in.Ingest.OnReceipts != nil {
			in.Ingest.OnReceipts(list)
		}
	}
	pipeline, err := ingest.New(pool, cfg)
	if err != nil {
		return out, err
	}
	start := time.Now()
	out.Begun = true
	err = pipeline.Run(ctx, src)
	out.Took, out.Skipped = time.Since(start), src.Skipped()
	out.PassedOver, out.Passed = src.PassedOver()
	if in.OnRead != nil {
		in.OnRead()
	}
	if err != nil {
		state := "failed"
		if ctx.Err() != nil {
			state = "stopped"
		}
		_ = ingest.EndRun(context.WithoutCancel(ctx), pool, in.Files.Tenant, out.ScanRun, state, out.Counts)
		return out, err
	}
	out.Stored = true
	err = d.finishRun(ctx, pool, in, out.Counts)
	if out.Took = time.Since(start); err == nil && in.Wait {
		stored := time.Now()
		err = d.drain(ctx, in.Files.Tenant, func(done, left int64) {
			if out.Jobs = done; in.OnProject != nil {
				in.OnProject(done, left)
			}
		})
		out.Projecting = time.Since(stored)
		out.Took = time.Since(start)
	}
	return out, err
}

// openRun finds the tenant and opens the scan run, or takes an earlier one up again.
func (d *Database) openRun(ctx context.Context, in *Import) (*pgxpool.Pool, error) {
	role := pg.Ingest
	f := &in.Files
	var err error
	if in.Shared {
		role, f.Tenant = pg.Feed, id.Shared
	} else if f.Tenant, err = d.Tenant(ctx, in.Tenant, in.CreateTenant); err != nil {
		if missing := new(ask.NotFoundError); errors.As(err, &missing) {
			err = fmt.Errorf("nothing was imported (--create-tenant makes a tenant that is missing): %w", err)
		}
		return nil, err
	}
	pool, err := d.Pool(ctx, role, ingest.PoolConfig(int32(f.Parallel)+2))
	if err != nil {
		return nil, err
	}
	if in.ScanRun == 0 {
		f.ScanRun, err = ingest.StartRun(ctx, pool, f.Tenant, "file", f.Paths)
		return pool, err
	}
	f.ScanRun = in.ScanRun
	if err := ingest.ResumeRun(ctx, pool, f.Tenant, in.ScanRun); err != nil {
		return nil, err
	}
	f.Checkpoints, err = files.LoadCheckpoints(ctx, pool, f.Tenant, in.ScanRun)
	return pool, err
}

// finishRun does what comes after the last document. A signal now can only cut short what
// others would do as well: the run is noted as done in any case.
func (d *Database) finishRun(ctx context.Context, pool *pgxpool.Pool, in Import, counts ingest.Counts) error {
	tenant, run := in.Files.Tenant, in.Files.ScanRun
	err := ingest.EndRun(context.WithoutCancel(ctx), pool, tenant, run, "done", counts)
	if err != nil && pg.Outage(err) {
		err = d.Persist(ctx, func() error { return ingest.EndRun(ctx, pool, tenant, run, "done", counts) })
	}
	if err != nil {
		return err
	}
	if counts.Accepted > 0 {
		err := d.Persist(ctx, func() error { return ingest.MergeSearchIndex(ctx, pool) })
		if pg.FaultOf(err).Bounded() {
			// Every document is stored. The next run merges it, or autovacuum.
			d.log.Warn("the search index is not merged: searches read what is not", "error", err)
		} else if err != nil && (in.Wait || ctx.Err() == nil) {
			return err
		}
	}
	return nil
}
