package projections

import (
	"context"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

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

var testFormats = []normalize.Format{
	cyclonedx.JSON{},
	cyclonedx.XML{},
	cyclonedx.Protobuf{},
	cyclonedx.TextProto{},
	spdx.JSON{},
	spdx.TagValue{},
	spdx.YAML{},
	spdx.XML{},
	spdx.RDF{},
	spdx.XLSX{},
	spdx.JSONLD{},
	openvex.Format{},
	csaf.Format{},
	osv.JSON{},
	osv.YAML{},
	cve.JSON{},
	nvd.JSON{},
	rubysec.YAML{},
	govuln.YAML{},
	kev.JSON{},
	kev.CSV{},
	epss.CSV{},
}

// world is a database with what it takes to import into it and to project.
type world struct {
	db        *dbtest.DB
	admin     *pgx.Conn // sees everything; one user at a time
	mu        sync.Mutex
	importer  *ingest.Pipeline // of tenants
	feed      *ingest.Pipeline // of the shared feed
	ingesting *pgxpool.Pool
	projector *pgxpool.Pool
}

func newWorld(t testing.TB) *world {
	t.Helper()
	db := dbtest.New(t)
	w := &world{db: db, admin: db.Admin(t)}
	pipeline := func(role pg.Role, conns int32) (*ingest.Pipeline, *pgxpool.Pool) {
		pool := db.Pool(t, role, ingest.PoolConfig(conns))
		p, err := ingest.New(pool, ingest.Config{Formats: testFormats, BatchWait: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		return p, pool
	}
	w.importer, w.ingesting = pipeline(pg.Ingest, 3)
	w.feed, _ = pipeline(pg.Feed, 2)
	w.projector = db.Pool(t, pg.Projector, PoolConfig(8))
	return w
}

// source hands over envelopes from memory.
type source struct {
	list     []ingest.Envelope
	parallel int
}

func (s *source) Next(context.Context) (ingest.Envelope, error) {
	if len(s.list) == 0 {
		return ingest.Envelope{}, io.EOF
	}
	e := s.list[0]
	s.list = s.list[1:]
	e.Bytes = slices.Clone(e.Bytes) // the pipeline owns them
	return e, nil
}

func (s *source) Advance(context.Context, pgx.Tx, []ingest.Envelope) error { return nil }
func (s *source) Committed([]ingest.Envelope)                              {}
func (s *source) Parallel() int                                            { return max(1, s.parallel) }

// load imports documents; those of the shared tenant as the feed.
func (w *world) load(t testing.TB, envelopes ...ingest.Envelope) {
	t.Helper()
	var shared, own []ingest.Envelope
	for _, e := range envelopes {
		if e.ScanRun == 0 {
			e.ScanRun = 1
		}
		if e.Tenant == id.Shared {
			shared = append(shared, e)
		} else {
			own = append(own, e)
		}
	}
	if len(shared) > 0 {
		if err := w.feed.Run(t.Context(), &source{list: shared}); err != nil {
			t.Fatalf("import: %v", err)
		}
	}
	if len(own) > 0 {
		if err := w.importer.Run(t.Context(), &source{list: own}); err != nil {
			t.Fatalf("import: %v", err)
		}
	}
}

// noneParked fails the test if a document was parked.
func (w *world) noneParked(t testing.TB) {
	t.Helper()
	for _, s := range query[string](t, w, `select origin || ': ' || reason || ' ' || pointer || ' ' || message from ingest.parked`) {
		t.Fatalf("parked: %s", s)
	}
}

// worker makes a Worker; change may tune it.
func (w *world) worker(change ...func(*Config)) *Worker {
	cfg := Config{Lease: 5 * time.Second, Reread: func(ctx context.Context, tx pgx.Tx, tenant id.ID, documents []id.ID) (Remade, error) {
		m, err := ingest.Reread(ctx, tx, tenant, documents, ingest.Config{Formats: testFormats})
		made := Remade{Packages: m.Packages, Records: m.Records, Names: m.Names}
		for _, s := range m.Streams {
			made.Streams = append(made.Streams, Stream(s))
		}
		return made, err
	}}
	for _, f := range change {
		f(&cfg)
	}
	return New(w.projector, cfg)
}

// drain projects until nothing is left.
func (w *world) drain(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := w.worker().Drain(ctx); err != nil {
		t.Fatalf("drain: %v", err)
	}
}

// query reads one column of the whole database.
func query[T any](t testing.TB, w *world, sql string, args ...any) []T {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	rows, err := w.admin.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func (w *world) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.admin.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// decide records a decision as `sluice vex decide` does.
func (w *world) decide(t testing.TB, d decided) {
	t.Helper()
	w.exec(t, `insert into vex.vex_decision (id, tenant_id, package_id, vuln_id, status, rationale, decided_at) values ($1, $2, $3, $4, $5, 'because', $6)
		on conflict (tenant_id, package_id, vuln_id) do update set status = excluded.status, decided_at = excluded.decided_at`,
		d.id(), d.tenant, id.Derive(d.tenant, "package", d.pkg), d.vuln, d.status, d.at)
	w.exec(t, `insert into core.job_queue (tenant_id, kind, payload) values ($1, 'decision', jsonb_build_object('vuln', $2::text))`, d.tenant, d.vuln)
}

// withdraw takes a decision back as `sluice vex withdraw` does.
func (w *world) withdraw(t testing.TB, d decided) {
	t.Helper()
	w.exec(t, `update vex.vex_decision set status = null, decided_at = now() where tenant_id = $1 and id = $2`, d.tenant, d.id())
	w.exec(t, `insert into core.job_queue (tenant_id, kind, payload) values ($1, 'decision', jsonb_build_object('vuln', $2::text))`, d.tenant, d.vuln)
}

// decided is a tenant's decision.
type decided struct {
	tenant       id.ID
	pkg          string // canonical purl
	vuln, status string
	at           time.Time
	withdrawn    bool // after it was made
}

func (d decided) id() id.ID { return id.Derive(d.tenant, "decision", d.pkg, d.vuln) }
