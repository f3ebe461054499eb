package kafka

import (
	"context"
	"time"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/normalize"
)

// believeAllowed is how long it is believed whether a topic may carry documents of a tenant.
const believeAllowed = 2 * time.Second

// permit is a topic and a tenant whose documents it carries.
type permit struct {
	tenant id.ID
	topic  string
}

type permitted struct {
	ok    bool
	until time.Time
}

// mayWrite reports whether a topic may carry documents of a tenant.
func (t *tenants) mayWrite(ctx context.Context, tenant id.ID, topic string) (bool, error) {
	key := permit{tenant, topic}
	t.mu.Lock()
	known, found := t.permits[key]
	t.mu.Unlock()
	if found && time.Now().Before(known.until) {
		return known.ok, nil
	}
	ok, err := ingest.MayWrite(ctx, t.pool, tenant, topic)
	if err != nil {
		return false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.permits) >= maxNames {
		clear(t.permits)
	}
	t.permits[key] = permitted{ok, time.Now().Add(believeAllowed)}
	return ok, nil
}

// notAllowed parks a message of a topic that may not carry documents of the tenant that it names.
func notAllowed(topic, tenant string) *normalize.ParkError {
	return normalize.Park(normalize.ReasonProducer, "header "+headerTenant,
		"topic %s may not carry what is of tenant %.100q; if it is to, `sluice topics allow %s --tenant …`, then `sluice parked replay --operator --all`", topic, tenant, topic)
}
