package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/inventory"
)

// missing asks whether what a filter looks for is here at all.
func missing(ctx context.Context, f inventory.FindingFilter) func(*inventory.Inventory, id.ID) (bool, error) {
	return func(inv *inventory.Inventory, tenant id.ID) (bool, error) { return false, inv.Missing(ctx, tenant, f) }
}

// nothing says, on standard error, that a list is empty: otherwise in these words, but of a package or a vulnerability
// that is not here that it is not, and of a tenant without documents that there is nothing to look at.
func (a *app) nothing(ctx context.Context, f inventory.FindingFilter, otherwise string) error {
	return a.nothingOf(ctx, missing(ctx, f), otherwise)
}

// nothingOf is nothing with another question about what is missing.
func (a *app) nothingOf(ctx context.Context, missing func(*inventory.Inventory, id.ID) (bool, error), otherwise string) error {
	_, err := asked(ctx, a, missing)
	if absent := new(ask.NotFoundError); errors.As(err, &absent) {
		a.note("sluice: %s", absent.Error())
		return nil
	}
	if err != nil {
		return err
	}
	some, err := asked(ctx, a, func(inv *inventory.Inventory, tenant id.ID) ([]inventory.Artifact, error) {
		return inv.Artifacts(ctx, tenant, inventory.ArtifactFilter{Limit: 1})
	})
	if err == nil && len(some) == 0 {
		otherwise, _, _ = strings.Cut(otherwise, ":") // of nothing, nothing more can be said
		otherwise += fmt.Sprintf(": tenant %s has no SBOM", a.tenant)
	}
	if err == nil {
		a.note("%s", otherwise)
	}
	return err
}
