package inventory

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/jackc/pgx/v5"

	"sluice/ingest"
	"sluice/internal/ask"
	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/normalize/purl"
)

var goodTag = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// Tagging gives a tag to an artifact, or takes it away.
type Tagging struct {
	// Tag is a short word, such as production. Required.
	Tag string
	// Artifact is the purl of the version that gets it. Required.
	Artifact string
	// RetireOld retires the version that held the tag until now, whatever the tenant's policy says.
	RetireOld bool
	// Actor is who does it, for the audit log; nil: who acts in the context.
	Actor *id.ID
}

// Check returns an *ask.WrongError where it makes no sense. Tag and Untag check too.
func (t Tagging) Check() error {
	if !goodTag.MatchString(t.Tag) {
		return ask.Wrong("tag", "%q: use up to 63 lower-case letters, digits, dots, dashes and underscores, a letter or digit first", t.Tag)
	}
	_, err := artifactPurl(t.Artifact)
	return err
}

// Tagged is what came of a tagging.
type Tagged struct {
	Tag      string `json:"tag"`
	Artifact string `json:"artifact"`
	// Before is who held the tag until now; "" where nobody did.
	Before  string `json:"before"`
	Changed bool   `json:"changed"`
	// Retired: the one that held it is retired now. Revived: the one that has it now was retired because
	// the tag had moved on from it, and is in use again.
	Retired bool   `json:"retired"`
	Revived bool   `json:"revived"`
	State   string `json:"state"` // of Artifact, now
}

// Tag gives the tag to an artifact. Of all versions of an artifact one holds a tag: it moves from
// the one that has it, which is retired where the tenant's policy names the tag (or RetireOld)
// and no other tag that the policy names is left on it. An artifact that such a move had retired is
// revived when the tag comes back.
func (inv *Inventory) Tag(ctx context.Context, tenant id.ID, t Tagging) (Tagged, error) {
	out := Tagged{Tag: t.Tag}
	if err := t.Check(); err != nil {
		return out, err
	}
	if t.Actor == nil {
		t.Actor = pg.UserOf(ctx)
	}
	err := inv.as(ctx, pg.Ingest, tenant, func(tx pgx.Tx) error {
		known, err := knownArtifact(ctx, tx, tenant, t.Artifact)
		if err != nil {
			return err
		}
		out.Artifact, out.State = known.Purl, known.State
		if _, err := tx.Exec(ctx, sqlLockTag, tenant, t.Tag); err != nil {
			return err
		}
		var holder id.ID
		name := tagName(known.Purl)
		err = tx.QueryRow(ctx, sqlTagHolder, tenant, t.Tag, name).Scan(&holder, &out.Before)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if out.Before == known.Purl {
			return nil
		}
		out.Changed = true
		if out.Before != "" {
			if _, err := tx.Exec(ctx, sqlDeleteTag, tenant, t.Tag, holder); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, sqlPutTag, tenant, t.Tag, known.ID, name); err != nil {
			return err
		}
		if err := noteTag(ctx, tx, tenant, "artifact.tag", t, known.ID, out.Before, known.Purl); err != nil {
			return err
		}
		if out.Before != "" {
			if err := inv.movedOn(ctx, tx, tenant, t, holder, &out); err != nil {
				return err
			}
		}
		return comeBack(ctx, tx, tenant, t, known, &out)
	})
	if err != nil {
		return out, during("tag", err)
	}
	return out, nil
}

// movedOn retires the artifact that the tag left, where that is wanted.
func (inv *Inventory) movedOn(ctx context.Context, tx pgx.Tx, tenant id.ID, t Tagging, left id.ID, out *Tagged) error {
	var policy, held []string
	if err := tx.QueryRow(ctx, sqlRetiringTags, tenant, left).Scan(&policy, &held); err != nil {
		return fmt.Errorf("policy: %w", err)
	}
	if !t.RetireOld && (!slices.Contains(policy, t.Tag) || len(held) > 0) {
		return nil
	}
	list, err := retire(ctx, tx, tenant, []id.ID{left}, "tag "+t.Tag+" moved on to "+out.Artifact, RetiredByTag, nil, t.Actor)
	out.Retired = len(list) == 1
	return err
}

// comeBack revives the artifact that has the tag now, where the tag's leaving had retired it.
func comeBack(ctx context.Context, tx pgx.Tx, tenant id.ID, t Tagging, has known, out *Tagged) error {
	if has.State != "retired" {
		return nil
	}
	var by string
	if err := tx.QueryRow(ctx, sqlRetiredBy, tenant, has.ID).Scan(&by); err != nil || by != RetiredByTag {
		return err
	}
	var err error
	if out.Revived, err = revive(ctx, tx, tenant, has.ID, "tag "+t.Tag+" came back", "tag", t.Actor); out.Revived {
		out.State = "active"
	}
	return err
}

// Untag takes the tag from an artifact; nobody has it then. changed says whether it had it.
func (inv *Inventory) Untag(ctx context.Context, tenant id.ID, t Tagging) (changed bool, err error) {
	if err := t.Check(); err != nil {
		return false, err
	}
	if t.Actor == nil {
		t.Actor = pg.UserOf(ctx)
	}
	err = inv.as(ctx, pg.Ingest, tenant, func(tx pgx.Tx) error {
		known, err := knownArtifact(ctx, tx, tenant, t.Artifact)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlLockTag, tenant, t.Tag); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, sqlDeleteTag, tenant, t.Tag, known.ID)
		if changed = tag.RowsAffected() == 1; err != nil || !changed {
			return err
		}
		return noteTag(ctx, tx, tenant, "artifact.untag", t, known.ID, known.Purl, "")
	})
	if err != nil {
		return false, during("untag", err)
	}
	return changed, nil
}

// noteTag writes down who held the tag, and who holds it now, and has the views learn of it.
func noteTag(ctx context.Context, tx pgx.Tx, tenant id.ID, action string, t Tagging, artifact id.ID, before, after string) error {
	holder := func(purl string) any {
		if purl == "" {
			return nil
		}
		return map[string]string{"tag": t.Tag, "artifact": purl}
	}
	if _, err := tx.Exec(ctx, sqlQueueTag, tenant, artifact, t.Tag, ingest.Channel); err != nil {
		return err
	}
	return audit.Note(ctx, tx, tenant, audit.Entry{Actor: t.Actor, Action: action, Entity: "artifact", Of: &artifact, Diff: audit.Change(holder(before), holder(after))})
}

// versionQualifiers say which version an artifact is, not which artifact: a tag of an image, where a file was.
var versionQualifiers = []string{"tag", "checksum", "vcs_url", "download_url", "file_name"}

// tagName is what the versions of an artifact have in common: its purl without the version. An image
// for another architecture is another artifact, with tags of its own.
func tagName(artifact string) string {
	p, err := purl.Parse(artifact)
	if err != nil {
		return artifact // not written by an import
	}
	return p.WithVersion("").Without(versionQualifiers...).Purl
}
