package pgtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	templatePrefix = "sluice_test_"
	clonePrefix    = "sluice_t_"
	// What a killed test run leaves behind is dropped by a later one.
	cloneAge    = 2 * time.Hour
	templateAge = 7 * 24 * time.Hour
	// advisoryKey serialises the making of templates, also of different ones:
	// migrations create roles, which all databases of a server share.
	advisoryKey = 7_583_2026
)

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func templateName() string { return templatePrefix + digest(shared.key)[:12] }

// prepare makes the role and the template, unless another process did.
func prepare(ctx context.Context) error {
	conn, err := shared.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if err := acquire(ctx, conn.Conn()); err != nil {
		return err
	}
	defer conn.Exec(context.WithoutCancel(ctx), `select pg_advisory_unlock($1)`, advisoryKey)

	if shared.server == nil {
		if err := makeRole(ctx, conn.Conn()); err != nil {
			return err
		}
	}
	if err := sweep(ctx, conn.Conn()); err != nil {
		return err
	}
	name := templateName()
	var whole bool
	err = conn.QueryRow(ctx, `select datistemplate from pg_database where datname = $1`, name).Scan(&whole)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if !whole {
		if err := makeTemplate(ctx, conn.Conn(), name); err != nil {
			return fmt.Errorf("make the template database: %w", err)
		}
	}
	// For sweep.
	_, err = conn.Exec(ctx, fmt.Sprintf(`comment on database %s is '%d'`, pgx.Identifier{name}.Sanitize(), time.Now().Unix()))
	return err
}

// acquire polls instead of waiting in pg_advisory_lock: the waiting statement
// would hold a snapshot, and a migration that says CREATE INDEX CONCURRENTLY
// waits for all snapshots to go.
func acquire(ctx context.Context, conn *pgx.Conn) error {
	for {
		var got bool
		if err := conn.QueryRow(ctx, `select pg_try_advisory_lock($1)`, advisoryKey).Scan(&got); err != nil {
			return err
		}
		if got {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for another process that migrates: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// makeRole is for a server of one's own; the embedded one has its role.
func makeRole(ctx context.Context, conn *pgx.Conn) error {
	name := shared.app.Username()
	password, _ := shared.app.Password()
	var exists bool
	if err := conn.QueryRow(ctx, `select exists (select from pg_roles where rolname = $1)`, name).Scan(&exists); err != nil {
		return err
	}
	verb := "create"
	if exists {
		verb = "alter"
	}
	_, err := conn.Exec(ctx, verb+` role `+name+` login createrole nosuperuser nocreatedb nobypassrls password '`+password+`'`)
	if err != nil {
		return fmt.Errorf("%s role %s on the server of TEST_DATABASE_URL, which needs a superuser: %w", verb, name, err)
	}
	return nil
}

func makeTemplate(ctx context.Context, conn *pgx.Conn, name string) error {
	if err := drop(ctx, name); err != nil { // half done by a run that was killed
		return err
	}
	db := pgx.Identifier{name}.Sanitize()
	if _, err := conn.Exec(ctx, `create database `+db+` template template0 encoding 'UTF8' owner `+shared.app.Username()); err != nil {
		return err
	}
	if err := makeExtensions(ctx, name); err != nil {
		return err
	}
	if shared.migrate != nil {
		if err := shared.migrate(ctx, withUser(name, shared.app)); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
	}
	// A database in use cannot be cloned, so nobody may connect from here on. The
	// mark as template says that it is whole.
	if _, err := conn.Exec(ctx, `alter database `+db+` allow_connections false`); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, `select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1`, name); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, `alter database `+db+` is_template true`)
	return err
}

// makeExtensions adds what only a superuser may add, as the embedded server's
// own database has it.
func makeExtensions(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, withUser(name, shared.admin.User))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, `select name from pg_available_extensions
		where name in ('pg_stat_statements', 'amcheck', 'pgstattuple', 'pg_buffercache')`)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, extension := range names {
		if _, err := conn.Exec(ctx, `create extension if not exists `+pgx.Identifier{extension}.Sanitize()); err != nil {
			return fmt.Errorf("create extension %s: %w", extension, err)
		}
	}
	return nil
}

// cloneName is a name that tells sweep the age of its database.
func cloneName() string {
	return clonePrefix + strconv.FormatInt(time.Now().Unix(), 36) + "_" + strings.ToLower(rand.Text()[:10])
}

// clone makes a database for one test.
func clone(ctx context.Context) (string, error) {
	name := cloneName()
	_, err := shared.pool.Exec(ctx, fmt.Sprintf(`create database %s template %s owner %s`,
		pgx.Identifier{name}.Sanitize(), pgx.Identifier{templateName()}.Sanitize(), shared.app.Username()))
	if err != nil {
		return "", fmt.Errorf("clone the template database: %w", err)
	}
	return name, nil
}

func drop(ctx context.Context, name string) error {
	db := pgx.Identifier{name}.Sanitize()
	_, err := shared.pool.Exec(ctx, `drop database if exists `+db+` with (force)`)
	if err != nil {
		return fmt.Errorf("drop database %s: %w", name, err)
	}
	return nil
}

// sweep drops what earlier runs left: clones of killed tests, and templates of
// migrations that nobody has any more.
func sweep(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, `select datname::text, coalesce(shobj_description(oid, 'pg_database'), '')
		from pg_database where (starts_with(datname, $1) or starts_with(datname, $2)) and datname <> $3`,
		clonePrefix, templatePrefix, templateName())
	if err != nil {
		return err
	}
	type found struct{ Name, Used string }
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[found])
	if err != nil {
		return err
	}
	for _, db := range all {
		if !old(db.Name, db.Used, time.Now()) {
			continue
		}
		if strings.HasPrefix(db.Name, templatePrefix) {
			if _, err := conn.Exec(ctx, `alter database `+pgx.Identifier{db.Name}.Sanitize()+` is_template false`); err != nil {
				return err
			}
		}
		if err := drop(ctx, db.Name); err != nil {
			return err
		}
	}
	return nil
}

// old decides by the time in a clone's name or a template's comment. A template
// without comment is one that was never whole.
func old(name, used string, now time.Time) bool {
	if made, ok := strings.CutPrefix(name, clonePrefix); ok {
		made, _, _ = strings.Cut(made, "_")
		unix, err := strconv.ParseInt(made, 36, 64)
		return err == nil && now.Sub(time.Unix(unix, 0)) > cloneAge
	}
	unix, err := strconv.ParseInt(used, 10, 64)
	return err != nil || now.Sub(time.Unix(unix, 0)) > templateAge
}
