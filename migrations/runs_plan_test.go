package migrations_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/pg"
	"sluice/internal/test/dbtest"
)

// scan is a node of a plan that was run.
type scan struct {
	Type     string  `json:"Node Type"`
	Relation string  `json:"Relation Name"`
	Index    string  `json:"Index Name"`
	Cond     string  `json:"Index Cond"`
	Loops    float64 `json:"Actual Loops"`
	Plans    []scan  `json:"Plans"`
}

func (s scan) each(fn func(scan)) {
	fn(s)
	for _, p := range s.Plans {
		p.each(fn)
	}
}

// TestRunPlans: `sluice runs` reads the partitions of the run's time and no others, and
// there only the run's events, by the index; as the reader, under row security, with three
// years of partitions.
func TestRunPlans(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	admin := db.Admin(t)
	ids := map[string]string{"acme": db.Tenant(t, "acme").String(), "rival": db.Tenant(t, "rival").String()}
	first := time.Date(time.Now().Year()-3, 1, 1, 0, 0, 0, 0, time.UTC)
	for at := first; ; at = at.AddDate(0, 1, 0) {
		name := "ingest.scan_run_event_test" + at.Format("200601")
		if _, err := admin.Exec(t.Context(), `create table `+name+` partition of ingest.scan_run_event for values from ('`+at.Format(time.RFC3339)+`') to ('`+at.AddDate(0, 1, 0).Format(time.RFC3339)+`')`); err != nil {
			if strings.Contains(err.Error(), "would overlap") {
				break // those of today are there
			}
			t.Fatal(err)
		}
	}
	// A run every 8 hours, of 30 events over a minute, of two tenants.
	if _, err := admin.Exec(t.Context(), `insert into ingest.scan_run (id, tenant_id, source, state, created_at, updated_at, finished_at)
		select n, (array[$1, $2])[1 + n % 2]::uuid, 'file', case when n % 10 = 0 then 'running' else 'done' end, at, at + interval '1 minute', case when n % 10 <> 0 then at + interval '1 minute' end
		from generate_series($3::timestamptz, now() - interval '1 hour', '8 hours') with ordinality as s (at, n)`, ids["acme"], ids["rival"], first); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Exec(t.Context(), `insert into ingest.scan_run_event (tenant_id, scan_run_id, occurred_at, event_type, payload)
		select tenant_id, id, created_at + e * interval '1 second', case when e % 10 = 0 then 'parked' else 'accepted' end, '{"origin": "some/file.json", "reason": "syntax", "duration_ms": 12.5, "bytes": 1000}'
		from ingest.scan_run, generate_series(1, 30) e`); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Exec(t.Context(), `analyze ingest.scan_run, ingest.scan_run_event`); err != nil {
		t.Fatal(err)
	}
	var run int64
	var began time.Time
	if err := admin.QueryRow(t.Context(), `select id, created_at from ingest.scan_run where tenant_id = $1::uuid and created_at > now() - interval '500 days' and state = 'done' order by id limit 1`, ids["acme"]).Scan(&run, &began); err != nil {
		t.Fatal(err)
	}
	of := func(name string) string { return file(t, "inventory/sql/"+name+".sql") }
	from, to := began, began.Add(7*24*time.Hour+time.Minute)
	recent := time.Now().Add(-15 * time.Minute)
	never := time.Now().AddDate(100, 0, 0)
	for _, h := range []struct {
		name, sql string
		args      []any
		from, to  time.Time // of the events that may be read
		byTime    bool      // the events of all runs: the run is no help
	}{
		{"summary", of("run_summary"), []any{ids["acme"], run, from, to}, from, to, false},
		{"parked", of("run_parked"), []any{ids["acme"], run, from, to}, from, to, false},
		{"events", of("run_events"), []any{ids["acme"], run, from, to, 1000}, from, to, false},
		{"one run", of("runs"), []any{ids["acme"], run, nil, 1, recent}, recent, never, false},
		{"the last runs", of("runs"), []any{ids["acme"], 0, nil, 20, recent}, recent, never, false},
		{"tail of a run", of("tail"), []any{ids["acme"], run, recent, never, "700"}, recent, never, false},
		{"tail", of("tail"), []any{ids["acme"], 0, recent, never, "700"}, recent, never, true},
	} {
		conn := pooled(t, db, pg.Reader)
		inTx(t, conn, func(tx pgx.Tx) {
			exec(t, tx, `select set_config('app.tenant_id', $1, true)`, ids["acme"])
			var text []byte
			start := time.Now()
			if err := tx.QueryRow(t.Context(), "explain (analyze, format json) "+h.sql, h.args...).Scan(&text); err != nil {
				t.Errorf("%s: %v", h.name, err)
				return
			}
			took := time.Since(start)
			var plan []struct{ Plan scan }
			if err := json.Unmarshal(text, &plan); err != nil {
				t.Fatal(err)
			}
			read := 0
			plan[0].Plan.each(func(s scan) {
				if !strings.HasPrefix(s.Relation, "scan_run_event") || s.Loops == 0 {
					return
				}
				read++
				var lower, upper time.Time
				if err := tx.QueryRow(t.Context(), `
					select (regexp_match(b, 'FROM \(''([^'']*)'))[1]::timestamptz, (regexp_match(b, 'TO \(''([^'']*)'))[1]::timestamptz
					from pg_get_expr((select relpartbound from pg_class where oid = ('ingest.' || $1)::regclass), ('ingest.' || $1)::regclass) b`, s.Relation).Scan(&lower, &upper); err != nil {
					t.Fatal(err)
				}
				if !upper.After(h.from) || lower.After(h.to) {
					t.Errorf("%s: reads %s, from %v to %v; events are looked for from %v to %v", h.name, s.Relation, lower, upper, h.from, h.to)
				}
				if lower.After(time.Now()) {
					return // it is empty
				}
				if !h.byTime && (!strings.HasPrefix(s.Type, "Index") && s.Type != "Bitmap Heap Scan" || s.Cond != "" && !(strings.Contains(s.Cond, "tenant_id") && strings.Contains(s.Cond, "scan_run_id") && strings.Contains(s.Cond, "occurred_at"))) {
					t.Errorf("%s: %s on %s by %s (%s)", h.name, s.Type, s.Relation, s.Index, s.Cond)
				}
			})
			t.Logf("%s: %d partitions, %v", h.name, read, took.Round(100*time.Microsecond))
		})
	}
}
