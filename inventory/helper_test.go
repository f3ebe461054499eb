package inventory_test

import (
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/ingest"
	"sluice/ingest/files"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
	"sluice/inventory"
	"sluice/normalize"
	"sluice/normalize/csaf"
	"sluice/normalize/cyclonedx"
	"sluice/normalize/openvex"
	"sluice/normalize/osv"
	"sluice/projections"
)

const (
	sbom = `{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"timestamp": "2026-01-01T00:00:00Z",
  "component": {"type": "application", "bom-ref": "app", "name": "app", "version": "1", "purl": "pkg:oci/app@1"}},
 "components": [{"type": "library", "name": "left", "version": "1.0.0", "purl": "pkg:npm/left@1.0.0"},
  {"type": "library", "name": "right", "version": "2.0.0", "purl": "pkg:npm/right@2.0.0"},
  {"type": "library", "name": "nameless", "version": "3"}]}`
	again = `{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"timestamp": "2026-01-02T00:00:00Z",
  "component": {"type": "application", "bom-ref": "app", "name": "app", "version": "1", "purl": "pkg:oci/app@1"}},
 "components": [{"type": "library", "name": "left", "version": "1.0.0", "purl": "pkg:npm/left@1.0.0"},
  {"type": "library", "name": "right", "version": "2.0.0", "purl": "pkg:npm/right@2.0.0"},
  {"type": "library", "name": "nameless", "version": "3"}]}`
	fact = `{"id": "GHSA-left", "modified": "2026-01-01T00:00:00Z", "aliases": ["CVE-2026-1"],
 "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
 "affected": [{"package": {"ecosystem": "npm", "name": "left"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.0.1"}]}]}]}`
	vex = `{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "urn:one", "author": "acme", "timestamp": "2026-01-03T00:00:00Z", "version": 1,
 "statements": [{"vulnerability": {"name": "CVE-2026-1"}, "products": [{"@id": "pkg:npm/left@1.0.0"}], "status": "not_affected", "justification": "vulnerable_code_not_present"}]}`
)

// world is a database with two tenants, and the inventory of it.
type world struct {
	t           testing.TB
	db          *dbtest.DB
	inv         *inventory.Inventory
	acme, rival id.ID
	pools       map[pg.Role]*pgxpool.Pool
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, db: dbtest.New(t), pools: map[pg.Role]*pgxpool.Pool{}}
	w.acme, w.rival = w.db.Tenant(t, "acme"), w.db.Tenant(t, "rival")
	for _, role := range []pg.Role{pg.Reader, pg.Ingest, pg.Feed, pg.Maintainer} {
		w.pools[role] = w.db.Pool(t, role, ingest.PoolConfig(3))
	}
	inv, err := inventory.New(inventory.Config{Formats: pipeline().Formats, Pool: func(_ context.Context, role pg.Role) (*pgxpool.Pool, error) { return w.pools[role], nil }})
	if err != nil {
		t.Fatal(err)
	}
	w.inv = inv
	return w
}

// pipeline is the importer of cmd/sluice for the formats above.
func pipeline() ingest.Config {
	return ingest.Config{Formats: []normalize.Format{cyclonedx.JSON{}, openvex.Format{}, csaf.Format{}, osv.JSON{}}}
}

// load imports documents, one after the other, and returns the scan run.
func (w *world) load(tenant id.ID, documents ...string) (run int64) {
	w.t.Helper()
	ctx := w.t.Context()
	pool := w.pools[pg.Ingest]
	if tenant == id.Shared {
		pool = w.pools[pg.Feed]
	}
	run, err := ingest.StartRun(ctx, pool, tenant, "file", []string{"-"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.into(pool, tenant, run, documents...)
	if err := ingest.EndRun(ctx, pool, tenant, run, "done", ingest.Counts{}); err != nil {
		w.t.Fatal(err)
	}
	return run
}

// into imports documents, one after the other, into a scan run.
func (w *world) into(pool *pgxpool.Pool, tenant id.ID, run int64, documents ...string) (counts ingest.Counts) {
	w.t.Helper()
	ctx := w.t.Context()
	cfg := pipeline()
	cfg.OnReceipts = func(list []ingest.Receipt) { counts.Add(list...) }
	p, err := ingest.New(pool, cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, d := range documents {
		src, err := files.Open(ctx, files.Config{Tenant: tenant, ScanRun: run, Paths: []string{"-"}, Stdin: strings.NewReader(d), Limits: normalize.DefaultLimits, Parallel: 1})
		if err != nil {
			w.t.Fatal(err)
		}
		if err := p.Run(ctx, src); err != nil {
			w.t.Fatal(err)
		}
		src.Close()
	}
	return counts
}

// fill runs a script with $1, how many rows, and $2, the tenant acme, past the importer.
func (w *world) fill(script string, n int) {
	w.t.Helper()
	text, err := os.ReadFile(script)
	if err != nil {
		w.t.Fatal(err)
	}
	sql := strings.NewReplacer("$1", strconv.Itoa(n), "$2", "'"+w.acme.String()+"'").Replace(string(text))
	conn := w.db.Admin(w.t).PgConn()
	for _, sql := range []string{"set synchronous_commit = off", sql, "vacuum analyze"} {
		if _, err := conn.Exec(w.t.Context(), sql).ReadAll(); err != nil {
			w.t.Fatal(err)
		}
	}
}

// project brings the derived tables up to date.
func (w *world) project() {
	w.t.Helper()
	if w.pools[pg.Projector] == nil {
		w.pools[pg.Projector] = w.db.Pool(w.t, pg.Projector, projections.PoolConfig(4))
	}
	worker := projections.New(w.pools[pg.Projector], projections.Config{})
	if err := worker.Drain(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// must is the answer to a question that is right.
func must[T any](answer T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
}

// each picks one member of every answer, sorted.
func each[T any](list []T, member func(T) string) []string {
	out := []string{}
	for _, v := range list {
		out = append(out, member(v))
	}
	slices.Sort(out)
	return out
}
