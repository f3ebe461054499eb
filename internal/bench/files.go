package bench

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"sluice/ingest"
	"sluice/internal/ask"
	"sluice/serve"
)

// FilesConfig says what to import and how often.
type FilesConfig struct {
	// Database is where; schema sluice_bench and tenants named bench-... are made there. Required.
	Database *serve.Database
	// Ingest has the formats. Required.
	Ingest ingest.Config
	// Documents is how many SBOMs are generated, Components how many components each has.
	Documents, Components int
	// Rounds is how often floor and import take turns: the median counts.
	Rounds int
	// Workers is how many connections write, for both.
	Workers int
	// Load is one of the loads, Generated or Real; "": all there are.
	Load string
	// Profile, if set, is the file for a profile of this process's processor time.
	Profile string
	// Corpora is the folder with load/real-sboms.tar.zst; without the file the generated SBOMs
	// must do. Default ../shared/corpora.
	Corpora string
	// Version of the program, for the report.
	Version string
	// OnSettings, OnRound and OnLoad, if set, are told what is known so far.
	OnSettings func(map[string]string)
	OnRound    func(Round)
	OnLoad     func(Load)
}

// Check returns an *ask.WrongError where there is nothing to measure.
func (c FilesConfig) Check() error {
	if c.Documents < 1 || c.Components < 1 || c.Rounds < 1 || c.Workers < 1 {
		return ask.Wrong("", "--documents, --components, --rounds and --workers are at least 1")
	}
	if c.Load != "" && c.Load != Generated && c.Load != Real {
		return ask.Wrong("load", "%q: it is %s or %s", c.Load, Generated, Real)
	}
	return nil
}

// Files imports the same documents by a bare COPY and by Sluice, in turn.
func Files(ctx context.Context, cfg FilesConfig) (Report, error) {
	report := Report{Version: cfg.Version, CPUs: runtime.NumCPU(), Workers: cfg.Workers, Medians: map[string]float64{}, Speedups: map[string]float64{}}
	if err := cfg.Check(); err != nil {
		return report, err
	}
	serve.LimitMemory(serve.ImportMemory, 0)
	bt, err := newBencher(ctx, cfg)
	if err != nil {
		return report, err
	}
	defer bt.close(context.WithoutCancel(ctx))
	if report.Server, err = settings(ctx, bt.conn); err != nil {
		return report, err
	}
	if cfg.OnSettings != nil {
		cfg.OnSettings(report.Server)
	}
	dir, err := os.MkdirTemp("", "sluice-load-")
	if err != nil {
		return report, err
	}
	defer os.RemoveAll(dir)
	loads, err := cfg.loads(ctx, dir)
	if err != nil {
		return report, fmt.Errorf("documents to measure with: %w", err)
	}
	if cfg.Profile != "" {
		stop, err := profile(cfg.Profile)
		if err != nil {
			return report, err
		}
		defer stop()
	}
	for _, l := range loads {
		var rounds []Round
		for r := 1; r <= cfg.Rounds; r++ {
			res, err := bt.round(ctx, l, r)
			if err != nil {
				return report, fmt.Errorf("%s, round %d: %w", l.name, r, err)
			}
			rounds = append(rounds, res)
			report.Rounds = append(report.Rounds, res)
			if cfg.OnRound != nil {
				cfg.OnRound(res)
			}
		}
		sum := summary(l.name, rounds)
		report.Loads = append(report.Loads, sum)
		report.Medians[l.name], report.Speedups[l.name] = sum.Ratio.Median, sum.DupSpeedup.Median
		if cfg.OnLoad != nil {
			cfg.OnLoad(sum)
		}
	}
	return report, nil
}

// Figures are those of one phase.
type Figures struct {
	Documents int64   `json:"documents"`
	Bytes     int64   `json:"bytes"`
	Seconds   float64 `json:"seconds"`
	DocsPerS  float64 `json:"documents_per_second"`
	MBPerS    float64 `json:"mb_per_second"`
	WAL       int64   `json:"wal_bytes"`
	PeakRSS   int64   `json:"peak_rss_bytes"`
	// Processor time in seconds: of this process, and of the server where it is on this machine.
	OwnTime    float64 `json:"own_cpu_seconds"`
	ServerTime float64 `json:"server_cpu_seconds,omitempty"`
	Rows       int64   `json:"rows,omitempty"`
	RowsPerS   float64 `json:"rows_per_second,omitempty"`
}

// Round is one turn of everything over one load.
type Round struct {
	Load       string  `json:"load"`
	Round      int     `json:"round"`
	Sum        Figures `json:"sha256sum"`
	Floor      Figures `json:"floor"`
	Import     Figures `json:"import"`
	Duplicates Figures `json:"duplicates"`
	Projection Figures `json:"projection"`
	Ratio      float64 `json:"ratio"`
	// TimeRatio is Ratio by the processor time of both sides, which other work disturbs less.
	TimeRatio  float64 `json:"cpu_ratio,omitempty"`
	DupSpeedup float64 `json:"duplicates_speedup"`
	DupToSum   float64 `json:"duplicates_to_sha256sum,omitempty"`
}

// Report is what was measured.
type Report struct {
	Version  string             `json:"version"`
	CPUs     int                `json:"cpus"`
	Workers  int                `json:"workers"`
	Server   map[string]string  `json:"server_settings"`
	Rounds   []Round            `json:"rounds"`
	Loads    []Load             `json:"loads"`
	Medians  map[string]float64 `json:"median_ratio_by_load"`
	Speedups map[string]float64 `json:"median_duplicates_speedup_by_load"`
}
