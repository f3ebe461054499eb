package migrations_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sluice/internal/pg"
	"sluice/internal/test/brief"
	"sluice/internal/test/dbtest"
	"sluice/internal/test/twotenants"
)

// sharedTables are those whose rows of the shared feed every tenant reads.
var sharedTables = []string{"vex.vuln_fact", "vex.vuln_affected", "vex.vuln_alias", "vex.epss", "vex.kev", "vex.feed", "ingest.original"}

// routed are the tables whose rows of the nil UUID hold for all tenants, and routers the roles that
// see them: a tenant's reader does not, for a rule may name other tenants.
var (
	routed  = []string{"routing.feature_flag", "routing.rate_limit_config"}
	routers = []pg.Role{pg.Ingest, pg.Feed, pg.Projector, pg.Maintainer}
)

// acrossTenants are the tables that a role works on for all tenants at once; in no other
// may it see a row that is not of its tenant.
var acrossTenants = map[pg.Role][]string{
	pg.Projector: {"core.job_queue", "authority.tenant"}, // takes jobs of every tenant, hands shared facts on to each
	// Makes and lists tenants; clears what was sent and what was given up.
	pg.Maintainer: {"authority.tenant", "core.outbox", "core.job_queue"},
	// sends what every tenant has to say
	pg.Relay: {"core.outbox", "routing.notify_rule", "routing.notify_endpoint", "routing.notify_message"},
}

// actor is somebody who looks at the database, and writes to it where he may.
type actor struct {
	name string
	role pg.Role
	conn *pgx.Conn
	sees []twotenants.Owner // whose rows, besides those of the shared feed
	// catalogues: look through those too, which takes a second.
	catalogues bool
}

// TestIsolation: of tenants A and B, each with rows in every table, whoever acts for B sees,
// counts and changes nothing of A. What PostgreSQL tells everybody about whole tables (their
// sizes, the planner's estimates, gaps in sequences) are sums over all tenants; no right can
// be taken from them, and they are not looked at here.
func TestIsolation(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	admin := db.Admin(t)
	tables := twotenants.Tables(t, admin)
	a, b := twotenants.New('a'), twotenants.New('b')
	twotenants.Fill(t, admin, tables, 3, a)
	twotenants.Fill(t, admin, tables, 2, b, twotenants.Shared())

	setTenant := func(conn *pgx.Conn, o twotenants.Owner) *pgx.Conn {
		exec(t, conn, `select set_config('app.tenant_id', $1, false)`, o.Tenant.String())
		return conn
	}
	actors := []actor{
		{"reader of B", pg.Reader, setTenant(db.Conn(t, pg.Reader), b), []twotenants.Owner{b}, true},
		{"reader without a tenant", pg.Reader, db.Conn(t, pg.Reader), nil, false},
		{"login bound to B, asking for A", pg.Reader, setTenant(boundReader(t, db, b), a), []twotenants.Owner{b}, !brief.Run(t)},
		{"login bound to B, asking for nothing", pg.Reader, boundReader(t, db, b), []twotenants.Owner{b}, false},
		{"ingest for B", pg.Ingest, setTenant(db.Conn(t, pg.Ingest), b), []twotenants.Owner{b}, !brief.Run(t)},
		{"ingest without a tenant", pg.Ingest, db.Conn(t, pg.Ingest), nil, false},
		{"feed for B", pg.Feed, setTenant(db.Conn(t, pg.Feed), b), []twotenants.Owner{b}, false},
		{"projector for B", pg.Projector, setTenant(db.Conn(t, pg.Projector), b), []twotenants.Owner{b}, !brief.Run(t)},
		{"maintainer for B", pg.Maintainer, setTenant(db.Conn(t, pg.Maintainer), b), []twotenants.Owner{b}, false},
		{"maintainer without a tenant", pg.Maintainer, db.Conn(t, pg.Maintainer), nil, false},
		{"relay for B", pg.Relay, setTenant(db.Conn(t, pg.Relay), b), []twotenants.Owner{b}, false},
		{"monitor", "sluice_monitor", setTenant(db.Conn(t, "sluice_monitor"), b), []twotenants.Owner{b}, false},
	}
	before := fingerprint(t, admin, tables, a)
	for _, who := range actors {
		t.Run(strings.ReplaceAll(who.name, " ", "_"), func(t *testing.T) {
			looksEverywhere(t, who, a)
			counts(t, who, tables)
			callsFunctions(t, who, a)
			writesAcross(t, who, tables, a, b)
			if after := fingerprint(t, admin, tables, a); !maps.Equal(before, after) {
				t.Errorf("rows of A are not what they were: %v, then %v", before, after)
			}
		})
	}
	t.Run("control", func(t *testing.T) { // the trap would snap
		who := actor{"superuser", "", db.Admin(t), nil, true}
		hits := traces(t, who, a)
		for table := range tables {
			if hits[table] == 0 {
				t.Errorf("the superuser finds no trace of A in %s", table)
			}
		}
		for _, r := range []string{"pg_catalog.pg_stats", "vex.mv_artifact_risk", "vex.mv_triage_queue"} {
			if hits[r] == 0 {
				t.Errorf("the superuser finds no trace of A in %s", r)
			}
		}
	})
}

