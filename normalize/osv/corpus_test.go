package osv

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/internal/test/brief"
	"sluice/internal/test/testdocs"
	"sluice/normalize"
	"sluice/normalize/purl"
	"sluice/normalize/version"
)

func TestRealDocuments(t *testing.T) {
	n, warnings := 0, map[string]int{}
	for _, e := range testdocs.Manifest(t, "OSV JSON", "OSV YAML", "OSV (array)") {
		doc, err := read(e.Read(t))
		if strings.HasPrefix(e.Path, goReports) {
			wantUnknown(t, e.Path, err)
			continue
		}
		n++
		if strings.HasSuffix(e.Path, "/TEST-0000-def.json") {
			var park *normalize.ParkError
			if !errors.As(err, &park) || park.Reason != normalize.ReasonInvalid || park.Pointer != "/id" {
				t.Errorf("%s has no id: %v, want invalid at /id", e.Path, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", e.Path, err)
			continue
		}
		check(t, e.Path, doc, warnings)
	}
	t.Logf("%d documents; warnings %v", n, warnings)
}

// goReports is where the Go project keeps records in a notation of its own, which
// looks like OSV and is not.
const goReports = "vulndb-go/data/reports/"

func TestGoReports(t *testing.T) {
	for _, e := range testdocs.Manifest(t, "Go vuln report YAML") {
		_, err := read(e.Read(t))
		wantUnknown(t, e.Path, err)
	}
}

func wantUnknown(t *testing.T, path string, err error) {
	t.Helper()
	var park *normalize.ParkError
	if !errors.As(err, &park) || park.Reason != normalize.ReasonUnknownFormat {
		t.Errorf("%s: %v, want unknown-format", path, err)
	}
}

// TestFeeds reads every record of the feeds.
func TestFeeds(t *testing.T) {
	if brief.Run(t) {
		t.Skip("short: reads 22,000 records")
	}
	for _, name := range feedNames {
		n, size, keys, warnings, score, start := 0, 0, 0, map[string]int{}, 0, time.Now()
		feed(t, name, func(path string, b []byte) {
			n++
			size += len(b)
			doc, err := read(b)
			if err != nil {
				t.Errorf("%s/%s: %v", name, path, err)
				return
			}
			check(t, name+"/"+path, doc, warnings)
			for _, v := range doc.Vulnerabilities {
				keys += len(v.Affected)
				if v.Score >= 0 {
					score++
				}
			}
		})
		took := time.Since(start)
		t.Logf("%-14s %5d records, %6d packages, %5d scored, warnings %v, %.0f MB/s", name, n, keys, score, warnings, float64(size)/1e6/took.Seconds())
	}
}

// check looks at what has to hold for any record.
func check(t *testing.T, path string, doc *normalize.Document, warnings map[string]int) {
	t.Helper()
	for _, w := range doc.Warnings {
		warnings[w.Code]++
	}
	if doc.Kind != normalize.Vuln || len(doc.Vulnerabilities) == 0 {
		t.Errorf("%s: kind %q, %d vulnerabilities", path, doc.Kind, len(doc.Vulnerabilities))
	}
	if doc.JSON != nil && !jsontext.Value(doc.JSON).IsValid(jsontext.AllowDuplicateNames(true)) {
		t.Errorf("%s: invalid JSON", path)
	}
	for _, v := range doc.Vulnerabilities {
		if v.ID == "" || v.Source == "" || len(v.Names) == 0 || !slices.IsSorted(v.Names) || slices.Contains(v.Aliases, v.ID) {
			t.Errorf("%s: id %q, source %q, names %q, aliases %q", path, v.ID, v.Source, v.Names, v.Aliases)
		}
		for _, a := range v.Affected {
			if a.Key == "" || a.Ecosystem == "" || a.Name == "" {
				t.Errorf("%s: affected %+v", path, a)
			}
			for _, r := range a.Ranges {
				if len(r.Events) == 0 || r.Type == "GIT" {
					t.Errorf("%s: range %+v", path, r)
				}
			}
		}
	}
}

var feedNames = []string{"go", "almalinux", "bitnami", "pypa", "rustsec", "ghsa-partial"}

func feed(t testing.TB, name string, do func(path string, b []byte)) {
	z, err := zip.OpenReader(filepath.Join(testdocs.Corpora(t), "feeds", name+".zip"))
	if err != nil {
		t.Skipf("no feed: %v", err)
	}
	defer z.Close()
	var buf bytes.Buffer
	for _, f := range z.File {
		if f.FileInfo().IsDir() {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		buf.Reset()
		if _, err := io.Copy(&buf, r); err != nil {
			t.Fatal(name, f.Name, err)
		}
		r.Close()
		do(f.Name, bytes.Clone(buf.Bytes()))
	}
}

// TestGroundTruth matches the labelled pairs of the live OSV service: packages by purl,
// facts by record, with every feed as noise. It is all that matching does, without a
// database.
func TestGroundTruth(t *testing.T) {
	if brief.Run(t) {
		t.Skip("short: reads 22,000 records")
	}
	dir := filepath.Join(testdocs.Corpora(t), "groundtruth")
	type fact struct {
		v *normalize.Vulnerability
		c *version.Compiled
	}
	facts := map[string][]fact{}
	ids := map[string]bool{}
	add := func(path string, b []byte) {
		doc, err := read(b)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return
		}
		for i := range doc.Vulnerabilities {
			v := &doc.Vulnerabilities[i]
			if ids[v.ID] || !v.Withdrawn.IsZero() {
				continue
			}
			ids[v.ID] = true
			for j := range v.Affected {
				a := &v.Affected[j]
				facts[a.Key] = append(facts[a.Key], fact{v, version.Compile(a)})
			}
		}
	}
	// The labels were given on these copies: they come first, the feeds' later ones are not used.
	records, err := filepath.Glob(filepath.Join(dir, "advisories", "*"))
	if err != nil || len(records) == 0 {
		t.Skip("no ground truth in the corpora")
	}
	for _, path := range records {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		add(path, b)
	}
	for _, name := range feedNames {
		feed(t, name, add)
	}

	f, err := os.Open(filepath.Join(dir, "osv-live", "pairs.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.LazyQuotes = '\t', true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]map[string]string{} // purl -> id -> why
	unmatched := map[string]int{}
	match := func(raw, ecosystem, name, v string) map[string]string {
		if m, ok := found[raw]; ok {
			return m
		}
		m := map[string]string{}
		found[raw] = m
		p, err := purl.Parse(raw)
		if raw == "" {
			// One row has no purl; its ecosystem and name are what a record says too.
			p, err = purl.Package{Key: purl.Key(ecosystem, name), MatchVersion: v}, nil
		}
		if err != nil || p.Reason != "" {
			unmatched[fmt.Sprint(p.Reason, err)]++
			return m
		}
		for _, fact := range facts[p.Key] {
			why, in, err := fact.c.Affected(p.MatchVersion)
			if err != nil {
				t.Errorf("%s against %s: %v", raw, fact.v.ID, err)
			}
			if in {
				for _, id := range slices.Concat([]string{fact.v.ID}, fact.v.Aliases, fact.v.Names) {
					m[id] = fact.v.ID + " " + why.Range
				}
			}
		}
		return m
	}
	var hit, missed, wrong, rejected int
	for _, row := range rows[1:] {
		raw, id, label, reference := row[3], row[4], row[5], row[9]
		if reference == "DISPUTED" {
			continue
		}
		why, in := match(raw, row[0], row[1], row[2])[id]
		switch {
		case label == "affected" && in:
			hit++
		case label == "affected":
			missed++
			t.Logf("missed: %s %s (record %s, known %v)", raw, id, row[8], ids[id])
		case in:
			wrong++
			t.Logf("wrong: %s %s by %s (record %s)", raw, id, why, row[8])
		default:
			rejected++
		}
	}
	recall := float64(hit) / float64(hit+missed)
	precision := float64(hit) / float64(hit+wrong)
	t.Logf("%d records, %d keys; %d found, %d missed, %d wrong, %d rightly not found; recall %.4f, precision %.4f; unmatched %v",
		len(ids), len(facts), hit, missed, wrong, rejected, recall, precision, unmatched)
	if recall < 0.99 || precision < 0.99 {
		t.Errorf("recall %.4f, precision %.4f; want 0.99 for both", recall, precision)
	}
}

func BenchmarkJSON(b *testing.B) {
	for _, name := range []string{"ghsa-partial", "almalinux", "go"} {
		var docs [][]byte
		var size int64
		feed(b, name, func(_ string, doc []byte) { docs = append(docs, doc); size += int64(len(doc)) })
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				for _, doc := range docs {
					if _, err := (JSON{}).Normalize(normalize.Input{Bytes: doc}); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkYAML(b *testing.B) {
	var docs [][]byte
	var size int64
	feed(b, "pypa", func(_ string, doc []byte) { docs = append(docs, doc); size += int64(len(doc)) })
	b.SetBytes(size)
	for b.Loop() {
		for _, doc := range docs {
			if _, err := (YAML{}).Normalize(normalize.Input{Bytes: doc}); err != nil {
				b.Fatal(err)
			}
		}
	}
}
