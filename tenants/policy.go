package tenants

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/ask"
	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/pg"
)

// Policy is what a tenant's settings say of retention:
//
//	{"retention": {"documents": "400 days", "vex": "5 years", "parked": "90 days"}, "legal_hold": true}
//
// Values are PostgreSQL intervals of a day or more; what is not named is kept for ever.
type Policy struct {
	// Keep is how long documents that nobody needs any more are kept, by kind: sbom, vex,
	// vuln, and parked for parked documents. "documents" stands for the first three where they
	// do not say otherwise.
	Keep map[string]string `json:"retention"`
	// LegalHold: nothing of the tenant is deleted.
	LegalHold bool `json:"legal_hold"`
	// Retirement says when artifacts are retired without anybody saying so.
	Retirement Retirement `json:"retirement"`
}

// Retirement is when artifacts are retired without anybody saying so:
//
//	{"retirement": {"unseen": "90 days", "tags": ["production"]}}
type Retirement struct {
	// Unseen is how long after its newest SBOM an artifact is retired, an interval of a day or more; "" is never.
	Unseen string `json:"unseen"`
	// Tags are those that retire the version that they move on from.
	Tags []string `json:"tags"`
}

// keys are the members of "retention".
var keys = []string{"documents", "sbom", "vex", "vuln", "parked"}

// ParsePolicy reads a policy out of authority.tenant.settings. A hold that is written in
// any other way than false is a hold.
func ParsePolicy(settings []byte) (Policy, error) {
	var raw struct {
		Retention map[string]any `json:"retention"`
		Hold      any            `json:"legal_hold"`
		Retire    *Retirement    `json:"retirement"`
	}
	p := Policy{Keep: map[string]string{}, Retirement: Retirement{Tags: []string{}}}
	if len(settings) > 0 {
		if err := json.Unmarshal(settings, &raw); err != nil {
			return p, fmt.Errorf("authority.tenant.settings: %w", err)
		}
	}
	if raw.Retire != nil {
		p.Retirement.Unseen = raw.Retire.Unseen
		p.Retirement.Tags = append(p.Retirement.Tags, raw.Retire.Tags...)
	}
	p.LegalHold = raw.Hold != nil && raw.Hold != false
	for k, v := range raw.Retention {
		s, ok := v.(string)
		if !slices.Contains(keys, k) || !ok && v != nil {
			return p, fmt.Errorf("authority.tenant.settings: retention.%s is %v: the members are %s, each an interval like \"400 days\"", k, v, strings.Join(keys, ", "))
		}
		if s != "" {
			p.Keep[k] = s
		}
	}
	return p, nil
}

// of is how long documents of a kind are kept; "" is for ever.
func (p Policy) of(kind string) string {
	if s, ok := p.Keep[kind]; ok || kind == "parked" {
		return s
	}
	return p.Keep["documents"]
}

// String says it in one cell: `documents 400d, parked 90d`.
func (p Policy) String() string {
	var parts []string
	for k, v := range p.Keep {
		parts = append(parts, k+" "+v)
	}
	slices.Sort(parts)
	if p.Retirement.Unseen != "" {
		parts = append(parts, "retire unseen "+p.Retirement.Unseen)
	}
	if len(p.Retirement.Tags) > 0 {
		parts = append(parts, "retire when "+strings.Join(p.Retirement.Tags, " or ")+" moves on")
	}
	return strings.Join(parts, ", ")
}

// Cutoffs are the times before which documents of each kind have expired.
type Cutoffs struct {
	Kinds  []string    // of those that expire: sbom, vex, vuln
	Times  []time.Time // of each of Kinds
	Parked *time.Time  // nil: they never expire
}

// querier is what a transaction and a pool have in common.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Cutoffs asks the server, whose clock wrote the times that they are compared with.
func (p Policy) Cutoffs(ctx context.Context, q querier) (Cutoffs, error) {
	var c Cutoffs
	for _, kind := range []string{"sbom", "vex", "vuln", "parked"} {
		keep := p.of(kind)
		if keep == "" {
			continue
		}
		at, err := cutoff(ctx, q, keep)
		if err != nil {
			return c, fmt.Errorf("retention of %s: %w", kind, err)
		}
		if kind == "parked" {
			c.Parked = &at
			continue
		}
		c.Kinds, c.Times = append(c.Kinds, kind), append(c.Times, at)
	}
	return c, nil
}

