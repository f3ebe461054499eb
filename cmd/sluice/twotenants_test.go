package main

import (
	"cmp"
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

	"sluice/authority"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/brief"
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
	token     string // file with a token of B's, for all that B's people may
}

// TestTwoTenants walks everything that somebody who acts for tenant B can reach, against the
// rows of tenant A: relations and functions as the catalogue has them, commands as the command
// line has them, routes and Kafka's ways in as the source code has them. What is new is
// walked without being named here; where that takes a value of a kind that is not known yet,
// or a command that nobody said how to call, the test fails. How the database
// stands against writes and taken keys is in migrations, TestIsolation.
func TestTwoTenants(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("short: calls every command and every function of the catalogue")
	}
	db := dbtest.New(t)
	m := &matrix{db: db, admin: db.Admin(t), a: twotenants.New('a'), b: twotenants.New('b'), nob: twotenants.New('c')}
	m.tables = twotenants.Tables(t, m.admin)
	twotenants.Fill(t, m.admin, m.tables, 2, m.a, m.b)
	auth, err := authority.New(db.Pool(t, pg.Maintainer), authority.Config{})
	if err != nil {
		t.Fatal(err)
	}
	m.token = tokenFile(t, auth, m.b.Tenant, authority.Read, authority.Ingest, authority.Decide, authority.Admin)
	before := m.fingerprint(t, m.a)
	t.Run("relations", m.relations)
	t.Run("functions", m.functions)
	t.Run("commands", m.commands)
	m.untouched(t, before)
	t.Run("kafka and HTTP", m.service)
	delete(before, "core.job_queue")      // the service works on A's jobs for A
	delete(before, "routing.notify_rule") // and looks for what A is to be told
	m.untouched(t, before)
	t.Run("control", m.snaps)
}

