package migrations_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

// statement is one of testdata/specification.sql.
type statement struct {
	line          int
	section, kind string
	as            string
	args          []any
	tables        []string // for=
	sql           string
}

func (s statement) String() string {
	return fmt.Sprintf("section %s (specification.sql:%d)", s.section, s.line)
}

func specification(t testing.TB) []statement {
	t.Helper()
	text, err := os.ReadFile("testdata/specification.sql")
	if err != nil {
		t.Fatal(err)
	}
	var out []statement
	for i, line := range strings.Split(string(text), "\n") {
		if head, ok := strings.CutPrefix(line, "--- "); ok {
			fields := strings.Fields(head)
			s := statement{line: i + 1, section: fields[0], kind: fields[1]}
			for _, option := range fields[2:] {
				name, value, _ := strings.Cut(option, "=")
				switch name {
				case "as":
					s.as = value
				case "args":
					for _, a := range strings.Split(value, ",") {
						s.args = append(s.args, a)
					}
				case "for":
					s.tables = strings.Split(value, ",")
				default:
					t.Fatalf("specification.sql:%d: option %q", i+1, option)
				}
			}
			out = append(out, s)
		} else if len(out) > 0 {
			out[len(out)-1].sql += line + "\n"
		}
	}
	if len(out) < 30 {
		t.Fatalf("specification.sql has %d statements", len(out))
	}
	return out
}

const someUUID = "11111111-2222-8333-9444-555555555555"

// concrete are the statements with each placeholder filled in: one per table of for=.
func (s statement) concrete() []string {
	fill := strings.NewReplacer("<uuid>", someUUID, "<module>", "example", "<NNN>", "002", "<NNN-1>", "001", "<version>", "2",
		"<description>", "more", "<hash>", strings.Repeat("ab", 32), " (...)", " (id int)").Replace
	if !strings.Contains(s.sql, "<table>") {
		return []string{fill(s.sql)}
	}
	tables := s.tables
	if tables == nil {
		tables = []string{"core.outbox"}
	}
	var out []string
	for _, table := range tables {
		schema, name, _ := strings.Cut(table, ".")
		out = append(out, fill(strings.NewReplacer("<schema>", schema, "<table>", name).Replace(s.sql)))
	}
	return out
}

var created = regexp.MustCompile(`(?mi)^create (?:unique )?(table|index|view|materialized view|policy) (?:if not exists )?([a-z_.]+) ?(?:on ([a-z_.]+))?`)

// dropFirst is what has to go before the statement can make it again.
func dropFirst(sql string) string {
	m := created.FindStringSubmatch(sql)
	switch {
	case m == nil, m[2] == "on": // an index without a name
		return ""
	case m[1] == "policy":
		return "drop policy if exists " + m[2] + " on " + m[3]
	default:
		name := m[2]
		if m[1] == "index" && strings.Contains(m[3], ".") {
			schema, _, _ := strings.Cut(m[3], ".")
			name = schema + "." + name
		}
		return "drop " + m[1] + " " + name + " cascade" // it must be there
	}
}

