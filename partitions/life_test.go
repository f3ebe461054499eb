package partitions_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
	"sluice/partitions"
)

// policy changes the policy of the event table, and leaves it the only one.
func policy(t *testing.T, conn *pgx.Conn, set string) {
	t.Helper()
	exec(t, conn, `delete from core.partition_policy where parent <> 'ingest.scan_run_event'`)
	exec(t, conn, `update core.partition_policy set `+set)
}

// days gives the event table ten days of partitions before may2031, with rows, and nothing else.
func days(t *testing.T, db *dbtest.DB, rows int) *pgx.Conn {
	t.Helper()
	owner, admin := db.Conn(t, pg.Owner), db.Admin(t)
	for _, name := range list(t, admin, `select inhrelid::regclass::text from pg_inherits where inhparent = 'ingest.scan_run_event'::regclass and (select relkind from pg_class where oid = inhrelid) = 'r'`) {
		exec(t, admin, `drop table `+name)
	}
	policy(t, owner, `step = 'day', premake = 3, premake_for = '0', behind = 10`)
	ensure(t, owner, may2031)
	exec(t, admin, `
		insert into ingest.scan_run_event (event_id, tenant_id, scan_run_id, occurred_at, event_type, payload)
		select md5('event' || i)::uuid, md5((i % 3)::text)::uuid, i, timestamptz '2031-05-07 00:00Z' + i * interval '10 days' / $1, E'it''s\t\\ a\n"line"', jsonb_build_object('n', i, 'text', repeat('ä', i % 50))
		from generate_series(0, $1 - 1) i`, rows)
	exec(t, admin, `analyze ingest.scan_run_event`)
	return owner
}

func maintain(t *testing.T, conn *pgx.Conn, now time.Time, cfg partitions.Config) []partitions.Action {
	t.Helper()
	reports, err := partitions.Maintain(t.Context(), conn, now, cfg)
	if err != nil {
		t.Fatal(err)
	}
	var out []partitions.Action
	for _, r := range reports {
		out = append(out, r.Actions...)
	}
	return out
}

func kinds(actions []partitions.Action, only ...partitions.Kind) []string {
	var out []string
	for _, a := range actions {
		if len(only) == 0 || slices.Contains(only, a.Kind) {
			out = append(out, string(a.Kind)+" "+strings.TrimPrefix(a.Partition, "ingest.scan_run_event_"))
		}
	}
	return out
}

