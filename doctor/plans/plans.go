// Package plans shows how PostgreSQL answers our hot statements: as the role that runs them, under row
// security, with a tenant's own values, planned for these values and for any. It judges the plans by section 8 of
// the specification: by an index that leads with the tenant, with estimates that are not wildly wrong.
//
// Start at Explain. Queries are the statements; docs/plans keeps their plans.
package plans

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/sqltext"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

var text = sqltext.From(sqlFiles)

var (
	sqlSample     = text("sample")
	sqlSizes      = text("sizes")
	sqlParameters = text("parameters")
)

// Plan is one plan of a statement.
type Plan struct {
	Query    string   `json:"query"`
	File     string   `json:"file"`
	Role     string   `json:"role"`
	Mode     string   `json:"mode"` // custom: for the values at hand; generic: for any
	Indexes  []string `json:"indexes"`
	Error    float64  `json:"estimate_error"` // how many times the worst estimate is off; 0: it was not run
	Rows     float64  `json:"rows"`
	Hit      int64    `json:"buffers_hit"`
	Read     int64    `json:"buffers_read"`
	Millis   float64  `json:"ms"`
	Problems []string `json:"problems"`
	Text     string   `json:"plan"`
}

// largeRows is how many rows a table has for which a plan matters.
const largeRows = 1000

// mostError is how many times an estimate may be off.
const mostError = 100

// Explain plans and runs a query of the tenant's on a connection with the role's settings, in a transaction that is
// rolled back. values are from Sample.
func Explain(ctx context.Context, conn *pgx.Conn, tenant id.ID, q Query, values map[string]string) ([]Plan, error) {
	sql, ok := sqltext.Find(q.File)
	if !ok {
		return nil, fmt.Errorf("%s is not in this program", q.File)
	}
	var out []Plan
	for _, mode := range []string{"custom", "generic"} {
		p := Plan{Query: q.Name, File: q.File, Role: string(q.Role), Mode: mode, Indexes: []string{}, Problems: []string{}}
		tx, err := conn.Begin(ctx)
		if err != nil {
			return nil, err
		}
		err = p.explain(ctx, tx, tenant, q, sql, values)
		if bad := tx.Rollback(ctx); err == nil {
			err = bad
		}
		if err != nil {
			return nil, fmt.Errorf("%s, %s plan: %w", q.Name, mode, err)
		}
		out = append(out, p)
	}
	return out, nil
}

// Sample returns values of the tenant to ask with, by the names in Query.Args, and the tables that are
// large. The connection acts as pg.Reader.
func Sample(ctx context.Context, conn *pgx.Conn, tenant id.ID) (map[string]string, error) {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback(context.WithoutCancel(ctx))
	if err := pg.SetTenant(ctx, tx, tenant); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, sqlSample, tenant)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectExactlyOneRow(rows, pgx.RowToMap)
	if err != nil {
		return nil, fmt.Errorf("values of the tenant: %w", err)
	}
	out := map[string]string{"tenant": tenant.String()}
	for name, v := range found {
		out[name] = fmt.Sprint(v)
	}
	return out, nil
}

func (p *Plan) explain(ctx context.Context, tx pgx.Tx, tenant id.ID, q Query, sql string, values map[string]string) error {
	if err := pg.SetTenant(ctx, tx, tenant); err != nil {
		return err
	}
	sizes := map[string]int64{}
	rows, err := tx.Query(ctx, sqlSizes, largeRows)
	if err != nil {
		return err
	}
	var table string
	var n int64
	if _, err := pgx.ForEachRow(rows, []any{&table, &n}, func() error { sizes[table] = n; return nil }); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `select set_config('plan_cache_mode', $1, true)`, "force_"+p.Mode+"_plan"); err != nil {
		return err
	}
	const name = "sluice_explain"
	// By the simple protocol: the parameters get their values from EXECUTE.
	run := func(sql string) ([][][]byte, error) {
		results, err := tx.Conn().PgConn().Exec(ctx, sql).ReadAll()
		if err != nil {
			return nil, err
		}
		return results[len(results)-1].Rows, nil
	}
	if _, err := run("prepare " + name + " as " + sql); err != nil {
		return err
	}
	defer func() { _, _ = run("deallocate " + name) }()
	literals, err := literals(ctx, tx, name, q, values)
	if err != nil {
		return err
	}
	call := "execute " + name
	if len(literals) > 0 {
		call += " (" + strings.Join(literals, ", ") + ")"
	}
	options := "analyze, buffers, format json, verbose"
	if q.Writes {
		options = "format json, verbose"
	}
	got, err := run("explain (" + options + ") " + call)
	if err != nil {
		return err
	}
	var plans []struct {
		Plan Node    `json:"Plan"`
		Took float64 `json:"Execution Time"`
	}
	if err := json.Unmarshal(got[0][0], &plans); err != nil {
		return err
	}
	root := plans[0].Plan
	p.Rows, p.Hit, p.Read, p.Millis = root.Actual*root.Loops, root.Hit, root.Read, plans[0].Took
	p.Text = root.String()
	indexes := map[string]bool{}
	root.walk(func(n Node) {
		if n.Index != "" {
			indexes[n.Index] = true
		}
	})
	p.Indexes = append(p.Indexes, slices.Sorted(maps.Keys(indexes))...)
	j := judge{q: q, sizes: sizes, generic: p.Mode == "generic"}
	j.look(root, false)
	p.Error = j.worst
	p.Problems = append(p.Problems, j.problems...)
	return nil
}

// literals are the values of the statement's parameters.
func literals(ctx context.Context, tx pgx.Tx, name string, q Query, values map[string]string) ([]string, error) {
	rows, err := tx.Query(ctx, sqlParameters, name)
	if err != nil {
		return nil, err
	}
	kinds, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	var out []string
	for i, kind := range kinds {
		v, ok := anyValue[kind]
		if i < len(q.Args) {
			v, ok = q.Args[i], true
			if strings.HasPrefix(v, "<") {
				v, ok = values[strings.Trim(v, "<>")]
			}
		}
		if !ok {
			return nil, fmt.Errorf("no value for parameter %d, of type %s", i+1, kind)
		}
		if v == null {
			out = append(out, "null")
			continue
		}
		out = append(out, "'"+strings.ReplaceAll(v, "'", "''")+"'")
	}
	return out, nil
}

// anyValue is a value per type, for parameters that say nothing else.
var anyValue = map[string]string{
	"uuid": noID, "text": "x", "jsonb": "{}", "boolean": "true", "integer": "5", "bigint": "5", "bytea": "x", "interval": "10 s", "timestamp with time zone": "2026-01-01",
	"uuid[]": "{" + noID + "}", "text[]": "{x,y}", "bigint[]": "{1,2}", "integer[]": "{1,2}", "boolean[]": "{true}", "bytea[]": "{x}", "timestamp with time zone[]": "{2026-01-01}",
}
