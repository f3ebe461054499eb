package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/goleak"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/internal/pg"
	"sluice/normalize"
	"sluice/normalize/osv"
)

func fact(name string) []byte {
	return fmt.Appendf(nil, `{"id": %q, "modified": "2026-01-02T03:04:05Z", "affected": [{"package": {"ecosystem": "npm", "name": "left-pad"}, "versions": ["1.0.0"]}]}`, name)
}

// TestOutcomes takes one document through everything that can become of it.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	first := sbom("app", serial(1), "2026-01-01T00:00:00Z", "pkg:npm/left-pad@1.0.0")
	again := sbom("app", serial(2), "2026-01-02T00:00:00Z", "pkg:npm/left-pad@1.0.0")
	other := sbom("app", serial(3), "2026-01-03T00:00:00Z", "pkg:npm/left-pad@1.0.1")
	bad := []byte(`{"bomFormat": "CycloneDX"`)
	c := h.run(h.pipeline(ingest.Config{}), h.list(first, first, again, other, again, bad, bad))
	if c.Documents != 7 || c.Accepted != 2 || c.Unchanged != 1 || c.Duplicate != 3 || c.Parked != 1 {
		t.Errorf("%+v", c)
	}
	if c.ByReason[normalize.ReasonSyntax] != 1 {
		t.Errorf("parked for %v", c.ByReason)
	}
	if f := c.ByFormat["cyclonedx-json"]; f.Accepted != 2 || f.Duplicate != 2 || f.Unchanged != 1 {
		t.Errorf("by format: %+v", c.ByFormat)
	}
	accepted := h.receipt("memory/0")
	for origin, want := range map[string]ingest.Receipt{
		"memory/1": {Outcome: ingest.Duplicate, DocumentID: accepted.DocumentID, Format: "cyclonedx-json", FormatVersion: "1.6"},
		"memory/2": {Outcome: ingest.Unchanged, DocumentID: accepted.DocumentID, Reason: "says the same as document " + accepted.DocumentID, Format: "cyclonedx-json", FormatVersion: "1.6"},
		"memory/4": {Outcome: ingest.Duplicate, DocumentID: accepted.DocumentID, Format: "cyclonedx-json", FormatVersion: "1.6"},
		"memory/5": {Outcome: ingest.Parked, Reason: "syntax"},
		"memory/6": {Outcome: ingest.Duplicate, Reason: "parked before: syntax"},
	} {
		got := h.receipt(origin)
		if got.Outcome != want.Outcome || got.Reason != want.Reason || got.Format != want.Format || got.FormatVersion != want.FormatVersion ||
			(want.DocumentID != "" && got.DocumentID != want.DocumentID) {
			t.Errorf("%s: %+v", origin, got)
		}
	}
	// Again, in batches of one, by another pipeline: nothing is new.
	if c := h.run(h.pipeline(ingest.Config{BatchDocuments: 1}), h.list(first, again, other, bad)); c.Duplicate != 4 {
		t.Errorf("the second time: %+v", c)
	}
	if got := h.receipt("memory/1"); got.DocumentID != accepted.DocumentID {
		t.Errorf("a duplicate of an unchanged one names %s, want the stored document %s", got.DocumentID, accepted.DocumentID)
	}
	wantCount(h, 2, `select count(*) from ingest.original`)
	wantCount(h, 2, `select count(*) from ingest.sbom_document`)
	wantCount(h, 1, `select count(*) from ingest.document_alias`)
	wantCount(h, 1, `select count(*) from ingest.parked where attempts = 1`)
	wantCount(h, 11, `select count(*) from ingest.scan_run_event`)
	wantCount(h, 2, `select count(*) from vex.package`)
}

