package authority

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/ask"
	"sluice/internal/id"
)

// Token is an API token of a user, as it is listed: nobody can see it again.
type Token struct {
	ID       id.ID        `json:"id"`
	User     string       `json:"user"`
	Name     string       `json:"name"`
	Hint     string       `json:"hint"` // its beginning and its end
	Scopes   []Permission `json:"scopes"`
	Created  time.Time    `json:"created_at"`
	Expires  *time.Time   `json:"expires_at"`   // nil: never
	LastUsed *time.Time   `json:"last_used_at"` // to the minute; nil: never
	Revoked  *time.Time   `json:"revoked_at"`   // may be in the future: it was replaced
	Expired  bool         `json:"expired"`
}

// NewToken says what a token is to be.
type NewToken struct {
	User   string // whose
	Name   string // what it is for
	Scopes []Permission
	For    *time.Duration // how long it lives; nil: until it is revoked
}

// AddToken makes a token and returns its text: the only time that it is to be had.
func (a *Authority) AddToken(ctx context.Context, tenant id.ID, n NewToken) (t Token, shown string, err error) {
	if n.Scopes, err = checkPermissions(tenant, "scope", n.Scopes); err != nil {
		return t, "", err
	}
	if n.For != nil && *n.For <= 0 {
		return t, "", ask.Wrong("expires", "%s: a token lives for some time, or `never` ends", *n.For)
	}
	err = a.change(ctx, tenant, func(tx pgx.Tx) error {
		t, shown, err = addToken(ctx, tx, tenant, n, "token.add", nil)
		return err
	})
	return t, shown, err
}

func addToken(ctx context.Context, tx pgx.Tx, tenant id.ID, n NewToken, action string, before any) (Token, string, error) {
	u, err := findUser(ctx, tx, tenant, n.User)
	if err != nil {
		return Token{}, "", err
	}
	// It permits what its owner may besides, and that can grow: so what it is made with counts.
	if err := gives(ctx, n.Scopes); err != nil {
		return Token{}, "", err
	}
	s := newSecret(prefixToken, tenant)
	t := Token{User: u.Subject, Name: n.Name, Hint: s.hint(), Scopes: n.Scopes}
	var seconds *float64
	if n.For != nil {
		f := n.For.Seconds()
		seconds = &f
	}
	if err := tx.QueryRow(ctx, sqlAddToken, tenant, u.ID, nil, s.hash(), n.Name, t.Hint, n.Scopes, seconds).Scan(&t.ID, &t.Created, &t.Expires); err != nil {
		return Token{}, "", fmt.Errorf("add token of %s: %w", n.User, err)
	}
	return t, s.text, note(ctx, tx, tenant, action, "token", t.ID, before, t)
}

// RotateToken replaces a token by one with the same name, scopes and length of life; the one
// before counts for overlap still. of is its id, or its name where only one has it.
func (a *Authority) RotateToken(ctx context.Context, tenant id.ID, of string, overlap time.Duration) (t Token, shown string, err error) {
	if overlap < 0 {
		return t, "", ask.Wrong("overlap", "%s: it is 0 or more", overlap)
	}
	err = a.change(ctx, tenant, func(tx pgx.Tx) error {
		old, err := findToken(ctx, tx, tenant, of)
		if err != nil {
			return err
		}
		n := NewToken{User: old.User, Name: old.Name, Scopes: old.Scopes}
		if old.Expires != nil {
			life := old.Expires.Sub(old.Created)
			n.For = &life
		}
		if err := revokeToken(ctx, tx, tenant, old, overlap); err != nil {
			return err
		}
		t, shown, err = addToken(ctx, tx, tenant, n, "token.rotate", old)
		return err
	})
	return t, shown, err
}

// RevokeToken ends a token at once. of is its id, or its name where only one has it.
func (a *Authority) RevokeToken(ctx context.Context, tenant id.ID, of string) (t Token, err error) {
	err = a.change(ctx, tenant, func(tx pgx.Tx) error {
		if t, err = findToken(ctx, tx, tenant, of); err != nil {
			return err
		}
		if err := revokeToken(ctx, tx, tenant, t, 0); err != nil {
			return err
		}
		return note(ctx, tx, tenant, "token.revoke", "token", t.ID, t, nil)
	})
	return t, err
}

func revokeToken(ctx context.Context, tx pgx.Tx, tenant id.ID, t Token, after time.Duration) error {
	if _, err := tx.Exec(ctx, sqlRevokeToken, tenant, t.ID, after.Seconds()); err != nil {
		return fmt.Errorf("revoke token %s: %w", t.ID, err)
	}
	return nil
}

// Tokens returns the tokens of a tenant, of one user where user is not empty; with all, those too
// that expired or were revoked.
func (a *Authority) Tokens(ctx context.Context, tenant id.ID, user string, all bool) (list []Token, err error) {
	err = a.change(ctx, tenant, func(tx pgx.Tx) error {
		var of *string
		if user != "" {
			if _, err := findUser(ctx, tx, tenant, user); err != nil {
				return err
			}
			of = &user
		}
		list, err = tokens(ctx, tx, tenant, of, all)
		return err
	})
	return list, err
}

func tokens(ctx context.Context, tx pgx.Tx, tenant id.ID, user *string, all bool) ([]Token, error) {
	rows, err := tx.Query(ctx, sqlTokens, tenant, user, all)
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Token])
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	return list, nil
}

// findToken returns the living token with an id, or with a name that only one has.
func findToken(ctx context.Context, tx pgx.Tx, tenant id.ID, of string) (Token, error) {
	list, err := tokens(ctx, tx, tenant, nil, false)
	if err != nil {
		return Token{}, err
	}
	var found []Token
	wanted, notID := id.Parse(of)
	for _, t := range list {
		if notID == nil && t.ID == wanted {
			return t, nil
		}
		if of != "" && t.Name == of {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 0:
		return Token{}, ask.NotFound("there is no token %q in this tenant, or it is over; see `sluice auth token list`", of)
	case 1:
		return found[0], nil
	}
	return Token{}, ask.Wrong("", "%d tokens have the name %q: say which by its id, see `sluice auth token list`", len(found), of)
}
