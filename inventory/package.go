package inventory

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"sluice/ingest"
	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/normalize/purl"
)

// knownPackage is the package of the tenant that p names: the one with that purl, else the
// only one that p covers in that version, as statements are read too (a Go version without
// its v, a release by its codename). Which of several is meant the caller has to say.
func knownPackage(ctx context.Context, tx pgx.Tx, tenant id.ID, p purl.Package) (ingest.Package, error) {
	pkg := ingest.NewPackage(tenant, p)
	rows, err := tx.Query(ctx, sqlKnownPackages, tenant, pkg.ID, pkg.NameKey)
	if err != nil {
		return pkg, err
	}
	purls, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return pkg, fmt.Errorf("packages like %s: %w", p.Purl, err)
	}
	var like []string
	for _, text := range purls {
		if text == p.Purl {
			return pkg, nil
		}
		known, err := purl.Parse(text)
		if err != nil {
			continue // not written by an import
		}
		if _, exact := p.Covers(known); exact {
			like, pkg = append(like, text), ingest.NewPackage(tenant, known)
		}
	}
	switch len(like) {
	case 0:
		names, err := texts(ctx, tx, sqlNearPackages, tenant, "pkg:"+p.Type+"/")
		if err != nil {
			return pkg, err
		}
		return pkg, ask.NotFound("no SBOM of this tenant lists %s%s; give the purl as `sluice findings` prints it, or decide before it is imported by --ahead", p.Purl, orNear(p.Purl, names))
	case 1:
		return pkg, nil
	}
	return pkg, ask.Wrong("package", "%s may be any of %s; a decision is about one", p.Purl, strings.Join(like, ", "))
}
