package ingest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"sluice/internal/id"
	"sluice/internal/test/brief"
	"sluice/internal/test/testdocs"
	"sluice/normalize"
	"sluice/normalize/cyclonedx"
	"sluice/normalize/detect"
	"sluice/normalize/purl"
	"sluice/normalize/spdx"
)

var sbomFormats = []normalize.Format{cyclonedx.JSON{}, cyclonedx.XML{}, spdx.JSON{}}

// TestNothingIsDropped: every component of every real SBOM is a package that can be matched,
// one that cannot, with the reason, a component without a package, or none that any record
// speaks of; and the main component is one too.
func TestNothingIsDropped(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("short: reads thousands of documents")
	}
	documents, components := 0, 0
	counts := map[string]int{}
	for _, e := range testdocs.Manifest(t) {
		b, err := os.ReadFile(e.File)
		if err != nil {
			t.Fatal(err)
		}
		head, err := detect.Scan(b, normalize.DefaultLimits)
		if err != nil {
			continue
		}
		format, err := detect.Detect(head, sbomFormats)
		if err != nil {
			continue
		}
		d, err := format.Normalize(normalize.Input{Bytes: b, Head: head})
		if err != nil || d.Kind != normalize.SBOM {
			continue
		}
		documents++
		components += len(d.Components)
		inv := newInventory(id.Shared, d)
		if len(inv.listed) != len(d.Components) {
			t.Fatalf("%s: %d components, %d of them listed", e.Path, len(d.Components), len(inv.listed))
		}
		packages := map[id.ID]Package{}
		for _, p := range inv.packages {
			packages[p.ID] = p
			// A record may list a version that has no order by its text.
			if (p.Reason == "" || p.Reason == purl.ReasonInvalidVersion) != (p.Key != "") {
				t.Errorf("%s: %s has the key %q and the reason %q", e.Path, p.Purl, p.Key, p.Reason)
			}
		}
		if len(packages) != len(inv.packageIDs) {
			t.Errorf("%s: %d packages, %d ids", e.Path, len(packages), len(inv.packageIDs))
		}
		distro := documentDistro(d)
		for i, c := range d.Components {
			switch inv.listed[i] {
			case asPackage:
				p, ok := componentPackage(c, distro)
				if _, listed := packages[id.Derive(id.Shared, "package", p.Purl)]; !ok || !listed {
					t.Errorf("%s: %s: counts as the package %s, which is not listed", e.Path, c.Pointer, p.Purl)
				}
				counts["package "+p.Reason]++
			case asUnmatched:
				if !slices.ContainsFunc(inv.unmatched, func(u Unmatched) bool {
					return u.ID == id.Derive(id.Shared, "component", c.Type, c.Group, c.Name, c.Version, c.Purl, c.CPE) && u.Reason != ""
				}) {
					t.Errorf("%s: %s: counts as unmatched, and is not among them", e.Path, c.Pointer)
				}
				counts["unmatched"]++
			case asNothing:
				if c.Purl != "" || !notSoftware[c.Type] {
					t.Errorf("%s: %s: passed over: %+v", e.Path, c.Pointer, c)
				}
				counts["passed over"]++
			}
		}
	}
	sum := 0
	for _, n := range counts {
		sum += n
	}
	if documents < 200 || sum != components {
		t.Errorf("%d documents with %d components, %d accounted for: %v", documents, components, sum, counts)
	}
	t.Log(documents, components, counts)
}

