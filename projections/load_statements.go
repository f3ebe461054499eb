package projections

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/normalize/purl"
)

// parsed are the purls of a pair taken apart.
type parsed struct {
	artifact, pkg *purl.Package // pkg is nil where there are no statements
	anyVersion    id.ID         // the artifact as a document calls it that names no version of it
}

// loadStatements loads the statements that may be about the pairs, by the name of their group.
func (b *batch) loadStatements(ctx context.Context, pairs []*pair, g *groups) (map[string][]*statement, error) {
	keys, artifacts := map[string]bool{}, map[id.ID]bool{}
	for _, p := range pairs {
		keys[p.ArtifactKey], keys[p.NameKey], artifacts[p.Artifact] = true, true, true
		if p.artifact = parsePurl(p.ArtifactPurl); p.artifact != nil && p.artifact.Version != "" {
			p.anyVersion = id.Derive(b.tenant, "artifact", p.artifact.WithVersion("").Purl)
			artifacts[p.anyVersion] = true
		}
	}
	delete(keys, "")
	rows, err := b.tx.Query(ctx, sqlStatements, b.tenant, g.ids(), sorted(keys), sortedIDs(artifacts))
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*statement, error) {
		s := &statement{}
		return s, row.Scan(&s.ID, &s.VulnID, &s.Status, &s.Justification, &s.Impact, &s.Issuer, &s.Time, &s.Product, &s.ProductPurl, &s.ProductKey,
			&s.Sub, &s.SubKey, &s.Artifact, &s.Serial, &s.Ref, &s.Range, &s.Source, &s.Hash)
	})
	if err != nil {
		return nil, fmt.Errorf("statements: %w", err)
	}
	if len(all) == 0 {
		return nil, nil
	}
	if err := b.follow(ctx, all); err != nil {
		return nil, fmt.Errorf("BOM-Links: %w", err)
	}
	out := map[string][]*statement{}
	for _, s := range all {
		s.product, s.sub = parsePurl(s.ProductPurl), parsePurl(s.Sub)
		for _, name := range g.about(s.VulnID) {
			out[name] = append(out[name], s)
		}
	}
	for _, p := range pairs {
		p.pkg = parsePurl(p.Purl)
	}
	return out, nil
}

func parsePurl(s string) *purl.Package {
	if s == "" {
		return nil
	}
	p, err := purl.Parse(s)
	if err != nil {
		return nil
	}
	return &p
}

// link is what a BOM-Link means in the SBOMs of one artifact: the artifact as a whole, a
// package in it, or, with neither, nothing that could be told.
type link struct {
	whole bool
	key   string // name key of the package
	pkg   *purl.Package
}

// follow resolves BOM-Links, for each artifact whose SBOMs have the serial number.
func (b *batch) follow(ctx context.Context, all []*statement) error {
	type ref struct{ serial, ref string }
	links := map[ref]map[id.ID]link{}
	var serials, refs []string
	for _, s := range all {
		if k := (ref{s.Serial, s.Ref}); s.Serial != "" && links[k] == nil {
			links[k] = map[id.ID]link{}
			serials, refs = append(serials, s.Serial), append(refs, s.Ref)
		}
	}
	if len(serials) == 0 {
		return nil
	}
	rows, err := b.tx.Query(ctx, sqlLinks, b.tenant, serials, refs)
	if err != nil {
		return err
	}
	var k ref
	var artifact id.ID
	var whole bool
	var raw, version string
	_, err = pgx.ForEachRow(rows, []any{&k.serial, &k.ref, &artifact, &whole, &raw, &version}, func() error {
		l := link{whole: whole}
		if p := parsePurl(raw); p != nil && !whole {
			if p.Version == "" && version != "" {
				*p = p.WithVersion(version)
			}
			l.key, l.pkg = p.NameKey(), p
		}
		links[k][artifact] = l
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range all {
		if s.Serial != "" {
			s.links = links[ref{s.Serial, s.Ref}]
		}
	}
	return nil
}
