package projections

import (
	"context"
	"fmt"

	"sluice/internal/id"
)

// relistStreams has what the current documents of streams list worked out anew, and puts what
// that changes among the work of the batch. It comes before everything that reads inventories
// and packages.
func (b *batch) relistStreams(ctx context.Context) error {
	if len(b.relist) == 0 {
		return nil
	}
	if b.w.cfg.Relist == nil {
		return fmt.Errorf("what %d streams list is to be read again, and this worker has no formats to read it with; `sluice project` has", len(b.relist))
	}
	artifacts, streams := b.relist.columns()
	documents := map[id.ID]bool{}
	if err := b.ids(ctx, documents, sqlStreamDocuments, b.tenant, artifacts, streams); err != nil {
		return err
	}
	packages, changed, err := b.w.cfg.Relist(ctx, b.tx, b.tenant, sortedIDs(documents))
	if err != nil {
		return err
	}
	for _, p := range packages {
		b.packages[p], b.derived[p] = true, true
	}
	b.streams = append(b.streams, b.relist...)
	return b.exec(ctx, sqlForgetStreams, b.tenant, changed)
}
