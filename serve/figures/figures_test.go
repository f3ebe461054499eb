package figures

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

const monitor pg.Role = "sluice_monitor"

// gathered is every value of the registry as `name{label="…"}`.
func gathered(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			v := m.GetGauge().GetValue()
			if f.GetType() == dto.MetricType_COUNTER {
				v = m.GetCounter().GetValue()
			}
			name := f.GetName()
			if labels != nil {
				name += "{" + strings.Join(labels, ",") + "}"
			}
			out[name] = v
		}
	}
	return out
}

// TestFigures: what the monitor counts of every tenant is right, is cheap, and is nothing
// where the database does not answer.
func TestFigures(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	acme, rival, other := db.Tenant(t, "acme"), db.Tenant(t, "rival"), db.Tenant(t, "third")
	odd := db.Tenant(t, "other") // the label of all others
	admin := db.Admin(t)
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := admin.Exec(t.Context(), sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	exec(`update authority.tenant set created_at = now() - interval '1 day' * (10 - array_position($1::uuid[], tenant_id)) where tenant_id = any ($1)`, []id.ID{odd, acme, rival, other})
	exec(`insert into core.job_queue (tenant_id, kind, payload, run_after)
		select $1::uuid, 'sbom', '{}'::jsonb, now() - interval '1 minute' * i from generate_series(1, 3) i
		union all select $2, 'vex', '{}', now() + interval '1 hour'
		union all select $2, 'vex', '{}', 'infinity'
		union all select $3, 'newer', '{}', now() - interval '2 minutes'
		union all select null, 'views', '{}', now() - interval '1 day'`, acme, rival, other)
	exec(`insert into core.job_queue (tenant_id, kind, payload, run_after, locked_at, lease_until) values ($1, 'fact', '{}', now() - interval '10 minutes', now(), now() + interval '1 minute')`, rival)
	exec(`insert into ingest.parked (tenant_id, content_hash, document_id, origin, reason, scan_run_id)
		select t, sha256(i::text::bytea), gen_random_uuid(), '', r, 1 from generate_series(1, 2) i, unnest($1::uuid[], $2::text[]) u (t, r)`,
		[]id.ID{acme, other}, []string{"syntax", "of a newer program"})
	exec(`insert into core.outbox (aggregate_type, topic, payload, created_at) values ('batch', 'receipts', '[]', now() - interval '5 minutes'), ('batch', 'receipts', '[]', now())`)

	exec(`insert into core.maintenance (task, last_success, last_error, updated_at) values
		('backup', now() - interval '2 days', 'the target is full', now() - interval '1 hour'), ('drill', now() - interval '3 days', null, now()), ('retention', now(), null, now())`)

	reg := prometheus.NewRegistry()
	pool := db.Pool(t, monitor, pg.Config{MaxConns: 1, StatementTimeout: Timeout})
	tenants := NewTenants(3)
	f := New(Config{
		Pool: pool, Registerer: reg, Tenants: tenants, Kinds: []string{"sbom", "vex", "fact"}, Reasons: []string{"syntax", "empty"}, Topics: []string{"receipts", "findings"},
		Partitions: func(context.Context, *pgx.Conn) ([]Partition, error) { return []Partition{{Table: "t", Ahead: 3}}, nil },
	})
	f.round(t.Context())
	got := gathered(t, reg)
	for name, want := range map[string]float64{
		`sluice_jobs_ready{kind="sbom"}`: 3, `sluice_jobs_ready{kind="vex"}`: 0, `sluice_jobs_ready{kind="newer"}`: 1, `sluice_jobs_ready{kind="fact"}`: 0,
		`sluice_jobs_retrying{kind="vex"}`: 1, `sluice_jobs_given_up{kind="vex"}`: 1, `sluice_jobs_given_up{kind="sbom"}`: 0,
		`sluice_jobs_leased`:                       1,
		`sluice_parked_documents{reason="syntax"}`: 2, `sluice_parked_documents{reason="of a newer program"}`: 2, `sluice_parked_documents{reason="empty"}`: 0,
		`sluice_outbox_backlog_rows{topic="receipts"}`: 2, `sluice_outbox_backlog_rows{topic="findings"}`: 0,
		`sluice_tenant_jobs{tenant="acme"}`: 3, `sluice_tenant_jobs{tenant="rival"}`: 2, `sluice_tenant_jobs{tenant="other"}`: 1,
		`sluice_tenant_parked_documents{tenant="acme"}`: 2, `sluice_tenant_parked_documents{tenant="other"}`: 2, `sluice_tenant_parked_documents{tenant="rival"}`: 0,
		`sluice_partitions_ahead{table="t"}`: 3,
		`sluice_figures_known{set="queues"}`: 1, `sluice_figures_known{set="tables"}`: 1, `sluice_figures_known{set="database"}`: 1, `sluice_figures_known{set="partitions"}`: 1,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s: %v (%v), want %v", name, v, ok, want)
		}
	}
	for name, want := range map[string]time.Duration{
		`sluice_jobs_oldest_ready_seconds{kind="sbom"}`: 3 * time.Minute, `sluice_jobs_oldest_ready_seconds{kind="vex"}`: 0,
		`sluice_projection_lag_seconds`: 10 * time.Minute, `sluice_outbox_backlog_oldest_seconds{topic="receipts"}`: 5 * time.Minute,
	} {
		if v := got[name]; v < want.Seconds() || v > want.Seconds()+60 {
			t.Errorf("%s: %v, want about %s", name, v, want)
		}
	}
	if got[`postgres_table_size_bytes{table="core.job_queue"}`] < 8192 || got[`postgres_index_size_bytes{index="ix_parked_by_reason",table="ingest.parked"}`] < 8192 {
		t.Errorf("sizes: %v", got)
	}
	if _, ok := got[`postgres_table_size_bytes{table="ingest.scan_run_event"}`]; !ok {
		t.Error("a table with partitions has no size")
	}
	if r := got["postgres_cache_hit_ratio"]; r <= 0 || r > 1 {
		t.Errorf("cache hit ratio %v", r)
	}
	if tenants.Label(acme) != "acme" || tenants.Label(other) != "other" || tenants.Label(odd) != "other" {
		t.Errorf("labels: %q %q %q", tenants.Label(acme), tenants.Label(other), tenants.Label(odd))
	}

	// A backup that failed after its last success, and a drill that did not.
	since := func(name string) time.Duration {
		return time.Since(time.Unix(int64(got["sluice_backup_last_"+name]), 0)).Round(time.Minute)
	}
	if s, f := since(`success_timestamp_seconds{kind="base"}`), since(`failure_timestamp_seconds{kind="base"}`); s != 48*time.Hour || f != time.Hour {
		t.Errorf("the backup succeeded %s ago and failed %s ago", s, f)
	}
	if s, f := since(`success_timestamp_seconds{kind="drill"}`), got[`sluice_backup_last_failure_timestamp_seconds{kind="drill"}`]; s != 72*time.Hour || f != 0 {
		t.Errorf("the drill succeeded %s ago and failed at %v", s, f)
	}
	if _, ok := got[`sluice_backup_last_success_timestamp_seconds{kind="wal"}`]; ok {
		t.Error("an archive of WAL that nobody set up")
	}

	// The monitor reads what it counts by the function only, and one tenant's rows not at all.
	conn := db.Conn(t, monitor)
	for _, sql := range []string{`select count(*) from core.job_queue`, `select count(*) from ingest.parked`, `select count(*) from authority.tenant`} {
		if _, err := conn.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("the monitor may %s: %v", sql, err)
		}
	}

	// A table that somebody is changing: the figures of tables have no value, the others have.
	tx, err := admin.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := tx.Exec(t.Context(), `lock table vex.package in access exclusive mode`); err != nil {
		t.Fatal(err)
	}
	f.tables.due = time.Time{}
	f.round(t.Context())
	got = gathered(t, reg)
	if v, ok := got[`sluice_figures_known{set="tables"}`]; !ok || v != 0 {
		t.Errorf("known while a table is locked: %v", v)
	}
	if v, ok := got[`postgres_table_size_bytes{table="vex.package"}`]; ok {
		t.Errorf("a size that nobody knows: %v", v)
	}
	if got[`sluice_figures_known{set="partitions"}`] != 1 || got[`sluice_parked_documents{reason="syntax"}`] != 2 {
		t.Error("the others are not known any more")
	}
}

