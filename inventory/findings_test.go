package inventory_test

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/internal/test/brief"
	"sluice/inventory"
)

// fleet is a world with many findings: SLUICE_FINDINGS of them.
func fleet(t *testing.T) (*world, int) {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv("SLUICE_FINDINGS"), "2000"))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.fill("testdata/findings.sql", n)
	return w, n
}

// pickedBy are filters, each with what it picks of the findings that are open or suppressed.
var pickedBy = []struct {
	name  string
	f     inventory.FindingFilter
	picks func(inventory.Finding) bool
}{
	{"all", inventory.FindingFilter{}, func(inventory.Finding) bool { return true }},
	{"critical", inventory.FindingFilter{Severity: "critical"}, func(f inventory.Finding) bool { return f.Severity == "critical" }},
	{"high", inventory.FindingFilter{Severity: "high"}, func(f inventory.Finding) bool { return f.Severity == "critical" || f.Severity == "high" }},
	{"none", inventory.FindingFilter{Severity: "none"}, func(f inventory.Finding) bool { return f.Severity != "" }},
	{"score", inventory.FindingFilter{Score: 9.85}, func(f inventory.Finding) bool { return f.Score != nil && *f.Score >= 99 }},
	{"kev", inventory.FindingFilter{KEV: true}, func(f inventory.Finding) bool { return f.KEV != nil }},
	{"epss", inventory.FindingFilter{EPSS: 0.9}, func(f inventory.Finding) bool { return f.EPSS != nil && f.EPSS.Score >= 0.9 }},
	{"low epss", inventory.FindingFilter{EPSS: 0.01}, func(f inventory.Finding) bool { return f.EPSS != nil && f.EPSS.Score >= 0.01 }},
	{"kev and epss", inventory.FindingFilter{KEV: true, EPSS: 0.3}, func(f inventory.Finding) bool { return f.KEV != nil && f.EPSS != nil && f.EPSS.Score >= 0.3 }},
	{"fix", inventory.FindingFilter{Fix: "yes"}, func(f inventory.Finding) bool { return len(f.Fixed) > 0 }},
	{"no fix", inventory.FindingFilter{Fix: "no"}, func(f inventory.Finding) bool { return len(f.Fixed) == 0 }},
	{"npm", inventory.FindingFilter{Ecosystem: "NPM"}, func(f inventory.Finding) bool { return strings.HasPrefix(f.Package, "pkg:npm/") }},
	{"Hex", inventory.FindingFilter{Ecosystem: "hex"}, func(f inventory.Finding) bool { return strings.HasPrefix(f.Package, "pkg:hex/") }},
	{"Debian:12", inventory.FindingFilter{Ecosystem: "debian:bookworm"}, func(f inventory.Finding) bool { return strings.HasPrefix(f.Package, "pkg:deb/") }},
	{"artifact", inventory.FindingFilter{Artifact: "pkg:oci/team-3/app-1@1.0"}, func(f inventory.Finding) bool { return f.Artifact == "pkg:oci/team-3/app-1@1.0" }},
	{"artifacts", inventory.FindingFilter{Artifact: "pkg:oci/team-3/*"}, func(f inventory.Finding) bool { return strings.HasPrefix(f.Artifact, "pkg:oci/team-3/") }},
	{"tag", inventory.FindingFilter{Tag: "production"}, func(f inventory.Finding) bool { return ofArtifact(f)%4 == 0 }},
	{"rare tag", inventory.FindingFilter{Tag: "pilot"}, func(f inventory.Finding) bool { return ofArtifact(f) == 3 }},
	{"package", inventory.FindingFilter{Package: "pkg:npm/lib-2"}, func(f inventory.Finding) bool { return strings.HasPrefix(f.Package, "pkg:npm/lib-2@") }},
	{"package version", inventory.FindingFilter{Package: "pkg:npm/lib-2@1.1"}, func(f inventory.Finding) bool { return f.Package == "pkg:npm/lib-2@1.1" }},
	{"packages", inventory.FindingFilter{Package: "*/lib-1?@*"}, func(inventory.Finding) bool { return false }},
	{"packages anywhere", inventory.FindingFilter{Package: "*lib-11@*"}, func(f inventory.Finding) bool { return strings.Contains(f.Package, "lib-11@") }},
	{"vuln", inventory.FindingFilter{Vuln: "CVE-2017-1002"}, func(f inventory.Finding) bool { return f.Vulnerability == "CVE-2017-1002" }},
	{"since", inventory.FindingFilter{Since: time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)}, func(f inventory.Finding) bool {
		return f.FirstSeen.After(time.Date(2026, 11, 27, 23, 59, 0, 0, time.UTC))
	}},
	{"openvex", inventory.FindingFilter{VEXSource: "openvex"}, func(f inventory.Finding) bool { return f.VEX != nil && f.VEX.Source == "openvex" }},
	{"csaf", inventory.FindingFilter{VEXSource: "CSAF"}, func(f inventory.Finding) bool { return f.VEX != nil && f.VEX.Source == "csaf" }},
	{"no vex", inventory.FindingFilter{VEXSource: "none"}, func(f inventory.Finding) bool { return f.VEX == nil }},
	{"several", inventory.FindingFilter{Severity: "high", Fix: "yes", Ecosystem: "maven", Tag: "production"}, func(f inventory.Finding) bool {
		return (f.Severity == "critical" || f.Severity == "high") && len(f.Fixed) > 0 && strings.HasPrefix(f.Package, "pkg:maven/") && ofArtifact(f)%4 == 0
	}},
}

