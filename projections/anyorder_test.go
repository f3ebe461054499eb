package projections

import (
	"context"
	"encoding/hex"
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

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/normalize"
	"sluice/normalize/detect"
)

// scopeWords are the scopes of docs/vex.md, from the least to the most specific.
var scopeWords = []string{"", "package", "package-version", "product", "product-version", "package-in-product", "package-version-in-product"}

// stored reads the state that the database has.
func (w *world) stored(t testing.TB, tenants []id.ID) state {
	t.Helper()
	out := state{}
	read := func(table, sql string) {
		for _, line := range query[[]string](t, w, `select line from (`+sql+`) as s (line) where line[1]::uuid = any ($1)`, tenants) {
			tenant, _ := id.Parse(line[0])
			out.put(table, tenant, line[1], "%s", line[2])
		}
	}
	// The first SBOM of a stream is stored without its meaning hash, so it is worked out here.
	for _, line := range query[[]string](t, w, `select array[s.tenant_id::text, a.purl || ' ' || s.stream, 'at ' || coalesce(to_char(s.document_time at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'null') || ', ' ||
		s.component_count || ' components', o.encoding, o.size::text, encode(o.bytes, 'hex')]
		from artifact.stream s join artifact.artifact a on (a.tenant_id, a.id) = (s.tenant_id, s.artifact_id) join ingest.sbom_document d on d.id = s.document_id join ingest.original o on (o.tenant_id, o.document_id) = (d.tenant_id, d.document_id)
		where s.tenant_id = any ($1)`, tenants) {
		tenant, _ := id.Parse(line[0])
		out.put("stream", tenant, line[1], "%s, meaning %x", line[2], meaningOf(t, line[3], line[4], line[5]))
	}
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
		) f where tenant = any ($1)`, tenants) {
		var f row
		if err := json.Unmarshal([]byte(raw), &f); err != nil {
			t.Fatal(err)
		}
		score := int16(-1)
		if f.Score != nil {
			score = *f.Score
		}
		status, by, at, superseded := "", "", "", []string{}
		if v := f.VEX; v != nil {
			status = v.Status
			at = v.Time
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
		out[key] = fmt.Sprintf("%s %d %s aliases %v advisories %v fixed %v streams %q evidence %v vex %s of %s by %s over %v", f.State, score, f.Severity,
			sortedSet(f.Aliases), sortedSet(f.Advisories), sortedSet(f.Fixed), f.Evidence.Streams, sortedSet(evidence), status, at, by, sortedSet(superseded))
	}
	return out
}

// differences are the lines where got is not want.
func differences(got, want state) []string {
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
	return lines
}

// seeds are how many universes are tried, and the first of them: SLUICE_SEEDS=COUNT[,FIRST].
func seeds() (count int, first uint64) {
	count, first = 6, 1
	if s := os.Getenv("SLUICE_SEEDS"); s != "" {
		n, from, _ := strings.Cut(s, ",")
		count, _ = strconv.Atoi(n)
		if from != "" {
			first, _ = strconv.ParseUint(from, 10, 64)
		}
	}
	return count, first
}

// TestAnyOrder: any permutation, duplication and interleaving of the same documents,
// decisions and withdrawals, with any batch sizes and several workers, ends in the state that
// a computation from scratch gives. A universe that does not is made smaller for as long as
// it still does not, and what is left of it is printed.
//
// Universes share databases, each with tenants of its own; the shared feed is one, so their
// packages and vulnerabilities have names of their own.
func TestAnyOrder(t *testing.T) {
	t.Parallel()
	const perDatabase, side = 25, 2 // databases side by side
	count, first := seeds()
	type share struct{ from, n int }
	var shares []share
	for from := 0; from < count; from += perDatabase {
		shares = append(shares, share{from, min(perDatabase, count-from)})
	}
	if len(shares) == 1 && count > 1 {
		shares = []share{{0, count / 2}, {count / 2, count - count/2}}
	}
	next := make(chan share)
	go func() {
		defer close(next)
		for _, s := range shares {
			next <- s
		}
	}()
	for n := range side {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			for s := range next {
				if t.Failed() {
					continue // the counterexample is printed; the rest would only repeat it
				}
				w := newWorld(t)
				w.exec(t, `update core.outbox_route set enabled = true where name = 'findings'`)
				for i := range s.n {
					anyOrder(t, w, first+uint64(s.from+i))
				}
				w.noneParked(t)
				w.checkViews(t)
				w.checkHistory(t)
				w.checkMessages(t)
			}
		})
	}
}

// anyOrder tries one universe in one order in tenants of its own.
func anyOrder(t *testing.T, w *world, seed uint64) {
	t.Helper()
	names := []string{fmt.Sprint("acme-", seed), fmt.Sprint("bolt-", seed)}
	play := newPlay(seed, []id.ID{w.db.Tenant(t, names[0]), w.db.Tenant(t, names[1])})
	lines := play.run(t, w, nil)
	for _, tenant := range play.tenants {
		checkTallies(t, w, tenant)
	}
	// What the feed hands on is handed to every tenant that there is: these need no more.
	w.exec(t, `delete from authority.tenant where name = any ($1)`, names)
	if len(lines) == 0 {
		return
	}
	t.Errorf("universe %d: %d differences:\n%s", seed, len(lines), strings.Join(lines[:min(len(lines), 12)], "\n"))
	play.shrink(t)
}

// op is a step of a play: a document comes, or somebody decides or withdraws.
type op struct {
	envelope, decision int // one of them is -1
	withdraw           bool
}

// play is a universe in one order.
type play struct {
	seed    uint64
	tenants []id.ID
	u       *universe
	ops     []op
	workers int // beside the one that works between the steps
}

// newPlay makes a universe and an order of it. Of the same seed it is the same again, but for
// the ids of tenants.
func newPlay(seed uint64, tenants []id.ID) *play {
	size := 40
	if seed%3 == 0 {
		size = 100 // more of everything about the same few packages
	}
	p := &play{seed: seed, tenants: tenants, u: newUniverse(seed, size, tenants...), workers: int(seed % 3)}
	r := rand.New(rand.NewPCG(seed, 1000))
	for i := range p.u.envelopes {
		p.ops = append(p.ops, op{envelope: i, decision: -1})
		if r.IntN(4) == 0 {
			p.ops = append(p.ops, op{envelope: i, decision: -1})
		}
	}
	for i, d := range p.u.decisions {
		p.ops = append(p.ops, op{envelope: -1, decision: i})
		if d.withdrawn {
			p.ops = append(p.ops, op{envelope: -1, decision: i, withdraw: true})
		}
	}
	if seed%7 != 0 { // else in the order in which they were thought of
		r.Shuffle(len(p.ops), func(i, j int) { p.ops[i], p.ops[j] = p.ops[j], p.ops[i] })
	}
	// What is withdrawn was decided before: the one thing that has an order.
	decided := map[int]int{}
	for i, o := range p.ops {
		if o.decision < 0 {
			continue
		}
		if at, ok := decided[o.decision]; ok && p.ops[at].withdraw {
			p.ops[at], p.ops[i] = p.ops[i], p.ops[at]
		}
		decided[o.decision] = i
	}
	return p
}

// run plays those of the steps that keep picks (nil: all) in w, and returns where the end is
// not what the oracle says of the same documents.
func (p *play) run(t testing.TB, w *world, keep map[int]bool) []string {
	t.Helper()
	r := rand.New(rand.NewPCG(p.seed, 2000))
	var ops []op
	happened := &universe{}
	came, decisions := map[int]bool{}, map[int]bool{}
	for i, o := range p.ops {
		if keep != nil && !keep[i] {
			continue
		}
		ops = append(ops, o)
		switch {
		case o.envelope >= 0 && !came[o.envelope]:
			came[o.envelope] = true
			happened.envelopes = append(happened.envelopes, p.u.envelopes[o.envelope])
		case o.decision >= 0 && !o.withdraw:
			decisions[o.decision] = true
			d := p.u.decisions[o.decision]
			d.withdrawn = false
			happened.decisions = append(happened.decisions, d)
		case o.decision >= 0 && decisions[o.decision]:
			at := slices.IndexFunc(happened.decisions, func(d decided) bool { return d.id() == p.u.decisions[o.decision].id() })
			happened.decisions[at].withdrawn = true
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var working sync.WaitGroup
	stop := make(chan struct{})
	newWorker := func() *Worker { return w.worker(func(c *Config) { c.BatchJobs = 1 + r.IntN(20) }) }
	for range p.workers {
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
		var envelopes []ingest.Envelope
		for _, o := range ops[:n] {
			switch {
			case o.envelope >= 0:
				envelopes = append(envelopes, p.u.envelopes[o.envelope])
			case o.withdraw:
				w.withdraw(t, p.u.decisions[o.decision])
			default:
				w.decide(t, p.u.decisions[o.decision])
			}
		}
		w.load(t, envelopes...)
		ops = ops[n:]
		for r.IntN(3) == 0 {
			if _, err := own.Step(ctx); err != nil {
				t.Fatalf("universe %d: step: %v", p.seed, err)
			}
		}
	}
	close(stop)
	working.Wait()
	if err := own.Drain(ctx); err != nil {
		t.Fatalf("universe %d: drain: %v", p.seed, err)
	}
	got := w.stored(t, p.tenants)
	if keep == nil && len(got) < 20 {
		t.Fatalf("universe %d: only %d rows: it is too small to tell anything", p.seed, len(got))
	}
	return differences(got, newOracle(t, happened).state(p.tenants))
}

// shrink looks for the fewest steps that still end wrongly, by leaving out ever smaller parts
// (ddmin), and prints them. Each try has a database of its own.
func (p *play) shrink(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	var lines []string
	fails := func(keep []int) bool {
		ok := false
		t.Run("shrink", func(t *testing.T) {
			w := newWorld(t)
			again := newPlay(p.seed, []id.ID{w.db.Tenant(t, "acme"), w.db.Tenant(t, "bolt")})
			set := map[int]bool{}
			for _, i := range keep {
				set[i] = true
			}
			found := again.run(t, w, set)
			if ok = len(found) > 0; ok {
				lines = found
			}
		})
		return ok
	}
	left := make([]int, len(p.ops))
	for i := range left {
		left[i] = i
	}
	if !fails(left) {
		t.Logf("universe %d does not fail again in a database of its own: what differs depends on who is faster, or on others in the feed", p.seed)
		return
	}
	for size := len(left) / 2; size > 0 && time.Now().Before(deadline); size /= 2 {
		for from := 0; from < len(left) && time.Now().Before(deadline); {
			fewer := slices.Concat(left[:from], left[min(len(left), from+size):])
			if len(fewer) > 0 && fails(fewer) {
				left = fewer
			} else {
				from += size
			}
		}
	}
	var story strings.Builder
	for _, i := range left {
		switch o := p.ops[i]; {
		case o.envelope >= 0:
			e := p.u.envelopes[o.envelope]
			fmt.Fprintf(&story, "%d. %s for tenant %d, artifact %q, stream %q: %s\n", i, e.Origin, slices.Index(p.tenants, e.Tenant), e.Artifact, e.Stream, e.Bytes)
		default:
			d := p.u.decisions[o.decision]
			fmt.Fprintf(&story, "%d. tenant %d on %s of %s: %s at %s, withdrawn: %v\n", i, slices.Index(p.tenants, d.tenant), d.vuln, d.pkg, d.status, d.at.Format(time.DateOnly), o.withdraw)
		}
	}
	t.Errorf("universe %d, the fewest steps that end wrongly (%d of %d):\n%s%s", p.seed, len(left), len(p.ops), story.String(), strings.Join(lines, "\n"))
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

// meaningOf is the meaning hash of a stored original: its encoding, its size, and its bytes in hexadecimal.
func meaningOf(t testing.TB, encoding, size, stored string) [32]byte {
	t.Helper()
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	b, err := hex.DecodeString(stored)
	if err != nil {
		t.Fatal(err)
	}
	if b, err = ingest.Expand(encoding, b, n); err != nil {
		t.Fatal(err)
	}
	head, err := detect.Scan(b, normalize.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	format, err := detect.Detect(head, testFormats)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := detect.MeaningHash(b, normalize.MeaningOf(format))
	if err != nil {
		t.Fatal(err)
	}
	return sum
}