// untouched: A's rows are what they were.
func (m *matrix) untouched(t *testing.T, before map[string]string) {
	t.Helper()
	after := m.fingerprint(t, m.a)
	for table, was := range before {
		if after[table] != was {
			t.Errorf("rows of A in %s are not what they were: %s, then %s", table, was, after[table])
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
		with granted as (
			select distinct a.grantee as role from pg_class c, aclexplode(c.relacl) a
			where c.relnamespace in (select oid from pg_namespace where nspname !~ '^(pg_|information_schema|public$)') and a.grantee <> 0)
		select distinct a.grantee::regrole::text
		from (select role as grantee from granted union select m.member from pg_auth_members m join granted on m.roleid = role join pg_roles r on r.oid = m.member where not r.rolcanlogin) a
		where true
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
	"core.figures(integer)":     "the operator's monitor counts over all tenants and names the first that were made; it shows nothing of what is theirs",
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

// placeholders of a command's line of use, and the columns whose values they take.
var placeholders = map[string][]string{
	"ID":        {"ingest.original.document_id", "ingest.original.content_hash", "ingest.parked.id", "core.job_queue.id", "authority.oauth_token.id", "routing.notify_message.id"},
	"RUN":       {"ingest.scan_run.id"},
	"PURL":      {"vex.package.purl"},
	"NAME":      {"authority.role.name", "authority.oauth_token.name", "authority.tenant.name", "routing.notify_rule.name"},
	"SUBJECT":   {"authority.user.subject"},
	"ROLE":      {"authority.role.name"},
	"CLIENT_ID": {"authority.oauth_client.client_id"},
	"FLAG":      {"routing.feature_flag.key"},
	"DECISION":  {"vex.vex_decision.id", "vex.artifact_decision.id"},
}

// flagColumns are flags that name something of a tenant's, and the columns that they name.
var flagColumns = map[string]string{
	"artifact": "artifact.artifact.purl", "package": "vex.package.purl", "vuln": "vex.vuln_fact.external_id", "scan-run": "ingest.scan_run.id",
	"stream": "ingest.sbom_document.stream", "actor": "authority.user.id", "error": "core.job_queue.last_error",
	"tag": "artifact.tag.tag", "user": "authority.user.subject", "role": "authority.role.name", "rule": "routing.notify_rule.name",
}

// with are arguments that a command does not go without, or not to an end; those of its line of use
// come first.
var with = map[string][]string{
	"sluice findings why": {"--package", "pkg:npm/of-b@1.0.0", "--vuln", "CVE-2026-0001"},
	"sluice ingest file":  {"../../fixtures/documents/06-router.cdx.json"},
	"sluice vex decide":   {"--package", "pkg:npm/of-b@1.0.0", "--vuln", "CVE-2026-0001", "--status", "not_affected", "--rationale", "because"},
	"sluice vex export":   {"--format", "openvex"},
	"sluice vex withdraw": {"--package", "pkg:npm/of-b@1.0.0", "--vuln", "CVE-2026-0001", "--rationale", "because"},
	"sluice backup key":   {"/dev/null"},

	"sluice artifact diff":   {"pkg:oci/of-b@1", "pkg:oci/of-b@2"},
	"sluice artifact retire": {"pkg:oci/of-b@1"},
	"sluice artifact revive": {"pkg:oci/of-b@1"},
	"sluice artifact show":   {"pkg:oci/of-b@1"},
	"sluice artifact tag":    {"production", "pkg:oci/of-b@1"},
	"sluice artifact untag":  {"production", "pkg:oci/of-b@1"},

	"sluice flag delete":  {"format.osv-yaml"},
	"sluice flag eval":    {"format.osv-yaml"},
	"sluice flag set":     {"format.osv-yaml", "off"},
	"sluice limit delete": {"documents"},
	"sluice limit set":    {"documents", "1000000"},
	"sluice match":        {"pkg:npm/of-b@1.0.0"},

	"sluice notify rule add":  {"urgent", "--url", "https://hooks.example/x"},
	"sluice notify rule test": {"--wait", "0s"},

	"sluice auth client add":   {"--scope", "read"},
	"sluice auth client set":   {"--scope", "read"},
	"sluice auth client token": {"--client-secret-command", "echo no-secret"},
	"sluice auth role add":     {"--permission", "read"},
	"sluice auth role set":     {"--permission", "read"},
	"sluice auth token add":    {"--scope", "read", "--user", "user of read"},
}

// call is one way to call a command: with something of A's, and the same with nobody's.
type call struct {
	theirs, nobodys []string // arguments
	given           [2]string
}

// calls makes up how to call a command, from its line of use and its flags.
func (m *matrix) calls(t *testing.T, cmd *cobra.Command) []call {
	path := cmd.CommandPath()
	base := append(strings.Fields(path)[1:], with[path]...)
	column := func(o twotenants.Owner, name string) string {
		i := strings.LastIndex(name, ".")
		return m.value(t, o, name[:i], name[i+1:])
	}
	type place struct {
		at      int // in base; beyond its end: optional
		columns []string
	}
	var places []place
	given := 0 // of the words of use, by with
	for given < len(with[path]) && !strings.HasPrefix(with[path][given], "-") {
		given++
	}
	for i, word := range strings.Fields(cmd.Use)[1:] {
		required := !strings.HasPrefix(word, "[")
		var columns []string
		for _, name := range strings.Split(strings.Trim(word, "[]."), "|") {
			columns = append(columns, placeholders[name]...)
		}
		switch {
		case columns == nil && required && with[path] == nil:
			t.Errorf("%s: nobody knows what %s stands for: say it in placeholders, or how to call the command in with", path, word)
		case columns != nil && i < given:
			places = append(places, place{len(strings.Fields(path)) - 1 + i, columns})
		case columns != nil:
			places = append(places, place{len(base), columns})
			if required {
				base = append(base, column(m.b, columns[0]))
			}
		}
	}
	list := []call{{theirs: base, nobodys: base}}
	vary := func(at int, name string, args []string) {
		with := func(value string) []string {
			if at >= len(args) {
				return append(slices.Clone(args), value)
			}
			out := slices.Clone(args)
			out[at] = value
			return out
		}
		theirs, nobodys := column(m.a, name), column(m.nob, name)
		list = append(list, call{with(theirs), with(nobodys), [2]string{theirs, nobodys}})
	}
	for _, p := range places {
		for _, name := range p.columns {
			vary(p.at, name, base)
		}
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		switch name := flagColumns[f.Name]; {
		case name != "":
			args := append(slices.Clone(base), "--"+f.Name)
			vary(len(args), name, args)
		case f.Name == "all":
			args := append(slices.Clone(base), "--all")
			list = append(list, call{theirs: args, nobodys: args})
		}
	})
	return list
}

// figures are what differs between two calls by nature: ids, times, what they took.
var figures = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|"(scan_run_id|seconds)":[0-9.e-]+|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+|[0-9]{3,}|[0-9.]+(µs|ms)|"reference":"[0-9a-f]+"|reference [0-9a-f]+|sluice_[a-z]+_[A-Za-z0-9]+|whsec_[A-Za-z0-9+/=]+`)

// said is what a command answers, without what it was given and without figures that differ by nature.
func (m *matrix) said(ctx context.Context, args []string, given [2]string, tenant twotenants.Owner) (status int, raw, plain string) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second) // those that follow something
	defer cancel()
	var stdout, stderr strings.Builder
	args = append(slices.Clone(args), "--database-url", m.db.URL, "--output", "json", "--log-level", "error")
	if tenant.Mark == m.b.Mark {
		args = append(args, "--token-file", m.token)
	} else {
		args = append(args, "--tenant", tenant.Tenant.String())
	}
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

// changes orders commands: first those that only show, because B may give things the names of A's.
func changes(cmd *cobra.Command) int {
	if needs[cmd.CommandPath()] == authority.Admin && cmd.Name() != "list" {
		return 1
	}
	return 0
}

func (m *matrix) commands(t *testing.T) {
	trace := regexp.MustCompile(m.a.Trace())
	all := commands()
	slices.SortStableFunc(all, func(x, y *cobra.Command) int { return cmp.Compare(changes(x), changes(y)) })
	for _, cmd := range all {
		path := cmd.CommandPath()
		cmd.InheritedFlags() // from here on they are among its own
		if needs[path] == authority.Operate {
			status, raw, _ := m.said(t.Context(), append(strings.Fields(path)[1:], with[path]...), [2]string{}, m.b)
			if status == 0 || trace.MatchString(raw) {
				t.Errorf("%s, which is the operator's, answers B %d: %s", path, status, raw)
			}
			continue
		}
		if brief.Run(t) && changes(cmd) == 1 {
			continue
		}
		wrong, calls := 0, m.calls(t, cmd)
		for _, c := range calls {
			status, raw, plain := m.said(t.Context(), c.nobodys, c.given, m.b)
			if !slices.Equal(c.theirs, c.nobodys) {
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
	}
	// A tenant that is not the token's is refused alike, whether there is one or not.
	for _, path := range []string{"sluice findings", "sluice ingest file", "sluice vex decide", "sluice auth user list"} {
		args := append(strings.Fields(path)[1:], with[path]...)
		theirs, nobodys := m.value(t, m.a, "authority.tenant", "name"), m.value(t, m.nob, "authority.tenant", "name")
		s, r, p := m.said(t.Context(), append(args, "--tenant", theirs), [2]string{theirs, nobodys}, m.b)
		status, raw, plain := m.said(t.Context(), append(args, "--tenant", nobodys), [2]string{theirs, nobodys}, m.b)
		if s == 0 || s != status || p != plain || trace.MatchString(r) {
			t.Errorf("%s in the name of A: %d: %s\nof nobody: %d: %s", path, s, r, status, raw)
		}
	}
}

// snaps: A is shown what is A's by the same commands.
func (m *matrix) snaps(t *testing.T) {
	trace := regexp.MustCompile(m.a.Trace())
	const enough = 8
	var shown []string
	for _, cmd := range commands() {
		if len(shown) == enough {
			return
		}
		if needs[cmd.CommandPath()] != authority.Read && needs[cmd.CommandPath()] != authority.Admin {
			continue
		}
		for _, c := range m.calls(t, cmd) {
			if _, raw, _ := m.said(t.Context(), c.theirs, c.given, m.a); trace.MatchString(raw) {
				shown = append(shown, cmd.CommandPath())
				break
			}
		}
	}
	t.Errorf("only %v show A what is A's: the trap would not snap", shown)
}
