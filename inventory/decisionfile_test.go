package inventory_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/id"
	"sluice/inventory"
)

func TestReadDecisions(t *testing.T) {
	t.Parallel()
	const want = "2 pkg:npm/a@1 CVE-1 not_affected code_not_present; 3 pkg:npm/b@1 CVE-2 fixed "
	for name, text := range map[string]string{
		"csv":   "Package,vulnerability,status,justification,until\npkg:npm/a@1,CVE-1,not_affected,code_not_present,\npkg:npm/b@1,CVE-2,,,90d\n",
		"array": "[\n {\"package\": \"pkg:npm/a@1\", \"vuln\": \"CVE-1\", \"status\": \"not_affected\", \"justification\": \"code_not_present\"},\n {\"package\": \"pkg:npm/b@1\", \"vuln\": \"CVE-2\", \"until\": \"90d\", \"if-revision\": 3}\n]\n",
		"lines": "\n{\"package\": \"pkg:npm/a@1\", \"vuln\": \"CVE-1\", \"status\": \"not_affected\", \"justification\": \"code_not_present\"}\n{\"package\": \"pkg:npm/b@1\", \"vuln\": \"CVE-2\", \"until\": \"90d\"}",
	} {
		rows, err := inventory.ReadDecisions(strings.NewReader(text), inventory.Decision{Status: "fixed"})
		var got []string
		for _, r := range rows {
			got = append(got, fmt.Sprintf("%d %s %s %s %s", r.Line, r.Package, r.Vuln, r.Status, r.Justification))
		}
		if err != nil || strings.Join(got, "; ") != want {
			t.Errorf("%s: %q, %v", name, got, err)
			continue
		}
		if rows[0].Until != nil || rows[1].Until == nil || rows[1].Until.Before(time.Now().AddDate(0, 0, 89)) {
			t.Errorf("%s: until %v and %v", name, rows[0].Until, rows[1].Until)
		}
	}
	for text, want := range map[string][]string{
		"package,vuln\npkg:npm/a,CVE-1\npkg:npm/b@1,CVE-2\n,\n": {`line 2: package "pkg:npm/a" has no version`, "line 4: say what it is about"},
		"package,statsu\n":                                  {`line 1: "statsu" is no column`},
		"package,package\n":                                 {"line 1: there are two columns package"},
		"package,vuln\npkg:npm/a@1\n":                       {"line 2: wrong number of fields"},
		"[{\"vuln\": 7},\n{\"vuln\": [1]}]":                 {"line 2: vuln is no text"},
		"[\n{\"vuln\": \"CVE-1\"},\n{]":                     {"line 3: no JSON object"},
		"{\"vuln\": \"CVE-1\"} x":                           {"line 1: no JSON object"},
		"[{\"vuln\": \"CVE-1\"}] x":                         {"line 1: there is something after the decisions"},
		"vuln,until\nCVE-1,2020-01-01\nCVE-1,soon\n":        {"line 2: until 2020-01-02T00:00:00Z has passed", `line 3: until "soon"`},
		"vuln,ahead,if_revision\nCVE-1,maybe,\nCVE-1,,-1\n": {`line 2: ahead "maybe"`, `line 3: if_revision "-1"`},
		"": {"from has no decisions"},
	} {
		_, err := inventory.ReadDecisions(strings.NewReader(text), inventory.Decision{Status: "fixed"})
		if err == nil {
			t.Errorf("%q is taken", text)
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != len(want) {
			t.Errorf("%q: %q, want %q", text, lines, want)
			continue
		}
		for i := range want {
			if !strings.Contains(strings.ReplaceAll(lines[i], "record on line", "line"), want[i]) {
				t.Errorf("%q: %q, want %q", text, lines[i], want[i])
			}
		}
	}
}

// TestAllOrNone: of several decisions one of which is wrong none is recorded, and the error says which.
func TestAllOrNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.load(id.Shared, fact)
	w.load(w.acme, sbom)
	w.project()
	good := inventory.Decision{Package: "pkg:npm/left@1.0.0", Vuln: "CVE-2026-1", Status: "fixed"}
	bad := inventory.Decision{Package: "pkg:npm/left@1.0.0", Vuln: "CVE-2026-77", Status: "fixed"}
	_, err := w.inv.DecideAll(t.Context(), w.acme, []inventory.Decision{good, bad}, false)
	var one *inventory.DecisionError
	if !errors.As(err, &one) || one.Index != 1 {
		t.Errorf("%v", err)
	}
	if list := must(w.inv.VEX(t.Context(), w.acme, inventory.VEXFilter{}))(t); len(list) != 0 {
		t.Errorf("recorded all the same: %+v", list)
	}
	done := must(w.inv.DecideAll(t.Context(), w.acme, []inventory.Decision{good, {Package: "pkg:npm/right@2.0.0", Vuln: "GHSA-left", Status: "affected"}}, false))(t)
	if got := each(done.Decisions, func(c inventory.Change) string { return c.Package + " " + c.To }); !slices.Equal(got, []string{"pkg:npm/left@1.0.0 fixed", "pkg:npm/right@2.0.0 affected"}) {
		t.Errorf("%q", got)
	}
}

func TestParseUntil(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"2026-06-30": "2026-07-01T00:00:00Z", "2026-06-30T12:00:00+02:00": "2026-06-30T10:00:00Z", "2d": "2026-03-03T12:00:00Z", "90m": "2026-03-01T13:30:00Z",
	} {
		at, err := inventory.ParseUntil(text, now)
		if err != nil || at.Format(time.RFC3339) != want {
			t.Errorf("%s: %v, %v; want %s", text, at, err, want)
		}
	}
	for _, text := range []string{"soon", "-1d", "0d", "-5m", "2026-13-01"} {
		if at, err := inventory.ParseUntil(text, now); err == nil {
			t.Errorf("%s: %v", text, at)
		}
	}
}
