package authority

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/ask"
	"sluice/internal/id"
)

// Client is a service that signs in by OAuth 2 client credentials: with a secret of ours, or by
// tokens that an issuer gives it.
type Client struct {
	ID       id.ID        `json:"id"`
	ClientID string       `json:"client_id"` // unique in the tenant
	Scopes   []Permission `json:"scopes"`    // what it may
	Issuer   string       `json:"issuer"`
	Subject  string       `json:"subject"` // whom the issuer calls it; "": it has a secret of ours only
	Active   bool         `json:"active"`
	Secret   bool         `json:"has_secret"`
	// Previous is until when the secret before counts too; nil: no more.
	Previous *time.Time `json:"previous_secret_until"`
	Created  time.Time  `json:"created_at"`
}

// AccessFor is how long a token lives that a client is given for its credentials.
const AccessFor = time.Hour

var goodClient = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@/-]{0,254}$`)

// AddClient makes a client. Without a subject it gets a secret, which is returned: the only time
// that it is to be had. With one, its tokens come from the issuer.
func (a *Authority) AddClient(ctx context.Context, tenant id.ID, c Client) (out Client, shown string, err error) {
	if !goodClient.MatchString(c.ClientID) {
		return out, "", ask.Wrong("", "client id %q: use up to 255 letters, digits and ._@/-, a letter or digit first", c.ClientID)
	}
	if (c.Issuer == "") != (c.Subject == "") {
		return out, "", ask.Wrong("subject", "and issuer belong together: who vouches for the client, and by what name")
	}
	if c.Subject != "" {
		if err := a.checkParty("subject", c.Subject, c.Issuer); err != nil {
			return out, "", err
		}
	}
	if c.Scopes, err = checkPermissions(tenant, "scope", c.Scopes); err != nil {
		return out, "", err
	}
	if err := gives(ctx, c.Scopes); err != nil {
		return out, "", err
	}
	var hash []byte
	if c.Subject == "" {
		s := newSecret(prefixSecret, tenant)
		hash, shown = s.hash(), s.text
	}
	err = a.change(ctx, tenant, func(tx pgx.Tx) error {
		var of id.ID
		err := tx.QueryRow(ctx, sqlAddClient, tenant, c.ClientID, hash, c.Scopes, c.Issuer, c.Subject).Scan(&of)
		if taken(err) {
			return fmt.Errorf("client %s is there already, or another has its subject; see `sluice auth client list`", c.ClientID)
		}
		if err != nil {
			return fmt.Errorf("add client %s: %w", c.ClientID, err)
		}
		if out, err = findClient(ctx, tx, tenant, c.ClientID); err != nil {
			return err
		}
		return note(ctx, tx, tenant, "client.add", "client", of, nil, out)
	})
	if err != nil {
		shown = ""
	}
	return out, shown, err
}

// Clients returns the clients of a tenant, by id.
func (a *Authority) Clients(ctx context.Context, tenant id.ID) (list []Client, err error) {
	err = a.change(ctx, tenant, func(tx pgx.Tx) error {
		list, err = clients(ctx, tx, tenant, nil)
		return err
	})
	return list, err
}

// SetClient changes what a client may, where scopes are given, and whether it may act at all.
// Both hold for tokens too that it has.
func (a *Authority) SetClient(ctx context.Context, tenant id.ID, clientID string, active *bool, scopes []Permission) (after Client, err error) {
	if scopes != nil {
		if scopes, err = checkPermissions(tenant, "scope", scopes); err != nil {
			return after, err
		}
	}
	err = a.change(ctx, tenant, func(tx pgx.Tx) error {
		before, err := findClient(ctx, tx, tenant, clientID)
		if err != nil {
			return err
		}
		after = before
		if active != nil {
			after.Active = *active
		}
		if scopes != nil {
			after.Scopes = scopes
		}
		if after.Active {
			if err := gives(ctx, after.Scopes); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, sqlSetClient, tenant, before.ID, after.Active, after.Scopes); err != nil {
			return fmt.Errorf("client %s: %w", clientID, err)
		}
		return note(ctx, tx, tenant, "client.set", "client", before.ID, before, after)
	})
	return after, err
}

// RotateClient gives a client another secret; the one before counts for overlap still. Without an
// overlap the tokens that were given for it end too.
func (a *Authority) RotateClient(ctx context.Context, tenant id.ID, clientID string, overlap time.Duration) (after Client, shown string, err error) {
	if overlap < 0 {
		return after, "", ask.Wrong("overlap", "%s: it is 0 or more", overlap)
	}
	s := newSecret(prefixSecret, tenant)
	err = a.change(ctx, tenant, func(tx pgx.Tx) error {
		before, err := findClient(ctx, tx, tenant, clientID)
		if err != nil {
			return err
		}
		if !before.Secret {
			return fmt.Errorf("client %s has no secret of ours: its credentials are with %s", clientID, before.Issuer)
		}
		if err := gives(ctx, before.Scopes); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, sqlRotateClient, tenant, before.ID, s.hash(), overlap.Seconds())
		if err == nil && overlap == 0 {
			_, err = tx.Exec(ctx, sqlRevokeOfClient, tenant, before.ID)
		}
		if err != nil {
			return fmt.Errorf("client %s: %w", clientID, err)
		}
		if after, err = findClient(ctx, tx, tenant, clientID); err != nil {
			return err
		}
		return note(ctx, tx, tenant, "client.rotate", "client", before.ID, before, after)
	})
	if err != nil {
		return after, "", err
	}
	return after, s.text, nil
}

func clients(ctx context.Context, tx pgx.Tx, tenant id.ID, clientID *string) ([]Client, error) {
	rows, err := tx.Query(ctx, sqlClients, tenant, clientID)
	if err != nil {
		return nil, fmt.Errorf("list clients: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Client])
	if err != nil {
		return nil, fmt.Errorf("list clients: %w", err)
	}
	return list, nil
}

func findClient(ctx context.Context, tx pgx.Tx, tenant id.ID, clientID string) (Client, error) {
	list, err := clients(ctx, tx, tenant, &clientID)
	if err != nil {
		return Client{}, err
	}
	if len(list) == 0 {
		return Client{}, ask.NotFound("there is no client %s in this tenant; make it with `sluice auth client add %s --scope …`", clientID, clientID)
	}
	return list[0], nil
}

// Access is a token that a client was given for its credentials.
type Access struct {
	Token   string
	Scopes  []Permission
	Expires time.Time
}

// credentials are what a client shows itself by.
type credentials struct {
	ID       id.ID
	ClientID string
	Scopes   []Permission
	Active   bool
	Hash     []byte
	Before   []byte // of the secret before, while it counts
}

// Exchange gives a client a token for its credentials (RFC 6749, section 4.4). scopes are what it
// asks for, nil for all that it may. What is wrong with the credentials is said to nobody; a scope
// that it may not have is an *ask.WrongError.
func (a *Authority) Exchange(ctx context.Context, clientID, clientSecret string, scopes []Permission) (Access, error) {
	access, err := a.exchange(ctx, clientID, clientSecret, scopes)
	a.metrics.count(err)
	return access, err
}

func (a *Authority) exchange(ctx context.Context, clientID, clientSecret string, scopes []Permission) (Access, error) {
	refuse := func(reason string, args ...any) (Access, error) {
		return Access{}, a.refuse("token for client "+clientID, fmt.Sprintf(reason, args...))
	}
	s, err := parseSecret(prefixSecret, clientSecret)
	if err != nil {
		return refuse("the secret: %v", err)
	}
	var out Access
	err = a.change(ctx, s.tenant, func(tx pgx.Tx) error {
		var c credentials
		rows, err := tx.Query(ctx, sqlFindClient, s.tenant, clientID)
		if err == nil {
			c, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[credentials])
		}
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("find client: %w", err)
		}
		// Both are compared whether there is such a client or not.
		now, before := subtle.ConstantTimeCompare(c.Hash, s.hash()), subtle.ConstantTimeCompare(c.Before, s.hash())
		switch {
		case err != nil:
			_, err = refuse("tenant %s has no such client", s.tenant)
			return err
		case now|before == 0:
			_, err = refuse("the secret is not, or no longer, that of the client of tenant %s", s.tenant)
			return err
		case !c.Active:
			_, err = refuse("the client of tenant %s was disabled", s.tenant)
			return err
		}
		out.Scopes = c.Scopes
		if len(scopes) > 0 {
			if missing := beyond(scopes, c.Scopes); len(missing) > 0 {
				return ask.Wrong("scope", "client %s has no %s; it has %s", c.ClientID, join(missing), join(c.Scopes))
			}
			out.Scopes = scopes
		}
		t := newSecret(prefixAccess, s.tenant)
		if _, err := tx.Exec(ctx, sqlClearTokens, s.tenant, c.ID); err != nil {
			return fmt.Errorf("clear tokens: %w", err)
		}
		var of id.ID
		var created time.Time
		if err := tx.QueryRow(ctx, sqlAddToken, s.tenant, nil, c.ID, t.hash(), "", t.hint(), out.Scopes, AccessFor.Seconds()).Scan(&of, &created, &out.Expires); err != nil {
			return fmt.Errorf("add token of client %s: %w", c.ClientID, err)
		}
		out.Token = t.text
		return nil
	})
	if err != nil {
		return Access{}, err
	}
	return out, nil
}
