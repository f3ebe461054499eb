package inventory

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
)

// Feed is what one source of facts has brought: the records of an OSV database, of NVD, the scores of EPSS.
type Feed struct {
	Source string `db:"source" json:"source"`
	// Shared: for every tenant; else this tenant's alone.
	Shared  bool  `db:"shared" json:"shared"`
	Records int64 `db:"records" json:"records"`
	// Newest is when its newest record was modified, as the records say; nil where none does.
	Newest *time.Time `db:"newest" json:"newest"`
	// Imported is when a record was stored last: a feed in which nothing changed stays as it is.
	Imported time.Time `db:"imported_at" json:"imported_at"`
}

// Feeds lists the sources of facts that a tenant's packages are matched against.
func (inv *Inventory) Feeds(ctx context.Context, tenant id.ID) (list []Feed, err error) {
	err = inv.read(ctx, tenant, func(tx pgx.Tx) (err error) {
		list, err = collect[Feed](ctx, tx, sqlFeeds, tenant, id.Shared)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("feeds: %w", err)
	}
	for i := range list {
		list[i].Imported = list[i].Imported.UTC()
		if list[i].Newest != nil {
			utc := list[i].Newest.UTC()
			list[i].Newest = &utc
		}
	}
	return list, nil
}
