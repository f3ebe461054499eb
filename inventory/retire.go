package inventory

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/ingest"
	"sluice/internal/ask"
	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/pg"
)

// What retires an artifact.
const (
	RetiredByCommand = "command" // somebody said so
	RetiredUnseen    = "unseen"  // no SBOM of it for longer than the tenant's policy says
	RetiredByTag     = "tag"     // a tag moved on to another version
)

// Retirement takes an artifact out of use: its findings are closed.
type Retirement struct {
	// Artifact is its purl. Required.
	Artifact string
	// Reason says why.
	Reason string
	// AsOf is since when it is out of use: a document that is newer revives it, one that is not does not,
	// whenever it comes. Nil is now.
	AsOf *time.Time
	// Actor is who retires, for the audit log; nil: who acts in the context.
	Actor *id.ID
}

// Retire retires an artifact; where it is retired already, changed is false and nothing happens.
// Its findings are closed by the next projection, for which it leaves a job.
func (inv *Inventory) Retire(ctx context.Context, tenant id.ID, r Retirement) (changed bool, err error) {
	if r.Actor == nil {
		r.Actor = pg.UserOf(ctx)
	}
	err = inv.as(ctx, pg.Ingest, tenant, func(tx pgx.Tx) error {
		known, err := knownArtifact(ctx, tx, tenant, r.Artifact)
		if err != nil {
			return err
		}
		list, err := retire(ctx, tx, tenant, []id.ID{known.ID}, r.Reason, RetiredByCommand, r.AsOf, r.Actor)
		if err != nil || len(list) == 0 {
			return err
		}
		if seen := list[0].LastSeen; r.AsOf != nil && seen != nil && seen.After(*r.AsOf) {
			return ask.Wrong("as-of", "%s: an SBOM of %s says that it was in use on %s; that would revive it at once",
				r.AsOf.UTC().Format(time.RFC3339), known.Purl, seen.UTC().Format(time.RFC3339))
		}
		changed = true
		return nil
	})
	if err != nil {
		return false, during("retire", err)
	}
	return changed, nil
}

// retired is one that was retired just now.
type retired struct {
	ID       id.ID      `db:"id"`
	Purl     string     `db:"purl"`
	AsOf     time.Time  `db:"retired_as_of"`
	LastSeen *time.Time `db:"last_seen"`
	Told     int        `db:"told"`
}

// retire retires those of the artifacts that are active, and notes each in the audit log.
func retire(ctx context.Context, tx pgx.Tx, tenant id.ID, artifacts []id.ID, reason, by string, asOf *time.Time, actor *id.ID) ([]retired, error) {
	list, err := collect[retired](ctx, tx, sqlRetireArtifacts, tenant, artifacts, reason, by, asOf, ingest.Channel)
	if err != nil {
		return nil, err
	}
	for _, r := range list {
		err := audit.Note(ctx, tx, tenant, audit.Entry{
			Actor: actor, Action: "artifact.retire", Entity: "artifact", Of: &r.ID,
			Diff: audit.Change(
				map[string]any{"artifact": r.Purl, "state": "active"},
				map[string]any{"artifact": r.Purl, "state": "retired", "by": by, "reason": reason, "as_of": r.AsOf.UTC()}),
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Revival takes an artifact back into use.
type Revival struct {
	// Artifact is its purl. Required.
	Artifact string
	// Reason says why.
	Reason string
	// Actor is who revives, for the audit log; nil: who acts in the context.
	Actor *id.ID
}

// Revive makes a retired artifact active again; where it is active, changed is false and nothing
// happens. Its findings open with the next projection. It counts as seen now: the policy
// retires it again only when it stays unseen for as long once more.
func (inv *Inventory) Revive(ctx context.Context, tenant id.ID, r Revival) (changed bool, err error) {
	if r.Actor == nil {
		r.Actor = pg.UserOf(ctx)
	}
	err = inv.as(ctx, pg.Ingest, tenant, func(tx pgx.Tx) error {
		known, err := knownArtifact(ctx, tx, tenant, r.Artifact)
		if err != nil {
			return err
		}
		changed, err = revive(ctx, tx, tenant, known.ID, r.Reason, "command", r.Actor)
		return err
	})
	if err != nil {
		return false, during("revive", err)
	}
	return changed, nil
}

func revive(ctx context.Context, tx pgx.Tx, tenant, artifact id.ID, reason, by string, actor *id.ID) (bool, error) {
	type was struct {
		Purl   string     `db:"purl"`
		Reason string     `db:"reason"`
		By     string     `db:"retired_by"`
		AsOf   *time.Time `db:"retired_as_of"`
		Told   int        `db:"told"`
	}
	list, err := collect[was](ctx, tx, sqlReviveArtifact, tenant, artifact, ingest.Channel)
	if err != nil || len(list) == 0 {
		return false, err
	}
	w := list[0]
	return true, audit.Note(ctx, tx, tenant, audit.Entry{
		Actor: actor, Action: "artifact.revive", Entity: "artifact", Of: &artifact,
		Diff: audit.Change(
			map[string]any{"artifact": w.Purl, "state": "retired", "by": w.By, "reason": w.Reason, "as_of": w.AsOf},
			map[string]any{"artifact": w.Purl, "state": "active", "by": by, "reason": reason}),
	})
}

// retireBatch is how many artifacts one transaction retires for being unseen.
const retireBatch = 500

// RetireUnseen retires the artifacts that nobody has seen since cutoff: of which there is no newer
// SBOM, that nobody revived since, and that hold no tag. A document that is newer than
// cutoff revives them, as it would have kept them had it come before. It returns their purls; with dryRun
// it only does that.
func (inv *Inventory) RetireUnseen(ctx context.Context, tenant id.ID, cutoff time.Time, dryRun bool) ([]string, error) {
	purls := []string{}
	reason := "no SBOM since " + cutoff.UTC().Format(time.DateOnly)
	for after := ""; ; {
		n := 0
		err := inv.as(ctx, pg.Ingest, tenant, func(tx pgx.Tx) error {
			type unseen struct {
				ID   id.ID  `db:"id"`
				Purl string `db:"purl"`
			}
			list, err := collect[unseen](ctx, tx, sqlUnseenArtifacts, tenant, cutoff, retireBatch, after)
			if err != nil || len(list) == 0 {
				return err
			}
			ids := make([]id.ID, len(list))
			found := make([]string, len(list))
			for i, u := range list {
				ids[i], found[i] = u.ID, u.Purl
			}
			n, after = len(list), list[len(list)-1].Purl
			if !dryRun {
				if _, err := retire(ctx, tx, tenant, ids, reason, RetiredUnseen, &cutoff, nil); err != nil {
					return err
				}
			}
			purls = append(purls, found...)
			return nil
		})
		if err != nil {
			return purls, fmt.Errorf("retire what is unseen: %w", err)
		}
		if n < retireBatch {
			return purls, nil
		}
	}
}
