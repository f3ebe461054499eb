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
	"sluice/internal/pg"
	"sluice/inventory"
	"sluice/tenants"
)

// versionOf is an SBOM of version n of an image for an architecture, of a day, with these npm packages.
func versionOf(n int, arch, day string, packages ...string) string {
	var list []string
	for _, p := range packages {
		name, version, _ := strings.Cut(p, "@")
		list = append(list, fmt.Sprintf(`{"type": "library", "name": %q, "version": %q, "purl": "pkg:npm/%s"}`, name, version, p))
	}
	return fmt.Sprintf(`{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"timestamp": %q,
  "component": {"type": "application", "bom-ref": "app", "name": "app", "version": "%d", "purl": "pkg:oci/app@%d?arch=%s&tag=v%d"}}, "components": [%s]}`,
		day+"T00:00:00Z", n, n, arch, n, strings.Join(list, ", "))
}

func imageOf(n int) string { return fmt.Sprintf("pkg:oci/app@%d?arch=amd64&tag=v%d", n, n) }

// open are the artifacts with open findings.
func (w *world) open(t *testing.T) []string {
	t.Helper()
	w.project()
	list := must(w.inv.Findings(t.Context(), w.acme, inventory.FindingFilter{}))(t)
	return each(list, func(f inventory.Finding) string { return f.Artifact })
}

