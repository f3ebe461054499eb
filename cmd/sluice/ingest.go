package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"sluice/ingest"
	"sluice/ingest/files"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/normalize"
)

func newIngest(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "ingest", Short: "Import documents"}
	cmd.AddCommand(newIngestFile(a), newIngestKafka(a))
	return cmd
}

// ingestFile holds the flags of `ingest file`.
type ingestFile struct {
	kind, artifact, stream, receipts, observedAt string
	workers                                      int
	wait, shared                                 bool
	scanRun                                      int64
	maxDocument                                  int64
	batchBytes                                   int64
}

func newIngestFile(a *app) *cobra.Command {
	var f ingestFile
	cmd := &cobra.Command{
		Use:   "file PATH...",
		Short: "Import files, folders and archives; - is standard input",
		Long: `Imports every document in files, folders (with everything below) and archives: gzip,
zstd, bzip2, xz, zip and tar, one inside the other. What a document is, is decided by
its content, never by its name. A document that cannot be used is parked with its bytes
and the reason (see ` + "`sluice parked`" + `) and never stops the rest.

A run may be repeated: what is stored already is a duplicate and costs little. A run
that was stopped goes on where it was with --scan-run and the number that it printed.`,
		Example: `  sluice ingest file ./sboms --tenant acme --wait
  sluice ingest file go.zip pypa.zip --shared
  cat sbom.json | sluice ingest file - --artifact pkg:oci/app@1.2 --stream ci
  sluice ingest file big.tar.zst --receipts receipts.jsonl --output json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.ingestFile(cmd.Context(), f, args) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.kind, "kind", "auto", "what the documents must be: auto, sbom, vex or vuln")
	fl.StringVar(&f.artifact, "artifact", "", "purl of what the SBOMs describe; default: what they say themselves")
	fl.StringVar(&f.stream, "stream", "", "which of several current SBOMs of an artifact these are")
	fl.IntVar(&f.workers, "workers", max(2, runtime.NumCPU()), "batches that are read and written at the same time")
	fl.BoolVar(&f.wait, "wait", false, "project too, and end when findings show all of it")
	fl.StringVar(&f.receipts, "receipts", "", "write a receipt per document to this file, as JSON Lines")
	fl.Int64Var(&f.scanRun, "scan-run", 0, "take an earlier scan run up again: what it stored is skipped unread")
	fl.BoolVar(&f.shared, "shared", false, "these are vulnerability facts for every tenant")
	fl.StringVar(&f.observedAt, "observed-at", "", "time for documents that have none of their own (RFC 3339)")
	fl.Int64Var(&f.maxDocument, "max-document-bytes", normalize.DefaultLimits.MaxBytes, "largest document, unpacked, in bytes; larger ones are parked")
	fl.Int64Var(&f.batchBytes, "batch-bytes", 4<<20, "documents per transaction, in bytes")
	return cmd
}

func (f *ingestFile) sourceConfig(paths []string, stdin io.Reader) (files.Config, error) {
	cfg := files.Config{Paths: paths, Stdin: stdin, Artifact: f.artifact, Stream: f.stream, Limits: normalize.DefaultLimits, Parallel: f.workers}
	cfg.Limits.MaxBytes = f.maxDocument
	switch f.kind {
	case "auto":
	case "sbom", "vex", "vuln":
		cfg.Kind = normalize.Kind(f.kind)
	default:
		return cfg, usagef("--kind %q: it is auto, sbom, vex or vuln", f.kind)
	}
	if f.workers < 1 || f.workers > 64 {
		return cfg, usagef("--workers %d: it is 1 to 64", f.workers)
	}
	if f.maxDocument < 1 || f.maxDocument > 1<<30 {
		return cfg, usagef("--max-document-bytes %d: it is 1 to %d; PostgreSQL holds no larger value", f.maxDocument, 1<<30)
	}
	if f.batchBytes < 1 {
		return cfg, usagef("--batch-bytes %d: it is at least 1", f.batchBytes)
	}
	if f.observedAt != "" {
		at, err := time.Parse(time.RFC3339, f.observedAt)
		if err != nil {
			return cfg, usagef("--observed-at %q: it is a time like 2026-02-28T12:00:00Z", f.observedAt)
		}
		cfg.ObservedAt = at
	}
	if n := slices.Index(paths, "-"); n >= 0 && slices.Contains(paths[n+1:], "-") {
		return cfg, usagef("standard input, -, is named twice")
	}
	return cfg, nil
}

func (a *app) ingestFile(ctx context.Context, f ingestFile, paths []string) (err error) {
	cfg, err := f.sourceConfig(paths, a.stdin)
	if err != nil {
		return err
	}
	limitMemory(f.maxDocument)
	for _, p := range paths {
		if _, err := os.Stat(p); p != "-" && err != nil {
			return fmt.Errorf("nothing was imported: %w", err)
		}
	}
	// A database that cannot be reached at the start is a mistake to report, one that goes
	// away later an outage to wait for.
	if err := a.connect(ctx); err != nil {
		return err
	}
	var pool *pgxpool.Pool
	if err := a.persist(ctx, func() error { pool, err = a.openRun(ctx, &cfg, f); return err }); err != nil {
		if f.scanRun != 0 && ctx.Err() != nil {
			a.sayGoOn(f.scanRun)
		}
		return err
	}
	stored := false // every document has its receipt
	defer func() {
		if err != nil && !stored {
			a.sayGoOn(cfg.ScanRun)
		}
	}()
	receipts, err := openReceipts(f.receipts, f.scanRun != 0)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := receipts.Close(); err == nil || errors.Is(err, errParked) {
			err = errors.Join(cerr, err)
		}
	}()

	src, err := files.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer src.Close()
	start := time.Now()
	bar := newProgress(a.stderr, src)
	var counts ingest.Counts
	counts.Add()
	pipeline, err := ingest.New(pool, ingest.Config{
		Formats: formats(), Volatile: volatile(), Limits: cfg.Limits, BatchBytes: f.batchBytes, Logger: a.log, OnOutage: a.revive,
		OnReceipts: func(list []ingest.Receipt) {
			counts.Add(list...)
			receipts.write(list)
			bar.show(&counts)
		},
	})
	if err != nil {
		return err
	}
	runErr := pipeline.Run(ctx, src)
	bar.done()
	if runErr != nil {
		end := context.WithoutCancel(ctx)
		state := "failed"
		if ctx.Err() != nil {
			state = "stopped"
		}
		_ = ingest.EndRun(end, pool, cfg.Tenant, cfg.ScanRun, state, counts)
		a.printSummary(counts, cfg.ScanRun, src.Skipped(), time.Since(start), false)
		return runErr
	}
	stored = true
	if err := a.finishRun(ctx, pool, cfg, counts, f.wait); err != nil {
		if ctx.Err() != nil {
			fmt.Fprintf(a.stderr, "sluice: every document of scan run %d is stored; `sluice project --wait` does what is left\n", cfg.ScanRun)
		}
		return err
	}
	if err := receipts.flush(); err != nil {
		return err
	}
	a.printSummary(counts, cfg.ScanRun, src.Skipped(), time.Since(start), true)
	if counts.Parked > 0 {
		return errParked
	}
	return nil
}

func (a *app) sayGoOn(run int64) {
	fmt.Fprintf(a.stderr, "sluice: scan run %d is not finished; go on with --scan-run %d\n", run, run)
}

// openRun finds the tenant and opens the scan run, or takes an earlier one up again.
func (a *app) openRun(ctx context.Context, cfg *files.Config, f ingestFile) (*pgxpool.Pool, error) {
	role := pg.Ingest
	var err error
	if f.shared {
		role, cfg.Tenant = pg.Feed, id.Shared
	} else if cfg.Tenant, err = a.tenantID(ctx, true); err != nil {
		return nil, err
	}
	pool, err := a.pool(ctx, role, ingest.PoolConfig(int32(f.workers)+2))
	if err != nil {
		return nil, err
	}
	if f.scanRun == 0 {
		cfg.ScanRun, err = ingest.StartRun(ctx, pool, cfg.Tenant, "file", cfg.Paths)
		return pool, err
	}
	cfg.ScanRun = f.scanRun
	if err := ingest.ResumeRun(ctx, pool, cfg.Tenant, f.scanRun); err != nil {
		return nil, err
	}
	cfg.Checkpoints, err = files.LoadCheckpoints(ctx, pool, cfg.Tenant, f.scanRun)
	return pool, err
}

// finishRun does what comes after the last document. A signal now can only cut short what
// others would do as well: the run is noted as done in any case.
func (a *app) finishRun(ctx context.Context, pool *pgxpool.Pool, cfg files.Config, counts ingest.Counts, wait bool) error {
	err := ingest.EndRun(context.WithoutCancel(ctx), pool, cfg.Tenant, cfg.ScanRun, "done", counts)
	if err != nil && pg.Outage(err) {
		err = a.persist(ctx, func() error { return ingest.EndRun(ctx, pool, cfg.Tenant, cfg.ScanRun, "done", counts) })
	}
	if err != nil {
		return err
	}
	if counts.Accepted > 0 {
		err := a.persist(ctx, func() error { return ingest.MergeSearchIndex(ctx, pool) })
		if pg.FaultOf(err).Bounded() {
			// Every document is stored. The next run merges it, or autovacuum.
			a.log.Warn("the search index is not merged: searches read what is not", "error", err)
		} else if err != nil && (wait || ctx.Err() == nil) {
			return err
		}
	}
	if !wait {
		return nil
	}
	return a.drain(ctx, cfg.Tenant)
}

// persist repeats fn through an outage.
func (a *app) persist(ctx context.Context, fn func() error) error {
	for {
		err := fn()
		if err == nil || !pg.Outage(err) || ctx.Err() != nil {
			return err
		}
		a.log.Warn("database outage: waiting", "error", err)
		a.revive(err)
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// summary is the object that `--output json` ends with.
type summary struct {
	ingest.Counts
	Seconds float64 `json:"seconds"`
	ScanRun int64   `json:"scan_run_id"`
	Skipped int64   `json:"skipped,omitempty"`
}

func (a *app) printSummary(c ingest.Counts, run, skipped int64, took time.Duration, done bool) {
	switch a.output {
	case "json":
		if done {
			_ = printJSON(a.stdout, summary{Counts: c, Seconds: float64(took.Milliseconds()) / 1000, ScanRun: run, Skipped: skipped})
		}
		return
	case "csv":
		t := table{head: []string{"format", "documents", "accepted", "duplicate", "unchanged", "parked", "bytes"}}
		addFormats(&t, c)
		_ = a.print(&t, nil)
		return
	}
	t := table{head: []string{"format", "documents", "accepted", "duplicate", "unchanged", "parked", "bytes"}}
	addFormats(&t, c)
	if len(t.rows) != 1 {
		t.add("total", n(c.Documents), n(c.Accepted), n(c.Duplicate), n(c.Unchanged), n(c.Parked), n(c.Bytes))
	}
	_ = a.print(&t, nil)
	if len(c.ByReason) > 0 {
		reasons := make([]string, 0, len(c.ByReason))
		for r, count := range c.ByReason {
			reasons = append(reasons, fmt.Sprintf("%s %d", r, count))
		}
		slices.Sort(reasons)
		fmt.Fprintf(a.stdout, "parked: %s (see `sluice parked list`)\n", strings.Join(reasons, ", "))
	}
	if skipped > 0 {
		fmt.Fprintf(a.stdout, "skipped: %d documents that this scan run had stored before\n", skipped)
	}
	fmt.Fprintf(a.stdout, "scan run %d: %d documents, %s in %.1f s", run, c.Documents, megabytes(c.Bytes), took.Seconds())
	if s := took.Seconds(); s > 0 && c.Documents > 0 {
		fmt.Fprintf(a.stdout, " (%.0f documents/s, %s/s)", float64(c.Documents)/s, megabytes(int64(float64(c.Bytes)/s)))
	}
	fmt.Fprintln(a.stdout)
}

func addFormats(t *table, c ingest.Counts) {
	names := make([]string, 0, len(c.ByFormat))
	for name := range c.ByFormat {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		f := c.ByFormat[name]
		t.add(name, n(f.Documents), n(f.Accepted), n(f.Duplicate), n(f.Unchanged), n(f.Parked), n(f.Bytes))
	}
}

func n(i int64) string { return strconv.FormatInt(i, 10) }

func megabytes(b int64) string { return fmt.Sprintf("%.1f MB", float64(b)/1e6) }

// receiptFile writes receipts as JSON Lines. A trouble with it is kept and reported at
// the end: the documents are stored whatever becomes of the file.
type receiptFile struct {
	f   *os.File
	w   *bufio.Writer
	err error
}

func openReceipts(path string, goOn bool) (*receiptFile, error) {
	if path == "" {
		return &receiptFile{}, nil
	}
	mode := os.O_TRUNC
	if goOn { // a run that goes on adds to what it has written: what is stored gets no receipt again
		mode = os.O_APPEND
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|mode, 0o644)
	if err != nil {
		return nil, fmt.Errorf("receipts: %w", err)
	}
	return &receiptFile{f: f, w: bufio.NewWriter(f)}, nil
}

func (r *receiptFile) write(list []ingest.Receipt) {
	if r.f == nil || r.err != nil {
		return
	}
	enc := json.NewEncoder(r.w)
	enc.SetEscapeHTML(false)
	for _, receipt := range list {
		if err := enc.Encode(receipt); err != nil {
			r.err = err
			return
		}
	}
	// Per batch: whoever follows the file sees what is stored, and a crash loses none of that.
	r.err = r.w.Flush()
}

func (r *receiptFile) flush() error {
	if r.f == nil {
		return nil
	}
	if r.err == nil {
		r.err = r.w.Flush()
	}
	if r.err != nil {
		return fmt.Errorf("the documents are stored, but not all receipts are written: %w", r.err)
	}
	return nil
}

func (r *receiptFile) Close() error {
	if r.f == nil {
		return nil
	}
	return r.f.Close()
}
