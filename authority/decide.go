package authority

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/tenants"
)

// Request is what somebody shows at an entry, and what he asks for.
type Request struct {
	// Credential is a token of ours or one that an issuer signed.
	Credential string
	// Known is who it is, where the entry has found that out itself: a Kafka broker's word for its
	// principal. Then there is no credential.
	Known *Identity
	// Tenant is where he wants to act, by name or id; empty: in the tenant of the token, and
	// with a credential that names none in `default`, or in the operator's for what is his.
	Tenant string
	Needs  Permission // Anyone: to be known is enough
	What   string     // what for, as people say it: `sluice findings`, GET /v1/whoami
}

// Identity is whom somebody else vouches for.
type Identity struct {
	Issuer  string // the URL of an OIDC issuer, or kafka
	Subject string // User:ci for a principal of Kafka
}

// maxCredential bounds what is looked at; tokens of issuers have some thousand bytes.
const maxCredential = 16 << 10

// Decision says who acts where, and what he may.
type Decision struct {
	Tenant      id.ID
	TenantName  string
	Actor       pg.Actor
	Kind        string // user or client
	Permissions []Permission
	Expires     *time.Time // of the credential; nil: never
}

type decisionKey struct{}

// From returns the decision by which ctx acts; false: it is the operator's, or the program's own.
func From(ctx context.Context) (Decision, bool) {
	d, ok := ctx.Value(decisionKey{}).(Decision)
	return d, ok
}

// May reports whether the decision includes a permission.
func (d Decision) May(p Permission) bool {
	return p == Anyone || p == Open || slices.Contains(d.Permissions, p)
}

// Decide says whether somebody may do what he asks for. The context that it returns is his: with it
// transactions of the tenant set app.user_id and app.roles (specification 2.3). The
// error is a *RefusedError, a *MissingError, or a failure of the database.
func (a *Authority) Decide(ctx context.Context, r Request) (context.Context, Decision, error) {
	ctx, d, err := a.decide(ctx, r)
	a.metrics.count(err)
	return ctx, d, err
}

func (a *Authority) decide(ctx context.Context, r Request) (context.Context, Decision, error) {
	p, expires, limit, err := a.know(ctx, r)
	if err != nil {
		return ctx, Decision{}, err
	}
	d := Decision{
		Tenant: p.Tenant, TenantName: p.tenantName(), Actor: pg.Actor{User: p.ID, Name: p.Name, Roles: p.Roles},
		Kind: "client", Permissions: p.Permissions, Expires: expires,
	}
	if p.IsUser {
		d.Kind = "user"
	}
	if limit != nil {
		d.Permissions = both(limit, p.Permissions)
	}
	if r.Tenant != "" && r.Tenant != d.TenantName && !strings.EqualFold(r.Tenant, d.Tenant.String()) {
		// Whether there is the other one is not looked at.
		return ctx, Decision{}, &MissingError{p.Name, r.Needs, fmt.Sprintf("this token is for tenant %s and no other; %s asks for tenant %q", d.TenantName, r.What, r.Tenant)}
	}
	if !d.May(r.Needs) {
		e := missing(d, p, limit, r)
		a.log.Log(ctx, a.level, "somebody lacks a permission", "name", p.Name, "tenant", d.TenantName, "needs", r.Needs, "for", r.What)
		a.noteRefusal(ctx, p, r.What, "lacks "+string(r.Needs), reference())
		return ctx, Decision{}, e
	}
	return pg.WithActor(context.WithValue(ctx, decisionKey{}, d), d.Actor), d, nil
}

// missing says what somebody lacks, and where to get it.
func missing(d Decision, p party, limit []Permission, r Request) *MissingError {
	var advice string
	switch {
	case slices.Contains(p.Permissions, r.Needs) && limit != nil:
		advice = fmt.Sprintf("this credential permits %s only; take one with the scope %s", join(d.Permissions), r.Needs)
	case !slices.Contains(ofTenants, r.Needs) && d.Tenant != id.Operator:
		advice = fmt.Sprintf("that is the operator's, and %s is of tenant %s", p.Name, d.TenantName)
	case p.IsUser:
		advice = fmt.Sprintf("%s has %s in tenant %s; an administrator gives more by `sluice auth grant add %[1]s ROLE`", p.Name, join(d.Permissions), d.TenantName)
	default:
		advice = fmt.Sprintf("%s has %s in tenant %s; an administrator gives more by `sluice auth client set %[1]s --scope …`", p.Name, join(d.Permissions), d.TenantName)
	}
	return &MissingError{p.Name, r.Needs, fmt.Sprintf("%s needs %s: %s", r.What, r.Needs, advice)}
}

