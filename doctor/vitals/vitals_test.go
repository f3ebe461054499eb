package vitals

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/test/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// looked returns the rows of a check.
func looked(t *testing.T, conn *pgx.Conn, check string) (out []Row) {
	t.Helper()
	rows, err := Look(t.Context(), conn, 10)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range rows {
		seen[r.Check] = true
		if r.Verdict == "" || r.Unit == "" || r.Detail == "" {
			t.Errorf("%+v", r)
		}
		if r.Check == check {
			out = append(out, r)
		}
	}
	for _, c := range []string{"statement", "cache", "table", "index", "unused index", "transaction", "lock", "slot", "wraparound"} {
		if !seen[c] {
			t.Errorf("nothing about %s", c)
		}
	}
	return out
}

func find(rows []Row, object string) Row {
	for _, r := range rows {
		if strings.Contains(r.Object, object) {
			return r
		}
	}
	return Row{}
}

// TestLook: what is there is told: a table with dead rows, a bloated and an unused index, an open transaction, a
// wait for a lock, a slot; for the superuser and for a user who may little.
func TestLook(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	admin := db.Admin(t)
	ctx := context.Background()
	for _, sql := range []string{
		`create table public.worn (id int, note text)`, `alter table public.worn set (autovacuum_enabled = off)`,
		`insert into public.worn select n, repeat('x', 200) from generate_series(1, 40000) n`, `create index worn_note on public.worn (note)`,
		`analyze public.worn`, `delete from public.worn where id > 10000`, `analyze public.worn`, `select pg_stat_force_next_flush()`, `select 1`,
	} {
		if _, err := admin.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	slot := fmt.Sprintf("vitals_%d", time.Now().UnixNano())
	if _, err := admin.Exec(ctx, `select pg_create_physical_replication_slot($1, true)`, slot); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn, err := pgx.Connect(ctx, db.AdminURL)
		if err == nil {
			_, err = conn.Exec(ctx, `select pg_drop_replication_slot($1)`, slot)
			conn.Close(ctx)
		}
		if err != nil {
			t.Error(err)
		}
	})
	holder, waiter := db.Admin(t), db.Admin(t)
	tx, err := holder.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, `lock table public.worn`); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { _, err := waiter.Exec(ctx, `select count(*) from public.worn`); done <- err }()
	process := fmt.Sprintf("process %d", holder.PgConn().PID())
	for len(looked(t, admin, "lock")) == 0 || find(looked(t, admin, "lock"), "process").Object == "" {
		time.Sleep(10 * time.Millisecond)
	}

	wait := find(looked(t, admin, "lock"), fmt.Sprintf("process %d", waiter.PgConn().PID()))
	if !strings.Contains(wait.Detail, "waits for worn, which "+process+" has") && !strings.Contains(wait.Detail, "waits for public.worn, which "+process+" has") {
		t.Errorf("%+v", wait)
	}
	if r := find(looked(t, admin, "transaction"), process); r.Unit != "seconds" || !strings.HasPrefix(r.Detail, "idle in transaction") {
		t.Errorf("%+v", r)
	}
	if r := find(looked(t, admin, "slot"), slot); r.Verdict != Watch || !strings.Contains(r.Detail, "pg_drop_replication_slot('"+slot+"')") {
		t.Errorf("%+v", r)
	}
	if r := find(looked(t, admin, "table"), "public.worn"); r.Verdict != Act || !strings.Contains(r.Detail, " 30000 dead, bloat 7") {
		t.Errorf("%+v", r)
	}
	if r := find(looked(t, admin, "index"), "public.worn_note"); !regexp.MustCompile(`bloat \d+ %`).MatchString(r.Detail) {
		t.Errorf("%+v", r)
	}
	if err := tx.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if r := find(looked(t, admin, "wraparound"), ""); r.Verdict != Fine || r.Value < transactionIDs/2 {
		t.Errorf("%+v", r)
	}
	if r := looked(t, admin, "statement"); len(r) == 0 || r[0].Verdict == Watch && !strings.Contains(r[0].Detail, "shared_preload_libraries") {
		t.Errorf("%+v", r)
	}
	if r := looked(t, db.Conn(t, ""), "rights"); len(r) != 1 || !strings.Contains(r[0].Detail, "pg_read_all_stats") {
		t.Errorf("a user who may little: %+v", r)
	}
}

