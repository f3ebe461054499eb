package inventory

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
)

// UnknownFilter picks unknowns. The zero value picks all.
type UnknownFilter struct {
	// Artifact is the purl of the artifact they are in; "" is any.
	Artifact string
	// Reason is why they cannot be matched, such as no-purl; "" is any.
	Reason string
}

// Check returns an *ask.WrongError where the filter makes no sense. Unknowns checks too.
func (f UnknownFilter) Check() error {
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
}

// Unknowns lists the components of current SBOMs that cannot be matched.
func (inv *Inventory) Unknowns(ctx context.Context, tenant id.ID, f UnknownFilter) ([]Unknown, error) {
	artifact, err := artifactPurl(f.Artifact)
	if err != nil {
		return nil, err
	}
	var list []Unknown
	err = inv.read(ctx, tenant, func(tx pgx.Tx) (err error) {
		list, err = collect[Unknown](ctx, tx, sqlUnknowns, tenant, artifact, f.Reason, id.Derive(tenant, "artifact", artifact))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("unknowns: %w", err)
	}
	for i := range list {
		list[i].ValidFrom = list[i].ValidFrom.UTC()
	}
	return list, nil
}
