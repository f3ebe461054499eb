package fair

import (
	"cmp"
	"slices"
	"sync"

	"sluice/internal/id"
)

// remembered is how many tenants a Rota remembers at least. One that it has forgotten was
// served so long ago that it is as good as new.
const remembered = 10_000

// Rota remembers who was served when. The zero value is ready for use.
type Rota struct {
	mu     sync.Mutex
	turn   uint64
	served map[id.ID]uint64
}

// Serve notes that these are served now.
func (r *Rota) Serve(tenants ...id.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.served == nil {
		r.served = map[id.ID]uint64{}
	}
	r.turn++
	for _, t := range tenants {
		r.served[t] = r.turn
	}
	if len(r.served) > 2*remembered {
		turns := make([]uint64, 0, len(r.served))
		for _, n := range r.served {
			turns = append(turns, n)
		}
		slices.Sort(turns)
		oldest := turns[len(turns)-remembered]
		for t, n := range r.served {
			if n < oldest {
				delete(r.served, t)
			}
		}
	}
}

// Order sorts tenants by who was served longest ago, those that never were before all others.
// Of equals the order stays.
func (r *Rota) Order(tenants []id.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortStableFunc(tenants, func(a, b id.ID) int { return cmp.Compare(r.served[a], r.served[b]) })
}

// Since is when the one of these was served that was served longest ago: the smaller, the
// longer ago; 0 is never.
func (r *Rota) Since(tenants []id.ID) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	since := r.turn
	for _, t := range tenants {
		since = min(since, r.served[t])
	}
	return since
}

// latest reports whether nobody was served after these.
func (r *Rota) latest(tenants []id.ID) bool {
	since := r.Since(tenants)
	r.mu.Lock()
	defer r.mu.Unlock()
	return since == r.turn
}
