package migrations_test

import (
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"sluice/internal/dbtest"
	"sluice/internal/pg"
)

// hot is a statement whose plan is looked at, as the role that runs it.
type hot struct {
	name string
	sql  string
	args []string // literals; tenant stands for the tenant
	// list: it asks for all that the tenant has, for whom a scan of the whole table may be right.
	list bool
}

const tenant = "<tenant>"

// file is a statement of another package, in the file that it is read from there.
func file(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile("../" + path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// literal is the string in a Go file that holds all the parts.
func literal(t *testing.T, path string, parts ...string) string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "../"+path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	ast.Inspect(f, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return true
		}
		s, err := strconv.Unquote(lit.Value)
		if err == nil && !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(s, p) }) {
			found = append(found, s)
		}
		return true
	})
	if len(found) != 1 {
		t.Fatalf("%s: %d strings hold %q", path, len(found), parts)
	}
	return found[0]
}

// array is a literal of n values, made by SQL.
func array(t *testing.T, conn *pgx.Conn, value string, n int) string {
	t.Helper()
	return one[string](t, conn, `select array_agg(`+value+`)::text from generate_series(1, $1::int) n`, n)
}

// TestPlans: as the application's roles, under row security, the statements that grow with
// what is stored find their rows by an index that leads with the tenant; for the tenant
// that has most of the rows and for a small one, planned for the values at hand and for any.
func TestPlans(t *testing.T) {
	if testing.Short() {
		t.Skip("short: loads 600,000 rows")
	}
	t.Parallel()
	db := dbtest.New(t)
	admin := db.Admin(t)
	if _, err := admin.PgConn().Exec(t.Context(), file(t, "migrations/testdata/load.sql")).ReadAll(); err != nil {
		t.Fatal(err)
	}
	sizes := map[string]int64{}
	rows, err := admin.Query(t.Context(), `select n.nspname || '.' || c.relname, c.reltuples::bigint from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = any ($1) and c.relkind in ('r', 'p') and c.reltuples >= 1000`, schemas)
	if err != nil {
		t.Fatal(err)
	}
	var name string
	var tuples int64
	if _, err := pgx.ForEachRow(rows, []any{&name, &tuples}, func() error { sizes[name] = tuples; return nil }); err != nil || len(sizes) < 25 {
		t.Fatalf("%d large tables: %v", len(sizes), err)
	}

	ids := func(what string, n int) string { return array(t, admin, `md5('`+what+`' || n * 10)::uuid`, n) }
	packages, artifacts := ids("package", 50), ids("artifact", 20)
	vulns := array(t, admin, `'CVE-2026-' || 10000 + n * 7`, 50)
	matchKeys := array(t, admin, `'npm|package-' || n * 7`, 50)
	names := array(t, admin, `'npm//package-' || n * 7`, 50)
	hashes := array(t, admin, `sha256(('sbom' || n * 10 || '1')::bytea)`, 50)
	meanings := array(t, admin, `sha256(('meaning' || n * 10 || '1')::bytea)`, 50)
	streams := array(t, admin, `''::text`, 20)
	serials := array(t, admin, `md5('serial' || n || '1')::uuid::text`, 5)
	one := array(t, admin, `md5('artifact20')::uuid`, 1)
	statements := ids("statement", 50)
	findings := func(file string) string {
		return literal(t, "cmd/sluice/findings.go", "vex.open_findings", "vex.suppressed_findings")
	}(t.Name())
	queue := func(parts ...string) string { return literal(t, "internal/queue/queue.go", parts...) }

	for role, list := range map[pg.Role][]hot{
		pg.Ingest: {
			{"look_up", file(t, "ingest/sql/look_up.sql"), []string{tenant, hashes}, false},
			{"look_up_meaning", file(t, "ingest/sql/look_up_meaning.sql"), []string{tenant, meanings}, false},
			{"delete_parked", file(t, "ingest/sql/delete_parked.sql"), []string{tenant, hashes}, false},
			{"newest of the stream", subselect(t, file(t, "ingest/sql/insert_sbom.sql")), []string{tenant, "00000000-0000-0000-0000-000000000001", ""}, false},
			{"checkpoints", literal(t, "ingest/files/checkpoint.go", "from ingest.file_checkpoint"), []string{tenant, "7"}, false},
			{"parked to replay", literal(t, "ingest/replay.go", "select id from ingest.parked"), []string{tenant, "{1,2,3}", ""}, false},
		},
		pg.Projector: {
			{"claim of the specification", specificationClaim(t), []string{"sbom", "worker"}, false},
			{"tenants", queue("with recursive tenants"), nil, false},
			{"claim", queue("with picked"), []string{tenant, "500", "worker", "00000000-0000-0000-0000-000000000001", "10 s"}, false},
			{"finish", queue("delete from core.job_queue"), []string{"{1,2,3}", "00000000-0000-0000-0000-000000000001"}, false},
			{"rescue", queue("lease_until < now()"), nil, false},
			{"pending", queue("run_after < 'infinity'", "$1"), []string{"{" + tenant + "}"}, false},
			{"views", literal(t, "projections/views.go", "delete from core.job_queue"), nil, false},
		},
		pg.Reader: {
			{"findings of an artifact", findings, []string{tenant, "pkg:oci/app-20@1", "", "all", "0"}, false},
			{"findings of a vulnerability", findings, []string{tenant, "", "CVE-2026-10007", "all", "0"}, false},
			{"all findings", findings, []string{tenant, "", "", "all", "0"}, true},
			{"unknowns of an artifact", literal(t, "cmd/sluice/unknowns.go", "from unknowns.current"), []string{tenant, "x", "", "00000000-0000-0000-0000-000000000001"}, false},
			{"parked list", literal(t, "cmd/sluice/parked.go", "from ingest.parked"), []string{tenant, ""}, true},
			{"parked of a reason", literal(t, "cmd/sluice/parked.go", "from ingest.parked"), []string{tenant, "syntax"}, true},
			{"events of a run", `select event_type, payload from ingest.scan_run_event where tenant_id = $1 and scan_run_id = $2 order by occurred_at`, []string{tenant, "20"}, false},
			{"runs", `select id, state from ingest.scan_run where tenant_id = $1 order by id desc limit 20`, []string{tenant}, false},
		},
	} {
		conn := db.Conn(t, role)
		for _, h := range list {
			plans(t, conn, h, sizes)
		}
	}

	// The statements of the projection, all of them. Their temporary tables hold a batch.
	conn := db.Conn(t, pg.Projector)
	if _, err := conn.PgConn().Exec(t.Context(), file(t, "projections/sql/staging.sql")).ReadAll(); err != nil {
		t.Fatal(err)
	}
	exec(t, conn, `select 1`)
	args := map[string][]string{
		"aliases": {vulns}, "changed_facts": {vulns}, "current_documents": {artifacts, streams}, "decisions": {packages, vulns},
		"delete_components": {}, "delete_open": {packages, packages, vulns}, "delete_suppressed": {packages, packages, vulns},
		"diff_package_vulns": {packages}, "dirty_pairs": {}, "document_vulns": {ids("vex", 5)}, "existing_findings": {packages, packages},
		"fact_keys": {vulns}, "fact_names": {vulns}, "fan_out_keys": {matchKeys}, "fan_out_vulns": {vulns}, "group_statements": {vulns},
		"history": {}, "insert_components": {}, "known_products": {names}, "linked_vulns": {artifacts, streams}, "live_pairs": {packages, packages},
		"load_affected": {matchKeys}, "load_packages": {packages}, "new_packages": {}, "package_vulns": {packages}, "packages_by_key": {matchKeys},
		"pairs_of_packages": {packages}, "pairs_of_vulns": {vulns}, "put_open": {}, "put_suppressed": {}, "resolve_ref": {one, "ref"}, "resolve_refs": {serials},
		"scores": {vulns}, "set_affected_current": {ids("fact", 50), array(t, admin, `true`, 50)}, "set_alias_current": {ids("fact", 50), array(t, admin, `true`, 50)},
		"set_outcomes": {statements, array(t, admin, `'applied'::text`, 50)}, "statements": {vulns, names, artifacts}, "unknowns": {}, "upsert_streams": {},
		"used_statements": {vulns}, "waiting_vulns": {}, "wanted_components": {},
	}
	entries, err := os.ReadDir("../projections/sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".sql")
		if name == "staging" {
			continue
		}
		rest, ok := args[name]
		if !ok {
			t.Errorf("projections/sql/%s: say in this test what it is called with", e.Name())
			continue
		}
		plans(t, conn, hot{name, file(t, "projections/sql/"+e.Name()), append([]string{tenant}, rest...), false}, sizes)
	}
}