func cutoff(ctx context.Context, q querier, keep string) (at time.Time, err error) {
	var day bool
	err = q.QueryRow(ctx, sqlCutoff, keep).Scan(&at, &day)
	var pe *pgconn.PgError
	switch {
	case errors.As(err, &pe) && strings.HasPrefix(pe.Code, "22"): // what it is given is no interval, or none that there can be
		return at, ask.Wrong("", "%q is not an interval like 400 days, 400d or 13 months, or one that no calendar has", keep)
	case err != nil:
		return at, err
	case !day:
		return at, ask.Wrong("", "%q is less than a day (m is a minute, mon a month)", keep)
	}
	return at, nil
}

// UnseenSince is the time before which an artifact must have been seen last to be retired; nil: none is. It
// asks the server, whose clock wrote the times.
func (p Policy) UnseenSince(ctx context.Context, q querier) (*time.Time, error) {
	if p.Retirement.Unseen == "" {
		return nil, nil
	}
	at, err := cutoff(ctx, q, p.Retirement.Unseen)
	if err != nil {
		return nil, fmt.Errorf("retirement of what is unseen: %w", err)
	}
	return &at, nil
}

// Change changes a policy: of Keep only what is there, "" for ever.
type Change struct {
	Keep      map[string]string
	LegalHold *bool
	// Unseen and Tags are those of Retirement; nil leaves them.
	Unseen *string
	Tags   []string
}

var goodTag = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// retire puts what changes of the retirement into the settings.
func (c Change) retire(ctx context.Context, q querier, settings map[string]any) error {
	if c.Unseen == nil && c.Tags == nil {
		return nil
	}
	r, _ := settings["retirement"].(map[string]any)
	if r == nil {
		r = map[string]any{}
	}
	settings["retirement"] = r
	if c.Unseen != nil {
		r["unseen"] = *c.Unseen
		if *c.Unseen != "" {
			if _, err := cutoff(ctx, q, *c.Unseen); err != nil {
				return fmt.Errorf("retirement of what is unseen: %w", err)
			}
		}
	}
	if c.Tags != nil {
		for _, tag := range c.Tags {
			if !goodTag.MatchString(tag) {
				return ask.Wrong("", "tag %q: use up to 63 lower-case letters, digits, dots, dashes and underscores, a letter or digit first", tag)
			}
		}
		r["tags"] = c.Tags
	}
	return nil
}

// SetPolicy changes the policy of a tenant and notes that in the audit log. What else its
// settings hold stays. Once it has returned, nothing is deleted by the old one.
func SetPolicy(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, change Change) (after Policy, err error) {
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if err := pg.SetTenant(ctx, tx, tenant); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `set local lock_timeout = '30s'`); err != nil {
			return err
		}
		var raw []byte
		if err := tx.QueryRow(ctx, sqlSettings, tenant).Scan(&raw); err != nil {
			return fmt.Errorf("settings of the tenant: %w", err)
		}
		settings := map[string]any{}
		if err := json.Unmarshal(raw, &settings); err != nil {
			return fmt.Errorf("settings of the tenant: %w", err)
		}
		keep, _ := settings["retention"].(map[string]any)
		if keep == nil {
			keep = map[string]any{}
		}
		for k, v := range change.Keep {
			if v == "" {
				delete(keep, k)
				continue
			}
			if _, err := cutoff(ctx, tx, v); err != nil {
				return fmt.Errorf("retention of %s: %w", k, err)
			}
			keep[k] = v
		}
		settings["retention"] = keep
		if change.LegalHold != nil {
			settings["legal_hold"] = *change.LegalHold
		}
		if err := change.retire(ctx, tx, settings); err != nil {
			return err
		}
		text, err := json.Marshal(settings)
		if err != nil {
			return err
		}
		if after, err = ParsePolicy(text); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, sqlSetSettings, tenant, string(text)); err != nil {
			return fmt.Errorf("settings of the tenant: %w", err)
		}
		return audit.Note(ctx, tx, tenant, audit.Entry{
			Action: "tenant.set", Entity: "tenant", Of: &tenant,
			Diff: audit.Change(json.RawMessage(raw), json.RawMessage(text)),
		})
	})
	return after, err
}
