package flags

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
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/ask"
	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/queue"
)

// Change is what to make of a flag.
type Change struct {
	Key string
	// Rules are their JSON form; tenants may be named. nil: as they are, {} for a new flag.
	Rules []byte
	// Enabled: nil is as it is, true for a new flag.
	Enabled *bool
	// Find says which tenant has a name. Required where Rules name tenants.
	Find func(name string) (id.ID, error)
}

var goodKey = regexp.MustCompile(`^[a-z][a-z0-9_.-]{0,99}$`)

// check returns the rules as they are to be stored.
func (c Change) check() ([]byte, error) {
	if !goodKey.MatchString(c.Key) {
		return nil, ask.Wrong("", "flag %q: a key is up to 100 lower-case letters, digits, dots, dashes and underscores, a letter first", c.Key)
	}
	if c.Rules == nil {
		return nil, nil
	}
	text := c.Rules
	var err error
	if c.Find != nil {
		if text, err = nameTenants(text, c.Find); err != nil {
			return nil, ask.Wrong("", "%w", err)
		}
	}
	r, err := ParseRules(text)
	if err != nil {
		return nil, ask.Wrong("", "%w", err)
	}
	if d, ours := define(c.Key); ours {
		for _, a := range r.attributes() {
			if !slices.Contains(d.Attributes, a) {
				has := "has none beside the tenant"
				if len(d.Attributes) > 0 {
					has = "has " + strings.Join(d.Attributes, ", ")
				}
				return nil, ask.Wrong("", "rules: nothing that flag %s is asked about has an attribute %q; it %s", c.Key, a, has)
			}
		}
	}
	return text, nil
}

// Put sets a flag of a tenant, id.Shared for all that have none of their own, and notes it in the
// audit log. Where findings depend on it, they are looked at again. A flag that is so already stays
// as it is, with its version. pool is a maintainer's.
func Put(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, c Change) (Flag, error) {
	text, err := c.check()
	if err != nil {
		return Flag{}, err
	}
	var after Flag
	err = pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		before, err := flagOf(ctx, tx, tenant, c.Key)
		if err != nil {
			return err
		}
		rules, enabled := json.RawMessage("{}"), true
		if before != nil {
			rules, enabled = before.Rules, before.Enabled
		}
		if text != nil {
			rules = text
		}
		if c.Enabled != nil {
			enabled = *c.Enabled
		}
		rows, err := tx.Query(ctx, sqlPut, tenant, c.Key, string(rules), enabled)
		if err != nil {
			return err
		}
		if after, err = pgx.CollectExactlyOneRow(rows, scanFlag); err != nil {
			return err
		}
		if before != nil && before.Version == after.Version {
			return nil
		}
		return note(ctx, tx, tenant, "flag.set", before, &after)
	})
	if err != nil {
		return after, fmt.Errorf("flag %s: %w", c.Key, err)
	}
	return after, nil
}

// Delete takes a flag of a tenant away: what is set for all holds again, or what the program says.
func Delete(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, key string) error {
	err := pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		before, err := flagOf(ctx, tx, tenant, key)
		if err != nil {
			return err
		}
		if before == nil {
			return ask.NotFound("it is not set here; see `sluice flag list`")
		}
		if _, err := tx.Exec(ctx, sqlDelete, tenant, key); err != nil {
			return err
		}
		return note(ctx, tx, tenant, "flag.delete", before, nil)
	})
	if err != nil {
		return fmt.Errorf("flag %s: %w", key, err)
	}
	return nil
}

// note writes what follows from a change, in its transaction.
func note(ctx context.Context, tx pgx.Tx, tenant id.ID, action string, before, after *Flag) error {
	of := after
	if after == nil {
		of = before
	}
	if d, _ := define(of.Key); d.Reprojects {
		if _, err := tx.Exec(ctx, sqlJob, tenant, of.Key, queue.Channel); err != nil {
			return fmt.Errorf("ask for findings to be looked at again: %w", err)
		}
	}
	return audit.Note(ctx, tx, tenant, audit.Entry{Action: action, Entity: "feature_flag", Of: &of.id, Diff: audit.Change(before, after)})
}

// flagOf is the stored flag, locked; nil where there is none.
func flagOf(ctx context.Context, tx pgx.Tx, tenant id.ID, key string) (*Flag, error) {
	rows, err := tx.Query(ctx, sqlFlag, tenant, key)
	if err != nil {
		return nil, err
	}
	f, err := pgx.CollectExactlyOneRow(rows, scanFlag)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return &f, err
}

func scanFlag(row pgx.CollectableRow) (f Flag, err error) {
	var text string
	err = row.Scan(&f.id, &f.Key, &f.Tenant, &f.Version, &f.Enabled, &text, &f.Updated)
	f.Rules, f.Updated = json.RawMessage(text), f.Updated.UTC()
	return f, err
}

// List returns the stored flags of a tenant and those for all, by key, the tenant's own first. pool
// is a maintainer's: a reader does not see those for all.
func List(ctx context.Context, pool *pgxpool.Pool, tenant id.ID) ([]Flag, error) {
	var list []Flag
	err := pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sqlList, tenant)
		if err != nil {
			return err
		}
		list, err = pgx.AppendRows([]Flag{}, rows, scanFlag)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list flags: %w", err)
	}
	return list, nil
}

// Version is one version of a flag in its history.
type Version struct {
	Key     string          `json:"key"`
	Version int             `json:"version"`
	Enabled bool            `json:"is_enabled"`
	Deleted bool            `json:"is_deleted"` // with this version it ended
	Rules   json.RawMessage `json:"rules"`
	At      time.Time       `json:"changed_at"`
	By      *id.ID          `json:"changed_by"` // nil: nobody said who acts
	Login   string          `json:"login"`      // of the database
}

// History returns the versions of a flag of a tenant, "" for all of its flags, the newest first. pool is a reader's.
func History(ctx context.Context, pool *pgxpool.Pool, tenant id.ID, key string, limit int) ([]Version, error) {
	var list []Version
	err := pg.Tenant(ctx, pool, tenant, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sqlHistory, tenant, key, limit)
		if err != nil {
			return err
		}
		list, err = pgx.AppendRows([]Version{}, rows, func(row pgx.CollectableRow) (v Version, err error) {
			var text string
			err = row.Scan(&v.Key, &v.Version, &v.Enabled, &v.Deleted, &text, &v.At, &v.By, &v.Login)
			v.Rules, v.At = json.RawMessage(text), v.At.UTC()
			return v, err
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("history of flags: %w", err)
	}
	return list, nil
}