// TestUnchangedOnlyWithinItsStream: the same meaning for another artifact, stream or tenant
// is another document.
func TestUnchangedOnlyWithinItsStream(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	one, two := sbom("app", serial(1), "2026-01-01T00:00:00Z"), sbom("app", serial(2), "2026-01-01T00:00:00Z")
	l := h.list(one, two, two, two, two)
	l.envelopes[2].Bytes = append(slices.Clone(two), '\n')
	l.envelopes[2].Stream = "ci"
	l.envelopes[3].Bytes = append(slices.Clone(two), '\n', '\n')
	l.envelopes[3].Artifact = "pkg:oci/other@1"
	l.envelopes[4].Tenant = h.db.Tenant(t, "rival")
	if c := h.run(h.pipeline(ingest.Config{}), l); c.Accepted != 4 || c.Unchanged != 1 {
		t.Errorf("%+v", c)
	}
}

// TestUnchangedInAnotherForm: order, the zone of a time and the notation make no other SBOM,
// and what it says has the same statements whichever form came first.
func TestUnchangedInAnotherForm(t *testing.T) {
	t.Parallel()
	const component = `{"type":"library","name":%q,"version":"1","purl":"pkg:npm/%[1]s@1","bom-ref":"pkg:npm/%[1]s@1"}`
	vulnerability := func(id, state string) string {
		return fmt.Sprintf(`{"id":%q,"published":"2026-01-01T01:00:00+01:00","analysis":{"state":%q},"affects":[{"ref":"pkg:npm/a@1"}]}`, id, state)
	}
	doc := func(serialNumber, order, vulnerabilities string) []byte {
		parts := strings.Split(order, " ")
		for i, name := range parts {
			parts[i] = fmt.Sprintf(component, name)
		}
		return fmt.Appendf(nil, `{"bomFormat":"CycloneDX","specVersion":"1.6","serialNumber":%q,"metadata":{"component":{"type":"application","name":"app","version":"1","purl":"pkg:oci/app@1"}},
			"components":[%s],"vulnerabilities":[%s],"properties":[]}`, serialNumber, strings.Join(parts, ","), vulnerabilities)
	}
	first, second := vulnerability("CVE-2026-1", "exploitable"), vulnerability("CVE-2026-2", "not_affected")
	forms := [][]byte{
		doc(serial(1), "a b", first+","+second),
		doc(serial(2), "b a", second+","+first),
		doc(serial(3), "b a", strings.ReplaceAll(first+","+second, "01:00:00+01:00", "00:00:00Z")),
		[]byte(`<bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1" serialNumber="` + serial(4) + `"><metadata><component type="application"><name>app</name><version>1</version><purl>pkg:oci/app@1</purl></component></metadata>
			<components><component type="library" bom-ref="pkg:npm/b@1"><name>b</name><version>1</version><purl>pkg:npm/b@1</purl></component>
			<component type="library" bom-ref="pkg:npm/a@1"><name>a</name><version>1</version><purl>pkg:npm/a@1</purl></component></components>
			<vulnerabilities><vulnerability><id>CVE-2026-2</id><published>2026-01-01T00:00:00Z</published><analysis><state>not_affected</state></analysis><affects><target><ref>pkg:npm/a@1</ref></target></affects></vulnerability>
			<vulnerability><id>CVE-2026-1</id><published>2026-01-01T00:00:00Z</published><analysis><state>exploitable</state></analysis><affects><target><ref>pkg:npm/a@1</ref></target></affects></vulnerability></vulnerabilities></bom>`),
	}
	h := newHarness(t)
	p := h.pipeline(ingest.Config{})
	var statements []string
	for i := range forms {
		l := h.list(forms...)
		first := l.envelopes[i]
		l.envelopes = slices.Insert(slices.Delete(l.envelopes, i, i+1), 0, first)
		tenant := h.db.Tenant(t, fmt.Sprintf("first-%d", i))
		for k := range l.envelopes {
			l.envelopes[k].Tenant = tenant
		}
		if c := h.run(p, l); c.Accepted != 1 || c.Unchanged != int64(len(forms)-1) {
			t.Errorf("form %d first: %+v", i, c)
		}
		said := query[string](h, `select string_agg(vuln_id || ' ' || status, ', ' order by vuln_id) from vex.vex_statement where tenant_id = $1`, tenant)
		if statements = append(statements, said); said != statements[0] {
			t.Errorf("form %d first: %s", i, said)
		}
	}
	other := doc(serial(5), "a b c", first+","+second)
	contradiction := doc(serial(6), "a b", first+","+second+","+vulnerability("CVE-2026-1", "not_affected"))
	revoked := doc(serial(7), "a b", vulnerability("CVE-2026-1", "not_affected")+","+second+","+first)
	if c := h.run(p, h.list(forms[0], other, contradiction, revoked)); c.Accepted != 4 {
		t.Errorf("what says something else: %+v", c)
	}
}

