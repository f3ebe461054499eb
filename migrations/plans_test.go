package migrations_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"sluice/internal/pg"
	"sluice/internal/test/brief"
	"sluice/internal/test/dbtest"
)

// hot is a statement whose plan is looked at, as the role that runs it.
type hot struct {
	name string
	sql  string
	args []string // literals; tenant stands for the tenant
	how  how
}

type how int

const (
	// probes finds its rows by index, whatever the planner's statistics say, planned for
	// the values at hand and for any.
	probes how = iota
	// optional has parameters that may be empty, for "all", or are the start of a string: only
	// a plan for the values at hand can use an index, and that is what pg.Open asks for.
	optional
	// limited takes the first rows of a tenant's, in the order of the index.
	limited
	// whole asks for all that the tenant has: for the largest one, reading the table may be right.
	whole
	// staged works on temporary tables without statistics, or on lists of any length. What
	// the planner does with a few thousand rows says nothing about millions: here it has to
	// show that an index for each table is there, when it may not read or hash whole ones.
	staged
)

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

// array is a literal of n values, made by SQL.
func array(t *testing.T, conn *pgx.Conn, value string, n int) string {
	t.Helper()
	return one[string](t, conn, `select array_agg(`+value+`)::text from generate_series(1, $1::int) n`, n)
}