func one[T any](t *testing.T, conn *pgx.Conn, sql string, args ...any) T {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// attached are the partitions of the event table that take rows, by the end of their names.
func attached(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	return list(t, conn, `select replace(c.relname, 'scan_run_event_', '') from pg_inherits i join pg_class c on c.oid = i.inhrelid
		where i.inhparent = 'ingest.scan_run_event'::regclass and not i.inhdetachpending order by 1`)
}

func TestRetention(t *testing.T) {
	t.Parallel()
	for expiry, want := range map[string][]string{
		"keep":   nil,
		"detach": {"detach 2031_05_07", "detach 2031_05_08"},
		"drop":   {"detach 2031_05_07", "drop 2031_05_07", "detach 2031_05_08", "drop 2031_05_08"},
		"export": {"detach 2031_05_07", "export 2031_05_07", "drop 2031_05_07", "detach 2031_05_08", "export 2031_05_08", "drop 2031_05_08"},
	} {
		t.Run(expiry, func(t *testing.T) {
			t.Parallel()
			db := dbtest.New(t)
			owner, admin := days(t, db, 1000), db.Admin(t)
			policy(t, owner, `retention = '8 days', on_expiry = '`+expiry+`'`)
			dir := t.TempDir()
			cfg := partitions.Config{ExportDir: dir}
			got := kinds(maintain(t, owner, may2031, cfg), partitions.Detaches, partitions.Exports, partitions.Drops)
			if !slices.Equal(got, want) {
				t.Errorf("did %q, want %q", got, want)
			}
			if again := kinds(maintain(t, owner, may2031, cfg)); again != nil {
				t.Errorf("a second pass did %q", again)
			}
			rows := 1000
			if expiry != "keep" {
				rows = 800
			}
			if n := one[int](t, admin, `select count(*) from ingest.scan_run_event`); n != rows {
				t.Errorf("%d rows, want %d", n, rows)
			}
			tables := list(t, admin, `select relname::text from pg_class where relname in ('scan_run_event_2031_05_07', 'scan_run_event_2031_05_08') order by 1`)
			if (len(tables) == 2) != (expiry == "keep" || expiry == "detach") {
				t.Errorf("tables %v", tables)
			}
			files, _ := filepath.Glob(filepath.Join(dir, "*"))
			if (len(files) == 4) != (expiry == "export") || len(files) != 0 && len(files) != 4 {
				t.Errorf("files %v", files)
			}
			// Settings of the session are as they were.
			if got := one[string](t, owner, `select current_setting('lock_timeout') || current_setting('statement_timeout')`); got != "00" {
				t.Errorf("time-outs %s", got)
			}
		})
	}
}

// TestRetentionBounds: what holds the present is never retired; a pass retires so many.
func TestRetentionBounds(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	owner, admin := days(t, db, 100), db.Admin(t)
	policy(t, owner, `retention = '1 microsecond', on_expiry = 'drop', behind = 0`)
	maintain(t, owner, may2031, partitions.Config{MaxRetire: 4})
	if got := attached(t, admin); len(got) != 10 || got[0] != "2031_05_11" {
		t.Errorf("after four were retired there are %v", got)
	}
	for range 3 {
		maintain(t, owner, may2031, partitions.Config{MaxRetire: 4})
	}
	if got := attached(t, admin); !slices.Equal(got, []string{"2031_05_17", "2031_05_18", "2031_05_19", "2031_05_20"}) {
		t.Errorf("in the end there are %v", got)
	}
}

func inspect(t *testing.T, conn *pgx.Conn, now time.Time) []partitions.Status {
	t.Helper()
	out, err := partitions.Inspect(t.Context(), conn, now)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestStatus: figures and alarms, as the monitor sees them.
func TestStatus(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	owner := days(t, db, 1000)
	monitor := db.Conn(t, "sluice_monitor")
	s := inspect(t, monitor, may2031)[0]
	if s.Partitions != 14 || s.Ahead != 3 || s.Behind != 10 || s.Rows != 1000 || s.Bytes == 0 || len(s.Alarms) != 0 || s.LastSuccess != nil || s.AheadSeconds != 3*86400+11*3600 {
		t.Errorf("status %+v", s)
	}
	if s := inspect(t, monitor, may2031.AddDate(0, 0, 3))[0]; s.Ahead != 0 || len(s.Alarms) != 1 || !strings.Contains(s.Alarms[0], "ahead") {
		t.Errorf("on the last day: %+v", s)
	}
	if s := inspect(t, monitor, may2031.AddDate(0, 0, 4))[0]; s.AheadSeconds != 0 || len(s.Alarms) != 1 || !strings.Contains(s.Alarms[0], "present") {
		t.Errorf("after the last day: %+v", s)
	}
	exec(t, owner, `alter table ingest.scan_run_event detach partition ingest.scan_run_event_2031_05_19`)
	if s := inspect(t, monitor, may2031)[0]; s.Ahead != 1 || len(s.Gaps) != 1 {
		t.Errorf("with a gap: %+v", s)
	}
	exec(t, owner, `grant select on ingest.scan_run_event_2031_05_18 to sluice_reader`)
	exec(t, owner, `alter table ingest.scan_run_event_2031_05_18 no force row level security`)
	s = inspect(t, monitor, may2031)[0]
	if len(s.Unprotected) != 1 || !strings.Contains(s.Alarms[0], "row security") || !strings.Contains(s.Alarms[0], "rights") {
		t.Errorf("a partition that is open: %+v", s)
	}
	if got := kinds(maintain(t, owner, may2031, partitions.Config{}), partitions.Creates, partitions.Protects); !slices.Equal(got, []string{"create 2031_05_19_2", "protect 2031_05_18"}) {
		t.Errorf("the pass did %q", got)
	}
	s = inspect(t, monitor, may2031)[0]
	if len(s.Alarms) != 0 || s.LastSuccess == nil || len(s.Gaps) != 0 {
		t.Errorf("after the repair: %+v", s)
	}
	exec(t, owner, `create table ingest.others partition of ingest.scan_run_event default`)
	if s := inspect(t, monitor, may2031)[0]; s.Default == "" || len(s.Alarms) == 0 {
		t.Errorf("with a default partition: %+v", s)
	}
	if _, err := partitions.Maintain(t.Context(), owner, may2031, partitions.Config{}); err == nil || !strings.Contains(err.Error(), "default partition") {
		t.Errorf("a pass with a default partition: %v", err)
	}
	if s := inspect(t, monitor, may2031)[0]; s.LastError == "" {
		t.Errorf("the error is not noted: %+v", s)
	}
}

// TestOthersGoOn: one table that cannot be looked after does not stop the rest.
func TestOthersGoOn(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	owner := db.Conn(t, pg.Owner)
	exec(t, owner, `insert into core.partition_policy (parent, step) values ('ingest.nothing', 'day'), ('authority.audit_log', 'month')`)
	exec(t, owner, `create table ingest.by_id (id bigint) partition by range (id)`)
	exec(t, owner, `insert into core.partition_policy (parent, step) values ('ingest.by_id', 'day')`)
	reports, err := partitions.Maintain(t.Context(), owner, may2031, partitions.Config{})
	if err == nil || strings.Count(err.Error(), "partitions of ") != 3 {
		t.Errorf("error is %v", err)
	}
	made := 0
	for _, r := range reports {
		if strings.HasPrefix(r.Parent, "authority") || strings.Contains(r.Parent, "nothing") || strings.Contains(r.Parent, "by_id") {
			if r.Error == "" {
				t.Errorf("%s: no error", r.Parent)
			}
			continue
		}
		made += len(r.Actions)
	}
	if made < 10 {
		t.Errorf("of the other tables: %+v", reports)
	}
}

// TestStepFrom: the step changes at a date; what is there stays, nothing overlaps, and in the
// end the new step is the step.
func TestStepFrom(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	owner, admin := db.Conn(t, pg.Owner), db.Admin(t)
	policy(t, owner, `step = 'month', premake = 2, premake_for = '0', behind = 1`)
	ensure(t, owner, may2031)
	step := "week"
	from := time.Date(2031, 8, 13, 0, 0, 0, 0, time.UTC) // a Wednesday
	if err := partitions.Set(t.Context(), owner, "ingest.scan_run_event", partitions.Change{Step: &step, From: &from}); err != nil {
		t.Fatal(err)
	}
	var made []string
	for now := may2031; now.Before(may2031.AddDate(0, 5, 0)); now = now.AddDate(0, 0, 3) {
		made = append(made, kinds(maintain(t, owner, now, partitions.Config{}), partitions.Creates)...)
		if err := event(t, admin, now); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"create 2031_08", "create 2031_08_13", "create 2031_08_18", "create 2031_08_25", "create 2031_09_01"}
	if len(made) < 5 || !slices.Equal(made[:5], want) {
		t.Errorf("made %q, want %q first", made, want)
	}
	if got := one[string](t, admin, `select step || coalesce(next_step, '-') from core.partition_policy where parent = 'ingest.scan_run_event'`); got != "week-" {
		t.Errorf("the step is %s", got)
	}
	if s := inspect(t, owner, may2031.AddDate(0, 5, 0)); len(s[0].Gaps) != 1 { // the years between today's and those
		t.Errorf("gaps: %+v", s)
	}
}

func TestCover(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	owner, admin := db.Conn(t, pg.Owner), db.Admin(t)
	policy(t, owner, `step = 'month', behind = 1`)
	ensure(t, owner, may2031)
	const parent = "ingest.scan_run_event"
	late := time.Date(2029, 2, 28, 23, 59, 59, 999_999_999, time.UTC)
	for i, want := range []bool{true, false} {
		made, err := partitions.CoverAt(t.Context(), owner, parent, late, may2031)
		if err != nil || made != want {
			t.Errorf("call %d: made %v, %v", i, made, err)
		}
	}
	if err := event(t, admin, late.Truncate(time.Microsecond)); err != nil {
		t.Error(err)
	}
	if made, err := partitions.CoverAt(t.Context(), owner, parent, may2031.AddDate(0, 0, 399), may2031); err != nil || !made {
		t.Errorf("an early event: %v, %v", made, err)
	}
	for _, at := range []time.Time{may2031.AddDate(-10, 0, -1), may2031.AddDate(0, 0, 450), {}, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)} {
		made, err := partitions.CoverAt(t.Context(), owner, parent, at, may2031)
		if made || !errors.Is(err, partitions.ErrOutOfBounds) || !strings.Contains(err.Error(), "core.partition_policy") {
			t.Errorf("%s: %v, %v", at, made, err)
		}
	}
	exec(t, owner, `update core.partition_policy set retention = '3 months', on_expiry = 'drop'`)
	if _, err := partitions.CoverAt(t.Context(), owner, parent, may2031.AddDate(0, -5, 0), may2031); !errors.Is(err, partitions.ErrOutOfBounds) || !strings.Contains(err.Error(), "retention") {
		t.Errorf("past the retention: %v", err)
	}
	// The partition that the retention cuts through is kept, so it is made too, and stays.
	if made, err := partitions.CoverAt(t.Context(), owner, parent, time.Date(2031, 2, 1, 0, 0, 0, 0, time.UTC), may2031); err != nil || !made {
		t.Errorf("within the retention: %v, %v", made, err)
	}
	maintain(t, owner, may2031, partitions.Config{})
	if got := attached(t, admin); !slices.Contains(got, "2031_02") || slices.Contains(got, "2029_02") {
		t.Errorf("partitions %v", got)
	}
	if _, err := partitions.Cover(t.Context(), owner, "ingest.nothing", may2031); err == nil || errors.Is(err, partitions.ErrOutOfBounds) {
		t.Errorf("of no such table: %v", err)
	}
	// The importer can look, and cannot make.
	ingest := db.Conn(t, pg.Ingest)
	b, err := partitions.Bounds(t.Context(), ingest, parent)
	if err != nil || len(b.Covered) == 0 || !b.Allows(time.Now()) || b.Allows(time.Now().AddDate(-1, 0, 0)) || !b.Covers(may2031) || b.Covers(may2031.AddDate(-1, 0, 0)) {
		t.Errorf("bounds %+v, %v", b, err)
	}
	if _, err := partitions.CoverAt(t.Context(), ingest, parent, may2031.AddDate(0, 0, 300), may2031); err == nil {
		t.Error("the importer makes partitions")
	}
}

// TestPlan: a plan changes nothing, and its SQL, run by hand, does what a pass does.
func TestPlan(t *testing.T) {
	t.Parallel()
	const state = `
		select string_agg(x, E'\n' order by x) from (
			select c.relname || ' ' || coalesce(pg_get_expr(c.relpartbound, c.oid), 'table') || c.relforcerowsecurity || coalesce(c.relacl::text, '') x
			from pg_class c where c.relname ~ '^scan_run_event_' and c.relkind = 'r'
			union all select name || ' ' || state || on_expiry from core.retired_partition
			union all select parent || step || coalesce(next_step, '-') from core.partition_policy) s`
	prepare := func(t *testing.T, db *dbtest.DB) *pgx.Conn {
		owner := days(t, db, 1000)
		exec(t, owner, `grant select on ingest.scan_run_event_2031_05_18 to sluice_reader`)
		policy(t, owner, `retention = '8 days', on_expiry = 'drop', premake = 6, next_step = 'week', next_step_from = '2031-05-21'`)
		return owner
	}
	byPass, byHand := dbtest.New(t), dbtest.New(t)
	owner := prepare(t, byPass)
	maintain(t, owner, may2031, partitions.Config{})
	want := one[string](t, owner, state)

	owner = prepare(t, byHand)
	before := one[string](t, owner, state)
	plans, err := partitions.Plan(t.Context(), owner, may2031, partitions.Config{})
	if err != nil || len(plans) != 1 || plans[0].Error != "" {
		t.Fatalf("plan %+v, %v", plans, err)
	}
	if after := one[string](t, owner, state); after != before {
		t.Errorf("a plan changed something:\n%s", after)
	}
	for _, a := range plans[0].Actions {
		for _, sql := range a.SQL {
			exec(t, owner, sql)
		}
	}
	if got := one[string](t, owner, state); got != want {
		t.Errorf("by hand:\n%s\nby a pass:\n%s", got, want)
	}
	exec(t, owner, `update core.partition_policy set on_expiry = 'export', retention = '7 days'`)
	if plans, err = partitions.Plan(t.Context(), owner, may2031, partitions.Config{}); err != nil || !strings.Contains(plans[0].Error, "--export-dir") {
		t.Errorf("an export to nowhere: %+v, %v", plans, err)
	}
}

// TestAdopt: a table with the partitions of another tool, names, gaps and default partition.
func TestAdopt(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	owner := db.Conn(t, pg.Owner)
	exec(t, owner, `create table ingest.metric (id bigint generated always as identity, at timestamptz not null, v real) partition by range (at)`)
	exec(t, owner, `create index on ingest.metric (at)`)
	exec(t, owner, `create table ingest.metric_p20310501 partition of ingest.metric for values from ('2031-05-01Z') to ('2031-05-08Z')`)
	exec(t, owner, `create table ingest.metric_p20310515 partition of ingest.metric for values from ('2031-05-15Z') to ('2031-05-22Z')`)
	exec(t, owner, `create table ingest.metric_default partition of ingest.metric default`)
	step, premake, behind, none := "week", 2, 2, "0"
	change := partitions.Change{Step: &step, Premake: &premake, Behind: &behind, PremakeFor: &none}
	if err := partitions.Set(t.Context(), owner, "ingest.metric", change); err != nil {
		t.Fatal(err)
	}
	exec(t, owner, `delete from core.partition_policy where parent <> 'ingest.metric'`)
	if _, err := partitions.Maintain(t.Context(), owner, may2031, partitions.Config{}); err == nil || !strings.Contains(err.Error(), "ingest.metric_default is a default partition") {
		t.Errorf("error is %v", err)
	}
	exec(t, owner, `drop table ingest.metric_default`)
	maintain(t, owner, may2031, partitions.Config{})
	s := inspect(t, owner, may2031)
	if len(s) != 1 || len(s[0].Gaps) != 0 || len(s[0].Alarms) != 0 || s[0].Ahead != 2 {
		t.Errorf("status %+v", s)
	}
	for at := time.Date(2031, 5, 1, 0, 0, 0, 0, time.UTC); at.Before(time.Date(2031, 6, 1, 0, 0, 0, 0, time.UTC)); at = at.AddDate(0, 0, 1) {
		exec(t, owner, `insert into ingest.metric (at, v) values ($1, 1)`, at)
	}
	if err := partitions.Set(t.Context(), owner, "ingest.nothing", change); err == nil {
		t.Error("a policy for no table")
	}
	bad := "hour"
	if err := partitions.Set(t.Context(), owner, "ingest.metric", partitions.Change{Step: &bad}); err == nil {
		t.Error("a step of an hour")
	}
}

// TestStorage: what new partitions are given, and that nothing else gets in by that way.
func TestStorage(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	owner := days(t, db, 10)
	policy(t, owner, `storage = '{autovacuum_vacuum_insert_scale_factor=0.05,fillfactor=90}', tablespace = 'pg_default', premake = 5`)
	ensure(t, owner, may2031)
	if got := one[string](t, owner, `select reloptions::text from pg_class where relname = 'scan_run_event_2031_05_22'`); got != "{autovacuum_vacuum_insert_scale_factor=0.05,fillfactor=90}" {
		t.Errorf("options %s", got)
	}
	for _, bad := range []string{`fillfactor=90) partition by range (x); drop table y; --`, `user_catalog_table = true`, `x`} {
		exec(t, owner, `update core.partition_policy set storage = array[$1], premake = 7`, bad)
		if _, err := partitions.Ensure(t.Context(), owner, may2031); err == nil || !strings.Contains(err.Error(), "storage parameter") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// TestSummaries: a partition that has ended has no block range without a summary.
func TestSummaries(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	owner, admin := days(t, db, 20000), db.Admin(t)
	exec(t, admin, `create extension if not exists pageinspect schema public`)
	policy(t, owner, `closed_until = null`)
	got := kinds(maintain(t, owner, may2031, partitions.Config{}), partitions.Summarizes, partitions.Analyzes)
	if len(got) != 11 {
		t.Errorf("did %q", got)
	}
	for _, name := range list(t, admin, `select c.relname::text from pg_class c join pg_inherits i on i.inhrelid = c.oid join pg_am m on m.oid = c.relam where m.amname = 'brin' and c.relname < 'scan_run_event_2031_05_17' and c.relname ~ '^scan_run_event_2031'`) {
		if n := one[int](t, admin, `select brin_summarize_new_values($1::regclass)`, "ingest."+name); n != 0 {
			t.Errorf("%s: %d ranges were not summarized", name, n)
		}
	}
	if n := one[float32](t, admin, `select reltuples from pg_class where oid = 'ingest.scan_run_event'::regclass`); n < 15000 {
		t.Errorf("statistics of the table: %v rows", n)
	}
	if again := kinds(maintain(t, owner, may2031, partitions.Config{})); again != nil {
		t.Errorf("a second pass did %q", again)
	}
}
