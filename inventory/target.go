package inventory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"sluice/ingest"
	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/normalize"
	"sluice/normalize/purl"
)

// about says what decisions are about, as somebody names it.
type about struct {
	Finding                      string
	Package, Vuln, Artifact, Tag string
	Ahead                        bool
}

// parsed is about, taken apart.
type parsed struct {
	about
	pkg, artifact *purl.Package // nil: any
}

// check returns an *ask.WrongError where nothing can be about that.
func (a about) check() (p parsed, err error) {
	p.about = a
	if a.Package != "" {
		pkg, err := purl.Parse(a.Package)
		switch {
		case err != nil:
			return p, ask.Wrong("package", "%q: %w; write it like pkg:npm/lodash@4.17.20", a.Package, err)
		case pkg.Version == "":
			return p, ask.Wrong("package", "%q has no version: a decision is about one", a.Package)
		}
		p.pkg = &pkg
	}
	if p.Vuln = normalize.VulnID(a.Vuln); len(p.Vuln) > normalize.MaxID {
		return p, ask.Wrong("vuln", "%.40q... has %d bytes; %d are allowed", p.Vuln, len(p.Vuln), normalize.MaxID)
	}
	if a.Artifact != "" {
		artifact, err := purl.Parse(a.Artifact)
		if err != nil {
			return p, ask.Wrong("artifact", "%q: %w; write it like pkg:oci/app@1.2", a.Artifact, err)
		}
		p.artifact = &artifact
	}
	switch {
	case a.Finding != "" && a != about{Finding: a.Finding}:
		return p, ask.Wrong("finding", "says all: a package, a vulnerability, an artifact or a tag beside it are too much")
	case a.Finding != "":
		_, _, err := splitFindingID(a.Finding)
		return p, err
	case a.Package == "" && a.Vuln == "" && a.Artifact == "" && a.Tag == "":
		return p, ask.Wrong("", "say what it is about: a finding, a package, a vulnerability, an artifact, a tag, or several of the last four")
	case a.Artifact != "" && a.Tag != "":
		return p, ask.Wrong("tag", "and artifact exclude each other")
	case a.Ahead && (a.Package == "" || a.Vuln == ""):
		return p, ask.Wrong("ahead", "needs a package and a vulnerability: what is not here yet can only be named")
	}
	return p, nil
}

// target is what one decision is about: a vulnerability of a package, in one artifact alone
// where that is not nil.
type target struct {
	artifact     *id.ID
	artifactPurl string
	pkg          id.ID
	purl         string
	vuln         string
}

// vulnIDs are the ids that findings of a vulnerability may have: see vuln_ids.sql.
type vulnIDs struct{ same, told []string }

func (v *verdicts) idsOf(ctx context.Context, vuln string) (vulnIDs, error) {
	if ids, ok := v.ids[vuln]; ok {
		return ids, nil
	}
	var ids vulnIDs
	if err := v.tx.QueryRow(ctx, sqlVulnIDs, v.tenant, vuln).Scan(&ids.same, &ids.told); err != nil {
		return ids, err
	}
	v.ids[vuln] = ids
	return ids, nil
}

// place is an artifact that was named.
type place struct {
	ID   id.ID  `db:"id"`
	Purl string `db:"purl"`
}

// targets are what decisions about a are to be taken on: what it names, else every finding that
// fits. What it names has to be known, unless it is decided ahead.
func (v *verdicts) targets(ctx context.Context, a about) ([]target, error) {
	p, err := a.check()
	if err != nil {
		return nil, err
	}
	if a.Finding != "" {
		return v.finding(ctx, a.Finding)
	}
	var places []place // nil: everywhere
	switch {
	case p.artifact != nil:
		at, err := v.knownArtifact(ctx, p)
		if err != nil {
			return nil, err
		}
		places = []place{at}
	case a.Tag != "":
		if places, err = v.tagged(ctx, a.Tag); err != nil {
			return nil, err
		}
	}
	var pkg ingest.Package
	if p.pkg != nil {
		if pkg, err = v.knownPackage(ctx, p); err != nil {
			return nil, err
		}
	}
	var ids vulnIDs
	if p.Vuln != "" {
		if ids, err = v.knownVuln(ctx, p); err != nil {
			return nil, err
		}
	}
	if p.pkg == nil || p.Vuln == "" {
		return v.found(ctx, p, pkg, places, ids)
	}
	t := target{pkg: pkg.ID, purl: pkg.Purl, vuln: p.Vuln}
	if places == nil {
		return []target{t}, nil
	}
	if !a.Ahead {
		if places, err = v.listing(ctx, places, pkg.ID); err != nil {
			return nil, err
		}
		if len(places) == 0 {
			return nil, ask.NotFound("%s does not list %s now; --ahead decides all the same", either(a.Artifact, "no artifact with the tag "+a.Tag), pkg.Purl)
		}
	}
	var out []target
	for _, at := range places {
		t.artifact, t.artifactPurl = &at.ID, at.Purl
		out = append(out, t)
	}
	return out, nil
}

// splitFindingID takes the id of a finding apart: the vulnerability, and what the ids of artifact and package
// begin with.
func splitFindingID(text string) (vuln, rest string, err error) {
	n := len(text) - len(".9f86d081884c.2c26b46b68ff")
	if n < 1 || text[n] != '.' || text[n+13] != '.' || strings.Trim(text[n+1:n+13]+text[n+14:], "0123456789abcdef") != "" {
		return "", "", ask.Wrong("finding", "%.80q: an id is like CVE-2021-44228.9f86d081884c.2c26b46b68ff", text)
	}
	return normalize.VulnID(text[:n]), text[n+1:], nil
}

