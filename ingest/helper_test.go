package ingest_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
	"sluice/normalize"
	"sluice/normalize/csaf"
	"sluice/normalize/cve"
	"sluice/normalize/cyclonedx"
	"sluice/normalize/epss"
	"sluice/normalize/govuln"
	"sluice/normalize/kev"
	"sluice/normalize/nvd"
	"sluice/normalize/openvex"
	"sluice/normalize/osv"
	"sluice/normalize/rubysec"
	"sluice/normalize/spdx"
)

// allFormats are those of cmd/sluice.
var allFormats = []normalize.Format{
	cyclonedx.JSON{}, cyclonedx.XML{}, spdx.JSON{}, openvex.Format{}, csaf.Format{}, osv.JSON{}, osv.YAML{}, cve.JSON{}, nvd.JSON{}, rubysec.YAML{}, govuln.YAML{}, kev.JSON{}, kev.CSV{}, epss.CSV{},
}

// harness is a database with a tenant, and what a test wants to know about it.
type harness struct {
	t      *testing.T
	db     *dbtest.DB
	pool   *pgxpool.Pool
	tenant id.ID

	mu       sync.Mutex
	receipts []ingest.Receipt
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	db := dbtest.New(t)
	return &harness{t: t, db: db, pool: db.Pool(t, pg.Ingest, ingest.PoolConfig(8)), tenant: db.Tenant(t, "acme")}
}

// pipeline makes one that keeps its receipts.
func (h *harness) pipeline(cfg ingest.Config) *ingest.Pipeline {
	h.t.Helper()
	return h.pipelineOn(h.pool, cfg)
}

func (h *harness) pipelineOn(pool *pgxpool.Pool, cfg ingest.Config) *ingest.Pipeline {
	h.t.Helper()
	if cfg.Formats == nil {
		cfg.Formats = allFormats
	}
	given := cfg.OnReceipts
	cfg.OnReceipts = func(list []ingest.Receipt) {
		h.mu.Lock()
		h.receipts = append(h.receipts, list...)
		h.mu.Unlock()
		if given != nil {
			given(list)
		}
	}
	p, err := ingest.New(pool, cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

// run carries everything and returns the counts of the receipts, of which there must be
// one per document.
func (h *harness) run(p *ingest.Pipeline, src ingest.Source) ingest.Counts {
	h.t.Helper()
	before := len(h.receipts)
	if err := p.Run(h.t.Context(), src); err != nil {
		h.t.Fatalf("Run: %v", err)
	}
	var c ingest.Counts
	c.Add(h.receipts[before:]...)
	if l, ok := src.(*list); ok && c.Documents != int64(len(l.envelopes)) {
		h.t.Errorf("%d receipts for %d documents", c.Documents, len(l.envelopes))
	}
	return c
}

// list makes a source of documents of the harness's tenant.
func (h *harness) list(documents ...[]byte) *list {
	l := &list{parallel: 1}
	for i, d := range documents {
		l.envelopes = append(l.envelopes, ingest.Envelope{Tenant: h.tenant, Origin: fmt.Sprintf("memory/%d", i), Bytes: d, ScanRun: 1})
	}
	return l
}

// receipt returns the last receipt of an origin.
func (h *harness) receipt(origin string) ingest.Receipt {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range slices.Backward(h.receipts) {
		if r.Origin == origin {
			return r
		}
	}
	h.t.Fatalf("there is no receipt for %s", origin)
	return ingest.Receipt{}
}

// list is a source of envelopes in memory without a position.
type list struct {
	envelopes []ingest.Envelope
	parallel  int
	advance   func(context.Context, pgx.Tx, []ingest.Envelope) error // optional
	next      int
}

func (l *list) Next(ctx context.Context) (ingest.Envelope, error) {
	if err := ctx.Err(); err != nil {
		return ingest.Envelope{}, err
	}
	if l.next == len(l.envelopes) {
		return ingest.Envelope{}, io.EOF
	}
	l.next++
	return l.envelopes[l.next-1], nil
}

func (l *list) Advance(ctx context.Context, tx pgx.Tx, done []ingest.Envelope) error {
	if l.advance != nil {
		return l.advance(ctx, tx, done)
	}
	return nil
}

// again is the same source from its start.
func (l *list) again() *list { return &list{envelopes: l.envelopes, parallel: l.parallel} }

func (l *list) Committed([]ingest.Envelope) {}
func (l *list) Parallel() int               { return l.parallel }

// query asks as the superuser, whom row security does not bind.
func query[T any](h *harness, sql string, args ...any) T {
	h.t.Helper()
	conn := h.db.Admin(h.t)
	defer conn.Close(context.Background())
	var v T
	if err := conn.QueryRow(h.t.Context(), sql, args...).Scan(&v); err != nil {
		h.t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func wantCount(h *harness, want int64, sql string, args ...any) {
	h.t.Helper()
	if got := query[int64](h, sql, args...); got != want {
		h.t.Errorf("%s: %d, want %d", sql, got, want)
	}
}

// sbom makes a small CycloneDX document.
func sbom(name, serial, at string, purls ...string) []byte {
	b := fmt.Appendf(nil, `{"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": "urn:uuid:%s", "version": 1,
 "metadata": {"timestamp": %q, "component": {"type": "container", "bom-ref": "main", "name": %q, "purl": "pkg:oci/%s"}},
 "components": [`, serial, at, name, name)
	for i, p := range purls {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"type": "library", "bom-ref": "%d", "name": "c%d", "purl": %q}`, i, i, p)
	}
	return append(b, "]}"...)
}

func serial(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", i) }
