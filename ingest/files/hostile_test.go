package files_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice/ingest"
	"sluice/internal/test/brief"
	"sluice/normalize"
)

// cdx wraps members into a CycloneDX document.
func cdx(members string) string {
	return `{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "metadata": {"component": {"type": "application", "name": "app"}}` + members + `}`
}

// TestHostileInputs imports a folder in which nearly every file is meant to break the
// importer. Each is parked with its reason and place; what is usable lands.
func TestHostileInputs(t *testing.T) {
	t.Parallel()
	const accepted = "accepted"
	deep := strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)
	var components []string
	for i := range 1001 {
		components = append(components, fmt.Sprintf(`{"type": "library", "name": "c%d", "purl": "pkg:npm/c%d@1"}`, i, i))
	}
	alias := "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := 1; i < 10; i++ {
		alias += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	cases := []struct {
		name, content   string
		reason, pointer string // accepted, or why it is parked and where
		warning         string // code of one that there must be
	}{
		{"bomb.gz", packed(t, strings.Repeat(" ", 20<<20)), "too-large", "", ""},
		{"bomb in bomb.gz", packed(t, packed(t, packed(t, strings.Repeat("\x00", 20<<20)))), "too-large", "", ""},
		{"layers.gz", packed(t, packed(t, packed(t, packed(t, packed(t, "{}"))))), "too-many-layers", "", ""},
		{"deep.json", cdx(`, "x": ` + deep), "too-deep", "/x" + strings.Repeat("/0", 510), ""},
		{"nul.json", cdx(`, "components": [{"name": "a\u0000b"}]`), "nul-character", "/components/0/name", ""},
		{"nul in a name.json", cdx(`, "a\u0000b": 1`), "nul-character", "", ""},
		{"surrogate.json", cdx(`, "components": [{"name": "\ud800"}]`), "lone-surrogate", "/components/0/name", ""},
		{"1e400.json", cdx(`, "x": {"y": [1, 1e400]}`), "number-out-of-range", "/x/y/1", ""},
		{"digits.json", cdx(`, "x": ` + strings.Repeat("9", 200_000)), "number-out-of-range", "/x", ""},
		{"empty.json", "", "empty", "", ""},
		{"blank.json", " \n\t\n", "empty", "", ""},
		{"truncated.gz", packed(t, cdx(""))[:60], "corrupt-archive", "", ""},
		{"truncated.json", cdx("")[:50], "syntax", "", ""},
		{"latin1.json", cdx(`, "x": "caf` + "\xe9" + `"`), "encoding", "", ""},
		{"string.json", cdx(`, "x": "` + strings.Repeat("0123456789", 700_000) + `"`), accepted, "", ""},
		{"twice.json", cdx(`, "version": 2, "version": 3`), accepted, "", "duplicate-member"},
		{"many components.json", cdx(`, "components": [` + strings.Join(components, ",") + `]`), "too-many", "", ""},
		{"long purl.json", cdx(`, "components": [{"type": "library", "name": "long", "purl": "pkg:npm/` + strings.Repeat("x", 10_000) + `@1"}]`), accepted, "", ""},
		{"bad purl.json", cdx(`, "components": [{"type": "library", "name": "bad", "purl": "pkg:::::"}]`), accepted, "", "invalid-purl"},
		{"nul.xml", `<bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1"><components><component type="library"><name>a` + "\x00" + `</name></component></components></bom>`, "nul-character", "1:", ""},
		{"entities.xml", `<!DOCTYPE bom [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1"><x>&b;</x></bom>`, "syntax", "1:", ""},
		{"alias bomb.yaml", "id: OSV-1\nmodified: 2026-01-01T00:00:00Z\naffected: []\n" + alias, "too-large", "5:", ""},
		{"nul.yaml", "id: OSV-1\nmodified: 2026-01-01T00:00:00Z\naffected: []\nsummary: \"a\\0b\"\n", "nul-character", "4:10", ""},
		{"text.txt", "Dear Sir or Madam,\nplease find attached\n", "unknown-format", "", ""},
		{"binary", "\x7fELF\x02\x01\x01\x00\x00\x00", "unknown-format", "", ""},
		{"object.json", `{"hello": "world"}`, "unknown-format", "", ""},
		{"number.json", `42`, "unknown-format", "", ""},
		{"newer.json", `{"bomFormat": "CycloneDX", "specVersion": "9.9", "version": 1}`, "unsupported-version", "/specVersion", ""},
		{"bom.json", "\xef\xbb\xbf" + cdx(`, "x": "with a byte order mark"`), accepted, "", ""},
		{"name \xff\xfe.json", cdx(`, "x": "the name is not UTF-8"`), accepted, "", ""},
		{"\"quoted\".json", cdx(`, "x": "the name has quotation marks"`), accepted, "", ""},
		{"good.json", cdx(`, "x": "good"`), accepted, "", ""},
	}
	h := newHarness(t)
	dir := t.TempDir()
	for _, tc := range cases {
		write(t, filepath.Join(dir, tc.name), []byte(tc.content))
	}
	limits := normalize.DefaultLimits
	limits.MaxBytes, limits.MaxComponents = 8<<20, 1000
	counts := h.run(t, limits, dir)
	if int(counts.Documents) != len(cases) {
		t.Errorf("%d receipts for %d files", counts.Documents, len(cases))
	}
	for _, tc := range cases {
		got := h.receipt(t, strings.ToValidUTF8(filepath.Join(dir, tc.name), "\uFFFD"))
		what := string(got.Outcome)
		if got.Outcome == ingest.Parked {
			what = got.Reason
		}
		if what != tc.reason || (tc.pointer != "" && !strings.HasPrefix(got.Pointer, tc.pointer)) {
			t.Errorf("%q: %s at %.60q (%.200s), want %s at %.60q", tc.name, what, got.Pointer, got.Message, tc.reason, tc.pointer)
		}
		if got.Outcome == ingest.Parked && got.Message == "" {
			t.Errorf("%q: no message", tc.name)
		}
		warned := tc.warning == ""
		for _, w := range got.Warnings {
			warned = warned || w.Code == tc.warning
		}
		if !warned {
			t.Errorf("%q: warnings %+v, want %s", tc.name, got.Warnings, tc.warning)
		}
	}
	// Nothing of it is new when it comes again.
	if again := h.run(t, limits, dir); int(again.Duplicate) != len(cases)-int(again.Parked) || again.Accepted != 0 {
		t.Errorf("the second time: %+v", again)
	}
}