// boundReader is a login as `sluice tenant create --reader` makes it.
func boundReader(t *testing.T, db *dbtest.DB, o twotenants.Owner) *pgx.Conn {
	t.Helper()
	name := "sluice_reader_" + strings.ReplaceAll(o.Tenant.String(), "-", "")
	admin := db.Admin(t)
	// Roles belong to the whole server, and other tests' databases are there too.
	if !one[bool](t, admin, `select exists (select from pg_roles where rolname = $1)`, name) {
		if _, err := admin.Exec(t.Context(), `create role `+name+` login password 'bound'`); err != nil && !strings.Contains(err.Error(), "23505") && !strings.Contains(err.Error(), "42710") {
			t.Fatal(err)
		}
		exec(t, admin, `grant sluice_reader to `+name)
	}
	u, err := url.Parse(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(name, "bound")
	return connect(t, u.String())
}

// traces looks for an owner's values in every relation that the actor can read: tables,
// partitions, views and, where asked for, catalogues and statistics. It returns where it
// found how many rows.
func traces(t *testing.T, who actor, of twotenants.Owner) map[string]int {
	t.Helper()
	all := twotenants.Relations(t, who.conn, of, who.catalogues)
	if len(all) < 40 {
		t.Fatalf("only %d relations to look at", len(all))
	}
	hits := map[string]int{}
	for _, s := range all {
		if s.Hits > 0 {
			hits[s.What] = s.Hits
		}
		if s.State != "" && s.State != "42501" {
			t.Errorf("%s: %s: %s", who.name, s.What, s.Error)
		}
	}
	return hits
}

func code(err error) string {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return pe.Code
	}
	return ""
}

func looksEverywhere(t *testing.T, who actor, a twotenants.Owner) {
	for r, n := range traces(t, who, a) {
		if !slices.Contains(acrossTenants[who.role], r) {
			t.Errorf("%d rows of %s tell of A", n, r)
		}
	}
}

// counts: exactly the rows of those whom the actor may see. A sequence, a partition or a
// materialized view tells nothing at all.
func counts(t *testing.T, who actor, tables map[string][]twotenants.Column) {
	inTx(t, who.conn, func(tx pgx.Tx) {
		for table := range tables {
			if slices.Contains(acrossTenants[who.role], table) {
				continue
			}
			want := 0
			for range who.sees {
				want += 2
				switch table {
				case "authority.tenant", "authority.audit_head":
					want--
				case "routing.feature_flag_history":
					want += 2 // a trigger wrote the versions of the flags
				}
			}
			if slices.Contains(sharedTables, table) || slices.Contains(routed, table) && slices.Contains(routers, who.role) {
				want += 2
			}
			got := -1
			err := attempt(t, tx, func(tx pgx.Tx) error {
				return tx.QueryRow(t.Context(), `select count(*) from `+table).Scan(&got)
			})
			if err != nil && code(err) != "42501" {
				t.Errorf("count %s: %v", table, err)
			}
			if err == nil && got != want {
				t.Errorf("sees %d rows of %s, want %d", got, table, want)
			}
		}
		const directly = `
			select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
			where n.nspname = any ($1) and (c.relispartition or c.relkind in ('m', 'S')) and c.relkind <> 'i' and has_table_privilege(c.oid, 'select')`
		if got := list[string](t, tx, directly, schemas); len(got) > 0 {
			t.Errorf("can read %v directly", got)
		}
		if who.role == pg.Reader {
			if n := one[int](t, tx, `select count(last_value) from pg_sequences`); n > 0 {
				t.Errorf("sees how far %d sequences have come", n)
			}
		}
	})
}

