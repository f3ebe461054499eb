package maintenance

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/internal/lead"
	"sluice/internal/pg"
	"sluice/tenants"
)

// TestQueriesPrepare prepares every statement as the maintainer.
func TestQueriesPrepare(t *testing.T) {
	t.Parallel()
	conn := newWorld(t).db.Conn(t, pg.Maintainer)
	names, err := fs.Glob(sqlFiles, "sql/*.sql")
	if err != nil || len(names) < 10 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		sql, _ := sqlFiles.ReadFile(name)
		if _, err := conn.Prepare(t.Context(), "", string(sql)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckpoints(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, run := range []struct{ state, age string }{{"done", "1 hour"}, {"stopped", "29 days"}, {"stopped", "31 days"}, {"running", "31 days"}} {
		w.exec(`insert into ingest.scan_run (id, tenant_id, source, state, updated_at) values ($1, $2, 'file', $3, now() - $4::text::interval)`, i+1, w.tenant, run.state, run.age)
	}
	// Of each run, of one that is gone, and of a run of the shared feed with the number of one that is kept.
	w.exec(`insert into ingest.file_checkpoint (tenant_id, scan_run_id, path, first_entry, last_entry, complete, size, created_at)
		select t, run, 'p' || i, 0, 0, true, 1, now() - interval '40 days'
		from unnest(array[$1::uuid, '00000000-0000-0000-0000-000000000000']) t, generate_series(1, 5) run, generate_series(1, 1500) i
		where t = $1 or run = 2`, w.tenant)
	out := w.twice(Checkpoints(0))
	if out.Rows != 7500 || out.What != "7500 checkpoints" {
		t.Errorf("%+v", out)
	}
	if left := list[int64](w, `select distinct scan_run_id from ingest.file_checkpoint`); len(left) != 1 || left[0] != 2 {
		t.Errorf("left: %v", left)
	}
}

func TestRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, run := range []struct{ source, state, age, heard string }{
		{"file", "running", "25 hours", ""},
		{"file", "running", "23 hours", ""},
		{"file", "running", "25 hours", "1 hour"},
		{"file", "running", "25 hours", "24 hours 30 minutes"},
		{"kafka", "running", "25 hours", ""},
		{"file", "failed", "25 hours", ""},
	} {
		w.exec(`insert into ingest.scan_run (id, tenant_id, source, state, created_at, updated_at) values ($1, $2, $3, $4, now() - interval '2 days', now() - $5::text::interval)`,
			i+1, w.tenant, run.source, run.state, run.age)
		if run.heard != "" {
			w.exec(`insert into ingest.scan_run_event (tenant_id, scan_run_id, occurred_at, event_type, payload) values ($1, $2, now() - $3::text::interval, 'accepted', '{}')`, w.tenant, i+1, run.heard)
		}
	}
	if out := w.twice(Runs(0)); out.Rows != 2 {
		t.Errorf("%+v", out)
	}
	got := strings.Join(list[string](w, `select id || ' ' || state || ' ' || (finished_at is not null and finished_at < now() - interval '24 hours') from ingest.scan_run order by id`), ", ")
	if want := "1 stopped true, 2 running false, 3 running false, 4 stopped true, 5 running false, 6 failed false"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestJobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(`insert into core.job_queue (tenant_id, kind, payload, run_after, attempts, last_error, created_at)
		select t, 'sbom', '{}', a, 20, 'cause ' || i, now() - make_interval(days => i)
		from unnest(array[$1::uuid, '00000000-0000-0000-0000-000000000000']) t, unnest(array['infinity', 'now']::timestamptz[]) a, generate_series(1, 10) i`, w.tenant)
	w.exec(`insert into core.job_queue (tenant_id, kind, payload, created_at) values (null, 'views', '{}', '2020-01-01')`)
	if out := w.twice(Jobs(0)); out.Rows != 0 || out.What != "20 given up are kept, one says: cause 1" {
		t.Errorf("without an age: %+v", out)
	}
	out := w.twice(Jobs(5*24*time.Hour + time.Hour))
	if out.Rows != 10 || out.What != "10 jobs that were given up long ago; 10 given up are kept, one says: cause 1" {
		t.Errorf("%+v", out)
	}
	if left := one[int](w, `select count(*) from core.job_queue`); left != 31 {
		t.Errorf("%d jobs are left", left)
	}
	if got := one[string](w, `select (diff #>> '{before,jobs}') || ' ' || (diff #> '{before,errors}' ? 'cause 10') from authority.audit_log where tenant_id = $1 and action = 'jobs.delete'`, w.tenant); got != "5 true" {
		t.Errorf("audit log: %s", got)
	}
}

func TestOutbox(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(`insert into core.outbox (tenant_id, aggregate_type, topic, payload, dispatched_at)
		select $1, 'batch', 'receipts', '[]', case when i <= 6000 then now() - interval '2 hours' when i <= 6010 then now() end from generate_series(1, 6020) i`, w.tenant)
	w.exec(`insert into core.outbox (tenant_id, aggregate_type, topic, payload, dispatched_at) values (null, 'x', 'receipts', '[]', now() - interval '2 hours')`)
	if out := w.twice(Outbox(0)); out.Rows != 6001 {
		t.Errorf("%+v", out)
	}
	if got := one[string](w, `select count(*) || ' ' || count(dispatched_at) from core.outbox`); got != "20 10" {
		t.Errorf("left: %s", got)
	}
}

// TestRights: the maintainer cannot delete what is to be done, nor read documents.
func TestRights(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.three()
	w.exec(`insert into core.outbox (tenant_id, aggregate_type, topic, payload) values ($1, 'batch', 'receipts', '[]')`, w.tenant)
	w.exec(`insert into core.job_queue (tenant_id, kind, payload) values ($1, 'sbom', '{}')`, w.tenant)
	conn := w.db.Conn(t, pg.Maintainer)
	for _, sql := range []string{`delete from core.outbox`, `delete from core.job_queue`, `delete from ingest.original`, `delete from vex.vex_statement`} {
		if tag, err := conn.Exec(t.Context(), sql); err != nil || tag.RowsAffected() != 0 {
			t.Errorf("%s without a tenant: %d rows, %v", sql, tag.RowsAffected(), err)
		}
	}
	for _, sql := range []string{`select bytes from ingest.original`, `select doc from ingest.sbom_document`, `update ingest.original set origin = ''`, `update ingest.scan_run set counts = '{}'`, `select evidence from vex.open_findings`} {
		if _, err := conn.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "42501") {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestViews(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.load(w.doc("fact", record("CVE-2026-1", "p1", "2.0.0", 1)), w.doc("sbom", sbom("pkg:oci/app@1", "", 1, "pkg:npm/p1@1.0.0")))
	for {
		if worked, err := w.projector.Step(t.Context()); err != nil {
			t.Fatal(err)
		} else if !worked {
			break
		}
	}
	calls := 0
	task := Views(func(ctx context.Context) (bool, error) { calls++; return w.projector.RefreshViews(ctx) })
	if out := w.twice(task); calls != 0 || out.What != "" {
		t.Errorf("a mark of a moment ago is the projector's: %d calls, %+v", calls, out)
	}
	w.exec(`update core.job_queue set created_at = now() - interval '2 minutes' where kind = 'views'`)
	if out := w.run(task, true); calls != 0 || out.What != "views are stale" {
		t.Errorf("%+v", out)
	}
	if out := w.run(task, false); calls != 1 || out.What != "views refreshed" {
		t.Errorf("%+v", out)
	}
	if n := one[int](w, `select count(*) from vex.mv_artifact_risk`); n != 1 {
		t.Errorf("%d rows in the view", n)
	}
	w.run(task, false)
	if calls != 1 {
		t.Errorf("refreshed again although nothing changed")
	}
}

// TestOnce: failures, panics and a run elsewhere.
func TestOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := Task{Name: "good", Every: time.Hour, Run: nothing}
	bad := Task{Name: "bad", Every: time.Hour, Run: failing(errors.New("no luck\nat all"))}
	w.run(good, false)
	if out, err := Once(t.Context(), w.pool, bad, false); err == nil || out.Error != "no luck; at all" {
		t.Errorf("%+v, %v", out, err)
	}
	known, err := Statuses(t.Context(), w.pool)
	if err != nil {
		t.Fatal(err)
	}
	if s := known["bad"]; s.Failures != 1 || s.LastError != "no luck; at all" || s.LastSuccess != nil || s.LastStarted == nil {
		t.Errorf("bad: %+v", s)
	}
	if s := known["good"]; s.Failures != 0 || s.LastError != "" || s.LastSuccess == nil {
		t.Errorf("good: %+v", s)
	}
	term, err := lead.Take(t.Context(), w.pool, lead.Task("good"), lead.Somebody(), 0)
	if err != nil || term == nil {
		t.Fatal(err)
	}
	if out, err := Once(t.Context(), w.pool, good, false); err != nil || !out.Elsewhere {
		t.Errorf("beside another process: %+v, %v", out, err)
	}
}

// TestEachTenantGoesOn: what fails for one tenant does not stop the next.
func TestEachTenantGoesOn(t *testing.T) {
	t.Parallel()
	list := []tenants.Tenant{{ID: id.Derive(id.Shared, "a"), Name: "a"}, {ID: id.Derive(id.Shared, "b"), Name: "b"}}
	out, err := eachTenant(t.Context(), list, func(t tenants.Tenant) (Result, error) {
		if t.Name == "a" {
			return Result{Rows: 1}, errors.New("odd")
		}
		return Result{Rows: 2, What: "two"}, nil
	})
	if out.Rows != 3 || err == nil || err.Error() != "tenant a: odd" {
		t.Errorf("%+v, %v", out, err)
	}
	calls := 0
	if _, err := eachTenant(t.Context(), list, func(tenants.Tenant) (Result, error) { calls++; return Result{}, pgx.ErrTxClosed }); err == nil || calls != 2 {
		t.Errorf("%d calls, %v", calls, err)
	}
}
