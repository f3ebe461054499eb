package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/internal/id"
)

// scopeWords are the scopes of docs/vex.md, from the least to the most specific.
var scopeWords = []string{"", "package", "package-version", "product", "product-version", "package-in-product", "package-version-in-product"}

// stored reads the state that the database has.
func (w *world) stored(t testing.TB, tenants []id.ID) state {
	t.Helper()
	out := state{}
	read := func(table, sql string) {
		for _, line := range query[[]string](t, w, sql) {
			tenant, _ := id.Parse(line[0])
			if slices.Contains(tenants, tenant) {
				out.put(table, tenant, line[1], "%s", line[2])
			}
		}
	}
	read("stream", `select array[s.tenant_id::text, a.purl || ' ' || s.stream, 'at ' || coalesce(to_char(s.document_time at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'null') || ', ' ||
		s.component_count || ' components, meaning ' || encode(d.meaning_hash, 'hex')]
		from artifact.stream s join artifact.artifact a on (a.tenant_id, a.id) = (s.tenant_id, s.artifact_id) join ingest.sbom_document d on d.id = s.document_id`)
	read("component", `select array[c.tenant_id::text, a.purl || ' ' || c.stream || ' ' || c.component_id, '']
		from ingest.sbom_component c join artifact.artifact a on (a.tenant_id, a.id) = (c.tenant_id, c.artifact_id)`)
	read("unknown", `select array[tenant_id::text, concat_ws(' ', context ->> 'artifact', context ->> 'stream', kind, context ->> 'name', coalesce(context ->> 'version', ''), coalesce(context ->> 'purl', '')), '']
		from unknowns.current`)
	read("match", `select distinct array[v.tenant_id::text, concat_ws(' ', p.purl, v.vuln_id, v.advisory, v.fact_id), v.matched_by || ' ' || v.match_range]
		from vex.package_vuln v join vex.package p on (p.tenant_id, p.id) = (v.tenant_id, v.package_id)
		join ingest.sbom_component c on (c.tenant_id, c.package_id) = (v.tenant_id, v.package_id)`)
	read("statement", `select array[tenant_id::text, id::text, outcome] from vex.vex_statement`)

	type row struct {
		State, Artifact, Package, Vuln, Severity string
		Tenant                                   id.ID
		Score                                    *int16
		Aliases, Advisories, Fixed               []string
		VEX                                      *said
		Evidence                                 struct {
			Facts []struct {
				Advisory, Source, Range string
				MatchedBy               string `json:"matched_by"`
			}
			Streams []string
		}
	}
	for _, raw := range query[string](t, w, `
		select to_jsonb(f) from (
			select 'open' as state, tenant_id as tenant, artifact_purl as artifact, package_purl as package, vuln_id as vuln, severity, score, aliases, advisories, fixed_versions as fixed, vex, evidence from vex.open_findings
			union all
			select 'suppressed', tenant_id, artifact_purl, package_purl, vuln_id, severity, score, aliases, advisories, fixed_versions, vex, evidence from vex.suppressed_findings
		) f`) {
		var f row
		if err := json.Unmarshal([]byte(raw), &f); err != nil {
			t.Fatal(err)
		}
		score := int16(-1)
		if f.Score != nil {
			score = *f.Score
		}
		status, by, superseded := "", "", []string{}
		if v := f.VEX; v != nil {
			status = v.Status
			if v.DecisionID != nil {
				by = "decision " + v.DecisionID.String()
			} else {
				by = fmt.Sprintf("statement %s %d", v.StatementID, slices.Index(scopeWords, v.Scope))
			}
			for _, s := range v.Superseded {
				superseded = append(superseded, s.String())
			}
		}
		evidence := []string{}
		for _, e := range f.Evidence.Facts {
			evidence = append(evidence, fmt.Sprintf("%s %s %s %s", e.Advisory, e.Source, e.MatchedBy, e.Range))
		}
		sortedSet := func(list []string) []string { slices.Sort(list); return slices.Compact(list) }
		key := "finding " + f.Tenant.String()[:4] + " " + f.Artifact + " " + f.Package + " " + f.Vuln
		if out[key] != "" {
			t.Errorf("twice: %s", key)
		}
		out[key] = fmt.Sprintf("%s %d %s aliases %v advisories %v fixed %v streams %q evidence %v vex %s by %s over %v", f.State, score, f.Severity,
			sortedSet(f.Aliases), sortedSet(f.Advisories), sortedSet(f.Fixed), f.Evidence.Streams, sortedSet(evidence), status, by, sortedSet(superseded))
	}
	return out
}

