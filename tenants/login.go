package tenants

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
)

// Login is a login of the database that Auditor made: it reads one tenant and changes nothing.
type Login struct {
	User   string
	Tenant id.ID
	Name   string // of the tenant; its id where it is gone
}

// LoginOf asks who is logged in; nil: nobody's auditor. The server is asked, since a pooler may log in
// as somebody else than its URL says.
func LoginOf(ctx context.Context, conn *pgx.Conn) (*Login, error) {
	var user string
	var tenant *id.ID
	if err := conn.QueryRow(ctx, text("login")).Scan(&user, &tenant); err != nil {
		return nil, fmt.Errorf("who is logged in: %w", err)
	}
	if tenant == nil {
		return nil, nil
	}
	l := &Login{user, *tenant, tenant.String()}
	if err := conn.QueryRow(ctx, text("name"), *tenant).Scan(&l.Name); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("the tenant of %s: %w", user, err)
	}
	return l, nil
}
