package authority

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/ask"
	"sluice/internal/id"
)

// Role is a set of permissions in a tenant.
type Role struct {
	ID          id.ID        `json:"id"`
	Name        string       `json:"name"`
	Permissions []Permission `json:"permissions"`
	Created     time.Time    `json:"created_at"`
	Users       int          `json:"users"` // how many have it
}

// goodName is that of a role; app.roles has several with commas between them.
var goodName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// SetRole makes a role, or changes what it permits: for everybody who has it, at once. With
// isNew it must not be there yet, else it must.
func (a *Authority) SetRole(ctx context.Context, tenant id.ID, name string, permissions []Permission, isNew bool) (after Role, err error) {
	if !goodName.MatchString(name) {
		return after, ask.Wrong("", "role name %q: use up to 63 lower-case letters, digits, dots, dashes and underscores, a letter or digit first", name)
	}
	if permissions, err = checkPermissions(tenant, "permission", permissions); err != nil {
		return after, err
	}
	if err := gives(ctx, permissions); err != nil {
		return after, err
	}
	err = a.change(ctx, tenant, func(tx pgx.Tx) error {
		var before any
		if isNew {
			tag, err := tx.Exec(ctx, sqlAddRole, tenant, name, permissions)
			if err != nil {
				return fmt.Errorf("add role %s: %w", name, err)
			}
			if tag.RowsAffected() == 0 {
				return fmt.Errorf("role %s is there already; `sluice auth role set %s --permission …` changes it", name, name)
			}
		} else {
			old, err := findRole(ctx, tx, tenant, name)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, sqlSetRole, tenant, old.ID, permissions); err != nil {
				return fmt.Errorf("role %s: %w", name, err)
			}
			before = old
		}
		if after, err = findRole(ctx, tx, tenant, name); err != nil {
			return err
		}
		action := "role.set"
		if isNew {
			action = "role.add"
		}
		return note(ctx, tx, tenant, action, "role", after.ID, before, after)
	})
	return after, err
}

// RemoveRole removes a role that nobody has.
func (a *Authority) RemoveRole(ctx context.Context, tenant id.ID, name string) error {
	return a.change(ctx, tenant, func(tx pgx.Tx) error {
		r, err := findRole(ctx, tx, tenant, name)
		if err != nil {
			return err
		}
		if r.Users > 0 {
			return fmt.Errorf("%d users have the role %s: take it from them first (`sluice auth grant list`, `sluice auth grant revoke SUBJECT %[2]s`)", r.Users, name)
		}
		if _, err := tx.Exec(ctx, sqlRemoveRole, tenant, r.ID); err != nil {
			return fmt.Errorf("remove role %s: %w", name, err)
		}
		return note(ctx, tx, tenant, "role.remove", "role", r.ID, r, nil)
	})
}

// Roles returns the roles of a tenant, by name. Standard ones are there from their first grant on.
func (a *Authority) Roles(ctx context.Context, tenant id.ID) (list []Role, err error) {
	err = a.change(ctx, tenant, func(tx pgx.Tx) error {
		list, err = roles(ctx, tx, tenant, nil)
		return err
	})
	return list, err
}

func roles(ctx context.Context, tx pgx.Tx, tenant id.ID, name *string) ([]Role, error) {
	rows, err := tx.Query(ctx, sqlRoles, tenant, name)
	if err != nil {
		return nil, fmt.Errorf("list roles: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Role])
	if err != nil {
		return nil, fmt.Errorf("list roles: %w", err)
	}
	return list, nil
}

func findRole(ctx context.Context, tx pgx.Tx, tenant id.ID, name string) (Role, error) {
	list, err := roles(ctx, tx, tenant, &name)
	if err != nil {
		return Role{}, err
	}
	if len(list) == 0 {
		return Role{}, ask.NotFound("there is no role %q in this tenant; make it with `sluice auth role add %s --permission …`, or take one of %v", name, name, StandardRoles())
	}
	return list[0], nil
}

// roleOf finds a role, or makes it where it is one of the standard ones.
func roleOf(ctx context.Context, tx pgx.Tx, tenant id.ID, name string) (Role, error) {
	permissions, ok := standardRole(tenant, name)
	if !ok {
		return findRole(ctx, tx, tenant, name)
	}
	permissions = slices.Sorted(slices.Values(permissions))
	tag, err := tx.Exec(ctx, sqlAddRole, tenant, name, permissions)
	if err != nil {
		return Role{}, fmt.Errorf("add role %s: %w", name, err)
	}
	r, err := findRole(ctx, tx, tenant, name)
	if err == nil && tag.RowsAffected() == 1 {
		err = note(ctx, tx, tenant, "role.add", "role", r.ID, nil, r)
	}
	return r, err
}
