package migrations_test

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/internal/audit"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/twotenants"
	"sluice/maintenance"
	"sluice/migrations"
	"sluice/notify"
)

// TestOneUser: somebody else's server, where all that we get is a user who may log in and
// owns his database. Everything belongs to him, and row security holds all the same.
func TestOneUser(t *testing.T) {
	t.Parallel()
	for name, server := range map[string]func(*testing.T) cluster{
		"no roles on the server": virginCluster,
		"roles of others there":  sharedCluster,
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			c := server(t)
			user := c.plainUser(t, "")
			oneUser(t, c, user, c.database(t, user))
		})
	}
	t.Run("may_make_roles_but_others_did", func(t *testing.T) {
		t.Parallel()
		c := sharedCluster(t)
		user := c.plainUser(t, "createrole")
		oneUser(t, c, user, c.database(t, user))
	})
	t.Run("does_not_own_the_database", func(t *testing.T) {
		t.Parallel()
		c := sharedCluster(t)
		user, owner := c.plainUser(t, "createrole"), c.plainUser(t, "")
		name := c.database(t, owner)
		exec(t, connect(t, c.admin), `grant create on database `+name+` to `+user.Username())
		oneUser(t, c, user, name)
	})
}

func oneUser(t *testing.T, c cluster, user *url.Userinfo, database string) {
	rolesBefore := one[int](t, connect(t, c.admin), `select count(*) from pg_roles where rolname ~ '^sluice_(owner|views|reader|ingest|feed|projector|maintainer|monitor)$'`)
	dbURL := c.url(t, database, user)
	migrate(t, dbURL)
	migrate(t, dbURL) // and once more
	conn, admin := connect(t, dbURL), connect(t, c.url(t, database, nil))
	if err := migrations.Verify(t.Context(), conn); err != nil {
		t.Error(err)
	}
	if n := one[int](t, admin, `select count(*) from pg_roles where rolname ~ '^sluice_(owner|views|reader|ingest|feed|projector|maintainer|monitor)$'`); n != rolesBefore {
		t.Errorf("%d roles, %d before", n, rolesBefore)
	}
	if foreign := list[string](t, admin, `select relname::text from pg_class where relnamespace = any ($1::text[]::regnamespace[]) and relowner <> $2::text::regrole`, schemas, user.Username()); len(foreign) > 0 {
		t.Errorf("belong to others: %v", foreign)
	}
	pool := func(role pg.Role) *pgxpool.Pool {
		p, err := pg.Open(t.Context(), dbURL, role, pg.Config{MaxConns: 2})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Close)
		return p
	}
	ingest, projector, maintainer, reader := pool(pg.Ingest), pool(pg.Projector), pool(pg.Maintainer), pool(pg.Reader)

	var a, b id.ID
	for name, t2 := range map[string]*id.ID{"alpha": &a, "beta": &b} {
		*t2 = one[id.ID](t, maintainer, `insert into authority.tenant (name) values ($1) returning tenant_id`, name)
	}
	if n := one[int](t, maintainer, `select count(*) from authority.tenant`); n != 2 {
		t.Errorf("the maintainer lists %d tenants", n)
	}
	if got := one[string](t, ingest, `select authority.tenant_id('beta')::text`); got != b.String() {
		t.Errorf("beta is %s", got)
	}
	if n := one[int](t, ingest, `select count(*) from authority.tenant`); n != 0 {
		t.Errorf("ingest lists %d tenants, without one of its own", n)
	}

	// As the importer does: COPY to a temporary table, from there through the policies.
	for _, tenant := range []id.ID{a, b} {
		err := pg.Tenant(t.Context(), ingest, tenant, func(tx pgx.Tx) error {
			exec(t, tx, `create temp table t_doc (artifact_purl text, content_hash bytea, doc text) on commit drop`)
			rows := [][]any{{"pkg:oci/app@" + tenant.String(), []byte{1}, `{"bomFormat": "CycloneDX"}`}}
			if _, err := tx.CopyFrom(t.Context(), pgx.Identifier{"t_doc"}, []string{"artifact_purl", "content_hash", "doc"}, pgx.CopyFromRows(rows)); err != nil {
				return err
			}
			exec(t, tx, `insert into ingest.sbom_document (tenant_id, artifact_purl, content_hash, doc) select $1, artifact_purl, content_hash, doc::jsonb from t_doc`, tenant)
			exec(t, tx, `insert into core.job_queue (tenant_id, kind, payload) values ($1, 'test', '{}')`, tenant)
			exec(t, tx, `insert into ingest.scan_run_event (tenant_id, scan_run_id, occurred_at, event_type, payload) values ($1, 1, now(), 'test', '{}')`, tenant)
			other := a
			if tenant == a {
				other = b
			}
			err := attempt(t, tx, func(tx pgx.Tx) error {
				_, err := tx.Exec(t.Context(), `insert into ingest.sbom_document (tenant_id, artifact_purl, content_hash, doc) values ($1, '', '', '{}')`, other)
				return err
			})
			if code(err) != "42501" {
				t.Errorf("insert for another tenant: %v", err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		err = pg.Tenant(t.Context(), projector, tenant, func(tx pgx.Tx) error {
			exec(t, tx, `insert into vex.open_findings (tenant_id, artifact_purl, package_id, vuln_id, artifact_id, package_purl, score, evidence)
				values ($1, 'pkg:oci/app@1', gen_random_uuid(), 'CVE-1', gen_random_uuid(), 'pkg:npm/x@1', 98, '{}')`, tenant)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := one[int](t, projector, `select count(*) from core.job_queue`); n != 2 {
		t.Errorf("the worker sees %d jobs of all tenants", n)
	}
	exec(t, projector, `insert into core.job_queue (tenant_id, kind, payload) values (null, 'views', '{}')`)
	for _, view := range []string{"mv_artifact_risk", "mv_triage_queue"} {
		exec(t, projector, `select vex.refresh_view($1)`, view)
		if n := one[int](t, admin, `select count(*) from vex.`+view); n != 2 {
			t.Errorf("%s has %d rows, of all tenants", view, n)
		}
	}

	// Maintenance works across tenants there too.
	exec(t, maintainer, `update authority.tenant set settings = '{"retention": {"documents": "400 days", "parked": "400 days"}}'`)
	exec(t, admin, `insert into core.outbox (tenant_id, aggregate_type, topic, payload, dispatched_at) values ($1, 'batch', 'receipts', '[]', '2020-01-01')`, a)
	maint, err := pg.Open(t.Context(), dbURL, pg.Maintainer, maintenance.PoolConfig())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(maint.Close)
	for _, task := range []maintenance.Task{
		maintenance.Retention(maintenance.RetentionConfig{}), maintenance.Checkpoints(0), maintenance.Runs(0), maintenance.Jobs(0), maintenance.Outbox(0),
	} {
		out, err := maintenance.Once(t.Context(), maint, task, false)
		if want := map[string]int64{"outbox": 1}[task.Name]; err != nil || out.Rows != want {
			t.Errorf("%s: %+v, %v", task.Name, out, err)
		}
	}

	// The audit log is chained there too, in a transaction of several tenants and of the operator.
	err = pgx.BeginFunc(t.Context(), maintainer, func(tx pgx.Tx) error {
		for _, tenant := range []id.ID{b, a, id.Operator} {
			if err := pg.SetTenant(t.Context(), tx, tenant); err != nil {
				return err
			}
			if err := audit.Note(t.Context(), tx, tenant, audit.Entry{Action: "test.change", Entity: "thing"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for _, tenant := range []id.ID{a, b} {
		if r, err := audit.Verify(t.Context(), reader, tenant, nil); err != nil || r.Fault != nil || r.Entries != 1 {
			t.Errorf("audit log: %+v, %v", r, err)
		}
		r, err := audit.Retire(t.Context(), maintainer, tenant, "", time.Now().Add(time.Hour), t.TempDir(), false)
		if err != nil || r.Entries != 1 {
			t.Errorf("retire the audit log: %+v, %v", r, err)
		}
		if r, err := audit.Verify(t.Context(), reader, tenant, nil); err != nil || r.Fault != nil || r.Cut != 1 || r.Entries != 1 {
			t.Errorf("audit log after that: %+v, %v", r, err)
		}
	}
	if n := one[int](t, admin, `select count(*) from authority.audit_chain`); n != 3 {
		t.Errorf("%d entries in the chains, and the operator's is one", n)
	}
	for _, sql := range []string{`update authority.audit_log set action = ''`, `truncate authority.audit_log`} {
		if _, err := maintainer.Exec(t.Context(), sql); code(err) != "23001" {
			t.Errorf("%s: %v", sql, err)
		}
	}

	// What each sees as beta.
	for name, p := range map[string]*pgxpool.Pool{"reader": reader, "ingest": ingest, "projector": projector} {
		tables := slices.Collect(maps.Keys(twotenants.Tables(t, admin)))
		err := pg.Tenant(t.Context(), p, b, func(tx pgx.Tx) error {
			for _, table := range append(tables, "vex.artifact_risk", "vex.triage_queue", "unknowns.current") {
				foreign := one[int](t, tx, `select count(*) from `+table+` where tenant_id is distinct from $1`, b)
				across := name == "projector" && (table == "core.job_queue" || table == "authority.tenant")
				if foreign > 0 && !across {
					t.Errorf("the %s of beta sees %d rows of others in %s", name, foreign, table)
				}
			}
			for _, table := range []string{"ingest.sbom_document", "vex.open_findings", "vex.artifact_risk", "vex.triage_queue", "ingest.scan_run_event"} {
				if n := one[int](t, tx, `select count(*) from `+table); n != 1 {
					t.Errorf("the %s of beta sees %d rows of %s", name, n, table)
				}
			}
			if got := list[string](t, tx, `select artifact_purl from ingest.search_documents('{"bomFormat": "CycloneDX"}')`); fmt.Sprint(got) != "[pkg:oci/app@"+b.String()+"]" {
				t.Errorf("the %s of beta searches and finds %v", name, got)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := one[int](t, p, `select count(*) from ingest.sbom_document`); n != 0 {
			t.Errorf("the %s without a tenant sees %d documents", name, n)
		}
		if n := one[int](t, p, `select count(*) from vex.artifact_risk`); n != 0 {
			t.Errorf("the %s without a tenant sees %d artifacts", name, n)
		}
	}
	exec(t, ingest, `select ingest.merge_search_index(), core.analyze_grown()`)

	// Who tells of findings works across tenants there too, and tells each of its own.
	for _, tenant := range []id.ID{a, b} {
		rule := notify.NewRule{Rule: notify.Rule{Name: "all"}, URL: "https://127.0.0.1:1/", Existing: true}
		if _, _, err := notify.NewStore(maintainer).Add(t.Context(), tenant, rule); err != nil {
			t.Fatal(err)
		}
	}
	tally, err := notify.New(pool(pg.Relay), notify.Config{}).Once(t.Context())
	if err != nil || tally != (notify.Tally{Told: 2, Waiting: 2}) {
		t.Errorf("notifications: %+v, %v", tally, err)
	}
	if n := one[int](t, admin, `select count(*) from routing.notify_told n join vex.open_findings f using (tenant_id, artifact_id, package_id, vuln_id)`); n != 2 {
		t.Errorf("%d findings are noted as told, of two tenants with one each", n)
	}
}
