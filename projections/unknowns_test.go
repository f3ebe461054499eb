package projections

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/internal/id"
)

// believedUnknowns are the unknowns of a tenant as they are believed at a time ("" is now),
// with the times for which they are valid.
func (w *world) believedUnknowns(t testing.TB, tenant id.ID, at string) []string {
	t.Helper()
	return query[string](t, w, `
		select concat_ws(' ', context ->> 'name', kind, to_char(valid_from at time zone 'utc', 'YYYY-MM-DD'), 'to',
		                 coalesce(to_char(nullif(valid_to, 'infinity') at time zone 'utc', 'YYYY-MM-DD'), 'now'))
		from unknowns.unknown
		where tenant_id = $1 and case $2 when '' then sys_to is null else sys_from <= $2::timestamptz and (sys_to is null or sys_to > $2::timestamptz) end
		order by 1`, tenant, at)
}

// unknownSBOM lists packages of npm; one with a version can be matched.
func unknownSBOM(t testing.TB, tenant id.ID, day int, purls ...string) ingest.Envelope {
	doc := sbomOf(object{"type": "container", "name": "app", "version": "1", "purl": "pkg:oci/app@1"}, "", purls...)
	delete(doc["metadata"].(object), "timestamp")
	if day > 0 {
		doc["metadata"].(object)["timestamp"] = fmt.Sprintf("2026-03-%02dT00:00:00Z", day)
	}
	return envelope(t, tenant, fmt.Sprint("sbom", day), "", doc)
}

// TestUnknownsInAnyOrder: for how long a component was unknown is what the documents say
// by their own times, whatever came first.
func TestUnknownsInAnyOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := rand.New(rand.NewPCG(16, 16))
	for i := range 8 {
		tenant := w.db.Tenant(t, fmt.Sprintf("acme%d", i))
		documents := []ingest.Envelope{
			unknownSBOM(t, tenant, 1, "pkg:npm/a", "pkg:npm/b"),
			unknownSBOM(t, tenant, 5, "pkg:npm/a"),
			unknownSBOM(t, tenant, 9, "pkg:npm/a", "pkg:npm/b"), // says the same as the first
			unknownSBOM(t, tenant, 12, "pkg:npm/b", "pkg:npm/c@1.0.0"),
			unknownSBOM(t, tenant, 15, "pkg:npm/b", "pkg:npm/c", "no purl"),
			unknownSBOM(t, tenant, 0, "pkg:maven/d@1"), // without a time
		}
		if i > 0 {
			r.Shuffle(len(documents), func(i, j int) { documents[i], documents[j] = documents[j], documents[i] })
		}
		for _, d := range documents {
			w.load(t, d)
			if i%2 == 0 {
				w.drain(t) // else all at once
			}
		}
		w.drain(t)
		w.noneParked(t)
		want := []string{
			"a no-version 2026-03-01 to 2026-03-12",
			"b no-version 2026-03-01 to 2026-03-05",
			"b no-version 2026-03-09 to now",
			"c invalid-purl 2026-03-15 to now", // the one that is no purl
			"c no-version 2026-03-15 to now",
			"d invalid-purl 1970-01-01 to 2026-03-01",
		}
		if got := w.believedUnknowns(t, tenant, ""); !slices.Equal(got, want) {
			t.Errorf("order %d: %q, want %q", i, got, want)
		}
		current := query[string](t, w, `select context ->> 'name' from unknowns.current where tenant_id = $1 order by 1`, tenant)
		if !slices.Equal(current, []string{"b", "c", "c"}) {
			t.Errorf("order %d: now %q", i, current)
		}
	}
}

// TestUnknownsInBothTimes: what was believed at an earlier moment stays on record, with the
// times that were believed then.
func TestUnknownsInBothTimes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tenant := w.db.Tenant(t, "acme")
	now := func() string {
		return query[string](t, w, `select clock_timestamp()::text`)[0]
	}
	var moments []string
	for _, d := range []ingest.Envelope{
		unknownSBOM(t, tenant, 5, "pkg:npm/a"),
		unknownSBOM(t, tenant, 9, "pkg:npm/a", "pkg:npm/b"),
		unknownSBOM(t, tenant, 1, "pkg:npm/b"), // late
		unknownSBOM(t, tenant, 12, "pkg:npm/b"),
	} {
		w.load(t, d)
		w.drain(t)
		moments = append(moments, now())
		time.Sleep(2 * time.Millisecond)
	}
	for i, want := range [][]string{
		{"a no-version 2026-03-05 to now"},
		{"a no-version 2026-03-05 to now", "b no-version 2026-03-09 to now"},
		{"a no-version 2026-03-05 to now", "b no-version 2026-03-01 to 2026-03-05", "b no-version 2026-03-09 to now"},
		{"a no-version 2026-03-05 to 2026-03-12", "b no-version 2026-03-01 to 2026-03-05", "b no-version 2026-03-09 to now"},
	} {
		if got := w.believedUnknowns(t, tenant, moments[i]); !slices.Equal(got, want) {
			t.Errorf("believed after document %d: %q, want %q", i+1, got, want)
		}
	}
	for _, wrong := range query[string](t, w, `
		select 'valid ' || valid_from || ' to ' || coalesce(valid_to::text, 'now') from unknowns.unknown where valid_to <= valid_from
		union all
		select 'believed ' || sys_from || ' to ' || sys_to from unknowns.unknown where sys_to <= sys_from`) {
		t.Error(wrong)
	}
	// Nothing is written where nothing changed.
	before := query[int64](t, w, `select count(*) from unknowns.unknown`)[0]
	w.load(t, unknownSBOM(t, tenant, 14, "pkg:npm/b"))
	w.drain(t)
	if n := query[int64](t, w, `select count(*) from unknowns.unknown`)[0]; n != before {
		t.Errorf("%d rows after a document that says the same, %d before it", n, before)
	}
}