// compare reports where got is not want.
func compare(t testing.TB, got, want state) bool {
	t.Helper()
	var lines []string
	for k, v := range want {
		if g, ok := got[k]; !ok {
			lines = append(lines, "missing  "+k+": "+v)
		} else if g != v {
			lines = append(lines, "differs  "+k+":\n  got  "+g+"\n  want "+v)
		}
	}
	for k, v := range got {
		if _, ok := want[k]; !ok {
			lines = append(lines, "too many "+k+": "+v)
		}
	}
	slices.Sort(lines)
	if len(lines) > 0 {
		t.Errorf("%d differences:\n%s", len(lines), strings.Join(lines[:min(len(lines), 12)], "\n"))
	}
	return len(lines) == 0
}

// TestAnyOrder: any permutation, duplication and interleaving of the same documents and
// decisions, with any batch sizes and several workers, ends in the state that a computation
// from scratch gives. SLUICE_ANY_ORDER=UNIVERSES[,FIRST SEED] makes it look further.
func TestAnyOrder(t *testing.T) {
	t.Parallel()
	universes, first := 4, 1
	if s := os.Getenv("SLUICE_ANY_ORDER"); s != "" {
		n, seed, _ := strings.Cut(s, ",")
		universes, _ = strconv.Atoi(n)
		first, _ = strconv.Atoi(cmpOr(seed, "1"))
	}
	const orders = 3
	for n := range universes {
		seed := uint64(first + n)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			for order := range orders {
				anyOrder(t, seed, uint64(order))
				if t.Failed() {
					t.Fatalf("universe %d, order %d", seed, order)
				}
			}
		})
	}
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func anyOrder(t *testing.T, seed, order uint64) {
	w := newWorld(t)
	tenants := []id.ID{w.db.Tenant(t, "acme"), w.db.Tenant(t, "bolt")}
	w.exec(t, `update core.outbox_route set enabled = true where name = 'findings'`)
	size := 50
	if seed%3 == 0 {
		size = 130 // more of everything about the same few packages
	}
	// Tenants get their ids at random; what hangs on them is the same in the oracle.
	u := newUniverse(seed, size, tenants...)
	r := rand.New(rand.NewPCG(seed, 1000+order))

	type op struct {
		envelope int // -1: a decision
		decision int
	}
	var ops []op
	for i := range u.envelopes {
		ops = append(ops, op{envelope: i})
		if r.IntN(4) == 0 {
			ops = append(ops, op{envelope: i})
		}
	}
	for i := range u.decisions {
		ops = append(ops, op{-1, i})
	}
	if order > 0 {
		r.Shuffle(len(ops), func(i, j int) { ops[i], ops[j] = ops[j], ops[i] })
	}

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var working sync.WaitGroup
	stop := make(chan struct{})
	workers := int(order % 3)
	newWorker := func() *Worker { return w.worker(func(c *Config) { c.BatchJobs = 1 + r.IntN(20) }) }
	for range workers {
		worker := newWorker()
		working.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if worked, err := worker.Step(ctx); err != nil {
					t.Errorf("step: %v", err)
					return
				} else if !worked {
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	own := newWorker()
	for len(ops) > 0 {
		n := min(len(ops), 1+r.IntN(8))
		var batch []op
		batch, ops = ops[:n], ops[n:]
		for _, o := range batch {
			if o.envelope >= 0 {
				w.load(t, u.envelopes[o.envelope])
			} else {
				w.decide(t, u.decisions[o.decision])
			}
		}
		for r.IntN(3) == 0 {
			if _, err := own.Step(ctx); err != nil {
				t.Fatalf("step: %v", err)
			}
		}
	}
	close(stop)
	working.Wait()
	if err := own.Drain(ctx); err != nil {
		t.Fatalf("drain: %v", err)
	}
	w.noneParked(t)
	got := w.stored(t, tenants)
	if len(got) < 20 {
		t.Fatalf("only %d rows: the universe is too small to tell anything", len(got))
	}
	compare(t, got, newOracle(t, u).state(tenants))
	w.checkViews(t)
	w.checkHistory(t)
	w.checkMessages(t)
	for _, tenant := range tenants {
		checkTallies(t, w, tenant)
	}
}

// checkViews compares the materialized views with what they are made of.
func (w *world) checkViews(t testing.TB) {
	t.Helper()
	for _, v := range []struct{ view, definition string }{
		{"vex.mv_artifact_risk", `select tenant_id, artifact_purl, max(score) from vex.open_findings group by 1, 2`},
		{"vex.mv_triage_queue", ``},
	} {
		if v.definition == "" {
			v.definition = query[string](t, w, `select pg_get_viewdef($1::regclass)`, v.view)[0]
			v.definition = strings.TrimSuffix(strings.TrimSpace(v.definition), ";")
		}
		if n := query[int64](t, w, fmt.Sprintf(`select count(*) from ((table %s except %s) union all (%[2]s except table %[1]s)) x`, v.view, "("+v.definition+")"))[0]; n != 0 {
			t.Errorf("%s: %d rows are not what open_findings says", v.view, n)
		}
	}
}

// checkHistory replays the history: it must lead to the findings that there are, each step
// possible after the one before.
func (w *world) checkHistory(t testing.TB) {
	t.Helper()
	for _, line := range query[string](t, w, `
		with h as (
			select *, lead(event) over same as next, lag(event) over same as before, row_number() over (partition by tenant_id, artifact_id, package_id, vuln_id order by at desc, ctid desc) as back
			from vex.finding_history window same as (partition by tenant_id, artifact_id, package_id, vuln_id order by at, ctid)
		), now as (
			select tenant_id, artifact_id, package_id, vuln_id from vex.open_findings union all select tenant_id, artifact_id, package_id, vuln_id from vex.suppressed_findings
		)
		select 'no history of a finding: ' || n.vuln_id from now n where not exists (select from h where (h.tenant_id, h.artifact_id, h.package_id, h.vuln_id) = (n.tenant_id, n.artifact_id, n.package_id, n.vuln_id))
		union all
		select 'last event of a finding is closed: ' || n.vuln_id from now n join h on (h.tenant_id, h.artifact_id, h.package_id, h.vuln_id) = (n.tenant_id, n.artifact_id, n.package_id, n.vuln_id)
		where h.back = 1 and h.event = 'closed'
		union all
		select 'closed twice: ' || vuln_id from h where event = 'closed' and next = 'closed'
		union all
		select 'last event of what is gone is ' || h.event || ': ' || h.vuln_id from h
		where h.back = 1 and h.event <> 'closed' and not exists (select from now n where (h.tenant_id, h.artifact_id, h.package_id, h.vuln_id) = (n.tenant_id, n.artifact_id, n.package_id, n.vuln_id))
		  and not exists (select from vex.finding_history r where (r.tenant_id, r.artifact_id, r.package_id) = (h.tenant_id, h.artifact_id, h.package_id) and r.event = 'renamed' and r.detail ->> 'from' = h.vuln_id)`) {
		t.Error(line)
	}
}
