package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"sluice/fixtures"
	"sluice/ingest"
	"sluice/ingest/files"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/normalize"
	"sluice/normalize/unwrap"
	"sluice/projections"
	"sluice/tenants"
)

// bench holds the flags of `bench`.
type bench struct {
	documents, components, rounds, workers int
	corpora, json                          string
}

func newBench(a *app) *cobra.Command {
	var b bench
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure imports against a bare COPY on the same server",
		Long: `Imports the same documents, in turn and on one server with one set of settings, by a bare
COPY into a table with the columns and indexes of the specification (the floor) and by
Sluice with everything: hash, original, document with all its indexes, packages,
inventory, events, jobs. Then it imports them again (duplicates) and projects them.

The figures that mean something are the ratios: machines differ and are noisy. The
documents are generated ones and, where the corpora are, real SBOMs. Without
--database-url it uses an embedded server of its own that is removed at the end; with
it, it makes schema sluice_bench and tenants named bench-... there.`,
		Example: "  sluice bench\n  sluice bench --documents 2000 --rounds 5 --json bench.json",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.bench(cmd.Context(), b) },
	}
	f := cmd.Flags()
	f.IntVar(&b.documents, "documents", 400, "generated SBOMs per round")
	f.IntVar(&b.components, "components", 200, "components of each")
	f.IntVar(&b.rounds, "rounds", 3, "rounds of floor and import, in turn")
	f.IntVar(&b.workers, "workers", max(2, runtime.NumCPU()), "connections that write, for both")
	f.StringVar(&b.corpora, "corpora", "", "folder with load/real-sboms.tar.zst; default ../shared/corpora (env SLUICE_CORPORA)")
	f.StringVar(&b.json, "json", "", "write the figures to this file as well")
	cmd.AddCommand(newBenchKafka(a))
	return cmd
}

// load is one set of documents to measure with.
type load struct {
	name string
	dir  string
}

// loads lays the documents out as files in dir: what a user imports, and no decompressor
// or generator is measured with it.
func (b bench) loads(ctx context.Context, dir string) ([]load, error) {
	generated := filepath.Join(dir, "generated")
	err := fixtures.Load{Documents: b.documents, Components: b.components, Seed: 1}.Each(func(name string, doc []byte) error {
		return writeFile(filepath.Join(generated, name), doc)
	})
	if err != nil {
		return nil, err
	}
	loads := []load{{fmt.Sprintf("%d generated SBOMs of %d components", b.documents, b.components), generated}}
	corpora := b.corpora
	if corpora == "" {
		corpora = filepath.Join("..", "shared", "corpora")
	}
	archive := filepath.Join(corpora, "load", "real-sboms.tar.zst")
	f, err := os.Open(archive)
	if err != nil {
		return loads, nil // the generated ones must do
	}
	defer f.Close()
	unpacked, n := filepath.Join(dir, "real"), 0
	err = unwrap.Walk(ctx, unwrap.Source{Origin: archive, Reader: f}, normalize.DefaultLimits, func(e unwrap.Entry) error {
		if e.Err != nil {
			return e.Err
		}
		n++
		return writeFile(filepath.Join(unpacked, fmt.Sprintf("%04d", n)), e.Bytes)
	})
	return append(loads, load{fmt.Sprintf("%d real SBOMs", n), unpacked}), err
}

func writeFile(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o644)
}

// figures of one phase.
type figures struct {
	Documents int64   `json:"documents"`
	Bytes     int64   `json:"bytes"`
	Seconds   float64 `json:"seconds"`
	DocsPerS  float64 `json:"documents_per_second"`
	MBPerS    float64 `json:"mb_per_second"`
	WAL       int64   `json:"wal_bytes"`
	PeakRSS   int64   `json:"peak_rss_bytes"`
	Rows      int64   `json:"rows,omitempty"`
	RowsPerS  float64 `json:"rows_per_second,omitempty"`
}

// round is one turn of everything over one load.
type round struct {
	Load       string  `json:"load"`
	Round      int     `json:"round"`
	Floor      figures `json:"floor"`
	Import     figures `json:"import"`
	Duplicates figures `json:"duplicates"`
	Projection figures `json:"projection"`
	Ratio      float64 `json:"ratio"`
	DupSpeedup float64 `json:"duplicates_speedup"`
}

type benchReport struct {
	Version  string             `json:"version"`
	CPUs     int                `json:"cpus"`
	Workers  int                `json:"workers"`
	Server   map[string]string  `json:"server_settings"`
	Rounds   []round            `json:"rounds"`
	Medians  map[string]float64 `json:"median_ratio_by_load"`
	Speedups map[string]float64 `json:"median_duplicates_speedup_by_load"`
}

