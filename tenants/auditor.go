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

	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/pg"
)

// Auditor makes, or gives a new password to, the login that reads the rows of this tenant and
// nothing else: it is bound by its very name; see core.current_tenant(). conn belongs to a
// user who may make roles.
func Auditor(ctx context.Context, conn *pgx.Conn, tenant id.ID) (user, password string, err error) {
	user = "sluice_reader_" + strings.ReplaceAll(tenant.String(), "-", "")
	secret := make([]byte, 24)
	_, _ = rand.Read(secret) // never fails
	password = base64.RawURLEncoding.EncodeToString(secret)
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return auditor(ctx, tx, tenant, user, password) })
	if err != nil {
		return "", "", err
	}
	return user, password, nil
}

// auditor makes the login and notes that in the tenant's audit log.
func auditor(ctx context.Context, tx pgx.Tx, tenant id.ID, user, password string) error {
	// Names of roles and passwords can be no parameters. Both have letters, digits, - and _ only.
	err := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `create role `+user+` login nosuperuser nocreatedb nocreaterole nobypassrls connection limit 20`)
		return err
	})
	var pe *pgconn.PgError
	there := errors.As(err, &pe) && pe.Code == "42710"
	if err != nil && !there {
		return fmt.Errorf("make database user %s (the user of --database-url needs CREATEROLE for that): %w", user, err)
	}
	for _, sql := range []string{`alter role ` + user + ` password '` + password + `'`, `grant sluice_reader to ` + user} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return fmt.Errorf("database user %s: %w", user, err)
		}
	}
	var before any // another password for one that there was
	if there {
		before = map[string]string{"user": user}
	}
	if _, err := tx.Exec(ctx, sqlAsMaintainer); err != nil {
		return fmt.Errorf("note that in the audit log: %w", err)
	}
	if err := pg.SetTenant(ctx, tx, tenant); err != nil {
		return err
	}
	return audit.Note(ctx, tx, tenant, audit.Entry{
		Action: "tenant.auditor", Entity: "login", Diff: audit.Change(before, map[string]string{"user": user, "password": "a new one"}),
	})
}