// refusedByPostgres is a document that passes every check of ours and that PostgreSQL
// refuses: a member without meaning for SPDX is indexed, and too long for an index row.
func refusedByPostgres(name string) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	junk := make([]byte, 20_000)
	for i := range junk {
		junk[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[rng.IntN(62)]
	}
	return fmt.Appendf(nil, `{"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": %q, "dataLicense": "CC0-1.0",
 "documentNamespace": "https://example.com/%s", "creationInfo": {"created": "2026-01-01T00:00:00Z", "creators": []}, "packages": [], "bomFormat": %q}`, name, name, junk)
}

// TestBisect: whatever the place of the document that PostgreSQL refuses, it alone is parked.
func TestBisect(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for _, bad := range [][]int{{0}, {7}, {3}, {0, 1, 2, 3, 4, 5, 6, 7}, {2, 5}} {
		name := fmt.Sprint(bad)
		var docs [][]byte
		for i := range 8 {
			if slices.Contains(bad, i) {
				docs = append(docs, refusedByPostgres(fmt.Sprintf("%s-%d", name, i)))
			} else {
				docs = append(docs, sbom(fmt.Sprintf("app%d", i), serial(i), "2026-01-01T00:00:00Z", "pkg:npm/in-"+strings.Trim(fmt.Sprint(len(bad), bad[0]), " ")+"@1"))
			}
		}
		docs = append(docs, docs[bad[0]], docs[bad[len(bad)-1]]) // in the same batch once more
		l := h.list(docs...)
		for i := range l.envelopes {
			l.envelopes[i].Origin = fmt.Sprintf("%s/%d", name, i)
		}
		c := h.run(h.pipeline(ingest.Config{}), l)
		if int(c.Parked) != len(bad) || int(c.Accepted) != 8-len(bad) || c.Duplicate != 2 || c.ByReason[normalize.ReasonDatabase] != int64(len(bad)) {
			t.Errorf("%s: %+v", name, c)
		}
		for i := range 8 {
			if got := h.receipt(fmt.Sprintf("%s/%d", name, i)); (got.Outcome == ingest.Parked) != slices.Contains(bad, i) {
				t.Errorf("%s: document %d is %s", name, i, got.Outcome)
			} else if got.Outcome == ingest.Parked && (got.Format != "spdx-json" || !strings.Contains(got.Message, "index row")) {
				t.Errorf("%s: document %d: %+v", name, i, got)
			}
		}
		for _, twice := range []int{8, 9} {
			if got := h.receipt(fmt.Sprintf("%s/%d", name, twice)); got.Reason != "parked before: "+normalize.ReasonDatabase {
				t.Errorf("%s: the second copy of a parked document: %+v", name, got)
			}
		}
	}
	wantCount(h, 13, `select count(*) from ingest.parked where attempts = 1 and bytes is not null`)
	// The events of the attempts that failed are gone with them.
	wantCount(h, 50, `select count(*) from ingest.scan_run_event`)
}

