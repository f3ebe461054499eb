package tenants

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/ask"
	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/near"
	"sluice/internal/pg"
)

// Tenant is one of those whose documents are kept apart.
type Tenant struct {
	ID      id.ID     `json:"id"`
	Name    string    `json:"name"`
	Created time.Time `json:"created_at"`
	// Policy is what its settings say of retention. Where they cannot be understood it is
	// empty and Trouble says why: retention leaves that tenant alone.
	Policy
	Trouble error `json:"-"`

	settings []byte // as they are stored
}

// Find returns the id of the tenant with this name or id.
func Find(ctx context.Context, pool *pgxpool.Pool, nameOrID string) (id.ID, error) {
	var wanted *id.ID
	if t, err := id.Parse(nameOrID); err == nil {
		wanted = &t
	}
	var t id.ID
	err := pool.QueryRow(ctx, sqlFind, nameOrID, wanted).Scan(&t)
	switch {
	case errors.Is(err, pgx.ErrNoRows) && wanted != nil:
		return t, ask.NotFound("there is no tenant %s; see `sluice tenant list`", wanted)
	case errors.Is(err, pgx.ErrNoRows):
		names, _ := Names(ctx, pool) // a courtesy: without them the message is as true
		return t, ask.NotFound("there is no tenant %q; make it with `sluice tenant create %s`%s", nameOrID, nameOrID, near.Hint(nameOrID, names))
	case err != nil:
		return t, fmt.Errorf("find tenant: %w", err)
	}
	return t, nil
}

// Names are the names of all tenants, in order.
func Names(ctx context.Context, pool *pgxpool.Pool) ([]string, error) {
	rows, err := pool.Query(ctx, sqlNames)
	if err != nil {
		return nil, fmt.Errorf("names of tenants: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

var goodName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// Create makes the tenant, or finds it: made says which.
func Create(ctx context.Context, pool *pgxpool.Pool, name string) (t id.ID, made bool, err error) {
	if err := checkName(name); err != nil {
		return t, false, err
	}
	// Derived from the name: the same documents of the same tenant have the same ids in every
	// database, so a restored, rebuilt or second one can be compared row by row. Where a tenant
	// has the id that had the name before, it is the next one.
	for n := 1; n <= 100; n++ {
		parts := []string{name}
		if n > 1 {
			parts = append(parts, strconv.Itoa(n))
		}
		derived := id.Derive(id.Shared, "tenant", parts...)
		err = pg.Tenant(ctx, pool, derived, func(tx pgx.Tx) error {
			tag, err := tx.Exec(ctx, sqlCreate, derived, name)
			if made = tag.RowsAffected() == 1; err != nil || !made {
				return err
			}
			return audit.Note(ctx, tx, derived, audit.Entry{Action: "tenant.create", Entity: "tenant", Of: &derived, Diff: audit.Change(nil, map[string]string{"name": name})})
		})
		if err == nil {
			t, err = Find(ctx, pool, name)
		}
		if missing := new(ask.NotFoundError); !errors.As(err, &missing) {
			break
		}
	}
	if err != nil {
		return t, false, fmt.Errorf("make tenant %s: %w", name, err)
	}
	return t, made, nil
}

// checkName says what is wrong with the name of a tenant.
func checkName(name string) error {
	if !goodName.MatchString(name) {
		return ask.Wrong("", "tenant name %q: use up to 63 lower-case letters, digits, dots, dashes and underscores, a letter or digit first", name)
	}
	if _, err := id.Parse(name); err == nil {
		return ask.Wrong("", "tenant name %q: a UUID would be taken for an id", name)
	}
	if strings.HasPrefix(name, deleting) {
		return ask.Wrong("", "tenant name %q: names that begin with %s are those of tenants that are being deleted", name, deleting)
	}
	return nil
}

// List returns all tenants by name, with their policies.
func List(ctx context.Context, pool *pgxpool.Pool) ([]Tenant, error) {
	rows, err := pool.Query(ctx, sqlList)
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	list, err := pgx.AppendRows([]Tenant{}, rows, func(r pgx.CollectableRow) (Tenant, error) {
		var t Tenant
		if err := r.Scan(&t.ID, &t.Name, &t.Created, &t.settings); err != nil {
			return t, err
		}
		t.Created = t.Created.UTC()
		t.Policy, t.Trouble = ParsePolicy(t.settings)
		return t, nil
	})
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	return list, nil
}

// Hold keeps the tenant's settings as they are until tx is committed: a legal hold that
// somebody sets either came before, and then same is false, or waits.
func (t Tenant) Hold(ctx context.Context, tx pgx.Tx) (same bool, err error) {
	if err := tx.QueryRow(ctx, sqlHold, t.ID, string(t.settings)).Scan(&same); err != nil {
		return false, fmt.Errorf("settings of the tenant: %w", err)
	}
	return same, nil
}
