package ingest_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"sluice/ingest"
)

// TestMeaningMadeUpFor: the first SBOM of a stream is stored without a meaning hash. Whoever comes
// next finds out that it says the same all the same, in whatever order or notation, and it is
// worked out once.
func TestMeaningMadeUpFor(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	p := h.pipeline(ingest.Config{BatchDocuments: 1})
	a, b := "pkg:npm/left-pad@1.0.0", "pkg:npm/right-pad@2.0.0"
	xml := fmt.Appendf(nil, `<bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1" serialNumber="urn:uuid:%s"><metadata><timestamp>2026-01-03T00:00:00Z</timestamp>
<component type="container" bom-ref="main"><name>app</name><purl>pkg:oci/app</purl></component></metadata><components>
<component type="library" bom-ref="1"><name>c1</name><purl>%s</purl></component>
<component type="library" bom-ref="0"><name>c0</name><purl>%s</purl></component></components></bom>`, serial(3), b, a)
	const (
		own     = `select count(*) from ingest.sbom_document where meaning_hash is not null`
		late    = `select count(*) from ingest.sbom_inventory where length(meaning_hash) = 32`
		version = `select count(*) from ingest.sbom_inventory where meaning_hash is not null and xmin::text <> $1`
	)
	step := func(name, want string, documents ...[]byte) ingest.Counts {
		t.Helper()
		c := h.run(p, h.list(documents...))
		if got := fmt.Sprintf("accepted %d, unchanged %d, parked %d", c.Accepted, c.Unchanged, c.Parked); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		return c
	}

	step("the first", "accepted 1, unchanged 0, parked 0", sbom("app", serial(1), "2026-01-01T00:00:00Z", a, b))
	wantCount(h, 0, own)
	wantCount(h, 0, late)
	first := h.receipt("memory/0").DocumentID

	step("the same in another notation", "accepted 0, unchanged 1, parked 0", xml)
	if got := h.receipt("memory/0").DocumentID; got != first {
		t.Errorf("it says the same as %s, want %s", got, first)
	}
	wantCount(h, 0, own)
	wantCount(h, 1, late)
	written := query[string](h, `select xmin::text from ingest.sbom_inventory`)

	other := sbom("app", serial(4), "2026-01-04T00:00:00Z", a)
	step("something else", "accepted 1, unchanged 0, parked 0", other)
	wantCount(h, 1, own)
	step("both again, each with a new serial number", "accepted 0, unchanged 2, parked 0",
		sbom("app", serial(5), "2026-01-05T00:00:00Z", a, b), sbom("app", serial(6), "2026-01-06T00:00:00Z", a))
	wantCount(h, 1, late)
	wantCount(h, 0, version, written) // it was not worked out again

	// Two of a stream in one batch, the stream new.
	both := h.pipeline(ingest.Config{})
	if c := h.run(both, h.list(sbom("two", serial(7), "2026-01-01T00:00:00Z", a), sbom("two", serial(8), "2026-01-02T00:00:00Z", a), sbom("two", serial(9), "2026-01-02T00:00:00Z", b))); c.Accepted != 2 || c.Unchanged != 1 {
		t.Errorf("in one batch: %+v", c)
	}
	// What an older program stored has its own meaning hash.
	exec(h, `update ingest.sbom_document d set meaning_hash = i.meaning_hash from ingest.sbom_inventory i where i.sbom_document_id = d.id and i.meaning_hash is not null`)
	exec(h, `update ingest.sbom_inventory set meaning_hash = null`)
	step("after an upgrade", "accepted 0, unchanged 1, parked 0", sbom("app", serial(10), "2026-01-10T00:00:00Z", a, b))
}

// TestMeaningOfWhatCannotBeRead: a stored original that is damaged is a document of its own, and keeps
// nobody from its stream.
func TestMeaningOfWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	p := h.pipeline(ingest.Config{BatchDocuments: 1})
	at := func(n int) []byte { return sbom("app", serial(n), "2026-01-01T00:00:00Z", "pkg:npm/left-pad@1.0.0") }
	h.run(p, h.list(at(1)))
	exec(h, `update ingest.original set bytes = '\x28b52ffd00', encoding = 'zstd'`)
	for i, want := range []int64{1, 0, 0} {
		if c := h.run(p, h.list(at(2+i))); c.Accepted != want || c.Accepted+c.Unchanged != 1 {
			t.Errorf("document %d after it: %+v", i, c)
		}
	}
	wantCount(h, 1, `select count(*) from ingest.sbom_inventory i join ingest.sbom_document d on d.id = i.sbom_document_id where i.meaning_hash = d.content_hash`)
}

// TestMeaningOfTwoImports: where two imports each stored the first SBOM of a stream, both are compared
// with what comes then, and the rows are locked in one order.
func TestMeaningOfTwoImports(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	one, two := h.pipeline(ingest.Config{}), h.pipeline(ingest.Config{})
	var streams []string
	for i := range 20 {
		streams = append(streams, fmt.Sprintf("s%02d", i))
	}
	list := func(n int, streams []string) *list {
		l := h.list()
		for i, s := range streams {
			e := h.list(sbom("app", serial(n), "2026-01-01T00:00:00Z", fmt.Sprintf("pkg:npm/left-pad@1.0.%d", n%2))).envelopes[0]
			e.Bytes, e.Stream, e.Origin = append(e.Bytes, fmt.Sprintf("%*s", i+1, "")...), s, fmt.Sprintf("memory/%d", i)
			l.envelopes = append(l.envelopes, e)
		}
		return l
	}
	h.run(one, list(1, streams))
	h.run(two, list(2, streams))
	// As if neither had seen the other.
	exec(h, `update ingest.sbom_document set meaning_hash = null`)
	exec(h, `update ingest.sbom_inventory set meaning_hash = null`)
	backwards := slices.Clone(streams)
	slices.Reverse(backwards)
	done := make(chan error, 2)
	go func() { done <- one.Run(t.Context(), list(3, streams)) }()
	go func() { done <- two.Run(t.Context(), list(4, backwards)) }()
	for range 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	wantCount(h, 40, `select count(*) from ingest.sbom_document`)
	wantCount(h, 40, `select count(*) from ingest.document_alias`)
	wantCount(h, 40, `select count(*) from ingest.sbom_inventory where length(meaning_hash) = 32`)
}

// exec changes something as the superuser, whom row security does not bind.
func exec(h *harness, sql string) {
	h.t.Helper()
	conn := h.db.Admin(h.t)
	defer conn.Close(context.Background())
	if _, err := conn.Exec(h.t.Context(), sql); err != nil {
		h.t.Fatalf("%s: %v", sql, err)
	}
}
