package migrations

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/pg"
)

// Roles that are made where the user may make roles.
var roles = []pg.Role{pg.Owner, "sluice_views", pg.Reader, pg.Ingest, pg.Feed, pg.Projector, pg.Maintainer, pg.Relay, "sluice_monitor"}

// memberships between them. The owner hands the materialized views and the definer
// functions to sluice_views.
var memberships = []struct{ role, member pg.Role }{
	{"sluice_views", pg.Owner},
	{pg.Reader, pg.Ingest},
	{pg.Reader, pg.Projector},
	{pg.Ingest, pg.Feed},
}

// prepareRoles makes the roles if it may and becomes the owner of everything that follows.
func prepareRoles(ctx context.Context, conn *pgx.Conn) error {
	var may, lends, fresh bool
	var owner *string
	err := conn.QueryRow(ctx, `
		select r.rolcreaterole or r.rolsuper, pg_has_role(session_user, d.datdba, 'USAGE'), to_regnamespace('core') is null,
		       (select nspowner::regrole::text from pg_namespace where nspname = 'core')
		from pg_roles r, pg_database d where r.rolname = session_user and d.datname = current_database()`).Scan(&may, &lends, &fresh, &owner)
	if err != nil {
		return fmt.Errorf("rights of the database user: %w", err)
	}
	if !fresh && *owner != string(pg.Owner) {
		return AsOwner(ctx, conn) // one user owns everything: stay with that
	}
	if fresh && !lends {
		return nil // it may make schemas, but not let sluice_owner make them: one user will own everything
	}
	if may {
		for _, role := range roles {
			if err := makeRole(ctx, conn, role); err != nil {
				return err
			}
		}
	}
	if fresh {
		var able bool
		err := conn.QueryRow(ctx, `select coalesce(bool_and(to_regrole(r) is not null and pg_has_role(session_user, to_regrole(r), 'SET')), false) from unnest($1::text[]) r`, roles).Scan(&able)
		if err != nil {
			return fmt.Errorf("look for roles: %w", err)
		}
		if !able {
			return nil // one user will own everything
		}
		for _, m := range memberships {
			if err := makeMember(ctx, conn, m.role, m.member); err != nil {
				return err
			}
		}
	}
	// Not only when fresh: a restored dump has lost what was granted on the database itself.
	if err := lendDatabase(ctx, conn); err != nil {
		return err
	}
	return becomeOwner(ctx, conn, string(pg.Owner))
}

// Roles belong to the whole server: another database's migration may make and grant the
// same ones at the same moment, and a role that both change makes one of them fail.
func contended(err error) bool {
	return sqlState(err, "XX000", // tuple concurrently updated
		"23505") // duplicate key in pg_authid or pg_auth_members
}

// retry repeats fn while others are changing the same roles.
func retry(ctx context.Context, fn func() error) error {
	for {
		err := fn()
		if err == nil || !contended(err) || ctx.Err() != nil {
			return err
		}
		time.Sleep(time.Millisecond + rand.N(20*time.Millisecond))
	}
}

// makeRole makes one NOLOGIN role, unless it is there, and lets the user become it.
func makeRole(ctx context.Context, conn *pgx.Conn, role pg.Role) error {
	name := pgx.Identifier{string(role)}.Sanitize()
	err := retry(ctx, func() error {
		var exists, able bool
		err := conn.QueryRow(ctx, `select exists (select from pg_roles where rolname = $1)`, string(role)).Scan(&exists)
		if err == nil && !exists {
			_, err = conn.Exec(ctx, `create role `+name+` nologin nosuperuser nocreatedb nocreaterole nobypassrls`)
		}
		if err != nil && !sqlState(err, "42710") { // 42710: somebody was faster
			return err
		}
		if err := conn.QueryRow(ctx, `select pg_has_role(session_user, $1::text, 'SET')`, string(role)).Scan(&able); err != nil || able {
			return err
		}
		_, err = conn.Exec(ctx, `grant `+name+` to current_user with set true, inherit false`)
		if sqlState(err, "42501", "0LP01") {
			return nil // somebody else's role; the caller sees that it cannot be taken
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("make role %s: %w", role, err)
	}
	return nil
}

// makeMember makes member a member of role, unless it is.
func makeMember(ctx context.Context, conn *pgx.Conn, role, member pg.Role) error {
	err := retry(ctx, func() error {
		var is bool
		err := conn.QueryRow(ctx, `select exists (select from pg_auth_members
			where roleid = to_regrole($1) and member = to_regrole($2) and inherit_option and set_option)`, string(role), string(member)).Scan(&is)
		if err != nil || is {
			return err
		}
		_, err = conn.Exec(ctx, `grant `+string(role)+` to `+string(member)+` with set true, inherit true`)
		return err
	})
	if err != nil {
		return fmt.Errorf("make %s a member of %s: %w", member, role, err)
	}
	return nil
}

// lendDatabase lets sluice_owner make schemas here, and those that need it temporary tables.
func lendDatabase(ctx context.Context, conn *pgx.Conn) error {
	for _, want := range []struct {
		role  pg.Role
		right string
	}{
		{pg.Owner, "create"},
		{pg.Owner, "temporary"},
		{"sluice_views", "temporary"}, // REFRESH ... CONCURRENTLY
		{pg.Ingest, "temporary"},
		{pg.Projector, "temporary"},
	} {
		var has bool
		var name string
		err := conn.QueryRow(ctx, `select current_database(), has_database_privilege($1::text, current_database(), $2)`, string(want.role), want.right).Scan(&name, &has)
		if err == nil && !has {
			_, err = conn.Exec(ctx, `grant `+want.right+` on database `+pgx.Identifier{name}.Sanitize()+` to `+string(want.role))
		}
		if err != nil {
			return fmt.Errorf("grant %s on the database to %s, which takes the database's owner: %w", want.right, want.role, err)
		}
	}
	return nil
}

// AsOwner makes the connection act as the owner of the schema, for work on
// partitions; `reset role` ends it.
func AsOwner(ctx context.Context, conn *pgx.Conn) error {
	var owner string
	if err := conn.QueryRow(ctx, `select nspowner::regrole::text from pg_namespace where nspname = 'core'`).Scan(&owner); err != nil {
		return fmt.Errorf("owner of the schema: %w", err)
	}
	return becomeOwner(ctx, conn, owner) // regrole's text is quoted where needed
}

// asReader takes a role that may read which scripts were applied, unless the user may.
func asReader(ctx context.Context, conn *pgx.Conn) error {
	var role *string
	err := conn.QueryRow(ctx, `
		select case when not has_schema_privilege('core', 'usage') or not has_table_privilege(c.oid, 'select')
		       then (select rolname::text from unnest($1::text[]) with ordinality as w (name, place) join pg_roles r on r.rolname = w.name
		             where pg_has_role(session_user, r.oid, 'SET') and has_table_privilege(r.oid, c.oid, 'select') order by place limit 1) end
		from (select 'core'::regnamespace::oid) n (oid)
		left join pg_class c on c.relnamespace = n.oid and c.relname = 'schema_migration'`, roles).Scan(&role)
	if err == nil && role != nil {
		_, err = conn.Exec(ctx, `set role `+pgx.Identifier{*role}.Sanitize())
	}
	if err != nil {
		return fmt.Errorf("migrations applied so far: %w", err)
	}
	return nil
}

func becomeOwner(ctx context.Context, conn *pgx.Conn, owner string) error {
	if _, err := conn.Exec(ctx, `set role `+owner); err != nil {
		return fmt.Errorf("the schema belongs to %s, which this user cannot become: %w", owner, err)
	}
	return nil
}
