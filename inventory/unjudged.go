package inventory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/normalize/purl"
	"sluice/projections"
)

// Unjudged are components of one ecosystem that nobody can judge: they could be matched, and there are no records
// to match them with. No finding in them means nothing.
type Unjudged struct {
	// Ecosystem is OSV's word, with the release where it has them: npm, Debian:12.
	Ecosystem  string `db:"ecosystem" json:"ecosystem"`
	Components int64  `db:"components" json:"components"`
	// AtLeast says that there are more: nobody counted further.
	AtLeast bool   `db:"-" json:"at_least,omitempty"`
	Reason  string `db:"-" json:"reason"` // no-records
	// OtherReleases says that there are records of the distribution, and none of this release.
	OtherReleases bool `db:"-" json:"other_releases,omitempty"`
}

// countedUnjudged is how many components of an ecosystem are counted beside a list of findings.
const countedUnjudged = 10_000

// packageEcosystems is how many ecosystems a tenant has packages of, at most.
const packageEcosystems = 1_000

// Unjudged says of which ecosystems there are components and no records, where the filter looks: in its artifacts and
// among its packages; what else it picks does not count. The most components first. It is asked of the records of this
// moment: those that come later judge what was here before, and those that go leave it unjudged again.
func (inv *Inventory) Unjudged(ctx context.Context, tenant id.ID, f FindingFilter) (list []Unjudged, err error) {
	n, err := FindingFilter{Artifact: f.Artifact, Tag: f.Tag, Package: f.Package, Ecosystem: f.Ecosystem}.normal(tenant)
	if err != nil {
		return nil, err
	}
	err = inv.read(ctx, tenant, func(tx pgx.Tx) error {
		u, err := findUnjudged(ctx, tx, tenant, n)
		if err != nil {
			return err
		}
		list, err = u.count(ctx, tx, countedUnjudged)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("components without records: %w", err)
	}
	return list, nil
}

// unjudged is where components without records are looked for.
type unjudged struct {
	*findingQuestion
	tenant     id.ID
	recorded   projections.Recorded
	ecosystems []string // of packages, without records
	artifacts  []id.ID  // nil is any
}

func findUnjudged(ctx context.Context, tx pgx.Tx, tenant id.ID, n *findingQuestion) (u unjudged, err error) {
	u = unjudged{findingQuestion: n, tenant: tenant}
	of, err := texts(ctx, tx, sqlPackageEcosystems, tenant, packageEcosystems)
	if err != nil {
		return u, fmt.Errorf("ecosystems of packages: %w", err)
	}
	if u.recorded, err = projections.LoadRecorded(ctx, tx, tenant, of...); err != nil {
		return u, err
	}
	for _, e := range of {
		if !u.recorded.Judges(e) && n.ofEcosystem(e) {
			u.ecosystems = append(u.ecosystems, e)
		}
	}
	if len(u.ecosystems) == 0 {
		return u, nil
	}
	if n.artifact.exact != "" {
		u.artifacts = []id.ID{id.Derive(tenant, "artifact", n.artifact.exact)}
	}
	if n.artifact.like != nil || n.Tag != "" {
		var like []id.ID
		if err := tx.QueryRow(ctx, sqlArtifactIDs, tenant, n.artifact.like, n.Tag).Scan(&like); err != nil {
			return u, fmt.Errorf("artifacts: %w", err)
		}
		if u.artifacts != nil && !slices.Contains(like, u.artifacts[0]) {
			like = []id.ID{}
		}
		if u.artifacts == nil || len(like) == 0 {
			u.artifacts = like
		}
	}
	return u, nil
}

// ofEcosystem reports whether packages of e may be meant: by the ecosystem of the filter, with its release or without, or
// by the type that their purls begin with.
func (n *findingQuestion) ofEcosystem(e string) bool {
	typ, _ := purl.TypeOf(e)
	if asked, _, whole := strings.Cut(strings.TrimPrefix(n.prefix, "pkg:"), "/"); whole && typ != "" && typ != asked {
		return false
	}
	e = strings.ToLower(e)
	base, _, _ := strings.Cut(e, ":")
	return n.ecosystem == "" || n.ecosystem == e || n.ecosystem == base
}

// count counts up to so many components of each ecosystem; 0 is all.
func (u unjudged) count(ctx context.Context, tx pgx.Tx, most int64) ([]Unjudged, error) {
	if len(u.ecosystems) == 0 {
		return []Unjudged{}, nil
	}
	var limit *int64
	if most > 0 {
		limit = new(most + 1)
	}
	list, err := collect[Unjudged](ctx, tx, sqlUnjudged, u.tenant, u.ecosystems, u.artifacts, u.prefix, u.pkg.like, limit)
	for i := range list {
		c := &list[i]
		c.Reason, c.OtherReleases = projections.NoRecords, u.recorded.OtherReleases(c.Ecosystem)
		if most > 0 && c.Components > most {
			c.Components, c.AtLeast = most, true
		}
	}
	return list, err
}

// list lists the components themselves, as unknowns.
func (u unjudged) list(ctx context.Context, tx pgx.Tx) ([]Unknown, error) {
	if len(u.ecosystems) == 0 {
		return nil, nil
	}
	return collect[Unknown](ctx, tx, sqlUnjudgedComponents, u.tenant, u.ecosystems, u.artifacts, projections.NoRecords)
}
