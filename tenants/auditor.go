package tenants

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sluice/internal/id"
)

// Auditor makes, or gives a new password to, the login that reads the rows of this tenant and
// nothing else: it is bound by its very name; see core.current_tenant(). conn belongs to a
// user who may make roles.
func Auditor(ctx context.Context, conn *pgx.Conn, tenant id.ID) (user, password string, err error) {
	user = "sluice_reader_" + strings.ReplaceAll(tenant.String(), "-", "")
	secret := make([]byte, 24)
	_, _ = rand.Read(secret) // never fails
	password = base64.RawURLEncoding.EncodeToString(secret)
	// Names of roles and passwords can be no parameters. Both have letters, digits, - and _ only.
	_, err = conn.Exec(ctx, `create role `+user+` login nosuperuser nocreatedb nocreaterole nobypassrls connection limit 20`)
	var pe *pgconn.PgError
	if err != nil && !(errors.As(err, &pe) && pe.Code == "42710") { // it is there
		return "", "", fmt.Errorf("make database user %s (the user of --database-url needs CREATEROLE for that): %w", user, err)
	}
	for _, sql := range []string{`alter role ` + user + ` password '` + password + `'`, `grant sluice_reader to ` + user} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return "", "", fmt.Errorf("database user %s: %w", user, err)
		}
	}
	return user, password, nil
}