// TestSpecificationVerbatim runs every statement of the specification, as it stands
// there, on the migrated database: what makes an object in the place of ours.
func TestSpecificationVerbatim(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	admin := db.Admin(t)
	tenant := db.Tenant(t, "acme")
	exec(t, admin, `insert into core.job_queue (tenant_id, kind, payload) values ($1, 'other', '1'), ($1, 'test', '2'), ($1, 'test', '3')`, tenant)

	for _, s := range specification(t) {
		for _, sql := range s.concrete() {
			switch s.kind {
			case "ddl":
				if name, ok := extension(sql); ok && !available(t, admin, name) {
					t.Logf("%s: skipped: this server has no extension %s", s, name)
					continue
				}
				inTx(t, admin, func(tx pgx.Tx) {
					if drop := dropFirst(sql); drop != "" {
						if _, err := tx.Exec(t.Context(), drop); err != nil {
							t.Errorf("%s: %s: %v", s, drop, err)
							return
						}
					}
					if _, err := tx.Exec(t.Context(), sql); err != nil {
						t.Errorf("%s: %v\n%s", s, err, sql)
					}
				})
			case "query":
				if strings.Contains(sql, "pg_stat_statements") && one[bool](t, admin, `select current_setting('shared_preload_libraries') not like '%pg_stat_statements%'`) {
					t.Logf("%s: skipped: this server does not load pg_stat_statements", s)
					continue
				}
				conn := db.Conn(t, pg.Role(s.as))
				if strings.Contains(sql, "begin;") { // several statements: by the simple protocol
					if _, err := conn.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
						t.Errorf("%s: as %s: %v\n%s", s, s.as, err, sql)
					}
					continue
				}
				if _, err := conn.Exec(t.Context(), sql, s.args...); err != nil {
					t.Errorf("%s: as %s: %v\n%s", s, s.as, err, sql)
				}
			}
		}
	}

	t.Run("claim", func(t *testing.T) {
		// The claim ran once above: the oldest of kind test.
		got := list[string](t, admin, `select payload::text || ' ' || locked_by from core.job_queue where locked_at is not null`)
		if !slices.Equal(got, []string{"2 worker"}) {
			t.Errorf("the claim took %q", got)
		}
	})
	t.Run("settings", func(t *testing.T) {
		conn := db.Conn(t, pg.Reader)
		for _, s := range specification(t) {
			if s.section == "2.3" {
				exec(t, conn, s.concrete()[0])
			}
		}
		if got := one[string](t, conn, `select core.current_tenant()::text`); got != someUUID {
			t.Errorf("the tenant is %s", got)
		}
	})
	t.Run("schema version", func(t *testing.T) {
		if got := one[int](t, admin, `select version from core.schema_version where module = 'example'`); got != 2 {
			t.Errorf("version %d", got)
		}
	})
}

// extension names the extension that a statement makes.
func extension(sql string) (string, bool) {
	_, name, ok := strings.Cut(sql, "create extension if not exists ")
	return strings.TrimRight(name, ";\n"), ok
}

func available(t *testing.T, conn *pgx.Conn, extension string) bool {
	return one[bool](t, conn, `select exists (select from pg_available_extensions where name = $1)`, extension)
}

// sorTables are the source-of-truth tables of section 3.1, and what differs in them on
// purpose: section 4 gives the SBOM documents a bigserial id, and documents are named by
// URIs and URNs more often than by UUIDs.
var sorTables = map[string]map[string]string{
	"ingest.sbom_document": {"id": "bigint", "external_id": "text"},
	"vex.vex_document":     {"external_id": "text"},
}

