// Package migrations brings a database to the schema that this program needs.
//
// Each module of the specification has numbered scripts, sql/<module>_v<NNN>_<what>.sql,
// by the template of its section 12.2. They go forward only, run in one transaction
// each, and never change once released: the SHA-256 of each applied script is kept, and
// a script that differs from what was applied is refused, as is a database that is
// newer than the program.
//
// A script for what PostgreSQL does outside of transactions only, or what must not hold
// its locks until the end of one, has a third line in its head:
//
//	-- Migration: vex_v007_finding_index
//	-- Dependencies: vex_v001
//	-- Transaction: none
//
//	create index concurrently if not exists ix_finding_x on vex.finding (tenant_id, x);
//
//	begin;
//	insert into core.schema_version ... as in every script
//	commit;
//
// What stands before the last begin; runs statement by statement, with no time-out for
// locks; the transaction at the end records the script. One that fails or is killed before
// that is pending and begins anew with the next Up, so each statement must be one that can
// be repeated. For indexes that is made sure: "if not exists" is asked for, what an earlier
// try has left (an invalid index) is dropped first, and on a partitioned table the index
// is built on each partition and attached.
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

//go:embed sql/*.sql sql/order.txt
var scripts embed.FS

// modules are those of the specification, and access, which grants rights.
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

// scriptsOf reads the scripts of sql/, in the order of sql/order.txt.
func scriptsOf(files fs.FS) []Script {
	list, err := fs.ReadFile(files, "sql/order.txt")
	if err != nil {
		panic(err) // compiled in
	}
	var order []string
	for line := range strings.Lines(string(list)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			order = append(order, line)
		}
	}
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
		if !slices.Contains(order, name) {
			panic("migrations: " + path + " is not in sql/order.txt; add it at the end")
		}
		text, err := fs.ReadFile(files, path)
		if err != nil {
			panic(err) // compiled in
		}
		version, _ := strconv.Atoi(m[2])
		sum := sha256.Sum256(text)
		out = append(out, Script{Module: m[1], Version: version, Name: name, Text: string(text), Hash: hex.EncodeToString(sum[:])})
	}
	if len(out) != len(order) {
		panic("migrations: sql/order.txt names a script twice, or one that is not there")
	}
	slices.SortFunc(out, func(a, b Script) int { return slices.Index(order, a.Name) - slices.Index(order, b.Name) })
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

	done, err := apply(ctx, conn, Scripts())
	if err != nil {
		return done, err
	}
	if _, err := conn.Exec(ctx, `reset role`); err != nil {
		return done, fmt.Errorf("give the owner's role back: %w", err)
	}
	return done, SetSearchPath(ctx, conn)
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

// run applies one script in its own transaction; its row of the history goes into the same
// one. Statements that cannot be in a transaction come before it.
func run(ctx context.Context, conn *pgx.Conn, s Script) error {
	first, last, err := s.alone()
	if err != nil {
		return err
	}
	if len(first) > 0 {
		// A server process does not notice that its client was killed while it builds or waits,
		// and would keep the migration lock. Not every server can look, hence no error.
		_, _ = conn.Exec(ctx, `set client_connection_check_interval = '5s'`)
		defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), `reset client_connection_check_interval`) }()
	}
	for _, st := range first {
		if err := runAlone(ctx, conn, st); err != nil {
			return err
		}
	}
	body, end, ok := cutLast(last, "commit;")
	if !ok {
		return errors.New("has no commit; (see the template in the specification, section 12.2)")
	}
	// On the script's first line, so that the lines of errors are the script's own.
	text := "set lock_timeout = '10s'; " + strings.ReplaceAll(body, hashMark, s.Hash) + fmt.Sprintf(
		"insert into core.schema_migration (module, version, script, migration_hash) values ('%s', %d, '%s', '%s');\ncommit;",
		s.Module, s.Version, s.Name, s.Hash) + end + "\nreset lock_timeout;"
	if _, err := conn.PgConn().Exec(ctx, text).ReadAll(); err != nil {
		_, _ = conn.PgConn().Exec(context.WithoutCancel(ctx), "rollback; reset lock_timeout").ReadAll()
		var pe *pgconn.PgError
		if errors.As(err, &pe) && pe.Position > 0 {
			return fmt.Errorf("line %d: %w", lineOf(text, int(pe.Position)), err)
		}
		return err
	}
	return nil
}

// lineOf is the line of a position, which PostgreSQL counts in characters from 1.
func lineOf(text string, position int) int {
	line := 1
	for _, r := range text {
		if position--; position <= 0 {
			break
		}
		if r == '\n' {
			line++
		}
	}
	return line
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
		if err := asReader(ctx, conn); err != nil {
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

// checkServer refuses servers and databases that lack what the scripts use.
func checkServer(ctx context.Context, conn *pgx.Conn) error {
	if err := pg.CheckVersion(conn.PgConn()); err != nil {
		return err
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
	what := "migration lock"
	for {
		var got bool
		if err := conn.QueryRow(ctx, `select pg_try_advisory_lock($1)`, key).Scan(&got); err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		if got {
			return func() { _, _ = conn.Exec(context.WithoutCancel(ctx), `select pg_advisory_unlock($1)`, key) }, nil
		}
		what = "migration lock (another process is migrating)"
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%s: %w", what, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// SetSearchPath makes the specification's unqualified names resolve for every user
// of the database; Up does it. It takes the database's owner; where the user is not, it
// does nothing: Sluice's own connections set the path themselves. Nor does it touch a path
// that somebody has set.
func SetSearchPath(ctx context.Context, conn *pgx.Conn) error {
	var name string
	var owns, set bool
	err := conn.QueryRow(ctx, `
		select datname, pg_has_role(session_user, datdba, 'USAGE'),
		       exists (select from pg_db_role_setting s, unnest(s.setconfig) as c
		               where s.setdatabase = d.oid and s.setrole = 0 and starts_with(c, 'search_path='))
		from pg_database d where datname = current_database()`).Scan(&name, &owns, &set)
	if err == nil && owns && !set {
		_, err = conn.Exec(ctx, `alter database `+pgx.Identifier{name}.Sanitize()+` set search_path = `+pg.SearchPath)
	}
	if err != nil {
		return fmt.Errorf("search_path of the database: %w", err)
	}
	return nil
}

func sqlState(err error, codes ...string) bool {
	var pe *pgconn.PgError
	return errors.As(err, &pe) && slices.Contains(codes, pe.Code)
}
