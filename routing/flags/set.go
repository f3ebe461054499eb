package flags

import (
	"encoding/json"
	"time"

	"sluice/internal/id"
)

// Flag is one version of a flag, as it is stored.
type Flag struct {
	Key     string `json:"key"`
	Tenant  id.ID  `json:"tenant_id"` // id.Shared: for every tenant that has none of its own
	Version int    `json:"version"`
	// Enabled is false where the flag is off whatever its rules say.
	Enabled bool            `json:"is_enabled"`
	Rules   json.RawMessage `json:"rules"`
	Updated time.Time       `json:"updated_at"`

	id id.ID
}

// Decision is what a flag says, and why.
type Decision struct {
	On bool `json:"on"`
	// From is whose flag decided: tenant, all or program.
	From    string `json:"from"`
	Version int    `json:"version,omitempty"`
	// Rule is the number of the rule that fitted, from 0; -1: none did.
	Rule int `json:"rule"`
}

// From are whose flag a decision is by.
const (
	FromTenant  = "tenant"
	FromAll     = "all"
	FromProgram = "program"
)

// Set is what holds for one tenant at one moment. It does not change, and may be used by several goroutines.
type Set struct {
	tenant id.ID
	flags  map[string]entry
}

type entry struct {
	from    string
	version int
	enabled bool
	rules   *Rules
}

// On reports whether the flag is on for what has these attributes.
func (s *Set) On(key string, a Attributes) bool { return s.Eval(key, a).On }

// Eval is On with the reason.
func (s *Set) Eval(key string, a Attributes) Decision {
	e, ok := s.flags[key]
	switch {
	case !ok:
		d, _ := define(key)
		return Decision{On: d.Default, From: FromProgram, Rule: -1}
	case !e.enabled:
		return Decision{From: e.from, Version: e.version, Rule: -1}
	}
	on, rule := e.rules.eval(key, s.tenant, a)
	return Decision{On: on, From: e.from, Version: e.version, Rule: rule}
}

// add takes a flag in; the tenant's own beats the one for all.
func (s *Set) add(of id.ID, key string, e entry) {
	e.from = FromTenant
	if of == id.Shared {
		e.from = FromAll
		if have, ok := s.flags[key]; ok && have.from == FromTenant {
			return
		}
	}
	s.flags[key] = e
}