func (a *app) bench(ctx context.Context, b bench) (err error) {
	if b.documents < 1 || b.components < 1 || b.rounds < 1 || b.workers < 1 {
		return usagef("--documents, --components, --rounds and --workers are at least 1")
	}
	if a.databaseURL == "" {
		dir, err := os.MkdirTemp("", "sluice-bench-")
		if err != nil {
			return err
		}
		a.home = dir
		defer func() { a.removeHome(dir) }()
	}
	limitMemory(0)
	bt, err := a.newBencher(ctx, b)
	if err != nil {
		return err
	}
	defer bt.floor.drop(context.WithoutCancel(ctx))
	report := benchReport{Version: version, CPUs: runtime.NumCPU(), Workers: b.workers, Medians: map[string]float64{}, Speedups: map[string]float64{}}
	if report.Server, err = bt.settings(ctx); err != nil {
		return err
	}
	table := a.output == "table"
	if table {
		bt.printSettings(a.stdout, report.Server)
	}
	dir, err := os.MkdirTemp("", "sluice-load-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	loads, err := b.loads(ctx, dir)
	if err != nil {
		return fmt.Errorf("documents to measure with: %w", err)
	}
	for _, l := range loads {
		var ratios, speedups []float64
		for r := 1; r <= b.rounds; r++ {
			res, err := bt.round(ctx, l, r)
			if err != nil {
				return fmt.Errorf("%s, round %d: %w", l.name, r, err)
			}
			ratios, speedups = append(ratios, res.Ratio), append(speedups, res.DupSpeedup)
			report.Rounds = append(report.Rounds, res)
			if table {
				res.print(a.stdout)
			}
		}
		report.Medians[l.name], report.Speedups[l.name] = median(ratios), median(speedups)
		if table {
			fmt.Fprintf(a.stdout, "%s: median ratio to a bare COPY %.2f, duplicates %.0f times as fast as the first import\n\n", l.name, median(ratios), median(speedups))
		}
	}
	if b.json != "" {
		text, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(b.json, append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	if !table {
		return printJSON(a.stdout, report)
	}
	return nil
}

func median(list []float64) float64 {
	s := slices.Sorted(slices.Values(list))
	return s[len(s)/2]
}

// bencher is what the phases share.
type bencher struct {
	a       *app
	b       bench
	conn    *pgx.Conn // for figures of the server
	floor   *floor
	pool    *pgxpool.Pool
	pipe    *ingest.Pipeline
	worker  *projections.Worker
	tenants *benchTenants
	counts  ingest.Counts
}

func (a *app) newBencher(ctx context.Context, b bench) (*bencher, error) {
	if err := a.connect(ctx); err != nil {
		return nil, err
	}
	bt := &bencher{a: a, b: b, tenants: &benchTenants{a: a}}
	var err error
	if bt.conn, err = a.dial(ctx); err != nil {
		return nil, err
	}
	if bt.floor, err = newFloor(ctx, a.url, b.workers); err != nil {
		return nil, err
	}
	pool, err := a.pool(ctx, pg.Ingest, ingest.PoolConfig(int32(b.workers)+2))
	if err != nil {
		return nil, err
	}
	bt.pool = pool
	bt.pipe, err = ingest.New(pool, ingest.Config{Formats: formats(), Volatile: volatile(), Logger: a.log, OnReceipts: func(r []ingest.Receipt) { bt.counts.Add(r...) }})
	if err != nil {
		return nil, err
	}
	if bt.worker, err = a.worker(ctx, 1); err != nil {
		return nil, err
	}
	return bt, nil
}

// round measures one load once: floor, import, duplicates, projection.
func (bt *bencher) round(ctx context.Context, l load, n int) (round, error) {
	r := round{Load: l.name, Round: n}
	tenant, err := bt.tenants.next(ctx)
	if err != nil {
		return r, err
	}
	if r.Floor, err = bt.measure(ctx, func() (int64, int64, error) { return bt.floor.run(ctx, l, tenant) }); err != nil {
		return r, fmt.Errorf("floor: %w", err)
	}
	importOnce := func() (int64, int64, error) {
		bt.counts = ingest.Counts{}
		src, err := files.Open(ctx, files.Config{Tenant: tenant, Paths: []string{l.dir}, Limits: normalize.DefaultLimits, Parallel: bt.b.workers})
		if err != nil {
			return 0, 0, err
		}
		defer src.Close()
		if err := bt.pipe.Run(ctx, src); err != nil {
			return 0, 0, err
		}
		// What the import leaves behind in bulk is part of its price.
		if bt.counts.Accepted > 0 {
			if err := ingest.MergeSearchIndex(ctx, bt.pool); err != nil {
				return 0, 0, err
			}
		}
		return bt.counts.Documents, bt.counts.Bytes, nil
	}
	if r.Import, err = bt.measure(ctx, importOnce); err != nil {
		return r, fmt.Errorf("import: %w", err)
	}
	if bt.counts.Accepted == 0 || bt.counts.Parked > 0 {
		return r, fmt.Errorf("import: %d accepted, %d parked: this measures nothing", bt.counts.Accepted, bt.counts.Parked)
	}
	if r.Duplicates, err = bt.measure(ctx, importOnce); err != nil {
		return r, fmt.Errorf("duplicates: %w", err)
	}
	if bt.counts.Duplicate != bt.counts.Documents {
		return r, fmt.Errorf("duplicates: %d of %d were none", bt.counts.Documents-bt.counts.Duplicate, bt.counts.Documents)
	}
	if r.Projection, err = bt.measure(ctx, func() (int64, int64, error) { return bt.counts.Documents, 0, bt.worker.Drain(ctx, tenant) }); err != nil {
		return r, fmt.Errorf("projection: %w", err)
	}
	err = pg.Tenant(ctx, bt.pool, tenant, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `select count(*) from ingest.sbom_component where tenant_id = $1`, tenant).Scan(&r.Projection.Rows)
	})
	if err != nil {
		return r, err
	}
	r.Projection.RowsPerS = float64(r.Projection.Rows) / r.Projection.Seconds
	r.Ratio = r.Import.DocsPerS / r.Floor.DocsPerS
	r.DupSpeedup = r.Duplicates.DocsPerS / r.Import.DocsPerS
	return r, nil
}

// measure times fn, with the server's WAL and this process's peak memory.
func (bt *bencher) measure(ctx context.Context, fn func() (documents, bytes int64, err error)) (figures, error) {
	runtime.GC()
	resetPeak()
	before, err := bt.wal(ctx)
	if err != nil {
		return figures{}, err
	}
	start := time.Now()
	documents, bytes, err := fn()
	took := time.Since(start).Seconds()
	if err != nil {
		return figures{}, err
	}
	after, err := bt.wal(ctx)
	return figures{
		Documents: documents, Bytes: bytes, Seconds: took, DocsPerS: float64(documents) / took, MBPerS: float64(bytes) / 1e6 / took,
		WAL: after - before, PeakRSS: peakRSS(),
	}, err
}

func (bt *bencher) wal(ctx context.Context) (n int64, err error) {
	err = bt.conn.QueryRow(ctx, `select (pg_current_wal_insert_lsn() - '0/0')::bigint`).Scan(&n)
	return n, err
}

var benchSettings = []string{
	"server_version", "shared_buffers", "max_wal_size", "wal_compression", "synchronous_commit", "fsync", "full_page_writes",
	"default_toast_compression", "work_mem", "maintenance_work_mem", "checkpoint_timeout", "gin_pending_list_limit", "autovacuum", "jit",
}

func (bt *bencher) settings(ctx context.Context) (map[string]string, error) {
	out := map[string]string{}
	for _, name := range benchSettings {
		var v string
		if err := bt.conn.QueryRow(ctx, `select current_setting($1)`, name).Scan(&v); err != nil {
			return nil, err
		}
		out[name] = v
	}
	return out, nil
}

func (bt *bencher) printSettings(w io.Writer, s map[string]string) {
	fmt.Fprintf(w, "one server for both, %d connections each, %d CPUs:", bt.b.workers, runtime.NumCPU())
	for _, name := range benchSettings {
		fmt.Fprintf(w, " %s=%s", name, s[name])
	}
	fmt.Fprint(w, "\n\n")
}

func (r round) print(w io.Writer) {
	fmt.Fprintf(w, "%s, round %d\n", r.Load, r.Round)
	line := func(name string, f figures) {
		fmt.Fprintf(w, "  %-22s %8.1f documents/s %8.1f MB/s %8.1f MB WAL %6.0f MB peak", name, f.DocsPerS, f.MBPerS, float64(f.WAL)/1e6, float64(f.PeakRSS)/1e6)
		if f.Rows > 0 {
			fmt.Fprintf(w, " %9.0f component rows/s", f.RowsPerS)
		}
		fmt.Fprintln(w)
	}
	line("bare COPY (floor)", r.Floor)
	line("import, everything", r.Import)
	line("the same again", r.Duplicates)
	line("projection", r.Projection)
	fmt.Fprintf(w, "  ratio import to floor %.2f, duplicates to import %.0f\n", r.Ratio, r.DupSpeedup)
}

// benchTenants makes a new tenant per round: the same documents are new to it.
type benchTenants struct {
	a *app
	n int
}

func (t *benchTenants) next(ctx context.Context) (id.ID, error) {
	pool, err := t.a.pool(ctx, pg.Maintainer, pg.Config{MaxConns: 1})
	if err != nil {
		return id.ID{}, err
	}
	t.n++
	tenant, made, err := tenants.Create(ctx, pool, fmt.Sprintf("bench-%d-%d", time.Now().UnixNano(), t.n))
	if err == nil && !made {
		err = errors.New("the tenant of this round is there already")
	}
	return tenant, err
}
