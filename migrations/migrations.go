// Package migrations brings a database to the schema that this program needs.
//
// Each module of the specification has numbered scripts, sql/<module>_v<NNN>_<what>.sql,
// by the template of its section 12.2. They go forward only, run in one transaction
// each, and never change once released: the SHA-256 of each applied script is kept, and
// a script that differs from what was applied is refused, as is a database that is
// newer than the program.
//
// Up may be called by any number of processes at once. It needs no superuser: a user
// that may create schemas in the database is enough. Where that user may also make
// roles (CREATEROLE) the rights are spread over the roles of docs/tables.md; where it
// may not, everything belongs to that user and row security still holds.
package migrations

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sluice/internal/pg"
)

//go:embed sql/*.sql
var scripts embed.FS

// modules in the order of their dependencies; access is last, it grants rights on all.
var modules = []string{"core", "authority", "routing", "artifact", "ingest", "vex", "unknowns", "access"}

// hashMark stands in each script where its own hash goes.
const hashMark = "<hash>"

// Errors that callers tell apart.
var (
	// ErrEdited: a script differs from the one that was applied.
	ErrEdited = errors.New("migration script was changed after it was applied")
	// ErrNewer: the database was migrated by a newer program.
	ErrNewer = errors.New("database is newer than this program")
	// ErrPending: scripts have not been applied yet.
	ErrPending = errors.New("database is not up to date")
)

// Script is one numbered step of a module.
type Script struct {
	Module  string
	Version int
	Name    string // core_v001_base
	Text    string
	Hash    string // SHA-256 of Text, hexadecimal
}

// State is what Status says of one script.
type State struct {
	Script
	AppliedAt *time.Time // nil: pending
	Applied   string     // the hash that was applied, "" if pending
}

var scriptName = regexp.MustCompile(`^([a-z]+)_v(\d{3})_[a-z0-9_]+$`)

// Scripts returns every script of this program in the order they are applied.
func Scripts() []Script { return scriptsOf(scripts) }

func scriptsOf(files fs.FS) []Script {
	names, err := fs.Glob(files, "sql/*.sql")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	var out []Script
	for _, path := range names {
		name := strings.TrimSuffix(strings.TrimPrefix(path, "sql/"), ".sql")
		m := scriptName.FindStringSubmatch(name)
		if m == nil || !slices.Contains(modules, m[1]) {
			panic("migrations: " + path + " is not named <module>_v<NNN>_<what>.sql")
		}
		text, err := fs.ReadFile(files, path)
		if err != nil {
			panic(err) // compiled in
		}
		version, _ := strconv.Atoi(m[2])
		sum := sha256.Sum256(text)
		out = append(out, Script{Module: m[1], Version: version, Name: name, Text: string(text), Hash: hex.EncodeToString(sum[:])})
	}
	slices.SortFunc(out, func(a, b Script) int {
		if d := slices.Index(modules, a.Module) - slices.Index(modules, b.Module); d != 0 {
			return d
		}
		return a.Version - b.Version
	})
	return out
}

// Up applies what is pending and returns it. conn is a connection of the user that
// owns the database, or of a superuser; Up leaves its role as it was.
func Up(ctx context.Context, conn *pgx.Conn) ([]Script, error) {
	if err := checkServer(ctx, conn); err != nil {
		return nil, err
	}
	unlock, err := lock(ctx, conn)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := prepareRoles(ctx, conn); err != nil {
		return nil, err
	}
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), `reset role`) }()

	return apply(ctx, conn, Scripts())
}

// apply runs the pending ones of scripts, as the role that the connection has now.
func apply(ctx context.Context, conn *pgx.Conn, scripts []Script) ([]Script, error) {
	states, err := status(ctx, conn, scripts)
	if err != nil {
		return nil, err
	}
	var done []Script
	for _, s := range states {
		if s.AppliedAt != nil {
			continue
		}
		if err := run(ctx, conn, s.Script); err != nil {
			return done, fmt.Errorf("migration %s: %w", s.Name, err)
		}
		done = append(done, s.Script)
	}
	return done, nil
}

// run applies one script in its own transaction; its row of the history goes into the same one.
func run(ctx context.Context, conn *pgx.Conn, s Script) error {
	body, end, ok := cutLast(s.Text, "commit;")
	if !ok {
		return errors.New("has no commit; (see the template in the specification, section 12.2)")
	}
	text := "set lock_timeout = '10s';\n" + strings.ReplaceAll(body, hashMark, s.Hash) + fmt.Sprintf(
		"insert into core.schema_migration (module, version, script, migration_hash) values ('%s', %d, '%s', '%s');\ncommit;",
		s.Module, s.Version, s.Name, s.Hash) + end + "\nreset lock_timeout;"
	if _, err := conn.PgConn().Exec(ctx, text).ReadAll(); err != nil {
		_, _ = conn.PgConn().Exec(context.WithoutCancel(ctx), "rollback; reset lock_timeout").ReadAll()
		var pe *pgconn.PgError
		if errors.As(err, &pe) && pe.Position > 0 {
			return fmt.Errorf("line %d: %w", 1+strings.Count(text[:min(len(text), int(pe.Position))], "\n"), err)
		}
		return err
	}
	return nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// Status says which scripts were applied and when. It fails with ErrEdited or ErrNewer.
func Status(ctx context.Context, conn *pgx.Conn) ([]State, error) {
	var exists bool
	if err := conn.QueryRow(ctx, `select to_regnamespace('core') is not null`).Scan(&exists); err != nil {
		return nil, fmt.Errorf("migrations applied so far: %w", err)
	}
	if exists {
		if err := AsOwner(ctx, conn); err != nil {
			return nil, err
		}
		defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), `reset role`) }()
	}
	return status(ctx, conn, Scripts())
}

