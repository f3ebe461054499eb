package maintenance

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
	"sluice/normalize"
	"sluice/normalize/cyclonedx"
	"sluice/normalize/openvex"
	"sluice/normalize/osv"
	"sluice/projections"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

type object = map[string]any

// world is a database with what it takes to import, to project and to maintain.
type world struct {
	*testing.T
	db        *dbtest.DB
	admin     *pgx.Conn
	pool      *pgxpool.Pool // the maintainer's
	importer  *ingest.Pipeline
	feed      *ingest.Pipeline
	projector *projections.Worker
	tenant    id.ID
}

// testTenant is the same in every database: derived ids can be compared.
var testTenant = id.Derive(id.Shared, "tenant", "acme")

func newWorld(t *testing.T) *world {
	t.Helper()
	db := dbtest.New(t)
	w := &world{T: t, db: db, admin: db.Admin(t), pool: db.Pool(t, pg.Maintainer, PoolConfig()), tenant: testTenant}
	pipeline := func(role pg.Role) *ingest.Pipeline {
		p, err := ingest.New(db.Pool(t, role, ingest.PoolConfig(3)), ingest.Config{
			Formats: []normalize.Format{cyclonedx.JSON{}, openvex.Format{}, osv.JSON{}}, BatchWait: time.Millisecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	w.importer, w.feed = pipeline(pg.Ingest), pipeline(pg.Feed)
	w.projector = projections.New(db.Pool(t, pg.Projector, projections.PoolConfig(3)), projections.Config{})
	w.exec(`insert into authority.tenant (tenant_id, name) values ($1, 'acme')`, w.tenant)
	return w
}

func (w *world) exec(sql string, args ...any) {
	w.Helper()
	if _, err := w.admin.Exec(context.Background(), sql, args...); err != nil {
		w.Fatalf("%s: %v", sql, err)
	}
}

// one asks as the superuser, whom row security does not bind.
func one[T any](w *world, sql string, args ...any) T {
	w.Helper()
	list := list[T](w, sql, args...)
	if len(list) != 1 {
		w.Fatalf("%s: %d rows", sql, len(list))
	}
	return list[0]
}

func list[T any](w *world, sql string, args ...any) []T {
	w.Helper()
	rows, err := w.admin.Query(context.Background(), sql, args...)
	if err != nil {
		w.Fatalf("%s: %v", sql, err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		w.Fatalf("%s: %v", sql, err)
	}
	return out
}

// source hands over envelopes from memory.
type source struct{ list []ingest.Envelope }

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
func (s *source) Parallel() int                                            { return 1 }

// doc is a document of the tenant.
func (w *world) doc(origin string, content any) ingest.Envelope {
	w.Helper()
	b, err := json.Marshal(content)
	if err != nil {
		w.Fatal(err)
	}
	return ingest.Envelope{Tenant: w.tenant, Origin: origin, Bytes: b, ScanRun: 1}
}

// load imports documents and fails the test where one is parked.
func (w *world) load(envelopes ...ingest.Envelope) {
	w.Helper()
	var shared, own []ingest.Envelope
	for _, e := range envelopes {
		if e.Tenant == id.Shared {
			shared = append(shared, e)
		} else {
			own = append(own, e)
		}
	}
	if err := w.feed.Run(w.Context(), &source{shared}); err != nil {
		w.Fatalf("import: %v", err)
	}
	if err := w.importer.Run(w.Context(), &source{own}); err != nil {
		w.Fatalf("import: %v", err)
	}
	for _, s := range list[string](w, `select origin || ': ' || reason || ' ' || message from ingest.parked where origin not like 'parked%'`) {
		w.Fatalf("parked: %s", s)
	}
}

func (w *world) drain() {
	w.Helper()
	if err := w.projector.Drain(w.Context()); err != nil {
		w.Fatalf("project: %v", err)
	}
}

// policy sets the tenant's settings.
func (w *world) policy(settings string) {
	w.Helper()
	w.exec(`update authority.tenant set settings = $2::text::jsonb where tenant_id = $1`, w.tenant, settings)
}

// age makes documents as old as days: those whose origin begins like that.
func (w *world) age(days int, origin string) {
	w.Helper()
	w.exec(`update ingest.original set received_at = now() - make_interval(days => $1) where origin like $2 || '%'`, days, origin)
	w.exec(`update ingest.document_alias set created_at = now() - make_interval(days => $1) where origin like $2 || '%'`, days, origin)
}

// run runs a task and expects no error.
func (w *world) run(t Task, dryRun bool) Outcome {
	w.Helper()
	out, err := Once(w.Context(), w.pool, t, dryRun)
	if err != nil || out.Elsewhere {
		w.Fatalf("%s: %+v, %v", t.Name, out, err)
	}
	return out
}

// twice runs a task dry and then wet, and expects both to tell the same.
func (w *world) twice(t Task) Outcome {
	w.Helper()
	before := w.fingerprint()
	dry := w.run(t, true)
	if after := w.fingerprint(); after != before {
		w.Errorf("%s: a dry run changed something", t.Name)
	}
	wet := w.run(t, false)
	if dry.Rows != wet.Rows || dry.Bytes != wet.Bytes {
		w.Errorf("%s: dry run %+v, run %+v", t.Name, dry, wet)
	}
	return wet
}

// fingerprint is everything that tasks may change.
func (w *world) fingerprint() string {
	w.Helper()
	var out []string
	for _, table := range []string{
		"ingest.original", "ingest.sbom_document", "ingest.document_alias", "ingest.sbom_inventory", "ingest.parked", "ingest.file_checkpoint", "ingest.scan_run",
		"vex.vex_document", "vex.vex_statement", "vex.vuln_fact", "vex.vuln_affected", "vex.vuln_alias", "core.outbox", "core.job_queue", "core.maintenance", "authority.audit_log",
	} {
		out = append(out, one[string](w, `select '`+table+` ' || count(*) || ' ' || coalesce(md5(string_agg(x::text, '|' order by x::text)), '') from `+table+` x`))
	}
	return strings.Join(out, "\n")
}

// sbom is a CycloneDX SBOM of an artifact at a day of January 2026.
func sbom(artifact, serial string, day int, purls ...string) object {
	components := []any{}
	for i, p := range purls {
		components = append(components, object{"type": "library", "name": "c", "bom-ref": fmt.Sprintf("ref%d", i), "purl": p})
	}
	doc := object{
		"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": components,
		"metadata": object{"timestamp": stamp(day), "component": object{"type": "application", "name": "app", "version": "1", "purl": artifact, "bom-ref": "main"}},
	}
	if serial != "" {
		doc["serialNumber"] = "urn:uuid:" + serial
	}
	return doc
}

func stamp(day int) string {
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, day).Format(time.RFC3339)
}

// record is an OSV record about an npm package below a version.
func record(name, pkg, fixed string, day int, aliases ...string) object {
	return object{
		"id": name, "modified": stamp(day), "aliases": aliases,
		"affected": []any{object{"package": object{"ecosystem": "npm", "name": pkg}, "ranges": []any{object{"type": "SEMVER", "events": []any{object{"introduced": "0"}, object{"fixed": fixed}}}}}},
	}
}

// vex is an OpenVEX document with one statement.
func vex(n, day int, vuln, product, status string, aliases ...string) object {
	statement := object{"vulnerability": object{"name": vuln, "aliases": aliases}, "products": []any{object{"@id": product}}, "status": status}
	if status == "not_affected" {
		statement["justification"] = "vulnerable_code_not_present"
	}
	return object{"@context": "https://openvex.dev/ns/v0.2.0", "@id": fmt.Sprintf("https://example.com/vex/%d", n), "author": "a", "timestamp": stamp(day), "version": 1, "statements": []any{statement}}
}
