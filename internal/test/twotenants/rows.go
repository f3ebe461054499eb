// Package twotenants makes up the rows of tenants that can be told apart wherever they show
// up, in every table that there is, and looks at a database as one of them for a trace of the
// other. The tables come from the catalogue, so that a new one is not forgotten.
package twotenants

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
)

// Owner is one whose rows are told apart wherever they show up: every value of a row
// that has room for it carries the mark.
type Owner struct {
	Tenant id.ID
	Mark   string // in texts, in JSON and, as bytes, in bytea
	Number int64
}

// New makes an owner of a letter.
func New(letter byte) Owner {
	o := Owner{Mark: fmt.Sprintf("mark-of-%c", letter), Number: 1_000_000_000 + int64(letter)*1_000_000}
	// Every UUID of an owner starts with these bytes.
	copy(o.Tenant[:], []byte{letter, letter, letter, letter, 0, 1, 0x80, 0, 0x80, 0, 0, 0, 0, 0, 0, 1})
	return o
}

// Shared is the tenant of the shared feed.
func Shared() Owner {
	return Owner{Tenant: id.Shared, Mark: "mark-of-shared", Number: 1_999_000_000}
}

// Trace matches the owner's values in the text of any row.
func (o Owner) Trace() string {
	hexID := hex.EncodeToString(o.Tenant[:4])
	number := "([^0-9.]|^)" + fmt.Sprint(o.Number/100) + "[0-9][0-9]([^0-9.]|$)"
	return o.Mark + "|" + hexID + "-0001|" + hexID + "0001|" + hex.EncodeToString([]byte(o.Mark)) + "|" + number
}

// UUID is an id of the owner's, the same for the same n.
func (o Owner) UUID(n int) id.ID {
	u := o.Tenant
	if u == id.Shared {
		u[0], u[15] = 0xee, 0
	}
	u[14], u[15] = byte(n>>8), byte(n)
	return u
}

// Column is a column of a table under row security.
type Column struct {
	Table, Name, Type string
	Default           bool
	Check             string // a check constraint that names it
}

// Tables lists the tables with a tenant_id, partitions left out, with the columns that
// can be written.
func Tables(t testing.TB, conn *pgx.Conn) map[string][]Column {
	t.Helper()
	rows, err := conn.Query(t.Context(), `
		select format('%I.%I', n.nspname, c.relname), a.attname, format_type(a.atttypid, null), a.atthasdef,
		       coalesce((select string_agg(pg_get_constraintdef(k.oid), ' ') from pg_constraint k where k.conrelid = c.oid and k.contype = 'c' and a.attnum = any (k.conkey)), '')
		from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
		join pg_namespace n on n.oid = c.relnamespace
		where c.relkind in ('r', 'p') and not c.relispartition and n.nspname !~ '^pg_'
		  and exists (select from pg_attribute where attrelid = c.oid and attname = 'tenant_id')
		order by 1, a.attnum`)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Column])
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]Column{}
	for _, c := range all {
		out[c.Table] = append(out[c.Table], c)
	}
	if len(out) < 30 {
		t.Fatalf("only %d tables have a tenant_id", len(out))
	}
	return out
}

var firstLiteral = regexp.MustCompile(`'([^']*)'::text`)

// Row makes a row of a table for an owner; n tells several apart. A column of a type that
// it does not know fails the test: teach it.
func (o Owner) Row(t testing.TB, columns []Column, n int) map[string]any {
	t.Helper()
	out := map[string]any{}
	for i, c := range columns {
		var v any
		switch c.Type {
		case "uuid":
			v = o.UUID(n*100 + i)
		case "text":
			v = fmt.Sprintf("%s.%s.%d", o.Mark, c.Name, n)
			if m := firstLiteral.FindStringSubmatch(c.Check); m != nil && !strings.Contains(c.Check, "~") {
				v = m[1]
			}
		case "bytea":
			v = append(bytes.Repeat([]byte{byte(n)}, 32-len(o.Mark)), o.Mark...)
		case "jsonb":
			v = fmt.Sprintf(`{"mark": %q, "n": %d}`, o.Mark, n)
		case "text[]":
			v = []string{o.Mark}
		case "uuid[]":
			v = []id.ID{o.UUID(n)}
		case "bigint", "integer":
			v = o.Number + int64(n)
		case "smallint":
			v = 7
		case "boolean":
			v = true
		case "real":
			v = float32(0.5)
		case "timestamp with time zone", "date":
			v = time.Now()
		default:
			t.Fatalf("%s.%s: rows of type %s cannot be made up yet", c.Table, c.Name, c.Type)
		}
		out[c.Name] = v
	}
	out["tenant_id"] = o.Tenant
	switch columns[0].Table {
	case "vex.suppressed_findings":
		delete(out, "decision_id") // either, by a check
	case "authority.oauth_token":
		delete(out, "oauth_client_id") // either, by a check
	case "unknowns.unknown":
		delete(out, "valid_to") // one that is open, for the view
	case "core.job_queue":
		delete(out, "locked_at")
	}
	return out
}

// Insert builds the statement for a row.
func Insert(table string, row map[string]any) (sql string, args []any) {
	var names, places []string
	for name, v := range row {
		args = append(args, v)
		names = append(names, pgx.Identifier{name}.Sanitize())
		places = append(places, fmt.Sprintf("$%d", len(args)))
	}
	return "insert into " + table + " (" + strings.Join(names, ", ") + ") values (" + strings.Join(places, ", ") + ")", args
}

// Fill gives each owner n rows in every table with a tenant_id, as superuser.
func Fill(t testing.TB, admin *pgx.Conn, tables map[string][]Column, n int, owners ...Owner) {
	t.Helper()
	for _, o := range owners {
		for table, columns := range tables {
			rows := n
			switch table {
			case "authority.tenant":
				rows = 1
			case "authority.audit_head", "authority.audit_chain":
				rows = 0 // the audit log's trigger fills them
			}
			for i := range rows {
				sql, args := Insert(table, o.Row(t, columns, i+1))
				if _, err := admin.Exec(t.Context(), sql, args...); err != nil {
					t.Fatalf("%s: %v", sql, err)
				}
			}
		}
	}
	for _, view := range []string{"vex.mv_artifact_risk", "vex.mv_triage_queue"} {
		exec(t, admin, `refresh materialized view `+view)
	}
	exec(t, admin, `analyze`)
}

func exec(t testing.TB, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}
