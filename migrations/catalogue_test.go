package migrations_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"sluice/internal/test/dbtest"
)

// appRoles are those that the program works as, or that somebody logs in with.
var appRoles = []string{"sluice_reader", "sluice_ingest", "sluice_feed", "sluice_projector", "sluice_maintainer", "sluice_relay", "sluice_monitor"}

// wrong fails for every row that a query yields: each is an object that breaks a rule.
func wrong(t *testing.T, conn *pgx.Conn, rule, sql string, args ...any) {
	t.Helper()
	for _, what := range list[string](t, conn, sql, args...) {
		t.Errorf("%s: %s", rule, what)
	}
}

// TestCatalogue holds the migrated database to the rules of DESIGN sections 5 and 6, so that
// a table of a later script cannot miss one.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	conn := dbtest.New(t).Admin(t)
	exec(t, conn, `set search_path = ''`) // names come out whole

	const ofTenants = `
		with t as (
			select c.oid, n.nspname, c.relname, c.relkind, c.relispartition, c.relrowsecurity, c.relforcerowsecurity, c.relowner
			from pg_class c join pg_namespace n on n.oid = c.relnamespace
			where n.nspname = any ($1::text[]) and c.relkind in ('r', 'p')
			  and exists (select from pg_attribute where attrelid = c.oid and attname = 'tenant_id' and not attisdropped)
		) `
	wrong(t, conn, "row security is not enabled and forced", ofTenants+`
		select oid::regclass::text from t where not relrowsecurity or not relforcerowsecurity`, schemas)
	wrong(t, conn, "no policy p_<table>_tenant for all, with USING and WITH CHECK of the tenant", ofTenants+`
		select oid::regclass::text from t
		where not exists (select from pg_policies p where p.schemaname = t.nspname and p.tablename = t.relname
			and p.policyname = 'p_' || t.relname || '_tenant' and p.cmd = 'ALL' and p.permissive = 'PERMISSIVE' and p.roles = '{public}'
			and p.qual ~ '^\(tenant_id = \( SELECT core.current_tenant\(\) AS current_tenant\)\)$' and p.with_check = p.qual)`, schemas)
	wrong(t, conn, "tenant_id may be null", ofTenants+`
		select oid::regclass::text from t join pg_attribute a on a.attrelid = t.oid and a.attname = 'tenant_id'
		where not a.attnotnull and relname not in ('job_queue', 'outbox')`, schemas) // the specification's two
	wrong(t, conn, "a table without tenant_id that is none of the operator's", `
		select c.oid::regclass::text from pg_class c
		where c.relnamespace = any ($1::text[]::regnamespace[]) and c.relkind in ('r', 'p')
		  and not exists (select from pg_attribute where attrelid = c.oid and attname = 'tenant_id')
		  and c.relname <> all ('{schema_version,schema_migration,partition_policy,retired_partition,maintenance,feed_source,lead,kafka_offset,kafka_gap,kafka_ahead,deferred,outbox_route,outbox_producer,view_refresh,change}')`, schemas)
	wrong(t, conn, "a right on a partition", `
		select c.oid::regclass::text || ' for ' || a.grantee::regrole || ': ' || a.privilege_type
		from pg_class c, aclexplode(c.relacl) a where c.relispartition and c.relkind = 'r' and a.grantee <> c.relowner`)
	wrong(t, conn, "rights that new objects would get", `select defaclnamespace::regnamespace || ' ' || defaclacl::text from pg_default_acl`)
	wrong(t, conn, "a right for everybody", `
		select c.oid::regclass::text from pg_class c, aclexplode(c.relacl) a where a.grantee = 0 and c.relnamespace = any ($1::text[]::regnamespace[])
		union all
		select n.nspname from pg_namespace n, aclexplode(n.nspacl) a where a.grantee = 0 and n.nspname = any ($1::text[])`, schemas)
	wrong(t, conn, "a policy that lets others than these across tenants", `
		select schemaname || '.' || tablename || ' ' || policyname || ' ' || cmd || ' to ' || roles::text || ' using ' || coalesce(qual, '') from pg_policies
		where policyname <> 'p_' || tablename || '_tenant'
		  and not (policyname = 'p_views' and cmd = 'SELECT' and roles = '{sluice_views}')
		  and not (policyname = 'p_chain' and tablename in ('audit_log', 'audit_head', 'audit_chain', 'audit_cut') and roles = '{sluice_views}')
		  and not (policyname = 'p_worker' and tablename = 'job_queue' and roles = '{sluice_projector}')
		  and not (policyname = 'p_relay' and tablename in ('outbox', 'notify_rule', 'notify_endpoint', 'notify_message') and roles = '{sluice_relay}')
		  and not (policyname = 'p_maintain' and tablename = 'outbox' and roles = '{sluice_maintainer}' and qual ~ 'dispatched_at IS NOT NULL' and with_check = 'false')
		  and not (policyname = 'p_maintain' and tablename = 'job_queue' and roles = '{sluice_maintainer}' and qual ~ 'infinity' and with_check = 'false')
		  and not (policyname = 'p_tenant_worker' and tablename = 'tenant' and cmd = 'SELECT' and roles = '{sluice_projector}')
		  and not (policyname = 'p_tenant_admin' and tablename = 'tenant' and roles = '{sluice_maintainer}')
		  and not (policyname = 'p_shared' and cmd = 'SELECT' and qual = '(tenant_id = ''00000000-0000-0000-0000-000000000000''::uuid)')`)

	wrong(t, conn, "a role that may too much", `
		select rolname::text from pg_roles
		where rolname = any ($1) and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication or rolcanlogin)`,
		append([]string{"sluice_owner", "sluice_views"}, appRoles...))
	wrong(t, conn, "an application role that owns something", `
		select c.oid::regclass::text from pg_class c where c.relowner = any ($1::text[]::regrole[])
		union all select proname::text from pg_proc where proowner = any ($1::text[]::regrole[])
		union all select nspname::text from pg_namespace where nspowner = any ($1::text[]::regrole[])`, appRoles)
	wrong(t, conn, "an application role that is a member of more than reader and ingest", `
		select member::regrole || ' of ' || roleid::regrole from pg_auth_members
		where member = any ($1::text[]::regrole[]) and not (roleid::regrole::text = 'sluice_reader' and member::regrole::text in ('sluice_ingest', 'sluice_projector')
		                                         or roleid::regrole::text = 'sluice_ingest' and member::regrole::text = 'sluice_feed')`, appRoles)
	wrong(t, conn, "a right to truncate, to make triggers or to refer", `
		select c.oid::regclass::text || ' for ' || r from pg_class c, unnest($1::text[]) r
		where c.relnamespace = any ($2::text[]::regnamespace[]) and c.relkind in ('r', 'p', 'v', 'm') and has_table_privilege(r, c.oid, 'truncate, trigger, references')`, appRoles, schemas)
	wrong(t, conn, "a right to make objects", `
		select n.nspname || ' for ' || r from pg_namespace n, unnest($1::text[]) r where n.nspname = any ($2::text[]) and has_schema_privilege(r, n.oid, 'create')`, appRoles, schemas)
	wrong(t, conn, "a reader that may write", `
		select c.oid::regclass::text from pg_class c
		where c.relnamespace = any ($1::text[]::regnamespace[]) and c.relkind in ('r', 'p', 'v', 'm')
		  and (has_any_column_privilege('sluice_reader', c.oid, 'insert, update') or has_table_privilege('sluice_reader', c.oid, 'delete'))`, schemas)
	wrong(t, conn, "a role that changes what only grows", `
		select x || ' by ' || r from unnest('{ingest.original,ingest.sbom_document,ingest.document_alias,ingest.sbom_inventory,ingest.scan_run_event,vex.vuln_fact,vex.vex_document,vex.finding_history,authority.audit_log,routing.feature_flag_history}'::text[]) x, unnest($1::text[]) r
		where exists (
		        select from pg_attribute a where a.attrelid = x::regclass and a.attnum > 0 and has_column_privilege(r, a.attrelid, a.attnum, 'update')
		          and not (r = 'sluice_projector' and x || '.' || a.attname = any ($2))
		          and not (r in ('sluice_ingest', 'sluice_feed') and x || '.' || a.attname = 'ingest.sbom_inventory.meaning_hash')) -- made up for once
		   or has_table_privilege(r, x, 'delete')
		      and not (r = 'sluice_maintainer' and x <> all ('{ingest.scan_run_event,vex.finding_history,authority.audit_log,routing.feature_flag_history}')) -- retention
		      and not (r = 'sluice_projector' and x = 'vex.vuln_fact') -- made again, see remade`, appRoles, remade)

	wrong(t, conn, "a role that sees the hash of a secret, or changes what a token is and may", `
		select a.attrelid::regclass || '.' || a.attname || ' by ' || r from pg_attribute a, unnest($1::text[]) r
		where a.attrelid in ('authority.oauth_token'::regclass, 'authority.oauth_client'::regclass) and a.attnum > 0 and not a.attisdropped
		  and (a.attname ~ 'hash$' and r <> 'sluice_maintainer' and has_column_privilege(r, a.attrelid, a.attnum, 'select')
		    or a.attname in ('token_hash', 'user_id', 'oauth_client_id', 'tenant_id', 'client_id', 'expires_at') and has_column_privilege(r, a.attrelid, a.attnum, 'update')
		    or a.attname = 'scopes' and a.attrelid = 'authority.oauth_token'::regclass and has_column_privilege(r, a.attrelid, a.attnum, 'update'))`, appRoles)
	wrong(t, conn, "a role that sees where webhooks go, or what they are signed with, and does not send them", `
		select a.attname || ' by ' || r from pg_attribute a, unnest($1::text[]) r
		where a.attrelid = 'routing.notify_endpoint'::regclass and a.attname in ('url', 'secret') and r <> 'sluice_relay'
		  and has_column_privilege(r, a.attrelid, a.attnum, 'select')`, appRoles)
	wrong(t, conn, "a SECURITY DEFINER function without a pinned search_path, or of a superuser", `
		select p.oid::regprocedure::text from pg_proc p
		where p.pronamespace = any ($1::text[]::regnamespace[]) and p.prosecdef
		  and (coalesce(array_to_string(p.proconfig, ' '), '') !~ '(^| )search_path=pg_catalog, pg_temp( |$)'
		       or p.proowner <> all ('{sluice_owner,sluice_views}'::regrole[]))`, schemas)
	wrong(t, conn, "a function that everybody may execute", `
		select p.oid::regprocedure::text from pg_proc p
		where p.pronamespace = any ($1::text[]::regnamespace[]) and has_function_privilege('public', p.oid, 'execute')
		  and p.proname not in ('current_tenant', 'shared_tenant')`, schemas) // both say what the caller has set himself
	wrong(t, conn, "a view that shows its owner's rows", `
		select c.oid::regclass::text from pg_class c
		where c.relnamespace = any ($1::text[]::regnamespace[]) and c.relkind = 'v' and coalesce(array_to_string(c.reloptions, ' '), '') !~ 'security_(invoker|barrier)=true'`, schemas)
	wrong(t, conn, "a materialized view of another owner, or open to others", `
		select c.oid::regclass::text from pg_class c
		where c.relkind = 'm' and (c.relowner <> 'sluice_views'::regrole or exists (select from aclexplode(c.relacl) a where a.grantee <> c.relowner))`)

	wrong(t, conn, "a foreign key: it looks past row security", `select conname::text from pg_constraint where contype = 'f'`)
	wrong(t, conn, "a column whose operators are not leakproof, so that its indexes are not used under row security", `
		select a.attrelid::regclass || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
		from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_type y on y.oid = a.atttypid
		where c.relnamespace = any ($1::text[]::regnamespace[]) and c.relkind in ('r', 'p', 'v') and a.attnum > 0
		  and (y.typtype = 'e' or y.typname in ('numeric', 'citext', 'date', 'varchar', 'bpchar', 'timestamp', 'money', '_numeric'))
		  and not (y.typname = 'date' and c.relname in ('epss', 'kev')) -- shown; whoever compares them finds the row by vuln_id`, schemas)
	wrong(t, conn, "a generated column that is not stored", `
		select attrelid::regclass || '.' || attname from pg_attribute where attgenerated not in ('', 's')`)
	wrong(t, conn, "a default partition", `select c.oid::regclass::text from pg_class c where pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT'`)
}

