package inventory

import (
	"context"

	"github.com/jackc/pgx/v5"

	"sluice/internal/ask"
	"sluice/internal/id"
)

// QualityFilter says which SBOMs are looked at, and by what. The zero value is all of them by
// artifact.
type QualityFilter struct {
	// By is document, artifact or tool: what a row is for. "" is artifact.
	By string
	// Artifact and Tool pick SBOMs; "" is any.
	Artifact, Tool string
	// Current looks at the current SBOM of each stream only.
	Current bool
	// Limit is how many rows at most; 0 is all.
	Limit int
}

// Check returns an *ask.WrongError where the filter makes no sense. Quality checks too.
func (f QualityFilter) Check() error {
	_, err := f.normal()
	return err
}

func (f QualityFilter) normal() (QualityFilter, error) {
	if f.By == "" {
		f.By = "artifact"
	}
	if err := ask.OneOf("by", f.By, "document", "artifact", "tool"); err != nil {
		return f, err
	}
	if err := ask.Limit(f.Limit); err != nil {
		return f, err
	}
	var err error
	f.Artifact, err = artifactPurl(f.Artifact)
	return f, err
}

// Quality is how much of the minimum elements for an SBOM some documents have: of Documents so many
// an author and a timestamp, of Components so many a supplier, a name and so on. Of Software, the
// components but files and the like, so many can be matched with advisories.
type Quality struct {
	Document      string `db:"document_id" json:"document_id"`
	Artifact      string `db:"artifact" json:"artifact"`
	Tool          string `db:"tool" json:"tool"`
	ToolVersion   string `db:"tool_version" json:"tool_version"`
	Documents     int64  `db:"documents" json:"documents"`
	Authors       int64  `db:"authors" json:"author"`
	Timestamps    int64  `db:"timestamps" json:"timestamp"`
	Components    int64  `db:"components" json:"components"`
	Suppliers     int64  `db:"suppliers" json:"supplier"`
	Names         int64  `db:"names" json:"name"`
	Versions      int64  `db:"versions" json:"version"`
	Identifiers   int64  `db:"identifiers" json:"identifier"`
	Relationships int64  `db:"relationships" json:"relationship"`
	Software      int64  `db:"software" json:"software"`
	Matchable     int64  `db:"matchable" json:"matchable"`
}

// Complete reports whether nothing of the minimum elements is missing.
func (q Quality) Complete() bool {
	for _, n := range []int64{q.Suppliers, q.Names, q.Versions, q.Identifiers, q.Relationships} {
		if n < q.Components {
			return false
		}
	}
	return q.Components > 0 && q.Authors == q.Documents && q.Timestamps == q.Documents
}

// Quality says how complete stored SBOMs are. It was counted when they were imported.
func (inv *Inventory) Quality(ctx context.Context, tenant id.ID, f QualityFilter) ([]Quality, error) {
	f, err := f.normal()
	if err != nil {
		return nil, err
	}
	var list []Quality
	err = inv.read(ctx, tenant, func(tx pgx.Tx) (err error) {
		list, err = collect[Quality](ctx, tx, sqlQuality, tenant, f.By, nil, f.Artifact, f.Tool, f.Current, f.Limit)
		if err == nil && len(list) == 0 {
			err = namedArtifact(f.Artifact).noPlace(ctx, tx, tenant)
		}
		return err
	})
	if err != nil {
		return nil, during("quality", err)
	}
	return list, nil
}

// DocumentQuality says how complete one SBOM is.
func (inv *Inventory) DocumentQuality(ctx context.Context, tenant id.ID, key DocumentKey) (Quality, error) {
	var list []Quality
	err := inv.read(ctx, tenant, func(tx pgx.Tx) error {
		owner, hash, err := key.find(ctx, tx, tenant)
		if err != nil {
			return err
		}
		list, err = collect[Quality](ctx, tx, sqlQuality, owner, "document", hash, "", "", false, 0)
		return err
	})
	switch {
	case err != nil:
		return Quality{}, during("quality", err)
	case len(list) == 0:
		return Quality{}, ask.Wrong("", "document %s is no SBOM whose quality was counted; of what an older version imported it is counted by the next `sluice project`", key.given)
	}
	return list[0], nil
}
