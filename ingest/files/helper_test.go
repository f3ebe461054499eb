package files_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/ingest"
	"sluice/ingest/files"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
	"sluice/normalize"
	"sluice/normalize/csaf"
	"sluice/normalize/cyclonedx"
	"sluice/normalize/epss"
	"sluice/normalize/kev"
	"sluice/normalize/openvex"
	"sluice/normalize/osv"
	"sluice/normalize/spdx"
)

// envWalk makes the test binary walk the folder that it names and print what it finds.
const envWalk = "FILES_TEST_WALK"

func TestMain(m *testing.M) {
	if dir := os.Getenv(envWalk); dir != "" {
		os.Exit(walkMain(dir))
	}
	dbtest.Main(m)
}

// found is an envelope as walkMain prints it.
type found struct {
	Origin, Reason, Message, Content string
}

func walkMain(dir string) int {
	src, err := files.Open(context.Background(), files.Config{Paths: []string{dir}})
	if err != nil {
		return 1
	}
	defer src.Close()
	for {
		env, err := src.Next(context.Background())
		if err == io.EOF {
			return 0
		}
		if err != nil {
			return 1
		}
		f := found{Origin: env.Origin, Content: string(env.Bytes)}
		if env.Err != nil {
			f.Reason, f.Message = env.Err.Reason, env.Err.Err.Error()
		}
		if json.NewEncoder(os.Stdout).Encode(f) != nil {
			return 1
		}
	}
}

// walk returns what a folder holds, as Next hands it over.
func walk(t *testing.T, cfg files.Config) []found {
	t.Helper()
	src, err := files.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var list []found
	for {
		env, err := src.Next(t.Context())
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		f := found{Origin: env.Origin, Content: string(env.Bytes)}
		if env.Err != nil {
			f.Reason, f.Message = env.Err.Reason, env.Err.Err.Error()
		}
		list = append(list, f)
	}
}

// harness imports files into a database of its own.
type harness struct {
	db     *dbtest.DB
	pool   *pgxpool.Pool
	tenant id.ID

	batch int // documents per batch

	mu       sync.Mutex
	receipts []ingest.Receipt
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	db := dbtest.New(t)
	return &harness{batch: 10, db: db, pool: db.Pool(t, pg.Ingest, ingest.PoolConfig(6)), tenant: db.Tenant(t, "acme")}
}

// run imports paths as one scan run that ends well.
func (h *harness) run(t *testing.T, limits normalize.Limits, paths ...string) ingest.Counts {
	t.Helper()
	run, err := ingest.StartRun(t.Context(), h.pool, h.tenant, "file", paths)
	if err != nil {
		t.Fatal(err)
	}
	counts, err := h.attempt(t, t.Context(), files.Config{ScanRun: run, Paths: paths, Limits: limits}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := ingest.EndRun(t.Context(), h.pool, h.tenant, run, "done", counts); err != nil {
		t.Fatal(err)
	}
	return counts
}

// attempt is one go at a scan run. wrap, if not nil, changes the source.
func (h *harness) attempt(t *testing.T, ctx context.Context, cfg files.Config, wrap func(ingest.Source) ingest.Source) (ingest.Counts, error) {
	t.Helper()
	var err error
	cfg.Tenant = h.tenant
	if cfg.Checkpoints, err = files.LoadCheckpoints(t.Context(), h.pool, h.tenant, cfg.ScanRun); err != nil {
		t.Fatal(err)
	}
	if cfg.Limits == (normalize.Limits{}) {
		cfg.Limits = normalize.DefaultLimits
	}
	var counts ingest.Counts
	p, err := ingest.New(h.pool, ingest.Config{
		Formats: []normalize.Format{cyclonedx.JSON{}, cyclonedx.XML{}, spdx.JSON{}, openvex.Format{}, csaf.Format{}, osv.JSON{}, osv.YAML{}, kev.JSON{}, kev.CSV{}, epss.CSV{}},
		Limits:  cfg.Limits, BatchDocuments: h.batch,
		OnReceipts: func(list []ingest.Receipt) {
			counts.Add(list...)
			h.mu.Lock()
			h.receipts = append(h.receipts, list...)
			h.mu.Unlock()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	src, err := files.Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var source ingest.Source = src
	if wrap != nil {
		source = wrap(src)
	}
	err = p.Run(ctx, source)
	return counts, err
}

func (h *harness) receipt(t *testing.T, origin string) ingest.Receipt {
	t.Helper()
	for _, r := range slices.Backward(h.receipts) {
		if r.Origin == origin {
			return r
		}
	}
	t.Errorf("there is no receipt for %s", origin)
	return ingest.Receipt{}
}

func (h *harness) count(t *testing.T, sql string, args ...any) int64 {
	t.Helper()
	conn := h.db.Admin(t)
	defer conn.Close(context.Background())
	var n int64
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

func reader(s string) io.Reader { return bytes.NewReader([]byte(s)) }