// TestSeveralTenantsInABatch: each one's documents land under its name, also where the
// batch is cut because of another's.
func TestSeveralTenantsInABatch(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	tenants := []id.ID{h.tenant, h.db.Tenant(t, "rival"), h.db.Tenant(t, "third")}
	l := h.list(
		fact("A"), fact("A"), fact("A"), refusedByPostgres("x"), refusedByPostgres("x"), fact("B"), fact("A"),
	)
	for i := range l.envelopes {
		l.envelopes[i].Tenant = tenants[i%3]
	}
	var last []id.ID
	l.advance = func(ctx context.Context, tx pgx.Tx, done []ingest.Envelope) error {
		var now id.ID
		if err := tx.QueryRow(ctx, `select core.current_tenant()`).Scan(&now); err != nil {
			return err
		}
		if now != done[len(done)-1].Tenant {
			return errors.New("the transaction does not act for the tenant of the last document")
		}
		last = append(last, now)
		return nil
	}
	if c := h.run(h.pipeline(ingest.Config{}), l); c.Accepted != 4 || c.Parked != 2 || c.Duplicate != 1 {
		t.Errorf("%+v", c)
	}
	if len(last) < 2 {
		t.Errorf("Advance was called %d times: the batch was not cut", len(last))
	}
	for i, want := range []int64{1, 1, 2} {
		wantCount(h, want, `select count(*) from vex.vuln_fact where tenant_id = $1`, tenants[i])
		wantCount(h, want, `select count(*) from ingest.original where tenant_id = $1`, tenants[i])
	}
	wantCount(h, 2, `select count(*) from ingest.parked where tenant_id = any ($1)`, tenants[:2])
	for i, want := range []int64{3, 2, 2} {
		wantCount(h, want, `select count(*) from ingest.scan_run_event where tenant_id = $1`, tenants[i])
	}
}

// TestTenantsOfABatchStayApart: what one tenant's rows were staged in holds nothing when the
// next one's are written.
func TestTenantsOfABatchStayApart(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	tenants := []id.ID{h.tenant, h.db.Tenant(t, "rival"), h.db.Tenant(t, "third")}
	l := h.list(fact("A"), fact("B"), fact("C"), []byte("{"), []byte("[1"), []byte("[2"))
	for i := range l.envelopes {
		l.envelopes[i].Tenant = tenants[i%3]
	}
	batches := 0
	l.advance = func(context.Context, pgx.Tx, []ingest.Envelope) error { batches++; return nil }
	if c := h.run(h.pipeline(ingest.Config{}), l); c.Accepted != 3 || c.Parked != 3 {
		t.Errorf("%+v", c)
	}
	if batches != 1 {
		t.Errorf("%d transactions, want 1: something of one tenant was refused to another", batches)
	}
	for _, tenant := range tenants {
		wantCount(h, 1, `select count(*) from ingest.original where tenant_id = $1`, tenant)
		wantCount(h, 1, `select count(*) from ingest.parked where tenant_id = $1`, tenant)
		wantCount(h, 2, `select count(*) from ingest.scan_run_event where tenant_id = $1`, tenant)
	}
}

// panicking is a format with a bug.
type panicking struct{ osv.JSON }

func (panicking) Normalize(in normalize.Input) (*normalize.Document, error) {
	if strings.Contains(string(in.Bytes), "BOOM") {
		panic("index out of range")
	}
	return osv.JSON{}.Normalize(in)
}

func TestAPanicParksOneDocument(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	p := h.pipeline(ingest.Config{Formats: []normalize.Format{panicking{}}})
	if c := h.run(p, h.list(fact("A"), fact("BOOM"), fact("B"))); c.Accepted != 2 || c.ByReason[normalize.ReasonInvalid] != 1 {
		t.Errorf("%+v", c)
	}
}

