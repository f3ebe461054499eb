package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/internal/pg"
)

// SharedTenant is the name by which a message addresses the shared vulnerability feed.
const SharedTenant = "shared"

// How long what was found out about a tenant is believed. One that is missing may be made
// any moment, and its sender tries again.
const (
	believeFound   = time.Minute
	believeMissing = time.Second
	maxNames       = 10_000 // remembered; names come from messages
)

// tenants finds the tenant that a message names, and the scan run that its documents
// belong to: one per tenant, group and day.
type tenants struct {
	pool  *pgxpool.Pool
	group string

	mu      sync.Mutex
	names   map[string]tenant
	runs    map[runKey]int64
	permits map[permit]permitted
	tally   map[runRef]*ingest.Counts // not written to the scan run yet
}

// runRef is a scan run.
type runRef struct {
	tenant id.ID
	run    int64
}

type tenant struct {
	id    id.ID
	ok    bool
	until time.Time
}

type runKey struct {
	tenant id.ID
	day    string
}

func newTenants(pool *pgxpool.Pool, group string) *tenants {
	return &tenants{pool: pool, group: group, names: map[string]tenant{}, runs: map[runKey]int64{}, permits: map[permit]permitted{}, tally: map[runRef]*ingest.Counts{}}
}

// find returns the tenant of a name or a UUID, and whether there is one.
func (t *tenants) find(ctx context.Context, name string) (id.ID, bool, error) {
	if name == "" {
		return id.ID{}, false, nil
	}
	t.mu.Lock()
	known, ok := t.names[name]
	t.mu.Unlock()
	if ok && time.Now().Before(known.until) {
		return known.id, known.ok, nil
	}
	found, err := ingest.FindTenant(ctx, t.pool, name)
	if err != nil {
		return id.ID{}, false, err
	}
	known = tenant{ok: found != nil, until: time.Now().Add(believeMissing)}
	if found != nil {
		known.id, known.until = *found, time.Now().Add(believeFound)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.names) >= maxNames {
		clear(t.names)
	}
	t.names[name] = known
	return known.id, known.ok, nil
}

// run returns today's scan run of a tenant.
func (t *tenants) run(ctx context.Context, tenant id.ID) (int64, error) {
	key := runKey{tenant, time.Now().UTC().Format(time.DateOnly)}
	t.mu.Lock()
	run, ok := t.runs[key]
	t.mu.Unlock()
	if ok {
		return run, nil
	}
	run, err := ingest.DailyRun(ctx, t.pool, tenant, "kafka", []string{t.group, key.day})
	if err != nil {
		return 0, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for old := range t.runs {
		if old.tenant == tenant && old.day != key.day {
			delete(t.runs, old)
		}
	}
	t.runs[key] = run
	return run, nil
}

// count notes what became of documents, for the next flush.
func (t *tenants) count(receipts []ingest.Receipt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range receipts {
		ref := runRef{r.Tenant, r.ScanRun}
		if t.tally[ref] == nil {
			t.tally[ref] = &ingest.Counts{}
		}
		t.tally[ref].Add(r)
	}
}

// flush adds what was counted to the scan runs. What cannot be written now is kept.
func (t *tenants) flush(ctx context.Context) error {
	t.mu.Lock()
	tally := t.tally
	t.tally = map[runRef]*ingest.Counts{}
	t.mu.Unlock()
	var failed error
	for ref, counts := range tally {
		err := pg.Tenant(ctx, t.pool, ref.tenant, func(tx pgx.Tx) error { return ingest.AddCounts(ctx, tx, ref.tenant, ref.run, *counts) })
		if err == nil || errors.Is(err, pgx.ErrNoRows) { // no row: the sender named a run that there is not
			continue
		}
		failed = fmt.Errorf("counts of scan run %d: %w", ref.run, err)
		t.mu.Lock()
		if newer := t.tally[ref]; newer != nil {
			counts.Merge(*newer)
		}
		t.tally[ref] = counts
		t.mu.Unlock()
	}
	return failed
}
