package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/bench"
	"sluice/serve"
)

func newBench(a *app) *cobra.Command {
	b := bench.FilesConfig{Ingest: importer(), Version: version}
	var file string
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
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.benchFiles(cmd.Context(), b, file) },
	}
	f := cmd.Flags()
	f.IntVar(&b.Documents, "documents", 400, "generated SBOMs per round")
	f.IntVar(&b.Components, "components", 200, "components of each")
	f.IntVar(&b.Rounds, "rounds", 3, "rounds of floor and import, in turn")
	f.IntVar(&b.Workers, "workers", max(2, runtime.NumCPU()), "connections that write, for both")
	f.StringVar(&b.Corpora, "corpora", "", "folder with load/real-sboms.tar.zst; default ../shared/corpora (env SLUICE_CORPORA)")
	f.StringVar(&b.Load, "load", "", "only these documents: generated or real")
	f.StringVar(&b.Profile, "cpuprofile", "", "write a profile of this process's processor time to this file, for go tool pprof -tagfocus phase=import")
	f.StringVar(&file, "json", "", "write the figures to this file as well")
	cmd.AddCommand(newBenchKafka(a))
	return cmd
}

// benchDatabase is the database to measure on: --database-url, or an embedded one of its own that
// done removes.
func (a *app) benchDatabase() (db *serve.Database, done func(), err error) {
	if a.databaseURL != "" {
		return a.db, func() {}, nil
	}
	dir, err := os.MkdirTemp("", "sluice-bench-")
	if err != nil {
		return nil, nil, err
	}
	db = serve.NewDatabase(serve.DatabaseConfig{Home: dir, Formats: formats(), Logger: a.log})
	return db, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := db.Remove(ctx); err != nil {
			a.log.Warn("the server of the measurement is left behind", "folder", dir, "error", err)
		}
		_ = os.RemoveAll(dir)
	}, nil
}

func (a *app) benchFiles(ctx context.Context, b bench.FilesConfig, file string) (err error) {
	if err := b.Check(); err != nil {
		return err
	}
	var done func()
	if b.Database, done, err = a.benchDatabase(); err != nil {
		return err
	}
	defer done()
	if a.output == "table" {
		b.OnSettings = func(s map[string]string) {
			fmt.Fprintf(a.stdout, "one server for both, %d connections each, %d CPUs:", b.Workers, runtime.NumCPU())
			printSettings(a.stdout, s)
			fmt.Fprint(a.stdout, "\n\n")
		}
		b.OnRound = func(r bench.Round) { printRound(a.stdout, r) }
		b.OnLoad = func(l bench.Load) { printLoad(a.stdout, l) }
	}
	report, err := bench.Files(ctx, b)
	if err != nil {
		return err
	}
	return a.printBench(report, file)
}

// printBench writes the figures to the file, if one is named, and prints them unless they were.
func (a *app) printBench(report any, file string) error {
	if file != "" {
		text, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	if a.output != "table" {
		return printJSON(a.stdout, report)
	}
	return nil
}

func printSettings(w io.Writer, s map[string]string) {
	for _, name := range bench.Settings {
		fmt.Fprintf(w, " %s=%s", name, s[name])
	}
}

func printRound(w io.Writer, r bench.Round) {
	fmt.Fprintf(w, "%s, round %d\n", r.Load, r.Round)
	line := func(name string, f bench.Figures) {
		fmt.Fprintf(w, "  %-22s %8.1f documents/s %8.1f MB/s %8.1f MB WAL %6.0f MB peak", name, f.DocsPerS, f.MBPerS, float64(f.WAL)/1e6, float64(f.PeakRSS)/1e6)
		fmt.Fprintf(w, "  processor: %5.2f s", f.OwnTime)
		if f.ServerTime > 0 {
			fmt.Fprintf(w, ", server %5.2f s", f.ServerTime)
		}
		if f.Rows > 0 {
			fmt.Fprintf(w, " %9.0f component rows/s", f.RowsPerS)
		}
		fmt.Fprintln(w)
	}
	if r.Sum.Documents > 0 {
		fmt.Fprintf(w, "  %-22s %8.1f documents/s %8.1f MB/s\n", "sha256sum", r.Sum.DocsPerS, r.Sum.MBPerS)
	}
	line("bare COPY (floor)", r.Floor)
	line("import, everything", r.Import)
	line("the same again", r.Duplicates)
	line("projection", r.Projection)
	fmt.Fprintf(w, "  ratio import to floor %.2f, by processor time %.2f; duplicates to import %.0f, to sha256sum %.1f\n", r.Ratio, r.TimeRatio, r.DupSpeedup, r.DupToSum)
}

func printLoad(w io.Writer, l bench.Load) {
	line := func(name, format string, s bench.Span) {
		if s.Most > 0 { // else it could not be measured here
			fmt.Fprintf(w, "  %-44s "+format+" ("+format+" to "+format+")\n", name, s.Median, s.Least, s.Most)
		}
	}
	fmt.Fprintf(w, "%s, median (least to most):\n", l.Name)
	line("import to bare COPY", "%.2f", l.Ratio)
	line("import to bare COPY, by processor time", "%.2f", l.TimeRatio)
	line("duplicates to first import", "%.0f", l.DupSpeedup)
	line("duplicates to sha256sum by one process", "%.1f", l.DupToSum)
	fmt.Fprintf(w, "  %-44s %.0f MB\n\n", "most memory of the importer", float64(l.PeakRSS)/1e6)
}