// TestPlans: as the application's roles, under row security, the statements that grow with
// what is stored find their rows by an index that leads with the tenant; for the tenant
// that has most of the rows and for a small one, planned for the values at hand and for any.
func TestPlans(t *testing.T) {
	if brief.Run(t) {
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
	serials := array(t, admin, `md5('serial' || n || '1')::uuid::text`, 5)
	documents, noID := ids("vex", 5), "00000000-0000-0000-0000-000000000001"
	// The lists of findings are put together for each question; docs/plans has theirs.
	unknowns, parked := file(t, "inventory/sql/unknowns.sql"), file(t, "inventory/sql/parked.sql")

	for role, list := range map[pg.Role][]hot{
		pg.Ingest: {
			{"look_up", file(t, "ingest/sql/look_up.sql"), []string{tenant, hashes}, probes},
			{"look_up_meaning", file(t, "ingest/sql/look_up_meaning.sql"), []string{tenant, meanings}, probes},
			{"delete_parked", file(t, "ingest/sql/delete_parked.sql"), []string{tenant, hashes}, probes},
			{"newest of the stream", subselect(t, file(t, "ingest/sql/insert_sbom.sql")), []string{tenant, noID, ""}, probes},
			{"checkpoints", file(t, "ingest/files/sql/load_checkpoints.sql"), []string{tenant, "7"}, probes},
			{"parked to replay", file(t, "ingest/sql/parked_ids.sql"), []string{tenant, "{1,2,3}", ""}, whole},
		},
		pg.Maintainer: {
			{"expired documents", file(t, "maintenance/sql/expired.sql"), []string{tenant, "2020-01-01", noID, "{sbom,vex}", "{2026-01-01,2026-01-01}", "500"}, limited},
			{"silent runs", file(t, "maintenance/sql/silent_runs.sql"), []string{tenant, "2026-01-01", "500"}, limited},
		},
		pg.Reader: {
			{"unknowns of an artifact", unknowns, []string{tenant, "x", "", noID}, optional},
			{"parked documents", parked, []string{tenant, ""}, whole},
			{"parked documents of a reason", parked, []string{tenant, "syntax"}, whole},
			{"events of a run", `select event_type, payload from ingest.scan_run_event where tenant_id = $1 and scan_run_id = $2 order by occurred_at`, []string{tenant, "20"}, probes},
			{"the last runs", `select id, state from ingest.scan_run where tenant_id = $1 order by id desc limit 20`, []string{tenant}, limited},
			{"the last of the audit log", `select action, diff from authority.audit_log where tenant_id = $1 order by at desc limit 20`, []string{tenant}, limited},
			{"the newest document of an artifact", `select id from sbom_document where tenant_id = $1 and artifact_purl = $2 order by created_at desc limit 1`, []string{tenant, "pkg:oci/app-20@1"}, probes},
			{"packages by the start of their purl", `select purl from vex.package where tenant_id = $1 and purl collate "C" ^@ $2 limit 100`, []string{tenant, "pkg:npm/package-17"}, optional},
		},
	} {
		conn := pooled(t, db, role)
		for _, h := range list {
			plans(t, conn, h, sizes)
		}
	}

	// The queue: its workers see the jobs of every tenant.
	conn := pooled(t, db, pg.Projector)
	for _, name := range files(t, "internal/queue/sql") {
		h := hot{name, file(t, "internal/queue/sql/"+name+".sql"), nil, probes}
		switch name {
		case "left": // whether there is one at all: it stops at the first
			h.how = whole
		case "list", "retry", "drop": // a person asks, now and then, for any jobs of any tenant
			h.how = whole
		}
		plans(t, conn, h, sizes)
	}
	plans(t, conn, hot{"claim of the specification", specificationClaim(t), []string{"sbom", "worker"}, probes}, sizes)

	// The statements of the projection, all of them. Their temporary tables hold a batch.
	if _, err := conn.PgConn().Exec(t.Context(), file(t, "projections/sql/staging.sql")).ReadAll(); err != nil {
		t.Fatal(err)
	}
	args := map[string][]string{
		"aliases": {vulns}, "decisions": {packages, vulns}, "document_vulns": {documents}, "document_statements": {documents}, "fact_keys": {vulns}, "fact_names": {vulns},
		"group_statements": {vulns}, "load_affected": {matchKeys}, "load_packages": {packages}, "package_vulns": {packages}, "packages_by_key": {matchKeys},
		"resolve_refs": {serials}, "scores": {vulns}, "statements": {vulns, names, artifacts}, "used_statements": {vulns},
		"current_facts": {vulns}, "pairs_of_packages": {packages}, "pairs_of_vulns": {vulns},
	}
	for _, name := range files(t, "projections/sql") {
		if name == "staging" {
			continue
		}
		h := hot{name, file(t, "projections/sql/"+name+".sql"), append([]string{tenant}, args[name]...), probes}
		if overLists.MatchString(h.sql) {
			h.how = staged
		}
		if name == "statement_issuers" || name == "jobs_left" { // a person changed whom to trust, or waits
			h.how = whole
		}
		plans(t, conn, h, sizes)
	}
	searchByIndex(t, db, admin)
}

// searchByIndex: search_documents asks as the role of the views, for whom the GIN index is
// open; the same question under row security reads all documents of the tenant.
func searchByIndex(t *testing.T, db *dbtest.DB, admin *pgx.Conn) {
	body := one[string](t, admin, `select prosrc from pg_proc where oid = 'ingest.search_documents(jsonb)'::regprocedure`)
	h := hot{name: "search_documents", sql: strings.Replace(body, "@> query", "@> $1", 1), args: []string{`{"n": 170}`}}
	id := one[string](t, admin, `select md5('tenant0')::uuid::text`)
	for role, want := range map[pg.Role]bool{"sluice_views": true, pg.Reader: false} {
		inTx(t, pooled(t, db, role), func(tx pgx.Tx) {
			exec(t, tx, `select set_config('app.tenant_id', $1, true)`, id)
			root, err := explain(t, tx, h, id)
			if err != nil {
				t.Errorf("%s: %v", role, err)
			} else if got := uses(root, "ix_sbom_doc_json_gin"); got != want {
				t.Errorf("a search as %s uses the GIN index: %v; %+v", role, got, root)
			}
		})
	}
	conn := pooled(t, db, pg.Reader)
	inTx(t, conn, func(tx pgx.Tx) {
		exec(t, tx, `select set_config('app.tenant_id', $1, true)`, id)
		if n := one[int](t, tx, `select count(*) from ingest.search_documents('{"n": 170}')`); n != 5 {
			t.Errorf("the search finds %d documents", n)
		}
	})
}

func uses(n node, index string) bool {
	return n.Index == index || slices.ContainsFunc(n.Plans, func(p node) bool { return uses(p, index) })
}

// overLists: the statement reads a temporary table, or asks for each value of a list.
var overLists = regexp.MustCompile(`(?i)\b(from|join|using)\s+(p_[a-z_]+|unnest)\b`)

// pooled is a connection with the settings of the program's pools.
func pooled(t *testing.T, db *dbtest.DB, role pg.Role) *pgx.Conn {
	t.Helper()
	c, err := db.Pool(t, role).Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Release)
	return c.Conn()
}

// files are the names of the statements in a folder.
func files(t *testing.T, folder string) []string {
	t.Helper()
	paths, err := filepath.Glob("../" + folder + "/*.sql")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no statements in %s: %v", folder, err)
	}
	for i, p := range paths {
		paths[i] = strings.TrimSuffix(filepath.Base(p), ".sql")
	}
	return paths
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
			if mode == "force_generic_plan" && h.how == optional {
				continue
			}
			id := one[string](t, conn, `select md5($1)::uuid::text`, tenantID)
			var bad []string
			inTx(t, conn, func(tx pgx.Tx) {
				exec(t, tx, `select set_config('app.tenant_id', $1, true), set_config('plan_cache_mode', $2, true)`, id, mode)
				if h.how == staged {
					exec(t, tx, `select set_config(name, 'off', true) from unnest('{enable_seqscan,enable_hashjoin,enable_mergejoin,enable_material}'::text[]) name`)
					exec(t, tx, `set local work_mem = '64kB'`) // no hashed sub-plans
				}
				root, err := explain(t, tx, h, id)
				if err != nil {
					bad = append(bad, err.Error())
					return
				}
				judge(root, sizes, h.how, mode == "force_custom_plan" && tenantID == "tenant0", &bad)
			})
			if why := accepted[h.name]; why != "" && len(bad) > 0 {
				t.Logf("%s, %s, %s: accepted, %s:\n\t%s", h.name, tenantName, mode, why, strings.Join(bad, "\n\t"))
			} else if len(bad) > 0 {
				t.Errorf("%s, %s, %s:\n\t%s", h.name, tenantName, mode, strings.Join(bad, "\n\t"))
			}
		}
	}
}

