package ingest

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
)

// Park sets envelopes with Err aside in a transaction of the caller's, whose connection
// comes from a pool made with PoolConfig, and returns their receipts. It is for sources
// that write something other than documents by themselves.
func (p *Pipeline) Park(ctx context.Context, tx pgx.Tx, list []Envelope) ([]Receipt, error) {
	var tasks []*task
	seen := map[id.ID]bool{} // of all tenants: a document's id follows from its tenant too
	for _, env := range list {
		if env.Err == nil {
			return nil, errors.New("park: " + env.Origin + " has no error")
		}
		t := newTask(env)
		if !seen[t.documentID] {
			seen[t.documentID] = true
			t.park = env.Err
			tasks = append(tasks, t)
		}
	}
	if len(tasks) == 0 {
		return nil, nil
	}
	if err := p.store.write(ctx, tx, tasks); err != nil {
		return nil, err
	}
	receipts := make([]Receipt, len(tasks))
	for i, t := range tasks {
		receipts[i] = t.receipt()
	}
	return receipts, nil
}
