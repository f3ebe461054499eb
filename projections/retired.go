package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/audit"
	"sluice/internal/id"
)

// retirement says why an artifact is retired.
type retirement struct {
	by     string // command, unseen, tag
	reason string
}

// projectArtifacts looks at the artifacts of the batch that are retired: a document that is newer
// than the retirement revives its artifact, whether it came before the retirement was written
// down or after. What was retired or revived is looked at whole.
func (b *batch) projectArtifacts(ctx context.Context) error {
	look := map[id.ID]bool{}
	for a := range b.artifacts {
		look[a] = true
	}
	for _, s := range b.streams {
		look[s.artifact] = true
	}
	if len(look) == 0 {
		return nil
	}
	if err := b.revive(ctx, sortedIDs(look)); err != nil {
		return fmt.Errorf("revive: %w", err)
	}
	if len(b.artifacts) == 0 {
		return nil
	}
	return b.exec(ctx, sqlPairsOfArtifacts, b.tenant, sortedIDs(b.artifacts))
}

// revived is what is known of an artifact that a document revived.
type revived struct {
	ID           id.ID
	Purl, Reason string
	By           string
	AsOf         time.Time
}

func (b *batch) revive(ctx context.Context, artifacts []id.ID) error {
	rows, err := b.tx.Query(ctx, sqlReviveArtifacts, b.tenant, artifacts)
	if err != nil {
		return err
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[revived])
	if err != nil {
		return err
	}
	for _, r := range list {
		b.artifacts[r.ID] = true
		err := audit.Note(ctx, b.tx, b.tenant, audit.Entry{
			Action: "artifact.revive", Entity: "artifact", Of: &r.ID,
			Diff: audit.Change(
				map[string]any{"artifact": r.Purl, "state": "retired", "by": r.By, "reason": r.Reason, "as_of": r.AsOf.UTC()},
				map[string]any{"artifact": r.Purl, "state": "active", "by": "document", "reason": "an SBOM is newer than the retirement"}),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// retirements says which of the artifacts that have findings and list none of their packages
// any more are retired.
func (b *batch) retirements(ctx context.Context, pairs []*pair, have map[findingKey]*finding) (map[id.ID]retirement, error) {
	live := map[id.ID]bool{}
	for _, p := range pairs {
		live[p.Artifact] = true
	}
	ask := map[id.ID]bool{}
	for k := range have {
		if !live[k.artifact] {
			ask[k.artifact] = true
		}
	}
	if len(ask) == 0 {
		return nil, nil
	}
	rows, err := b.tx.Query(ctx, sqlRetiredArtifacts, b.tenant, sortedIDs(ask))
	if err != nil {
		return nil, err
	}
	out := map[id.ID]retirement{}
	var artifact id.ID
	var r retirement
	if _, err := pgx.ForEachRow(rows, []any{&artifact, &r.by, &r.reason}, func() error { out[artifact] = r; return nil }); err != nil {
		return nil, fmt.Errorf("retired artifacts: %w", err)
	}
	return out, nil
}

// closed is the event of a finding that goes because its artifact was retired.
func (r retirement) closed() event {
	e := event{"closed", "the artifact was retired", map[string]string{"why": "retired", "by": r.by}}
	if r.reason != "" {
		e.reason += ": " + r.reason
	}
	return e
}