// subselect is the look-up inside an insert.
func subselect(t *testing.T, sql string) string {
	m := regexp.MustCompile(`(?s)\((select d\.id from ingest\.sbom_document d.*?limit 1)\)`).FindStringSubmatch(sql)
	if m == nil {
		t.Fatal("insert_sbom.sql looks nothing up")
	}
	out := m[1]
	for i, name := range regexp.MustCompile(`\$\d+`).FindAllString(out, -1) {
		out = strings.Replace(out, name, "$#"+strconv.Itoa(i+1), 1)
	}
	return strings.ReplaceAll(out, "$#", "$")
}

func specificationClaim(t *testing.T) string {
	for _, s := range specification(t) {
		if s.section == "3.3" && s.kind == "query" {
			return strings.TrimRight(s.sql, ";\n")
		}
	}
	t.Fatal("no claim")
	return ""
}

// node is one of a plan, as EXPLAIN (FORMAT JSON) prints it.
type node struct {
	Type     string `json:"Node Type"`
	Schema   string `json:"Schema"`
	Relation string `json:"Relation Name"`
	Index    string `json:"Index Name"`
	Cond     string `json:"Index Cond"`
	Filter   string `json:"Filter"`
	Plans    []node `json:"Plans"`
}

// plans explains a statement in its four cases.
func plans(t *testing.T, conn *pgx.Conn, h hot, sizes map[string]int64) {
	t.Helper()
	for tenantName, tenantID := range map[string]string{"the largest tenant": "tenant0", "a small tenant": "tenant7"} {
		for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
			id := one[string](t, conn, `select md5($1)::uuid::text`, tenantID)
			tx, err := conn.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			exec(t, tx, `select set_config('app.tenant_id', $1, true), set_config('plan_cache_mode', $2, true)`, id, mode)
			root, err := explain(t, tx, h, id)
			tx.Rollback(context.Background())
			if err != nil {
				t.Errorf("%s: %v", h.name, err)
				return
			}
			var bad []string
			judge(root, sizes, h.list, &bad)
			if len(bad) > 0 {
				t.Errorf("%s, %s, %s: %s", h.name, tenantName, mode, strings.Join(bad, "; "))
			}
		}
	}
}