var schemas = []string{"core", "authority", "routing", "artifact", "ingest", "vex", "unknowns", "access"}

// mayCall are the functions that each role may execute, beyond those that everybody may.
var mayCall = map[string][]pg.Role{
	"core.current_tenant()":          {pg.Reader, pg.Ingest, pg.Feed, pg.Projector, pg.Maintainer, pg.Relay, "sluice_monitor"},
	"core.shared_tenant()":           {pg.Reader, pg.Ingest, pg.Feed, pg.Projector, pg.Maintainer, pg.Relay, "sluice_monitor"},
	"ingest.search_documents(jsonb)": {pg.Reader, pg.Ingest, pg.Feed, pg.Projector},
	"core.analyze_grown()":           {pg.Ingest, pg.Feed, pg.Projector, pg.Maintainer},
	"ingest.merge_search_index()":    {pg.Ingest, pg.Feed, pg.Projector, pg.Maintainer},
	"authority.tenant_id(text)":      {pg.Ingest, pg.Feed, pg.Projector, pg.Maintainer},
	"core.figures(integer)":          {"sluice_monitor"},
	"vex.refresh_view(text)":         {pg.Projector, pg.Maintainer},

	"authority.audit_line(bigint, bytea, text, audit_log)": {pg.Reader, pg.Ingest, pg.Feed, pg.Projector, pg.Maintainer},
	"authority.cut_audit(bigint, bytea, text)":             {pg.Maintainer}, // in the tenant's own transaction
	"core.hold_lead(text, bigint)":                         {pg.Maintainer, pg.Relay},
}

func callsFunctions(t *testing.T, who actor, a twotenants.Owner) {
	can := list[string](t, who.conn, `
		select format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid))
		from pg_proc p join pg_namespace n on n.oid = p.pronamespace
		where n.nspname = any ($1) and has_function_privilege(p.oid, 'execute')`, schemas)
	for i, f := range can { // argument names out
		name, arguments, _ := strings.Cut(strings.TrimSuffix(f, ")"), "(")
		types := strings.Split(arguments, ", ")
		for j, one := range types {
			types[j] = one[strings.LastIndex(one, " ")+1:]
		}
		can[i] = name + "(" + strings.Join(types, ", ") + ")"
		if !slices.Contains(mayCall[can[i]], who.role) {
			t.Errorf("can execute %s", can[i])
		}
	}
	for f, roles := range mayCall {
		if slices.Contains(roles, who.role) && !slices.Contains(can, f) {
			t.Errorf("cannot execute %s", f)
		}
	}
	call := func(sql string, args ...any) ([]string, error) {
		var out []string
		var err error
		inTx(t, who.conn, func(tx pgx.Tx) {
			rows, qerr := tx.Query(t.Context(), sql, args...)
			if qerr != nil {
				err = qerr
				return
			}
			out, err = pgx.CollectRows(rows, pgx.RowTo[string])
		})
		return out, err
	}
	for _, query := range []string{fmt.Sprintf(`{"mark": %q}`, a.Mark), `{}`} {
		got, err := call(`select artifact_purl from ingest.search_documents($1)`, query)
		if code(err) == "42501" {
			continue
		}
		want := 0
		if query == `{}` {
			want = 2 * len(who.sees)
		}
		if err != nil || len(got) != want || strings.Contains(fmt.Sprint(got), a.Mark) {
			t.Errorf("search for %s: %v, %v", query, got, err)
		}
	}
	if got, err := call(`select 'ok' || coalesce(vex.refresh_view('mv_artifact_risk; select 1')::text, '')`); err == nil {
		t.Errorf("refresh of anything: %v", got)
	}
}

