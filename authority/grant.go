package authority

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/ask"
	"sluice/internal/id"
)

// Grant says that a user has a role.
type Grant struct {
	ID          id.ID        `json:"id"`
	User        string       `json:"user"`
	Role        string       `json:"role"`
	Permissions []Permission `json:"permissions"` // of the role
	Created     time.Time    `json:"created_at"`
}

// AddGrant gives a user a role. Once he has it, giving it again changes nothing.
func (a *Authority) AddGrant(ctx context.Context, tenant id.ID, subject, role string) (made bool, err error) {
	err = a.change(ctx, tenant, func(tx pgx.Tx) error {
		u, err := findUser(ctx, tx, tenant, subject)
		if err != nil {
			return err
		}
		made, err = addGrant(ctx, tx, tenant, u, role)
		return err
	})
	return made, err
}

func addGrant(ctx context.Context, tx pgx.Tx, tenant id.ID, u User, role string) (made bool, err error) {
	r, err := roleOf(ctx, tx, tenant, role)
	if err != nil {
		return false, err
	}
	if err := gives(ctx, r.Permissions); err != nil {
		return false, err
	}
	var of id.ID
	err = tx.QueryRow(ctx, sqlAddGrant, tenant, u.ID, r.ID).Scan(&of)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("grant %s to %s: %w", role, u.Subject, err)
	}
	return true, note(ctx, tx, tenant, "grant.add", "grant", of, nil, map[string]any{"user": u.Subject, "role": r.Name, "permissions": r.Permissions})
}

// RemoveGrant takes a role from a user; his tokens permit no more than what is left, at once.
func (a *Authority) RemoveGrant(ctx context.Context, tenant id.ID, subject, role string) error {
	return a.change(ctx, tenant, func(tx pgx.Tx) error {
		u, err := findUser(ctx, tx, tenant, subject)
		if err != nil {
			return err
		}
		r, err := findRole(ctx, tx, tenant, role)
		if err != nil {
			return err
		}
		var of id.ID
		err = tx.QueryRow(ctx, sqlRemoveGrant, tenant, u.ID, r.ID).Scan(&of)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return ask.NotFound("%s does not have the role %s; see `sluice auth grant list %s`", subject, role, subject)
		case err != nil:
			return fmt.Errorf("revoke %s from %s: %w", role, subject, err)
		}
		return note(ctx, tx, tenant, "grant.revoke", "grant", of, map[string]any{"user": u.Subject, "role": r.Name, "permissions": r.Permissions}, nil)
	})
}

// Grants returns who has which role; of one user where subject is not empty.
func (a *Authority) Grants(ctx context.Context, tenant id.ID, subject string) (list []Grant, err error) {
	err = a.change(ctx, tenant, func(tx pgx.Tx) error {
		var of *string
		if subject != "" {
			if _, err := findUser(ctx, tx, tenant, subject); err != nil {
				return err
			}
			of = &subject
		}
		rows, err := tx.Query(ctx, sqlGrants, tenant, of)
		if err == nil {
			list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Grant])
		}
		if err != nil {
			return fmt.Errorf("list grants: %w", err)
		}
		return nil
	})
	return list, err
}

// permissionsOf returns what a user may by all his roles, and their names.
func permissionsOf(ctx context.Context, tx pgx.Tx, tenant id.ID, subject string) (permissions []Permission, roles []string, err error) {
	rows, err := tx.Query(ctx, sqlGrants, tenant, subject)
	if err != nil {
		return nil, nil, fmt.Errorf("roles of %s: %w", subject, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Grant])
	if err != nil {
		return nil, nil, fmt.Errorf("roles of %s: %w", subject, err)
	}
	for _, g := range list {
		roles = append(roles, g.Role)
		permissions = append(permissions, beyond(g.Permissions, permissions)...)
	}
	return permissions, roles, nil
}
