package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/ingest"
	"sluice/ingest/files"
	"sluice/normalize"
	"sluice/serve"
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
	wait, shared, createTenant                   bool
	scanRun                                      int64
	maxDocument                                  int64
	batchBytes                                   int64
	seal                                         sealFlags
	limits                                       limitFlags
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
	fl.BoolVar(&f.createTenant, "create-tenant", false, "make the tenant where there is none of that name")
	fl.BoolVar(&f.shared, "shared", false, "these are vulnerability facts for every tenant")
	fl.StringVar(&f.observedAt, "observed-at", "", "time for documents that have none of their own (RFC 3339)")
	fl.Int64Var(&f.maxDocument, "max-document-bytes", normalize.DefaultLimits.MaxBytes, "largest document, unpacked, in bytes; larger ones are parked")
	fl.Int64Var(&f.batchBytes, "batch-bytes", 4<<20, "documents per transaction, in bytes")
	f.seal.add(fl)
	f.limits.add(fl)
	return cmd
}

// config is the import that the flags ask for.
func (f *ingestFile) config(a *app, paths []string) (serve.Import, error) {
	in := serve.Import{
		Files:  files.Config{Paths: paths, Stdin: a.stdin, Artifact: f.artifact, Stream: f.stream, Limits: normalize.DefaultLimits, Parallel: f.workers},
		Tenant: a.tenant, CreateTenant: f.createTenant, Shared: f.shared, ScanRun: f.scanRun, Ingest: importer(), Wait: f.wait,
	}
	if err := f.limits.check(); err != nil {
		return in, err
	}
	in.Files.Limits = f.limits.Limits
	in.Files.Limits.MaxBytes, in.Ingest.BatchBytes = f.maxDocument, f.batchBytes
	switch f.kind {
	case "auto":
	case "sbom", "vex", "vuln":
		in.Files.Kind = normalize.Kind(f.kind)
	default:
		return in, usagef("--kind %q: it is auto, sbom, vex or vuln", f.kind)
	}
	if err := in.Check(); err != nil {
		return in, err
	}
	if err := f.seal.set(&in.Ingest); err != nil {
		return in, err
	}
	if f.observedAt != "" {
		at, err := time.Parse(time.RFC3339, f.observedAt)
		if err != nil {
			return in, usagef("--observed-at %q: it is a time like 2026-02-28T12:00:00Z", f.observedAt)
		}
		in.Files.ObservedAt = at
	}
	if n := slices.Index(paths, "-"); n >= 0 && slices.Contains(paths[n+1:], "-") {
		return in, usagef("standard input, -, is named twice")
	}
	return in, nil
}

func (a *app) ingestFile(ctx context.Context, f ingestFile, paths []string) (err error) {
	in, err := f.config(a, paths)
	if err != nil {
		return err
	}
	memory := int64(serve.ImportMemory)
	if f.wait {
		memory = serve.ServeMemory
	}
	serve.LimitMemory(memory, f.maxDocument)
	for _, p := range paths {
		if _, err := os.Stat(p); p != "-" && err != nil {
			return fmt.Errorf("nothing was imported: %w", files.NoPath(p, err))
		}
	}
	receipts := &receiptFile{}
	defer func() {
		if cerr := receipts.Close(); err == nil || errors.Is(err, errParked) {
			err = errors.Join(cerr, err)
		}
	}()
	var bar *progress
	var counts ingest.Counts
	said := notes{shared: f.shared}
	in.OnStart = func(_ int64, src *files.Source) error {
		bar = newProgress(a.stderr, src)
		return receipts.open(f.receipts, f.scanRun != 0)
	}
	in.Ingest.OnReceipts = func(list []ingest.Receipt) {
		counts.Add(list...)
		receipts.write(list)
		said.take(list)
		bar.show(&counts)
	}
	in.OnRead = func() { bar.done() }
	in.OnProject = func(done, left int64) { bar.project(done, left) }
	out, err := a.db.Import(ctx, in)
	switch {
	case err != nil && !out.Stored:
		if out.Begun {
			a.printSummary(out.Counts, out.ScanRun, out.Skipped, out.Took, false)
		}
		if out.ScanRun != 0 {
			a.note("sluice: scan run %d is not finished; go on with `%s`", out.ScanRun, a.again(paths, "scan-run", n(out.ScanRun)))
		}
		return err
	case err != nil:
		if ctx.Err() != nil {
			a.note("sluice: every document of scan run %d is stored; `sluice project --once` does what is left", out.ScanRun)
		}
		return err
	}
	if err := receipts.flush(); err != nil {
		return err
	}
	a.printImported(summary{Counts: out.Counts, ScanRun: out.ScanRun, Skipped: out.Skipped, PassedOver: out.Passed, PassedOverCount: out.PassedOver, projected: f.wait, Jobs: out.Jobs, ProjectionSeconds: out.Projecting.Seconds()}, out.Took, true)
	said.print(a.stderr, a.tenant)
	if out.Counts.Parked > 0 {
		return errParked
	}
	return nil
}

