package inventory_test

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/internal/id"
	"sluice/inventory"
)

// listed is an SBOM of an artifact that lists these purls.
func listed(artifact, day string, purls ...string) string {
	var list []string
	for i, p := range purls {
		list = append(list, fmt.Sprintf(`{"type": "library", "bom-ref": "c%d", "name": "c%d", "version": "1", "purl": %q}`, i, i, p))
	}
	return fmt.Sprintf(`{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"timestamp": "%sT00:00:00Z", "component": {"type": "application", "bom-ref": "a", "name": "a", "purl": %q}},
		"components": [%s]}`, day, artifact, strings.Join(list, ", "))
}

// speaking is a record of one package of an ecosystem.
func speaking(vuln, ecosystem, modified, more string) string {
	return fmt.Sprintf(`{"id": %q, "modified": "%sT00:00:00Z", "affected": [{"package": {"ecosystem": %q, "name": "somebody-else"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}]%s}`, vuln, modified, ecosystem, more)
}

// TestUnjudged: components of an ecosystem without records, or of a release that none names, are counted as long as it is
// so: whatever came first, records or SBOM, and whoever else has records.
func TestUnjudged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	check := func(what string, f inventory.FindingFilter, want string) {
		t.Helper()
		list := must(w.inv.Unjudged(t.Context(), w.acme, f))(t)
		got := []string{}
		for _, u := range list {
			if u.Reason != "no-records" || u.AtLeast {
				t.Errorf("%s: %+v", what, u)
			}
			other := ""
			if u.OtherReleases {
				other = "!"
			}
			got = append(got, fmt.Sprintf("%s=%d%s", u.Ecosystem, u.Components, other))
		}
		slices.Sort(got)
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: %q, want %q", what, s, want)
		}
		if f != (inventory.FindingFilter{Artifact: f.Artifact}) || strings.Contains(f.Artifact, "*") {
			return
		}
		// What is listed is what is counted.
		n := 0
		for _, u := range must(w.inv.Unknowns(t.Context(), w.acme, inventory.UnknownFilter{Artifact: f.Artifact, Reason: "no-records"}))(t) {
			if u.Reason != "no-records" || u.Artifact == "" || u.Purl == "" || u.ValidFrom.IsZero() {
				t.Errorf("%s: %+v", what, u)
			}
			n++
		}
		all := 0
		for _, u := range list {
			all += int(u.Components)
		}
		if n != all {
			t.Errorf("%s: %d are listed and %d counted", what, n, all)
		}
	}
	all := inventory.FindingFilter{}
	check("nothing is here", all, "")
	w.load(w.acme, listed("pkg:oci/app@1", "2026-01-01", "pkg:npm/a@1", "pkg:npm/b@2", "pkg:deb/debian/bash@5?distro=debian-12", "pkg:deb/debian/zsh@5?distro=debian-12",
		"pkg:deb/debian/old@1?distro=debian-8", "pkg:apk/alpine/musl@1?distro=alpine-3.18.4", "pkg:apk/wolfi/musl@1", "pkg:generic/own@1", "pkg:golang/example.com/x@(devel)"))
	w.project()
	check("no records at all", all, "Alpine:v3.18=1 Debian:12=2 Debian:8=1 Wolfi=1 npm=2")

	w.load(w.rival, speaking("RIVAL-1", "npm", "2026-01-01", ""))
	check("somebody else's records", all, "Alpine:v3.18=1 Debian:12=2 Debian:8=1 Wolfi=1 npm=2")
	w.load(w.acme, speaking("OWN-1", "npm", "2026-01-01", ""))
	w.load(id.Shared, speaking("S-1", "Wolfi", "2026-01-01", ""))
	check("before they are projected", all, "Alpine:v3.18=1 Debian:12=2 Debian:8=1")
	w.project()
	check("and after it", all, "Alpine:v3.18=1 Debian:12=2 Debian:8=1")
	w.load(id.Shared, speaking("S-2", "Debian", "2026-01-01", ""))
	check("records of Debian that name no release", all, "Alpine:v3.18=1")
	w.load(id.Shared, speaking("S-3", "debian:12", "2026-01-01", ""))
	check("some that name another release", all, "Alpine:v3.18=1 Debian:8=1!")
	check("of an ecosystem", inventory.FindingFilter{Ecosystem: "alpine"}, "Alpine:v3.18=1")
	check("of a release", inventory.FindingFilter{Ecosystem: "Debian:8"}, "Debian:8=1!")
	check("of one that is judged", inventory.FindingFilter{Ecosystem: "npm"}, "")
	check("of a package", inventory.FindingFilter{Package: "*musl*"}, "Alpine:v3.18=1")

	// Another artifact, and the same in a second stream.
	w.load(w.acme, listed("pkg:oci/other@1", "2026-01-01", "pkg:apk/alpine/musl@1?distro=alpine-3.18.4", "pkg:apk/alpine/busybox@1?distro=alpine-3.18.4"))
	w.project()
	check("of all", all, "Alpine:v3.18=3 Debian:8=1!")
	check("of one artifact", inventory.FindingFilter{Artifact: "pkg:oci/other@1"}, "Alpine:v3.18=2")
	check("of artifacts like", inventory.FindingFilter{Artifact: "*/app@*"}, "Alpine:v3.18=1 Debian:8=1!")
	if _, err := w.inv.Tag(t.Context(), w.acme, inventory.Tagging{Tag: "production", Artifact: "pkg:oci/other@1"}); err != nil {
		t.Fatal(err)
	}
	check("with a tag", inventory.FindingFilter{Tag: "production"}, "Alpine:v3.18=2")
	check("with a tag and another name", inventory.FindingFilter{Tag: "production", Artifact: "pkg:oci/app@1"}, "")
	if _, err := w.inv.Retire(t.Context(), w.acme, inventory.Retirement{Artifact: "pkg:oci/other@1"}); err != nil {
		t.Fatal(err)
	}
	w.project()
	check("what is retired", all, "Alpine:v3.18=1 Debian:8=1!")

	// A record that is withdrawn speaks of nothing, and the newest SBOM counts.
	w.load(w.acme, speaking("OWN-1", "npm", "2026-02-01", `, "withdrawn": "2026-02-01T00:00:00Z"`))
	w.project()
	check("the only record of npm is withdrawn", all, "Alpine:v3.18=1 Debian:8=1! npm=2")
	w.load(w.acme, listed("pkg:oci/app@1", "2026-02-01", "pkg:npm/a@1"))
	w.project()
	check("a newer SBOM", all, "npm=1")

	// Purls without an SBOM.
	got := each(must(w.inv.Match(t.Context(), w.acme, []string{"pkg:npm/a@1", "pkg:deb/debian/bash@5?distro=debian-12", "pkg:deb/debian/old@1?distro=debian-8", "pkg:apk/alpine/musl@1?distro=alpine-3.18", "pkg:npm/a"}))(t),
		func(m inventory.Match) string { return m.Purl + " " + m.Unmatched })
	if want := []string{
		"pkg:apk/alpine/musl@1?distro=alpine-3.18 no-records", "pkg:deb/debian/old@1?distro=debian-8 no-records", "pkg:npm/a no-version", "pkg:npm/a@1 no-records",
	}; !slices.Equal(got, want) {
		t.Errorf("match: %q, want %q", got, want)
	}
}