// TestSpecificationCatalogue builds the specification's own schema in an empty database
// and holds the migrated one against it: it has at least every column, default, check,
// key and index, by the same names.
func TestSpecificationCatalogue(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	c := sharedCluster(t)
	scratch := connect(t, c.url(t, c.database(t, c.app), nil))
	for _, schema := range []string{"authority", "routing", "vex", "unknowns", "artifact", "core"} {
		exec(t, scratch, `create schema `+schema)
	}
	exec(t, scratch, `create table open_findings (tenant_id uuid, artifact_purl text, score smallint)`) // section 5 selects from it
	for _, s := range specification(t) {
		sql := s.sql
		switch {
		case s.kind != "ddl" || s.section == "2.2" || s.section == "14.2" || s.section == "16.3":
			continue
		case s.section == "3.1":
			sql = strings.NewReplacer("<schema>", "public", "<table>", "sor").Replace(sql)
		}
		if _, err := scratch.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	migrated := db.Admin(t)

	type relation struct {
		Name, Kind string
	}
	rows, err := scratch.Query(t.Context(), `
		select case n.nspname when 'public' then '' else n.nspname || '.' end || c.relname, c.relkind::text
		from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where c.relkind in ('r', 'p', 'v', 'm') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and c.relname <> 'open_findings'
		order by 1`)
	if err != nil {
		t.Fatal(err)
	}
	relations, err := pgx.CollectRows(rows, pgx.RowToStructByPos[relation])
	if err != nil || len(relations) < 15 {
		t.Fatalf("%d relations: %v", len(relations), err)
	}
	for _, r := range relations {
		if r.Name == "sor" {
			for table, differs := range sorTables {
				compareColumns(t, scratch, migrated, "sor", table, differs)
				compareIndexes(t, scratch, migrated, "sor", table)
			}
			continue
		}
		kind := one[*string](t, migrated, `select (select relkind::text from pg_class where oid = to_regclass($1))`, r.Name)
		if kind == nil || *kind != r.Kind {
			t.Errorf("%s: the specification's is a %q", r.Name, r.Kind)
			continue
		}
		compareColumns(t, scratch, migrated, r.Name, r.Name, nil)
		compareIndexes(t, scratch, migrated, r.Name, r.Name)
		const constraints = `select pg_get_constraintdef(oid) from pg_constraint where conrelid = $1::text::regclass and contype = 'c' order by 1`
		for _, def := range list[string](t, scratch, constraints, r.Name) {
			if !slices.Contains(list[string](t, migrated, constraints, r.Name), def) {
				t.Errorf("%s lacks %s", r.Name, def)
			}
		}
		const key = `select coalesce(pg_get_partkeydef($1::text::regclass), '')`
		if want, got := one[string](t, scratch, key, r.Name), one[string](t, migrated, key, r.Name); want != got {
			t.Errorf("%s is partitioned by %q, want %q", r.Name, got, want)
		}
	}
}

type column struct {
	Name, Type string
	NotNull    bool
	Default    string // or the generating expression
	Generated  string
}

func columns(t *testing.T, conn *pgx.Conn, relation string) map[string]column {
	t.Helper()
	rows, err := conn.Query(t.Context(), `
		select a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
		       regexp_replace(coalesce(pg_get_expr(d.adbin, d.adrelid), ''), '''[a-z_.]*_seq''', 'its own sequence'), a.attgenerated::text
		from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
		where a.attrelid = $1::text::regclass and a.attnum > 0 and not a.attisdropped`, relation)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[column])
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]column{}
	for _, c := range all {
		out[c.Name] = c
	}
	return out
}

// compareColumns: those of the specification, and none besides that an insert would have to name.
func compareColumns(t *testing.T, scratch, migrated *pgx.Conn, from, to string, differs map[string]string) {
	t.Helper()
	want, got := columns(t, scratch, from), columns(t, migrated, to)
	for name, w := range want {
		g, ok := got[name]
		if d, on := differs[name]; on {
			w = g
			w.Type = d
		}
		if g.NotNull && name == "schema_version" { // section 3.1 has no default for it; a default is no less
			w.Default = g.Default
		}
		if !ok || w != g {
			t.Errorf("%s.%s is %+v, the specification's is %+v", to, name, g, w)
		}
	}
	for name, g := range got {
		if _, ok := want[name]; !ok && from == to && g.NotNull && g.Default == "" {
			t.Errorf("%s.%s must be given: an insert by the specification's columns fails", to, name)
		}
	}
}

type index struct {
	Name, Method    string
	Unique, Primary bool
	Keys, Where     string
}

func indexes(t *testing.T, conn *pgx.Conn, relation string) []index {
	t.Helper()
	rows, err := conn.Query(t.Context(), `
		select c.relname, am.amname, i.indisunique, i.indisprimary,
		       (select string_agg(pg_get_indexdef(i.indexrelid, k::int, false)
		               || case when i.indoption[k - 1] & 1 = 1 then ' desc' else '' end
		               || case when am.amname = 'gin' then ' ' || o.opcname else '' end, ', ' order by k)
		        from generate_series(1, i.indnkeyatts) as k join pg_opclass o on o.oid = i.indclass[k - 1]),
		       coalesce(pg_get_expr(i.indpred, i.indrelid), '')
		from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am am on am.oid = c.relam
		where i.indrelid = $1::text::regclass order by 1`, relation)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[index])
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// generatedName is what PostgreSQL calls an index or a key that was given no name.
var generatedName = regexp.MustCompile(`_(idx|key|pkey)$`)