func status(ctx context.Context, conn *pgx.Conn, scripts []Script) ([]State, error) {
	type row struct {
		Module    string
		Version   int
		Hash      string
		AppliedAt time.Time
	}
	var exists bool
	if err := conn.QueryRow(ctx, `select to_regclass('core.schema_migration') is not null`).Scan(&exists); err != nil {
		return nil, fmt.Errorf("migrations applied so far: %w", err)
	}
	var applied []row
	if exists {
		rows, err := conn.Query(ctx, `select module, version, migration_hash, applied_at from core.schema_migration order by module, version`)
		if err == nil {
			applied, err = pgx.CollectRows(rows, pgx.RowToStructByPos[row])
		}
		if err != nil {
			return nil, fmt.Errorf("migrations applied so far: %w", err)
		}
	}
	states := make([]State, len(scripts))
	for i, s := range scripts {
		states[i].Script = s
	}
	for _, r := range applied {
		i := slices.IndexFunc(states, func(s State) bool { return s.Module == r.Module && s.Version == r.Version })
		if i < 0 {
			return nil, fmt.Errorf("%w: it has %s version %d, which this program does not know; use the program that migrated it, or a newer one", ErrNewer, r.Module, r.Version)
		}
		if states[i].Hash != r.Hash {
			return nil, fmt.Errorf("%w: %s was applied as %.12s and is %.12s in this program; restore the script, and put the change into a new one", ErrEdited, states[i].Name, r.Hash, states[i].Hash)
		}
		states[i].AppliedAt, states[i].Applied = &r.AppliedAt, r.Hash
	}
	return states, nil
}

// Verify succeeds when the database has exactly the scripts of this program.
func Verify(ctx context.Context, conn *pgx.Conn) error {
	states, err := Status(ctx, conn)
	if err != nil {
		return err
	}
	var pending []string
	for _, s := range states {
		if s.AppliedAt == nil {
			pending = append(pending, s.Name)
		}
	}
	if pending != nil {
		return fmt.Errorf("%w: %s pending; run `sluice migrate up`", ErrPending, strings.Join(pending, ", "))
	}
	return nil
}

// checkServer refuses servers that lack what the scripts use.
func checkServer(ctx context.Context, conn *pgx.Conn) error {
	var version int
	var name string
	err := conn.QueryRow(ctx, `select current_setting('server_version_num')::int, current_setting('server_version')`).Scan(&version, &name)
	if err != nil {
		return fmt.Errorf("server version: %w", err)
	}
	if version < 160000 {
		return fmt.Errorf("PostgreSQL %s is too old: Sluice needs 16 or newer", name)
	}
	var encoding string
	if err := conn.QueryRow(ctx, `select current_setting('server_encoding')`).Scan(&encoding); err != nil {
		return fmt.Errorf("server encoding: %w", err)
	}
	if encoding != "UTF8" {
		return fmt.Errorf("database encoding is %s: Sluice needs UTF8 (create database ... encoding 'UTF8' template template0)", encoding)
	}
	return nil
}

