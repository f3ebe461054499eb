package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/internal/test/dbtest"
	"sluice/internal/test/testdocs"
)

// judged is what osv-scalibr answered: internal/test/accuracy/judge, by `make accuracy`.
const judged = "../../internal/test/accuracy/osv-scalibr-v0.5.3.tsv"

type pair struct{ purl, vuln string }

// TestAccuracy holds our findings, and those of an independent judge, against the labels that
// the live OSV service gave: both get the same SBOM and the same records. Every difference is
// a row of docs/accuracy.md, which says who is right and why.
//
// SLUICE_JUDGE names the judge's program: its answers are then held against the recorded ones.
func TestAccuracy(t *testing.T) {
	t.Parallel()
	truth := filepath.Join(testdocs.Corpora(t), "groundtruth")
	advisories := filepath.Join(truth, "advisories")
	labels := labelled(t, filepath.Join(truth, "osv-live", "pairs.tsv"))
	sbom := filepath.Join(t.TempDir(), "truth.cdx.json")
	writeSBOM(t, sbom, labels)

	if judge := os.Getenv("SLUICE_JUDGE"); judge != "" {
		out, err := exec.CommandContext(t.Context(), judge, sbom, advisories).Output()
		if err != nil {
			t.Fatalf("%s: %v", judge, err)
		}
		if recorded, err := os.ReadFile(judged); err != nil {
			if err := os.WriteFile(judged, out, 0o644); err != nil {
				t.Fatal(err)
			}
			t.Logf("recorded in %s", judged)
		} else if !bytes.Equal(recorded, out) {
			t.Errorf("the judge answers otherwise than recorded; if that is meant, remove %s and run this again", judged)
		}
	}
	theirs := answers(t)
	ours := found(t, sbom, advisories)

	var differences []string
	word := map[bool]string{true: "affected", false: "not_affected"}
	right := [2]int{}
	for p, affected := range labels {
		o, j := ours[p], theirs[p]
		if o == affected {
			right[0]++
		}
		if j == affected {
			right[1]++
		}
		if o != affected || j != affected {
			differences = append(differences, fmt.Sprintf("| `%s` | %s | %s | %s | %s |", p.purl, p.vuln, word[affected], word[o], word[j]))
		}
	}
	if len(labels) < 900 {
		t.Errorf("%d labels: they are not whole", len(labels))
	}
	slices.Sort(differences)
	t.Logf("of %d labels Sluice has %d right, osv-scalibr %d", len(labels), right[0], right[1])
	doc, err := os.ReadFile("../../docs/accuracy.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, m := range regexp.MustCompile("(?m)^(\\| `pkg:.*? \\| \\S+ \\| (?:not_)?affected \\| (?:not_)?affected \\| (?:not_)?affected \\|) \\S.* \\|$").FindAllStringSubmatch(string(doc), -1) {
		listed = append(listed, m[1])
	}
	slices.Sort(listed)
	for _, d := range differences {
		if !slices.Contains(listed, d) {
			t.Errorf("not in docs/accuracy.md: %s", d)
		}
	}
	for _, d := range listed {
		if !slices.Contains(differences, d) {
			t.Errorf("in docs/accuracy.md, and no difference any more: %s", d)
		}
	}
}

// labelled are the labels that are not disputed.
func labelled(t *testing.T, path string) map[pair]bool {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Skipf("no labels: %v", err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.LazyQuotes = '\t', true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	labels := map[pair]bool{}
	for _, row := range rows[1:] {
		if row[at["reference_evaluation"]] != "DISPUTED" && row[at["label"]] != "" && row[at["purl"]] != "" {
			labels[pair{row[at["purl"]], row[at["vuln_id"]]}] = row[at["label"]] == "affected"
		}
	}
	return labels
}

// writeSBOM lists every package of the labels, sorted, so that the judge's answers can be compared.
func writeSBOM(t *testing.T, path string, labels map[pair]bool) {
	t.Helper()
	var purls []string
	for p := range labels {
		purls = append(purls, p.purl)
	}
	slices.Sort(purls)
	type object = map[string]any
	var components []object
	for _, purl := range slices.Compact(purls) {
		rest, _, _ := strings.Cut(purl, "?")
		name, version, _ := strings.Cut(rest[strings.LastIndex(rest, "/")+1:], "@")
		name, err1 := url.PathUnescape(name)
		version, err2 := url.PathUnescape(version)
		if err1 != nil || err2 != nil || version == "" {
			t.Fatalf("%s: %v, %v", purl, err1, err2)
		}
		components = append(components, object{"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl})
	}
	text, err := json.Marshal(object{
		"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": components,
		"metadata": object{"component": object{"type": "application", "name": "truth", "version": "1", "purl": "pkg:generic/truth@1"}},
	})
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// answers are the judge's recorded ones.
func answers(t *testing.T) map[pair]bool {
	t.Helper()
	text, err := os.ReadFile(judged)
	if err != nil {
		t.Fatal(err)
	}
	said := map[pair]bool{}
	for line := range strings.Lines(string(text)) {
		purl, vuln, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok {
			t.Fatalf("%s has the line %q", judged, line)
		}
		said[pair{purl, vuln}] = true
	}
	return said
}

// found are our findings, by each of a vulnerability's names.
func found(t *testing.T, sbom, advisories string) map[pair]bool {
	t.Helper()
	db := dbtest.New(t)
	env := []string{"SLUICE_DATABASE_URL=" + db.URL}
	run := func(args ...string) []byte {
		p := launch(t, env, args...)
		if status := p.finish(t, 5*time.Minute); status != 0 {
			t.Fatalf("sluice %v: status %d: %s", args, status, p.err.String())
		}
		return p.out.Bytes()
	}
	run("tenant", "create", "acme")
	run("ingest", "file", advisories, "--shared")
	run("ingest", "file", sbom, "--tenant", "acme", "--create-tenant", "--wait")
	var list []struct {
		Package, Vulnerability string
		Aliases, Advisories    []string
	}
	if err := json.Unmarshal(run("findings", "--tenant", "acme", "--output", "json"), &list); err != nil {
		t.Fatal(err)
	}
	all := map[pair]bool{}
	for _, f := range list {
		for _, name := range slices.Concat([]string{f.Vulnerability}, f.Aliases, f.Advisories) {
			all[pair{f.Package, name}] = true
		}
	}
	return all
}