// remade are the columns that the projector writes again where a newer program reads what is
// stored once more: what was made of the originals, and never those.
var remade = []string{
	"ingest.original.warnings", "ingest.original.tool", "ingest.original.tool_version", "ingest.original.quality", "ingest.sbom_document.artifact_id", "ingest.sbom_document.artifact_purl", "ingest.sbom_document.artifact_from",
	"ingest.document_alias.artifact_id", "ingest.sbom_inventory.package_ids", "ingest.sbom_inventory.unmatched",
}

// otherIndexes are those that lead with something else than tenant_id, and why.
var otherIndexes = map[string]string{
	// The specification's own.
	"ix_job_ready":          "section 3.3: claims are across tenants",
	"ix_sbom_doc_json_gin":  "section 4: GIN",
	"brin_scan_events_time": "section 6: BRIN",
	// Ours.
	"ix_job_leased":           "leases that ran out, of any tenant",
	"ix_parked_by_reason":     "figures count what every tenant has parked",
	"ix_notify_rule_due":      "the notifier looks with the rules of every tenant",
	"ix_notify_message_due":   "the notifier sends for every tenant",
	"ix_notify_message_old":   "the notifier clears what was sent by every tenant",
	"ix_tenant_created":       "figures name the tenants that were made first",
	"ix_outbox_pending":       "the relay sends for every tenant",
	"ix_outbox_dispatched":    "the relay clears what every tenant has sent",
	"brin_finding_history_at": "BRIN",
	"tenant_name_key":         "the list of tenants",
}

