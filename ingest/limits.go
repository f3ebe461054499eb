package ingest

import (
	"context"
	"sync"
	"time"

	"sluice/internal/id"
)

// Limits says how much of a tenant's documents may be stored now.
type Limits interface {
	// Allow says how many of the tenant's documents, from the first, may be stored now, and counts
	// those. For the rest it says when to ask again and why they wait. An error that is an outage is waited out.
	Allow(ctx context.Context, tenant id.ID, list []Size) (n int, again time.Duration, why string, err error)
}

// Size is what a document takes of a limit.
type Size struct {
	Bytes      int64
	Components int64
}

// longestWait is how long nobody asks again: limits may change.
const longestWait = 2 * time.Second

// writeAllowed stores a batch, as far as limits allow and in its order; what they do not allow waits.
// Duplicates take nothing.
func (p *Pipeline) writeAllowed(ctx, hard context.Context, src Source, b *batch) error {
	if p.cfg.Allowance == nil {
		return p.write(ctx, hard, src, b)
	}
	rest := b.tasks
	for {
		n, again, err := p.allowed(ctx, rest)
		if err != nil {
			return p.told(b.tasks, err)
		}
		if n == len(b.tasks) {
			return p.write(ctx, hard, src, b) // all of it, as nearly always
		}
		if n > 0 {
			some := *b
			some.tasks = rest[:n]
			if err := p.write(ctx, hard, src, &some); err != nil {
				return err
			}
			rest = rest[n:]
		}
		if len(rest) == 0 {
			return nil
		}
		if err := p.standAside(ctx, b, again); err != nil {
			return err
		}
	}
}

// allowed says how many tasks, from the first, may be written, and when to ask for the next.
func (p *Pipeline) allowed(ctx context.Context, tasks []*task) (n int, again time.Duration, err error) {
	waiting := map[id.ID][]*task{}
	var tenants []id.ID
	for _, t := range tasks {
		if t.outcome == Duplicate || t.allowed {
			continue
		}
		if waiting[t.env.Tenant] == nil {
			tenants = append(tenants, t.env.Tenant)
		}
		waiting[t.env.Tenant] = append(waiting[t.env.Tenant], t)
	}
	for _, tenant := range tenants {
		list := waiting[tenant]
		sizes := make([]Size, len(list))
		for i, t := range list {
			sizes[i].Bytes = int64(len(t.env.Bytes))
			if t.doc != nil {
				sizes[i].Components = int64(len(t.doc.Components))
			}
		}
		var some int
		var wait time.Duration
		var why string
		err := p.insist(ctx, func() (err error) {
			some, wait, why, err = p.cfg.Allowance.Allow(ctx, tenant, sizes)
			return err
		})
		if err != nil {
			return 0, 0, err
		}
		for _, t := range list[:some] {
			t.allowed = true
		}
		if some < len(list) {
			wait = min(max(wait, 10*time.Millisecond), longestWait)
			if p.closed.close(tenant, wait) {
				p.cfg.Logger.Warn("a limit is reached: documents of the tenant wait", "tenant", tenant, "reason", why)
			}
			if again == 0 || wait < again {
				again = wait
			}
		}
	}
	for n < len(tasks) && (tasks[n].outcome == Duplicate || tasks[n].allowed) {
		n++
	}
	return n, again, nil
}

// standAside waits without holding up others: the batch gives back its room and its place among those
// that are carried.
func (p *Pipeline) standAside(ctx context.Context, b *batch, d time.Duration) error {
	if !b.freed {
		b.freed = true
		p.release(b.tasks...)
	}
	if p.carriers != nil {
		p.carriers.Leave()
	}
	began := time.Now()
	pause(ctx, d)
	b.waited += time.Since(began)
	if p.carriers != nil {
		// Whatever became of ctx: whoever called leaves it again.
		if err := p.carriers.Enter(context.WithoutCancel(ctx), b.tenants()); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// doors are the tenants that a limit holds up, and until when.
type doors struct {
	mu    sync.Mutex
	until map[id.ID]time.Time
	told  map[id.ID]time.Time
}

// close shuts a tenant out for a while. It reports whether somebody should hear of it: once a minute.
func (d *doors) close(tenant id.ID, wait time.Duration) (tell bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.until == nil {
		d.until, d.told = map[id.ID]time.Time{}, map[id.ID]time.Time{}
	}
	now := time.Now()
	d.until[tenant] = now.Add(wait)
	tell = now.Sub(d.told[tenant]) > time.Minute
	if tell {
		d.told[tenant] = now
	}
	return tell
}

// closed is how long a tenant has to wait, as far as anybody knows.
func (d *doors) closed(tenant id.ID) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	until, ok := d.until[tenant]
	if !ok {
		return 0
	}
	wait := time.Until(until)
	if wait <= 0 {
		delete(d.until, tenant)
	}
	return wait
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