func explain(t *testing.T, tx pgx.Tx, h hot, tenantID string) (node, error) {
	run := func(sql string) ([]byte, error) {
		results, err := tx.Conn().PgConn().Exec(t.Context(), sql).ReadAll()
		if err != nil {
			return nil, fmt.Errorf("%w\n%s", err, sql)
		}
		last := results[len(results)-1]
		if len(last.Rows) == 0 {
			return nil, nil
		}
		return last.Rows[0][0], nil
	}
	if _, err := run("prepare hot as " + h.sql); err != nil {
		return node{}, err
	}
	defer run("deallocate hot")
	var literals []string
	for _, a := range h.args {
		literals = append(literals, "'"+strings.ReplaceAll(strings.ReplaceAll(a, tenant, tenantID), "'", "''")+"'")
	}
	call := "execute hot"
	if len(literals) > 0 {
		call += " (" + strings.Join(literals, ", ") + ")"
	}
	text, err := run("explain (format json, verbose) " + call)
	if err != nil {
		return node{}, err
	}
	var out []struct{ Plan node }
	if err := json.Unmarshal(text, &out); err != nil {
		return node{}, err
	}
	return out[0].Plan, nil
}

// judge collects what is wrong with a plan.
func judge(n node, sizes map[string]int64, list bool, bad *[]string) {
	table := n.Schema + "." + partitionSuffix.ReplaceAllString(n.Relation, "")
	large := sizes[table] > 0 || sizes[n.Schema+"."+n.Relation] > 0
	switch {
	case n.Type == "Seq Scan" && large && !list:
		*bad = append(*bad, fmt.Sprintf("Seq Scan on %s (%s)", table, n.Filter))
	case n.Index != "" && (large || n.Relation == "") && !strings.Contains(n.Cond, "tenant_id") && !free[n.Index] && !list:
		*bad = append(*bad, fmt.Sprintf("%s by %s on (%s)", n.Type, n.Index, n.Cond))
	}
	for _, p := range n.Plans {
		judge(p, sizes, list, bad)
	}
}

var partitionSuffix = regexp.MustCompile(`_\d{4}_\d{2}(_\d{2})?$`)

// free are the indexes that may be used without a tenant: the queue's, which are for
// every tenant, and keys that the specification writes so.
var free = map[string]bool{
	"ix_job_ready": true, "ix_job_leased": true, "job_queue_pkey": true, "ix_job_tenant_ready": true,
	"sbom_document_pkey": true,
	"p_stream_pkey":      true, "p_pair_pkey": true,
}