// finding is the target of the finding with that id: in its artifact alone.
func (v *verdicts) finding(ctx context.Context, text string) ([]target, error) {
	vuln, rest, err := splitFindingID(text)
	if err != nil {
		return nil, err
	}
	ids, err := v.idsOf(ctx, vuln)
	if err != nil {
		return nil, err
	}
	list, err := collect[findingRow](ctx, v.tx, sqlFindingsAbout, v.tenant, nil, nil, vuln, ids.same, ids.told)
	if err != nil {
		return nil, err
	}
	for _, f := range list {
		if fmt.Sprintf("%x.%x", f.ArtifactID[:6], f.PackageID[:6]) == rest {
			return []target{{artifact: &f.ArtifactID, artifactPurl: f.Artifact, pkg: f.PackageID, purl: f.Package, vuln: f.VulnID}}, nil
		}
	}
	return nil, ask.NotFound("there is no finding %s, open or suppressed", text)
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// found are the targets of findings that fit.
func (v *verdicts) found(ctx context.Context, p parsed, pkg ingest.Package, places []place, ids vulnIDs) ([]target, error) {
	var of *id.ID
	if p.pkg != nil {
		of = &pkg.ID
	}
	list, err := collect[findingRow](ctx, v.tx, sqlFindingsAbout, v.tenant, of, idsOf(places), p.Vuln, ids.same, ids.told)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, ask.NotFound("no finding is about that; see `sluice findings --status all`, or name both a package and a vulnerability")
	}
	var out []target
	seen := map[findingAt]bool{}
	for _, f := range list {
		t := target{pkg: f.PackageID, purl: f.Package, vuln: f.VulnID}
		key := findingAt{pkg: f.PackageID, vuln: f.VulnID}
		if places != nil {
			key.artifact, t.artifact, t.artifactPurl = f.ArtifactID, &f.ArtifactID, f.Artifact
		}
		if !seen[key] {
			seen[key] = true
			out = append(out, t)
		}
	}
	return out, nil
}

func idsOf(places []place) []id.ID {
	var out []id.ID
	for _, p := range places {
		out = append(out, p.ID)
	}
	return out
}

// knownVuln are the ids of a vulnerability that something here knows.
func (v *verdicts) knownVuln(ctx context.Context, p parsed) (vulnIDs, error) {
	ids, err := v.idsOf(ctx, p.Vuln)
	if err != nil || p.Ahead {
		return ids, err
	}
	var known bool
	if err := v.tx.QueryRow(ctx, sqlKnownVuln, v.tenant, ids.same).Scan(&known); err != nil || known {
		return ids, err
	}
	prefix := p.Vuln[:strings.LastIndex(p.Vuln, "-")+1]
	names, err := v.strings(ctx, sqlNearVulns, v.tenant, prefix)
	if err != nil {
		return ids, err
	}
	return ids, ask.NotFound("nothing here knows the vulnerability %s%s; --ahead decides before it is imported", p.Vuln, orNear(p.Vuln, names))
}

// knownArtifact is the artifact with that purl.
func (v *verdicts) knownArtifact(ctx context.Context, p parsed) (place, error) {
	at := place{id.Derive(v.tenant, "artifact", p.artifact.Purl), p.artifact.Purl}
	if p.Ahead {
		return at, nil
	}
	names, err := v.strings(ctx, sqlNearArtifacts, v.tenant)
	if err != nil {
		return at, err
	}
	if slices.Contains(names, at.Purl) {
		return at, nil
	}
	return at, ask.NotFound("there is no artifact %s%s; --ahead decides before its SBOM is imported", at.Purl, orNear(at.Purl, names))
}

// tagged are the artifacts that have the tag now.
func (v *verdicts) tagged(ctx context.Context, tag string) ([]place, error) {
	list, err := collect[place](ctx, v.tx, sqlTaggedArtifacts, v.tenant, tag)
	if err != nil || len(list) > 0 {
		return list, err
	}
	names, err := v.strings(ctx, sqlNearTags, v.tenant)
	if err != nil {
		return nil, err
	}
	return nil, ask.NotFound("no artifact has the tag %s%s", tag, orNear(tag, names))
}

// listing are those of the artifacts that list the package now.
func (v *verdicts) listing(ctx context.Context, places []place, pkg id.ID) ([]place, error) {
	rows, err := v.tx.Query(ctx, sqlArtifactLists, v.tenant, idsOf(places), pkg)
	if err != nil {
		return nil, err
	}
	listed, err := pgx.CollectRows(rows, pgx.RowTo[id.ID])
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(places, func(p place) bool { return !slices.Contains(listed, p.ID) }), nil
}

// knownPackage is the package that is named.
func (v *verdicts) knownPackage(ctx context.Context, p parsed) (ingest.Package, error) {
	pkg, err := knownPackage(ctx, v.tx, v.tenant, *p.pkg)
	if isMissing(err) && p.Ahead {
		return ingest.NewPackage(v.tenant, *p.pkg), nil
	}
	return pkg, err
}

func (v *verdicts) strings(ctx context.Context, sql string, args ...any) ([]string, error) {
	return texts(ctx, v.tx, sql, args...)
}

func texts(ctx context.Context, tx pgx.Tx, sql string, args ...any) ([]string, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