// TestADefectParksNothing: missing rights are no document's fault.
func TestADefectParksNothing(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	admin := h.db.Admin(t)
	if _, err := admin.Exec(t.Context(), `revoke insert on vex.vuln_affected from sluice_ingest`); err != nil {
		t.Fatal(err)
	}
	docs := [][]byte{fact("A"), sbom("app", serial(1), "2026-01-01T00:00:00Z"), fact("B")}
	err := h.pipeline(ingest.Config{}).Run(t.Context(), h.list(docs...))
	if err == nil || !strings.Contains(err.Error(), "permission denied") || !strings.Contains(err.Error(), "memory/0") {
		t.Errorf("error %v", err)
	}
	if len(h.receipts) != 0 {
		t.Errorf("receipts %+v", h.receipts)
	}
	wantCount(h, 0, `select count(*) from ingest.parked`)
	if _, err := admin.Exec(t.Context(), `grant insert on vex.vuln_affected to sluice_ingest`); err != nil {
		t.Fatal(err)
	}
	if c := h.run(h.pipeline(ingest.Config{}), h.list(docs...)); c.Accepted != 3 {
		t.Errorf("after the repair: %+v", c)
	}
}

// TestErrorsOfTheSource: what came before an error is stored, an outage is waited out.
func TestErrorsOfTheSource(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	l := h.list(fact("A"), fact("B"), fact("C"))
	failures := []error{nil, &net.OpError{Op: "read", Err: errors.New("connection reset")}, nil, errors.New("the lid is stuck"), nil}
	src := &failing{list: l, errors: failures}
	outages := 0
	p := h.pipeline(ingest.Config{RetryFirst: time.Millisecond, OnOutage: func(error) { outages++ }})
	err := p.Run(t.Context(), src)
	if err == nil || !strings.Contains(err.Error(), "read source: the lid is stuck") {
		t.Errorf("error %v", err)
	}
	if outages != 1 {
		t.Errorf("%d outages, want 1", outages)
	}
	wantCount(h, 2, `select count(*) from ingest.original`)
	// An Advance that fails is like a database that fails, but nothing is parked for it.
	l = h.list(fact("D"), fact("E"))
	l.advance = func(context.Context, pgx.Tx, []ingest.Envelope) error { return errors.New("no room for the position") }
	if err := h.pipeline(ingest.Config{}).Run(t.Context(), l); err == nil || !strings.Contains(err.Error(), "no room for the position") {
		t.Errorf("error %v", err)
	}
	l = h.list(fact("F"))
	l.advance = func(context.Context, pgx.Tx, []ingest.Envelope) error { return ingest.ErrFenced }
	if err := h.pipeline(ingest.Config{}).Run(t.Context(), l); !errors.Is(err, ingest.ErrFenced) {
		t.Errorf("error %v", err)
	}
	wantCount(h, 2, `select count(*) from ingest.original`)
	wantCount(h, 0, `select count(*) from ingest.parked`)
}

// failing fails as told before each document.
type failing struct {
	*list
	errors []error
}

func (f *failing) Next(ctx context.Context) (ingest.Envelope, error) {
	err := f.errors[0]
	f.errors = f.errors[1:]
	if err != nil {
		return ingest.Envelope{}, err
	}
	return f.list.Next(ctx)
}

// TestInternalErrorsAreNotForEver: XX000 may be an outage, and may be one document that the
// server cannot cope with.
func TestInternalErrorsAreNotForEver(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	l := h.list(fact("A"), fact("B"), fact("POISON"), fact("C"))
	attempts := 0
	l.advance = func(_ context.Context, _ pgx.Tx, done []ingest.Envelope) error {
		attempts++
		for _, env := range done {
			if strings.Contains(string(env.Bytes), "POISON") && attempts <= 16 { // until it is parked
				return &pgconn.PgError{Code: "XX000", Message: "invalid memory alloc request size"}
			}
		}
		return nil
	}
	c := h.run(h.pipeline(ingest.Config{RetryFirst: time.Millisecond, RetryMax: time.Millisecond}), l)
	if c.Accepted != 3 || c.ByReason[normalize.ReasonDatabase] != 1 {
		t.Errorf("%+v after %d attempts", c, attempts)
	}
}

