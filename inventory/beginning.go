package inventory

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
)

// Named is a kind of things that people call by name on a command line.
type Named string

// What can be completed.
const (
	NamedArtifacts Named = "artifacts" // by purl
	NamedPackages  Named = "packages"  // by purl
	NamedVulns     Named = "vulns"     // by the id that findings have
	NamedTags      Named = "tags"
	NamedRuns      Named = "runs"      // by number
	NamedParked    Named = "parked"    // by number
	NamedDocuments Named = "documents" // by content hash
)

// Beginning lists up to n names of the tenant that begin like prefix, for whoever is typing one.
func (inv *Inventory) Beginning(ctx context.Context, tenant id.ID, what Named, prefix string, n int) (list []string, err error) {
	err = inv.read(ctx, tenant, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, text("begin_"+string(what)), tenant, prefix, n)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s that begin with %q: %w", what, prefix, err)
	}
	return list, nil
}
