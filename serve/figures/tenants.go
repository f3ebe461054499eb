package figures

import (
	"sync"

	"sluice/internal/id"
)

// Other is what tenants without a name of their own are called, and the shared feed's jobs.
const Other = "other"

// Tenants are the names of tenants as labels, a bounded number: the first that were made have
// theirs, so that every process names the same ones, and a new tenant renames none.
type Tenants struct {
	most  int
	mu    sync.RWMutex
	names map[id.ID]string
}

// NewTenants names at most so many tenants; 0: none.
func NewTenants(most int) *Tenants { return &Tenants{most: most} }

// Label is what a tenant is called.
func (t *Tenants) Label(tenant id.ID) string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if name, ok := t.names[tenant]; ok {
		return name
	}
	return Other
}

func (t *Tenants) set(names map[id.ID]string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.names = names
}