// document reads a CycloneDX document from its main component and its components.
func document(t *testing.T, main, components string) *normalize.Document {
	t.Helper()
	b := []byte(fmt.Sprintf(`{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"component":%s},"components":[%s]}`, main, components))
	head, err := detect.Scan(b, normalize.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	d, err := cyclonedx.JSON{}.Normalize(normalize.Input{Bytes: b, Head: head})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func describe(d *normalize.Document) []string {
	var out []string
	inv := newInventory(id.Shared, d)
	for _, p := range inv.packages {
		what := p.Key + " " + p.MatchVersion
		if p.Reason != "" {
			what = p.Reason
		}
		out = append(out, p.Name+": "+what)
	}
	for _, u := range inv.unmatched {
		out = append(out, u.Name+": "+u.Reason)
	}
	slices.Sort(out)
	return out
}

// TestReleaseOfTheDocument: packages whose purl does not say it are of the release that the
// document says it was made of, wherever and however often it does.
func TestReleaseOfTheDocument(t *testing.T) {
	t.Parallel()
	const (
		image  = `{"type":"container","name":"app","version":"1"}`
		lib    = `{"type":"library","name":"x","purl":"pkg:deb/debian/x@1-1"}`
		known  = `Debian:12|x 1-1`
		nobody = purl.ReasonUnknownDistro
	)
	system := func(name, version string) string {
		return fmt.Sprintf(`{"type":"operating-system","name":%q,"version":%q}`, name, version)
	}
	for name, c := range map[string]struct{ main, components, want string }{
		"beside the packages":            {image, system("debian", "12") + "," + lib, known},
		"behind them":                    {image, lib + "," + system("debian", "12"), known},
		"inside of another component":    {image, `{"type":"container","name":"base","components":[` + system("debian", "12.5") + `]},` + lib, known},
		"around them":                    {image, `{"type":"operating-system","name":"debian","version":"bookworm","components":[` + lib + `]}`, known},
		"as the main component":          {system("debian", "12"), lib, known},
		"in the main component":          {`{"type":"container","name":"app","components":[` + system("debian", "12") + `]}`, lib, known},
		"as main and beside them":        {system("debian", "12"), system("Debian GNU/Linux", "12 (bookworm)") + "," + lib, known},
		"twice":                          {image, system("debian", "12") + "," + system("debian", "12.5") + "," + lib, known},
		"beside what is none":            {image, system("busybox", "1.34.1") + "," + system("debian", "12") + "," + lib, known},
		"two releases":                   {image, system("debian", "12") + "," + system("debian", "11") + "," + lib, nobody},
		"two releases, one of them main": {system("debian", "11"), system("debian", "12") + "," + lib, nobody},
		"two distributions":              {image, system("debian", "12") + "," + system("alpine", "3.18") + "," + lib, nobody},
		"another distribution":           {image, system("alpine", "3.18") + "," + lib, nobody},
		"without a release":              {image, system("debian", "") + "," + lib, nobody},
		"none":                           {image, lib, nobody},
	} {
		if got := describe(document(t, c.main, c.components)); !slices.Contains(got, "x: "+c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	// Of two releases each package's own word counts.
	own := strings.Replace(lib, "x@1-1", "x@1-1?distro=bullseye", 1)
	if got := describe(document(t, image, system("debian", "12")+","+system("debian", "11")+","+own)); !slices.Equal(got, []string{"x: Debian:11|x 1-1"}) {
		t.Errorf("a package that says so itself: %q", got)
	}
}

// TestSourceBesideThePurl: the properties of Trivy and Syft name the source package.
func TestSourceBesideThePurl(t *testing.T) {
	t.Parallel()
	properties := func(list ...string) string {
		var out []string
		for i := 0; i < len(list); i += 2 {
			out = append(out, fmt.Sprintf(`{"name":%q,"value":%q}`, list[i], list[i+1]))
		}
		return strings.Join(out, ",")
	}
	for _, c := range []struct{ purl, properties, want string }{
		{"pkg:deb/debian/libssl3@3.0.9-1?distro=debian-12", properties("aquasecurity:trivy:SrcName", "openssl", "aquasecurity:trivy:SrcVersion", "3.0.9", "aquasecurity:trivy:SrcRelease", "1"), "Debian:12|openssl 3.0.9-1"},
		{"pkg:deb/debian/libx@2.0-1?distro=debian-12&epoch=2", properties("aquasecurity:trivy:SrcEpoch", "1", "aquasecurity:trivy:SrcRelease", "3", "aquasecurity:trivy:SrcVersion", "1.5", "aquasecurity:trivy:SrcName", "x"), "Debian:12|x 1:1.5-3"},
		{"pkg:deb/debian/libx@2.0-1?distro=debian-12", properties("aquasecurity:trivy:SrcName", "x", "aquasecurity:trivy:SrcVersion", "20230311"), "Debian:12|x 20230311"},
		{"pkg:deb/debian/libc6@2.36-9?distro=debian-12", properties("syft:metadata:source", "glibc", "syft:metadata:sourceVersion", "2.36-9+b1"), "Debian:12|glibc 2.36-9+b1"},
		{"pkg:rpm/rocky/openssl-libs@3.0.7-27.el9?epoch=1", properties("syft:metadata:sourceRpm", "openssl-3.0.7-27.el9.src.rpm"), "Rocky Linux:9|openssl 1:3.0.7-27.el9"},
		{"pkg:rpm/rocky/perl-Encode@3.08-462.el9?epoch=4", properties("syft:metadata:sourceRpm", "perl-5.32.1-481.el9.src.rpm"), "Rocky Linux:9|perl 5.32.1-481.el9"},
		{"pkg:apk/alpine/libssl3@3.1.4-r0?distro=3.19", properties("syft:metadata:originPackage", "openssl"), "Alpine:v3.19|openssl 3.1.4-r0"},
		{"pkg:rpm/rocky/nodejs@16.20.2-1", properties("aquasecurity:trivy:Modularitylabel", "nodejs:16:8050020211018161123:522a0ee4"), "Rocky Linux:8|nodejs 16.20.2-1"},
		{"pkg:deb/debian/x@1-1?distro=debian-12", `7,{"name":7,"value":null},{"name":"aquasecurity:trivy:SrcName","value":["x"]}`, "Debian:12|x 1-1"},
	} {
		d := document(t, `{"type":"container","name":"app"}`, fmt.Sprintf(`{"type":"library","name":"x","purl":%q,"properties":[%s]}`, c.purl, c.properties))
		inv := newInventory(id.Shared, d)
		if len(inv.packages) != 1 || inv.packages[0].Key+" "+inv.packages[0].MatchVersion != c.want {
			t.Errorf("%s %s: %+v, want %s", c.purl, c.properties, inv.packages, c.want)
		}
	}
}

// TestMainComponent: what an SBOM describes is a package too, once.
func TestMainComponent(t *testing.T) {
	t.Parallel()
	const left = `{"type":"library","name":"left","purl":"pkg:npm/left@1.0.0"}`
	for name, c := range map[string]struct {
		main, components string
		want             []string
	}{
		"an application":                   {`{"type":"application","name":"app","purl":"pkg:npm/app@1.0.0"}`, left, []string{"app: npm|app 1.0.0", "left: npm|left 1.0.0"}},
		"with its version beside the purl": {`{"type":"application","name":"app","version":"1.0.0","purl":"pkg:npm/app"}`, left, []string{"app: npm|app 1.0.0", "left: npm|left 1.0.0"}},
		"that lists itself":                {`{"type":"application","name":"app","purl":"pkg:npm/app@1.0.0"}`, `{"type":"library","name":"app","purl":"pkg:npm/app@1.0.0"}`, []string{"app: npm|app 1.0.0"}},
		"that spells itself differently":   {`{"type":"application","name":"app","purl":"pkg:golang/example.com/app@1.0.0"}`, `{"type":"library","name":"app","purl":"pkg:golang/example.com%2Fapp@v1.0.0"}`, []string{"app: Go|example.com/app 1.0.0"}},
		"an older version in itself":       {`{"type":"application","name":"app","purl":"pkg:npm/app@2.0.0"}`, `{"type":"library","name":"app","purl":"pkg:npm/app@1.0.0"}`, []string{"app: npm|app 1.0.0", "app: npm|app 2.0.0"}},
		"an image":                         {`{"type":"container","name":"app","purl":"pkg:oci/app@1.0"}`, left, []string{"left: npm|left 1.0.0"}},
		"without a purl":                   {`{"type":"application","name":"app","version":"1"}`, left, []string{"left: npm|left 1.0.0"}},
		"without a version":                {`{"type":"application","name":"app","purl":"pkg:npm/app"}`, left, []string{"app: no-version", "left: npm|left 1.0.0"}},
		"without the group it needs":       {`{"type":"application","name":"app","purl":"pkg:maven/app@1.0"}`, left, []string{"app: invalid-purl", "left: npm|left 1.0.0"}},
	} {
		if got := describe(document(t, c.main, c.components)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestArtifactVersion: two releases are two artifacts, wherever their version stands.
func TestArtifactVersion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ main, given, want string }{
		{`{"type":"container","name":"app","version":"1.0","purl":"pkg:oci/app"}`, "", "pkg:oci/app@1.0"},
		{`{"type":"container","name":"app","version":"2.0","purl":"pkg:oci/app"}`, "", "pkg:oci/app@2.0"},
		{`{"type":"container","name":"app","version":"2.0","purl":"pkg:oci/app@sha256:ab?tag=x"}`, "", "pkg:oci/app@sha256:ab?tag=x"},
		{`{"type":"container","name":"app","version":"2.0","purl":"pkg:oci/app?tag=x"}`, "", "pkg:oci/app@2.0?tag=x"},
		{`{"type":"container","name":"app","purl":"pkg:oci/app"}`, "", "pkg:oci/app"},
		{`{"type":"container","name":"app","version":"2.0"}`, "", "pkg:generic/app@2.0"},
		{`{"type":"container","name":"app","version":"2.0","purl":"pkg:oci/app"}`, "pkg:oci/mine", "pkg:oci/mine"}, // stays as given
		{`{"type":"container","name":"app","version":"2.0","purl":"pkg:oci/app"}`, "pkg:oci/mine@7", "pkg:oci/mine@7"},
	} {
		task := &task{doc: document(t, c.main, ""), env: Envelope{Artifact: c.given}}
		if err := task.findArtifact(); err != nil || task.artifact.purl != c.want {
			t.Errorf("%s given %q: %q %v, want %q", c.main, c.given, task.artifact.purl, err, c.want)
		}
	}
}
