package inventory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/ask"
	"sluice/internal/id"
)

// ArtifactFilter picks artifacts. The zero value picks the first 100.
type ArtifactFilter struct {
	// Like is a purl in which * stands for anything; "" is any.
	Like string
	// State is active or retired; "" is any.
	State string
	// Tag is one that they hold; "" is any.
	Tag string
	// UnseenSince picks those whose newest document is older; nil is any.
	UnseenSince *time.Time
	// After continues behind this purl, the last one of the page before.
	After string
	// Limit is how many at most; 0 is no limit.
	Limit int
}

// Check returns an *ask.WrongError where the filter makes no sense. Artifacts checks too.
func (f ArtifactFilter) Check() error {
	if f.State != "" {
		if err := ask.OneOf("state", f.State, "active", "retired"); err != nil {
			return err
		}
	}
	return ask.Limit(f.Limit)
}

// Artifact is what SBOMs describe, with what is found in it.
type Artifact struct {
	Artifact string   `db:"artifact" json:"artifact"`
	State    string   `db:"state" json:"state"` // active, retired
	Tags     []string `db:"tags" json:"tags"`
	// Reason and the next two say why it is retired, by what (command, unseen, tag) and since when.
	Reason    string     `db:"reason" json:"reason"`
	RetiredBy string     `db:"retired_by" json:"retired_by"`
	RetiredAt *time.Time `db:"retired_at" json:"retired_at"`
	// AsOf: a document that is newer revives it.
	AsOf      *time.Time `db:"retired_as_of" json:"retired_as_of"`
	FirstSeen time.Time  `db:"first_seen" json:"first_seen"`
	// LastSeen is the time of its newest document; nil where none is projected yet.
	LastSeen   *time.Time `db:"last_seen" json:"last_seen"`
	Streams    int        `db:"streams" json:"streams"`
	Components int64      `db:"components" json:"components"`
	// Open is how many findings are open, and by severity.
	Open       int64 `db:"open" json:"open"`
	Critical   int64 `db:"critical" json:"critical"`
	High       int64 `db:"high" json:"high"`
	Medium     int64 `db:"medium" json:"medium"`
	Low        int64 `db:"low" json:"low"`
	Unrated    int64 `db:"unrated" json:"unrated"`
	Suppressed int64 `db:"suppressed" json:"suppressed"`
}

func (a *Artifact) utc() {
	a.FirstSeen = a.FirstSeen.UTC()
	for _, t := range []*time.Time{a.RetiredAt, a.AsOf, a.LastSeen} {
		if t != nil {
			*t = t.UTC()
		}
	}
}

// Artifacts lists artifacts by purl.
func (inv *Inventory) Artifacts(ctx context.Context, tenant id.ID, f ArtifactFilter) ([]Artifact, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	var list []Artifact
	err := inv.read(ctx, tenant, func(tx pgx.Tx) (err error) {
		list, err = collect[Artifact](ctx, tx, sqlArtifacts, tenant, f.Limit, f.After, likeOf(f.Like), f.State, f.Tag, f.UnseenSince, nil)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("artifacts: %w", err)
	}
	for i := range list {
		list[i].utc()
	}
	return list, nil
}

// CountArtifacts is how many artifacts the filter picks behind its After, whatever its limit.
func (inv *Inventory) CountArtifacts(ctx context.Context, tenant id.ID, f ArtifactFilter) (n int, err error) {
	if err := f.Check(); err != nil {
		return 0, err
	}
	err = inv.read(ctx, tenant, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, sqlArtifactsCount, tenant, f.After, likeOf(f.Like), f.State, f.Tag, f.UnseenSince).Scan(&n)
	})
	if err != nil {
		return 0, fmt.Errorf("count artifacts: %w", err)
	}
	return n, nil
}

// likeOf is the pattern of SQL's LIKE for one in which * stands for anything.
func likeOf(glob string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`, `*`, `%`).Replace(glob)
}

// ArtifactStream is the current document of one stream.
type ArtifactStream struct {
	Stream        string    `db:"stream" json:"stream"`
	Document      string    `db:"document" json:"document"`
	Format        string    `db:"format" json:"format"`
	FormatVersion string    `db:"format_version" json:"format_version"`
	Seen          time.Time `db:"seen" json:"seen"`
	Components    int       `db:"components" json:"components"`
}

// ArtifactVersion is another version of the same artifact.
type ArtifactVersion struct {
	Artifact string     `db:"artifact" json:"artifact"`
	State    string     `db:"state" json:"state"`
	LastSeen *time.Time `db:"last_seen" json:"last_seen"`
	Tags     []string   `db:"tags" json:"tags"`
}

// ArtifactPage is all that is known of one artifact.
type ArtifactPage struct {
	Artifact
	Current  []ArtifactStream  `json:"current"`
	Versions []ArtifactVersion `json:"versions"` // others of the same name, the newest first, 100 at most
}

// ShowArtifact tells all about an artifact, which is named by its purl.
func (inv *Inventory) ShowArtifact(ctx context.Context, tenant id.ID, name string) (ArtifactPage, error) {
	var page ArtifactPage
	err := inv.read(ctx, tenant, func(tx pgx.Tx) error {
		known, err := knownArtifact(ctx, tx, tenant, name)
		if err != nil {
			return err
		}
		one, err := collect[Artifact](ctx, tx, sqlArtifacts, tenant, 1, "", "", "", "", nil, known.ID)
		if err != nil {
			return err
		}
		page.Artifact = one[0] // there in the same snapshot
		if page.Current, err = collect[ArtifactStream](ctx, tx, sqlArtifactStreams, tenant, known.ID); err != nil {
			return err
		}
		page.Versions, err = collect[ArtifactVersion](ctx, tx, sqlArtifactVersions, tenant, known.NameKey, known.ID)
		return err
	})
	if err != nil {
		return page, during("artifact", err)
	}
	page.utc()
	for i := range page.Current {
		page.Current[i].Seen = page.Current[i].Seen.UTC()
	}
	for _, v := range page.Versions {
		if v.LastSeen != nil {
			*v.LastSeen = v.LastSeen.UTC()
		}
	}
	return page, nil
}

// known is an artifact that there is.
type known struct {
	ID      id.ID
	Purl    string
	NameKey string
	State   string
}

// knownArtifact finds the artifact that a purl names.
func knownArtifact(ctx context.Context, tx pgx.Tx, tenant id.ID, name string) (known, error) {
	var k known
	if name == "" {
		return k, ask.Wrong("artifact", "is missing: write it like pkg:oci/app@1.2")
	}
	p, err := artifactPurl(name)
	if err != nil {
		return k, err
	}
	err = tx.QueryRow(ctx, sqlArtifact, tenant, id.Derive(tenant, "artifact", p)).Scan(&k.ID, &k.Purl, &k.NameKey, &k.State)
	if errors.Is(err, pgx.ErrNoRows) {
		return k, noArtifact(ctx, tx, tenant, p)
	}
	return k, err
}