// TestHostileArchives: names are only names, and limits hold.
func TestHostileArchives(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	dir := t.TempDir()
	var z bytes.Buffer
	zw := zip.NewWriter(&z)
	for i, name := range []string{"../../../../etc/passwd", "/etc/shadow", "C:\\Windows\\system.ini", "__MACOSX/._x", "folder/", strings.Repeat("long/", 2000), "a\x00b", "ok.json"} {
		w, err := zw.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "/") {
			fmt.Fprint(w, cdx(fmt.Sprintf(`, "x": %d`, i)))
		}
	}
	zw.Close()
	write(t, filepath.Join(dir, "slip.zip"), z.Bytes())
	var tb bytes.Buffer
	tw := tar.NewWriter(&tb)
	for _, hd := range []*tar.Header{
		{Name: "../up", Size: 2, Mode: 0o644},
		{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		{Name: "device", Typeflag: tar.TypeBlock},
	} {
		if err := tw.WriteHeader(hd); err != nil {
			t.Fatal(err)
		}
		if hd.Size > 0 {
			fmt.Fprint(tw, "{}")
		}
	}
	tw.Close()
	write(t, filepath.Join(dir, "slip.tar"), tb.Bytes())
	write(t, filepath.Join(dir, "zzz.zip"), zipOf(t, []byte(cdx(`, "x": 100`)), []byte(cdx(`, "x": 101`)), []byte(cdx(`, "x": 102`))))
	limits := normalize.DefaultLimits
	limits.MaxEntries = 2
	counts := h.run(t, limits, filepath.Join(dir, "zzz.zip"))
	if counts.Accepted != 2 || counts.ByReason[normalize.ReasonTooMany] != 1 {
		t.Errorf("three entries where two are allowed: %+v", counts)
	}
	counts = h.run(t, normalize.DefaultLimits, dir)
	if counts.Accepted != 6 || counts.Duplicate != 2 || counts.Parked != 1 {
		t.Errorf("%+v", counts)
	}
	if got := h.receipt(t, filepath.Join(dir, "slip.zip")+"!/../../../../etc/passwd"); got.Outcome != ingest.Accepted {
		t.Errorf("%+v", got)
	}
}

// TestAHundredThousandEntries is an archive whose directory alone is 5 MB.
func TestAHundredThousandEntries(t *testing.T) {
	t.Parallel()
	if brief.Run(t) {
		t.Skip("short: 100,000 documents")
	}
	h := newHarness(t)
	h.batch = 1000
	path := filepath.Join(t.TempDir(), "many.zip")
	docs := make([][]byte, 100_000)
	for i := range docs {
		docs[i] = fmt.Appendf(nil, "{broken%d", i%10)
	}
	write(t, path, zipOf(t, docs...))
	start := time.Now()
	counts := h.run(t, normalize.DefaultLimits, path)
	if counts.Parked != 10 || counts.Duplicate != 99_990 {
		t.Errorf("%+v", counts)
	}
	t.Logf("100,000 entries in %s", time.Since(start))
}

func packed(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	z.Close()
	return b.String()
}