// TestTightMemory: documents larger than the room pass one by one, and a batch that is
// gathered does not wait for documents that have no room.
func TestTightMemory(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	var docs [][]byte
	for i := range 30 {
		docs = append(docs, append(fact(fmt.Sprint("M-", i)), strings.Repeat(" ", 1000*(i%7))...))
	}
	l := h.list(docs...)
	l.parallel = 3
	start := time.Now()
	c := h.run(h.pipeline(ingest.Config{BytesInFlight: 5000, BatchWait: time.Minute}), l)
	if c.Accepted != 30 {
		t.Errorf("%+v", c)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %s: a batch waited for its clock although no room was left", took)
	}
}

// TestFourAtOnce imports the same overlapping documents by four pipelines at once, in four
// orders: no deadlock that is not survived, each document once.
func TestFourAtOnce(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	var docs [][]byte
	for i := range 60 {
		// New artifacts and packages, which all four bring at the same moment; every third
		// document says the same as the one before.
		docs = append(docs, sbom(fmt.Sprintf("app%d", i-i%3/2), serial(i), "2026-01-01T00:00:00Z",
			fmt.Sprintf("pkg:npm/p%d@1.0.0", i/2), fmt.Sprintf("pkg:npm/p%d@1.0.0", 60-i), "pkg:npm/everywhere@1.0.0"))
	}
	for i := range 20 {
		docs = append(docs, fact(fmt.Sprint("FACT-", i)), []byte(fmt.Sprint("{broken", i)))
	}
	var running sync.WaitGroup
	counts := make([]ingest.Counts, 4)
	for i := range counts {
		running.Go(func() {
			rng := rand.New(rand.NewPCG(7, uint64(i)))
			mine := slices.Clone(docs)
			rng.Shuffle(len(mine), func(a, b int) { mine[a], mine[b] = mine[b], mine[a] })
			l := h.list(mine...)
			l.parallel = 1 + i%2
			pool := h.db.Pool(t, pg.Ingest, ingest.PoolConfig(4))
			// Batches of one are where a race would park a good document instead of cutting the batch.
			p, err := ingest.New(pool, ingest.Config{
				Formats: allFormats, BatchDocuments: 1 + 10*(i/2), RetryFirst: time.Millisecond,
				OnReceipts: func(r []ingest.Receipt) { counts[i].Add(r...) },
			})
			if err == nil {
				err = p.Run(t.Context(), l)
			}
			if err != nil {
				t.Errorf("pipeline %d: %v", i, err)
			}
		})
	}
	running.Wait()
	var sum ingest.Counts
	for _, c := range counts {
		if int(c.Documents) != len(docs) {
			t.Errorf("%d receipts for %d documents", c.Documents, len(docs))
		}
		sum.Accepted += c.Accepted
		sum.Unchanged += c.Unchanged
		sum.Parked += c.Parked
		for reason := range c.ByReason {
			if reason != normalize.ReasonSyntax {
				t.Errorf("parked for %s", reason)
			}
		}
	}
	wantCount(h, sum.Accepted, `select count(*) from ingest.original`)
	wantCount(h, sum.Unchanged, `select count(*) from ingest.document_alias`)
	wantCount(h, 80, `select count(distinct content_hash) from (select content_hash from ingest.original union all select content_hash from ingest.document_alias) s`)
	wantCount(h, 20, `select count(*) from ingest.parked`)
	wantCount(h, 20, `select count(*) from vex.vuln_fact`)
	wantCount(h, query[int64](h, `select count(*) from ingest.original where kind = 'sbom'`), `select count(*) from ingest.sbom_document d join ingest.sbom_inventory i on i.sbom_document_id = d.id`)
}