// writesAcross tries to put rows under A's name, to take A's rows over, to change and to
// delete them, and to learn of them from a key that is taken.
func writesAcross(t *testing.T, who actor, tables map[string][]twotenants.Column, a, b twotenants.Owner) {
	inTx(t, who.conn, func(tx pgx.Tx) {
		for _, table := range slices.Sorted(maps.Keys(tables)) {
			if slices.Contains(acrossTenants[who.role], table) {
				continue
			}
			columns := tables[table]
			try := func(sql string, args ...any) (rows int64, err error) {
				err = attempt(t, tx, func(tx pgx.Tx) error {
					tag, err := tx.Exec(t.Context(), sql, args...)
					rows = tag.RowsAffected()
					return err
				})
				if err != nil && (code(err) == "22P02" || code(err)[:2] == "42" && code(err) != "42501") {
					t.Errorf("the test's own statement is wrong: %s: %v", sql, err)
				}
				return rows, err
			}
			for _, victim := range []twotenants.Owner{a, twotenants.Shared()} {
				sql, args := twotenants.Insert(table, victim.Row(t, columns, 50))
				if _, err := try(sql, args...); code(err) != "42501" {
					t.Errorf("insert into %s in the name of %s: %v", table, victim.Mark, err)
				}
				if rows, err := try(`update `+table+` set tenant_id = tenant_id where tenant_id = $1`, victim.Tenant); rows > 0 || err != nil && code(err) != "42501" {
					t.Errorf("update of %s in %s: %d rows, %v", victim.Mark, table, rows, err)
				}
				if rows, err := try(`delete from `+table+` where tenant_id = $1`, victim.Tenant); rows > 0 || err != nil && code(err) != "42501" {
					t.Errorf("delete of %s in %s: %d rows, %v", victim.Mark, table, rows, err)
				}
				if rows, err := try(`update `+table+` set tenant_id = $1`, victim.Tenant); rows > 0 || err != nil && code(err) != "42501" {
					t.Errorf("giving rows of %s to %s: %d rows, %v", table, victim.Mark, rows, err)
				}
			}
			if rows, _ := try(`truncate ` + table); rows > 0 || one[bool](t, tx, `select has_table_privilege($1, 'truncate')`, table) {
				t.Errorf("may truncate %s", table)
			}
			if rows, err := try(`delete from ` + table); err == nil && rows > int64(2*len(who.sees)) {
				t.Errorf("delete of everything in %s: %d rows", table, rows)
			}
			keyOracle(t, who, tx, table, columns, a, b)
		}
	})
}

// keyOracle inserts rows of B that have A's keys: it must go as with keys that nobody has.
// Where a key of the specification does not lead with the tenant, PostgreSQL says that it
// is taken, but not by what.
func keyOracle(t *testing.T, who actor, tx pgx.Tx, table string, columns []twotenants.Column, a, b twotenants.Owner) {
	if len(who.sees) == 0 || !one[bool](t, tx, `select has_table_privilege($1, 'insert')`, table) {
		return
	}
	taken, free := a.Row(t, columns, 1), b.Row(t, columns, 60)
	taken["tenant_id"] = b.Tenant
	for name, row := range map[string]map[string]any{"taken": taken, "free": free} {
		sql, args := twotenants.Insert(table, row)
		err := attempt(t, tx, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), sql, args...)
			return err
		})
		var pe *pgconn.PgError
		switch {
		case err == nil:
		case errors.As(err, &pe) && pe.Code == "23505" && name == "taken" && slices.Contains(globalKeys, pe.ConstraintName):
			if pe.Detail != "" || strings.Contains(pe.Message, a.Mark) {
				t.Errorf("%s: the error tells of A: %s (%s)", table, pe.Message, pe.Detail)
			}
		default:
			t.Errorf("insert of a row of B into %s, its key %s by A: %v", table, name, err)
		}
	}
}

