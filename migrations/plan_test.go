package migrations_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/test/brief"
	"sluice/internal/test/dbtest"
	"sluice/migrations"
)

// TestPlan holds what is planned for each script against the locks that PostgreSQL says it has
// taken, when it is run on the database of the last release.
func TestPlan(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("short: runs every script of the upgrade twice")
	}
	db := dbtest.Released(t)
	conn, owner := db.Conn(t, ""), db.Conn(t, "")
	if err := migrations.AsOwner(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	exec(t, db.Admin(t), `analyze`)
	states, err := migrations.Status(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	all := migrations.Scripts()
	checked := 0
	for i, s := range states {
		if s.AppliedAt != nil {
			continue
		}
		plans, err := migrations.Plan(t.Context(), conn)
		if err != nil {
			t.Fatal(err)
		}
		p := plans[0]
		if p.Script != s.Name || len(p.Steps) == 0 {
			t.Fatalf("planned is %s with %d steps, next is %s", p.Script, len(p.Steps), s.Name)
		}
		if !p.Alone {
			checked++
			planned := []string{}
			for _, step := range p.Steps {
				for _, l := range step.Locks {
					if l.Stops == "everybody" || l.Stops == "writes" {
						planned = append(planned, l.Table+" "+l.Stops)
					}
				}
			}
			if planned, got := strongest(planned), strongest(strongLocks(t, db, s.Script)); !cmp.Equal(planned, got) {
				t.Errorf("%s: planned (-) and taken (+):\n%s", s.Name, cmp.Diff(planned, got))
			}
		}
		if _, err := migrations.Apply(t.Context(), owner, all[:i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if checked < 5 {
		t.Errorf("%d scripts were checked", checked)
	}
	if plans, err := migrations.Plan(t.Context(), conn); err != nil || len(plans) > 0 {
		t.Errorf("nothing is pending, planned is %v, %v", plans, err)
	}
}

// strongest leaves each table's strongest word: what is dropped stops everybody, and what is made again under its
// name is stopped for writing too, which nobody notices.
func strongest(locks []string) []string {
	slices.Sort(locks)
	return slices.DeleteFunc(slices.Compact(locks), func(l string) bool {
		table, writes := strings.CutSuffix(l, " writes")
		return writes && slices.Contains(locks, table+" everybody")
	})
}

// strongLocks runs a script without its end and says which tables that were there before it keeps
// from being read or written: dropped ones too, which have their locks and no names any more.
func strongLocks(t *testing.T, db *dbtest.DB, s migrations.Script) []string {
	t.Helper()
	conn := db.Conn(t, "")
	if err := migrations.AsOwner(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	before := list[string](t, db.Admin(t), `
		select c.oid || ' ' || c.relnamespace::regnamespace || '.' || c.relname from pg_class c
		where c.relkind in ('r', 'p', 'm', 'v') and c.relpersistence <> 't' and not c.relispartition
		  and c.relnamespace::regnamespace::text not in ('pg_catalog', 'pg_toast', 'information_schema')`)
	body, _, _ := strings.Cut(s.Text, "\ninsert into core.schema_version")
	if _, err := conn.PgConn().Exec(t.Context(), body).ReadAll(); err != nil {
		t.Fatalf("%s: %v", s.Name, err)
	}
	defer func() { _, _ = conn.PgConn().Exec(t.Context(), `rollback`).ReadAll() }()
	return list[string](t, conn, `
		select distinct split_part(b, ' ', 2) || ' ' || case l.mode when 'AccessExclusiveLock' then 'everybody' else 'writes' end
		from pg_locks l join unnest($1::text[]) as b on l.relation::text = split_part(b, ' ', 1)
		where l.pid = pg_backend_pid() and l.granted and l.locktype = 'relation'
		  and l.mode in ('AccessExclusiveLock', 'ExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock')
		order by 1`, before)
}

// TestPlanOfStatements: what statements that no script has yet would be planned as.
func TestPlanOfStatements(t *testing.T) {
	t.Parallel()
	conn := dbtest.New(t).Conn(t, "")
	for sql, want := range map[string]string{
		`create index concurrently if not exists ix_x on vex.vuln_fact (tenant_id)`:                 "vex.vuln_fact share update exclusive",
		`create index ix_x on vex.vuln_fact (tenant_id)`:                                            "vex.vuln_fact share",
		`alter table vex.vuln_fact add column x int`:                                                "vex.vuln_fact access exclusive",
		`alter table vex.vuln_fact alter column id type text`:                                       "vex.vuln_fact access exclusive",
		`alter table only ingest.original set (fillfactor = 70)`:                                    "ingest.original share update exclusive",
		`update vex.vuln_fact set is_current = true`:                                                "vex.vuln_fact row exclusive",
		`create table vex.new_one (id uuid)`:                                                        "",
		`create table vex.new_one (id uuid references authority.tenant)`:                            "authority.tenant share row exclusive",
		`create policy p_new on vex.vuln_fact using (true)`:                                         "vex.vuln_fact access exclusive",
		`create or replace trigger x before insert on authority.audit_log execute function f()`:     "authority.audit_log share row exclusive",
		"do $$\nbegin\n  if true then\n    alter table vex.vuln_fact add x int;\n  end if;\nend $$": "vex.vuln_fact access exclusive",
		"do $$\nbegin\n  execute 'drop policy if exists p_x on core.job_queue';\nend $$":            "core.job_queue access exclusive",
		`grant select on vex.vuln_fact to sluice_reader`:                                            "",
	} {
		step, err := migrations.PlanStatement(t.Context(), conn, sql)
		if err != nil {
			t.Fatal(err)
		}
		var locks []string
		for _, l := range step.Locks {
			locks = append(locks, l.Table+" "+l.Mode)
		}
		if got := strings.Join(locks, ", "); got != want {
			t.Errorf("%s\n\tis planned as %q, want %q", sql, got, want)
		}
	}
}