// lock lets one process at a time migrate a database. It polls: a session that
// waits inside pg_advisory_lock holds a snapshot, and CREATE INDEX CONCURRENTLY
// waits for that snapshot for ever.
func lock(ctx context.Context, conn *pgx.Conn) (unlock func(), err error) {
	const key = 0x5_1_01ce // any number, the same in every version
	for {
		var got bool
		if err := conn.QueryRow(ctx, `select pg_try_advisory_lock($1)`, key).Scan(&got); err != nil {
			return nil, fmt.Errorf("migration lock: %w", err)
		}
		if got {
			return func() { _, _ = conn.Exec(context.WithoutCancel(ctx), `select pg_advisory_unlock($1)`, key) }, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("migration lock (another process is migrating): %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Roles that are made where the user may make roles.
var roles = []pg.Role{pg.Owner, "sluice_views", pg.Reader, pg.Ingest, pg.Feed, pg.Projector, pg.Maintainer, "sluice_monitor"}

// prepareRoles makes the roles if it may and becomes the owner of everything that follows.
func prepareRoles(ctx context.Context, conn *pgx.Conn) error {
	var may, super, fresh bool
	var owner *string
	err := conn.QueryRow(ctx, `
		select r.rolcreaterole or r.rolsuper, r.rolsuper,
		       to_regnamespace('core') is null,
		       (select nspowner::regrole::text from pg_namespace where nspname = 'core')
		from pg_roles r where r.rolname = session_user`).Scan(&may, &super, &fresh, &owner)
	if err != nil {
		return fmt.Errorf("rights of the database user: %w", err)
	}
	if !fresh && *owner != string(pg.Owner) {
		// Migrated by one user who owns everything: stay with that. A superuser works as that user.
		if _, err := conn.Exec(ctx, `set role `+*owner); err != nil {
			return fmt.Errorf("the schema belongs to %s, which this user cannot become: %w", *owner, err)
		}
		return nil
	}
	if fresh {
		for _, role := range roles {
			if may {
				if err := makeRole(ctx, conn, role); err != nil {
					return err
				}
			}
		}
		var able bool
		err := conn.QueryRow(ctx, `select coalesce(bool_and(to_regrole(r) is not null and pg_has_role(session_user, to_regrole(r), 'SET')), false) from unnest($1::text[]) r`, roles).Scan(&able)
		if err != nil {
			return fmt.Errorf("look for roles: %w", err)
		}
		if !able {
			return nil // one user owns everything
		}
		if err := lendDatabase(ctx, conn); err != nil {
			return err
		}
	}
	if _, err := conn.Exec(ctx, `set role sluice_owner`); err != nil {
		return fmt.Errorf("the schema belongs to sluice_owner: %w", err)
	}
	return nil
}

// makeRole makes one NOLOGIN role, unless it is there, and lets the user become it.
// Roles belong to the whole server: another database's migration may make it at the same time.
func makeRole(ctx context.Context, conn *pgx.Conn, role pg.Role) error {
	name := pgx.Identifier{string(role)}.Sanitize()
	for range 5 {
		_, err := conn.Exec(ctx, `create role `+name+` nologin nosuperuser nocreatedb nocreaterole nobypassrls`)
		if err == nil || sqlState(err, "42710", "23505") {
			break // made, or there already
		}
		if !sqlState(err, "XX000") { // tuple concurrently updated
			return fmt.Errorf("make role %s: %w", role, err)
		}
	}
	for range 5 {
		var able bool
		if err := conn.QueryRow(ctx, `select pg_has_role(session_user, $1::text, 'SET')`, string(role)).Scan(&able); err != nil {
			return fmt.Errorf("role %s: %w", role, err)
		}
		if able {
			return nil
		}
		_, err := conn.Exec(ctx, `grant `+name+` to current_user with set true, inherit false`)
		if err == nil || sqlState(err, "42501") {
			return nil // 42501: somebody else's role; the caller sees that it cannot be taken
		}
		if !sqlState(err, "XX000", "23505") {
			return fmt.Errorf("become role %s: %w", role, err)
		}
	}
	return nil
}

// lendDatabase lets sluice_owner make schemas here, and makes unqualified names resolve.
func lendDatabase(ctx context.Context, conn *pgx.Conn) error {
	var name string
	if err := conn.QueryRow(ctx, `select current_database()`).Scan(&name); err != nil {
		return fmt.Errorf("database name: %w", err)
	}
	db := pgx.Identifier{name}.Sanitize()
	if _, err := conn.Exec(ctx, `grant create, connect, temporary on database `+db+` to sluice_owner`); err != nil {
		return fmt.Errorf("let sluice_owner make schemas in %s: %w", name, err)
	}
	for _, g := range []string{
		// The owner hands the materialized views and the definer functions to sluice_views.
		`grant sluice_views to sluice_owner with set true, inherit true`,
		`grant sluice_reader to sluice_ingest, sluice_projector`,
		`grant sluice_ingest to sluice_feed`,
	} {
		// XX000, 23505: another database of this server is being migrated at the same moment and grants the same.
		if _, err := conn.Exec(ctx, g); err != nil && !sqlState(err, "XX000", "23505") {
			return fmt.Errorf("%s: %w", g, err)
		}
	}
	if _, err := conn.Exec(ctx, `grant temporary on database `+db+` to sluice_ingest, sluice_projector`); err != nil {
		return fmt.Errorf("temporary tables in %s: %w", name, err)
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
	if _, err := conn.Exec(ctx, `set role `+owner); err != nil { // regrole's text is quoted where needed
		return fmt.Errorf("the schema belongs to %s, which this user cannot become: %w", owner, err)
	}
	return nil
}

// SetSearchPath makes the specification's unqualified names resolve for every user
// of the database. It takes the database's owner; where the user is not, it does
// nothing: Sluice's own connections set the path themselves.
func SetSearchPath(ctx context.Context, conn *pgx.Conn) error {
	var name string
	var owns bool
	err := conn.QueryRow(ctx, `select datname, pg_has_role(session_user, datdba, 'USAGE') from pg_database where datname = current_database()`).Scan(&name, &owns)
	if err != nil || !owns {
		return err
	}
	_, err = conn.Exec(ctx, `alter database `+pgx.Identifier{name}.Sanitize()+` set search_path = `+pg.SearchPath)
	return err
}

func sqlState(err error, codes ...string) bool {
	var pe *pgconn.PgError
	return errors.As(err, &pe) && slices.Contains(codes, pe.Code)
}