// know finds out who it is. limit is what the credential permits at most, nil for all that he may.
func (a *Authority) know(ctx context.Context, r Request) (p party, expires *time.Time, limit []Permission, err error) {
	switch {
	case r.Known != nil:
		p, err = a.byIdentity(ctx, *r.Known, r)
		return p, nil, nil, err
	case r.Credential == "" || len(r.Credential) > maxCredential:
		return p, nil, nil, a.refuse(r.What, fmt.Sprintf("it has %d bytes", len(r.Credential)))
	case strings.HasPrefix(r.Credential, prefixSecret):
		return p, nil, nil, a.refuse(r.What, "it is the secret of a client, which is exchanged for a token first")
	case strings.HasPrefix(r.Credential, prefixToken):
		return a.byToken(ctx, prefixToken, r)
	case strings.HasPrefix(r.Credential, prefixAccess):
		return a.byToken(ctx, prefixAccess, r)
	}
	signed, err := a.verify(ctx, r.Credential)
	var outage *outageError
	switch {
	case errors.As(err, &outage):
		return p, nil, nil, err
	case err != nil:
		return p, nil, nil, a.refuse(r.What, err.Error())
	}
	p, err = a.byIdentity(ctx, signed.Identity, r)
	return p, &signed.Expires, signed.Limit, err
}

// byToken finds a token of ours.
func (a *Authority) byToken(ctx context.Context, prefix string, r Request) (p party, expires *time.Time, limit []Permission, err error) {
	s, err := parseSecret(prefix, r.Credential)
	if err != nil {
		return p, nil, nil, a.refuse(r.What, err.Error())
	}
	var t struct {
		ID      id.ID
		Hash    []byte
		Scopes  []Permission
		Expires *time.Time
		Expired, Revoked,
		Stale bool
	}
	err = pg.Tenant(ctx, a.pool, s.tenant, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, sqlFindToken, s.tenant, s.hash()).Scan(
			&t.ID, &t.Hash, &t.Scopes, &t.Expires, &t.Expired, &t.Revoked, &t.Stale,
			&p.ID, &p.Name, &p.IsUser, &p.Active, &p.Roles, &p.Permissions, &p.Of)
		if err != nil {
			return err
		}
		if p.Active && t.Stale && !t.Expired && !t.Revoked {
			_, err = tx.Exec(ctx, sqlTouchToken, s.tenant, t.ID)
		}
		return err
	})
	p.Tenant = s.tenant
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return p, nil, nil, a.refuse(r.What, fmt.Sprintf("tenant %s has no such token", s.tenant))
	case err != nil:
		return p, nil, nil, fmt.Errorf("find token: %w", err)
	case subtle.ConstantTimeCompare(t.Hash, s.hash()) != 1:
		return p, nil, nil, a.refuse(r.What, "the hash that was found is another")
	case t.Revoked:
		return p, nil, nil, a.refuseOf(ctx, p, r.What, fmt.Sprintf("token %s was revoked", t.ID))
	case t.Expired:
		return p, nil, nil, a.refuseOf(ctx, p, r.What, fmt.Sprintf("token %s expired on %s", t.ID, t.Expires.UTC().Format(time.RFC3339)))
	case !p.Active:
		return p, nil, nil, a.refuseOf(ctx, p, r.What, "disabled")
	}
	return p, t.Expires, t.Scopes, nil
}

// byIdentity finds whom somebody else vouches for. That somebody is not a tenant's, and that
// there is no such tenant, look the same.
func (a *Authority) byIdentity(ctx context.Context, who Identity, r Request) (p party, err error) {
	name := r.Tenant
	switch {
	case name != "":
	case r.Needs == Operate || r.Needs == Metrics:
		name = id.Operator.String()
	default:
		name = "default"
	}
	stranger := func() error {
		return a.refuse(r.What, fmt.Sprintf("tenant %q has no user or client with issuer %q and subject %q", name, who.Issuer, who.Subject))
	}
	if p.Tenant, err = a.tenant(ctx, name); err != nil {
		var none *ask.NotFoundError
		if errors.As(err, &none) {
			return p, stranger()
		}
		return p, err
	}
	err = pg.Tenant(ctx, a.pool, p.Tenant, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, sqlFindIdentity, p.Tenant, who.Issuer, who.Subject).Scan(&p.ID, &p.Name, &p.IsUser, &p.Active, &p.Roles, &p.Permissions, &p.Of)
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return p, stranger()
	case err != nil:
		return p, fmt.Errorf("find %s: %w", who.Subject, err)
	case !p.Active:
		return p, a.refuseOf(ctx, p, r.What, "disabled")
	}
	return p, nil
}

// OperatorName is how the operator's own tenant is called where tenants are named.
const OperatorName = "operator"

// tenant finds a tenant by name or id; the operator's own has no row.
func (a *Authority) tenant(ctx context.Context, name string) (id.ID, error) {
	if strings.EqualFold(name, id.Operator.String()) {
		return id.Operator, nil
	}
	return tenants.Find(ctx, a.pool, name)
}