// TestQueriesPrepare plans every statement of sql/ as the monitor.
func TestQueriesPrepare(t *testing.T) {
	t.Parallel()
	dbtest.Plan(t, sqlFiles, dbtest.New(t).Conn(t, monitor), nil)
}

// TestFiguresCost: however long the queues are, the figures read no more than their bounds.
func TestFiguresCost(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	acme := db.Tenant(t, "acme")
	admin := db.Admin(t)
	for _, sql := range []string{
		`insert into core.job_queue (tenant_id, kind, payload) select '` + acme.String() + `', 'sbom', '{}' from generate_series(1, 50000)`,
		`insert into ingest.parked (tenant_id, content_hash, document_id, origin, reason, scan_run_id)
			select '` + acme.String() + `', sha256(i::text::bytea), gen_random_uuid(), repeat('o', 500), 'syntax', 1 from generate_series(1, 20000) i`,
		`vacuum analyze core.job_queue`, `vacuum analyze ingest.parked`,
	} {
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	tx, err := db.Conn(t, monitor).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	rows, err := tx.Query(t.Context(), `select figure || ' ' || label || ' ' || value from core.figures(0)`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || !slices.Contains(got, "jobs_ready sbom 10000") || !slices.Contains(got, "parked syntax 10000") {
		t.Errorf("%v, %v", got, err)
	}
	// What this transaction read: entries of indexes up to the bounds, no table from its beginning on.
	type read struct {
		Table        string
		Scans, Tuple int64
	}
	rows, err = tx.Query(t.Context(), `select relname, coalesce(seq_scan, 0), coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables where relname in ('job_queue', 'parked')`)
	if err != nil {
		t.Fatal(err)
	}
	reads, err := pgx.CollectRows(rows, pgx.RowToStructByPos[read])
	if err != nil || len(reads) != 2 {
		t.Fatalf("%v, %v", reads, err)
	}
	for _, r := range reads {
		if r.Scans > 0 || r.Tuple > 15000 {
			t.Errorf("%s: %d scans of the table, %d rows read", r.Table, r.Scans, r.Tuple)
		}
	}
}
