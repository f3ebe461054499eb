package migrations_test

import (
	"context"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"sluice/internal/test/brief"
	"sluice/internal/test/dbtest"
	"sluice/migrations"
)

// landed is the last script of the schema that is in use already. What comes after it must not
// keep anybody waiting; those before were written for a database that is at rest.
const landed = "ingest_v005_reread"

// TestUpgradeUnderLoad upgrades a database with rows in it while others read and write every table
// that the scripts lock, and measures the longest that one of them had to wait.
// SLUICE_UPGRADE_ROWS=1000000 is the size that docs/operations.md tells of.
func TestUpgradeUnderLoad(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("short: fills a database to upgrade it")
	}
	rows, _ := strconv.Atoi(os.Getenv("SLUICE_UPGRADE_ROWS"))
	if rows == 0 {
		rows = 5_000
	}
	db := dbtest.Released(t)
	admin, conn := db.Admin(t), db.Conn(t, "")
	if err := migrations.AsOwner(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	all := migrations.Scripts()
	last := slices.IndexFunc(all, func(s migrations.Script) bool { return s.Name == landed })
	if _, err := migrations.Apply(t.Context(), conn, all[:last+1]); err != nil {
		t.Fatal(err)
	}
	exec(t, conn, `reset role`)
	// A thousandth of them in the audit log: decisions of people. authority_v003 hashes each one
	// into the chain of its tenant while nobody may add to the log, some thousands in a second.
	exec(t, admin, `
		 insert into authority.audit_log (tenant_id, action, entity_type, entity_id, diff)
		 select t.tenant_id, 'vex.decide', 'package', gen_random_uuid(), jsonb_build_object('status', 'not_affected', 'n', n)
		 from generate_series(1, $1::int) as n cross join lateral (select tenant_id from authority.tenant order by tenant_id offset n % 2 limit 1) as t`, rows/1000)
	for _, sql := range []string{
		`insert into ingest.parked (tenant_id, scan_run_id, document_id, content_hash, size, encoding, bytes, reason, pointer, message, origin, format)
		 select t.tenant_id, 1, gen_random_uuid(), sha256(n::text::bytea), 10, 'zstd', '\x00', 'invalid', '', 'message', 'origin', ''
		 from generate_series(1, $1::int) as n cross join lateral (select tenant_id from authority.tenant order by tenant_id limit 1) as t`,
		`insert into core.job_queue (tenant_id, kind, payload) select gen_random_uuid(), 'vex', '{}' from generate_series(1, $1::int)`,
		`insert into core.outbox (tenant_id, aggregate_type, topic, payload) select gen_random_uuid(), 'x', 'x', '{}' from generate_series(1, $1::int)`,
	} {
		exec(t, admin, sql, rows)
	}
	exec(t, admin, `analyze`)

	plans, err := migrations.Plan(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	if len(plans) == 0 {
		t.Skip("no script came after " + landed)
	}
	locked := map[string]bool{"ingest.original": true, "vex.open_findings": true, "authority.audit_log": true}
	for _, p := range plans {
		for _, s := range p.Steps {
			for _, l := range s.Locks {
				locked[l.Table] = true
			}
		}
	}

	delete(locked, "vex.mv_triage_queue") // LOCK TABLE takes no materialized view; who reads it reads vex.triage_queue

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var probes sync.WaitGroup
	var mu sync.Mutex
	longest, on, asked := time.Duration(0), "", 0
	for table := range locked {
		quoted := table
		if table == "authority.user" || table == "authority.grant" {
			quoted = `authority."` + table[len("authority."):] + `"`
		}
		probe := db.Admin(t)
		probes.Go(func() {
			for ctx.Err() == nil {
				began := time.Now()
				// Stands in line like a write does, and like a read.
				_, err := probe.PgConn().Exec(t.Context(), `begin; lock table `+quoted+` in row exclusive mode; commit`).ReadAll()
				took := time.Since(began)
				if err != nil {
					t.Errorf("%s: %v", table, err)
					return
				}
				mu.Lock()
				if asked++; took > longest {
					longest, on = took, table
				}
				mu.Unlock()
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	began := time.Now()
	_, err = migrations.Up(t.Context(), conn)
	took := time.Since(began)
	stop()
	probes.Wait()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rows in each of three tables and a thousandth in the audit log: %d scripts in %s; of %d times the longest wait was %s, for %s", rows, len(plans), took, asked, longest, on)
	if longest > 2*time.Second {
		t.Errorf("somebody waited %s for %s, want at most 2 s", longest, on)
	}
}