// TestArtifacts: versions of an image through their lives: tagged, retired by a tag that moved on, revived,
// unseen, compared.
func TestArtifacts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.load(id.Shared, fact)
	w.load(w.acme,
		versionOf(1, "amd64", "2026-01-01", "left@1.0.0", "old@1.0.0", "same@1.0.0"),
		versionOf(2, "amd64", "2026-02-01", "left@1.0.0", "new@1.0.0", "same@2.0.0"),
		versionOf(1, "arm64", "2026-01-01", "left@1.0.0"))
	w.project()

	list := must(w.inv.Artifacts(ctx, w.acme, inventory.ArtifactFilter{}))(t)
	if len(list) != 3 || list[0].Artifact != imageOf(1) || list[0].Open != 1 || list[0].Critical != 1 || list[0].Components != 3 || list[0].Streams != 1 ||
		!list[0].LastSeen.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) || list[0].State != "active" || list[0].Tags == nil {
		t.Fatalf("%+v", list)
	}
	for _, c := range []struct {
		f    inventory.ArtifactFilter
		want int
	}{
		{inventory.ArtifactFilter{Like: "pkg:oci/app@1*"}, 2},
		{inventory.ArtifactFilter{Like: "pkg:oci/app"}, 0},
		{inventory.ArtifactFilter{Like: "*arch_amd64*"}, 0}, // _ stands for itself
		{inventory.ArtifactFilter{State: "retired"}, 0},
		{inventory.ArtifactFilter{Tag: "production"}, 0},
		{inventory.ArtifactFilter{UnseenSince: new(time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC))}, 2},
		{inventory.ArtifactFilter{After: imageOf(1)}, 2},
		{inventory.ArtifactFilter{Limit: 1}, 1},
	} {
		if got := must(w.inv.Artifacts(ctx, w.acme, c.f))(t); len(got) != c.want {
			t.Errorf("%+v: %d artifacts, want %d", c.f, len(got), c.want)
		}
	}
	if got := must(w.inv.Artifacts(ctx, w.rival, inventory.ArtifactFilter{}))(t); got == nil || len(got) != 0 {
		t.Errorf("somebody else's artifacts: %+v", got)
	}
	var wrong *ask.WrongError
	var missing *ask.NotFoundError
	if _, err := w.inv.Artifacts(ctx, w.acme, inventory.ArtifactFilter{State: "asleep"}); !errors.As(err, &wrong) {
		t.Error(err)
	}
	if _, err := w.inv.ShowArtifact(ctx, w.rival, imageOf(1)); !errors.As(err, &missing) {
		t.Error(err)
	}

	// One version holds the tag; another architecture is another artifact.
	tag := func(purl string) inventory.Tagged {
		t.Helper()
		return must(w.inv.Tag(ctx, w.acme, inventory.Tagging{Tag: "production", Artifact: purl}))(t)
	}
	arm := "pkg:oci/app@1?arch=arm64&tag=v1"
	if got := tag(imageOf(1)); !got.Changed || got.Before != "" || got.Retired {
		t.Errorf("%+v", got)
	}
	if got := tag(arm); !got.Changed || got.Before != "" {
		t.Errorf("the tag of another architecture moved: %+v", got)
	}
	if got := tag(imageOf(1)); got.Changed {
		t.Errorf("%+v", got)
	}
	if got := tag(imageOf(2)); got.Before != imageOf(1) || got.Retired { // no policy yet
		t.Errorf("%+v", got)
	}
	if got := each(must(w.inv.Artifacts(ctx, w.acme, inventory.ArtifactFilter{Tag: "production"}))(t), func(a inventory.Artifact) string { return a.Artifact }); !slices.Equal(got, []string{arm, imageOf(2)}) {
		t.Errorf("production is %q", got)
	}
	if _, err := w.inv.Tag(ctx, w.acme, inventory.Tagging{Tag: "Not So", Artifact: arm}); !errors.As(err, &wrong) {
		t.Error(err)
	}

	// With the policy, what the tag moves on from is retired, and revived when it comes back.
	if _, err := tenants.SetPolicy(ctx, w.pools[pg.Maintainer], w.acme, tenants.Change{Tags: []string{"production", "staging"}, Unseen: new("90 days")}); err != nil {
		t.Fatal(err)
	}
	if got := tag(imageOf(1)); !got.Retired || got.Before != imageOf(2) {
		t.Errorf("%+v", got)
	}
	if got := w.open(t); !slices.Equal(got, []string{imageOf(1), arm}) {
		t.Errorf("open in %q", got)
	}
	page := must(w.inv.ShowArtifact(ctx, w.acme, imageOf(2)))(t)
	if page.State != "retired" || page.RetiredBy != inventory.RetiredByTag || page.Reason != "tag production moved on to "+imageOf(1) || page.AsOf == nil || page.Open != 0 ||
		len(page.Current) != 1 || page.Current[0].Components != 3 || len(page.Versions) != 2 {
		t.Errorf("%+v", page)
	}
	// The last findings of what is retired are compared with those of today.
	d := must(w.inv.DiffArtifacts(ctx, w.acme, imageOf(1), imageOf(2)))(t)
	if len(d.Findings) != 0 || d.SameFindings != 1 || d.SamePackages != 1 {
		t.Errorf("%+v", d)
	}
	packages := each(d.Packages, func(c inventory.PackageChange) string {
		return fmt.Sprintf("%s %s%s%s", c.Change, c.Name, c.From, c.To)
	})
	if want := []string{"added pkg:npm/new[][1.0.0]", "changed pkg:npm/same[1.0.0][2.0.0]", "removed pkg:npm/old[1.0.0][]"}; !slices.Equal(packages, want) {
		t.Errorf("%q, want %q", packages, want)
	}
	if got := tag(imageOf(2)); !got.Revived || !got.Retired || got.State != "active" {
		t.Errorf("%+v", got)
	}
	if got := w.open(t); !slices.Equal(got, []string{arm, imageOf(2)}) {
		t.Errorf("open in %q", got)
	}
	// Another tag that the policy names keeps it.
	must(w.inv.Revive(ctx, w.acme, inventory.Revival{Artifact: imageOf(1)}))(t)
	must(w.inv.Tag(ctx, w.acme, inventory.Tagging{Tag: "staging", Artifact: imageOf(2)}))(t)
	if got := tag(imageOf(1)); got.Retired {
		t.Errorf("it holds staging still: %+v", got)
	}

	// By command, and back.
	if changed := must(w.inv.Retire(ctx, w.acme, inventory.Retirement{Artifact: arm, Reason: "sold"}))(t); !changed {
		t.Error("nothing was retired")
	}
	if changed := must(w.inv.Retire(ctx, w.acme, inventory.Retirement{Artifact: arm}))(t); changed {
		t.Error("retired twice")
	}
	if _, err := w.inv.Retire(ctx, w.acme, inventory.Retirement{Artifact: imageOf(2), AsOf: new(time.Date(2026, 1, 20, 0, 0, 0, 0, time.UTC))}); !errors.As(err, &wrong) {
		t.Errorf("retired as of a time after which it was seen: %v", err)
	}
	if got := w.open(t); !slices.Equal(got, []string{imageOf(1), imageOf(2)}) {
		t.Errorf("open in %q", got)
	}
	w.load(w.acme, versionOf(1, "arm64", "2025-12-31", "left@1.0.0", "older@1.0.0")) // late: it changes nothing
	if got := w.open(t); !slices.Equal(got, []string{imageOf(1), imageOf(2)}) {
		t.Errorf("an old document revived it: open in %q", got)
	}
	if changed := must(w.inv.Revive(ctx, w.acme, inventory.Revival{Artifact: arm}))(t); !changed {
		t.Error("nothing was revived")
	}

	// Unseen: what has no tag, and nobody revived since.
	must(w.inv.Untag(ctx, w.acme, inventory.Tagging{Tag: "staging", Artifact: imageOf(2)}))(t)
	cutoff := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	if got := must(w.inv.RetireUnseen(ctx, w.acme, cutoff, true))(t); len(got) != 0 {
		t.Errorf("%q: all were revived after that, or hold a tag", got)
	}
	must(w.inv.Untag(ctx, w.acme, inventory.Tagging{Tag: "production", Artifact: imageOf(1)}))(t)
	future := time.Now().Add(time.Hour)
	if got := must(w.inv.RetireUnseen(ctx, w.acme, future, true))(t); !slices.Equal(got, []string{imageOf(1), imageOf(2)}) {
		t.Errorf("would retire %q", got)
	}
	if got := must(w.inv.RetireUnseen(ctx, w.acme, future, false))(t); !slices.Equal(got, []string{imageOf(1), imageOf(2)}) {
		t.Errorf("retired %q", got)
	}
	if got := w.open(t); !slices.Equal(got, []string{arm}) { // it holds production
		t.Errorf("open in %q", got)
	}
	w.load(w.acme, versionOf(2, "amd64", time.Now().AddDate(0, 0, 2).Format(time.DateOnly), "left@1.0.0"))
	if got := w.open(t); !slices.Equal(got, []string{arm, imageOf(2)}) {
		t.Errorf("a newer scan does not revive: open in %q", got)
	}
}

