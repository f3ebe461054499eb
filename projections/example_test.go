package projections

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

// A worker does the jobs that imports left: Drain until there are none, Run for ever. Match asks
// the same question for purls that are in no SBOM.
func Example() {
	t := dbtest.NewExample()
	defer t.Close()
	w := newWorld(t)
	acme := w.db.Tenant(t, "acme")
	ctx := context.Background()
	load := func(p *ingest.Pipeline, tenant id.ID, text string) {
		if err := p.Run(ctx, &source{list: []ingest.Envelope{{Tenant: tenant, Origin: "memory", Bytes: []byte(text)}}}); err != nil {
			panic(err)
		}
	}
	load(w.feed, id.Shared, `{"id": "GHSA-left", "modified": "2026-01-01T00:00:00Z", "aliases": ["CVE-2026-1"],
		"affected": [{"package": {"ecosystem": "npm", "name": "left"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.0.1"}]}]}]}`)
	load(w.importer, acme, `{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": {"type": "application", "name": "app", "purl": "pkg:oci/app@1"}},
		"components": [{"type": "library", "name": "left", "purl": "pkg:npm/left@1.0.0"}]}`)

	worker := New(w.projector, Config{})
	if err := worker.Drain(ctx); err != nil {
		panic(err)
	}
	err := pg.Tenant(ctx, w.db.Pool(t, pg.Reader), acme, func(tx pgx.Tx) error {
		var artifact, purl, vuln string
		if err := tx.QueryRow(ctx, `select artifact_purl, package_purl, vuln_id from vex.open_findings`).Scan(&artifact, &purl, &vuln); err != nil {
			return err
		}
		fmt.Println(artifact, "has", purl, "with", vuln)

		hits, err := Match(ctx, tx, acme, []string{"pkg:npm/left@0.9.0", "pkg:npm/left@1.0.1"})
		for _, h := range hits {
			fmt.Println(h.Purl, "is hit by", h.Vulnerability, "fixed in", h.Fixed)
		}
		return err
	})
	if err != nil {
		panic(err)
	}
	// Output:
	// pkg:oci/app@1 has pkg:npm/left@1.0.0 with CVE-2026-1
	// pkg:npm/left@0.9.0 is hit by CVE-2026-1 fixed in [1.0.1]
}
