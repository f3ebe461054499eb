package authority

import (
	"maps"
	"slices"
	"strings"

	"sluice/internal/ask"
	"sluice/internal/id"
)

// Permission is something that one may do in a tenant. A role is a set of them, and so are the
// scopes of a token. None implies another.
type Permission string

// The permissions. Every command and every route needs one of them, or Anyone, or Open.
const (
	Read   Permission = "read"   // see what the tenant has: findings, documents, runs, parked documents
	Ingest Permission = "ingest" // hand documents in
	Decide Permission = "decide" // say what holds for a finding
	Admin  Permission = "admin"  // say who may what in the tenant; jobs and parked documents of it
	// Operate and Metrics are about no tenant but the whole installation: only those of the
	// operator have them.
	Operate Permission = "operate" // schema, partitions, topics, maintenance, tenants, the shared feed
	Metrics Permission = "metrics" // the figures of a process
)

// What needs no permission.
const (
	// Anyone whose credential is accepted.
	Anyone Permission = "anyone"
	// Open to everybody, with a credential or without.
	Open Permission = "open"
)

// ofTenants are the permissions in a tenant; ofOperator those in the installation, which
// stand in the operator's own tenant.
var (
	ofTenants  = []Permission{Read, Ingest, Decide, Admin}
	ofOperator = []Permission{Read, Ingest, Decide, Admin, Operate, Metrics}
)

// standard are the roles that are made when somebody grants them first.
var standard = map[string][]Permission{
	"reader":   {Read},
	"importer": {Read, Ingest},
	"analyst":  {Read, Decide},
	"admin":    {Read, Ingest, Decide, Admin},
}

// standardOperator are those of the operator's own tenant besides.
var standardOperator = map[string][]Permission{
	"operator": {Read, Ingest, Decide, Admin, Operate, Metrics},
	"monitor":  {Metrics},
}

// StandardRoles returns the names of the roles that need not be made before they are granted.
func StandardRoles() []string {
	return append(slices.Sorted(maps.Keys(standard)), slices.Sorted(maps.Keys(standardOperator))...)
}

// standardRole returns the permissions of a role that a tenant has from the start.
func standardRole(tenant id.ID, name string) ([]Permission, bool) {
	if p, ok := standard[name]; ok {
		return p, true
	}
	p, ok := standardOperator[name]
	return p, ok && tenant == id.Operator
}

// checkPermissions says whether permissions can be had in a tenant, and returns them sorted, each once.
func checkPermissions(tenant id.ID, field string, list []Permission) ([]Permission, error) {
	may := ofTenants
	if tenant == id.Operator {
		may = ofOperator
	}
	if len(list) == 0 {
		return nil, ask.Wrong(field, "is empty: say at least one of %s", join(may))
	}
	for _, p := range list {
		switch {
		case slices.Contains(may, p):
		case slices.Contains(ofOperator, p):
			return nil, ask.Wrong(field, "%q: that is the operator's, not a tenant's", p)
		default:
			return nil, ask.Wrong(field, "%q: there are %s", p, join(may))
		}
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list), nil
}

// both returns what stands in a and in b.
func both(a, b []Permission) []Permission {
	return slices.DeleteFunc(slices.Clone(a), func(p Permission) bool { return !slices.Contains(b, p) })
}

// beyond returns what of list is not in has.
func beyond(list, has []Permission) []Permission {
	return slices.DeleteFunc(slices.Clone(list), func(p Permission) bool { return slices.Contains(has, p) })
}

// join writes permissions as a sentence does.
func join(list []Permission) string {
	if len(list) == 0 {
		return "nothing"
	}
	parts := make([]string, len(list))
	for i, p := range list {
		parts[i] = string(p)
	}
	return strings.Join(parts, ", ")
}

// Permissions reads the words of a list.
func Permissions(words []string) []Permission {
	out := make([]Permission, len(words))
	for i, w := range words {
		out[i] = Permission(strings.TrimSpace(w))
	}
	return out
}

// AllPermissions returns every permission that there is.
func AllPermissions() []Permission { return slices.Clone(ofOperator) }
