package inventory

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/normalize/purl"
	"sluice/projections"
)

// UnknownFilter picks unknowns. The zero value picks all of today.
type UnknownFilter struct {
	// Artifact is the purl of the artifact they are in; "" is any.
	Artifact string
	// Reason is why they cannot be matched, such as no-purl; "" is any.
	Reason string
	// ValidAt asks what SBOMs listed at a time, KnownAt what was known at a time: an SBOM of March that
	// came in May changes what was valid in April, and not what was known then. Of only one of them the other is the
	// same for KnownAt, and now for ValidAt. Nil both: now.
	ValidAt, KnownAt *time.Time
	// Suggest has each say what may help. It looks at 1000 at most.
	Suggest bool
	// Tool has each name the tool that made the SBOM. Of today only: it is the tool of the current SBOM.
	Tool bool
}

// UnknownReasons are why components cannot be matched. For no-records see Unjudged.
var UnknownReasons = []string{
	purl.ReasonNoPurl, purl.ReasonNoVersion, purl.ReasonUnknownEcosystem, purl.ReasonUnknownDistro, purl.ReasonInvalidPurl, purl.ReasonInvalidVersion, projections.NoRecords,
}

// Check returns an *ask.WrongError where the filter makes no sense. Unknowns checks too.
func (f UnknownFilter) Check() error {
	if err := ask.OneOf("reason", f.Reason, append([]string{""}, UnknownReasons...)...); err != nil {
		return err
	}
	if f.Tool && (f.ValidAt != nil || f.KnownAt != nil) {
		return ask.Wrong("count", "tool is that of the current SBOMs; without --valid-at and --known-at it can be told")
	}
	_, err := artifactPurl(f.Artifact)
	return err
}

// Unknown is a component that cannot be matched, with the reason.
type Unknown struct {
	Artifact  string    `db:"artifact" json:"artifact"`
	Stream    string    `db:"stream" json:"stream"`
	Name      string    `db:"name" json:"name"`
	Version   string    `db:"version" json:"version"`
	Purl      string    `db:"purl" json:"purl"`
	Reason    string    `db:"reason" json:"reason"`
	ValidFrom time.Time `db:"valid_from" json:"valid_from"`
	// Tool is what made the SBOM, with its version, where it was asked for and the SBOM says so.
	Tool string `db:"-" json:"tool,omitempty"`
	// Suggestions say what may help, the likeliest first.
	Suggestions []string `db:"-" json:"suggestions,omitempty"`
}

// Unknowns lists the components of SBOMs that cannot be matched: of the current ones, or as of another time.
func (inv *Inventory) Unknowns(ctx context.Context, tenant id.ID, f UnknownFilter) ([]Unknown, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	artifact, err := artifactPurl(f.Artifact)
	if err != nil {
		return nil, err
	}
	var list []Unknown
	err = inv.read(ctx, tenant, func(tx pgx.Tx) (err error) {
		of := id.Derive(tenant, "artifact", artifact)
		if f.ValidAt == nil && f.KnownAt == nil {
			list, err = f.current(ctx, tx, tenant, artifact)
		} else {
			now := time.Now()
			known, valid := f.KnownAt, f.ValidAt
			if known == nil {
				known = &now
			}
			if valid == nil {
				valid = known
			}
			list, err = collect[Unknown](ctx, tx, sqlUnknownsAsOf, tenant, artifact, f.Reason, of, valid, known)
		}
		if err == nil && len(list) == 0 {
			err = namedArtifact(artifact).noPlace(ctx, tx, tenant)
		}
		if err == nil && f.Suggest {
			err = suggest(ctx, tx, tenant, list)
		}
		if err == nil && f.Tool {
			err = nameTools(ctx, tx, tenant, artifact, list)
		}
		return err
	})
	if err != nil {
		return nil, during("unknowns", err)
	}
	for i := range list {
		list[i].ValidFrom = list[i].ValidFrom.UTC()
	}
	return list, nil
}

// current are the unknowns of today: those that were found when SBOMs were projected, then those that could be matched
// if there were records of their ecosystem.
func (f UnknownFilter) current(ctx context.Context, tx pgx.Tx, tenant id.ID, artifact string) (list []Unknown, err error) {
	if list, err = collect[Unknown](ctx, tx, sqlUnknowns, tenant, artifact, f.Reason, id.Derive(tenant, "artifact", artifact)); err != nil {
		return nil, err
	}
	if f.Reason != "" && f.Reason != projections.NoRecords {
		return list, nil
	}
	n, err := FindingFilter{Artifact: artifact}.normal(tenant)
	if err != nil {
		return nil, err
	}
	u, err := findUnjudged(ctx, tx, tenant, n)
	if err != nil {
		return nil, err
	}
	more, err := u.list(ctx, tx)
	return append(list, more...), err
}

// nameTools fills in what made the SBOMs.
func nameTools(ctx context.Context, tx pgx.Tx, tenant id.ID, artifact string, list []Unknown) error {
	type made struct {
		Artifact string `db:"artifact"`
		Stream   string `db:"stream"`
		Tool     string `db:"tool"`
	}
	var of *id.ID
	if artifact != "" {
		one := id.Derive(tenant, "artifact", artifact)
		of = &one
	}
	rows, err := collect[made](ctx, tx, sqlUnknownTools, tenant, of)
	if err != nil {
		return err
	}
	tools := map[[2]string]string{}
	for _, m := range rows {
		tools[[2]string{m.Artifact, m.Stream}] = m.Tool
	}
	for i, u := range list {
		list[i].Tool = tools[[2]string{u.Artifact, u.Stream}]
	}
	return nil
}

// UnknownCount is how many components cannot be matched, of one reason, of one artifact, in SBOMs of one tool.
type UnknownCount struct {
	Reason     string `json:"reason,omitempty"`
	Artifact   string `json:"artifact,omitempty"`
	Tool       string `json:"tool,omitempty"`
	Components int    `json:"components"`
}

// CountUnknowns counts by reason, artifact, tool, or several of them, the most first.
func CountUnknowns(list []Unknown, by ...string) ([]UnknownCount, error) {
	for _, b := range by {
		if err := ask.OneOf("count", b, "reason", "artifact", "tool"); err != nil {
			return nil, err
		}
	}
	counts := map[UnknownCount]int{}
	for _, u := range list {
		var k UnknownCount
		if slices.Contains(by, "reason") {
			k.Reason = u.Reason
		}
		if slices.Contains(by, "artifact") {
			k.Artifact = u.Artifact
		}
		if slices.Contains(by, "tool") {
			if k.Tool = u.Tool; k.Tool == "" {
				k.Tool = "unnamed"
			}
		}
		counts[k]++
	}
	out := make([]UnknownCount, 0, len(counts))
	for k, n := range counts {
		k.Components = n
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b UnknownCount) int {
		if a.Components != b.Components {
			return b.Components - a.Components
		}
		return strings.Compare(a.Reason+" "+a.Artifact+" "+a.Tool, b.Reason+" "+b.Artifact+" "+b.Tool)
	})
	return out, nil
}
