package ingest_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"sluice/ingest"
	"sluice/ingest/sourcetest"
	"sluice/normalize"
	"sluice/normalize/spdx"
)

func TestContractOfReplay(t *testing.T) {
	t.Parallel()
	shared := newHarness(t)
	sourcetest.Run(t, func(t *testing.T, documents [][]byte) sourcetest.Fixture {
		h := &harness{t: t, db: shared.db, pool: shared.pool, tenant: shared.db.Tenant(t, tenantName(t))}
		// Parked by a program that knows none of them.
		park := h.pipeline(ingest.Config{Formats: []normalize.Format{spdx.JSON{}}, BatchDocuments: 1})
		if c := h.run(park, h.list(documents...)); c.Parked != int64(len(documents)) {
			t.Fatalf("%+v, want all parked", c)
		}
		return sourcetest.Fixture{Pool: h.pool, Open: func(t *testing.T) ingest.Source {
			src, err := ingest.NewReplay(t.Context(), h.pool, h.tenant, 0, ingest.ParkedFilter{})
			if err != nil {
				t.Fatal(err)
			}
			return src
		}}
	})
}

func tenantName(t *testing.T) string { return strings.ToLower(path.Base(t.Name())) }

// TestReplayAfterAFix: what a program without the format parked lands with one that has it.
func TestReplayAfterAFix(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	old := h.pipeline(ingest.Config{Formats: []normalize.Format{spdx.JSON{}}})
	l := h.list(fact("A"), sbom("app", serial(1), "2026-01-01T00:00:00Z"), []byte("{broken"))
	l.envelopes[1].Artifact, l.envelopes[1].Stream = "pkg:oci/given@1", "ci"
	if c := h.run(old, l); c.Parked != 3 {
		t.Fatalf("%+v", c)
	}
	replay := func(cfg ingest.Config) ingest.Counts {
		t.Helper()
		src, err := ingest.NewReplay(t.Context(), h.pool, h.tenant, 2, ingest.ParkedFilter{})
		if err != nil {
			t.Fatal(err)
		}
		return h.run(h.pipeline(cfg), src)
	}
	// Without a fix nothing changes but the attempts.
	if c := replay(ingest.Config{Formats: []normalize.Format{spdx.JSON{}}}); c.Parked != 3 {
		t.Errorf("%+v", c)
	}
	wantCount(h, 3, `select count(*) from ingest.parked where attempts = 2`)
	if c := replay(ingest.Config{}); c.Accepted != 2 || c.ByReason[normalize.ReasonSyntax] != 1 {
		t.Errorf("%+v", c)
	}
	wantCount(h, 1, `select count(*) from ingest.parked where attempts = 3`)
	// The hints were kept with the bytes.
	wantCount(h, 1, `select count(*) from ingest.sbom_document where artifact_purl = 'pkg:oci/given@1' and stream = 'ci'`)
	wantCount(h, 2, `select count(*) from ingest.original`)
	// The same file again, by the new program: known, as parked or as stored.
	if c := h.run(h.pipeline(ingest.Config{}), l.again()); c.Duplicate != 3 {
		t.Errorf("%+v", c)
	}
}

// TestANewProgramTriesAgain: what was parked under another revision is read anew when it
// comes again, without a replay.
func TestANewProgramTriesAgain(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	l := h.list(fact("A"))
	h.run(h.pipeline(ingest.Config{Formats: []normalize.Format{spdx.JSON{}}}), l)
	if c := h.run(h.pipeline(ingest.Config{}), l.again()); c.Accepted != 1 {
		t.Errorf("%+v", c)
	}
	wantCount(h, 0, `select count(*) from ingest.parked`)
}

// TestReplayOfWhatLandedAnotherWay: two programs at the same time, one parked it, one stored it.
func TestReplayOfWhatLandedAnotherWay(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	doc := fact("A")
	h.run(h.pipeline(ingest.Config{Formats: []normalize.Format{spdx.JSON{}}}), h.list(doc))
	if _, err := h.db.Admin(t).Exec(t.Context(), `create table kept as select * from ingest.parked`); err != nil {
		t.Fatal(err)
	}
	h.run(h.pipeline(ingest.Config{}), h.list(doc))
	if _, err := h.db.Admin(t).Exec(t.Context(), `insert into ingest.parked select * from kept`); err != nil {
		t.Fatal(err)
	}
	src, err := ingest.NewReplay(t.Context(), h.pool, h.tenant, 2, ingest.ParkedFilter{})
	if err != nil {
		t.Fatal(err)
	}
	if c := h.run(h.pipeline(ingest.Config{}), src); c.Duplicate != 1 {
		t.Errorf("%+v", c)
	}
	wantCount(h, 0, `select count(*) from ingest.parked`)
}

// TestReplayOfAnArchive: bytes that were parked packed are unpacked again, and the row
// goes with the last document.
func TestReplayOfAnArchive(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for i := range 3 {
		doc := fact(fmt.Sprint("TAR-", i))
		_ = w.WriteHeader(&tar.Header{Name: fmt.Sprint(i), Size: int64(len(doc)), Mode: 0o644})
		_, _ = w.Write(doc)
	}
	w.Close()
	z.Close()
	whole := slices.Clone(b.Bytes())
	parkedAs := func(reason string, bytes []byte) *list {
		l := h.list(bytes)
		l.envelopes[0].Err = normalize.Park(reason, "", "as it was")
		return l
	}
	for _, l := range []*list{
		parkedAs(normalize.ReasonTooMany, whole),                              // limits were lower then
		parkedAs(normalize.ReasonCorruptArchive, whole[:len(whole)-20]),       // it is cut off and stays so
		parkedAs(normalize.ReasonCorruptArchive, []byte("out of the middle")), // nothing to unpack
	} {
		if c := h.run(h.pipeline(ingest.Config{}), l); c.Parked != 1 {
			t.Fatalf("%+v", c)
		}
	}
	src, err := ingest.NewReplay(t.Context(), h.pool, h.tenant, 2, ingest.ParkedFilter{})
	if err != nil {
		t.Fatal(err)
	}
	c := h.run(h.pipeline(ingest.Config{}), src)
	if c.Accepted != 3 || c.ByReason[normalize.ReasonCorruptArchive] != 2 || c.Documents != 5 {
		t.Errorf("%+v", c)
	}
	if got := h.receipt("memory/0!/2"); got.Outcome != ingest.Accepted {
		t.Errorf("%+v", got)
	}
	wantCount(h, 2, `select count(*) from ingest.parked where attempts = 2 and reason = 'corrupt-archive'`)
	wantCount(h, 2, `select count(*) from ingest.parked`)
}

// TestUnreadableIsNoDocument: bytes that came before a reading error are not kept as if
// they were the document.
func TestUnreadableIsNoDocument(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	l := h.list(fact("A")[:40])
	l.envelopes[0].Err = normalize.Park(normalize.ReasonUnreadable, "", "input/output error")
	for range 2 {
		if c := h.run(h.pipeline(ingest.Config{}), l.again()); c.Parked != 1 || c.Bytes != 0 {
			t.Errorf("%+v", c)
		}
	}
	if got := h.receipt("memory/0"); got.ContentHash != "" || got.Message != "input/output error" {
		t.Errorf("%+v", got)
	}
	wantCount(h, 1, `select count(*) from ingest.parked where bytes is null and attempts = 2`)
}