// globalKeys are the keys that do not lead with tenant_id: the specification writes them
// so. Their values are random UUIDs or come from a sequence; nobody has to choose them.
var globalKeys = []string{
	"job_queue_pkey", "outbox_pkey", "sbom_document_pkey", "vuln_fact_pkey", "vex_decision_pkey", "unknown_pkey",
	"audit_log_pkey", "user_pkey", "role_pkey", "grant_pkey", "oauth_client_pkey", "oauth_token_pkey",
	"feature_flag_pkey", "feature_flag_history_pkey", "rate_limit_config_pkey", "instance_pkey", "signature_pkey", "tag_pkey",
	"tenant_pkey", "tenant_name_key", // the list of tenants itself
}

// fingerprint is what the rows of an owner are, per table.
func fingerprint(t *testing.T, admin *pgx.Conn, tables map[string][]twotenants.Column, o twotenants.Owner) map[string]string {
	t.Helper()
	out := map[string]string{}
	for table := range tables {
		out[table] = one[string](t, admin, `select count(*) || ' ' || coalesce(md5(string_agg(x::text, '|' order by x::text)), '') from `+table+` x where tenant_id = $1`, o.Tenant)
	}
	return out
}

// TestSharedFeed: its rows are read by all and written by the feed only, in whatever table.
func TestSharedFeed(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	admin := db.Admin(t)
	tables := twotenants.Tables(t, admin)
	shared := twotenants.Shared()
	twotenants.Fill(t, admin, tables, 1, shared)
	for _, form := range []string{"00000000-0000-0000-0000-000000000000", "{00000000000000000000000000000000}"} {
		for role, may := range map[pg.Role]bool{pg.Feed: true, pg.Ingest: false} {
			conn := db.Conn(t, role)
			exec(t, conn, `select set_config('app.tenant_id', $1, false)`, form)
			inTx(t, conn, func(tx pgx.Tx) {
				for table, columns := range tables {
					if !one[bool](t, tx, `select has_table_privilege($1, 'insert')`, table) {
						continue
					}
					sql, args := twotenants.Insert(table, shared.Row(t, columns, 2))
					err := attempt(t, tx, func(tx pgx.Tx) error {
						_, err := tx.Exec(t.Context(), sql, args...)
						return err
					})
					if may && err != nil || !may && code(err) != "42501" {
						t.Errorf("%s inserts into %s for the shared feed: %v", role, table, err)
					}
					if may {
						continue
					}
					for _, sql := range []string{`update ` + table + ` set tenant_id = tenant_id`, `delete from ` + table} {
						var rows int64
						err := attempt(t, tx, func(tx pgx.Tx) error {
							tag, err := tx.Exec(t.Context(), sql)
							rows = tag.RowsAffected()
							return err
						})
						if rows > 0 || err != nil && code(err) != "42501" {
							t.Errorf("%s: %s: %d rows, %v", role, sql, rows, err)
						}
					}
				}
			})
		}
	}
	// A login of one's own, member of ingest, is no way around it.
	c := sharedCluster(t)
	user := c.plainUser(t, "")
	exec(t, connect(t, c.admin), `grant sluice_ingest to `+user.Username())
	u, err := url.Parse(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = user
	conn := connect(t, u.String())
	exec(t, conn, `select set_config('app.tenant_id', $1, false)`, shared.Tenant.String())
	sql, args := twotenants.Insert("vex.vuln_fact", shared.Row(t, tables["vex.vuln_fact"], 3))
	if _, err := conn.Exec(context.Background(), sql, args...); code(err) != "42501" {
		t.Errorf("a member of ingest inserts a shared fact: %v", err)
	}
}

// TestTenantByName: an importer finds a tenant whose name it has, and lists none.
func TestTenantByName(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	acme := db.Tenant(t, "acme")
	conn := db.Conn(t, pg.Ingest)
	if got := one[string](t, conn, `select authority.tenant_id('acme')::text`); got != acme.String() {
		t.Errorf("acme is %s", got)
	}
	if got := one[*string](t, conn, `select authority.tenant_id('nobody')::text`); got != nil {
		t.Errorf("nobody is %s", *got)
	}
	if n := one[int](t, conn, `select count(*) from authority.tenant`); n != 0 {
		t.Errorf("ingest lists %d tenants", n)
	}
	if _, err := db.Conn(t, pg.Reader).Exec(t.Context(), `select authority.tenant_id('acme')`); code(err) != "42501" {
		t.Errorf("a reader asks for a tenant: %v", err)
	}
}
