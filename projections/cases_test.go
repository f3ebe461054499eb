package projections

import (
	"encoding/csv"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"sluice/ingest"
	"sluice/internal/id"
	"sluice/internal/test/brief"
)

// expected is a line of a case's expect.tsv: the findings of a vulnerability (or "any", by
// any of its ids) in packages whose purl holds pack, in artifacts whose purl holds artifact.
// The status is open, suppressed, none, or unknown for a component that cannot be matched;
// a number behind it says how many findings there are.
type expected struct {
	vuln, pack, artifact, status string
	count                        int
}

// foundLine is what a tenant has: a finding or an unknown.
type foundLine struct {
	names                  []string
	pack, artifact, status string
}

// TestCases imports the documents of each fixtures/cases/*.txtar: in their order, in the
// opposite one, each projected before the next one comes, and all at once. What is right is the
// same every time.
func TestCases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../fixtures/cases/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	w := newWorld(t)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) { runCase(t, w, name, file) })
	}
}

func runCase(t *testing.T, w *world, name, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var docs []txtar.File
	var want []expected
	for _, f := range archive.Files {
		if f.Name == "expect.tsv" {
			want = readExpected(t, string(f.Data))
		} else {
			docs = append(docs, f)
		}
	}
	if len(docs) == 0 || len(want) == 0 {
		t.Fatal("a case has documents and expect.tsv")
	}
	backwards := slices.Clone(docs)
	slices.Reverse(backwards)
	type order struct {
		name string
		docs []txtar.File
		each bool // project after each
	}
	orders := []order{{"in order", docs, true}, {"backwards", backwards, true}, {"at once", docs, false}}
	if brief.Run(t) {
		orders = orders[2:]
	}
	for _, order := range orders {
		tenant := id.Derive(id.ID{}, "case", name, order.name)
		for _, d := range order.docs {
			w.load(t, ingest.Envelope{Tenant: tenant, Origin: d.Name, Bytes: slices.Clone(d.Data)})
			if order.each {
				w.drain(t)
			}
		}
		w.drain(t)
		w.noneParkedOf(t, tenant)
		have := w.foundIn(t, tenant)
		for _, e := range want {
			e.check(t, order.name, strings.TrimSpace(string(archive.Comment)), have)
		}
	}
}

func readExpected(t *testing.T, text string) (list []expected) {
	t.Helper()
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.LazyQuotes = '\t', true
	rows, err := r.ReadAll()
	if err != nil || len(rows) < 2 || !slices.Equal(rows[0], []string{"vulnerability", "package", "artifact", "status"}) {
		t.Fatalf("expect.tsv: %v: %q", err, rows)
	}
	for _, row := range rows[1:] {
		e := expected{vuln: row[0], pack: row[1], artifact: row[2], status: row[3], count: -1}
		if status, n, ok := strings.Cut(row[3], " "); ok {
			e.status = status
			if e.count, err = strconv.Atoi(n); err != nil {
				t.Fatal(err)
			}
		}
		list = append(list, e)
	}
	return list
}

// foundIn are the findings and unknowns of a tenant.
func (w *world) foundIn(t testing.TB, tenant id.ID) (list []foundLine) {
	t.Helper()
	for _, f := range query[[]string](t, w, `
		select array['open', package_purl, artifact_purl, vuln_id] || aliases || advisories from vex.open_findings where tenant_id = $1
		union all
		select array['suppressed', package_purl, artifact_purl, vuln_id] || aliases || advisories from vex.suppressed_findings where tenant_id = $1
		union all
		select array['unknown', coalesce(context ->> 'purl', context ->> 'name'), coalesce(context ->> 'artifact', ''), 'unknown']
		from unknowns.current where tenant_id = $1`, tenant) {
		list = append(list, foundLine{status: f[0], pack: f[1], artifact: f[2], names: f[3:]})
	}
	return list
}

func (e expected) check(t *testing.T, order, why string, have []foundLine) {
	t.Helper()
	var got []string
	for _, f := range have {
		if (f.status == "unknown") != (e.status == "unknown") || !strings.Contains(f.pack, e.pack) || !strings.Contains(f.artifact, e.artifact) {
			continue
		}
		if e.vuln == "any" || slices.Contains(f.names, e.vuln) {
			got = append(got, f.status)
		}
	}
	slices.Sort(got)
	distinct := strings.Join(slices.Compact(slices.Clone(got)), "/")
	if distinct == "" {
		distinct = "none"
	}
	if distinct != e.status || e.count >= 0 && len(got) != e.count {
		t.Errorf("%s: %s of %q in %q is %s (%d times), want %s: %s", order, e.vuln, e.pack, e.artifact, distinct, len(got), e.status, why)
	}
}
