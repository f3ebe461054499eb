package ingest

import (
	"sluice/internal/id"
	"sluice/normalize"
	"sluice/normalize/purl"
)

// Lists says what an SBOM lists, as an import reads it, and stores nothing: its packages, each once, and the components
// that cannot be matched because it is not known what they are.
func Lists(d *normalize.Document) (packages []purl.Package, unmatched []Unmatched) {
	inv := newInventory(id.Shared, d)
	for _, p := range inv.packages {
		packages = append(packages, p.Package)
	}
	return packages, inv.unmatched
}