// TestVerdicts: both sides of every limit.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	share := func(x float64) *float64 { return &x }
	ratio := func(hit, read int64) Verdict { _, v := cacheVerdict(hit, read); return v }
	for name, got := range map[string][3]Verdict{
		"statement":   {statementVerdict(0.9), statementVerdict(1), statementVerdict(10)},
		"cache":       {ratio(96_000, 4_000), ratio(94_000, 6_000), ratio(70_000, 30_000)},
		"dead rows":   {deadVerdict(90_000, 10_000), deadVerdict(80_000, 20_000), deadVerdict(50_000, 50_000)},
		"bloat":       {bloatVerdict(1<<30, share(0.4)), bloatVerdict(1<<30, share(0.5)), bloatVerdict(1<<30, share(0.8))},
		"transaction": {transactionVerdict(299), transactionVerdict(300), transactionVerdict(3600)},
		"lock":        {lockVerdict(4), lockVerdict(5), lockVerdict(60)},
		"slot":        {slotVerdict(true, "reserved", 1<<20), slotVerdict(true, "reserved", 1<<30), slotVerdict(true, "extended", 10<<30)},
		"idle slot":   {slotVerdict(true, "reserved", 0), slotVerdict(false, "reserved", 0), slotVerdict(false, "lost", 0)},
		"wraparound":  {wraparoundVerdict(200_000_000), wraparoundVerdict(500_000_000), wraparoundVerdict(1_000_000_000)},
	} {
		if want := [3]Verdict{Fine, Watch, Act}; got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	// Too little to say anything.
	for name, got := range map[string]Verdict{
		"cache": ratio(1, 9), "dead rows": deadVerdict(0, 9_999), "bloat": bloatVerdict(1<<20, share(1)), "unknown bloat": bloatVerdict(1<<40, nil),
		"unused since yesterday": unusedVerdict(1<<40, 24*time.Hour), "unused and small": unusedVerdict(2<<20, 1000*time.Hour),
	} {
		if got != Fine {
			t.Errorf("%s: %s", name, got)
		}
	}
	if unusedVerdict(1<<30, 1000*time.Hour) != Watch {
		t.Error("a large index that nobody used for long")
	}
	if got := Worst([]Row{{Verdict: Fine}, {Verdict: Act}, {Verdict: Watch}}); got != Act {
		t.Errorf("the worst is %s", got)
	}
}

// TestThresholdsDocumented: docs/operations.md has the limits.
func TestThresholdsDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{
		fmt.Sprintf("| statement | mean of %g s | %g s |", slowMean, verySlowMean),
		fmt.Sprintf("| cache | less than %g %% of reads from memory | %g %% |", 100*fewHits, 100*veryFewHits),
		fmt.Sprintf("| table | %g %% dead rows | %g %% |", 100*muchDead, 100*veryMuchDead),
		fmt.Sprintf("| table, index | %g %% bloat, from %d MiB on | %g %% |", 100*muchBloat, bloatBytes>>20, 100*veryMuchBloat),
		fmt.Sprintf("| unused index | %d MiB, counted for %d days | |", bloatBytes>>20, unusedAfter/24),
		fmt.Sprintf("| transaction | open for %g minutes | %g minutes |", oldTransaction/60, veryOld/60),
		fmt.Sprintf("| lock | waited for %g s | %g s |", longWait, veryLongWait),
		fmt.Sprintf("| slot | holds %d GiB of WAL, or nobody reads it | %d GiB, or WAL is lost |", muchWAL>>30, veryMuchWAL>>30),
		fmt.Sprintf("| wraparound | %d million transactions old | %d million |", WatchAge/1_000_000, ActAge/1_000_000),
	} {
		if !strings.Contains(string(doc), row) {
			t.Errorf("docs/operations.md lacks: %s", row)
		}
	}
}