// ofArtifact is the number of the artifact in testdata/findings.sql.
func ofArtifact(f inventory.Finding) (a int) {
	var team, app, minor int
	if _, err := fmt.Sscanf(f.Artifact, "pkg:oci/team-%d/app-%d@1.%d", &team, &app, &minor); err != nil {
		panic(err)
	}
	return app*3 + minor
}

// before compares two findings as an order has them.
func before(sort string, a, b inventory.Finding) int {
	score := func(f inventory.Finding) int {
		if f.Score == nil {
			return -1
		}
		return int(*f.Score)
	}
	grade := func(f inventory.Finding) int {
		return slices.Index([]string{"", "none", "low", "medium", "high", "critical"}, f.Severity)
	}
	value := func(f inventory.Finding) float64 {
		switch {
		case sort == "kev" && f.KEV != nil:
			at, _ := time.Parse(time.DateOnly, f.KEV.Added)
			return float64(at.Unix())
		case sort == "epss" && f.EPSS != nil:
			return float64(f.EPSS.Score)
		}
		return -1
	}
	worse := cmp.Or(grade(b)-grade(a), score(b)-score(a))
	newest := cmp.Or(strings.Compare(b.Vulnerability, a.Vulnerability), strings.Compare(b.Artifact, a.Artifact), strings.Compare(b.Package, a.Package))
	switch sort {
	case "score":
		return cmp.Or(score(b)-score(a), newest)
	case "first_seen":
		return cmp.Or(b.FirstSeen.Compare(a.FirstSeen), worse, newest)
	case "package":
		return cmp.Or(strings.Compare(a.Package, b.Package), strings.Compare(a.Vulnerability, b.Vulnerability), strings.Compare(a.Artifact, b.Artifact))
	case "artifact":
		return cmp.Or(strings.Compare(a.Artifact, b.Artifact), strings.Compare(a.Package, b.Package), strings.Compare(a.Vulnerability, b.Vulnerability))
	case "vuln":
		return cmp.Or(strings.Compare(a.Vulnerability, b.Vulnerability), strings.Compare(a.Artifact, b.Artifact), strings.Compare(a.Package, b.Package))
	case "kev", "epss":
		if value(a) != value(b) {
			return cmp.Compare(value(b), value(a))
		}
		if value(a) >= 0 {
			return newest
		}
	}
	return cmp.Or(worse, newest)
}

// TestFindingsList holds filters and orders to what they say, whole and page by page: some pairs of the two, and each with
// SLUICE_FINDINGS=2000. With SLUICE_FINDINGS=1000000 it measures the first page of each.
func TestFindingsList(t *testing.T) {
	t.Parallel()
	w, n := fleet(t)
	if n > 20_000 {
		measureFindings(t, w)
		return
	}
	all := must(w.inv.Findings(t.Context(), w.acme, inventory.FindingFilter{Status: "all"}))(t)
	if len(all) != n {
		t.Fatalf("%d findings, want %d", len(all), n)
	}
	some, step := 0, 7 // every 7th pair of a filter and an order
	if brief.Run(t) {
		step = 28
	}
	for _, status := range []string{"open", "suppressed", "all"} {
		for i, p := range pickedBy {
			var want []inventory.Finding
			for _, f := range all {
				if (status == "all" || f.Status == status) && p.picks(f) {
					want = append(want, f)
				}
			}
			if some += len(want); status == "open" && len(want) == 0 && p.name != "Hex" && p.name != "packages" {
				t.Errorf("%s picks nothing: the test tells nothing", p.name)
			}
			for j, sort := range inventory.FindingSorts {
				if whole := os.Getenv("SLUICE_FINDINGS") != ""; !whole && (i+j)%step != 0 || status != "open" && (i+j)%(2*step) != 0 {
					continue
				}
				f := p.f
				f.Status, f.Sort = status, sort
				slices.SortFunc(want, func(a, b inventory.Finding) int { return before(sort, a, b) })
				name := fmt.Sprintf("%s %s by %s", status, p.name, sort)
				same(t, name, must(w.inv.Findings(t.Context(), w.acme, f))(t), want)
				if i%2 == 0 {
					same(t, name+", in pages", pages(t, w, f, max(7, len(want)/5)), want)
				}
			}
		}
	}
	if some == 0 {
		t.Error("nothing was picked")
	}
	counts := must(w.inv.CountFindings(t.Context(), w.acme, inventory.FindingFilter{Severity: "high", Limit: 3}))(t)
	if high := must(w.inv.Findings(t.Context(), w.acme, inventory.FindingFilter{Severity: "high"}))(t); counts.Total != int64(len(high)) || counts.BySeverity["critical"]+counts.BySeverity["high"] != counts.Total {
		t.Errorf("%+v, want %d", counts, len(high))
	}
	if got := must(w.inv.Findings(t.Context(), w.rival, inventory.FindingFilter{Status: "all", Sort: "epss"}))(t); len(got) != 0 {
		t.Errorf("somebody else's: %d", len(got))
	}
}

