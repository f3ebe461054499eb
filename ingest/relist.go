package ingest

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/normalize/purl"
)

// Relist works out anew, in tx, what stored SBOMs list and what their packages are matched by,
// from the originals. What an older program could not tell (a source package, a release) or
// took for something else is then as if the SBOM had come today. It returns the packages that are
// matched by something else now, or not at all, and the documents that list something else or
// any of those.
func Relist(ctx context.Context, tx pgx.Tx, tenant id.ID, documents []id.ID, cfg Config) (packages, changed []id.ID, err error) {
	var out relisted
	cfg.Limits = cfg.Limits.OrDefault()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	for some := range slices.Chunk(documents, 20) { // their bytes are held at once
		if err := relist(ctx, tx, tenant, some, &cfg, &out); err != nil {
			return nil, nil, err
		}
	}
	return out.packages, out.documents, nil
}

type relisted struct{ packages, documents []id.ID }

func relist(ctx context.Context, tx pgx.Tx, tenant id.ID, documents []id.ID, cfg *Config, out *relisted) error {
	rows, err := tx.Query(ctx, sqlReread, tenant, documents)
	if err != nil {
		return fmt.Errorf("originals of %d documents: %w", len(documents), err)
	}
	again, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*task, error) { return scanStored(row, tenant) })
	if err != nil {
		return fmt.Errorf("originals of %d documents: %w", len(documents), err)
	}
	for _, t := range again {
		if err := t.readAgain(cfg); err != nil {
			cfg.Logger.Warn("a stored document cannot be read any more; what it lists stays as it is", "tenant", tenant, "origin", t.env.Origin, "error", err)
			continue
		}
		if err := t.relist(ctx, tx, out); err != nil {
			return fmt.Errorf("document %s: %w", t.documentID, err)
		}
	}
	return nil
}

func (t *task) relist(ctx context.Context, tx pgx.Tx, out *relisted) error {
	type key struct {
		Key     string `json:"match_key"`
		Package id.ID  `json:"package_id"`
	}
	inv := newInventory(t.env.Tenant, t.doc)
	packages, keys := []map[string]any{}, []key{}
	slices.SortFunc(inv.packages, func(a, b Package) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	for _, p := range inv.packages {
		packages = append(packages, map[string]any{
			"id": p.ID, "purl": p.Purl, "type": p.Type, "namespace": p.Namespace, "name": p.Name, "version": p.Version, "ecosystem": p.Ecosystem,
			"match_key": p.Key, "match_version": p.MatchVersion, "matched_by": p.MatchedBy, "name_key": p.NameKey, "unmatched_reason": p.Reason,
		})
		for _, k := range p.MoreKeys {
			keys = append(keys, key{k, p.ID})
		}
	}
	rows, err := tx.Query(ctx, sqlDeriveAgain, t.env.Tenant, toJSON(packages))
	if err != nil {
		return fmt.Errorf("packages: %w", err)
	}
	changed, err := pgx.CollectRows(rows, pgx.RowTo[id.ID])
	if err != nil {
		return fmt.Errorf("packages: %w", err)
	}
	if _, err := tx.Exec(ctx, sqlKeysAgain, t.env.Tenant, inv.packageIDs, toJSON(keys)); err != nil {
		return fmt.Errorf("keys of packages: %w", err)
	}
	tag, err := tx.Exec(ctx, sqlListAgain, t.env.Tenant, `\x`+hex.EncodeToString(t.hash[:]), inv.packageIDs, toJSON(inv.unmatched))
	if err != nil {
		return fmt.Errorf("inventory: %w", err)
	}
	if p, err := purl.Parse(t.artifact.purl); err == nil {
		if _, err := tx.Exec(ctx, sqlNameArtifact, t.env.Tenant, t.artifact.id, p.NameKey()); err != nil {
			return fmt.Errorf("artifact: %w", err)
		}
	}
	out.packages = append(out.packages, changed...)
	if tag.RowsAffected() > 0 || len(changed) > 0 {
		out.documents = append(out.documents, t.documentID)
	}
	return nil
}
