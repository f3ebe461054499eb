package ingest_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/ingest/sourcetest"
	"sluice/internal/pg"
	"sluice/internal/test/brief"
	"sluice/internal/test/pgproxy"
)

// mixed makes documents of all outcomes, none of which may be counted twice.
func mixed(n int) (documents [][]byte, want ingest.Counts) {
	for i := range n {
		switch i % 5 {
		case 0:
			documents = append(documents, fact(fmt.Sprint("FACT-", i)))
			want.Accepted++
		case 1:
			documents = append(documents, sbom(fmt.Sprint("app", i), serial(i), "2026-01-01T00:00:00Z", "pkg:npm/left-pad@1.0.0", fmt.Sprintf("pkg:npm/p%d@1", i)))
			want.Accepted++
		case 2: // says the same as the one before
			documents = append(documents, sbom(fmt.Sprint("app", i-1), serial(n+i), "2026-01-02T00:00:00Z", "pkg:npm/left-pad@1.0.0", fmt.Sprintf("pkg:npm/p%d@1", i-1)))
			want.Unchanged++
		case 3:
			documents = append(documents, fmt.Appendf(nil, "{broken %d", i))
			want.Parked++
		case 4: // the bytes of the fact once more
			documents = append(documents, fact(fmt.Sprint("FACT-", i-4)))
			want.Duplicate++
		}
		want.Documents++
	}
	return documents, want
}

// checkMixed compares receipts and rows with what mixed promised.
func checkMixed(t *testing.T, h *harness, got, want ingest.Counts) {
	t.Helper()
	if got.Documents != want.Documents || got.Accepted != want.Accepted || got.Unchanged != want.Unchanged || got.Parked != want.Parked || got.Duplicate != want.Duplicate {
		t.Errorf("receipts: %+v, want %+v", got, want)
	}
	wantCount(h, want.Accepted, `select count(*) from ingest.original`)
	wantCount(h, want.Accepted, `select (select count(*) from ingest.sbom_document) + (select count(*) from vex.vuln_fact)`)
	wantCount(h, want.Unchanged, `select count(*) from ingest.document_alias`)
	wantCount(h, want.Parked, `select count(*) from ingest.parked`)
	// An outage costs no document an attempt, and nothing is written down twice.
	wantCount(h, 0, `select count(*) from ingest.parked where attempts > 1`)
	wantCount(h, want.Documents, `select count(*) from ingest.scan_run_event`)
	wantCount(h, want.Documents, `select count(distinct event_id) from ingest.scan_run_event`)
}

// TestAmbiguousCommits cuts the connection at every COMMIT of a run, half of the time
// before and half of the time after it has happened: each must end right.
func TestAmbiguousCommits(t *testing.T) {
	t.Parallel()
	const batches = 50
	h := newHarness(t)
	documents, want := mixed(5 * batches)
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(1, 1))
	cuts := map[pgproxy.Fate]int{}
	fate := func() pgproxy.Fate {
		mu.Lock()
		defer mu.Unlock()
		f := pgproxy.Fate(rng.IntN(4)) // Pass too: or no batch would ever get through
		cuts[f]++
		return f
	}
	_, url := pgproxy.New(t, h.db.URL, fate)
	pool, err := pg.Open(t.Context(), url, pg.Ingest, ingest.PoolConfig(4))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	p := h.pipelineOn(pool, ingest.Config{BatchDocuments: 5, RetryFirst: time.Millisecond, RetryMax: 5 * time.Millisecond})
	l := h.list(documents...)
	l.parallel = 2
	checkMixed(t, h, h.run(p, l), want)
	lost := cuts[pgproxy.During] + cuts[pgproxy.After]
	t.Logf("%d commits went through, %d were cut before the server had them, %d at that moment, %d after they had happened",
		cuts[pgproxy.Pass], cuts[pgproxy.Before], cuts[pgproxy.During], cuts[pgproxy.After])
	if lost < 20 {
		t.Errorf("only %d ambiguous commits", lost)
	}
}

// TestAmbiguousCommitsAreAllRight lets every single COMMIT happen and loses every answer.
func TestAmbiguousCommitsAreAllRight(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("short: TestAmbiguousCommits loses answers, too")
	}
	const batches = 50
	h := newHarness(t)
	documents, want := mixed(5 * batches)
	var commits atomic.Int64
	_, url := pgproxy.New(t, h.db.URL, func() pgproxy.Fate { commits.Add(1); return pgproxy.After })
	pool, err := pg.Open(t.Context(), url, pg.Ingest, ingest.PoolConfig(4))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	var list []ingest.Envelope
	for i, d := range documents {
		list = append(list, ingest.Envelope{Tenant: h.tenant, Bytes: d, ScanRun: 1, Origin: fmt.Sprint("log/", i)})
	}
	// A position that cannot move twice: taking a commit for lost would look like a zombie.
	src, err := sourcetest.OpenLog(t.Context(), pool, "log", list)
	if err != nil {
		t.Fatal(err)
	}
	p := h.pipelineOn(pool, ingest.Config{BatchDocuments: 5, RetryFirst: time.Millisecond, RetryMax: 5 * time.Millisecond})
	checkMixed(t, h, h.run(p, src), want)
	if commits.Load() != batches {
		t.Errorf("%d commits for %d batches: some were tried again", commits.Load(), batches)
	}
}

// TestConnectionsDropAtRandom cuts all connections again and again, and takes the server
// away for a while, during an import of several batches at once.
func TestConnectionsDropAtRandom(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("short: TestAmbiguousCommits cuts connections, too")
	}
	h := newHarness(t)
	documents, want := mixed(300)
	proxy, url := pgproxy.New(t, h.db.URL, nil)
	pool, err := pg.Open(t.Context(), url, pg.Ingest, ingest.PoolConfig(5))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	done := make(chan struct{})
	var dropping sync.WaitGroup
	dropping.Go(func() {
		rng := rand.New(rand.NewPCG(2, 2))
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			// Long enough, now and then, for a connection and a batch; on a machine that is too
			// busy for that, longer and longer.
			case <-time.After(time.Duration(50+rng.IntN(250)) * time.Millisecond * time.Duration(1+i/40)):
			}
			if i%10 == 9 {
				proxy.Down(true)
				time.Sleep(100 * time.Millisecond)
				proxy.Down(false)
			}
			proxy.Sever()
		}
	})
	outages := 0
	p := h.pipelineOn(pool, ingest.Config{
		BatchDocuments: 10, RetryFirst: time.Millisecond, RetryMax: 20 * time.Millisecond,
		OnOutage: func(error) { outages++ },
	})
	l := h.list(documents...)
	l.parallel = 1 // OnOutage may overlap otherwise; TestAmbiguousCommits has two
	got := h.run(p, l)
	close(done)
	dropping.Wait()
	checkMixed(t, h, got, want)
	t.Logf("%d outages", outages)
	if outages < 5 {
		t.Errorf("only %d outages: nothing was tested", outages)
	}
}
