package maintenance

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/id"
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
	Keep map[string]string
	// LegalHold: nothing of the tenant is deleted.
	LegalHold bool
}

// RetentionKeys are the members of "retention".
var RetentionKeys = []string{"documents", "sbom", "vex", "vuln", "parked"}

// ParsePolicy reads a policy out of authority.tenant.settings. A hold that is written in
// any other way than false is a hold.
func ParsePolicy(settings []byte) (Policy, error) {
	var raw struct {
		Retention map[string]any `json:"retention"`
		Hold      any            `json:"legal_hold"`
	}
	p := Policy{Keep: map[string]string{}}
	if len(settings) > 0 {
		if err := json.Unmarshal(settings, &raw); err != nil {
			return p, fmt.Errorf("authority.tenant.settings: %w", err)
		}
	}
	p.LegalHold = raw.Hold != nil && raw.Hold != false
	for k, v := range raw.Retention {
		s, ok := v.(string)
		if !slices.Contains(RetentionKeys, k) || !ok && v != nil {
			return p, fmt.Errorf("authority.tenant.settings: retention.%s is %v: the members are %s, each an interval like \"400 days\"", k, v, strings.Join(RetentionKeys, ", "))
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

// cutoffs are the times before which documents of each kind have expired.
type cutoffs struct {
	kinds  []string // of those that expire: sbom, vex, vuln
	times  []time.Time
	parked *time.Time
}

// query is what a transaction and a pool have in common.
type query interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// cutoffs asks the server, whose clock wrote the times that they are compared with.
func (p Policy) cutoffs(ctx context.Context, q query) (cutoffs, error) {
	var c cutoffs
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
			c.parked = &at
			continue
		}
		c.kinds, c.times = append(c.kinds, kind), append(c.times, at)
	}
	return c, nil
}

func cutoff(ctx context.Context, q query, keep string) (at time.Time, err error) {
	var day bool
	if err := q.QueryRow(ctx, `select t, t <= now() - interval '1 day' from (select now() - $1::text::interval as t) as x`, keep).Scan(&at, &day); err != nil {
		return at, fmt.Errorf("%q is not an interval like 400 days: %w", keep, err)
	}
	if !day {
		return at, fmt.Errorf("%q is less than a day (m is a minute, mon a month)", keep)
	}
	return at, nil
}

// Change changes a policy: of Keep only what is there, "" for ever.
type Change struct {
	Keep      map[string]string
	LegalHold *bool
}

// SetPolicy changes the policy of a tenant and notes that in the audit log. What else its
// settings hold stays. Once it has returned, nothing is deleted by the old one.
func SetPolicy(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, change Change) (after Policy, err error) {
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select set_config('app.tenant_id', $1, true), set_config('lock_timeout', '30s', true)`, tenant.String()); err != nil {
			return err
		}
		var raw []byte
		// Waits for the batch that retention has in hand.
		if err := tx.QueryRow(ctx, `select settings from authority.tenant where tenant_id = $1 for update`, tenant).Scan(&raw); err != nil {
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
		text, err := json.Marshal(settings)
		if err != nil {
			return err
		}
		if after, err = ParsePolicy(text); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `update authority.tenant set settings = $2::text::jsonb, updated_at = now() where tenant_id = $1`, tenant, string(text)); err != nil {
			return fmt.Errorf("settings of the tenant: %w", err)
		}
		return audit(ctx, tx, tenant, "tenant.set", "tenant", &tenant, map[string]any{"before": json.RawMessage(raw), "after": json.RawMessage(text)})
	})
	return after, err
}

// audit appends to the audit log.
func audit(ctx context.Context, tx pgx.Tx, tenant id.ID, action, entity string, of *id.ID, diff any) error {
	text, err := json.Marshal(diff)
	if err == nil {
		_, err = tx.Exec(ctx, `insert into authority.audit_log (tenant_id, action, entity_type, entity_id, diff) values ($1, $2, $3, $4, $5::text::jsonb)`,
			tenant, action, entity, of, string(text))
	}
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	return nil
}
