package serve

import (
	"context"
	"errors"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/tenants"
)

// Auditor is the login that an auditor has, nil where the login is another one.
func (d *Database) Auditor(ctx context.Context) (*tenants.Login, error) {
	if err := d.Connect(ctx); err != nil {
		return nil, err
	}
	return d.auditor, nil
}

// TenantNames are the names of the tenants that the login may act in: of all, or the auditor's own.
func (d *Database) TenantNames(ctx context.Context) ([]string, error) {
	if err := d.Connect(ctx); err != nil {
		return nil, err
	}
	if d.auditor != nil {
		return []string{d.auditor.Name}, nil
	}
	pool, err := d.Pool(ctx, pg.Maintainer, pg.Config{MaxConns: 1})
	if err != nil {
		return nil, err
	}
	return tenants.Names(ctx, pool)
}

// ofAuditor finds the auditor's tenant by name or id. There are no others that he could see.
func (d *Database) ofAuditor(ctx context.Context, name string) (id.ID, error) {
	pool, err := d.Pool(ctx, pg.Reader, pg.Config{MaxConns: 1})
	if err != nil {
		return id.ID{}, err
	}
	t, err := tenants.Find(ctx, pool, name)
	if missing := new(ask.NotFoundError); errors.As(err, &missing) {
		err = ask.NotFound("the login %s reads tenant %s and no other; leave --tenant out", d.auditor.User, d.auditor.Name)
	}
	return t, err
}

// roleOf is the role that this login can take: an auditor's is a reader, whatever is asked. What he
// may not read he is refused by the database.
func (d *Database) roleOf(role pg.Role) pg.Role {
	if d.auditor != nil {
		return pg.Reader
	}
	return role
}