// summary is the object that `--output json` ends with.
type summary struct {
	ingest.Counts
	Seconds float64 `json:"seconds"`
	ScanRun int64   `json:"scan_run_id"`
	Skipped int64   `json:"skipped,omitempty"`
	// With --wait: the part of Seconds that was projection, and what was done in it.
	ProjectionSeconds float64 `json:"projection_seconds,omitempty"`
	Jobs              int64   `json:"projection_jobs,omitempty"`
	projected         bool
	// What belongs to documents and is none: how many, and the first thousand.
	PassedOverCount int64          `json:"passed_over_count,omitempty"`
	PassedOver      []files.Passed `json:"passed_over,omitempty"`
}

func (a *app) printSummary(c ingest.Counts, run, skipped int64, took time.Duration, done bool) {
	a.printImported(summary{Counts: c, ScanRun: run, Skipped: skipped}, took, done)
}

// passedShown is how much of what was passed over a table shows.
const passedShown = 10

func (a *app) printImported(s summary, took time.Duration, done bool) {
	c, run, skipped := s.Counts, s.ScanRun, s.Skipped
	switch a.output {
	case "json":
		if done {
			s.Seconds = float64(took.Milliseconds()) / 1000
			_ = printJSON(a.stdout, s)
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
		fmt.Fprintf(a.stdout, "parked: %s (%s)\n", strings.Join(reasons, ", "), a.hint("see `sluice parked list`"))
	}
	if s.PassedOverCount > 0 {
		fmt.Fprintf(a.stdout, "passed over: %d that belong to documents and are none\n", s.PassedOverCount)
		for _, p := range s.PassedOver[:min(len(s.PassedOver), passedShown)] {
			fmt.Fprintf(a.stdout, "  %s: %s\n", p.Origin, p.What)
		}
		if more := s.PassedOverCount - passedShown; more > 0 {
			fmt.Fprintf(a.stdout, "  and %d more (--output json lists them)\n", more)
		}
	}
	if skipped > 0 {
		fmt.Fprintf(a.stdout, "skipped: %d documents that this scan run had stored before\n", skipped)
	}
	sec := took.Seconds() - s.ProjectionSeconds
	fmt.Fprintf(a.stdout, "scan run %d: %d documents, %s in %.1f s", run, c.Documents, megabytes(c.Bytes), sec)
	if sec > 0 && c.Documents > 0 {
		fmt.Fprintf(a.stdout, " (%.0f documents/s, %s/s)", float64(c.Documents)/sec, megabytes(int64(float64(c.Bytes)/sec)))
	}
	fmt.Fprintln(a.stdout)
	if s.projected {
		fmt.Fprintf(a.stdout, "projection: %s in %.1f s", countOf(s.Jobs, "job"), s.ProjectionSeconds)
		if s.ProjectionSeconds > 0 && s.Jobs > 0 {
			fmt.Fprintf(a.stdout, " (%.0f jobs/s)", float64(s.Jobs)/s.ProjectionSeconds)
		}
		fmt.Fprintln(a.stdout)
	}
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