// accepted are statements with a known flaw, which is logged.
var accepted = map[string]string{}

var prepared int // names are not given back when a transaction fails

// explain prepares the statement and returns its plan. Parameters that the hot one names no
// value for get one by their type.
func explain(t *testing.T, tx pgx.Tx, h hot, tenantID string) (node, error) {
	t.Helper()
	prepared++
	name := fmt.Sprintf("hot_%d", prepared)
	run := func(sql string) ([]byte, error) {
		results, err := tx.Conn().PgConn().Exec(t.Context(), sql).ReadAll()
		if err != nil {
			return nil, err
		}
		last := results[len(results)-1]
		if len(last.Rows) == 0 {
			return nil, nil
		}
		return last.Rows[0][0], nil
	}
	if _, err := run("prepare " + name + " as " + h.sql); err != nil {
		return node{}, err
	}
	defer run("deallocate " + name)
	var literals []string
	for i, kind := range list[string](t, tx, `select unnest(parameter_types)::text from pg_prepared_statements where name = $1`, name) {
		v, ok := anyValue[kind]
		switch {
		case i < len(h.args) && strings.HasSuffix(kind, "[]") == strings.HasPrefix(h.args[i], "{"):
			v = h.args[i]
		case i == 0 && kind == "uuid":
			v = tenant
		case !ok:
			return node{}, fmt.Errorf("no value for a parameter of type %s", kind)
		}
		literals = append(literals, "'"+strings.ReplaceAll(strings.ReplaceAll(v, tenant, tenantID), "'", "''")+"'")
	}
	call := "execute " + name
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

// anyValue is a value per type, for parameters that say nothing else.
var anyValue = map[string]string{
	"uuid": "00000000-0000-0000-0000-000000000001", "text": "x", "jsonb": "{}", "boolean": "true", "integer": "5", "bigint": "5", "bytea": "x",
	"interval": "10 s", "timestamp with time zone": "2026-01-01",
	"uuid[]":                     "{00000000-0000-0000-0000-000000000001,00000000-0000-0000-0000-000000000002}",
	"timestamp with time zone[]": "{2026-01-01,2026-01-02}", "boolean[]": "{true,true}", "text[]": "{x,y}", "bigint[]": "{1,2}", "integer[]": "{1,2}", "bytea[]": "{x,y}",
}

// judge collects what is wrong with a plan. Reading all that a tenant has is wrong where the
// plan is made for a tenant that has much.
func judge(n node, sizes map[string]int64, how how, much bool, bad *[]string) {
	large := sizes[n.Schema+"."+n.Relation] > 0
	switch {
	case how == whole:
	case n.Type == "Seq Scan" && large:
		*bad = append(*bad, fmt.Sprintf("Seq Scan on %s (%s)", n.Relation, n.Filter))
	case n.Index != "" && large && !free[n.Index]:
		if !strings.Contains(n.Cond, "tenant_id") {
			*bad = append(*bad, fmt.Sprintf("%s by %s, of all tenants, on %s", n.Type, n.Index, n.Cond))
		} else if much && !strings.Contains(n.Cond, " AND ") && how != limited {
			*bad = append(*bad, fmt.Sprintf("%s by %s of all that the tenant has, on %s", n.Type, n.Index, n.Cond))
		}
	}
	for _, p := range n.Plans {
		p.Relation, p.Schema = or(p.Relation, bitmapOf(n).Relation), or(p.Schema, bitmapOf(n).Schema)
		judge(p, sizes, how, much, bad)
	}
}

// bitmapOf: the nodes under a bitmap scan name the index only.
func bitmapOf(n node) node {
	if strings.HasPrefix(n.Type, "Bitmap") {
		return n
	}
	return node{}
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// free are the indexes that may be used without a tenant: the queue's, which are for
// every tenant, and keys that the specification writes so.
var free = map[string]bool{
	"ix_job_ready": true, "ix_job_leased": true, "job_queue_pkey": true, "ix_job_tenant_ready": true,
	"sbom_document_pkey": true, "vuln_fact_pkey": true,
}
