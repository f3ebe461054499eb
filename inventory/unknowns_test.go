package inventory_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/ask"
	"sluice/internal/id"
	"sluice/inventory"
)

// TestUnknownsAsOf: what was valid at a time, by what was known at a time.
func TestUnknownsAsOf(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	of := func(day string, names ...string) string {
		var list []string
		for _, n := range names {
			list = append(list, fmt.Sprintf(`{"type": "library", "name": %q, "version": "1"}`, n))
		}
		return fmt.Sprintf(`{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"timestamp": "%sT00:00:00Z", "component": {"type": "application", "bom-ref": "a", "name": "a", "purl": "pkg:oci/app@1"}},
			"components": [%s]}`, day, strings.Join(list, ", "))
	}
	w.load(w.acme, of("2026-01-10", "early"))
	w.load(w.acme, of("2026-03-10", "late"))
	w.project()
	between := time.Now()
	w.load(w.acme, of("2026-02-10", "middle")) // comes last, and was valid in between
	w.project()
	at := func(day string) *time.Time {
		d, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		return &d
	}
	for _, c := range []struct {
		name string
		f    inventory.UnknownFilter
		want string
	}{
		{"now", inventory.UnknownFilter{}, "late"},
		{"in January", inventory.UnknownFilter{ValidAt: at("2026-01-20")}, "early"},
		{"in February, as is known today", inventory.UnknownFilter{ValidAt: at("2026-02-20")}, "middle"},
		{"in February, as was known before the SBOM of February came", inventory.UnknownFilter{ValidAt: at("2026-02-20"), KnownAt: &between}, "early"},
		{"before all", inventory.UnknownFilter{ValidAt: at("2025-12-31")}, ""},
		{"before anything was known", inventory.UnknownFilter{ValidAt: at("2026-02-20"), KnownAt: at("2026-01-01")}, ""},
		{"what was believed to hold then", inventory.UnknownFilter{KnownAt: &between}, "late"},
	} {
		list := must(w.inv.Unknowns(ctx, w.acme, c.f))(t)
		if got := strings.Join(each(list, func(u inventory.Unknown) string { return u.Name }), " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	var missing *ask.NotFoundError
	if _, err := w.inv.Unknowns(ctx, w.acme, inventory.UnknownFilter{ValidAt: at("2026-02-20"), Artifact: "pkg:oci/other@1"}); !errors.As(err, &missing) {
		t.Errorf("of an artifact that nobody describes: %v", err)
	}
	if got := must(w.inv.Unknowns(ctx, w.rival, inventory.UnknownFilter{ValidAt: at("2026-02-20")}))(t); len(got) != 0 {
		t.Errorf("somebody else's: %+v", got)
	}
}

// TestUnknownsSuggest: what may help is said per reason, and nothing where nothing is known.
func TestUnknownsSuggest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.load(id.Shared, record("CVE-2026-1", "lodash", "", ""), record("CVE-2026-2", "express", "", ""))
	w.load(w.acme, `{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"timestamp": "2026-01-01T00:00:00Z", "component": {"type": "application", "bom-ref": "a", "name": "a", "purl": "pkg:oci/app@1"}},
		"components": [{"type": "library", "name": "ok", "version": "1", "purl": "pkg:npm/ok@1"},
		{"type": "library", "name": "base", "version": "1", "purl": "pkg:deb/debian/base@1?distro=debian-12"},
		{"type": "library", "name": "lodash", "version": "1"}, {"type": "library", "name": "expres", "version": "1"}, {"type": "library", "name": "zzz", "version": "1"},
		{"type": "library", "name": "bash", "version": "5", "purl": "pkg:deb/debian/bash@5"},
		{"type": "library", "name": "left", "version": "1", "purl": "pkg:npmm/left@1"},
		{"type": "library", "name": "old", "purl": "pkg:npm/old"}]}`)
	w.project()
	list := must(w.inv.Unknowns(ctx, w.acme, inventory.UnknownFilter{Suggest: true}))(t)
	got := map[string]string{}
	for _, u := range list {
		got[u.Name] = u.Reason + ": " + strings.Join(u.Suggestions, "; ")
	}
	for name, want := range map[string]string{
		"lodash": "no-purl: records of npm speak of lodash: give the component a purl",
		"expres": "no-purl: records of npm speak of express",
		"zzz":    "no-purl: ",
		"bash":   "unknown-distro: add distro=debian-12 to the purl, as 1 packages beside it have",
		"left":   "unknown-ecosystem: the purl's type npmm may be meant as npm",
		"old":    "no-version: have the tool write the version: without one nothing can be compared",
	} {
		if !strings.HasPrefix(got[name], want) || want == "no-purl: " && got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
	counts := must(inventory.CountUnknowns(list, "reason"))(t)
	if want := (inventory.UnknownCount{Reason: "no-purl", Components: 3}); len(counts) != 5 || counts[0] != want {
		t.Errorf("%+v", counts)
	}
	if both := must(inventory.CountUnknowns(list, "reason", "artifact"))(t); !slices.ContainsFunc(both, func(c inventory.UnknownCount) bool { return c.Artifact == "pkg:oci/app@1" && c.Reason == "no-version" }) {
		t.Errorf("%+v", both)
	}
	var wrong *ask.WrongError
	if _, err := inventory.CountUnknowns(list, "colour"); !errors.As(err, &wrong) {
		t.Error(err)
	}
}
