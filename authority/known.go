package authority

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/pg"
)

// LocalIssuer vouches for users of the operating system. No token names it: who decided something
// with the operator's access to the database has a name, and nothing else by it.
const LocalIssuer = "os"

// Local returns a context in which the user of the operating system acts whose name is login. The tenant gets
// such a user where it has none; one that was disabled there is refused. Who acts in ctx already
// goes on to act.
func (a *Authority) Local(ctx context.Context, tenant id.ID, login, name string) (context.Context, error) {
	if _, named := pg.ActorOf(ctx); named {
		return ctx, nil
	}
	subject := LocalIssuer + ":" + login
	if err := a.checkParty("user", subject, LocalIssuer); err != nil {
		return ctx, err
	}
	var u User
	err := a.change(ctx, tenant, func(tx pgx.Tx) error {
		var of id.ID
		err := tx.QueryRow(ctx, sqlKnowUser, tenant, subject, LocalIssuer, name).Scan(&of)
		fresh := err == nil
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("user %s: %w", subject, err)
		}
		if u, err = findUser(ctx, tx, tenant, subject); err != nil || !fresh {
			return err
		}
		return note(ctx, tx, tenant, "user.add", "user", of, nil, u)
	})
	if err != nil {
		return ctx, err
	}
	return u.acts(ctx)
}

// Named returns a context in which the user acts whose subject or id that is.
func (a *Authority) Named(ctx context.Context, tenant id.ID, who string) (context.Context, error) {
	var u User
	err := a.change(ctx, tenant, func(tx pgx.Tx) (err error) {
		u, err = findUser(ctx, tx, tenant, who)
		return err
	})
	if err != nil {
		return ctx, err
	}
	return u.acts(ctx)
}

func (u User) acts(ctx context.Context) (context.Context, error) {
	if !u.Active {
		return ctx, ask.Wrong("user", "%q is disabled in this tenant; `sluice auth user enable %[1]s` lets him act again", u.Subject)
	}
	return pg.WithActor(ctx, pg.Actor{User: u.ID, Name: u.Subject, Roles: u.Roles}), nil
}