// TestUnjudgedMany: of many components without records, beside records of thousands of ecosystems, so many are counted and no
// more, and a list of findings does not wait for it. SLUICE_UNJUDGED is how many; with 300000 it says how long it takes.
func TestUnjudgedMany(t *testing.T) {
	t.Parallel()
	n, err := strconv.Atoi(cmp.Or(os.Getenv("SLUICE_UNJUDGED"), "2000"))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.fill("testdata/unjudged.sql", n)
	for _, c := range []struct {
		what string
		f    inventory.FindingFilter
		want int64
	}{
		{"all", inventory.FindingFilter{}, int64(n / 2)},
		{"one artifact", inventory.FindingFilter{Artifact: "pkg:oci/app-1@*"}, 50},
		{"artifacts", inventory.FindingFilter{Artifact: "pkg:oci/app-*"}, int64(n / 2)},
		{"a package", inventory.FindingFilter{Package: "pkg:deb/debian/p-2@1?distro=debian-8"}, 1},
		{"what is judged", inventory.FindingFilter{Ecosystem: "npm"}, 0},
	} {
		want := []inventory.Unjudged{{Ecosystem: "Debian:8", Components: min(c.want, 10_000), AtLeast: c.want > 10_000, Reason: "no-records", OtherReleases: true}}
		if c.want == 0 {
			want = []inventory.Unjudged{}
		}
		var took []time.Duration
		for range min(1+n/50_000, 7) {
			start := time.Now()
			if list := must(w.inv.Unjudged(t.Context(), w.acme, c.f))(t); !slices.Equal(list, want) {
				t.Errorf("%s: %+v, want %+v", c.what, list, want)
			}
			took = append(took, time.Since(start))
		}
		t.Logf("%s: %v", c.what, slices.Min(took))
	}
}