// compareIndexes: every one of the specification, by name where it has one. Operator
// classes count for GIN only: ours of BRIN is one that late events do not spoil.
func compareIndexes(t *testing.T, scratch, migrated *pgx.Conn, from, to string) {
	t.Helper()
	got := indexes(t, migrated, to)
	for _, w := range indexes(t, scratch, from) {
		if to != from && w.Primary {
			continue // of sorTables: see there
		}
		found := slices.ContainsFunc(got, func(g index) bool {
			if generatedName.MatchString(w.Name) {
				g.Name = w.Name
			}
			return g == w
		})
		if !found {
			t.Errorf("%s lacks %+v; it has %+v", to, w, got)
		}
	}
}

// TestSpecificationRequiredColumns: section 2.1 on the tables of section 1 that no other
// section writes out.
func TestSpecificationRequiredColumns(t *testing.T) {
	t.Parallel()
	conn := dbtest.New(t).Admin(t)
	for _, s := range specification(t) {
		if s.kind != "columns" {
			continue
		}
		c := sharedCluster(t)
		scratch := connect(t, c.url(t, c.database(t, c.app), nil))
		columnsOf := strings.ReplaceAll(strings.TrimSpace(s.sql), "\n", ",\n")
		exec(t, scratch, "create table required ("+columnsOf+")")
		for _, table := range s.tables {
			want, got := columns(t, scratch, "required"), columns(t, conn, table)
			for name, w := range want {
				if got[name] != w {
					t.Errorf("%s.%s is %+v, section 2.1 asks for %+v", table, name, got[name], w)
				}
			}
		}
	}
}

// TestTablesOfSection1 names every table of the specification's map.
func TestTablesOfSection1(t *testing.T) {
	t.Parallel()
	conn := dbtest.New(t).Admin(t)
	for _, table := range strings.Fields(`authority.user authority.role authority.grant authority.oauth_client authority.oauth_token
		authority.audit_log routing.feature_flag routing.instance routing.rate_limit_config vex.vuln_fact vex.package vex.vex_decision
		vex.mv_triage_queue unknowns.unknown artifact.artifact artifact.signature artifact.tag core.outbox
		sbom_document job_queue scan_run_event open_findings mv_artifact_risk`) {
		if one[*uint32](t, conn, `select to_regclass($1)::oid`, strings.Replace(strings.Replace(table, ".user", `."user"`, 1), ".grant", `."grant"`, 1)) == nil {
			t.Errorf("there is no %s, by the search_path of the database", table)
		}
	}
}

// TestQueueClaimSkipsLocked runs the specification's claim from two connections at once.
func TestQueueClaimSkipsLocked(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	tenant := db.Tenant(t, "acme")
	exec(t, db.Admin(t), `insert into core.job_queue (tenant_id, kind, payload) select $1, 'test', to_jsonb(i) from generate_series(1, 3) i`, tenant)
	var claim statement
	for _, s := range specification(t) {
		if s.section == "3.3" && s.kind == "query" {
			claim = s
		}
	}
	seen := map[int64]bool{}
	var open []pgx.Tx
	for range 3 {
		tx, err := db.Conn(t, pg.Projector).Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, tx)
		row, err := tx.Query(t.Context(), claim.sql, claim.args...)
		if err != nil {
			t.Fatal(err)
		}
		job, err := pgx.CollectExactlyOneRow(row, pgx.RowToMap)
		if err != nil {
			t.Fatal(err)
		}
		seen[job["id"].(int64)] = true
	}
	for _, tx := range open {
		tx.Rollback(context.Background())
	}
	if len(seen) != 3 {
		t.Errorf("three claims took %d jobs", len(seen))
	}
}