func same(t *testing.T, what string, got, want []inventory.Finding) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d findings, want %d", what, len(got), len(want))
		return
	}
	for i := range got {
		if got[i].ID != want[i].ID {
			t.Errorf("%s: number %d is %s of %s, want %s of %s", what, i, got[i].ID, got[i].Artifact, want[i].ID, want[i].Artifact)
			return
		}
	}
}

// pages reads a list a page at a time, each with the cursor of the one before.
func pages(t *testing.T, w *world, f inventory.FindingFilter, size int) (all []inventory.Finding) {
	t.Helper()
	f.Limit = size
	for {
		page := []inventory.Finding{}
		more, err := w.inv.EachFinding(t.Context(), w.acme, f, func(f inventory.Finding) error {
			page = append(page, f)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
		if !more {
			return all
		}
		f.After = page[len(page)-1].Cursor
	}
}

// TestCursorChecked: a cursor is good for the question that it belongs to, and for no other.
func TestCursorChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.load(id.Shared, fact, strings.ReplaceAll(strings.ReplaceAll(fact, "GHSA-left", "GHSA-two"), "CVE-2026-1", "CVE-2026-2"))
	w.load(w.acme, sbom)
	w.project()
	first := must(w.inv.Findings(t.Context(), w.acme, inventory.FindingFilter{Limit: 1}))(t)
	if len(first) != 1 || first[0].Vulnerability != "CVE-2026-2" {
		t.Fatalf("%+v", first)
	}
	second := must(w.inv.Findings(t.Context(), w.acme, inventory.FindingFilter{Limit: 5, After: first[0].Cursor}))(t)
	if len(second) != 1 || second[0].Vulnerability != "CVE-2026-1" {
		t.Fatalf("%+v", second)
	}
	for name, f := range map[string]inventory.FindingFilter{
		"another order":  {Sort: "vuln", After: first[0].Cursor},
		"another filter": {KEV: true, After: first[0].Cursor},
		"made up":        {After: "bm90IGEgY3Vyc29y"},
		"changed":        {After: first[0].Cursor[:len(first[0].Cursor)-3] + "abc"},
		"no base64":      {After: "%"},
	} {
		var wrong *ask.WrongError
		if _, err := w.inv.Findings(t.Context(), w.acme, f); !errors.As(err, &wrong) || wrong.Field != "after" {
			t.Errorf("%s: %v", name, err)
		}
	}
	var wrong *ask.WrongError
	if _, err := w.inv.Findings(t.Context(), w.rival, inventory.FindingFilter{After: first[0].Cursor}); !errors.As(err, &wrong) {
		t.Errorf("another tenant: %v", err)
	}
}

// measureFindings measures the first page of every filter in every order.
func measureFindings(t *testing.T, w *world) {
	slow := 0
	for _, p := range pickedBy {
		for _, sort := range inventory.FindingSorts {
			f := p.f
			f.Sort, f.Limit = sort, 50
			best, got := time.Hour, 0
			for range 3 {
				began := time.Now()
				got = len(must(w.inv.Findings(t.Context(), w.acme, f))(t))
				best = min(best, time.Since(began))
			}
			mark := ""
			if best > 100*time.Millisecond {
				slow++
				mark = "SLOW"
			}
			t.Logf("%-18s by %-10s %3d findings %8.1f ms %s", p.name, sort, got, float64(best.Microseconds())/1000, mark)
		}
	}
	if slow > 0 {
		t.Errorf("%d first pages took more than 100 ms", slow)
	}
}