// TestNothingStaysBehind is not parallel: it looks at all goroutines.
func TestNothingStaysBehind(t *testing.T) {
	h := newHarness(t)
	for _, src := range []func() ingest.Source{
		func() ingest.Source { return h.list(fact("A"), fact("B")) },
		func() ingest.Source { return &failing{list: h.list(), errors: []error{errors.New("no")}} },
		func() ingest.Source { return stuck{h.list()} },
	} {
		before := goleak.IgnoreCurrent()
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		pool, err := pg.Open(t.Context(), h.db.URL, pg.Ingest, ingest.PoolConfig(4))
		if err != nil {
			t.Fatal(err)
		}
		_ = h.pipelineOn(pool, ingest.Config{}).Run(ctx, src())
		cancel()
		pool.Close()
		goleak.VerifyNone(t, before)
	}
}

// stuck has nothing to hand over and no end.
type stuck struct{ *list }

func (stuck) Next(ctx context.Context) (ingest.Envelope, error) {
	<-ctx.Done()
	return ingest.Envelope{}, io.ErrUnexpectedEOF // not even the context's error
}

// TestParallelRunsLikeASequence: which of two equal documents is stored, and which of two
// that say the same, does not depend on which batch is faster.
func TestParallelRunsLikeASequence(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for round := range 5 {
		var docs [][]byte
		for i := range 12 {
			name := fmt.Sprintf("r%d-%d", round, i)
			// The first of each three is large, so the others would overtake it.
			pad := strings.Repeat(" ", 300_000*(1-min(1, i%2)))
			docs = append(docs, append(sbom(name, serial(100*round+i), "2026-01-02T00:00:00Z", "pkg:npm/a@1"), pad...),
				sbom(name, serial(100*round+50+i), "2026-01-01T00:00:00Z", "pkg:npm/a@1"))
			docs = append(docs, docs[len(docs)-2])
		}
		l := h.list(docs...)
		l.parallel = 4
		for i := range l.envelopes {
			l.envelopes[i].Origin = fmt.Sprintf("%d/%d", round, i)
		}
		h.run(h.pipeline(ingest.Config{BatchDocuments: 1}), l)
		for i := range docs {
			want := []ingest.Outcome{ingest.Accepted, ingest.Unchanged, ingest.Duplicate}[i%3]
			if got := h.receipt(fmt.Sprintf("%d/%d", round, i)).Outcome; got != want {
				t.Errorf("round %d: document %d is %s, want %s", round, i, got, want)
			}
		}
	}
}

// TestSourcesShareThePipeline: several at once, with room for hardly more than one document.
func TestSourcesShareThePipeline(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	p := h.pipeline(ingest.Config{BytesInFlight: 9000, BatchWait: time.Minute, BatchDocuments: 3})
	var running sync.WaitGroup
	for i := range 3 {
		running.Go(func() {
			var docs [][]byte
			for j := range 20 {
				docs = append(docs, append(fact(fmt.Sprintf("S-%d-%d", i, j)), strings.Repeat(" ", 3000*(j%3))...))
			}
			l := h.list(docs...)
			l.parallel = 1 + i%2
			if err := p.Run(t.Context(), l); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	wantCount(h, 60, `select count(*) from ingest.original`)
	if len(h.receipts) != 60 {
		t.Errorf("%d receipts", len(h.receipts))
	}
}

// TestHintsThatCannotBe are the sender's mistake, not the database's.
func TestHintsThatCannotBe(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	doc := sbom("app", serial(1), "2026-01-01T00:00:00Z")
	var docs [][]byte
	for i := range 5 {
		docs = append(docs, append(slices.Clone(doc), strings.Repeat(" ", i)...))
	}
	l := h.list(docs...)
	l.envelopes[0].Stream = strings.Repeat("s", 201)
	l.envelopes[1].Stream = "a\x00b"
	l.envelopes[2].Artifact = "no purl"
	l.envelopes[3].Kind = normalize.Vuln
	l.envelopes[4].Tenant = id.Shared
	pool := h.db.Pool(t, pg.Feed, ingest.PoolConfig(3))
	if c := h.run(h.pipelineOn(pool, ingest.Config{}), l); c.ByReason[normalize.ReasonInvalid] != 5 {
		t.Errorf("%+v", c)
	}
}
