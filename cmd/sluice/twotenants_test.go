package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
	"sluice/internal/test/twotenants"
)

// matrix is what tenant B does to tenant A, each with rows in every table. Nobody has no rows:
// what B is told about something of A's has to be what B is told about something of nobody's.
type matrix struct {
	db        *dbtest.DB
	admin     *pgx.Conn
	a, b, nob twotenants.Owner
	tables    map[string][]twotenants.Column
}

// TestTwoTenants walks everything that somebody who acts for tenant B can reach, against the
// rows of tenant A: relations and functions as the catalogue has them, commands as the command
// line has them, routes and Kafka's ways in as the source code has them. What is new is
// walked without being named here; where that takes a value of a kind that is not known yet,
// or a command that nobody said how to call, the test fails. How the database
// stands against writes and taken keys is in migrations, TestIsolation.
func TestTwoTenants(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	m := &matrix{db: db, admin: db.Admin(t), a: twotenants.New('a'), b: twotenants.New('b'), nob: twotenants.New('c')}
	m.tables = twotenants.Tables(t, m.admin)
	twotenants.Fill(t, m.admin, m.tables, 2, m.a, m.b)
	before := m.fingerprint(t, m.a)
	t.Run("relations", m.relations)
	t.Run("functions", m.functions)
	t.Run("commands", m.commands)
	t.Run("kafka and HTTP", m.service)
	if after := m.fingerprint(t, m.a); !maps.Equal(before, after) {
		for table, was := range before {
			if after[table] != was {
				t.Errorf("rows of A in %s are not what they were: %s, then %s", table, was, after[table])
			}
		}
	}
}

