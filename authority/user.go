package authority

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"

	"sluice/internal/ask"
	"sluice/internal/id"
)

// User is a person, or a program, that acts in a tenant by the roles that it was granted.
type User struct {
	ID      id.ID     `json:"id"`
	Subject string    `json:"subject"` // unique in the tenant
	Issuer  string    `json:"issuer"`  // who says that somebody is this subject; "": nobody, it has tokens of ours only
	Name    string    `json:"name"`
	Email   string    `json:"email"`
	Active  bool      `json:"active"`
	Created time.Time `json:"created_at"`
	Roles   []string  `json:"roles"`
}

// AddUser makes a user, with roles where some are named.
func (a *Authority) AddUser(ctx context.Context, tenant id.ID, u User) (User, error) {
	if err := a.checkParty("subject", u.Subject, u.Issuer); err != nil {
		return u, err
	}
	var out User
	err := a.change(ctx, tenant, func(tx pgx.Tx) error {
		var of id.ID
		err := tx.QueryRow(ctx, sqlAddUser, tenant, u.Subject, u.Issuer, u.Name, u.Email).Scan(&of)
		if taken(err) {
			return fmt.Errorf("user %s is there already; see `sluice auth user list`", u.Subject)
		}
		if err != nil {
			return fmt.Errorf("add user %s: %w", u.Subject, err)
		}
		made, err := findUser(ctx, tx, tenant, u.Subject)
		if err != nil {
			return err
		}
		if err := note(ctx, tx, tenant, "user.add", "user", of, nil, made); err != nil {
			return err
		}
		for _, role := range u.Roles {
			if _, err := addGrant(ctx, tx, tenant, made, role); err != nil {
				return err
			}
		}
		out, err = findUser(ctx, tx, tenant, u.Subject)
		return err
	})
	return out, err
}

// Users returns the users of a tenant, by subject.
func (a *Authority) Users(ctx context.Context, tenant id.ID) (list []User, err error) {
	err = a.change(ctx, tenant, func(tx pgx.Tx) error {
		list, err = users(ctx, tx, tenant, nil)
		return err
	})
	return list, err
}

// SetUser lets a user act, or no longer: not by a token either that he has.
func (a *Authority) SetUser(ctx context.Context, tenant id.ID, subject string, active bool) (after User, err error) {
	err = a.change(ctx, tenant, func(tx pgx.Tx) error {
		before, err := findUser(ctx, tx, tenant, subject)
		if err != nil {
			return err
		}
		if active {
			// Or somebody would get back by this what he could not give him.
			p, _, err := permissionsOf(ctx, tx, tenant, subject)
			if err != nil {
				return err
			}
			if err := gives(ctx, p); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, sqlSetUser, tenant, before.ID, active); err != nil {
			return fmt.Errorf("user %s: %w", subject, err)
		}
		after = before
		after.Active = active
		if before.Active == after.Active {
			return nil
		}
		return note(ctx, tx, tenant, "user.set", "user", before.ID, before, after)
	})
	return after, err
}

func users(ctx context.Context, tx pgx.Tx, tenant id.ID, subject *string) ([]User, error) {
	rows, err := tx.Query(ctx, sqlUsers, tenant, subject)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[User])
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return list, nil
}

func findUser(ctx context.Context, tx pgx.Tx, tenant id.ID, subject string) (User, error) {
	list, err := users(ctx, tx, tenant, &subject)
	if err != nil {
		return User{}, err
	}
	if len(list) == 0 {
		return User{}, ask.NotFound("there is no user %s in this tenant; make it with `sluice auth user add %s`", subject, subject)
	}
	return list[0], nil
}

// checkParty checks the name of somebody who acts, and who vouches for it.
func (a *Authority) checkParty(field, name, issuer string) error {
	if name == "" || len(name) > 255 || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return ask.Wrong(field, "%q: use 1 to 255 printable characters", name)
	}
	if len(issuer) > 1000 || strings.ContainsFunc(issuer, func(r rune) bool { return !unicode.IsPrint(r) || r == ' ' }) {
		return ask.Wrong("issuer", "%q: it is the URL of an issuer, as in its tokens", issuer)
	}
	return nil
}
