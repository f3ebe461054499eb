package partitions

import (
	"context"
	"embed"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/pg"
	"sluice/internal/sqltext"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// text is the SQL of a file.
var text = sqltext.From(sqlFiles)

// querier is a connection or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// pinned runs fn in a transaction whose zone and styles are known: bounds of partitions
// come from the catalogue as text.
func pinned(ctx context.Context, conn *pgx.Conn, fn func(pgx.Tx) error) error {
	return pg.InTx(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, pin); err != nil {
			return fmt.Errorf("pin the session's zone: %w", err)
		}
		return fn(tx)
	})
}

const pin = `set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres'; set local search_path = ''`

// quote is a literal of SQL. Plans print statements as they run, so these have no parameters.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// ident is a name of schema.table, quoted where it has to be.
func ident(schema, table string) string { return pgx.Identifier{schema, table}.Sanitize() }

// parentIdent is the policy's table as a statement names it.
func (p Policy) parentIdent() (string, error) {
	schema, table, ok := strings.Cut(p.Parent, ".")
	if !ok || schema == "" || table == "" {
		return "", fmt.Errorf("policy for %q: want schema.table", p.Parent)
	}
	return ident(schema, table), nil
}

// literal is a moment as a bound is written: the same in every style and zone.
func literal(t time.Time) string {
	return quote(t.UTC().Format("2006-01-02 15:04:05.999999+00"))
}

var (
	sqlForgetDetached = text("forget_detached")
	sqlNoteAttached   = text("note_attached")
	sqlRetiredID      = text("retired_id")
	sqlNotePass       = text("note_pass")
	sqlNoteClosed     = text("note_closed")
	sqlNoteAnalyzed   = text("note_analyzed")
	sqlAddPolicy      = text("add_policy")
	sqlSetPolicy      = text("set_policy")
)
