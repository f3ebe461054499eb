package fair

import (
	"context"
	"slices"
	"sync"

	"sluice/internal/id"
)

// Gate lets so many in at a time. Of those who wait the one goes next in which a tenant has
// something that was let in longest ago; among equals who came first.
type Gate struct {
	rota Rota

	mu      sync.Mutex
	free    int
	waiting []*visit
}

type visit struct {
	tenants []id.ID
	in      chan struct{} // closed when it is let in
}

// NewGate returns a gate with room for so many.
func NewGate(room int) *Gate { return &Gate{free: room} }

// Enter waits until what these tenants have is let in, and returns nil, or until ctx ends.
func (g *Gate) Enter(ctx context.Context, tenants []id.ID) error {
	g.mu.Lock()
	if g.free > 0 {
		g.free--
		g.rota.Serve(tenants...)
		g.mu.Unlock()
		return nil
	}
	v := &visit{tenants: tenants, in: make(chan struct{})}
	g.waiting = append(g.waiting, v)
	g.mu.Unlock()
	select {
	case <-v.in:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	i := slices.Index(g.waiting, v)
	if i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
	}
	g.mu.Unlock()
	if i < 0 {
		g.Leave() // it was let in at the same moment
	}
	return ctx.Err()
}

// Leave lets the next one in.
func (g *Gate) Leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.free++
		return
	}
	best, since := 0, g.rota.Since(g.waiting[0].tenants)
	for i, v := range g.waiting[1:] {
		if s := g.rota.Since(v.tenants); s < since {
			best, since = i+1, s
		}
	}
	v := g.waiting[best]
	g.waiting = slices.Delete(g.waiting, best, best+1)
	g.rota.Serve(v.tenants...)
	close(v.in)
}

// Last reports whether these tenants, if they came now, would have to wait and have no claim to be
// let in before anybody else: the place was given to them just now.
func (g *Gate) Last(tenants []id.ID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.free == 0 && g.rota.latest(tenants)
}