// TestTagMovesOnce: many who move a tag at once end with one holder, and an audit log in which each took it
// from the one before.
func TestTagMovesOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const versions = 4
	for n := range versions {
		w.load(w.acme, versionOf(n, "amd64", "2026-01-01", fmt.Sprintf("left@%d.0.0", n)))
	}
	done := make(chan error)
	for n := range versions {
		go func() {
			_, err := w.inv.Tag(t.Context(), w.acme, inventory.Tagging{Tag: "production", Artifact: imageOf(n)})
			done <- err
		}()
	}
	for range versions {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	holders := must(w.inv.Artifacts(t.Context(), w.acme, inventory.ArtifactFilter{Tag: "production"}))(t)
	if len(holders) != 1 {
		t.Fatalf("%+v hold it", holders)
	}
	rows, err := w.db.Admin(t).Query(t.Context(), `select coalesce(diff #>> '{before,artifact}', '') || '>' || (diff #>> '{after,artifact}') from authority.audit_log where action = 'artifact.tag' and tenant_id = $1`, w.acme)
	if err != nil {
		t.Fatal(err)
	}
	next := map[string]string{}
	for rows.Next() {
		var move string
		if err := rows.Scan(&move); err != nil {
			t.Fatal(err)
		}
		from, to, _ := strings.Cut(move, ">")
		if next[from] != "" {
			t.Errorf("%q lost it twice", from)
		}
		next[from] = to
	}
	at := ""
	for range versions {
		at = next[at]
	}
	if at != holders[0].Artifact || next[at] != "" {
		t.Errorf("the log ends at %q, and %q holds it: %v", at, holders[0].Artifact, next)
	}
}
