package partitions_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/internal/test/brief"
	"sluice/internal/test/dbtest"
	"sluice/internal/test/pgtest"
	"sluice/migrations"
	"sluice/partitions"
)

// big asks for the sizes whose figures stand in docs/partitions.md: SLUICE_BIG=1. They take minutes.
var big = os.Getenv("SLUICE_BIG") != ""

func size(usual, large int) int {
	if big {
		return large
	}
	return usual
}

// plan is what EXPLAIN (format json) says.
type plan struct {
	Plan      node
	Planning  map[string]any
	PlanTime  float64 `json:"Planning Time"`
	ExecTime  float64 `json:"Execution Time"`
	Statement string
}

type node struct {
	Type     string  `json:"Node Type"`
	Relation string  `json:"Relation Name"`
	Rows     float64 `json:"Actual Rows"`
	Removed  int     `json:"Subplans Removed"`
	Hit      int     `json:"Shared Hit Blocks"`
	Read     int     `json:"Shared Read Blocks"`
	Exact    int     `json:"Exact Heap Blocks"`
	Lossy    int     `json:"Lossy Heap Blocks"`
	Plans    []node
}

func (n node) walk(fn func(node)) {
	fn(n)
	for _, p := range n.Plans {
		p.walk(fn)
	}
}

// relations are the tables that a plan reads.
func (n node) relations() int {
	seen := map[string]bool{}
	n.walk(func(n node) {
		if n.Relation != "" {
			seen[n.Relation] = true
		}
	})
	return len(seen)
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func explain(t *testing.T, conn querier, options, sql string) plan {
	t.Helper()
	rows, err := conn.Query(t.Context(), `explain (analyze, buffers, format json`+options+`) `+sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	text, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	var out []plan
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out[0]
}

// as runs fn as the reader of a tenant, as an application does.
func as(t *testing.T, conn *pgx.Conn, tenant id.ID, fn func(pgx.Tx)) {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	if err := pg.SetTenant(t.Context(), tx, tenant); err != nil {
		t.Fatal(err)
	}
	fn(tx)
}

// TestManyPartitions: five years of weeks of two tables. A run and a one-hour window
// are found in less than 20 ms by a reader of one tenant, planning included, and what is
// outside the window is pruned.
func TestManyPartitions(t *testing.T) {
	if brief.Run(t) {
		t.Skip("short: makes 520 partitions")
	}
	t.Parallel()
	db := dbtest.New(t)
	owner, admin := db.Conn(t, pg.Owner), db.Admin(t)
	tenant := db.Tenant(t, "acme")
	exec(t, owner, `update core.partition_policy set step = 'week', behind = 259, premake = 4, premake_for = '0'`)
	for _, name := range list(t, admin, `select inhrelid::regclass::text from pg_inherits i join pg_class c on c.oid = i.inhrelid where c.relkind = 'r'`) {
		exec(t, admin, `drop table `+name)
	}
	start := time.Now()
	made := ensure(t, owner, may2031)
	making := time.Since(start)
	if len(made) != 2*264 {
		t.Fatalf("made %d partitions", len(made))
	}
	rows := size(200_000, 10_000_000)
	// A run is 1000 events within an hour; 9 of 10 are of other tenants.
	exec(t, admin, `
		insert into ingest.scan_run_event (tenant_id, scan_run_id, occurred_at, event_type, payload)
		select case when run % 10 = 0 then $1::uuid else md5((run % 10)::text)::uuid end, run,
		       timestamptz '2026-06-01Z' + run * (interval '1808 days' * 1000 / $2) + n * interval '3 seconds', 'accepted', '{"origin": "topic/3@1842", "format": "cyclonedx-json"}'
		from generate_series(0, $2 / 1000 - 1) run, generate_series(0, 999) n`, tenant, rows)
	exec(t, admin, `
		insert into vex.finding_history (tenant_id, artifact_purl, artifact_id, package_id, vuln_id, event, reason, at)
		select case when i % 10 = 0 then $1::uuid else md5((i % 10)::text)::uuid end, 'pkg:oci/app@' || i % 500, md5((i % 500)::text)::uuid, md5((i % 5000)::text)::uuid, 'CVE-' || i % 900, 'opened', 'sbom',
		       timestamptz '2026-06-01Z' + i * (interval '1808 days' / $2)
		from generate_series(0, $2 - 1) i`, tenant, rows/10)
	exec(t, admin, `vacuum analyze ingest.scan_run_event`)
	exec(t, admin, `vacuum analyze vex.finding_history`)
	start = time.Now()
	first := maintain(t, owner, may2031, partitions.Config{})
	firstPass := time.Since(start)
	start = time.Now()
	if again := kinds(maintain(t, owner, may2031, partitions.Config{})); again != nil {
		t.Errorf("a second pass did %q", again)
	}
	t.Logf("528 partitions made in %s; a pass that closes %d of them %s, one with nothing to do %s; %d events",
		making.Round(time.Millisecond), len(first), firstPass.Round(time.Millisecond), time.Since(start).Round(time.Millisecond), rows)

	reader := db.Conn(t, pg.Reader)
	exec(t, reader, `set jit = off; set random_page_cost = 1.1; set plan_cache_mode = force_custom_plan`) // as pg.Open does
	run := one[int64](t, admin, `select scan_run_id from ingest.scan_run_event where tenant_id = $1 and occurred_at > '2029-01-01' order by occurred_at limit 1`, tenant)
	at := one[time.Time](t, admin, `select min(occurred_at) from ingest.scan_run_event where tenant_id = $1 and scan_run_id = $2`, tenant, run)
	hour := fmt.Sprintf(`occurred_at >= '%s' and occurred_at < '%s'`, at.UTC().Format(time.RFC3339), at.Add(time.Hour).UTC().Format(time.RFC3339))
	artifact := `artifact_id = md5('10')::uuid and package_id = md5('10')::uuid and vuln_id = 'CVE-10'`
	for _, q := range []struct {
		name, sql  string
		partitions int     // that may be read, at most
		ms         float64 // planning and running, at most
	}{
		{"one run, between its start and end", fmt.Sprintf(`select event_type, payload, occurred_at from ingest.scan_run_event where tenant_id = '%s' and scan_run_id = %d and %s order by occurred_at`, tenant, run, hour), 2, 20},
		{"one run, without times", fmt.Sprintf(`select event_type, payload, occurred_at from ingest.scan_run_event where tenant_id = '%s' and scan_run_id = %d order by occurred_at`, tenant, run), 264, 0},
		{"one-hour window", fmt.Sprintf(`select event_type, count(*) from ingest.scan_run_event where tenant_id = '%s' and %s group by 1`, tenant, hour), 2, 20},
		{"history of one finding", fmt.Sprintf(`select event, reason, at from vex.finding_history where tenant_id = '%s' and %s order by at`, tenant, artifact), 264, 0},
		{"history of one finding, last 90 days", fmt.Sprintf(`select event, reason, at from vex.finding_history where tenant_id = '%s' and %s and at > '2031-02-16Z' order by at`, tenant, artifact), 18, 20},
	} {
		as(t, reader, tenant, func(tx pgx.Tx) {
			options := ""
			if one[int](t, reader, `select current_setting('server_version_num')::int / 10000`) >= 17 {
				options = ", memory"
			}
			var best plan
			for i := range 7 {
				p := explain(t, tx, options, q.sql)
				if i == 0 || p.PlanTime+p.ExecTime < best.PlanTime+best.ExecTime {
					best = p
				}
			}
			locks := one[int](t, reader, `select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'relation'`)
			read := best.Plan.relations()
			t.Logf("%s: planned in %.1f ms (%v kB), ran in %.1f ms, %d partitions, %d blocks, %v rows; the transaction holds %d relation locks",
				q.name, best.PlanTime, best.Planning["Memory Used"], best.ExecTime, read, best.Plan.Hit+best.Plan.Read, best.Plan.Rows, locks)
			if read > q.partitions || best.Plan.Rows == 0 && !strings.Contains(q.name, "90 days") {
				t.Errorf("%s: reads %d partitions, finds %v rows", q.name, read, best.Plan.Rows)
			}
			best.Plan.walk(func(n node) {
				if n.Type == "Seq Scan" && best.Plan.Rows > 0 && n.Rows > 100_000 {
					t.Errorf("%s: reads all of %s", q.name, n.Relation)
				}
			})
			if took := best.PlanTime + best.ExecTime; q.ms > 0 && took > q.ms {
				t.Errorf("%s: %.1f ms", q.name, took)
			}
		})
	}
	// What a session remembers of tables that it has read once: it does not give that back.
	fresh := db.Admin(t)
	const memory = `select sum(total_bytes)::bigint from pg_backend_memory_contexts`
	before := one[int64](t, fresh, memory)
	exec(t, fresh, `select count(*) from ingest.scan_run_event where tenant_id = $1 and scan_run_id = $2`, tenant, run)
	all := one[int64](t, fresh, memory)
	t.Logf("a session grows by %d kB when it reads all 264 partitions once", (all-before)>>10)

	// What an import locks: its own partition and that one's indexes, however many there are.
	tx, err := admin.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	if err := event(t, admin, may2031); err != nil {
		t.Fatal(err)
	}
	if n := one[int](t, admin, `select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'relation' and relation >= 16384`); n > 3 {
		t.Errorf("an insert locks %d relations", n)
	}
}

// TestBRIN: block ranges read for an hour, when one event in a thousand comes late: the
// operator class of the tables against BRIN's default.
func TestBRIN(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	admin := db.Admin(t)
	rows := size(150_000, 5_000_000)
	read := map[string]int{}
	for name, index := range map[string]string{"plain minmax": `(occurred_at)`, "multi-minmax": `(occurred_at timestamptz_minmax_multi_ops)`} {
		exec(t, admin, `drop table if exists ev`)
		exec(t, admin, `create table ev (like ingest.scan_run_event)`)
		exec(t, admin, `create index ev_brin on ev using brin `+index)
		exec(t, admin, `
			insert into ev select gen_random_uuid(), i / 1000, timestamptz '2031-05-01Z' + i * (interval '30 days' / $1) - case when i % 1000 = 999 then interval '20 days' * random() else '0' end,
				'accepted', '{"origin": "topic/3@1842", "format": "cyclonedx-json"}', gen_random_uuid()
			from generate_series(0, $1 - 1) i`, rows)
		exec(t, admin, `vacuum analyze ev`)
		exec(t, admin, `select brin_summarize_new_values('ev_brin')`)
		exec(t, admin, `set enable_seqscan = off`)
		p := explain(t, admin, "", `select count(*) from ev where occurred_at >= '2031-05-17 12:00Z' and occurred_at < '2031-05-17 13:00Z'`)
		p.Plan.walk(func(n node) {
			if n.Type == "Bitmap Heap Scan" {
				read[name] = n.Exact + n.Lossy
			}
		})
		t.Logf("%s: %d of %d blocks of the table, index %s, %.1f ms", name, read[name],
			one[int](t, admin, `select pg_relation_size('ev') / current_setting('block_size')::int`), one[string](t, admin, `select pg_size_pretty(pg_relation_size('ev_brin'))`), p.ExecTime)
	}
	if read["multi-minmax"] == 0 || read["multi-minmax"]*3 > read["plain minmax"] {
		t.Errorf("blocks read: %v", read)
	}
}

// TestRetentionIsCheap: what it costs to retire a large partition does not depend on its size:
// less than a second, and less than 1 MB of WAL. And what is exported comes back.
func TestRetentionIsCheap(t *testing.T) {
	if brief.Run(t) {
		t.Skip("short: loads a large partition into a server of its own")
	}
	t.Parallel()
	server := pgtest.Private(t) // WAL is the whole server's, and only its own settings count
	conn, err := pgx.Connect(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := migrations.Up(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	if err := migrations.AsOwner(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	admin, err := pgx.Connect(t.Context(), server.AdminURL())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	policy(t, conn, `step = 'month', behind = 2, premake = 1`)
	ensure(t, conn, may2031)
	rows := size(250_000, 10_000_000)
	for _, month := range []string{"2031-03", "2031-04"} {
		exec(t, admin, `
			insert into ingest.scan_run_event (tenant_id, scan_run_id, occurred_at, event_type, payload)
			select md5((i % 10)::text)::uuid, i / 1000, ($1 || '-01 00:00Z')::timestamptz + i * (interval '29 days' / $2), 'accepted', '{"origin": "topic/3@1842", "format": "cyclonedx-json"}'
			from generate_series(1, $2) i`, month, rows)
	}
	exec(t, admin, `vacuum analyze ingest.scan_run_event`)
	maintain(t, conn, may2031, partitions.Config{}) // what else is due
	exec(t, admin, `checkpoint`)

	retire := func(set string, cfg partitions.Config) (took time.Duration, wal int64, actions []partitions.Action) {
		exec(t, conn, `update core.partition_policy set `+set)
		before := one[string](t, admin, `select pg_current_wal_lsn()::text`)
		start := time.Now()
		actions = maintain(t, conn, may2031, cfg)
		took = time.Since(start)
		return took, one[int64](t, admin, `select pg_wal_lsn_diff(pg_current_wal_lsn(), $1::text::pg_lsn)::bigint`, before), actions
	}
	bytes := one[int64](t, admin, `select pg_total_relation_size('ingest.scan_run_event_2031_03')`)
	took, wal, actions := retire(`retention = '46 days', on_expiry = 'drop'`, partitions.Config{})
	if got := kinds(actions, partitions.Detaches, partitions.Drops); len(got) != 2 {
		t.Fatalf("did %q", kinds(actions))
	}
	t.Logf("%d rows, %d MB: retired in %s with %d bytes of WAL", rows, bytes>>20, took.Round(time.Millisecond), wal)
	if wal > 1<<20 {
		t.Errorf("retiring wrote %d bytes of WAL", wal)
	}
	// The promise is a second. Deleting the table's files is the file system's work, which takes
	// what it takes: ext4 that discards as it deletes needs 0.6 s for 2 GB.
	deleting := deletion(t, bytes)
	t.Logf("deleting a file of that size takes %s", deleting.Round(time.Millisecond))
	if took > time.Second+deleting {
		t.Errorf("retiring took %s", took)
	}

	dir := t.TempDir()
	took, wal, actions = retire(`retention = '16 days', on_expiry = 'export'`, partitions.Config{ExportDir: dir})
	for _, a := range actions {
		t.Logf("%s: %.2f s", a.Kind, a.Seconds)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.zst"))
	if len(files) != 1 {
		t.Fatalf("files %v", files)
	}
	_, m, err := partitions.ReadManifest(files[0])
	if err != nil || m.Rows != int64(rows) {
		t.Fatalf("manifest %+v, %v", m, err)
	}
	t.Logf("exported in %s with %d bytes of WAL: %d MB of text, %d MB in the file", took.Round(time.Millisecond), wal, m.Bytes>>20, m.FileBytes>>20)
	start := time.Now()
	if _, err := partitions.Attach(t.Context(), conn, files[0], 0, partitions.Config{}); err != nil {
		t.Fatal(err)
	}
	t.Logf("attached again, and compared, in %s", time.Since(start).Round(time.Millisecond))
	if n := one[int64](t, admin, `select count(*) from ingest.scan_run_event where occurred_at < '2031-05-01Z'`); n != int64(rows) {
		t.Errorf("%d rows are back", n)
	}
}

// deletion is how long the file system takes to delete a file of so many bytes.
func deletion(t *testing.T, bytes int64) time.Duration {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	chunk := make([]byte, 1<<20)
	for ; bytes > 0; bytes -= int64(len(chunk)) {
		if _, err := f.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := os.Remove(f.Name()); err != nil {
		t.Fatal(err)
	}
	return time.Since(start)
}
