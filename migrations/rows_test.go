package migrations_test

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

// owner is one whose rows are told apart wherever they show up: every value of a row
// that has room for it carries the mark.
type owner struct {
	tenant id.ID
	mark   string // in texts, in JSON and, as bytes, in bytea
	number int64
}

func newOwner(letter byte) owner {
	o := owner{mark: fmt.Sprintf("mark-of-%c", letter), number: 1_000_000_000 + int64(letter)*1_000_000}
	// Every UUID of an owner starts with these bytes.
	copy(o.tenant[:], []byte{letter, letter, letter, letter, 0, 1, 0x80, 0, 0x80, 0, 0, 0, 0, 0, 0, 1})
	return o
}

// sharedOwner is the tenant of the shared feed.
func sharedOwner() owner {
	return owner{tenant: id.Shared, mark: "mark-of-shared", number: 1_999_000_000}
}

// trace matches the owner's values in the text of any row.
func (o owner) trace() string {
	hexID := hex.EncodeToString(o.tenant[:4])
	number := "([^0-9.]|^)" + fmt.Sprint(o.number/100) + "[0-9][0-9]([^0-9.]|$)"
	return o.mark + "|" + hexID + "-0001|" + hexID + "0001|" + hex.EncodeToString([]byte(o.mark)) + "|" + number
}

// uuid is an id of the owner's, the same for the same n.
func (o owner) uuid(n int) id.ID {
	u := o.tenant
	if u == id.Shared {
		u[0], u[15] = 0xee, 0
	}
	u[14], u[15] = byte(n>>8), byte(n)
	return u
}

// tableColumn is a column of a table under row security.
type tableColumn struct {
	Table, Name, Type string
	Default           bool
	Check             string // a check constraint that names it
}

// tenantTables lists the tables with a tenant_id, partitions left out, with the columns that
// can be written.
func tenantTables(t testing.TB, conn queryer) map[string][]tableColumn {
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
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[tableColumn])
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]tableColumn{}
	for _, c := range all {
		out[c.Table] = append(out[c.Table], c)
	}
	if len(out) < 30 {
		t.Fatalf("only %d tables have a tenant_id", len(out))
	}
	return out
}

var firstLiteral = regexp.MustCompile(`'([^']*)'::text`)

// row makes a row of a table for an owner; n tells several apart. A column of a type that
// it does not know fails the test: teach it.
func (o owner) row(t testing.TB, columns []tableColumn, n int) map[string]any {
	t.Helper()
	out := map[string]any{}
	for i, c := range columns {
		var v any
		switch c.Type {
		case "uuid":
			v = o.uuid(n*100 + i)
		case "text":
			v = fmt.Sprintf("%s.%s.%d", o.mark, c.Name, n)
			if m := firstLiteral.FindStringSubmatch(c.Check); m != nil && !strings.Contains(c.Check, "~") {
				v = m[1]
			}
		case "bytea":
			v = append(bytes.Repeat([]byte{byte(n)}, 32-len(o.mark)), o.mark...)
		case "jsonb":
			v = fmt.Sprintf(`{"mark": %q, "n": %d}`, o.mark, n)
		case "text[]":
			v = []string{o.mark}
		case "uuid[]":
			v = []id.ID{o.uuid(n)}
		case "bigint", "integer":
			v = o.number + int64(n)
		case "smallint":
			v = 7
		case "boolean":
			v = true
		case "timestamp with time zone":
			v = time.Now()
		default:
			t.Fatalf("%s.%s: rows of type %s cannot be made up yet", c.Table, c.Name, c.Type)
		}
		out[c.Name] = v
	}
	out["tenant_id"] = o.tenant
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

// insert builds the statement for a row.
func insert(table string, row map[string]any) (sql string, args []any) {
	var names, places []string
	for name, v := range row {
		args = append(args, v)
		names = append(names, pgx.Identifier{name}.Sanitize())
		places = append(places, fmt.Sprintf("$%d", len(args)))
	}
	return "insert into " + table + " (" + strings.Join(names, ", ") + ") values (" + strings.Join(places, ", ") + ")", args
}

// fill gives each owner n rows in every table with a tenant_id, as superuser.
func fill(t testing.TB, admin *pgx.Conn, tables map[string][]tableColumn, n int, owners ...owner) {
	t.Helper()
	for _, o := range owners {
		for table, columns := range tables {
			rows := n
			if table == "authority.tenant" {
				rows = 1
			}
			for i := range rows {
				sql, args := insert(table, o.row(t, columns, i+1))
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