// fingerprint is what the rows of an owner are, per table.
func (m *matrix) fingerprint(t *testing.T, o twotenants.Owner) map[string]string {
	t.Helper()
	var parts []string
	for _, table := range slices.Sorted(maps.Keys(m.tables)) {
		parts = append(parts, fmt.Sprintf(`select '%s', count(*) || ' ' || coalesce(md5(string_agg(x::text, '|' order by x::text)), '') from %s x where tenant_id = '%s'`, table, table, o.Tenant))
	}
	rows, err := m.admin.Query(t.Context(), strings.Join(parts, " union all "))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	var table, print string
	if _, err := pgx.ForEachRow(rows, []any{&table, &print}, func() error { out[table] = print; return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// actors are the roles with any right to a table of ours, from the catalogue. Nobody acts for a tenant as
// the owner of the tables or as the views' role, which see every tenant (TestCatalogue).
func (m *matrix) actors(t *testing.T) []pg.Role {
	t.Helper()
	rows, err := m.admin.Query(t.Context(), `
		select distinct a.grantee::regrole::text from pg_class c, aclexplode(c.relacl) a
		where c.relnamespace in (select oid from pg_namespace where nspname !~ '^(pg_|information_schema|public$)') and a.grantee <> 0
		  and a.grantee <> all (select oid from pg_roles where rolname in ('sluice_owner', 'sluice_views', 'postgres'))`)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[pg.Role])
	if err != nil || len(names) < 7 {
		t.Fatalf("roles %v: %v", names, err)
	}
	return names
}

// across are the tables that a role works on for every tenant, by a policy of its own. TestCatalogue
// has the list of those policies.
func (m *matrix) across(t *testing.T, role pg.Role) []string {
	t.Helper()
	rows, err := m.admin.Query(t.Context(), `
		select schemaname || '.' || tablename from pg_policies where $1 = any (roles::text[]) and policyname <> 'p_' || tablename || '_tenant'`, string(role))
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

// as is a connection of a role that acts for a tenant.
func (m *matrix) as(t *testing.T, role pg.Role, tenant string) *pgx.Conn {
	t.Helper()
	conn := m.db.Conn(t, role)
	if _, err := conn.Exec(t.Context(), `select set_config('app.tenant_id', $1, false)`, tenant); err != nil {
		t.Fatal(err)
	}
	return conn
}

func (m *matrix) relations(t *testing.T) {
	seen := 0
	for _, role := range m.actors(t) {
		across := m.across(t, role)
		for _, tenant := range []string{m.b.Tenant.String(), ""} {
			for _, s := range twotenants.Relations(t, m.as(t, role, tenant), m.a, false) {
				switch {
				case s.State != "" && s.State != "42501":
					t.Errorf("%s, tenant %q: %s: %s", role, tenant, s.What, s.Error)
				case s.Hits > 0 && !slices.Contains(across, s.What):
					t.Errorf("%s, tenant %q: %d rows of %s tell of A, or the error does: %s", role, tenant, s.Hits, s.What, s.Error)
				case s.State == "":
					seen++
				}
			}
		}
	}
	if seen < 200 {
		t.Errorf("only %d relations could be read", seen)
	}
	found := map[string]bool{} // the trap snaps
	for _, s := range twotenants.Relations(t, m.admin, m.a, false) {
		found[s.What] = s.Hits > 0
	}
	for table := range m.tables {
		if !found[table] {
			t.Errorf("the superuser finds no trace of A in %s", table)
		}
	}
}

// tells are functions whose answer has a value of A's in it, and why that is as it should be.
var tells = map[string]string{
	"authority.tenant_id(text)": "an importer that is told the name of a tenant finds its id, and lists none",
}

func (m *matrix) functions(t *testing.T) {
	called := map[string]bool{}
	for _, role := range m.actors(t) {
		for _, s := range twotenants.Functions(t, m.as(t, role, m.b.Tenant.String()), m.a, m.a.Mark+".name.1") {
			called[s.What] = true
			if s.State == "XXXXX" {
				t.Errorf("%s: %s", s.What, s.Error)
			}
			if s.Hits > 0 && tells[s.What] == "" {
				t.Errorf("%s: %s tells of A, or its error does: %s", role, s.What, s.Error)
			}
		}
	}
	if len(called) < 7 {
		t.Errorf("only %v were called", slices.Sorted(maps.Keys(called)))
	}
}

// value is what an owner has in a column of the first row of a table, as it is written on a command line.
func (m *matrix) value(t *testing.T, o twotenants.Owner, table, column string) string {
	t.Helper()
	columns, ok := m.tables[table]
	if !ok {
		schema, name, _ := strings.Cut(table, ".")
		columns = m.tables[schema+`."`+name+`"`]
	}
	var v any
	if len(columns) > 0 {
		v = o.Row(t, columns, 1)[column]
	}
	switch v := v.(type) {
	case []byte:
		return "sha256:" + hex.EncodeToString(v)
	case id.ID:
		return v.String()
	}
	if v == nil {
		t.Fatalf("there is no %s.%s", table, column)
	}
	return fmt.Sprint(v)
}

// operators are commands that reach over tenants, or have none: whoever calls them is the operator.
var operators = []string{
	"sluice bench", "sluice database", "sluice ingest kafka", "sluice maintain", "sluice migrate", "sluice partitions", "sluice project", "sluice serve",
	"sluice tenant", "sluice topics",
}

// placeholders of a command's line of use, and the columns whose values they take.
var placeholders = map[string][]string{
	"ID":   {"ingest.original.document_id", "ingest.original.content_hash", "ingest.parked.id", "core.job_queue.id"},
	"RUN":  {"ingest.scan_run.id"},
	"PURL": {"vex.package.purl"},
	"NAME": {"authority.tenant.name"},
}

// flagColumns are flags that name something of a tenant's, and the columns that they name.
var flagColumns = map[string]string{
	"artifact": "artifact.artifact.purl", "package": "vex.package.purl", "vuln": "vex.vuln_fact.external_id", "scan-run": "ingest.scan_run.id",
	"stream": "ingest.sbom_document.stream", "actor": "authority.user.id", "error": "core.job_queue.last_error",
}

// with are arguments that a command does not go without, or not to an end.
var with = map[string][]string{
	"sluice ingest file":  {"../../fixtures/documents/06-router.cdx.json"},
	"sluice vex decide":   {"--package", "pkg:npm/of-b@1.0.0", "--vuln", "CVE-2026-0001", "--status", "not_affected", "--rationale", "because"},
	"sluice vex withdraw": {"--package", "pkg:npm/of-b@1.0.0", "--vuln", "CVE-2026-0001", "--rationale", "because"},
	"sluice match":        {"pkg:npm/of-b@1.0.0"},
}

// call is one way to call a command: with something of A's, and the same with nobody's.
type call struct {
	theirs, nobodys []string // arguments
	given           [2]string
}

// calls makes up how to call a command, from its line of use and its flags.
func (m *matrix) calls(t *testing.T, cmd *cobra.Command) []call {
	path := cmd.CommandPath()
	words := strings.Fields(path)[1:]
	base := append(slices.Clone(words), with[path]...)
	list := []call{{theirs: base, nobodys: base}}
	vary := func(column string, args ...string) {
		i := strings.LastIndex(column, ".")
		theirs, nobodys := m.value(t, m.a, column[:i], column[i+1:]), m.value(t, m.nob, column[:i], column[i+1:])
		list = append(list, call{append(slices.Clone(args), theirs), append(slices.Clone(args), nobodys), [2]string{theirs, nobodys}})
	}
	for _, word := range strings.Fields(cmd.Use)[1:] {
		required := !strings.HasPrefix(word, "[")
		word = strings.Trim(word, "[].")
		if required && with[path] == nil {
			list = list[:0]
		}
		for _, name := range strings.Split(word, "|") {
			switch columns, known := placeholders[name]; {
			case known:
				for _, column := range columns {
					vary(column, words...)
				}
			case with[path] == nil && required:
				t.Errorf("%s: nobody knows what %s stands for: say it in placeholders, or how to call the command in with", path, name)
			}
		}
	}
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if column := flagColumns[f.Name]; column != "" {
			vary(column, append(slices.Clone(base), "--"+f.Name)...)
		} else if f.Name == "all" {
			args := append(slices.Clone(base), "--all")
			list = append(list, call{theirs: args, nobodys: args})
		}
	})
	return list
}

var figures = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|[0-9]+(\.[0-9]+)?|µs|ms`)

// said is what a command answers, without what it was given and without figures that differ by nature.
func (m *matrix) said(ctx context.Context, args []string, given [2]string, tenant twotenants.Owner) (status int, raw, plain string) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second) // those that follow something
	defer cancel()
	var stdout, stderr strings.Builder
	args = append(slices.Clone(args), "--database-url", m.db.URL, "--tenant", tenant.Tenant.String(), "--output", "json", "--log-level", "error")
	status = run(ctx, args, strings.NewReader(""), &stdout, &stderr)
	raw = stdout.String() + stderr.String()
	for _, g := range given {
		if g != "" {
			raw = strings.ReplaceAll(raw, g, "GIVEN")
			raw = strings.ReplaceAll(raw, strings.TrimPrefix(g, "sha256:"), "GIVEN")
		}
	}
	return status, raw, figures.ReplaceAllString(raw, "0")
}

func (m *matrix) commands(t *testing.T) {
	trace := regexp.MustCompile(m.a.Trace())
	root := newRoot(&app{})
	shown := 0
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
		path := cmd.CommandPath()
		if cmd.HasSubCommands() || slices.ContainsFunc(operators, func(o string) bool { return path == o || strings.HasPrefix(path, o+" ") }) {
			return
		}
		wrong, calls := 0, m.calls(t, cmd)
		for _, c := range calls {
			status, raw, plain := m.said(t.Context(), c.nobodys, c.given, m.b)
			if c.theirs != nil && !slices.Equal(c.theirs, c.nobodys) {
				s, r, p := m.said(t.Context(), c.theirs, c.given, m.b)
				if s != status || p != plain {
					t.Errorf("sluice %s answers %d: %s\nof what nobody has: %d: %s", strings.Join(c.theirs, " "), s, r, status, raw)
				}
				status, raw = s, r
			}
			if trace.MatchString(raw) {
				t.Errorf("sluice %s tells B of A: %s", strings.Join(c.theirs, " "), raw)
			}
			if status == 2 {
				wrong++
			}
		}
		if wrong == len(calls) {
			_, raw, _ := m.said(t.Context(), calls[0].theirs, [2]string{}, m.b)
			t.Errorf("%s is never called as it wants to be: say how in with: %s", path, raw)
		}
		if _, raw, _ := m.said(t.Context(), calls[0].theirs, [2]string{}, m.a); trace.MatchString(raw) {
			shown++
		}
	}
	walk(root)
	if shown < 6 {
		t.Errorf("only %d commands show A what is A's: the trap would not snap", shown)
	}
}

func (m *matrix) service(t *testing.T) {}