var partitionIndex = regexp.MustCompile(`_\d{4}_\d{2}(_\d{2})?_`)

// TestIndexesLeadWithTenant: every unique key and every index, but for the primary keys that
// the specification writes as id and those above.
func TestIndexesLeadWithTenant(t *testing.T) {
	t.Parallel()
	conn := dbtest.New(t).Admin(t)
	type row struct{ Name, First, Def string }
	rows, err := conn.Query(t.Context(), `
		select c.relname, pg_get_indexdef(i.indexrelid, 1, false), pg_get_indexdef(i.indexrelid)
		from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class r on r.oid = i.indrelid
		where c.relnamespace = any ($1::text[]::regnamespace[])
		  and (r.relkind = 'm' or exists (select from pg_attribute where attrelid = i.indrelid and attname = 'tenant_id'))`, schemas)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil || len(all) < 60 {
		t.Fatalf("%d indexes: %v", len(all), err)
	}
	seen := map[string]bool{}
	for _, r := range all {
		seen[r.Name] = true
		known := otherIndexes[r.Name] != "" || slices.Contains(globalKeys, r.Name) || partitionIndex.MatchString(r.Name) && strings.Contains(r.Def, "USING brin")
		switch {
		case r.First == "tenant_id" && known && !slices.Contains(globalKeys, r.Name):
			t.Errorf("%s leads with tenant_id: it is no exception", r.Name)
		case r.First != "tenant_id" && !known:
			t.Errorf("%s", r.Def)
		}
	}
	for _, name := range append(slices.Collect(maps.Keys(otherIndexes)), globalKeys...) {
		if !seen[name] {
			t.Errorf("there is no index %s: it is no exception", name)
		}
	}
}

// TestAuditLogOnlyGrows: for its owner and for a superuser too.
func TestAuditLogOnlyGrows(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	admin := db.Admin(t)
	exec(t, admin, `insert into authority.audit_log (tenant_id, action, entity_type, diff) values (gen_random_uuid(), 'a', 'b', '{}')`)
	for _, sql := range []string{`update authority.audit_log set action = 'c'`, `delete from authority.audit_log`, `truncate authority.audit_log`} {
		if _, err := admin.Exec(t.Context(), sql); code(err) != "23001" {
			t.Errorf("%s: %v", sql, err)
		}
	}
}
